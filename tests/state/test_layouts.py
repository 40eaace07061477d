"""Layouts: what goes in comes out, and nobody's work is lost silently."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from state import State
from state.errors import StaleLayout
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.examples import try_examples

SAVERS = 8

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
numbers = st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9).filter(lambda number: number == 0 or abs(number) > 1e-9)
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def make_layout(name: str) -> dict[str, Any]:
    return {"widgets": [{"id": name}]}


def test_a_user_without_a_layout_has_no_widgets(state: State) -> None:
    assert state.layouts.get(TENANT) == {"widgets": []}


def test_a_saved_layout_outlives_the_process(state: State, state_url: str) -> None:
    saved = state.layouts.save(TENANT, make_layout("ga4.users"))
    assert saved == {"widgets": [{"id": "ga4.users"}], "version": 1}
    again = State.open(state_url)
    assert again.layouts.get(TENANT) == saved
    assert again.layouts.get(OTHER_TENANT) == {"widgets": []}
    again.close()


@try_examples(
    40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(widget=st.dictionaries(texts, documents, max_size=3))
def test_unknown_properties_come_back_untouched(state: State, widget: dict[str, Any]) -> None:
    saved = state.layouts.save(TENANT, {"widgets": [widget], "theme": widget})
    assert saved["widgets"] == [widget]
    assert saved["theme"] == widget
    assert state.layouts.get(TENANT) == saved


def test_each_save_moves_the_version_by_one(state: State) -> None:
    first = state.layouts.save(TENANT, make_layout("one"), version=0)
    second = state.layouts.save(TENANT, first | make_layout("two"), version=first["version"])
    third = state.layouts.save(TENANT, make_layout("three"))
    assert [saved["version"] for saved in (first, second, third)] == [1, 2, 3]
    assert state.layouts.get(TENANT) == {"widgets": [{"id": "three"}], "version": 3}


def test_a_stale_version_saves_nothing_and_carries_the_current_layout(state: State) -> None:
    read = state.layouts.save(TENANT, make_layout("read by both tabs"))
    current = state.layouts.save(TENANT, make_layout("first tab"), version=read["version"])
    with pytest.raises(StaleLayout, match="saved elsewhere") as caught:
        state.layouts.save(TENANT, make_layout("second tab"), version=read["version"])
    assert caught.value.current == current == state.layouts.get(TENANT)


@pytest.mark.parametrize("version", [1, 7, -1, 2**62, 2**63, 10**40])
def test_a_version_that_was_never_given_is_stale(state: State, version: int) -> None:
    with pytest.raises(StaleLayout) as caught:
        state.layouts.save(TENANT, make_layout("one"), version=version)
    assert caught.value.current == state.layouts.get(TENANT) == {"widgets": []}


@pytest.mark.parametrize("saves_before", [0, 1])
def test_of_many_tabs_with_one_version_one_wins(state: State, saves_before: int) -> None:
    for _ in range(saves_before):
        state.layouts.save(TENANT, make_layout("before"))

    def save(tab: int) -> dict[str, Any] | StaleLayout:
        try:
            return state.layouts.save(TENANT, make_layout(f"tab {tab}"), version=saves_before)
        except StaleLayout as stale:
            return stale

    with ThreadPoolExecutor(SAVERS) as pool:
        outcomes = list(pool.map(save, range(SAVERS)))
    winners = [outcome for outcome in outcomes if not isinstance(outcome, StaleLayout)]
    assert winners == [state.layouts.get(TENANT)]
    losers = [outcome.current for outcome in outcomes if isinstance(outcome, StaleLayout)]
    assert losers == winners * (SAVERS - 1)


def test_without_a_version_every_save_succeeds(state: State) -> None:
    with ThreadPoolExecutor(SAVERS) as pool:
        saved = list(pool.map(lambda tab: state.layouts.save(TENANT, make_layout(f"tab {tab}")), range(SAVERS)))
    assert sorted(each["version"] for each in saved) == list(range(1, SAVERS + 1))
    last = max(saved, key=lambda each: each["version"])
    assert state.layouts.get(TENANT) == last


def test_upper_and_lower_case_are_one_tenant(state: State) -> None:
    user = "abcdef00-1111-4111-8111-111111111111"
    state.layouts.save(user.upper(), make_layout("one"))
    assert state.layouts.save(user, make_layout("two"), version=1) == {"widgets": [{"id": "two"}], "version": 2}
    assert state.layouts.get(user.upper()) == state.layouts.get(user)
