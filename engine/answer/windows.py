"""The windows of a request: their buckets by the driver's days and by slot, what is known of them, and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any

from engine.answer.extent import Extent
from engine.calendar import Axis, Lookback, Period, Window, format_iso_day
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import Scan, Shape
from engine.language.function_values import Row


@dataclass(frozen=True, slots=True, eq=False)
class BucketIndex:
    """The buckets of one window, indexed by the driver's days and by slot; a window to date has none."""

    axis: Axis
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


@dataclass(frozen=True, eq=False)
class PeriodBuckets:
    """The buckets of the requested window and, unless compare is off, of the compared one.

    `to_date` has the days of each window up to a day of the requested one, where one is given.
    """

    current: BucketIndex
    compared: BucketIndex | None
    to_date: tuple[BucketIndex, ...]

    @cached_property
    def windows(self) -> tuple[BucketIndex, ...]:
        return (self.current,) if self.compared is None else (self.current, self.compared)

    def list_all(self) -> tuple[BucketIndex, ...]:
        """List both windows, and what is known of them where they are unfinished."""
        return (*self.windows, *self.to_date)

    @cached_property
    def slot_days(self) -> tuple[tuple[int, date], ...]:
        """The (slot, day) pairs of all windows."""
        return tuple(pair for index in self.list_all() for pair in iter_slot_days(index))


@lru_cache(maxsize=256)
def build_period_buckets(period: Period, dialect: Dialect, through: date | None = None) -> PeriodBuckets:
    """Index the buckets of a period, and its days up to `through`; equal arguments return the same object."""
    axes = [period.current] if period.comparison is None else [period.current, period.comparison]
    if through is not None:
        axes.append(Axis(Window(period.current.window.start, through), ()))
        opposite = period.get_comparison_to_date(through)
        axes += [] if opposite is None else [Axis(opposite, ())]
    indexes: list[BucketIndex] = []
    for axis in axes:
        indexes.append(build_bucket_index(axis, dialect, indexes[-1].total_slot + 1 if indexes else 0))
    return PeriodBuckets(
        current=indexes[0],
        compared=indexes[1] if period.comparison is not None else None,
        to_date=tuple(indexes[1 if period.comparison is None else 2 :]),
    )


def build_bucket_index(axis: Axis, dialect: Dialect, first_slot: int) -> BucketIndex:
    count = len(axis.buckets)
    if count == axis.window.days and all(bucket.label is bucket.end for bucket in axis.buckets):
        return build_day_index(axis, dialect, first_slot)
    days = {
        dialect.bind_day(bucket.start + timedelta(days=offset)): index
        for index, bucket in enumerate(axis.buckets)
        for offset in range((bucket.end - bucket.start).days + 1)
    }
    return BucketIndex(
        axis=axis,
        labels=tuple(bucket.label.isoformat() for bucket in axis.buckets),
        partial=tuple(index for index, bucket in enumerate(axis.buckets) if bucket.is_partial),
        start=dialect.bind_day(axis.window.start),
        end=dialect.bind_day(axis.window.end),
        bucket_by_day=days,
        has_days=tuple(bucket.start <= bucket.end for bucket in axis.buckets),
        days=tuple(days) if len(days) == count and all(bucket.start == bucket.end for bucket in axis.buckets) else None,
        first_slot=first_slot,
        total_slot=first_slot + count,
    )


def build_day_index(axis: Axis, dialect: Dialect, first_slot: int) -> BucketIndex:
    """Index a window each of whose buckets is a day of the calendar, in order."""
    labels = tuple([format_iso_day(bucket.label) for bucket in axis.buckets])
    days = tuple([dialect.bind_day(bucket.label) for bucket in axis.buckets])
    count = len(days)
    return BucketIndex(
        axis=axis,
        labels=labels,
        partial=(),
        start=days[0],
        end=days[-1],
        bucket_by_day=dict(zip(days, range(count), strict=True)),
        has_days=(True,) * count,
        days=days,
        first_slot=first_slot,
        total_slot=first_slot + count,
    )


def iter_slot_days(index: BucketIndex) -> Iterable[tuple[int, date]]:
    """Yield (slot, day): each day in its bucket's slot and in its window's total slot."""
    for position, bucket in enumerate(index.axis.buckets):
        for offset in range((bucket.end - bucket.start).days + 1):
            yield index.first_slot + position, bucket.start + timedelta(days=offset)
    for day in index.axis.window:
        yield index.total_slot, day


@dataclass(frozen=True, slots=True)
class LookbackDays:
    """The days that a point looks back to, also in the driver's form; a point without days of its own has none."""

    first: date
    last: date
    start: Any
    end: Any
    has_days: bool


@lru_cache(maxsize=256)
def list_lookback_days(index: BucketIndex, lookback: Lookback, dialect: Dialect) -> tuple[LookbackDays, ...]:
    """List the days that the points of a window look back to, and last those of the window itself."""
    spans = []
    own_days = [*(Window(bucket.start, bucket.end) for bucket in index.axis.buckets), index.axis.window]
    for own in own_days:
        days = lookback.get_days(own.end)
        start, end = dialect.bind_day(days.start), dialect.bind_day(days.end)
        spans.append(LookbackDays(days.start, days.end, start, end, has_days=own.start <= own.end))
    return tuple(spans)


@dataclass(frozen=True, slots=True, eq=False)
class KnownDays:
    """The days of a window that are within the extent, and the first and last bucket with such a day.

    `through` is the extent's last day, in the driver's form.
    """

    days: Window
    through: Any
    first_bucket: int
    last_bucket: int

    def count(self, start: date, end: date) -> int:
        """Return how many of the days from `start` to `end` are known."""
        return max(0, (min(end, self.days.end) - max(start, self.days.start)).days + 1)


@lru_cache(maxsize=1024)
def find_known_days(
    extent: Extent | None, buckets: PeriodBuckets, dialect: Dialect
) -> Mapping[BucketIndex, KnownDays | None]:
    """Find the known days of each window of a period; equal arguments return the same object."""
    return {index: intersect_window(extent, index, dialect) for index in buckets.list_all()}


def intersect_window(extent: Extent | None, index: BucketIndex, dialect: Dialect) -> KnownDays | None:
    """Return the known days of a window; None where the extent and the window do not meet."""
    days = None if extent is None else extent.intersect(index.axis.window)
    if extent is None or days is None:
        return None
    buckets = index.bucket_by_day
    return KnownDays(
        days=days,
        through=dialect.bind_day(extent.through),
        first_bucket=buckets[dialect.bind_day(days.start)] if buckets else 0,
        last_bucket=buckets[dialect.bind_day(days.end)] if buckets else -1,
    )


@dataclass(slots=True)
class WindowRows:
    """The rows of a group within one window, and the same rows by bucket.

    `cells` has at most one row for each bucket, `buckets` any number; neither is set where only totals are computed.
    """

    bucket_index: BucketIndex
    rows: Sequence[Row]
    cells: Sequence[Row | None] | None = None
    buckets: Sequence[Sequence[Row]] = ()


def split_windows(scan: Scan, rows: Sequence[Row], indexes: Sequence[BucketIndex]) -> list[WindowRows]:
    """Select the rows of one group by window and bucket; without accounts, a day or slot has at most one row."""
    if scan.shape is Shape.SLOTS:
        by_slot = {row[0]: row for row in rows}
        return [split_slots(by_slot, index) for index in indexes]
    by_day = {} if scan.by_account else {row[0]: row for row in rows}
    return [split_days(rows, index) if scan.by_account else split_single_days(by_day, index) for index in indexes]


def split_slots(by_slot: Mapping[int, Row], index: BucketIndex) -> WindowRows:
    whole = by_slot.get(index.total_slot)
    cells = list(map(by_slot.get, range(index.first_slot, index.total_slot)))
    return WindowRows(index, [] if whole is None else [whole], cells)


def split_single_days(by_day: Mapping[Any, Row], index: BucketIndex) -> WindowRows:
    if index.days is not None:
        cells = list(map(by_day.get, index.days))
        return WindowRows(index, list(filter(None, cells)), cells)
    return split_days(by_day.values(), index)


def split_days(rows: Iterable[Row], index: BucketIndex) -> WindowRows:
    inside = [row for row in rows if row[0] in index.bucket_by_day]
    buckets: list[list[Row]] = [[] for _ in index.labels]
    for row in inside:
        buckets[index.bucket_by_day[row[0]]].append(row)
    return WindowRows(index, inside, None, buckets)


def select_rows(scan: Scan, rows: Sequence[Row], bucket_index: BucketIndex) -> WindowRows:
    """Select the rows of all groups in a window, for totals; a day may have several rows."""
    if scan.shape is Shape.SLOTS:
        return WindowRows(bucket_index, [row for row in rows if row[0] == bucket_index.total_slot])
    start, end = bucket_index.start, bucket_index.end
    return WindowRows(bucket_index, [row for row in rows if start <= row[0] <= end])


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
