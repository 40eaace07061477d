"""DuckDB: one connection opens the file, each thread reads through a copy, one writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import duckdb
import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, StaticPool

from engine.compiler.dialects.duckdb import DuckDB
from engine.tables import Table
from engine.warehouse.drivers.base import STATEMENT_SECONDS, Row, limit_seconds
from engine.warehouse.drivers.sqlalchemy_pool import SQLAlchemyDriver, get_message_line, unwrap_driver_error

OTHER_FILE_REMEDY = "name a DuckDB file, or one that does not exist yet"
# By a word of the message: the exceptions' classes do not distinguish these faults.
REMEDIES: Mapping[str, str] = {
    "Conflicting lock": "DuckDB lets one process in; stop the other one, or move to PostgreSQL",
    "No such file or directory": "make the folder, or check the path",
    "Is a directory": "name a file in it",
    "not a valid DuckDB": OTHER_FILE_REMEDY,
    "not DuckDB's": OTHER_FILE_REMEDY,
    "xtension": OTHER_FILE_REMEDY,
    "read-only": "the file may not be written; give this user the right to",
    "Permission denied": "give this user the right to read and write the file and its folder",
    "No space left": "make room on the disk",
    "File too large": "let the file grow, or make room on the disk",
    "Out of Memory": "ask for fewer days, or give the machine more memory",
    "out of range": "a number is too large for its column",
    "orrupt": "the file is damaged; restore it from a backup",
    "INTERRUPT": f"a statement may take {STATEMENT_SECONDS} s; ask for fewer days",
}
VALIDATE_REMEDY = "`metric-engine validate --database` tells what differs from the declarations"
LAYOUT_ERRORS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException)


SETTINGS: Mapping[str, Any] = {
    # The date of a timestamp must not depend on the process's location.
    "TimeZone": "UTC",
    # A statement reads the database's own tables: no other file, no address, no extension from the network.
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "lock_configuration": True,
}


class DuckDBDriver(SQLAlchemyDriver):
    embedded = True
    exclusive = True
    driver_error = duckdb.Error

    def __init__(self, url: sqlalchemy.URL) -> None:
        super().__init__(sqlalchemy.create_engine(url, poolclass=StaticPool, connect_args={"config": SETTINGS}))
        sqlalchemy.event.listen(self._engine, "connect", raise_if_other_file)
        self.dialect = DuckDB()
        self._local = threading.local()
        # Kept: to give it back would end what another thread reads through the engine, which has no other.
        self._root: PoolProxiedConnection | None = None
        self._open_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._watchdog = StatementWatchdog()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        reader = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._duplicate_connection()
        with self._watchdog.limit_statement(reader), self._close_after_fatal_error():
            rows: Sequence[Sequence[Any]] = reader.execute(sql, parameters).fetchall()
        return rows

    @contextmanager
    def _close_after_fatal_error(self) -> Iterator[None]:
        """Close the file after a fatal error, such as a full disk.

        DuckDB answers nothing more until the file is opened again.
        """
        try:
            yield
        except duckdb.FatalException:
            self.close()
            raise

    def _duplicate_connection(self) -> duckdb.DuckDBPyConnection:
        """Open another connection to the file that is open in this process."""
        with self._open_lock:
            self._root = self._root or self._engine.raw_connection()
            return cast("duckdb.DuckDBPyConnection", self._root.driver_connection).duplicate()

    @contextmanager
    def open_transaction(self) -> Iterator[DBAPICursor]:
        with self._write_lock, self._close_after_fatal_error():
            connection: Any = self._duplicate_connection()
            try:
                connection.begin()
                yield connection
                connection.commit()
            finally:
                # Closing the connection drops what is not committed.
                connection.close()

    def insert_rows(self, cursor: DBAPICursor, table: Table, rows: Sequence[Row]) -> None:
        columns = tuple(rows[0])
        values = [self.dialect.bind_row(table, columns, row) for row in rows]
        if table.key:
            # One statement cannot change a row twice: of several rows with one key the last one counts.
            key = [columns.index(name) for name in table.key]
            values = list({tuple(row[index] for index in key): row for row in values}.values())
        cursor.execute(self.dialect.emit_upsert(table, columns), [list(each) for each in zip(*values, strict=True)])

    def is_missing_table(self, error: Exception) -> bool:
        fault = unwrap_driver_error(error)
        return isinstance(fault, duckdb.CatalogException) and "does not exist" in str(fault)

    def is_layout_fault(self, error: Exception) -> bool:
        return isinstance(unwrap_driver_error(error), LAYOUT_ERRORS)

    def is_timeout(self, error: Exception) -> bool:
        return isinstance(unwrap_driver_error(error), duckdb.InterruptException)

    def explain_error(self, error: Exception) -> str:
        message = get_message_line(unwrap_driver_error(error))
        if self.is_missing_table(error):
            return f"{message}; `metric-engine ddl --dialect duckdb` prints the statements that make the tables"
        remedy = next((remedy for word, remedy in REMEDIES.items() if word in message), None)
        if remedy is None and self.is_layout_fault(error):
            remedy = VALIDATE_REMEDY
        return f"{message}; {remedy}" if remedy else message

    def close(self) -> None:
        self._local, self._root = threading.local(), None
        super().close()


def raise_if_other_file(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Refuse a file that is not DuckDB's own.

    DuckDB opens a CSV or Parquet file as a view in memory, where other tables would be lost at the end.
    """
    cursor = connection.cursor()
    cursor.execute(
        "SELECT path IS NOT NULL AND type = 'duckdb' FROM duckdb_databases() WHERE database_name = current_database()"
    )
    found = cursor.fetchone()
    cursor.close()
    if found is None or not found[0]:
        raise duckdb.IOException("the file is not DuckDB's, and what is loaded beside it would be lost")


class StatementWatchdog:
    """Interrupts statements that take too long: DuckDB has no limit of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[duckdb.DuckDBPyConnection, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit_statement(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt the connection when this block takes longer than STATEMENT_SECONDS."""
        with self._lock:
            self._deadlines[connection] = time.monotonic() + limit_seconds(STATEMENT_SECONDS)
            if self._thread is None:
                self._thread = threading.Thread(target=self._interrupt_late, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[connection]

    def _interrupt_late(self) -> None:
        # The thread ends when no statement runs; the next statement starts another.
        while True:
            time.sleep(1)
            with self._lock:
                now = time.monotonic()
                for connection, deadline in self._deadlines.items():
                    if now > deadline:
                        connection.interrupt()
                if not self._deadlines:
                    self._thread = None
                    return
