"""Calendar: windows of days, their buckets, and the comparison window aligned to them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

DAY = timedelta(days=1)
# The dates that every database can store, and more than anybody needs.
MIN_DATE, MAX_DATE = date(1900, 1, 1), date(2199, 12, 31)


class Grain(StrEnum):
    """The width of a bucket; a week is ISO's and begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Compare(StrEnum):
    """The comparison of a period."""

    OFF = "off"
    PREVIOUS_PERIOD = "previous_period"
    PREVIOUS_YEAR = "previous_year"
    PREVIOUS_YEAR_WEEKDAY = "previous_year_weekday"
    PREVIOUS_MONTH = "previous_month"
    CUSTOM = "custom"


# The months of a bucket.
MONTHS: Mapping[Grain, int] = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
# 52 weeks, so that weekdays meet.
WEEKDAY_YEAR = 364 * DAY


@dataclass(frozen=True, slots=True)
class Window:
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def overlaps(self, other: Window) -> bool:
        """Whether the windows have a day in common."""
        return self.start <= other.end and other.start <= self.end

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=offset) for offset in range(self.days))


@dataclass(frozen=True, slots=True)
class Lookback:
    """The days that a point looks back to: the last `days`, or those since the first of a calendar bucket."""

    days: int | None = None
    since: Grain | None = None

    def get_days(self, last: date) -> Window:
        """Return the days that end with `last`."""
        if self.days is not None:
            return Window(last - (self.days - 1) * DAY, last)
        return Window(get_bucket_start(last, self.since or Grain.DAY), last)

    def extend_window(self, window: Window) -> Window:
        """Return the days that the points of a window look back to."""
        return Window(self.get_days(window.start).start, window.end)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A point of a series: its label and its days; it has no days if `end` is before `start`.

    It is partial where the window cuts the calendar's bucket, or the one opposite in the requested window.
    """

    label: date
    start: date
    end: date
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A window cut into buckets that partition its days."""

    window: Window
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """The requested window and, unless compare is off, its comparison window; compared by identity."""

    current: Axis
    comparison: Axis | None
    grain: Grain
    compare: Compare
    # The days to read, as disjoint windows in order; windows that touch or overlap are merged.
    ranges: tuple[Window, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranges", merge_windows(self.windows))

    @property
    def windows(self) -> tuple[Window, ...]:
        return (self.current.window,) if self.comparison is None else (self.current.window, self.comparison.window)

    def get_ranges(self, lookback: Lookback | None) -> tuple[Window, ...]:
        """Return the days to read where points look back, so that the gap between the windows may be filled."""
        return self.ranges if lookback is None else merge_windows(map(lookback.extend_window, self.windows))

    def get_comparison_to_date(self, through: date) -> Window | None:
        """Return the days of the comparison window opposite the requested days up to `through`.

        None without a comparison. The window has no days if its end is before its start.
        """
        if self.comparison is None:
            return None
        asked, compared = self.current.window, self.comparison.window
        if self.compare is Compare.PREVIOUS_MONTH:
            end = compared.start + (through - asked.start)
        else:
            end = shift_day(through + DAY, asked, compared, self.compare) - DAY
        return Window(compared.start, min(end, compared.end))


def merge_windows(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Merge windows that touch or overlap; the others stay, in order."""
    merged: list[Window] = []
    for window in sorted(windows, key=lambda each: each.start):
        if merged and window.start <= merged[-1].end + DAY:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return tuple(merged)


@lru_cache(maxsize=512)
def build_period(start: date, end: date, grain: Grain, compare: Compare, compare_start: date | None = None) -> Period:
    """Build the period from `start` to `end`; equal arguments return the same object.

    `compare_start` is the first day of a custom comparison, and None for any other.
    """
    asked = Window(start, end)
    current = build_calendar_axis(asked, grain)
    compared = None
    if compare is not Compare.OFF:
        window = get_comparison_window(asked, compare, compare_start)
        compared = (
            build_calendar_axis(window, grain)
            # Where days meet days, one is as good as the other.
            if compare is Compare.PREVIOUS_MONTH or (grain is Grain.DAY and compare is not Compare.PREVIOUS_YEAR)
            else build_opposite_axis(current, window, compare)
        )
    return Period(current, compared, grain, compare)


def build_calendar_axis(window: Window, grain: Grain) -> Axis:
    """Cut a window into the calendar's buckets; the first one's label may be before the window."""
    if grain is Grain.DAY:
        return Axis(window, tuple(map(get_day_bucket, range(window.start.toordinal(), window.end.toordinal() + 1))))
    labels = tuple(iter_bucket_starts(window, grain))
    firsts = (window.start, *labels[1:])
    is_cut = [False] * len(labels)
    is_cut[0] = labels[0] < window.start
    is_cut[-1] = is_cut[-1] or get_next_bucket(labels[-1], grain) - DAY > window.end
    return build_axis(window, labels, firsts, is_cut)


@lru_cache(maxsize=16_384)
def get_day_bucket(ordinal: int) -> Bucket:
    """Return the bucket of one day; most requests ask for days that others have asked for."""
    day = date.fromordinal(ordinal)
    return Bucket(day, day, day)


@lru_cache(maxsize=16_384)
def format_iso_day(day: date) -> str:
    """Return the ISO text of a day, which every answer tells of dozens of days."""
    return day.isoformat()


def build_opposite_axis(current: Axis, window: Window, compare: Compare) -> Axis:
    """Cut the comparison window at the days opposite to those at which the requested window is cut."""
    moved = (shift_day(bucket.label, current.window, window, compare) for bucket in current.buckets[1:])
    firsts = (window.start, *moved)
    return build_axis(window, firsts, firsts, [bucket.is_partial for bucket in current.buckets])


def build_axis(window: Window, labels: Sequence[date], firsts: Sequence[date], is_partial: Sequence[bool]) -> Axis:
    """Cut a window at each bucket's first day; a bucket ends on the day before the next one."""
    ends = (*(first - DAY for first in firsts[1:]), window.end)
    return Axis(window, tuple(map(Bucket, labels, firsts, ends, is_partial)))


def iter_bucket_starts(window: Window, grain: Grain) -> Iterator[date]:
    """Yield the first day of each calendar bucket in the window; the first may be before it."""
    day = get_bucket_start(window.start, grain)
    while day <= window.end:
        yield day
        day = get_next_bucket(day, grain)


def get_bucket_start(day: date, grain: Grain) -> date:
    """Return the first day of the calendar bucket that contains `day`."""
    if grain is Grain.DAY:
        return day
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    months = MONTHS[grain]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def get_next_bucket(day: date, grain: Grain) -> date:
    """Return the first day of the bucket after the one that begins on `day`."""
    if grain in MONTHS:
        return shift_months(day, MONTHS[grain])
    return day + (7 * DAY if grain is Grain.WEEK else DAY)


def get_comparison_window(asked: Window, compare: Compare, compare_start: date | None = None) -> Window:
    """Return the window that `asked` is compared with."""
    match compare:
        case Compare.PREVIOUS_YEAR:
            return Window(shift_year_back(asked.start, leap_day=(2, 28)), shift_year_back(asked.end, leap_day=(2, 28)))
        case Compare.PREVIOUS_MONTH:
            # The last day of a month is compared with the last day of the month before, however long these are.
            ends_month = (asked.end + DAY).day == 1
            end = asked.end.replace(day=1) - DAY if ends_month else shift_months(asked.end, -1)
            return Window(shift_months(asked.start, -1), end)
        case Compare.PREVIOUS_YEAR_WEEKDAY:
            start = asked.start - WEEKDAY_YEAR
        case Compare.CUSTOM if compare_start is not None:
            start = compare_start
        case Compare.PREVIOUS_PERIOD:
            start = asked.start - asked.days * DAY
        case _:
            raise ValueError(f"no comparison window: {compare.value}, from {compare_start}")
    return Window(start, start + (asked.days - 1) * DAY)


def shift_day(day: date, asked: Window, compared: Window, compare: Compare) -> date:
    """Return the day of the comparison window that is opposite to `day`, where a bucket beginning on it begins."""
    if compare is Compare.PREVIOUS_YEAR:
        # A leap day's bucket begins where 1 March's does, so it has no day: 28 February is not counted twice.
        return shift_year_back(day, leap_day=(3, 1))
    return day - (asked.start - compared.start)


def shift_year_back(day: date, *, leap_day: tuple[int, int]) -> date:
    """Return the date one year earlier; 29 February becomes `leap_day`, a month and a day."""
    month, day_of_month = leap_day if (day.month, day.day) == (2, 29) else (day.month, day.day)
    return date(day.year - 1, month, day_of_month)


def shift_months(day: date, months: int) -> date:
    """Return the date some months later, or earlier; a day that the month lacks becomes its last."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
