"""Connections: what counts as connected, and credentials that never leave."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from state import State
from state.connections import Connection, Rotation
from state.errors import NoEncryptionKey, UnreadableCredentials
from state.tables import connections, metadata
from tests.conftest import OTHER_TENANT, TENANT

TOKEN = {"access_token": "EAAB-very-secret-token"}
SYNCED = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def make_connection(source: str, account_id: str, status: str) -> Connection:
    return Connection(source, account_id, status, last_success_at=None, last_error=None)


def read_stored_credentials(state: State, user: str, source: str, account_id: str) -> dict[str, Any] | None:
    credentials = state.connections.get_credentials(user, source, account_id)
    return None if credentials is None else dict(credentials)


def test_a_user_starts_without_connections(state: State) -> None:
    assert state.connections.list_connections(TENANT) == ()


def test_one_or_several_accounts_a_source(state: State) -> None:
    assert state.connections.put(TENANT, "meta", "act_2", TOKEN) == make_connection("meta", "act_2", "active")
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    assert state.connections.put(TENANT, "ga4", "123") == make_connection("ga4", "123", "external")
    state.connections.put(OTHER_TENANT, "instagram", "9", TOKEN)
    assert state.connections.list_connections(TENANT) == (
        make_connection("ga4", "123", "external"),
        make_connection("meta", "act_1", "active"),
        make_connection("meta", "act_2", "active"),
    )


def test_credentials_come_out_for_the_account_alone(state: State) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    state.connections.put(TENANT, "ga4", "123")
    assert read_stored_credentials(state, TENANT, "meta", "act_1") == TOKEN
    assert read_stored_credentials(state, TENANT, "ga4", "123") is None
    assert read_stored_credentials(state, TENANT, "meta", "act_2") is None
    assert read_stored_credentials(state, OTHER_TENANT, "meta", "act_1") is None


def test_new_credentials_heal_a_connection(state: State) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    broken = {"status": "needs_reauth", "last_error": "the token has expired", "last_success_at": SYNCED}
    with state.database.connect() as opened:
        opened.execute(update(connections).values(broken))
    assert state.connections.list_connections(TENANT) == (
        Connection("meta", "act_1", "needs_reauth", SYNCED, "the token has expired"),
    )
    renewed = state.connections.put(TENANT, "meta", "act_1", {"access_token": "another"})
    assert renewed == Connection("meta", "act_1", "active", SYNCED, None)
    assert read_stored_credentials(state, TENANT, "meta", "act_1") == {"access_token": "another"}


def test_a_connection_put_without_credentials_loses_them(state: State) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    assert state.connections.put(TENANT, "meta", "act_1") == make_connection("meta", "act_1", "external")
    assert read_stored_credentials(state, TENANT, "meta", "act_1") is None


def test_external_is_marked_once_and_never_downgrades(state: State) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    for _ in range(2):
        state.connections.mark_external(TENANT, "meta", "act_1")
        state.connections.mark_external(TENANT, "ga4")
    assert state.connections.list_connections(TENANT) == (
        make_connection("ga4", "", "external"),
        make_connection("meta", "act_1", "active"),
    )
    assert read_stored_credentials(state, TENANT, "meta", "act_1") == TOKEN


def test_accounts_are_removed_one_by_one_or_together(state: State) -> None:
    for account in ("act_1", "act_2", "act_3"):
        state.connections.put(TENANT, "meta", account, TOKEN)
    state.connections.put(TENANT, "ga4", "123")
    state.connections.put(OTHER_TENANT, "meta", "act_1")
    assert state.connections.delete(TENANT, "meta", "act_2") == 1
    assert state.connections.delete(TENANT, "meta", "act_2") == 0
    assert state.connections.delete(TENANT, "meta") == 2
    assert state.connections.list_connections(TENANT) == (make_connection("ga4", "123", "external"),)
    assert len(state.connections.list_connections(OTHER_TENANT)) == 1


def test_without_a_key_only_external_connections_can_be_stored(state_url: str) -> None:
    state = State.open(state_url)
    with pytest.raises(NoEncryptionKey):
        state.connections.put(TENANT, "meta", "act_1", TOKEN)
    assert state.connections.list_connections(TENANT) == ()
    state.connections.put(TENANT, "meta", "act_1")
    assert state.connections.list_connections(TENANT) == (make_connection("meta", "act_1", "external"),)
    state.close()


def test_rotation_lets_the_old_key_go(state: State, state_url: str, encryption_key: str) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    state.connections.put(OTHER_TENANT, "meta", "act_1", TOKEN)
    state.connections.put(TENANT, "ga4", "123")
    new = Fernet.generate_key().decode()

    stranger = State.open(state_url, encryption_key=new)
    assert stranger.connections.rotate() == Rotation(rotated=0, unreadable=2)
    assert read_stored_credentials(state, TENANT, "meta", "act_1") == TOKEN

    both = State.open(state_url, encryption_key=f"{new},{encryption_key}")
    assert both.connections.rotate() == Rotation(rotated=0, unreadable=0), "it was done at the start"
    assert read_stored_credentials(stranger, TENANT, "meta", "act_1") == TOKEN
    assert read_stored_credentials(stranger, OTHER_TENANT, "meta", "act_1") == TOKEN
    with pytest.raises(UnreadableCredentials):
        state.connections.get_credentials(TENANT, "meta", "act_1")
    stranger.close()
    both.close()


def test_a_dump_of_the_database_holds_no_token(state: State, tmp_path: Path) -> None:
    state.connections.put(TENANT, "meta", "act_1", TOKEN)
    with state.database.connect() as opened:
        rows = [row for table in metadata.sorted_tables for row in opened.execute(select(table))]
    dump = repr(rows).encode() + b"".join(file.read_bytes() for file in tmp_path.glob("state.db*"))
    assert b"act_1" in dump
    assert b"secret" not in dump


def test_upper_and_lower_case_are_one_tenant(state: State) -> None:
    user = "abcdef00-1111-4111-8111-111111111111"
    state.connections.put(user.upper(), "ga4", "123")
    state.connections.put(user, "ga4", "123", TOKEN)
    assert state.connections.list_connections(user.upper()) == (make_connection("ga4", "123", "active"),)
    assert state.tenants.get(user.upper()) == state.tenants.get(user)
    assert state.connections.delete(user.upper(), "ga4") == 1


def test_new_options_replace_the_users_and_not_what_a_sync_has_learnt(state: State) -> None:
    connections = state.connections
    connections.put(TENANT, "meta", "act_1", TOKEN, {"conversion_action": "lead"})
    connections.add_options(TENANT, "meta", "act_1", {"read_with": {"meta_ads_daily": {"value": "lead"}}})
    connections.put(TENANT, "meta", "act_1", TOKEN, {})
    [account] = connections.list_synced_accounts(TENANT)
    assert account.options == {"read_with": {"meta_ads_daily": {"value": "lead"}}}
    connections.put(TENANT, "meta", "act_1", TOKEN, {"conversion_action": "purchase"})
    [account] = connections.list_synced_accounts(TENANT)
    assert account.options == {"read_with": {"meta_ads_daily": {"value": "lead"}}, "conversion_action": "purchase"}
