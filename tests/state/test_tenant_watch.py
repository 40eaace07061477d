"""What the watch tells of tenants, beside other processes that write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import PoolProxiedConnection, event

from state import State
from state.tenant_watch import TenantWatch, watch_tenants
from state.tenants import Tenant
from tests.conftest import OTHER_TENANT, TENANT

NOBODY = "00000000-0000-4000-8000-0000000000ff"
WRITES = 100
CALLERS = 50


@pytest.fixture
def state(state_url: str) -> Iterator[State]:
    opened = State.open(state_url)
    yield opened
    opened.close()


@pytest.fixture
def watch(state: State) -> Iterator[TenantWatch]:
    found = watch_tenants(state.database)
    yield found
    found.close()


def test_whatever_another_process_has_committed_is_seen_at_once(state_url: str, watch: TenantWatch) -> None:
    other = State.open(state_url)

    async def write_and_look() -> None:
        assert await watch.get_tenant(TENANT) == Tenant(frozenset(), 0)
        for number in range(1, WRITES + 1):
            written = other.tenants.advance_data_version(TENANT)
            assert await watch.get_tenant(TENANT) == Tenant(frozenset(), written)
            assert written == number
        other.connections.put(TENANT, "ga4", "1")
        other.connections.put(TENANT, "ga4", "2")
        other.connections.put(OTHER_TENANT, "meta", "act_1")
        assert await watch.get_tenant(TENANT) == Tenant(frozenset({"ga4"}), WRITES)
        assert await watch.get_tenant(OTHER_TENANT) == other.tenants.get(OTHER_TENANT)
        other.connections.delete(TENANT, "ga4")
        assert await watch.get_tenant(TENANT) == Tenant(frozenset(), WRITES)
        assert await watch.get_tenant(NOBODY) == Tenant(frozenset(), 0)

    asyncio.run(write_and_look())
    other.close()


def test_what_its_own_process_has_written_is_seen_at_once(state: State, watch: TenantWatch) -> None:
    async def write_and_look() -> None:
        for _ in range(3):
            written = state.tenants.advance_data_version(TENANT)
            found = await watch.get_tenant(TENANT)
            assert found is not None
            assert found.data_version == written

    asyncio.run(write_and_look())


def test_many_requests_at_once_make_few_statements(state: State, watch: TenantWatch) -> None:
    users = [f"00000000-0000-4000-8000-{number:012}" for number in range(CALLERS)]
    for number in range(CALLERS):
        state.connections.put(users[number], "ga4" if number % 2 else "meta", "1")
    texts: list[str] = []

    async def look_together() -> list[Tenant | None]:
        return await asyncio.gather(*(watch.get_tenant(user) for user in (*users, *users)))

    assert asyncio.run(look_together()) == [state.tenants.get(user) for user in (*users, *users)]
    event.listen(state.database.engine, "before_cursor_execute", lambda *given: texts.append(given[2]))
    asyncio.run(look_together())
    # None of them by the way that takes a statement each.
    assert texts == []


def test_a_database_that_is_away_is_no_answer_and_it_comes_back(state: State, watch: TenantWatch) -> None:
    original = state.database.engine.raw_connection

    def refuse() -> PoolProxiedConnection:
        raise state.database.engine.dialect.loaded_dbapi.OperationalError("away")

    async def look() -> Tenant | None:
        return await watch.get_tenant(TENANT)

    assert asyncio.run(look()) == Tenant(frozenset(), 0)
    state.close()
    state.database.engine.raw_connection = refuse  # type: ignore[method-assign]
    assert asyncio.run(look()) is None
    state.database.engine.raw_connection = original  # type: ignore[method-assign]
    assert asyncio.run(look()) == Tenant(frozenset(), 0)
