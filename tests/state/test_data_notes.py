"""Notes on days: replaced by window, merged, and one tenant's own."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answer.freshness import DataNote
from engine.calendar import Window, merge_windows
from state import State
from state.data_notes import cut_windows, group_days
from tests.conftest import OTHER_TENANT, TENANT

OWNER = ("ga4", "1", "ga4_daily")


def make_window(first: int, last: int) -> Window:
    return Window(date(2026, 3, first), date(2026, 3, last))


def list_days(state: State, user: str = TENANT) -> list[tuple[str, int, int]]:
    return [(note.code, note.days.start.day, note.days.end.day) for note in state.data_notes.list_notes(user)]


def test_a_note_of_each_window_and_code(state: State) -> None:
    assert state.data_notes.list_notes(TENANT) == ()
    notes = {"truncated": [make_window(2, 3)], "sampled": [make_window(1, 9)]}
    state.data_notes.replace_notes(TENANT, *OWNER, make_window(1, 9), notes)
    assert state.data_notes.list_notes(TENANT) == (
        DataNote("sampled", "ga4", "1", "ga4_daily", make_window(1, 9)),
        DataNote("truncated", "ga4", "1", "ga4_daily", make_window(2, 3)),
    )
    assert state.data_notes.list_notes(OTHER_TENANT) == ()


def test_days_that_are_read_again_lose_their_notes_and_others_keep_them(state: State) -> None:
    replace = state.data_notes.replace_notes
    replace(TENANT, *OWNER, make_window(1, 9), {"thresholded": [make_window(1, 9)]})
    replace(TENANT, *OWNER, make_window(4, 6), {"truncated": [make_window(5, 5)]})
    assert list_days(state) == [("thresholded", 1, 3), ("thresholded", 7, 9), ("truncated", 5, 5)]
    # Windows that touch become one, so that a note a day is a row for ever.
    replace(TENANT, *OWNER, make_window(4, 6), {"thresholded": [make_window(4, 6)]})
    assert list_days(state) == [("thresholded", 1, 9)]
    replace(TENANT, *OWNER, make_window(1, 31), {})
    assert list_days(state) == []


@pytest.mark.parametrize(("accounts", "kept"), [(["1"], ["2"]), (["1", "2", "3"], []), ([], ["1", "2"]), (None, [])])
def test_the_notes_of_accounts_are_deleted(state: State, accounts: list[str] | None, kept: list[str]) -> None:
    for user in (TENANT, OTHER_TENANT):
        for source, account in (("ga4", "1"), ("ga4", "2"), ("meta", "1")):
            notes = {"sampled": [make_window(1, 9)]}
            state.data_notes.replace_notes(user, source, account, "a_table", make_window(1, 9), notes)
    state.data_notes.delete_notes(TENANT, "ga4", accounts)
    left = [(note.source, note.account) for note in state.data_notes.list_notes(TENANT)]
    assert left == [*(("ga4", account) for account in kept), ("meta", "1")]
    assert len(state.data_notes.list_notes(OTHER_TENANT)) == 3


@pytest.mark.parametrize(
    "other", [(TENANT, "ga4", "2", "ga4_daily"), (TENANT, "ga4", "1", "ga4_channels_daily"), (OTHER_TENANT, *OWNER)]
)
def test_notes_of_others_stay(state: State, other: tuple[str, str, str, str]) -> None:
    replace = state.data_notes.replace_notes
    replace(*other, make_window(1, 9), {"sampled": [make_window(1, 9)]})
    replace(TENANT, *OWNER, make_window(1, 31), {})
    assert list_days(state, other[0]) == [("sampled", 1, 9)]


WINDOWS = st.builds(
    lambda first, days: Window(
        date(2026, 3, 1) + timedelta(days=first), date(2026, 3, 1) + timedelta(days=first + days)
    ),
    st.integers(0, 40),
    st.integers(0, 10),
)


@given(st.lists(WINDOWS), WINDOWS)
def test_windows_are_sets_of_days(windows: list[Window], hole: Window) -> None:
    days = {day for each in windows for day in each}
    assert {day for each in cut_windows(windows, hole) for day in each} == days - set(hole)
    assert merge_windows(windows) == group_days(days)
    assert all(
        one.end + timedelta(days=1) < other.start
        for one, other in zip(group_days(days), group_days(days)[1:], strict=False)
    )
