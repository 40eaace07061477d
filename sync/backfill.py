"""Which days to ask a provider for, given how far an account has come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from engine.calendar import DAY, Window

# What a first sync brings.
HISTORY_DAYS = 400
SUNDAY = 6


def plan_windows(
    cursor: Window | None,
    yesterday: date,
    *,
    restate_days: int,
    weekly_days: int | None = None,
    chunk: int,
    history: int = HISTORY_DAYS,
) -> tuple[Window, ...]:
    """The windows to restate, in an order in which the days that are done never have a gap.

    First forwards from the cursor to `yesterday`, with the last `restates` days that the provider may still have
    changed (`weekly` days once a week), then backwards to `history` days; a first sync begins with the newest. No
    window has more than `chunk` days.
    """
    earliest = yesterday - timedelta(days=history - 1)
    if cursor is None:
        return tuple(iter_backwards(earliest, yesterday, chunk))
    # What was loaded last was not final then, so it is asked again, however long ago that is.
    newest = min(cursor.end, yesterday)
    again = weekly_days if weekly_days is not None and contains_sunday(cursor.end + DAY, yesterday) else restate_days
    first = max(earliest, cursor.start, newest - timedelta(days=again - 1))
    before = min(cursor.start - DAY, yesterday)
    return (*iter_forwards(first, yesterday, chunk), *iter_backwards(earliest, before, chunk))


def contains_sunday(first: date, last: date) -> bool:
    """Whether one of the days is a Sunday: a week is done, however many syncs were missed meanwhile."""
    return any((first + timedelta(days=step)).weekday() == SUNDAY for step in range(min(7, (last - first).days + 1)))


def iter_forwards(first: date, last: date, chunk: int) -> Iterator[Window]:
    while first <= last:
        end = min(last, first + timedelta(days=chunk - 1))
        yield Window(first, end)
        first = end + DAY


def iter_backwards(first: date, last: date, chunk: int) -> Iterator[Window]:
    while last >= first:
        start = max(first, last - timedelta(days=chunk - 1))
        yield Window(start, last)
        last = start - DAY
