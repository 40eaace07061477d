"""Outcomes → the answer to a question about one widget, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from engine.answer.aggregate import MIXED, MetricResult, PeriodBuckets, SeriesValues, Value, nan_to_none
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.files.definitions import DeltaKind
from engine.query import MetricQuery

Body = dict[str, Any]


@dataclass(slots=True)
class WidgetResult:
    """What a metric of any kind comes to.

    `money` tells for each line whether it is computed from money; `provisional` is the first day that the source may
    still restate, as ISO text.
    """

    series: list[SeriesValues]
    delta_kinds: list[DeltaKind]
    money: list[bool]
    value: Value
    previous: Value
    through: str | None
    compared_through: str | None
    provisional: str | None
    currency: str | None
    items: list[Body]


@dataclass(frozen=True, slots=True)
class TableResults:
    """The outcomes and items of the metrics over tables that have been measured, by key."""

    results: Mapping[str, MetricResult]
    items: Mapping[str, list[Body]]
    buckets: PeriodBuckets


def build_result(metric: Metric, table_results: TableResults) -> WidgetResult | None:
    """Put together what a metric comes to; None where a source that it cannot do without is missing."""
    match metric:
        case TableMetric():
            return build_table_result(metric, table_results)
        case CombinedMetric():
            return build_combined_result(metric, table_results)
        case DerivedMetric():
            return build_derived_result(metric, table_results)
    raise TypeError(f"no shape for {type(metric).__name__}")


def build_table_result(metric: TableMetric, table_results: TableResults) -> WidgetResult | None:
    result = table_results.results.get(metric.key)
    if result is None:
        return None
    lines = result.series
    expressions = [series.expression for series in metric.series]
    return WidgetResult(
        series=lines,
        delta_kinds=[metric.delta] * len(lines),
        money=[expressions[0].money] * len(lines) if metric.by is not None else [each.money for each in expressions],
        value=result.value,
        previous=result.previous,
        through=result.through,
        compared_through=result.compared_through,
        provisional=find_provisional_day(result.through, metric.table.restates),
        currency=result.currency,
        items=table_results.items.get(metric.key, []),
    )


def build_combined_result(metric: CombinedMetric, table_results: TableResults) -> WidgetResult | None:
    found = [build_result(part, table_results) for part in metric.combined]
    parts = [each for each in found if each is not None]
    if not parts:
        return None
    currency = find_common_currency(parts)
    if currency == MIXED:
        for part in parts:
            clear_money(part)
    value, previous = parts[0].value, parts[0].previous
    if metric.correlation:
        value = previous = None
        if len(parts) == len(found):
            first, second = (part.series[0] for part in parts)
            value = compute_correlation(first.points, second.points)
            previous = compute_correlation(first.compared, second.compared)
    return WidgetResult(
        series=[line for part in parts for line in part.series],
        delta_kinds=[delta for part in parts for delta in part.delta_kinds],
        money=[money for part in parts for money in part.money],
        value=value,
        previous=previous,
        **find_common_days(parts),
        currency=currency,
        items=[],
    )


def build_derived_result(metric: DerivedMetric, table_results: TableResults) -> WidgetResult | None:
    found = [build_result(operand, table_results) for operand in metric.operands]
    parts = [each for each in found if each is not None]
    if len(parts) < len(found):
        return None
    lines = [part.series[0] for part in parts]
    currency = find_common_currency(parts)

    def evaluate_row(row: Sequence[Value]) -> Value:
        return nan_to_none(metric.evaluate(row))

    line = SeriesValues(
        metric.title,
        points=[evaluate_row(row) for row in zip(*(each.points for each in lines), strict=True)],
        value=evaluate_row([each.value for each in lines]),
        compared=[evaluate_row(row) for row in zip(*(each.compared for each in lines), strict=True)],
        previous=evaluate_row([each.previous for each in lines]),
    )
    money = any(part.money[0] for part in parts)
    shaped = WidgetResult(
        [line],
        [metric.delta],
        [money],
        line.value,
        line.previous,
        **find_common_days(parts),
        currency=currency,
        items=[],
    )
    if currency == MIXED:
        clear_money(shaped)
    return shaped


def find_common_days(parts: Sequence[WidgetResult]) -> Mapping[str, str | None]:
    """The days up to which all parts have data, and from which any of them is provisional."""
    provisional = [part.provisional for part in parts if part.provisional is not None]
    return {
        "through": find_earliest([part.through for part in parts]),
        "compared_through": find_earliest([part.compared_through for part in parts]),
        "provisional": min(provisional, default=None),
    }


def find_earliest(days: Sequence[str | None]) -> str | None:
    """The earliest of the days; None if any is."""
    known_days = [day for day in days if day is not None]
    return min(known_days) if len(known_days) == len(days) else None


def find_common_currency(parts: Sequence[WidgetResult]) -> str | None:
    found = {part.currency for part in parts} - {None}
    return MIXED if len(found) > 1 else next(iter(found), None)


def clear_money(shaped: WidgetResult) -> None:
    """Amounts in several currencies are shown as nothing at all."""
    for line, money in zip(shaped.series, shaped.money, strict=True):
        if money:
            line.points, line.compared = [None] * len(line.points), [None] * len(line.compared)
            line.value = line.previous = None
    if shaped.money[0]:
        shaped.value = shaped.previous = None


@lru_cache(maxsize=1024)
def find_provisional_day(through: str | None, restates: int | None) -> str | None:
    if through is None or restates is None:
        return None
    return (date.fromisoformat(through) - timedelta(days=restates - 1)).isoformat()


def compute_correlation(first: Sequence[Value], second: Sequence[Value]) -> Value:
    """Pearson's r over the points at which both have a value; None for fewer than three, or without variance."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or not (has_variance([a for a, _ in pairs]) and has_variance([b for _, b in pairs])):
        return None
    try:
        return compute_pearson([a for a, _ in pairs], [b for _, b in pairs])
    except (OverflowError, ValueError):
        return None


def compute_pearson(first: Sequence[float], second: Sequence[float]) -> Value:
    """Raises OverflowError or ValueError where the squares leave a double's range."""
    mean_a, mean_b = (math.fsum(values) / len(values) for values in (first, second))
    covariance = math.fsum((a - mean_a) * (b - mean_b) for a, b in zip(first, second, strict=True))
    spread_a = math.fsum((a - mean_a) ** 2 for a in first)
    spread_b = math.fsum((b - mean_b) ** 2 for b in second)
    spread = math.sqrt(spread_a) * math.sqrt(spread_b)
    r = covariance / spread if spread else math.nan
    return max(-1.0, min(1.0, r)) if math.isfinite(r) else None


def has_variance(values: Sequence[float]) -> bool:
    """Whether the values differ by more than the rounding of their computation."""
    tolerance = 1e-12 * max(map(abs, values))
    return any(abs(a - b) > tolerance for a, b in pairwise(sorted(values)))


def compute_delta(value: Value, previous: Value, kind: DeltaKind) -> Value:
    """The change from previous to value: a fraction of previous, or the difference."""
    if value is None or previous is None:
        return None
    if previous == 0 and kind == "relative":
        return None
    change = value - previous if kind == "absolute" else (value - previous) / abs(previous)
    return change if math.isfinite(change) else None


def build_stats(value: Value, previous: Value, kind: DeltaKind) -> Body:
    return {"value": value, "previous": previous, "delta": compute_delta(value, previous, kind)}


def build_body(
    metric: Metric, shaped: WidgetResult | None, query: MetricQuery, buckets: PeriodBuckets, active: frozenset[str]
) -> Body:
    """The answer as GET /v1/widgets/{key} gives it."""
    answer: Body = {"series": [], "stats": build_stats(None, None, metric.delta)}
    compared = query.period.comparison
    if compared is not None:
        window = compared.window
        answer["comparison"] = {"start": window.start.isoformat(), "end": window.end.isoformat(), "series": []}
    answer["items"] = []
    if shaped is not None:
        labels = buckets.asked.labels
        answer["series"] = [
            {
                "name": line.name,
                "points": [{"t": t, "v": v} for t, v in zip(labels, line.points, strict=True)],
                "stats": build_stats(line.value, line.previous, kind),
            }
            for line, kind in zip(shaped.series, shaped.delta_kinds, strict=True)
        ]
        answer["stats"] = build_stats(shaped.value, shaped.previous, get_delta_kind(metric, shaped))
        answer["items"] = shaped.items
        if buckets.compared is not None:
            labels = buckets.compared.labels
            answer["comparison"]["series"] = [
                {"name": line.name, "points": [{"t": t, "v": v} for t, v in zip(labels, line.compared, strict=True)]}
                for line in shaped.series
            ]
    answer["meta"] = build_meta(metric, shaped, query, active)
    return answer


def get_delta_kind(metric: Metric, shaped: WidgetResult) -> DeltaKind:
    """A correlation changes by a difference; a combined headline as the series that it is."""
    if isinstance(metric, CombinedMetric):
        return "absolute" if metric.correlation else shaped.delta_kinds[0]
    return metric.delta


def build_meta(metric: Metric, shaped: WidgetResult | None, query: MetricQuery, active: frozenset[str]) -> Body:
    return {
        "key": metric.key,
        "title": metric.title,
        "format": metric.format,
        "better": metric.better,
        "grain": query.grain.value,
        "start": query.start.isoformat(),
        "end": query.end.isoformat(),
        "compare": query.compare.value,
        "total": metric.total if isinstance(metric, TableMetric) else "period",
        "currency": shaped.currency if shaped else None,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in active],
        "data_through": shaped.through if shaped else None,
        "comparison_through": shaped.compared_through if shaped else None,
        "provisional_from": shaped.provisional if shaped else None,
    }
