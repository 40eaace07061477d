from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from state import State
from state.model_calls import ModelCalls

ALICE = "a11ce000-0000-4000-8000-00000000000a"
BOB = "b0b00000-0000-4000-8000-00000000000b"
DAY, NEXT = date(2025, 1, 1), date(2025, 1, 2)


def test_a_user_has_so_many_calls_a_day(state_url: str) -> None:
    state = State.open(state_url)
    calls = ModelCalls(state.database)
    assert [calls.spend(ALICE, DAY, most=2) for _ in range(4)] == [True, True, False, False]
    assert calls.spend(BOB, DAY, most=2)
    assert calls.spend(ALICE, NEXT, most=2)
    assert not calls.spend(ALICE, NEXT, most=0)
    state.close()


def test_the_count_outlives_the_process_and_has_one_row_a_user(state_url: str) -> None:
    for _ in range(2):
        state = State.open(state_url)
        ModelCalls(state.database).spend(ALICE, DAY, most=9)
        state.close()
    state = State.open(state_url)
    assert state.app_settings.get(f"llm_calls/{ALICE}") == {"day": "2025-01-01", "calls": 2}
    state.close()


def test_calls_at_once_are_all_counted(state_url: str) -> None:
    state = State.open(state_url)
    calls = ModelCalls(state.database)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: calls.spend(ALICE, DAY, most=25), range(40)))
    assert granted.count(True) == 25
    state.close()
