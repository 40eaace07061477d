"""Windows: what is asked for first, what is asked again, and that the days that are done never have a gap."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import Window
from sync.backfill import windows

FRIDAY = date(2026, 3, 13)


def back(days: int, until: date = FRIDAY) -> date:
    return until - timedelta(days=days)


def test_a_first_sync_begins_with_the_newest() -> None:
    assert windows(None, FRIDAY, restates=3, chunk=4, history=10) == (
        Window(back(3), back(0)),
        Window(back(7), back(4)),
        Window(back(9), back(8)),
    )


def test_the_next_day_asks_again_for_what_was_not_final() -> None:
    done = Window(back(400), back(1))
    assert windows(done, FRIDAY, restates=3, chunk=30) == (Window(back(3), FRIDAY),)
    assert windows(Window(back(400), FRIDAY), FRIDAY, restates=3, chunk=30) == (Window(back(2), FRIDAY),)


def test_a_pause_is_made_good_from_its_beginning() -> None:
    assert windows(Window(back(400), back(20)), FRIDAY, restates=3, chunk=10) == (
        Window(back(22), back(13)),
        Window(back(12), back(3)),
        Window(back(2), FRIDAY),
    )


def test_once_a_week_more_is_asked_again() -> None:
    for age, deep in ((9, True), (6, True), (5, False), (4, False), (1, False), (0, False)):
        # The Sunday before is five days back.
        asked = windows(Window(back(400), back(age)), FRIDAY, restates=3, weekly=30, chunk=60)
        assert asked == (Window(back(age + (29 if deep else 2)), FRIDAY),)


def test_a_history_that_was_broken_off_goes_on() -> None:
    assert windows(Window(back(6), back(0)), FRIDAY, restates=3, chunk=4, history=10) == (
        Window(back(2), back(0)),
        Window(back(9), back(7)),
    )


def test_an_account_whose_day_moved_back_loses_nothing() -> None:
    ahead = Window(back(399), FRIDAY + timedelta(days=1))
    assert windows(ahead, FRIDAY, restates=3, chunk=30) == (Window(back(2), FRIDAY),)


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
    cursor = None if ends is None else Window(back(max(ends)), back(min(ends)))
    done: set[date] = set() if cursor is None else set(cursor)
    asked = windows(cursor, FRIDAY, restates=restates, chunk=chunk, history=history)
    for window in asked[:broken_off_after]:
        assert window.days <= chunk
        done |= set(window)
        # What a cursor says that only knows its least and its greatest day, within the history that is wanted.
        claimed = {each for each in Window(min(done), max(done)) if each >= back(history - 1)}
        assert claimed <= done
    if broken_off_after >= len(asked):
        assert {back(age) for age in range(history)} <= done
