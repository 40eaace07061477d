"""The calendar of a query: its window, the compared window, and the buckets of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OracleWindow:
    """The days from `start` to `end` inclusive; none if `end` is before `start`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return max(0, (self.end - self.start).days + 1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    def overlaps(self, other: OracleWindow) -> bool:
        return max(self.start, other.start) <= min(self.end, other.end)


@dataclass(frozen=True, slots=True)
class OracleBucket:
    """A bucket, one point of a series: `t` names it, `window` holds its days."""

    t: date
    window: OracleWindow


def subtract_year(day: date, *, leap_day: tuple[int, int]) -> date:
    """Return the calendar date a year earlier; 29 February becomes `leap_day` (month, day)."""
    month, number = leap_day if (day.month, day.day) == (2, 29) else (day.month, day.day)
    return date(day.year - 1, month, number)


def get_compared_window(window: OracleWindow, compare: str) -> OracleWindow | None:
    if compare == "off":
        return None
    if compare == "previous_period":
        return OracleWindow(window.start - window.days * DAY, window.start - DAY)
    if compare == "previous_year":
        return OracleWindow(subtract_year(window.start, leap_day=(2, 28)), subtract_year(window.end, leap_day=(2, 28)))
    raise ValueError(f"compare is not {compare!r}")


def find_bucket_start(day: date, grain: str) -> date:
    if grain == "day":
        return day
    if grain == "week":
        return day - day.weekday() * DAY
    if grain == "month":
        return day.replace(day=1)
    raise ValueError(f"grain is not {grain!r}")


def find_next_bucket(first: date, grain: str) -> date:
    """Return the first day of the calendar bucket after the one that begins on `first`."""
    if grain == "month":
        return (first.replace(day=28) + 4 * DAY).replace(day=1)
    return first + (7 * DAY if grain == "week" else DAY)


def list_buckets(window: OracleWindow, grain: str) -> list[OracleBucket]:
    buckets = []
    day = window.start
    while day <= window.end:
        first = find_bucket_start(day, grain)
        after = find_next_bucket(first, grain)
        buckets.append(OracleBucket(first, OracleWindow(day, min(after - DAY, window.end))))
        day = after
    return buckets


def list_compared_buckets(window: OracleWindow, grain: str, compare: str) -> list[OracleBucket]:
    """List as many buckets as the window has; they partition the compared window."""
    prior = get_compared_window(window, compare)
    if prior is None:
        return []

    def move_day(day: date) -> date:
        if compare == "previous_period":
            return day - window.days * DAY
        return subtract_year(day, leap_day=(3, 1))

    begins = [prior.start, *(move_day(bucket.t) for bucket in list_buckets(window, grain)[1:])]
    ends = [*(begin - DAY for begin in begins[1:]), prior.end]
    return [OracleBucket(begin, OracleWindow(begin, end)) for begin, end in zip(begins, ends, strict=True)]
