"""The fact tables: one door to whatever database they are in."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from weakref import WeakSet

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection, StaticPool

from metric_engine.engine.dialects.base import Dialect
from metric_engine.engine.dialects.sqlite import SQLite
from metric_engine.engine.errors import InvalidSetting, WarehouseUnavailable
from metric_engine.engine.periods import Window
from metric_engine.engine.slices import CURSORS, Slice
from metric_engine.engine.tables import Table

BATCH = 500
BUSY_SECONDS = 30


class Warehouse:
    """Reads and fills the fact tables of one database. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Open nothing yet. Raises InvalidSetting for a URL that names no supported database."""
        try:
            parsed = sqlalchemy.make_url(url)
        except (ArgumentError, ValueError):
            raise InvalidSetting("WAREHOUSE_URL is not a database URL; write sqlite:///path, for example") from None
        if parsed.get_backend_name() != "sqlite":
            backend = parsed.get_backend_name()
            raise InvalidSetting(f"WAREHOUSE_URL: {backend!r} is not a supported warehouse; write sqlite:///path")
        self.dialect: Dialect = SQLite()
        memory = parsed.database in (None, "", ":memory:")
        self.engine = sqlalchemy.create_engine(
            parsed,
            # In memory one connection is the database; in a file each thread keeps its own.
            poolclass=StaticPool if memory else NullPool,
            connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        )
        sqlalchemy.event.listen(self.engine, "connect", prepare_sqlite)
        self._observe: Callable[[float], None] = unobserved
        self._local = threading.local()
        self._readers: WeakSet[PoolProxiedConnection] = WeakSet()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement. Raises WarehouseUnavailable."""
        began = time.perf_counter()
        try:
            rows: Sequence[Sequence[Any]] = self._reader().execute(sql, parameters).fetchall()
            return rows
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._drop_reader()
            raise WarehouseUnavailable(unavailable(error)) from error
        finally:
            self._observe(time.perf_counter() - began)

    def _reader(self) -> Any:
        """The driver's connection that this thread reads through; to ask the pool each time would cost a tenth."""
        pooled = getattr(self._local, "pooled", None)
        if pooled is None:
            pooled = self._local.pooled = self.engine.raw_connection()
            self._readers.add(pooled)
        return pooled.driver_connection

    def _drop_reader(self) -> None:
        pooled = getattr(self._local, "pooled", None)
        if pooled is not None:
            self._local.pooled = None
            pooled.close()

    def observe(self, seen: Callable[[float], None]) -> None:
        """Tell `seen` the seconds that each query takes from now on, one that fails too."""
        self._observe = seen

    def ping(self) -> None:
        """Raises WarehouseUnavailable when the database does not answer."""
        self.query("SELECT 1", {})

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Make the physical tables that are not there yet, as they are declared, and the engine's own."""
        with self.connection() as connection:
            for table in (*tables, CURSORS):
                if table.query is None:
                    connection.cursor().execute(self.dialect.create_table(table))
            connection.commit()

    def upsert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows, all or none; one with the key of a row that is there takes its place. How many there were."""
        return self._write(table, rows, None)

    def replace(self, table: Table, tenant: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Put these rows in the place of all of the tenant's. How many there were."""
        return self._write(table, rows, tenant)

    def _write(self, table: Table, rows: Iterable[Mapping[str, Any]], replaced_tenant: str | None) -> int:
        count = 0
        with self.transaction() as cursor:
            if replaced_tenant is not None:
                cursor.execute(self.dialect.delete(table), {"tenant": self.dialect.tenant(replaced_tenant)})
            for batch in batches(rows):
                self._insert(cursor, table, batch)
                count += len(batch)
        return count

    def _insert(self, cursor: DBAPICursor, table: Table, batch: Sequence[Mapping[str, Any]]) -> None:
        columns = tuple(batch[0])
        values = [self.dialect.values(table, columns, row) for row in batch]
        cursor.executemany(self.dialect.upsert(table, columns), values)

    def restate(self, slice_: Slice, rows: Iterable[Mapping[str, Any]]) -> int:
        """Put these rows in the place of the slice's, and move its cursor, all in one transaction. How many there were.

        The rows lie within the slice's days and lack its tenant and account, which are added here; others' rows
        cannot be reached. Raises ValueError for a row of another day, WarehouseUnavailable.
        """
        table, dialect = slice_.table, self.dialect
        fixed = {table.tenant: slice_.tenant} | ({table.account.name: slice_.account} if table.account else {})
        count = 0
        with self.transaction() as cursor:
            cursor.execute(dialect.delete_slice(table), dialect.slice_parameters(slice_))
            for batch in batches(rows):
                if not all(slice_.days.start <= row[table.time] <= slice_.days.end for row in batch):
                    raise ValueError(f"a row of {table.name} lies outside its slice")
                self._insert(cursor, table, [{**row, **fixed} for row in batch])
                count += len(batch)
            place = (dialect.tenant(slice_.tenant), table.name, slice_.account)
            cursor.execute(dialect.move_cursor(), (*place, *map(dialect.day, (slice_.days.start, slice_.days.end))))
        return count

    def held(self, slice_: Slice) -> list[dict[str, Any]]:
        """The slice's rows without tenant and account, such that `restate` takes them. Raises WarehouseUnavailable."""
        table = slice_.table
        account = table.account.name if table.account else None
        columns = [name for name in table.columns if name not in (table.tenant, account)]
        sql = self.dialect.select_slice(table, columns)
        rows = [dict(zip(columns, row, strict=True)) for row in self.query(sql, self.dialect.slice_parameters(slice_))]
        return [row | {table.time: date.fromisoformat(self.dialect.iso(row[table.time]))} for row in rows]

    def cursor(self, table: Table, tenant: str, account: str) -> Window | None:
        """The days of an account that have been restated, without a gap; None before the first."""
        sql = self.dialect.select_slice(CURSORS, ("first_day", "last_day", "account_id"))
        ever = Slice(CURSORS, tenant, table.name, Window(date.min, date.max))
        for first, last, found in self.query(sql, self.dialect.slice_parameters(ever)):
            if found == account:
                return Window(*(date.fromisoformat(self.dialect.iso(day)) for day in (first, last)))
        return None

    def close(self) -> None:
        """Close every connection; a later question opens new ones."""
        for pooled in list(self._readers):
            pooled.close()
        self._local = threading.local()
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[DBAPICursor]:
        """A driver's cursor in one transaction: committed at the end of the block, rolled back on any error."""
        with self.connection() as connection:
            try:
                yield connection.cursor()
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def connection(self) -> Iterator[DBAPIConnection]:
        """A driver's connection of the pool: SQLAlchemy opens and keeps it, the text goes to it as it is."""
        try:
            connection = self.engine.raw_connection()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise WarehouseUnavailable(unavailable(error)) from error
        try:
            yield connection
        except sqlite3.Error as error:
            raise WarehouseUnavailable(unavailable(error)) from error
        finally:
            connection.close()


def unobserved(seconds: float) -> None:
    """Nobody wants to know."""


def prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Readers do not wait for a writer, and LIKE tells upper from lower case as other engines do."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA case_sensitive_like=ON")
    cursor.close()


def unavailable(error: Exception) -> str:
    """One line without SQL and without the URL."""
    reason = str(getattr(error, "orig", None) or error).split("\n")[0]
    return f"WAREHOUSE_URL: the warehouse cannot be read: {reason}"


def batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch
