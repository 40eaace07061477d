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

from engine.calendar import Axis, Compare, Grain, build_period
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
    """An axis as the driver's rows speak of it: which bucket a day lies in, which slot a bucket has."""

    labels: tuple[str, ...]
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
    """The asked window's track and, unless compare is off, that of the one it is compared with."""

    asked: BucketIndex
    compared: BucketIndex | None
    windows: tuple[BucketIndex, ...]
    slot_days: tuple[tuple[int, date], ...]


@lru_cache(maxsize=256)
def build_period_buckets(start: date, end: date, grain: Grain, compare: Compare, dialect: Dialect) -> PeriodBuckets:
    """The tracks of a period; the same arguments give the same object."""
    asked_period = build_period(start, end, grain, compare)
    asked = build_bucket_index(asked_period.current, dialect, 0)
    if asked_period.comparison is None:
        return PeriodBuckets(asked, None, (asked,), tuple(iter_slot_days(asked_period.current, asked)))
    compared = build_bucket_index(asked_period.comparison, dialect, asked.total_slot + 1)
    pairs = (*iter_slot_days(asked_period.current, asked), *iter_slot_days(asked_period.comparison, compared))
    return PeriodBuckets(asked, compared, (asked, compared), pairs)


def build_bucket_index(axis: Axis, dialect: Dialect, first_slot: int) -> BucketIndex:
    days = {
        dialect.bind_day(bucket.start + timedelta(days=offset)): index
        for index, bucket in enumerate(axis.buckets)
        for offset in range((bucket.end - bucket.start).days + 1)
    }
    return BucketIndex(
        labels=tuple(bucket.label.isoformat() for bucket in axis.buckets),
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
    """Each day in the slot of its bucket, and in that of its whole window."""
    for index, bucket in enumerate(axis.buckets):
        for offset in range((bucket.end - bucket.start).days + 1):
            day = bucket.start + timedelta(days=offset)
            yield bucket_index.first_slot + index, day
            yield bucket_index.total_slot, day


@dataclass(slots=True)
class SeriesValues:
    """One series: a value for each bucket and for the whole of both windows."""

    name: str
    points: list[Value]
    value: Value = None
    compared: list[Value] = field(default_factory=list)
    previous: Value = None


@dataclass(slots=True)
class MetricResult:
    """What a metric over a table comes to. `through` are the last days with rows, as ISO text."""

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
        """By window, whether the table has rows for each bucket: where it has none, a sum's 0 is a guess."""
        return [mark_buckets_with_rows(self.scan, view) for view in self.windows]


@dataclass(slots=True)
class Extent:
    """The first and last day of a window that have rows, as the driver gives days, and their buckets."""

    first: Any
    last: Any
    first_bucket: int
    last_bucket: int


@dataclass(slots=True)
class WindowRows:
    """One window of a group of rows: the rows in it; and by bucket, the one row or the rows of each.

    `cells` is None where a bucket may have several rows, `buckets` where it has one at the most.
    """

    bucket_index: BucketIndex
    rows: Sequence[Row]
    cells: Sequence[Row | None] | None = None
    buckets: Sequence[Sequence[Row]] = ()


@dataclass(slots=True)
class WindowValues:
    """One window of one group of rows: for each measure its points, and its total."""

    points: list[list[Value]]
    totals: list[Value]


def aggregate_metric(
    plan: MetricPlan, rows_by_scan: Mapping[Scan, Sequence[Row]], buckets: PeriodBuckets, dialect: Dialect
) -> MetricResult:
    """The outcome of one metric; `rows_of` has each scan's rows."""
    metric, whole = plan.metric, plan.whole
    rows = rows_by_scan[whole.scan]
    currency = find_currency(whole, rows)
    # Where all members are in one scan's rows, a day has several of them.
    windows = (split_windows if whole.scan.breakdown is None else split_windows_of_members)(whole.scan, rows, buckets)
    extents = [find_extent(whole.scan, view) for view in windows]
    finish = SeriesBuilder(metric.fill, currency == MIXED, buckets, extents)
    if plan.members is None:
        series = finish.build_series(whole.measures, [evaluate_window(whole, view, metric.total) for view in windows])
        headline = series[metric.headline]
    else:
        series = aggregate_members(plan.metric, plan.members, rows_by_scan[plan.members.scan], buckets, finish)
        headline = finish.build_series(
            whole.measures, [evaluate_totals(whole, view, metric.total) for view in windows]
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
    metric: TableMetric, reading: ScanProjection, rows: Sequence[Row], buckets: PeriodBuckets, finish: SeriesBuilder
) -> list[SeriesValues]:
    """A line for each member, largest first, and Other last where it has rows and is wanted."""
    place, member = get_member_positions(reading)
    grouped: dict[int | None, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[place], []).append(row)
    rest = grouped.pop(None, [])
    groups = [(str(group[0][member]), group) for _, group in sorted(grouped.items(), key=lambda each: each[0] or 0)]
    if metric.other and any(reading.passing is None or row[reading.passing] for row in rest):
        groups.append((OTHER, rest))
    (measure,) = reading.measures
    found = []
    for name, group in groups:
        sides = [evaluate_window(reading, view, metric.total) for view in split_windows(reading.scan, group, buckets)]
        found += finish.build_series([replace(measure, name=name)], sides)
    return found


@dataclass(slots=True)
class SeriesBuilder:
    """What is done to every value at the end: what is missing inside the data's extent is filled."""

    fill: Fill | None
    mixed: bool
    buckets: PeriodBuckets
    extents: Sequence[Extent | None]

    def build_series(self, measures: Sequence[Measure], sides: Sequence[WindowValues]) -> list[SeriesValues]:
        """A line for each measure, from the sides of the asked window and of the compared one, if there is one."""
        found = []
        for index, measure in enumerate(measures):
            asked = sides[0]
            line = SeriesValues(
                measure.name,
                self.finish_points(measure, asked.points[index], self.buckets.asked, self.extents[0]),
                self.finish_total(measure, asked.totals[index], self.extents[0]),
            )
            if self.buckets.compared is not None:
                compared = sides[1]
                line.compared = self.finish_points(
                    measure, compared.points[index], self.buckets.compared, self.extents[1]
                )
                line.previous = self.finish_total(measure, compared.totals[index], self.extents[1])
            found.append(line)
        return found

    def finish_points(
        self, measure: Measure, points: list[Value], bucket_index: BucketIndex, extent: Extent | None
    ) -> list[Value]:
        if self.mixed and measure.money:
            return [None] * len(points)
        zero = self.fill == "zero" or (self.fill is None and measure.additive)
        if zero and extent is not None and None in points:
            for index in range(extent.first_bucket, extent.last_bucket + 1):
                if points[index] is None and bucket_index.has_days[index]:
                    points[index] = 0
        # NaN is a number that no double can hold: missing, but not zero. It is what does not equal itself.
        if not all(map(eq, points, points)):
            points = [nan_to_none(value) for value in points]
        return points

    def finish_total(self, measure: Measure, value: Value, extent: Extent | None) -> Value:
        if self.mixed and measure.money:
            return None
        return 0 if value is None and measure.additive and extent is not None else nan_to_none(value)


def nan_to_none(value: Value) -> Value:
    """The value, or None for NaN."""
    return value if value == value else None


def split_windows(scan: Scan, rows: Sequence[Row], buckets: PeriodBuckets) -> list[WindowRows]:
    """The rows of one group by window: a row for each day or slot. Where the windows overlap, a row is in both."""
    if scan.shape is Shape.SLOTS:
        by_slot = {row[0]: row for row in rows}
        return [build_window_from_slots(by_slot, track) for track in buckets.windows]
    by_day = {row[0]: row for row in rows}
    return [build_window_from_days(by_day, track) for track in buckets.windows]


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
    """The rows of all groups by window, for their totals: a day or a window may have several rows."""
    if scan.shape is Shape.SLOTS:
        return [WindowRows(track, [row for row in rows if row[0] == track.total_slot]) for track in buckets.windows]
    return [
        WindowRows(track, sorted((row for row in rows if track.start <= row[0] <= track.end), key=itemgetter(0)))
        for track in buckets.windows
    ]


def evaluate_window(reading: ScanProjection, window: WindowRows, total: Total) -> WindowValues:
    """One window of a group of rows that has a row for each day or slot."""
    whole = evaluate_totals(reading, window, total)
    cells = window.cells
    if cells is None:
        if total != "period":
            points = [[summarize_days(each, rows, total) for rows in window.buckets] for each in reading.measures]
            return WindowValues(points, whole.totals)
        cells = [merge_rows(reading, rows) for rows in window.buckets]
    points = [[None if row is None else evaluate(row) for row in cells] for evaluate in reading.evaluators]
    return WindowValues(points, whole.totals)


def evaluate_totals(reading: ScanProjection, window: WindowRows, total: Total) -> WindowValues:
    """The totals of one window alone; there may be several rows for a day."""
    no_points: list[list[Value]] = [[]] * len(reading.measures)
    if total != "period":
        days = merge_members(reading, window.rows)
        return WindowValues(no_points, [summarize_days(each, days, total) for each in reading.measures])
    whole = merge_rows(reading, window.rows)
    return WindowValues(no_points, [None if whole is None else evaluate(whole) for evaluate in reading.evaluators])


def summarize_days(measure: Measure, rows: Iterable[Row], total: Total) -> Value:
    """The average of the daily values, or the last of them, over the days that have one."""
    values = [(row[0], value) for row in rows if (value := measure.evaluate(row)) is not None]
    if not values:
        return None
    if total == "last":
        return float(max(values)[1])
    whole = sum_values([value for _, value in values])
    return None if whole is None else whole / len(values)


def merge_rows(reading: ScanProjection, rows: Sequence[Row]) -> Row | None:
    """Rows as one: sums added, extremes compared."""
    if len(rows) < 2:
        return rows[0] if rows else None
    return [
        None if merge_column is None else merge_column(column)
        for merge_column, column in zip(reading.merges, zip(*rows, strict=True), strict=True)
    ]


def merge_members(reading: ScanProjection, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows of all members as rows of no member: one a day."""
    if reading.scan.breakdown is None:
        return rows
    by_day: dict[Any, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[0], []).append(row)
    return [[day, *(merge_rows(reading, group) or ())[1:]] for day, group in by_day.items()]


def mark_buckets_with_rows(scan: Scan, window: WindowRows) -> list[bool]:
    """Whether each bucket of the window has rows; of a window's rows without their days, whether there are any."""
    if window.cells is not None:
        return [row is not None for row in window.cells]
    if scan.shape is Shape.SLOTS:
        return [bool(window.rows)] * len(window.bucket_index.labels)
    there = {window.bucket_index.bucket_by_day[row[0]] for row in window.rows}
    return [index in there for index in range(len(window.bucket_index.labels))]


def find_extent(scan: Scan, window: WindowRows) -> Extent | None:
    """From the first to the last day for which the table has rows within the window."""
    rows, track = window.rows, window.bucket_index
    if not rows:
        return None
    if scan.shape is Shape.SLOTS:
        first, last = min(row[1] for row in rows), max(row[2] for row in rows)
    else:
        first, last = rows[0][0], rows[-1][0]
    return Extent(first, last, track.bucket_by_day[first], track.bucket_by_day[last])


def find_currency(reading: ScanProjection, rows: Sequence[Row]) -> str | None:
    """The one currency of the rows, MIXED where there are several, None where there is none or no money."""
    if reading.currency is None:
        return None
    lowest, highest = reading.currency
    found = {row[lowest] for row in rows} | {row[highest] for row in rows}
    found.discard(None)
    return MIXED if len(found) > 1 else next(iter(found), None)


def get_member_positions(reading: ScanProjection) -> tuple[int, int]:
    """Where a row of a breakdown has the member's place and name."""
    return (1, 2) if reading.scan.shape is Shape.DAYS else (3, 4)
