"""The days to request from a provider, given those that an account has already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from typing import TypeVar

from engine import DAY, Window
from sync.errors import TooMuchData, Unreachable

# The days that a first sync reads.
HISTORY_DAYS = 400
SUNDAY = 6

Part = TypeVar("Part")


def plan_windows(
    cursor: Window | None,
    yesterday: date,
    *,
    restate_days: int,
    weekly_days: int | None = None,
    chunk: int,
    first_chunk: int | None = None,
    history: int = HISTORY_DAYS,
) -> tuple[Window, ...]:
    """Plan the windows to restate, in an order that never leaves a gap between finished days.

    First come the days from the cursor forwards to `yesterday`, with the last `restate_days` days before them, which
    the provider may still have changed (`weekly_days` once a week). Then come the days before the cursor backwards, up
    to `history` days in all. A first sync begins with the newest days, `first_chunk` of them if given. No window has
    more than `chunk` days.
    """
    earliest = yesterday - timedelta(days=history - 1)
    if cursor is None:
        start = max(earliest, yesterday - timedelta(days=(first_chunk or chunk) - 1))
        return (Window(start, yesterday), *iter_backwards(earliest, start - DAY, chunk))
    # The newest days were not final when they were loaded, so they are read again, however long ago that was.
    newest = min(cursor.end, yesterday)
    again = weekly_days if weekly_days is not None and contains_sunday(cursor.end + DAY, yesterday) else restate_days
    first = max(earliest, cursor.start, newest - timedelta(days=again - 1))
    before = min(cursor.start - DAY, yesterday)
    return (*iter_forwards(first, yesterday, chunk), *iter_backwards(earliest, before, chunk))


def contains_sunday(first: date, last: date) -> bool:
    """Whether one of the days is a Sunday, so that a week ends however many syncs were missed."""
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


async def fetch_in_halves(fetch: Callable[[Window], Awaitable[Part]], window: Window) -> list[Part]:
    """Fetch a window, in halves wherever it is too much at once, down to a day. Raises ProviderError.

    Too much is what the provider refuses for its size, and what it fails to answer in time.
    """
    try:
        return [await fetch(window)]
    except (TooMuchData, Unreachable) as error:
        if window.days == 1 or (isinstance(error, Unreachable) and not error.is_overload):
            raise
    middle = window.start + timedelta(days=window.days // 2 - 1)
    earlier = await fetch_in_halves(fetch, Window(window.start, middle))
    return [*earlier, *await fetch_in_halves(fetch, Window(middle + DAY, window.end))]
