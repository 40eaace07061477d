"""Windows: what is asked for first, what is asked again, and that the days that are done never have a gap."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import Window
from sync.backfill import fetch_in_halves, plan_windows
from sync.errors import NotPermitted, ProviderError, TooMuchData, Unreachable

FRIDAY = date(2026, 3, 13)


def subtract_days(days: int, until: date = FRIDAY) -> date:
    return until - timedelta(days=days)


def test_a_first_sync_begins_with_the_newest() -> None:
    assert plan_windows(None, FRIDAY, restate_days=3, chunk=4, history=10) == (
        Window(subtract_days(3), subtract_days(0)),
        Window(subtract_days(7), subtract_days(4)),
        Window(subtract_days(9), subtract_days(8)),
    )


def test_the_first_answer_may_be_a_short_one() -> None:
    assert plan_windows(None, FRIDAY, restate_days=3, chunk=4, first_chunk=2, history=8) == (
        Window(subtract_days(1), subtract_days(0)),
        Window(subtract_days(5), subtract_days(2)),
        Window(subtract_days(7), subtract_days(6)),
    )
    assert plan_windows(None, FRIDAY, restate_days=3, chunk=40, first_chunk=31, history=5) == (
        Window(subtract_days(4), subtract_days(0)),
    )


@given(st.integers(1, 60), st.integers(1, 60))
def test_halves_are_the_whole_window_in_order(days: int, limit: int) -> None:
    async def fetch(window: Window) -> Window:
        if window.days > limit:
            raise TooMuchData("too much")
        return window

    whole = Window(subtract_days(days - 1), FRIDAY)
    parts = asyncio.run(fetch_in_halves(fetch, whole))
    assert [day for part in parts for day in part] == [*whole]


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (TooMuchData("too much"), 3),
        (Unreachable("too slow", is_overload=True), 3),
        (Unreachable("not there"), 1),
        (NotPermitted("not allowed"), 1),
    ],
)
def test_only_what_less_may_help_against_is_asked_in_halves(error: ProviderError, calls: int) -> None:
    asked: list[Window] = []

    async def fetch(window: Window) -> None:
        asked.append(window)
        raise error

    with pytest.raises(type(error)):
        asyncio.run(fetch_in_halves(fetch, Window(subtract_days(3), FRIDAY)))
    assert [window.days for window in asked] == [4, 2, 1][:calls]


def test_the_next_day_asks_again_for_what_was_not_final() -> None:
    done = Window(subtract_days(400), subtract_days(1))
    assert plan_windows(done, FRIDAY, restate_days=3, chunk=30) == (Window(subtract_days(3), FRIDAY),)
    assert plan_windows(Window(subtract_days(400), FRIDAY), FRIDAY, restate_days=3, chunk=30) == (
        Window(subtract_days(2), FRIDAY),
    )


def test_a_pause_is_made_good_from_its_beginning() -> None:
    assert plan_windows(Window(subtract_days(400), subtract_days(20)), FRIDAY, restate_days=3, chunk=10) == (
        Window(subtract_days(22), subtract_days(13)),
        Window(subtract_days(12), subtract_days(3)),
        Window(subtract_days(2), FRIDAY),
    )


def test_once_a_week_more_is_asked_again() -> None:
    for age, deep in ((9, True), (6, True), (5, False), (4, False), (1, False), (0, False)):
        # The Sunday before is five days back.
        asked = plan_windows(
            Window(subtract_days(400), subtract_days(age)), FRIDAY, restate_days=3, weekly_days=30, chunk=60
        )
        assert asked == (Window(subtract_days(age + (29 if deep else 2)), FRIDAY),)


def test_a_history_that_was_broken_off_goes_on() -> None:
    assert plan_windows(Window(subtract_days(6), subtract_days(0)), FRIDAY, restate_days=3, chunk=4, history=10) == (
        Window(subtract_days(2), subtract_days(0)),
        Window(subtract_days(9), subtract_days(7)),
    )


def test_an_account_whose_day_moved_back_loses_nothing() -> None:
    ahead = Window(subtract_days(399), FRIDAY + timedelta(days=1))
    assert plan_windows(ahead, FRIDAY, restate_days=3, chunk=30) == (Window(subtract_days(2), FRIDAY),)


@given(
    st.none() | st.tuples(st.integers(0, 60), st.integers(0, 60)),
    st.integers(1, 28),
    st.integers(1, 30),
    st.integers(30, 50),
    st.integers(0, 400),
)
def test_the_days_that_are_done_never_have_a_gap(
    ends: tuple[int, int] | None, restates: int, chunk: int, history: int, broken_off_after: int
) -> None:
    cursor = None if ends is None else Window(subtract_days(max(ends)), subtract_days(min(ends)))
    done: set[date] = set() if cursor is None else set(cursor)
    asked = plan_windows(cursor, FRIDAY, restate_days=restates, chunk=chunk, history=history)
    for window in asked[:broken_off_after]:
        assert window.days <= chunk
        done |= set(window)
        # What a cursor says that only knows its least and its greatest day, within the history that is wanted.
        claimed = {each for each in Window(min(done), max(done)) if each >= subtract_days(history - 1)}
        assert claimed <= done
    if broken_off_after >= len(asked):
        assert {subtract_days(age) for age in range(history)} <= done
