"""Each user's tenant as it is now, without a statement for every request.

Whatever any process has committed before a request came, the request sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.exc import SQLAlchemyError

from state.database import StateDatabase
from state.tenants import READ_TENANT, Tenant, build_tenant

MAX_TENANTS = 50_000
# Seconds that a request waits for a round before it goes the way that tells why.
WAIT_SECONDS = 0.5

# Seconds after which a round's connection is given up.
READ_SECONDS = 5.0

READ_TENANTS = b"""
    SELECT CAST(user_id AS text), source, NULL FROM connections WHERE user_id = ANY($1::uuid[])
    UNION ALL
    SELECT CAST(user_id AS text), NULL, CAST(version AS text) FROM data_versions WHERE user_id = ANY($1::uuid[])
"""
# The name that the statement is prepared under.
STATEMENT = b"read_tenants"
# libpq's statuses of a statement that has been prepared, and of one that has given rows.
PREPARED, ROWS = 1, 2


class TenantWatch(Protocol):
    """Tells the tenants of users; its methods are called from one event loop."""

    async def get_tenant(self, user: str) -> Tenant | None:
        """Return the user's tenant as of this call or later; None where the database does not tell at once."""

    def close(self) -> None: ...


def watch_tenants(database: StateDatabase) -> TenantWatch:
    """Return the watch for the kind of database; it connects when it is first asked."""
    return SQLiteWatch(database) if database.dialect == "sqlite" else PostgreSQLWatch(database)


class WatchConnection:
    """One connection of the state database, kept open, and opened again when its pool is emptied or it fails.

    `prepare` gets each new one.
    """

    def __init__(self, database: StateDatabase, prepare: Callable[[Any], None] | None = None) -> None:
        self.database = database
        self.prepare = prepare
        self.errors = (SQLAlchemyError, database.engine.dialect.loaded_dbapi.Error)
        self.pooled: PoolProxiedConnection | None = None
        # The driver's own, which the pool looks up anew for everyone who asks.
        self.connection: Any = None
        self.is_outdated = False
        event.listen(database.engine, "engine_disposed", self.mark_outdated)

    def mark_outdated(self, _: object) -> None:
        self.is_outdated = True

    def get_connection(self) -> Any:
        """Return the driver's connection. Raises one of `errors`."""
        if self.is_outdated:
            self.drop()
        if self.connection is None:
            self.is_outdated = False
            self.pooled = self.database.engine.raw_connection()
            self.connection = self.pooled.driver_connection
            if self.prepare is not None:
                self.prepare(self.connection)
        return self.connection

    @property
    def is_open(self) -> bool:
        return self.connection is not None and not self.is_outdated

    def drop(self) -> None:
        pooled, self.pooled, self.connection = self.pooled, None, None
        if pooled is not None:
            with suppress(*self.errors):
                pooled.invalidate()


class SQLiteWatch:
    """Asks SQLite whether another connection has written since, which takes microseconds and waits for no lock.

    A tenant is read again, by its key, after any write. Requests that the event loop hands out together share a look:
    it calls in the order of registration, so that whoever runs before a look is forgotten had come before it was made.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._connection = WatchConnection(database, self._prepare)
        # Whether there has been a look that those who run now may rely on.
        self._has_looked = False
        # The tenants that have been read since the last write, whose number this is.
        self._version: int | None = None
        self._tenants: dict[str, Tenant] = {}

    async def get_tenant(self, user: str) -> Tenant | None:
        try:
            connection = self._connection.get_connection()
            if not self._has_looked:
                self._look(connection)
            tenant = self._tenants.get(user)
            if tenant is None:
                tenant = build_tenant(connection.execute(READ_TENANT, (user, user)).fetchall())
                self._tenants[user] = tenant
        except self._connection.errors:
            self._connection.drop()
            return None
        return tenant

    def _look(self, connection: Any) -> None:
        """Forget the tenants if anything has been written since they were read."""
        ((version,),) = connection.execute("PRAGMA data_version").fetchall()
        if version != self._version or len(self._tenants) >= MAX_TENANTS:
            self._tenants.clear()
            self._version = version
        self._has_looked = True
        asyncio.get_running_loop().call_soon(self._forget_look)

    def _forget_look(self) -> None:
        self._has_looked = False

    def _prepare(self, connection: Any) -> None:
        # The numbers of another connection mean nothing to this one.
        self._version, self._has_looked = None, False
        # It is used in the event loop, so that it must neither wait nor write.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._connection.drop()


class UnreadRound(Exception):
    """The database has answered a round with something other than rows."""


class TenantRound:
    """Who waits for one round: the users, and what each request of theirs waits for."""

    __slots__ = ("timer", "waiting")

    def __init__(self, expire: Callable[[TenantRound], None], loop: asyncio.AbstractEventLoop) -> None:
        self.waiting: dict[str, list[asyncio.Future[Tenant | None]]] = {}
        self.timer = loop.call_later(WAIT_SECONDS, expire, self)

    def settle(self, found: Mapping[str, Tenant]) -> None:
        """Give each request its tenant, None where it is not found; nothing to those that have been given up."""
        self.timer.cancel()
        for user, futures in self.waiting.items():
            for future in futures:
                if not future.done():
                    future.set_result(found.get(user))


class PostgreSQLWatch:
    """Reads tenants in rounds, a statement each: a request joins the round that begins after it came.

    So the requests that come while a round is read share the next one. The statement is sent and received in the event
    loop, through libpq: another thread, or a cursor, would take longer than the database.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._connection = WatchConnection(database)
        # The libpq connection on which the statement is prepared.
        self._prepared: Any = None
        self._executor: ThreadPoolExecutor | None = None
        self._next: TenantRound | None = None
        self._reading: asyncio.Task[None] | None = None

    async def get_tenant(self, user: str) -> Tenant | None:
        loop = asyncio.get_running_loop()
        joined = self._next
        if joined is None:
            joined = self._next = TenantRound(self._give_up, loop)
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read_rounds(loop))
        future: asyncio.Future[Tenant | None] = loop.create_future()
        joined.waiting.setdefault(user, []).append(future)
        return await future

    def _give_up(self, current: TenantRound) -> None:
        """Let nobody wait for a round any longer, and nobody join it that has not begun."""
        if self._next is current:
            self._next = None
        current.settle({})

    async def _read_rounds(self, loop: asyncio.AbstractEventLoop) -> None:
        while (current := self._next) is not None:
            self._next = None
            found: Mapping[str, Tenant] = {}
            try:
                connection = await self._open_connection(loop)
                found = await self._read(connection.pgconn, current.waiting, loop)
            except (*self._connection.errors, UnreadRound, TimeoutError):
                self._connection.drop()
            finally:
                current.settle(found)

    async def _read(self, pgconn: Any, users: Collection[str], loop: asyncio.AbstractEventLoop) -> Mapping[str, Tenant]:
        """Read a round. Raises UnreadRound, TimeoutError, or an error of the driver."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                if pgconn is not self._prepared:
                    await prepare_statement(pgconn, loop)
                    self._prepared = pgconn
                return await read_tenants(pgconn, users, loop)
        except asyncio.CancelledError:
            # The answer is still to come.
            self._connection.drop()
            raise

    async def _open_connection(self, loop: asyncio.AbstractEventLoop) -> Any:
        if self._connection.is_open:
            return self._connection.get_connection()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="tenants")
        # Whoever is interrupted here leaves it to the thread.
        return await loop.run_in_executor(self._executor, self._connection.get_connection)

    def close(self) -> None:
        if self._reading is not None and not self._reading.done():
            self._reading.cancel()
        else:
            self._connection.drop()
        if self._executor is not None:
            self._executor.shutdown(wait=False)


async def prepare_statement(pgconn: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Prepare the statement of the rounds. Raises UnreadRound, or an error of the driver."""
    pgconn.send_prepare(STATEMENT, READ_TENANTS)
    await receive_result(pgconn, PREPARED, loop)


async def read_tenants(pgconn: Any, users: Collection[str], loop: asyncio.AbstractEventLoop) -> Mapping[str, Tenant]:
    """Read the tenants of users. Raises UnreadRound, or an error of the driver."""
    pgconn.send_query_prepared(STATEMENT, [f"{{{','.join(users)}}}".encode()])
    result = await receive_result(pgconn, ROWS, loop)
    by_user: dict[str, list[tuple[str | None, int | None]]] = {user: [] for user in users}
    for row in range(result.ntuples):
        user, source, version = (result.get_value(row, column) for column in range(3))
        by_user[user.decode()].append((source and source.decode(), version and int(version)))
    return {user: build_tenant(rows) for user, rows in by_user.items()}


async def receive_result(pgconn: Any, status: int, loop: asyncio.AbstractEventLoop) -> Any:
    """Send what has been begun, and return its one result. Raises UnreadRound for one of another status."""
    while pgconn.flush():
        await wait_until(loop, loop.add_writer, loop.remove_writer, pgconn.socket)
    results: list[Any] = []
    while not results or results[-1] is not None:
        while pgconn.is_busy():
            await wait_until(loop, loop.add_reader, loop.remove_reader, pgconn.socket)
            pgconn.consume_input()
        results.append(pgconn.get_result())
    if [each.status for each in results[:-1]] != [status]:
        raise UnreadRound
    return results[0]


async def wait_until(
    loop: asyncio.AbstractEventLoop, add: Callable[..., None], remove: Callable[[int], Any], descriptor: int
) -> None:
    """Wait until a descriptor can be read or written, by the loop's pair of functions."""
    ready = loop.create_future()
    add(descriptor, set_ready, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def set_ready(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
