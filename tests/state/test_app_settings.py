from __future__ import annotations

from typing import Any

import pytest

from state import State


def test_an_unknown_key_has_no_value(state: State) -> None:
    assert state.app_settings.get("last_sync") is None


@pytest.mark.parametrize("value", [{"at": "2025-01-01T00:00:00Z", "job_id": "x"}, [1, 2.5], "text", 7, 1.5, True, None])
def test_a_value_comes_back_as_it_was_set(state: State, value: Any) -> None:
    state.app_settings.set("key", "before")
    state.app_settings.set("key", value)
    read = state.app_settings.get("key")
    assert read == value
    assert type(read) is type(value)
