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

READ_TENANTS = """
    SELECT CAST(user_id AS text), source, NULL FROM connections WHERE user_id = ANY(%(users)s::uuid[])
    UNION ALL
    SELECT CAST(user_id AS text), NULL, version FROM data_versions WHERE user_id = ANY(%(users)s::uuid[])
"""


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

    def drop(self) -> None:
        pooled, self.pooled, self.connection = self.pooled, None, None
        if pooled is not None:
            with suppress(*self.errors):
                pooled.invalidate()


class SQLiteWatch:
    """Asks SQLite whether another connection has written since, which takes microseconds and waits for no lock.

    A tenant is read again, by its key, after any write.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._connection = WatchConnection(database, self._prepare)
        # The tenants that have been read since the last write, whose number this is.
        self._version: int | None = None
        self._tenants: dict[str, Tenant] = {}

    async def get_tenant(self, user: str) -> Tenant | None:
        try:
            connection = self._connection.get_connection()
            ((version,),) = connection.execute("PRAGMA data_version").fetchall()
            if version != self._version or len(self._tenants) >= MAX_TENANTS:
                self._tenants.clear()
                self._version = version
            tenant = self._tenants.get(user)
            if tenant is None:
                tenant = build_tenant(connection.execute(READ_TENANT, (user, user)).fetchall())
                self._tenants[user] = tenant
        except self._connection.errors:
            self._connection.drop()
            return None
        return tenant

    def _prepare(self, connection: Any) -> None:
        # The numbers of another connection mean nothing to this one.
        self._version = None
        # It is used in the event loop, so that it must neither wait nor write.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._connection.drop()


class TenantRound:
    """The users of one round, and what is to be found of them."""

    __slots__ = ("found", "users")

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.found: asyncio.Future[Mapping[str, Tenant] | None] = asyncio.get_running_loop().create_future()


class PostgreSQLWatch:
    """Reads tenants in rounds, a statement each: a request joins the round that begins after it came.

    So the requests that come while a round is read share the next one.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._connection = WatchConnection(database)
        self._executor: ThreadPoolExecutor | None = None
        self._next: TenantRound | None = None
        self._reading: asyncio.Task[None] | None = None

    async def get_tenant(self, user: str) -> Tenant | None:
        joined = self._next
        if joined is None:
            joined = self._next = TenantRound()
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_rounds())
        joined.users.add(user)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                found = await asyncio.shield(joined.found)
        except TimeoutError:
            return None
        return None if found is None else found[user]

    async def _read_rounds(self) -> None:
        loop = asyncio.get_running_loop()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="tenants")
        while (current := self._next) is not None:
            self._next = None
            found = None
            try:
                found = await loop.run_in_executor(self._executor, self._read, current.users)
            finally:
                current.found.set_result(found)

    def _read(self, users: Collection[str]) -> Mapping[str, Tenant] | None:
        try:
            rows = self._connection.get_connection().execute(READ_TENANTS, {"users": list(users)}).fetchall()
        except self._connection.errors:
            self._connection.drop()
            return None
        by_user: dict[str, list[tuple[str | None, int | None]]] = {user: [] for user in users}
        for user, source, version in rows:
            by_user[user].append((source, version))
        return {user: build_tenant(found) for user, found in by_user.items()}

    def close(self) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.submit(self._connection.drop)
            executor.shutdown(wait=False)
