"""SQLite: the embedded default. Each thread reads through a connection of its own."""

from __future__ import annotations

import math
import re
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakSet

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection, StaticPool

from engine.compiler.dialects.sqlite import SQLite
from engine.warehouse.drivers.base import CONNECT_SECONDS, STATEMENT_SECONDS, limit_seconds
from engine.warehouse.drivers.sqlalchemy_pool import SQLAlchemyDriver, get_message_line, unwrap_driver_error

BUSY_SECONDS = 30
READER_CACHE_KILOBYTES = 512
# Steps of SQLite's virtual machine between two checks of the deadline: a few milliseconds.
STEPS_BETWEEN_CHECKS = 500_000
# Of a statement that reads, and of one that writes.
LAYOUT_FAULT = re.compile(r"no such (table|column): |table \S+ has no column named ")

REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_CANTOPEN: "check the path, and that its folder exists and may be written",
    sqlite3.SQLITE_READONLY: "the file or its folder may not be written; give this user the right to",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk fails, or lets the file grow no further; check the disk",
    sqlite3.SQLITE_NOTADB: "the file is something else; name an SQLite database or a file that does not exist yet",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_BUSY: "another process holds the file; try again when it is done",
    sqlite3.SQLITE_INTERRUPT: f"the statement took longer than {STATEMENT_SECONDS} s; ask for fewer days",
}


class SQLiteDriver(SQLAlchemyDriver):
    embedded = True
    driver_error = sqlite3.Error

    def __init__(self, url: sqlalchemy.URL) -> None:
        is_in_memory = url.database in (None, "", ":memory:")
        super().__init__(
            sqlalchemy.create_engine(
                url,
                # In memory the one connection is the database; for a file each thread keeps its own.
                poolclass=StaticPool if is_in_memory else NullPool,
                connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
            )
        )
        sqlalchemy.event.listen(self._engine, "connect", prepare_connection)
        self.dialect = SQLite()
        self._local = threading.local()
        self._readers: WeakSet[PoolProxiedConnection] = WeakSet()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        try:
            rows: Sequence[Sequence[Any]] = self._get_reader().execute(sql, parameters).fetchall()
        except self.errors:
            self._drop_reader()
            raise
        return rows

    def _get_reader(self) -> Any:
        """Return this thread's raw connection; asking the pool each time would cost a tenth more."""
        local = self._local
        local.deadline = time.monotonic() + limit_seconds(STATEMENT_SECONDS)
        if getattr(local, "pooled", None) is None:
            pooled = local.pooled = self._engine.raw_connection()
            connection: Any = pooled.driver_connection
            local.connection = connection
            self._readers.add(pooled)
            if not isinstance(self._engine.pool, StaticPool):
                # Only this thread uses the connection, which cannot write and aborts a statement at the deadline.
                connection.execute("PRAGMA query_only=ON")
                # Each thread has its own pages, and the system has them all.
                connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KILOBYTES}")
                # A reader rarely waits for a lock; a progress handler is not called meanwhile.
                connection.execute(f"PRAGMA busy_timeout={CONNECT_SECONDS * 1_000}")
                connection.set_progress_handler(lambda: time.monotonic() > local.deadline, STEPS_BETWEEN_CHECKS)
        return local.connection

    def _drop_reader(self) -> None:
        pooled = getattr(self._local, "pooled", None)
        if pooled is not None:
            self._local.pooled = self._local.connection = None
            pooled.close()

    def is_missing_table(self, error: Exception) -> bool:
        return str(unwrap_driver_error(error)).startswith("no such table: ")

    def is_layout_fault(self, error: Exception) -> bool:
        return LAYOUT_FAULT.match(str(unwrap_driver_error(error))) is not None

    def is_timeout(self, error: Exception) -> bool:
        code = getattr(unwrap_driver_error(error), "sqlite_errorcode", None)
        return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT)

    def explain_error(self, error: Exception) -> str:
        fault = unwrap_driver_error(error)
        message = get_message_line(fault)
        if self.is_layout_fault(error):
            return f"{message}; `metric-engine validate --database` tells what differs from the declarations"
        code = getattr(fault, "sqlite_errorcode", None)
        remedy = None if code is None else REMEDIES.get(code & 0xFF)
        return f"{message}; {remedy}" if remedy else message

    def close(self) -> None:
        for pooled in list(self._readers):
            pooled.close()
        self._local = threading.local()
        super().close()


def floor_number(value: float | None) -> float | None:
    return value if value is None or not math.isfinite(value) else float(math.floor(value))


class Percentile:
    """The aggregate that SQLite lacks: of the values in order the one at a part, or on the line between two."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.fraction = 0.0

    def step(self, value: float | None, fraction: float) -> None:
        self.fraction = fraction
        if value is not None:
            self.values.append(value)

    def finalize(self) -> float | None:
        if not self.values:
            return None
        self.values.sort()
        place = self.fraction * (len(self.values) - 1)
        low, high = self.values[math.floor(place)], self.values[math.ceil(place)]
        return low + (place - math.floor(place)) * (high - low)


def prepare_connection(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Let readers not wait for a writer, and make LIKE respect case as other engines do."""
    driver: Any = connection
    # SQLAlchemy has replaced SQLite's FLOOR by one that fails on NULL.
    driver.create_function("floor", 1, floor_number, deterministic=True)
    driver.create_aggregate("percentile_cont", 2, Percentile)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA case_sensitive_like=ON")
    cursor.close()
