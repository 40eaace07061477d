"""Calendar: windows of days, their buckets, and the comparison window aligned to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


class Compare(StrEnum):
    """The comparison of a period."""

    OFF = "off"
    PREVIOUS_PERIOD = "previous_period"
    PREVIOUS_YEAR = "previous_year"


@dataclass(frozen=True, slots=True)
class Window:
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=offset) for offset in range(self.days))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A point of a series: its label and its days; it has no days if `end` is before `start`."""

    label: date
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Axis:
    """A window cut into buckets that partition its days."""

    window: Window
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The requested window and, unless compare is off, its comparison window."""

    current: Axis
    comparison: Axis | None
    grain: Grain
    compare: Compare

    @property
    def windows(self) -> tuple[Window, ...]:
        return (self.current.window,) if self.comparison is None else (self.current.window, self.comparison.window)

    @property
    def ranges(self) -> tuple[Window, ...]:
        """The days to read, as disjoint windows in order; windows that touch or overlap are merged."""
        if self.comparison is None:
            return (self.current.window,)
        first, second = sorted(self.windows, key=lambda window: window.start)
        if second.start <= first.end + DAY:
            return (Window(first.start, max(first.end, second.end)),)
        return (first, second)


@lru_cache(maxsize=512)
def build_period(start: date, end: date, grain: Grain, compare: Compare) -> Period:
    """Build the period from `start` to `end`; equal arguments return the same object."""
    asked = Window(start, end)
    labels = tuple(iter_bucket_starts(asked, grain))
    firsts = (start, *labels[1:])
    compared = None
    if compare is not Compare.OFF:
        window = get_comparison_window(asked, compare)
        moved = tuple(shift_bucket_start(label, asked, compare) for label in labels)
        compared = build_axis(window, (window.start, *moved[1:]), (window.start, *moved[1:]))
    return Period(build_axis(asked, labels, firsts), compared, grain, compare)


def build_axis(window: Window, labels: tuple[date, ...], firsts: tuple[date, ...]) -> Axis:
    """Cut a window at each bucket's first day; a bucket ends on the day before the next one."""
    ends = (*(first - DAY for first in firsts[1:]), window.end)
    return Axis(window, tuple(map(Bucket, labels, firsts, ends)))


def iter_bucket_starts(window: Window, grain: Grain) -> Iterator[date]:
    """Yield the first day of each calendar bucket in the window; the first may be before it."""
    day = get_bucket_start(window.start, grain)
    while day <= window.end:
        yield day
        day = get_next_bucket(day, grain)


def get_bucket_start(day: date, grain: Grain) -> date:
    """Return the first day of the calendar bucket that contains `day`."""
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain is Grain.MONTH else day


def get_next_bucket(day: date, grain: Grain) -> date:
    """Return the first day of the bucket after the one that begins on `day`."""
    if grain is Grain.MONTH:
        return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    return day + (7 * DAY if grain is Grain.WEEK else DAY)


def get_comparison_window(asked: Window, compare: Compare) -> Window:
    """Return the window that `asked` is compared with."""
    if compare is Compare.PREVIOUS_PERIOD:
        return Window(asked.start - asked.days * DAY, asked.start - DAY)
    return Window(shift_year_back(asked.start, leap_day=(2, 28)), shift_year_back(asked.end, leap_day=(2, 28)))


def shift_bucket_start(day: date, asked: Window, compare: Compare) -> date:
    """Return the comparison window's first day of the bucket that begins on `day`."""
    if compare is Compare.PREVIOUS_PERIOD:
        return day - asked.days * DAY
    # A leap day's bucket begins where 1 March's does, so it has no day: 28 February is not counted twice.
    return shift_year_back(day, leap_day=(3, 1))


def shift_year_back(day: date, *, leap_day: tuple[int, int]) -> date:
    """Return the date one year earlier; 29 February becomes `leap_day`, a month and a day."""
    month, day_of_month = leap_day if (day.month, day.day) == (2, 29) else (day.month, day.day)
    return date(day.year - 1, month, day_of_month)
