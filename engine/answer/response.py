"""Metric results → the body of a widget's answer, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from engine.answer.aggregate import MIXED, BucketIndex, MetricResult, PeriodBuckets, SeriesValues, Value, nan_to_none
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.files.definitions import DeltaKind
from engine.query import MetricQuery

Body = dict[str, Any]


@dataclass(slots=True)
class WidgetResult:
    """The values of a metric of any type.

    `money` tells for each series whether it is computed from money. `provisional` is the first day that the source may
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
    """The results and items of metrics over tables, by key."""

    results: Mapping[str, MetricResult]
    items: Mapping[str, list[Body]]
    buckets: PeriodBuckets


def build_result(metric: Metric, table_results: TableResults) -> WidgetResult | None:
    """Build the result of a metric; None where a source that it needs is missing."""
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
    series = result.series
    expressions = [each.expression for each in metric.series]
    return WidgetResult(
        series=series,
        delta_kinds=[metric.delta] * len(series),
        money=[expressions[0].money] * len(series) if metric.by is not None else [each.money for each in expressions],
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
        series=[series for part in parts for series in part.series],
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
    operand_series = [part.series[0] for part in parts]
    currency = find_common_currency(parts)

    def evaluate_row(row: Sequence[Value]) -> Value:
        return nan_to_none(metric.evaluate(row))

    series = SeriesValues(
        metric.title,
        points=[evaluate_row(row) for row in zip(*(each.points for each in operand_series), strict=True)],
        value=evaluate_row([each.value for each in operand_series]),
        compared=[evaluate_row(row) for row in zip(*(each.compared for each in operand_series), strict=True)],
        previous=evaluate_row([each.previous for each in operand_series]),
    )
    money = any(part.money[0] for part in parts)
    result = WidgetResult(
        [series],
        [metric.delta],
        [money],
        series.value,
        series.previous,
        **find_common_days(parts),
        currency=currency,
        items=[],
    )
    if currency == MIXED:
        clear_money(result)
    return result


def find_common_days(parts: Sequence[WidgetResult]) -> Mapping[str, str | None]:
    """Find the days up to which all parts have data, and from which any is provisional."""
    provisional = [part.provisional for part in parts if part.provisional is not None]
    return {
        "through": find_earliest([part.through for part in parts]),
        "compared_through": find_earliest([part.compared_through for part in parts]),
        "provisional": min(provisional, default=None),
    }


def find_earliest(days: Sequence[str | None]) -> str | None:
    """Return the earliest of the days; None if any is missing."""
    known_days = [day for day in days if day is not None]
    return min(known_days) if len(known_days) == len(days) else None


def find_common_currency(parts: Sequence[WidgetResult]) -> str | None:
    found = {part.currency for part in parts} - {None}
    return MIXED if len(found) > 1 else next(iter(found), None)


def clear_money(result: WidgetResult) -> None:
    """Clear the amounts of a result: several currencies have no common unit."""
    for series, money in zip(result.series, result.money, strict=True):
        if money:
            series.points, series.compared = [None] * len(series.points), [None] * len(series.compared)
            series.value = series.previous = None
    if result.money[0]:
        result.value = result.previous = None


@lru_cache(maxsize=1024)
def find_provisional_day(through: str | None, restates: int | None) -> str | None:
    if through is None or restates is None:
        return None
    return (date.fromisoformat(through) - timedelta(days=restates - 1)).isoformat()


def compute_correlation(first: Sequence[Value], second: Sequence[Value]) -> Value:
    """Compute Pearson's r over the points where both series have a value.

    None for fewer than three points, or without variance.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or not (has_variance([a for a, _ in pairs]) and has_variance([b for _, b in pairs])):
        return None
    try:
        return compute_pearson([a for a, _ in pairs], [b for _, b in pairs])
    except (OverflowError, ValueError):
        return None


def compute_pearson(first: Sequence[float], second: Sequence[float]) -> Value:
    """Compute Pearson's r; None where it is not finite.

    Raises OverflowError or ValueError where the squares exceed the range of a double.
    """
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
    """Compute the change from previous to value: a fraction of previous, or the difference."""
    if value is None or previous is None:
        return None
    if previous == 0 and kind == "relative":
        return None
    change = value - previous if kind == "absolute" else (value - previous) / abs(previous)
    return change if math.isfinite(change) else None


def build_stats(value: Value, previous: Value, kind: DeltaKind) -> Body:
    return {"value": value, "previous": previous, "delta": compute_delta(value, previous, kind)}


def build_body(
    metric: Metric, result: WidgetResult | None, query: MetricQuery, buckets: PeriodBuckets, active: frozenset[str]
) -> Body:
    """Build the body that GET /v1/widgets/{key} returns."""
    body: Body = {"series": [], "stats": build_stats(None, None, metric.delta)}
    compared = query.period.comparison
    if compared is not None:
        window = compared.window
        body["comparison"] = {"start": window.start.isoformat(), "end": window.end.isoformat(), "series": []}
    body["items"] = []
    if result is not None:
        body["series"] = [
            {
                "name": series.name,
                "points": build_points(buckets.current, series.points),
                "stats": build_stats(series.value, series.previous, kind),
            }
            for series, kind in zip(result.series, result.delta_kinds, strict=True)
        ]
        body["stats"] = build_stats(result.value, result.previous, get_delta_kind(metric, result))
        body["items"] = result.items
        if buckets.compared is not None:
            body["comparison"]["series"] = [
                {"name": series.name, "points": build_points(buckets.compared, series.compared)}
                for series in result.series
            ]
    body["meta"] = build_meta(metric, result, query, active)
    return body


def build_points(bucket_index: BucketIndex, values: Sequence[Value]) -> list[Body]:
    """Build a point for each bucket; those that the window cuts say so."""
    points: list[Body] = [{"t": t, "v": v} for t, v in zip(bucket_index.labels, values, strict=True)]
    for index in bucket_index.partial:
        points[index]["partial"] = True
    return points


def get_delta_kind(metric: Metric, result: WidgetResult) -> DeltaKind:
    """Return the kind of the headline's change.

    A correlation changes by a difference, any other combined headline as its first series does.
    """
    if isinstance(metric, CombinedMetric):
        return "absolute" if metric.correlation else result.delta_kinds[0]
    return metric.delta


def build_meta(metric: Metric, result: WidgetResult | None, query: MetricQuery, active: frozenset[str]) -> Body:
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
        "currency": result.currency if result else None,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in active],
        "data_through": result.through if result else None,
        "comparison_through": result.compared_through if result else None,
        "provisional_from": result.provisional if result else None,
    }
