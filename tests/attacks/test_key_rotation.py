"""A new key before the old one in ENCRYPTION_KEY, and then the new one alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from state import State
from state.errors import UnreadableCredentials
from state.tables import connections
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.installations import Installation

pytestmark = pytest.mark.server

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
ACCOUNTS = ((TENANT, "meta", "act_1"), (TENANT, "ga4", "7"), (OTHER_TENANT, "meta", "act_1"))


@pytest.fixture
def under_old_key(state_url: str) -> str:
    """The URL of a state database whose credentials are under the old key, but for one account's."""
    state = State.open(state_url, encryption_key=OLD)
    for user, source, account in ACCOUNTS:
        state.connections.put(user, source, account, {"access_token": f"token of {account}"})
    state.connections.put(TENANT, "meta", "act_9")
    state.close()
    state = State.open(state_url, encryption_key=LOST)
    state.connections.put(OTHER_TENANT, "ga4", "8", {"access_token": "under a key that is gone"})
    state.close()
    return state_url


def assert_new_key_suffices(state_url: str) -> None:
    state = State.open(state_url, encryption_key=NEW)
    for user, source, account in ACCOUNTS:
        assert dict(state.connections.get_credentials(user, source, account) or {}) == {
            "access_token": f"token of {account}"
        }
    assert state.connections.get_credentials(TENANT, "meta", "act_9") is None
    with pytest.raises(UnreadableCredentials):
        state.connections.get_credentials(OTHER_TENANT, "ga4", "8")
    state.close()


def read_ciphertexts(state_url: str) -> list[str | None]:
    state = State.open(state_url)
    with state.database.connect() as connection:
        key = (connections.c.user_id, connections.c.source, connections.c.account_id)
        found = [*connection.execute(select(connections.c.credentials).order_by(*key)).scalars()]
    state.close()
    return found


def test_migrate_encrypts_anew(under_old_key: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"DATABASE_URL": under_old_key, "ENCRYPTION_KEY": f"{NEW}, {OLD}"})
    first = installation.run("migrate")
    assert first.returncode == 0, first.log
    assert "all credentials are under the first key of ENCRYPTION_KEY, 3 of them since now" in first.output
    assert first.log == "except those of 1 account, which no key decrypts: connect them again\n"
    assert_new_key_suffices(under_old_key)
    before = read_ciphertexts(under_old_key)
    assert "0 of them since now" in installation.run("migrate").output
    assert read_ciphertexts(under_old_key) == before


def test_a_start_encrypts_anew(under_old_key: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"DATABASE_URL": under_old_key, "ENCRYPTION_KEY": f"{NEW},{OLD}"})
    with installation.serve():
        assert_new_key_suffices(under_old_key)
    log = (tmp_path / "log").read_text()
    assert "ENCRYPTION_KEY: accounts whose credentials no key decrypts: 1" in log
    assert not any(secret in log for secret in (OLD, NEW, "token of"))
