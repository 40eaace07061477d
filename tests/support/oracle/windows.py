"""The calendar of a query: its window, the compared window, and the buckets of both."""

from __future__ import annotations

from collections.abc import Sequence
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
        return self.cut(other).days > 0

    def covers(self, other: OracleWindow) -> bool:
        return self.start <= other.start and other.end <= self.end

    def cut(self, other: OracleWindow) -> OracleWindow:
        """Return the days that both windows have."""
        return OracleWindow(max(self.start, other.start), min(self.end, other.end))


@dataclass(frozen=True, slots=True)
class OracleBucket:
    """A bucket, one point of a series: `t` names it, `window` holds its days, a cut one is partial."""

    t: date
    window: OracleWindow
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class OracleSide:
    """One of the two windows of a query, with its buckets.

    Of a window that is unfinished `to_date` are the days that are known, in the comparison those opposite.
    """

    window: OracleWindow
    buckets: Sequence[OracleBucket]
    to_date: OracleWindow | None = None


GRAINS = {"month": 1, "quarter": 3, "year": 12}


def subtract_year(day: date, *, leap_day: tuple[int, int]) -> date:
    """Return the calendar date a year earlier; 29 February becomes `leap_day` (month, day)."""
    month, number = leap_day if (day.month, day.day) == (2, 29) else (day.month, day.day)
    return date(day.year - 1, month, number)


def find_month_end(day: date) -> date:
    return find_next_bucket(day.replace(day=1), "month") - DAY


def subtract_month(day: date) -> date:
    """Return the date a month earlier; one that the month lacks becomes its last."""
    last = day.replace(day=1) - DAY
    return last.replace(day=min(day.day, last.day))


def get_compared_window(window: OracleWindow, compare: str, compare_start: date | None = None) -> OracleWindow | None:
    if compare == "off":
        return None
    if compare == "previous_year":
        return OracleWindow(subtract_year(window.start, leap_day=(2, 28)), subtract_year(window.end, leap_day=(2, 28)))
    if compare == "previous_month":
        whole = window.end == find_month_end(window.end)
        end = window.end.replace(day=1) - DAY if whole else subtract_month(window.end)
        return OracleWindow(subtract_month(window.start), end)
    if compare == "custom":
        if compare_start is None:
            raise ValueError("compare is custom, without compare_start")
        start = compare_start
    elif compare in ("previous_period", "previous_year_weekday"):
        start = window.start - (window.days if compare == "previous_period" else 364) * DAY
    else:
        raise ValueError(f"compare is not {compare!r}")
    return OracleWindow(start, start + (window.days - 1) * DAY)


def find_bucket_start(day: date, grain: str) -> date:
    if grain == "day":
        return day
    if grain == "week":
        return day - day.weekday() * DAY
    if grain in GRAINS:
        return day.replace(month=day.month - (day.month - 1) % GRAINS[grain], day=1)
    raise ValueError(f"grain is not {grain!r}")


def find_next_bucket(first: date, grain: str) -> date:
    """Return the first day of the calendar bucket after the one that begins on `first`."""
    if grain not in GRAINS:
        return first + (7 * DAY if grain == "week" else DAY)
    months = first.month - 1 + GRAINS[grain]
    return date(first.year + months // 12, months % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class OracleLookback:
    """The days of a point that ends on a day: a number of them, or those since the first of a period."""

    rolling: int = 0
    period: str = ""

    def find_days(self, last: date) -> OracleWindow:
        first = last - (self.rolling - 1) * DAY if self.rolling else find_bucket_start(last, self.period)
        return OracleWindow(first, last)

    def is_known(self, extent: OracleWindow | None, last: date) -> bool:
        """Whether a point may have a value: all days of a rolling one are known, the last day of another."""
        return extent is not None and (extent.covers(self.find_days(last)) if self.rolling else last in extent)


def find_read_days(window: OracleWindow, lookback: OracleLookback | None) -> OracleWindow:
    """Return the days that are read for a window, whatever the grain: those of a point on its first day too."""
    return window if lookback is None else OracleWindow(lookback.find_days(window.start).start, window.end)


def list_buckets(window: OracleWindow, grain: str) -> list[OracleBucket]:
    buckets = []
    day = window.start
    while day <= window.end:
        first = find_bucket_start(day, grain)
        after = find_next_bucket(first, grain)
        is_partial = first < window.start or after - DAY > window.end
        buckets.append(OracleBucket(first, OracleWindow(day, min(after - DAY, window.end)), is_partial))
        day = after
    return buckets


def move_day(day: date, window: OracleWindow, prior: OracleWindow, compare: str) -> date:
    """Return the day of the comparison at which a bucket begins that is opposite one that begins on `day`."""
    if compare == "previous_year":
        return subtract_year(day, leap_day=(3, 1))
    return day + (prior.start - window.start)


def list_compared_buckets(
    window: OracleWindow, grain: str, compare: str, compare_start: date | None = None
) -> list[OracleBucket]:
    """List the buckets of the compared window, which they partition.

    Those of `previous_month` are the calendar's; of the others there are as many as the window has.
    """
    prior = get_compared_window(window, compare, compare_start)
    if prior is None:
        return []
    if compare == "previous_month":
        return list_buckets(prior, grain)
    opposite = list_buckets(window, grain)
    begins = [prior.start, *(move_day(bucket.t, window, prior, compare) for bucket in opposite[1:])]
    ends = [*(begin - DAY for begin in begins[1:]), prior.end]
    return [
        OracleBucket(begin, OracleWindow(begin, end), bucket.is_partial)
        for begin, end, bucket in zip(begins, ends, opposite, strict=True)
    ]


def get_days_opposite(window: OracleWindow, prior: OracleWindow, compare: str, through: date) -> OracleWindow:
    """Return the days of the comparison that are opposite those from the window's start to `through`."""
    if compare == "previous_month":
        end = prior.start + (through - window.start)
    else:
        end = move_day(through + DAY, window, prior, compare) - DAY
    return OracleWindow(prior.start, min(end, prior.end))
