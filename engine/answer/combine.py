"""Results of metrics over tables → the result of a widget of any type."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.answer.aggregate import MIXED, MemberTable, MetricResult, SeriesValues, StatValues, Value, nan_to_none
from engine.answer.extent import Extent
from engine.calendar import Axis, Bucket, Window
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.files.definitions import DeltaKind
from engine.query import DimensionFilter

Filters = tuple[DimensionFilter, ...]
GetResult = Callable[[TableMetric, Filters], MetricResult | None]


@dataclass(slots=True)
class WidgetResult:
    """The values of a metric of any type; `delta` is the kind of the headline's change."""

    series: list[SeriesValues]
    stats: StatValues
    delta: DeltaKind
    currency: str | None
    items: list[dict[str, Any]] = field(default_factory=list)
    table: MemberTable | None = None

    def clear_amounts(self) -> None:
        """Clear the amounts, which have no common unit; each part keeps its own currency."""
        for series in self.series:
            series.clear_amounts(series.currency)
        if self.series[0].money:
            self.stats = StatValues()


class WidgetBuilder:
    """Builds results from those of metrics over tables, which `get_result` returns.

    It returns None for one whose source is missing. `axes` are the windows of the request.
    """

    def __init__(
        self,
        get_result: GetResult,
        get_extents: Callable[[Metric], Sequence[Extent | None]],
        axes: Sequence[Axis],
    ) -> None:
        self.get_result = get_result
        self.get_extents = get_extents
        self.axes = axes

    def build(self, metric: Metric, filters: Filters) -> WidgetResult | None:
        """Build the result of a metric; None where a source that it needs is missing.

        Only the filters by dimensions that the metric has apply to it, and to its parts.
        """
        applied = metric.select_filters(filters)
        match metric:
            case TableMetric():
                return self.build_table_result(metric, applied)
            case CombinedMetric():
                return self.build_combined_result(metric, applied)
            case DerivedMetric():
                return self.build_derived_result(metric, applied)
        raise TypeError(f"no shape for {type(metric).__name__}")

    def build_table_result(self, metric: TableMetric, filters: Filters) -> WidgetResult | None:
        result = self.get_result(metric, filters)
        if result is None:
            return None
        return WidgetResult(result.series, result.stats, metric.delta, result.currency, result.items, result.table)

    def build_combined_result(self, metric: CombinedMetric, filters: Filters) -> WidgetResult | None:
        found = [self.build(part, filters) for part in metric.combined]
        parts = [part for part in found if part is not None]
        if not parts:
            return None
        result = WidgetResult(
            series=[series for part in parts for series in part.series],
            stats=parts[0].stats,
            delta=parts[0].delta,
            currency=find_common_currency(parts),
        )
        if result.currency == MIXED:
            result.clear_amounts()
        if metric.correlation:
            result.delta = metric.delta
            result.stats = self.correlate(metric, parts) if len(parts) == len(found) else StatValues()
        return result

    def build_derived_result(self, metric: DerivedMetric, filters: Filters) -> WidgetResult | None:
        found = [self.build(operand, filters) for operand in metric.operands]
        parts = [part for part in found if part is not None]
        if len(parts) < len(found):
            return None
        operands = [part.series[0] for part in parts]

        def evaluate_columns(columns: Sequence[Sequence[Value]]) -> list[Value]:
            return [nan_to_none(metric.evaluate(row)) for row in zip(*columns, strict=True)]

        stats = evaluate_columns([list_stats(each.stats) for each in operands])
        currency, money = find_common_currency(parts), any(each.money for each in operands)
        series = SeriesValues(
            name=metric.title,
            metric=metric,
            series=None,
            money=money,
            points=evaluate_columns([each.points for each in operands]),
            compared=evaluate_columns([each.compared for each in operands]),
            stats=StatValues(*stats),
            currency=currency if money else None,
        )
        result = WidgetResult([series], series.stats, metric.delta, currency)
        if currency == MIXED:
            result.clear_amounts()
        return result

    def correlate(self, metric: CombinedMetric, parts: Sequence[WidgetResult]) -> StatValues:
        """Correlate two series over the buckets that neither a window nor an extent cuts."""
        extents = [extent for part in metric.combined for extent in self.get_extents(part)]
        first, second = (part.series[0] for part in parts)
        columns = [(first.points, second.points), (first.compared, second.compared)]
        found = []
        for (a, b), axis in zip(columns, self.axes, strict=False):
            whole = [is_whole(bucket, extents) for bucket in axis.buckets]
            found.append(
                compute_correlation(*([v for v, ok in zip(each, whole, strict=True) if ok] for each in (a, b)))
            )
        return StatValues(*found)


def list_stats(stats: StatValues) -> list[Value]:
    return [stats.value, stats.previous, stats.to_date, stats.previous_to_date]


def is_whole(bucket: Bucket, extents: Sequence[Extent | None]) -> bool:
    """Whether neither the window nor an extent cuts the bucket."""
    days = Window(bucket.start, bucket.end)
    known = (extent.intersect(days) for extent in extents if extent is not None)
    return not bucket.is_partial and all(each in (None, days) for each in known)


def find_common_currency(parts: Sequence[WidgetResult]) -> str | None:
    found = {part.currency for part in parts} - {None}
    return MIXED if len(found) > 1 else next(iter(found), None)


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
