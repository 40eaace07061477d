"""Results of metrics over tables → the result of a widget of any type."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from engine.answer.aggregate import MetricResult
from engine.answer.extent import Extent
from engine.answer.values.numbers import Value, nan_to_none, narrow_numbers
from engine.answer.values.series import MIXED, MemberTable, SeriesValues, StatValues
from engine.calendar import Axis, Bucket, Window
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.files.metric_definitions import DeltaKind
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
        """Clear the amounts, which have no common unit; each part keeps its own currency.

        A series may be another widget's too, whose amounts stay.
        """
        self.series = [replace(series) for series in self.series]
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
        has_known_days: Callable[[Metric, Window], bool],
        axes: Sequence[Axis],
    ) -> None:
        self.get_result = get_result
        self.get_extents = get_extents
        self.has_known_days = has_known_days
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
        operands: list[SeriesValues] = []
        for operand, part in zip(metric.operands, found, strict=True):
            if operand.key in metric.optional:
                operands.append(self.blank_unknown_windows(operand, part))
            elif part is None:
                return None
            else:
                operands.append(part.series[0])
        parts = [part for part in found if part is not None]
        if not parts:
            return None

        def evaluate_columns(columns: Sequence[Sequence[Value]]) -> list[Value]:
            values = [nan_to_none(metric.evaluate(row)) for row in zip(*columns, strict=True)]
            return narrow_numbers(values) if metric.format == "integer" else values

        value, previous, to_date, previous_to_date = evaluate_columns([list_stats(each.stats) for each in operands])
        is_compared = len(self.axes) > 1
        currency, money = find_common_currency(parts), any(each.money for each in operands)
        series = SeriesValues(
            name=metric.title,
            metric=metric,
            series=None,
            money=money,
            points=evaluate_columns([each.points for each in operands]),
            compared=evaluate_columns([each.compared for each in operands]) if is_compared else [],
            stats=StatValues(value, previous if is_compared else None, to_date, previous_to_date),
            currency=currency if money else None,
        )
        result = WidgetResult([series], series.stats, metric.delta, currency)
        if currency == MIXED:
            result.clear_amounts()
        return result

    def blank_unknown_windows(self, metric: Metric, found: WidgetResult | None) -> SeriesValues:
        """Return an operand that may be missing, without values in the windows of which nothing is known."""
        blank: list[list[Value]] = [[None] * len(axis.buckets) for axis in self.axes]
        result = SeriesValues(metric.title, metric, None, money=False, points=blank[0], compared=blank[-1])
        if found is None:
            return result
        (series,) = found.series
        result.money, stats = series.money, series.stats
        if self.has_known_days(metric, self.axes[0].window):
            result.points, result.stats.value, result.stats.to_date = series.points, stats.value, stats.to_date
        if len(self.axes) > 1 and self.has_known_days(metric, self.axes[1].window):
            result.compared = series.compared
            result.stats.previous, result.stats.previous_to_date = stats.previous, stats.previous_to_date
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
