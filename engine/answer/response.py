"""Widget results → the body of a widget's answer, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.answer.combine import WidgetResult
from engine.answer.freshness import DataNote, Freshness
from engine.answer.target import TargetValues
from engine.answer.values.numbers import Value
from engine.answer.values.series import MemberTable, SeriesValues, StatValues
from engine.answer.windows import BucketIndex, PeriodBuckets
from engine.catalog.metrics import Metric, TableMetric
from engine.files.metric_definitions import DeltaKind
from engine.query import DimensionFilter, MetricQuery

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What a widget's answer rests on, besides its values."""

    query: MetricQuery
    buckets: PeriodBuckets
    active: frozenset[str]
    freshness: Freshness
    notes: Sequence[DataNote]
    applied: Sequence[DimensionFilter]
    ignored: Sequence[str]
    target: TargetValues | None = None


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


def build_body(metric: Metric, result: WidgetResult | None, context: AnswerContext) -> Body:
    """Build the body that GET /v1/widgets/{key} returns."""
    buckets, to_date = context.buckets, context.freshness.to_date
    body: Body = {"series": [], "stats": build_stats(StatValues(), metric.delta)}
    if buckets.compared is not None:
        window = buckets.compared.axis.window
        body["comparison"] = {"start": window.start.isoformat(), "end": window.end.isoformat(), "series": []}
    body["items"] = []
    if result is not None:
        body["series"] = [build_series(series, context) for series in result.series]
        body["stats"] = build_stats(result.stats, result.delta, None if metric.is_correlation else to_date)
        body["items"] = result.items
        if buckets.compared is not None:
            body["comparison"]["series"] = [
                {"name": series.name, "points": build_points(buckets.compared, series.compared)}
                for series in result.series
            ]
    if metric.target is not None:
        body["target"] = None if context.target is None else build_target(context.target, buckets.current)
    if isinstance(metric, TableMetric) and metric.rows is not None:
        body["table"] = build_table(metric, result.table if result else None, to_date)
    body["meta"] = build_meta(metric, result, context)
    return body


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


def build_series(series: SeriesValues, context: AnswerContext) -> Body:
    """Build one series, with what its own metric says of it."""
    part, own = series.metric, series.series
    body: Body = {
        "name": series.name,
        "key": part.key,
        "format": (own and own.format) or part.format,
        "decimals": part.get_decimals(own),
        "better": (own and own.better) or part.better,
        "currency": series.currency,
        "points": build_points(context.buckets.current, series.points),
        "stats": build_stats(series.stats, part.delta, context.freshness.to_date),
    }
    if series.id is not None:
        body["id"] = series.id
    if len(part.select_filters(context.applied)) < len(context.applied):
        body["filtered"] = False
    return body


def build_points(bucket_index: BucketIndex, values: Sequence[Value]) -> list[Body]:
    """Build a point for each bucket; those that the window cuts say so."""
    points: list[Body] = [{"t": t, "v": v} for t, v in zip(bucket_index.labels, values, strict=True)]
    for index in bucket_index.partial:
        points[index]["partial"] = True
    return points


def build_meta(metric: Metric, result: WidgetResult | None, context: AnswerContext) -> Body:
    query, freshness = context.query, context.freshness if result else Freshness()
    return {
        "key": metric.key,
        "title": metric.title,
        "format": metric.format,
        "decimals": metric.decimals,
        "better": metric.better,
        "delta": result.delta if result else metric.delta,
        "grain": query.grain.value,
        "start": query.start.isoformat(),
        "end": query.end.isoformat(),
        "compare": query.compare.value,
        "total": metric.total if isinstance(metric, TableMetric) else "period",
        "currency": result.currency if result else None,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in context.active],
        "data_through": format_day(freshness.through),
        "comparison_through": format_day(freshness.compared_through),
        "provisional_from": format_day(freshness.provisional),
        "filters": {
            "applied": [
                {"dimension": each.dimension, "filter": list(each.include), "exclude": list(each.exclude)}
                for each in context.applied
            ],
            "ignored": list(context.ignored),
        },
        "notes": [build_note(note) for note in context.notes] if result else [],
    }


def build_note(note: DataNote) -> Body:
    days = {"from": note.days.start.isoformat(), "to": note.days.end.isoformat()}
    return {"code": note.code, "source": note.source, "account": note.account, **days}


def format_day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
