"""Rows of a scan → the values of a metric: buckets, totals, members, both windows.

Values come from components, never from other values: a ratio's total is the ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from operator import eq, itemgetter
from typing import Any

from engine.calendar import Axis, Period
from engine.catalog.metrics import TableMetric
from engine.compiler.builder import OTHER
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import Measure, MetricPlan, Scan, ScanProjection, Shape, sum_values
from engine.files.definitions import Fill, Total

Row = Sequence[Any]
Value = float | None
MIXED = "mixed"


@dataclass(frozen=True, slots=True, eq=False)
class BucketIndex:
    """The buckets of one window, indexed by the driver's days and by slot."""

    labels: tuple[str, ...]
    # The buckets that their window cuts, by index.
    partial: tuple[int, ...]
    start: Any
    end: Any
    bucket_by_day: Mapping[Any, int]
    has_days: tuple[bool, ...]
    # The day of each bucket, where every bucket is one day.
    days: tuple[Any, ...] | None
    first_slot: int
    total_slot: int


@dataclass(frozen=True, slots=True, eq=False)
class PeriodBuckets:
    """The buckets of the requested window and, unless compare is off, of the compared one.

    `slot_days` has the (slot, day) pairs of all windows.
    """

    current: BucketIndex
    compared: BucketIndex | None
    windows: tuple[BucketIndex, ...]
    slot_days: tuple[tuple[int, date], ...]


@lru_cache(maxsize=256)
def build_period_buckets(period: Period, dialect: Dialect) -> PeriodBuckets:
    """Index the buckets of a period; the same period returns the same object."""
    current = build_bucket_index(period.current, dialect, 0)
    if period.comparison is None:
        return PeriodBuckets(current, None, (current,), tuple(iter_slot_days(period.current, current)))
    compared = build_bucket_index(period.comparison, dialect, current.total_slot + 1)
    pairs = (*iter_slot_days(period.current, current), *iter_slot_days(period.comparison, compared))
    return PeriodBuckets(current, compared, (current, compared), pairs)


def build_bucket_index(axis: Axis, dialect: Dialect, first_slot: int) -> BucketIndex:
    days = {
        dialect.bind_day(bucket.start + timedelta(days=offset)): index
        for index, bucket in enumerate(axis.buckets)
        for offset in range((bucket.end - bucket.start).days + 1)
    }
    return BucketIndex(
        labels=tuple(bucket.label.isoformat() for bucket in axis.buckets),
        partial=tuple(index for index, bucket in enumerate(axis.buckets) if bucket.is_partial),
        start=dialect.bind_day(axis.window.start),
        end=dialect.bind_day(axis.window.end),
        bucket_by_day=days,
        has_days=tuple(bucket.start <= bucket.end for bucket in axis.buckets),
        days=tuple(days)
        if len(days) == len(axis.buckets) and all(bucket.start == bucket.end for bucket in axis.buckets)
        else None,
        first_slot=first_slot,
        total_slot=first_slot + len(axis.buckets),
    )


def iter_slot_days(axis: Axis, bucket_index: BucketIndex) -> Iterable[tuple[int, date]]:
    """Yield (slot, day): each day in its bucket's slot and in its window's total slot."""
    for index, bucket in enumerate(axis.buckets):
        for offset in range((bucket.end - bucket.start).days + 1):
            day = bucket.start + timedelta(days=offset)
            yield bucket_index.first_slot + index, day
            yield bucket_index.total_slot, day


@dataclass(slots=True)
class SeriesValues:
    """One series: a value for each bucket and a total, in both windows."""

    name: str
    points: list[Value]
    value: Value = None
    compared: list[Value] = field(default_factory=list)
    previous: Value = None


@dataclass(slots=True)
class MetricResult:
    """The values of a metric over one table.

    `through` and `compared_through` are the last days with rows, as ISO text.
    """

    series: list[SeriesValues]
    value: Value
    previous: Value
    through: str | None
    compared_through: str | None
    currency: str | None
    scan: Scan
    windows: Sequence[WindowRows]

    @property
    def buckets_with_rows(self) -> list[list[bool]]:
        """For each window, whether the table has rows in each bucket.

        Without rows, the 0 of a sum is a guess.
        """
        return [mark_buckets_with_rows(self.scan, window) for window in self.windows]


@dataclass(slots=True)
class Extent:
    """The first and last day with rows in a window, in the driver's form, and their buckets."""

    first: Any
    last: Any
    first_bucket: int
    last_bucket: int


@dataclass(slots=True)
class WindowRows:
    """The rows of a group within one window, and the same rows by bucket.

    `cells` has at most one row for each bucket, `buckets` any number; neither is set where only totals are computed.
    """

    bucket_index: BucketIndex
    rows: Sequence[Row]
    cells: Sequence[Row | None] | None = None
    buckets: Sequence[Sequence[Row]] = ()


@dataclass(slots=True)
class WindowValues:
    """The values of a group in one window: for each measure its points and its total."""

    points: list[list[Value]]
    totals: list[Value]


def aggregate_metric(
    plan: MetricPlan, rows_by_scan: Mapping[Scan, Sequence[Row]], buckets: PeriodBuckets, dialect: Dialect
) -> MetricResult:
    """Compute the result of one metric from the rows of its scans."""
    metric, whole = plan.metric, plan.whole
    rows = rows_by_scan[whole.scan]
    currency = find_currency(whole, rows)
    # Where all members are in one scan's rows, a day has several of them.
    windows = (split_windows if whole.scan.breakdown is None else split_windows_of_members)(whole.scan, rows, buckets)
    extents = [find_extent(whole.scan, window) for window in windows]
    builder = SeriesBuilder(metric.fill, currency == MIXED, buckets, extents)
    if plan.members is None:
        series = builder.build_series(
            whole.measures, [evaluate_window(whole, window, metric.total) for window in windows]
        )
        headline = series[metric.headline]
    else:
        series = aggregate_members(plan.metric, plan.members, rows_by_scan[plan.members.scan], buckets, builder)
        headline = builder.build_series(
            whole.measures, [evaluate_totals(whole, window, metric.total) for window in windows]
        )[0]
    through = [dialect.format_day(each.last) if each else None for each in extents]
    return MetricResult(
        series=series,
        value=headline.value,
        previous=headline.previous,
        through=through[0],
        compared_through=through[1] if len(through) > 1 else None,
        currency=currency,
        scan=whole.scan,
        windows=windows,
    )


def aggregate_members(
    metric: TableMetric, projection: ScanProjection, rows: Sequence[Row], buckets: PeriodBuckets, builder: SeriesBuilder
) -> list[SeriesValues]:
    """Build a series for each member, largest first, then Other if the metric shows it."""
    place, member = get_member_positions(projection)
    grouped: dict[int | None, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[place], []).append(row)
    rest = grouped.pop(None, [])
    groups = [(str(group[0][member]), group) for _, group in sorted(grouped.items(), key=lambda each: each[0] or 0)]
    if metric.other and any(projection.passing is None or row[projection.passing] for row in rest):
        groups.append((OTHER, rest))
    (measure,) = projection.measures
    series = []
    for name, group in groups:
        windows = [
            evaluate_window(projection, window, metric.total)
            for window in split_windows(projection.scan, group, buckets)
        ]
        series += builder.build_series([replace(measure, name=name)], windows)
    return series


@dataclass(slots=True)
class SeriesBuilder:
    """Finishes the values of each series: fills gaps within the data's extent, clears NaN."""

    fill: Fill | None
    mixed: bool
    buckets: PeriodBuckets
    extents: Sequence[Extent | None]

    def build_series(self, measures: Sequence[Measure], windows: Sequence[WindowValues]) -> list[SeriesValues]:
        """Build a series for each measure.

        `windows` has the values of the requested window and, where there is one, of the compared window.
        """
        found = []
        for index, measure in enumerate(measures):
            current = windows[0]
            series = SeriesValues(
                measure.name,
                self.finish_points(measure, current.points[index], self.buckets.current, self.extents[0]),
                self.finish_total(measure, current.totals[index], self.extents[0]),
            )
            if self.buckets.compared is not None:
                compared = windows[1]
                series.compared = self.finish_points(
                    measure, compared.points[index], self.buckets.compared, self.extents[1]
                )
                series.previous = self.finish_total(measure, compared.totals[index], self.extents[1])
            found.append(series)
        return found

    def finish_points(
        self, measure: Measure, points: list[Value], bucket_index: BucketIndex, extent: Extent | None
    ) -> list[Value]:
        if self.mixed and measure.money:
            return [None] * len(points)
        fills_zero = self.fill == "zero" or (self.fill is None and measure.additive)
        if fills_zero and extent is not None and None in points:
            for index in range(extent.first_bucket, extent.last_bucket + 1):
                if points[index] is None and bucket_index.has_days[index]:
                    points[index] = 0
        # NaN stands for a number beyond a double: missing, but not zero. Only NaN differs from itself.
        if not all(map(eq, points, points)):
            points = [nan_to_none(value) for value in points]
        return points

    def finish_total(self, measure: Measure, value: Value, extent: Extent | None) -> Value:
        if self.mixed and measure.money:
            return None
        return 0 if value is None and measure.additive and extent is not None else nan_to_none(value)


def nan_to_none(value: Value) -> Value:
    """Return the value, or None for NaN."""
    return value if value == value else None


def split_windows(scan: Scan, rows: Sequence[Row], buckets: PeriodBuckets) -> list[WindowRows]:
    """Split the rows of one group by window; there is at most one row for each day or slot.

    A row is in both windows where they overlap.
    """
    if scan.shape is Shape.SLOTS:
        by_slot = {row[0]: row for row in rows}
        return [build_window_from_slots(by_slot, bucket_index) for bucket_index in buckets.windows]
    by_day = {row[0]: row for row in rows}
    return [build_window_from_days(by_day, bucket_index) for bucket_index in buckets.windows]


def build_window_from_days(by_day: Mapping[Any, Row], bucket_index: BucketIndex) -> WindowRows:
    if bucket_index.days is not None:
        cells = list(map(by_day.get, bucket_index.days))
        return WindowRows(bucket_index, [row for row in cells if row is not None], cells)
    inside = [row for day in bucket_index.bucket_by_day if (row := by_day.get(day)) is not None]
    buckets: list[list[Row]] = [[] for _ in bucket_index.labels]
    for row in inside:
        buckets[bucket_index.bucket_by_day[row[0]]].append(row)
    return WindowRows(bucket_index, inside, None, buckets)


def build_window_from_slots(by_slot: Mapping[int, Row], bucket_index: BucketIndex) -> WindowRows:
    whole = by_slot.get(bucket_index.total_slot)
    cells = list(map(by_slot.get, range(bucket_index.first_slot, bucket_index.total_slot)))
    return WindowRows(bucket_index, [] if whole is None else [whole], cells)


def split_windows_of_members(scan: Scan, rows: Sequence[Row], buckets: PeriodBuckets) -> list[WindowRows]:
    """Split the rows of all groups by window, for totals; a day may have several rows."""
    if scan.shape is Shape.SLOTS:
        return [
            WindowRows(bucket_index, [row for row in rows if row[0] == bucket_index.total_slot])
            for bucket_index in buckets.windows
        ]
    return [
        WindowRows(
            bucket_index,
            sorted((row for row in rows if bucket_index.start <= row[0] <= bucket_index.end), key=itemgetter(0)),
        )
        for bucket_index in buckets.windows
    ]


def evaluate_window(projection: ScanProjection, window: WindowRows, total: Total) -> WindowValues:
    """Evaluate points and totals of a group with at most one row for each day or slot."""
    whole = evaluate_totals(projection, window, total)
    cells = window.cells
    if cells is None:
        if total != "period":
            points = [[summarize_days(each, rows, total) for rows in window.buckets] for each in projection.measures]
            return WindowValues(points, whole.totals)
        cells = [merge_rows(projection, rows) for rows in window.buckets]
    points = [[None if row is None else evaluate(row) for row in cells] for evaluate in projection.evaluators]
    return WindowValues(points, whole.totals)


def evaluate_totals(projection: ScanProjection, window: WindowRows, total: Total) -> WindowValues:
    """Evaluate the totals of one window, where a day may have several rows."""
    no_points: list[list[Value]] = [[]] * len(projection.measures)
    if total != "period":
        days = merge_members(projection, window.rows)
        return WindowValues(no_points, [summarize_days(each, days, total) for each in projection.measures])
    whole = merge_rows(projection, window.rows)
    return WindowValues(no_points, [None if whole is None else evaluate(whole) for evaluate in projection.evaluators])


def summarize_days(measure: Measure, rows: Iterable[Row], total: Total) -> Value:
    """Return the average or the last of the daily values, over the days that have one."""
    values = [(row[0], value) for row in rows if (value := measure.evaluate(row)) is not None]
    if not values:
        return None
    if total == "last":
        return float(max(values)[1])
    whole = sum_values([value for _, value in values])
    return None if whole is None else whole / len(values)


def merge_rows(projection: ScanProjection, rows: Sequence[Row]) -> Row | None:
    """Merge rows into one: add sums, compare extremes. None where there are no rows."""
    if len(rows) < 2:
        return rows[0] if rows else None
    return [
        None if merge_column is None else merge_column(column)
        for merge_column, column in zip(projection.merges, zip(*rows, strict=True), strict=True)
    ]


def merge_members(projection: ScanProjection, rows: Sequence[Row]) -> Sequence[Row]:
    """Merge the rows of all members into one row a day."""
    if projection.scan.breakdown is None:
        return rows
    by_day: dict[Any, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[0], []).append(row)
    return [[day, *(merge_rows(projection, group) or ())[1:]] for day, group in by_day.items()]


def mark_buckets_with_rows(scan: Scan, window: WindowRows) -> list[bool]:
    """Return whether each bucket of the window has rows.

    Where the rows carry no bucket, all buckets count as having rows if there are any.
    """
    if window.cells is not None:
        return [row is not None for row in window.cells]
    if scan.shape is Shape.SLOTS:
        return [bool(window.rows)] * len(window.bucket_index.labels)
    indexes = {window.bucket_index.bucket_by_day[row[0]] for row in window.rows}
    return [index in indexes for index in range(len(window.bucket_index.labels))]


def find_extent(scan: Scan, window: WindowRows) -> Extent | None:
    """Find the first and the last day with rows within the window."""
    rows, bucket_index = window.rows, window.bucket_index
    if not rows:
        return None
    if scan.shape is Shape.SLOTS:
        first, last = min(row[1] for row in rows), max(row[2] for row in rows)
    else:
        first, last = rows[0][0], rows[-1][0]
    return Extent(first, last, bucket_index.bucket_by_day[first], bucket_index.bucket_by_day[last])


def find_currency(projection: ScanProjection, rows: Sequence[Row]) -> str | None:
    """Return the rows' one currency, MIXED for several, None for none or without money."""
    if projection.currency is None:
        return None
    lowest, highest = projection.currency
    found = {row[lowest] for row in rows} | {row[highest] for row in rows}
    found.discard(None)
    return MIXED if len(found) > 1 else next(iter(found), None)


def get_member_positions(projection: ScanProjection) -> tuple[int, int]:
    """Return the positions of the member's place and name in a row of a breakdown."""
    return (1, 2) if projection.scan.shape is Shape.DAYS else (3, 4)
