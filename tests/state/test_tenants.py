"""The one question of every widget request: which sources, and how new."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, update

from state import State
from state.tables import connections
from state.tenants import Tenant
from tests.conftest import OTHER_TENANT, TENANT


def test_an_unknown_user_has_no_sources(state: State) -> None:
    assert state.tenants.get(TENANT) == Tenant(sources=frozenset(), data_version=0)


@pytest.mark.parametrize("status", ["active", "external", "needs_reauth", "anything"])
def test_a_source_is_connected_whatever_its_status(state: State, status: str) -> None:
    state.connections.put(TENANT, "ga4", "1")
    state.connections.put(TENANT, "ga4", "2")
    state.connections.put(TENANT, "meta", "act_1")
    state.connections.put(OTHER_TENANT, "instagram", "9")
    with state.database.connect() as connection:
        connection.execute(update(connections).values(status=status))
    assert state.tenants.get(TENANT) == Tenant(sources=frozenset({"ga4", "meta"}), data_version=0)


def test_the_data_version_only_moves_on(state: State) -> None:
    assert [state.tenants.advance_data_version(TENANT) for _ in range(3)] == [1, 2, 3]
    assert state.tenants.get(TENANT) == Tenant(sources=frozenset(), data_version=3)
    assert state.tenants.get(OTHER_TENANT).data_version == 0


def test_no_advance_is_lost(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: state.tenants.advance_data_version(TENANT), range(8)))
    assert sorted(versions) == list(range(1, 9))


def test_a_request_costs_one_statement(state: State) -> None:
    state.connections.put(TENANT, "ga4", "1")
    state.tenants.advance_data_version(TENANT)
    statements: list[str] = []
    event.listen(state.database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert state.tenants.get(TENANT) == Tenant(sources=frozenset({"ga4"}), data_version=1)
    assert len(statements) == 1
