"""Widget results → the body of a widget's answer, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from engine.answer.combine import WidgetResult
from engine.answer.freshness import DataNote, Freshness
from engine.answer.target import TargetValues
from engine.answer.values.numbers import Value
from engine.answer.values.series import MemberTable, SeriesValues, StatValues
from engine.answer.windows import BucketIndex, PeriodBuckets
from engine.calendar import format_iso_day
from engine.catalog.metrics import Metric, TableMetric
from engine.files.metric_definitions import DeltaKind
from engine.query import DimensionFilter, MetricQuery

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class AnswerFrame:
    """What a widget answers whatever its rows are: many answers share it, so that none of them may change it.

    `meta` has a place for what the rows tell.
    """

    metric: Metric
    query: MetricQuery
    active: frozenset[str]
    applied: tuple[DimensionFilter, ...]
    meta: Body


@lru_cache(maxsize=1_024)
def build_frame(metric: Metric, query: MetricQuery, active: frozenset[str]) -> AnswerFrame:
    """Build what a widget answers whatever its rows are; equal arguments return the same object."""
    applied = metric.select_filters(query.filters)
    meta = {
        "key": metric.key,
        "title": metric.title,
        "format": metric.format,
        "decimals": metric.decimals,
        "better": metric.better,
        "delta": metric.delta,
        "grain": query.grain.value,
        "start": query.start.isoformat(),
        "end": query.end.isoformat(),
        "compare": query.compare.value,
        "total": metric.total if isinstance(metric, TableMetric) else "period",
        "currency": None,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in active],
        "data_through": None,
        "comparison_through": None,
        "provisional_from": None,
        "filters": {
            "applied": [
                {"dimension": each.dimension, "filter": list(each.include), "exclude": list(each.exclude)}
                for each in applied
            ],
            "ignored": [each.dimension for each in query.filters if each not in applied],
        },
        "notes": [],
    }
    return AnswerFrame(metric, query, active, applied, meta)


def compute_delta(value: Value, previous: Value, kind: DeltaKind) -> Value:
    """Compute the change from previous to value: a fraction of previous, or the difference."""
    if value is None or previous is None:
        return None
    if previous == 0 and kind == "relative":
        return None
    change = value - previous if kind == "absolute" else (value - previous) / abs(previous)
    return change if math.isfinite(change) else None


def build_stats(stats: StatValues, kind: DeltaKind, to_date: date | None = None) -> Body:
    """Build the figures of a series or a headline; `to_date` is the day up to which it is unfinished."""
    return {
        "value": stats.value,
        "previous": stats.previous,
        "delta": compute_delta(stats.value, stats.previous, kind),
        "to_date": None
        if to_date is None
        else {
            "through": to_date.isoformat(),
            "value": stats.to_date,
            "previous": stats.previous_to_date,
            "delta": compute_delta(stats.to_date, stats.previous_to_date, kind),
        },
    }


def build_body(
    frame: AnswerFrame,
    result: WidgetResult | None,
    buckets: PeriodBuckets,
    freshness: Freshness,
    notes: Sequence[DataNote],
    target: TargetValues | None,
) -> Body:
    """Build the body that GET /v1/widgets/{key} returns."""
    metric, to_date = frame.metric, freshness.to_date
    shown = [] if result is None else result.series
    stats, delta = (StatValues(), metric.delta) if result is None else (result.stats, result.delta)
    is_unfinished = result is not None and not metric.is_correlation
    body: Body = {
        "series": [build_series(series, frame, buckets.current, to_date) for series in shown],
        "stats": build_stats(stats, delta, to_date if is_unfinished else None),
    }
    if buckets.compared is not None:
        body["comparison"] = build_comparison(shown, buckets.compared)
    body["items"] = [] if result is None else result.items
    if metric.target is not None:
        body["target"] = None if target is None else build_target(target, buckets.current)
    if isinstance(metric, TableMetric) and metric.rows is not None:
        body["table"] = build_table(metric, result.table if result else None, to_date)
    meta = body["meta"] = frame.meta.copy()
    if result is not None:
        meta["delta"], meta["currency"] = result.delta, result.currency
        meta["data_through"] = format_day(freshness.through)
        meta["comparison_through"] = format_day(freshness.compared_through)
        meta["provisional_from"] = format_day(freshness.provisional)
        meta["notes"] = [build_note(note) for note in notes]
    return body


def build_comparison(shown: Sequence[SeriesValues], bucket_index: BucketIndex) -> Body:
    window = bucket_index.axis.window
    return {
        "start": format_iso_day(window.start),
        "end": format_iso_day(window.end),
        "series": [{"name": each.name, "points": build_points(bucket_index, each.compared)} for each in shown],
    }


def build_target(target: TargetValues, bucket_index: BucketIndex) -> Body:
    goal = target.goal
    return {
        "series": build_points(bucket_index, goal.points),
        "value": goal.value,
        "due": goal.due,
        "progress": target.progress,
        "projected": target.projected,
    }


def build_table(metric: TableMetric, table: MemberTable | None, to_date: date | None) -> Body:
    """Build the rows and columns of a table; None where its source is missing."""
    names = [each.name for each in metric.series]
    totals = [each.stats for each in table.columns] if table else [StatValues()] * len(names)
    through = to_date if table else None

    def build_cells(cells: Sequence[StatValues]) -> Body:
        return {name: build_stats(cell, metric.delta, through) for name, cell in zip(names, cells, strict=True)}

    return {
        "columns": [
            {
                "name": each.name,
                "format": each.format or metric.format,
                "decimals": metric.get_decimals(each),
                "better": each.better or metric.better,
                "currency": table.columns[index].currency if table else None,
            }
            for index, each in enumerate(metric.series)
        ],
        "rows": [
            {"id": row.id, "label": row.label, "currency": row.currency, "values": build_cells(row.cells)}
            for row in (table.rows if table else ())
        ],
        "total": build_cells(totals),
        "count": table.count if table else 0,
    }


def build_series(series: SeriesValues, frame: AnswerFrame, bucket_index: BucketIndex, to_date: date | None) -> Body:
    """Build one series, with what its own metric says of it."""
    part, own = series.metric, series.series
    body: Body = {
        "name": series.name,
        "key": part.key,
        "format": (own and own.format) or part.format,
        "decimals": part.get_decimals(own),
        "better": (own and own.better) or part.better,
        "currency": series.currency,
        "points": build_points(bucket_index, series.points),
        "stats": build_stats(series.stats, part.delta, to_date),
    }
    if series.id is not None:
        body["id"] = series.id
    if frame.applied and len(part.select_filters(frame.applied)) < len(frame.applied):
        body["filtered"] = False
    return body


def build_points(bucket_index: BucketIndex, values: Sequence[Value]) -> list[Body]:
    """Build a point for each bucket; those that the window cuts say so."""
    points: list[Body] = [{"t": t, "v": v} for t, v in zip(bucket_index.labels, values, strict=True)]
    for index in bucket_index.partial:
        points[index]["partial"] = True
    return points


def build_note(note: DataNote) -> Body:
    days = {"from": note.days.start.isoformat(), "to": note.days.end.isoformat()}
    return {"code": note.code, "source": note.source, "account": note.account, **days}


def format_day(day: date | None) -> str | None:
    return None if day is None else format_iso_day(day)
