"""What the watch tells of tenants, beside other processes that write."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import PoolProxiedConnection, event

from state import State, tenant_watch
from state.tenant_watch import PostgreSQLWatch, SQLiteWatch, TenantWatch, watch_tenants
from state.tenants import Tenant
from tests.conftest import OTHER_TENANT, TENANT

NOBODY = "00000000-0000-4000-8000-0000000000ff"
WRITES = 100
CALLERS = 50
MANY = 4_000
# Seconds that a round may take on a busy machine.
PATIENCE = 30


@pytest.fixture(autouse=True)
def wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_watch, "WAIT_SECONDS", PATIENCE)
    monkeypatch.setattr(tenant_watch, "READ_SECONDS", PATIENCE)


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


async def ask_as_request(watch: TenantWatch, user: str) -> Tenant | None:
    """Ask as a request does, which the loop hands out after whatever came before it."""
    return await asyncio.create_task(watch.get_tenant(user))


def test_whatever_another_process_has_committed_is_seen_at_once(state_url: str, watch: TenantWatch) -> None:
    other = State.open(state_url)

    async def write_and_look() -> None:
        assert await ask_as_request(watch, TENANT) == Tenant(frozenset(), 0)
        for number in range(1, WRITES + 1):
            written = other.tenants.advance_data_version(TENANT)
            assert await ask_as_request(watch, TENANT) == Tenant(frozenset(), written)
            assert written == number
        other.connections.put(TENANT, "ga4", "1")
        other.connections.put(TENANT, "ga4", "2")
        other.connections.put(OTHER_TENANT, "meta", "act_1")
        assert await ask_as_request(watch, TENANT) == Tenant(frozenset({"ga4"}), WRITES)
        assert await ask_as_request(watch, OTHER_TENANT) == other.tenants.get(OTHER_TENANT)
        other.connections.delete(TENANT, "ga4")
        assert await ask_as_request(watch, TENANT) == Tenant(frozenset(), WRITES)
        assert await ask_as_request(watch, NOBODY) == Tenant(frozenset(), 0)

    asyncio.run(write_and_look())
    other.close()


def test_what_its_own_process_has_written_is_seen_at_once(state: State, watch: TenantWatch) -> None:
    async def write_and_look() -> None:
        for _ in range(3):
            written = state.tenants.advance_data_version(TENANT)
            found = await ask_as_request(watch, TENANT)
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


@pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)
def test_requests_that_are_handed_out_together_share_a_look(state_url: str, watch: SQLiteWatch) -> None:
    other, looks = State.open(state_url), list[str]()

    async def look_together() -> None:
        await watch.get_tenant(TENANT)
        watch._connection.get_connection().set_trace_callback(looks.append)
        for turn in range(3):
            earlier = [asyncio.create_task(watch.get_tenant(TENANT)) for _ in range(CALLERS)]
            written = other.tenants.advance_data_version(TENANT)
            assert {found and found.data_version for found in await asyncio.gather(*earlier)} == {written}
            assert looks.count("PRAGMA data_version") == turn + 1

    asyncio.run(look_together())
    other.close()


@pytest.mark.parametrize("state_url", ["postgresql"], indirect=True)
def test_so_many_users_at_once_that_they_are_sent_in_parts(
    state: State, watch: PostgreSQLWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"00000000-0000-4000-8000-{number:012}" for number in range(MANY)]
    state.connections.put(users[-1], "ga4", "1")
    waits: list[int] = []

    async def look_together() -> list[Tenant | None]:
        loop = asyncio.get_running_loop()
        await watch.get_tenant(TENANT)
        descriptor = watch._connection.get_connection().pgconn.socket
        with socket.socket(fileno=os.dup(descriptor)) as copied:
            copied.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        original = loop.add_writer

        def add_writer(*given: Any) -> Any:
            waits.append(given[0])
            return original(*given)

        monkeypatch.setattr(loop, "add_writer", add_writer)
        return await asyncio.gather(*(watch.get_tenant(user) for user in users))

    *others, last = asyncio.run(look_together())
    assert last == Tenant(frozenset({"ga4"}), 0)
    assert set(others) == {Tenant(frozenset(), 0)}
    assert waits


def test_whoever_is_interrupted_spoils_it_for_nobody(state: State, watch: TenantWatch) -> None:
    state.tenants.advance_data_version(TENANT)

    async def interrupt_and_look() -> list[Tenant | BaseException | None]:
        looks = [asyncio.create_task(watch.get_tenant(TENANT)) for _ in range(3)]
        await asyncio.sleep(0)
        looks[1].cancel()
        return await asyncio.gather(*looks, return_exceptions=True)

    first, _, last = asyncio.run(interrupt_and_look())
    assert first == last == Tenant(frozenset(), 1)

    async def leave_at_once() -> None:
        asyncio.create_task(watch.get_tenant(TENANT))  # noqa: RUF006 - the loop ends before it does
        await asyncio.sleep(0)

    async def look() -> Tenant | None:
        return await watch.get_tenant(TENANT)

    # The end of a loop, in the midst of a round, is no end of the watch.
    asyncio.run(leave_at_once())
    assert asyncio.run(look()) == Tenant(frozenset(), 1)


@pytest.mark.parametrize("read_seconds", [0.1, 60])
def test_a_lock_keeps_nobody_waiting_for_long(
    state: State, watch: TenantWatch, monkeypatch: pytest.MonkeyPatch, read_seconds: float
) -> None:
    is_sqlite = state.database.dialect == "sqlite"

    async def look() -> Tenant | None:
        return await watch.get_tenant(TENANT)

    assert asyncio.run(look()) == Tenant(frozenset(), 0)
    monkeypatch.setattr(tenant_watch, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(tenant_watch, "READ_SECONDS", read_seconds)
    with state.database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
        if not is_sqlite:
            connection.exec_driver_sql("LOCK TABLE connections IN ACCESS EXCLUSIVE MODE")

        async def look_on() -> set[Tenant | None]:
            # The first one's round is under way all the time, or has been given up with its connection.
            async with asyncio.timeout(30):
                return {await watch.get_tenant(TENANT) for _ in range(4)}

        assert asyncio.run(look_on()) == {Tenant(frozenset(), 0) if is_sqlite else None}
        connection.exec_driver_sql("ROLLBACK")
    monkeypatch.setattr(tenant_watch, "WAIT_SECONDS", PATIENCE)
    assert asyncio.run(look()) == Tenant(frozenset(), 0)


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
