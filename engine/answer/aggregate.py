"""Rows of a scan → the values of a metric: buckets, totals, members, all windows.

Values come from components, never from other values: a ratio's total is the ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import eq
from typing import Any

from engine.answer.extent import Extent
from engine.answer.values.days import LookbackRows, average_days, evaluate_end, find_currency, merge_members, merge_rows
from engine.answer.values.numbers import Value, find_last_value, nan_to_none, narrow_number, narrow_numbers
from engine.answer.values.series import MIXED, MemberTable, SeriesValues, StatValues
from engine.answer.windows import (
    BucketIndex,
    KnownDays,
    LookbackDays,
    PeriodBuckets,
    WindowRows,
    find_known_days,
    list_lookback_days,
    mark_buckets_with_rows,
    select_rows,
    split_windows,
)
from engine.calendar import Lookback, Window
from engine.catalog.metrics import TableMetric
from engine.compiler.builder import OTHER
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import Measure, MetricPlan, Scan, ScanProjection
from engine.files.metric_definitions import Fill
from engine.language.function_values import Row

# The positions of a member's place and name in a row of a breakdown.
PLACE, MEMBER = 1, 2


@dataclass(slots=True)
class MetricResult:
    """The values of a metric over one table; `stats` is its headline, `items` its list and `table` its rows."""

    series: list[SeriesValues]
    stats: StatValues
    currency: str | None
    scan: Scan
    rows: Sequence[Row]
    buckets: PeriodBuckets
    items: list[dict[str, Any]] = field(default_factory=list)
    table: MemberTable | None = None

    @property
    def buckets_with_rows(self) -> list[list[bool]]:
        """For each window, whether the table has rows in each bucket."""
        indexes = self.buckets.windows
        if self.scan.breakdown is None:
            windows = split_windows(self.scan, self.rows, indexes)
        else:
            windows = [select_rows(self.scan, self.rows, index) for index in indexes]
        return [mark_buckets_with_rows(self.scan, window) for window in windows]


def aggregate_metric(
    plan: MetricPlan,
    rows_by_scan: Mapping[Scan, Sequence[Row]],
    buckets: PeriodBuckets,
    extent: Extent | None,
    dialect: Dialect,
    lookback: Lookback | None = None,
) -> MetricResult:
    """Compute the result of one metric from the rows of its scans, and of the days that its points look back to."""
    metric, whole = plan.metric, plan.wholes[0]
    rows = rows_by_scan[whole.scan]
    currency = find_currency(whole, rows)
    builder = SeriesBuilder(metric, buckets, extent, dialect, lookback)
    if plan.members is None:
        # The parts of a metric are of the same rows.
        series = [
            each for part in plan.wholes for each in builder.build_series(part, rows_by_scan[part.scan], currency)
        ]
        if len(plan.wholes) > 1:
            # Those that are summed up alike stand together there.
            order = [each.name for each in metric.series]
            series.sort(key=lambda each: order.index(each.name))
        stats = series[metric.headline].stats
    else:
        series = builder.build_members(plan.members, rows_by_scan[plan.members.scan], currency)
        stats = builder.build_stats(whole, rows, currency)[0]
        if metric.series[0].is_share:
            (all_members,) = builder.build_series(whole, merge_members(whole, rows), currency)
            series = [each.divide_by(all_members) for each in series]
            stats = stats.divide_by(stats)
    return MetricResult(
        series=series,
        stats=stats,
        currency=currency,
        scan=whole.scan,
        rows=rows,
        buckets=buckets,
    )


@dataclass(slots=True)
class SeriesBuilder:
    """Builds the series of one metric from the rows of its groups."""

    metric: TableMetric
    buckets: PeriodBuckets
    extent: Extent | None
    dialect: Dialect
    lookback: Lookback | None = None
    known_days: Mapping[BucketIndex, KnownDays | None] = field(init=False)

    def __post_init__(self) -> None:
        self.known_days = find_known_days(self.extent, self.buckets, self.dialect)

    def build_members(self, projection: ScanProjection, rows: Sequence[Row], whole: str | None) -> list[SeriesValues]:
        """Build a series for each member, largest first, then Other if the metric shows it.

        Amounts without a currency are in that of the `whole`; where that is mixed, they are of no known unit.
        """
        grouped: dict[int | None, list[Row]] = {}
        for row in rows:
            grouped.setdefault(row[PLACE], []).append(row)
        rest = grouped.pop(None, [])
        groups = [(str(group[0][MEMBER]), group) for _, group in sorted(grouped.items(), key=lambda each: each[0] or 0)]
        if self.metric.other and any(projection.passing is None or row[projection.passing] for row in rest):
            groups.append((OTHER, rest))
        found = []
        for name, group in groups:
            (series,) = self.build_series(projection, group, find_currency(projection, group))
            series.name = series.id = name
            if series.money and series.currency is None:
                if whole == MIXED:
                    series.clear_amounts(None)
                else:
                    series.currency = whole
            found.append(series)
        return found

    def build_series(self, projection: ScanProjection, rows: Sequence[Row], currency: str | None) -> list[SeriesValues]:
        """Build a series for each measure from the rows of one group, at most one for each day or slot.

        `currency` is that of their amounts.
        """
        if self.lookback is not None:
            points, stats = self.look_back(projection, rows, currency, self.lookback)
        else:
            windows = split_windows(projection.scan, rows, self.buckets.windows)
            points = [self.evaluate_points(projection, window) for window in windows]
            stats = self.build_stats(projection, rows, currency, windows)
        found = []
        for index, measure in enumerate(projection.measures):
            series = SeriesValues(
                name=measure.name,
                metric=self.metric,
                series=measure.series,
                money=measure.money,
                points=points[0][index],
                compared=points[1][index] if len(points) > 1 else [],
                stats=stats[index],
                currency=currency if measure.money else None,
            )
            if currency == MIXED:
                series.clear_amounts(MIXED)
            found.append(series)
        return found

    def build_stats(
        self,
        projection: ScanProjection,
        rows: Sequence[Row],
        currency: str | None,
        windows: Sequence[WindowRows] | None = None,
    ) -> list[StatValues]:
        """Build the totals of each measure; `windows` are the rows by window, where they are split already."""
        if self.lookback is not None:
            return self.look_back(projection, rows, currency, self.lookback)[1]
        split = windows or [select_rows(projection.scan, rows, index) for index in self.buckets.windows]
        totals = [self.evaluate_totals(projection, window) for window in split]
        to_date = [
            self.evaluate_totals(projection, select_rows(projection.scan, rows, index))
            for index in self.buckets.to_date
        ]
        return compose_stats(projection, totals, to_date, currency)

    def evaluate_points(self, projection: ScanProjection, window: WindowRows) -> list[list[Value]]:
        """Evaluate each measure in each bucket."""
        known, cells = self.known_days[window.bucket_index], window.cells
        if cells is None and projection.total != "period":
            points = [
                [
                    self.summarize_days(projection, measure, rows, known, bucket.start, bucket.end)
                    for rows, bucket in zip(window.buckets, window.bucket_index.axis.buckets, strict=True)
                ]
                for measure in projection.measures
            ]
        else:
            if cells is None:
                cells = [merge_rows(projection, rows) for rows in window.buckets]
            points = [[None if row is None else evaluate(row) for row in cells] for evaluate in projection.evaluators]
        return [
            finish_points(measure, values, self.metric.fill, known, window.bucket_index)
            for measure, values in zip(projection.measures, points, strict=True)
        ]

    def evaluate_totals(self, projection: ScanProjection, window: WindowRows) -> list[Value]:
        """Evaluate the total of each measure in a window, where a day may have several rows."""
        known = self.known_days[window.bucket_index]
        if projection.total == "period":
            row = merge_rows(projection, window.rows)
            values = [None if row is None else evaluate(row) for evaluate in projection.evaluators]
        else:
            days, bounds = merge_members(projection, window.rows), window.bucket_index.axis.window
            values = [
                self.summarize_days(projection, measure, days, known, bounds.start, bounds.end)
                for measure in projection.measures
            ]
        return [
            finish_total(measure, value, is_known=known is not None)
            for measure, value in zip(projection.measures, values, strict=True)
        ]

    def look_back(
        self, projection: ScanProjection, rows: Sequence[Row], currency: str | None, lookback: Lookback
    ) -> tuple[list[list[list[Value]]], list[StatValues]]:
        """Evaluate each measure over the days that the points of each window look back to, and its totals."""
        days = LookbackRows(projection, rows)

        def evaluate(index: BucketIndex, chosen: slice) -> list[list[Value]]:
            spans = list_lookback_days(index, lookback, self.dialect)[chosen]
            return self.evaluate_spans(projection, days, spans, self.mark_known_spans(spans, lookback))

        # The last span is that of the whole window.
        points = [evaluate(index, slice(-1)) for index in self.buckets.windows]
        totals = [[find_last_value(values) for values in each] for each in points]
        to_date = [[value for (value,) in evaluate(index, slice(-1, None))] for index in self.buckets.to_date]
        return points, compose_stats(projection, totals, to_date, currency)

    def mark_known_spans(self, spans: Sequence[LookbackDays], lookback: Lookback) -> list[bool]:
        """Mark the spans that have a value: all days of a rolling one are known, and the last day of any other."""
        if self.extent is None:
            return [False] * len(spans)
        first, through, is_rolling = self.extent.first, self.extent.through, lookback.days is not None
        return [
            span.has_days and first <= span.last <= through and (not is_rolling or first <= span.first)
            for span in spans
        ]

    def evaluate_spans(
        self, projection: ScanProjection, days: LookbackRows, spans: Sequence[LookbackDays], known: Sequence[bool]
    ) -> list[list[Value]]:
        """Evaluate each measure over the days of each span that is known."""
        parts = [
            days.select(span.start, span.end) if is_known else None for span, is_known in zip(spans, known, strict=True)
        ]
        if projection.total == "period":
            rows = [None if part is None else days.merge(part) for part in parts]
            columns = [[None if row is None else evaluate(row) for row in rows] for evaluate in projection.evaluators]
        else:
            columns = [
                [
                    None
                    if part is None
                    else self.summarize_days(
                        projection, measure, days.rows[part], self.known_table_days, span.first, span.last
                    )
                    for span, part in zip(spans, parts, strict=True)
                ]
                for measure in projection.measures
            ]
        return [
            [
                0 if value is None and is_known and measure.additive else nan_to_none(value)
                for value, is_known in zip(values, known, strict=True)
            ]
            for measure, values in zip(projection.measures, columns, strict=True)
        ]

    @property
    def known_table_days(self) -> KnownDays | None:
        """All known days of the table."""
        if self.extent is None:
            return None
        days = Window(self.extent.first, self.extent.through)
        return KnownDays(days, self.dialect.bind_day(days.end), first_bucket=0, last_bucket=-1)

    def summarize_days(
        self,
        projection: ScanProjection,
        measure: Measure,
        rows: Iterable[Row],
        known: KnownDays | None,
        start: date,
        end: date,
    ) -> Value:
        """Return what the days from `start` to `end` come to."""
        if projection.total == "average":
            return average_days(measure, rows, known, start, end)
        return evaluate_end(projection, measure, rows)


def finish_points(
    measure: Measure, points: list[Value], fill: Fill | None, known: KnownDays | None, bucket_index: BucketIndex
) -> list[Value]:
    """Fill the gaps within the known days, and clear NaN."""
    fills_zero = fill == "zero" or (fill is None and measure.additive)
    if fills_zero and known is not None and None in points:
        for index in range(known.first_bucket, known.last_bucket + 1):
            if points[index] is None and bucket_index.has_days[index]:
                points[index] = 0
    if measure.whole:
        return narrow_numbers(points)
    # NaN stands for a number beyond a double: missing, but not zero. Only NaN differs from itself.
    return points if all(map(eq, points, points)) else list(map(nan_to_none, points))


def finish_total(measure: Measure, value: Value, *, is_known: bool) -> Value:
    """Fill a gap of the known days, clear NaN, and write a whole number as one."""
    if value is None:
        return 0 if is_known and measure.additive else None
    return narrow_number(value) if measure.whole else nan_to_none(value)


def compose_stats(
    projection: ScanProjection,
    totals: Sequence[Sequence[Value]],
    to_date: Sequence[Sequence[Value]],
    currency: str | None,
) -> list[StatValues]:
    """Put each measure's values of all windows together; those of money in several currencies are none."""
    compared = totals[1] if len(totals) > 1 else [None] * len(projection.measures)
    return [
        StatValues() if currency == MIXED and measure.money else StatValues(*values)
        for measure, values in zip(projection.measures, zip(totals[0], compared, *to_date, strict=True), strict=True)
    ]
