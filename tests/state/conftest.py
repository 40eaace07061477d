"""An open, migrated state on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from state import State


@pytest.fixture
def encryption_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def state(state_url: str, encryption_key: str) -> Iterator[State]:
    state = State.open(state_url, encryption_key=encryption_key)
    yield state
    state.close()
