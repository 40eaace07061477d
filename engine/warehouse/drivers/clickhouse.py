"""ClickHouse, through clickhouse-connect: a server, or the engine in this process (chdb)."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain
from typing import Any

import clickhouse_connect
import sqlalchemy
from clickhouse_connect.dbapi.connection import Connection
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DataError, Error, OperationalError
from clickhouse_connect.driver.httputil import check_env_proxy, get_pool_manager

from engine.compiler.dialects.clickhouse import DELETED_COLUMN, ClickHouse
from engine.slices import CURSORS, Slice
from engine.tables import Table
from engine.warehouse.drivers.base import (
    CONNECT_SECONDS,
    STATEMENT_SECONDS,
    Condition,
    Row,
    WarehouseDriver,
    limit_seconds,
)
from engine.warehouse.drivers.sqlalchemy_pool import unwrap_driver_error

# The date of a timestamp must not depend on the server's location.
SESSION_SETTINGS: Mapping[str, Any] = {"session_timezone": "UTC"}
READ_SETTINGS: Mapping[str, Any] = {
    **SESSION_SETTINGS,
    # The newest version of each row; tables that keep no versions are read as they are.
    "final": 1,
    # A name in WHERE and GROUP BY is a column's, as in standard SQL, even where an alias has the same name.
    "prefer_column_name_to_alias": 1,
    # A LEFT JOIN gives NULL, as in standard SQL.
    "join_use_nulls": 1,
    # An aggregate of no rows gives NULL too, except a count.
    "aggregate_functions_null_for_empty": 1,
    "optimize_skip_unused_shards": 1,
    # This optimization turns MAX(x / 0) into MAX(x) / 0, and then fails on the NULL.
    "optimize_arithmetic_operations_in_aggregate_functions": 0,
    # Only reading, and settings such as these.
    "readonly": 2,
}
WRITE_SETTINGS: Mapping[str, Any] = {
    **SESSION_SETTINGS,
    # All rows of an insert form one part, and are visible when it returns.
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 0,
    "async_insert": 0,
    "distributed_foreground_insert": 1,
}
WRITE_TIMEOUT_SECONDS = 600
# One for each thread that answers requests; further ones are opened where needed, and not kept.
MAX_CONNECTIONS = 40
# Tries to get an answer of its own from a connection on which a statement has failed.
MAX_DISCARDS = 5
MISSING_TABLE_CODES = frozenset((60, 81))
UNKNOWN_COLUMN_CODE = 16
# Unknown names, types that do not go together, and texts that are no value of a type.
LAYOUT_CODES = MISSING_TABLE_CODES | {6, 16, 27, 36, 38, 41, 43, 47, 53, 70, 72, 376, 386}
VALIDATE_REMEDY = "`metric-engine validate --database` tells what differs from the declarations"
TIMEOUT_CODE = 159
EMBEDDED_FAULT_MARK = "EmbeddedServer"

REMEDIES: Mapping[int, str] = {
    UNKNOWN_COLUMN_CODE: "rows are replaced in tables as `metric-engine ddl --dialect clickhouse` prints them",
    81: "make the database, or check its name",
    60: "`metric-engine ddl --dialect clickhouse` prints the statements that make the tables",
    TIMEOUT_CODE: f"a statement may take {STATEMENT_SECONDS} s; ask for fewer days",
    164: "the user may only read; give it the rights to write, or readonly = 2 to read",
    194: "check the user and the password",
    192: "check the user and the password",
    193: "check the user and the password",
    516: "check the user and the password",
    241: "the server has too little memory for it; ask for fewer days",
    243: "make room on the server's disk",
    497: "grant this user the right to",
}


class ClickHouseDriver(WarehouseDriver):
    def __init__(self, url: sqlalchemy.URL) -> None:
        self.dialect = ClickHouse()
        self.embedded = self.exclusive = url.drivername == "chdb"
        self._arguments = get_client_arguments(url)
        self._engine = sqlalchemy.create_engine("clickhousedb://", creator=self._open_connection)
        self._lock = threading.Lock()
        # What runs in this process answers one statement after another anyway.
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.embedded else nullcontext()
        self._clients: dict[str, Client] = {}
        self._pool = None if self.embedded else open_connection_pool(self._arguments)
        # A failure is raised and reported once; these loggers would repeat it, with the tenant in the URL.
        for name in ("clickhouse_connect", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    @property
    def engine(self) -> sqlalchemy.Engine:
        return self._engine

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (Error, sqlalchemy.exc.SQLAlchemyError)

    def _open_connection(self) -> Connection:
        return Connection(**self._arguments)

    def _get_client(self, name: str, settings: Mapping[str, Any], timeout: int) -> Client:
        with self._lock:
            client = self._clients.get(name)
            if client is None:
                network: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "send_receive_timeout": timeout}
                network["pool_mgr"] = self._pool
                client = self._clients[name] = clickhouse_connect.get_client(
                    **self._arguments, **({} if self.embedded else network), settings=dict(settings), tz_mode="aware"
                )
            return client

    @property
    def _reader(self) -> Client:
        return self._get_client("reader", READ_SETTINGS, STATEMENT_SECONDS + CONNECT_SECONDS)

    @property
    def _writer(self) -> Client:
        return self._get_client("writer", WRITE_SETTINGS, WRITE_TIMEOUT_SECONDS)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        settings = {"max_execution_time": limit_seconds(STATEMENT_SECONDS)}
        with self._turn:
            try:
                rows: Sequence[Sequence[Any]] = self._reader.query(
                    sql, parameters=dict(parameters), settings=settings
                ).result_rows
            except Error:
                if self.embedded:
                    self._discard_output()
                raise
        return rows

    def _discard_output(self) -> None:
        """Read what a statement has left that failed after its first rows.

        chdb would put it before the rows of the connection's next statement, which may be another tenant's.
        """
        for _ in range(MAX_DISCARDS):
            with suppress(Error):
                if self._reader.query("SELECT 1").result_rows == [(1,)]:
                    return
        with self._lock:
            del self._clients["reader"]

    def run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self._writer.command(statement)

    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        rows = list(chain.from_iterable(batches))
        if instead_of is None:
            rows = self._complete_rows(table, rows)
        columns = list(rows[0]) if rows else list(table.key)
        values = [self.dialect.bind_row(table, columns, row) for row in rows]
        names = [table.columns[name].physical for name in columns]
        if instead_of is not None:
            # Removed rows and new ones are one insert: no reader sees the one without the other. Of two rows with the
            # same key the later one counts.
            tombstones = self._build_tombstones(table, columns, instead_of)
            values = [*tombstones, *([*row, 0] for row in values)]
            names.append(DELETED_COLUMN)
        self._insert_rows(table, names, values)
        if moves is not None:
            # There is no transaction over two tables: a cursor that lags behind only makes days be fetched again.
            self._insert_rows(CURSORS, list(CURSORS.columns), [self.dialect.bind_cursor(moves)])

    def delete_cursors(self, conditions: Iterable[Condition]) -> None:
        # Their table keeps no versions: it merges rows.
        name = self.dialect.quote_identifier(CURSORS.physical)
        for condition in conditions:
            statement = f"ALTER TABLE {name} DELETE WHERE {condition.sql}"
            self._writer.command(statement, parameters=dict(condition.parameters), settings={"mutations_sync": 2})

    def _complete_rows(self, table: Table, rows: list[Row]) -> list[Row]:
        """Add to rows the columns that they lack, with the values stored under their keys.

        A newer version of a row replaces all of it. What another process writes between the read and the insert is
        lost.
        """
        if not rows or not table.key:
            return rows
        columns = {
            name for name, *_ in self.query(f"DESCRIBE TABLE {self.dialect.quote_identifier(table.physical)}", {})
        }
        missing = columns - {table.columns[name].physical for name in rows[0]}
        # Two declared columns may be the same physical one.
        names = list({each.physical: each.name for each in table.columns.values() if each.physical in missing}.values())
        if not names:
            return rows
        width = len(table.key)
        stored: dict[tuple[Any, ...], Sequence[Any]] = {}
        condition = f"{self.dialect.emit_tenant_condition(table)} AND {self.dialect.emit_days_condition(table)}"
        for tenant in {row[table.tenant] for row in rows}:
            days = [row[table.time] for row in rows if row[table.tenant] == tenant]
            parameters = {"tenant": tenant, "start": min(days), "end": max(days)}
            for found in self.query(self.dialect.emit_select(table, (*table.key, *names), condition), parameters):
                stored[self._normalize_key(table, found[:width])] = found[width:]
        nulls = [None] * len(names)
        keys = ((row, self._normalize_key(table, [row[name] for name in table.key])) for row in rows)
        return [{**row, **dict(zip(names, stored.get(key, nulls), strict=True))} for row, key in keys]

    def _normalize_key(self, table: Table, key: Sequence[Any]) -> tuple[Any, ...]:
        """Convert a key's values to one form, whatever types they are given in."""
        return tuple(
            self.dialect.bind_value(value, table.columns[name].type) for name, value in zip(table.key, key, strict=True)
        )

    def _build_tombstones(self, table: Table, columns: Sequence[str], condition: Condition) -> list[list[Any]]:
        """Build newest versions that mark the rows that meet a condition as deleted."""
        if not table.key:
            raise OperationalError(f"rows of {table.name} cannot be told apart; declare its key")
        keys = self.query(self.dialect.emit_select(table, table.key, condition.sql), condition.parameters)
        blank = dict.fromkeys(columns)
        tombstones = [blank | dict(zip(table.key, key, strict=True)) for key in keys]
        return [[*self.dialect.bind_row(table, columns, tombstone), 1] for tombstone in tombstones]

    def _insert_rows(self, table: Table, names: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        if values:
            schema, _, name = table.physical.rpartition(".")
            try:
                self._writer.insert(name, values, column_names=names, database=schema or None)
            except OverflowError as error:
                raise DataError("a number is too large for its column") from error

    def is_missing_table(self, error: Exception) -> bool:
        return getattr(unwrap_driver_error(error), "code", None) in MISSING_TABLE_CODES

    def is_layout_fault(self, error: Exception) -> bool:
        return getattr(unwrap_driver_error(error), "code", None) in LAYOUT_CODES

    def is_timeout(self, error: Exception) -> bool:
        fault = unwrap_driver_error(error)
        return getattr(fault, "code", None) == TIMEOUT_CODE or "timed out" in str(fault)

    def explain_error(self, error: Exception) -> str:
        fault = unwrap_driver_error(error)
        code = getattr(fault, "code", None)
        message = extract_server_message(fault)
        if self.embedded and EMBEDDED_FAULT_MARK in message:
            return explain_embedded_fault(str(fault))
        if code is None and isinstance(fault, OperationalError) and "HTTP" in str(fault):
            return f"{explain_network_fault(str(fault))}; check the host, the port and that the server runs"
        foreign = re.match(r"HTTP driver received HTTP status (\d+)", message) if code is None else None
        if foreign:
            return f"what answers there is not ClickHouse (HTTP status {foreign[1]}); check the host and the port"
        if f"Unrecognized column '{DELETED_COLUMN}'" in message:
            code = UNKNOWN_COLUMN_CODE
        remedy = None if code is None else REMEDIES.get(code, VALIDATE_REMEDY if code in LAYOUT_CODES else None)
        return f"{message}; {remedy}" if remedy else message

    def close(self) -> None:
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()
        if self._pool is not None:
            self._pool.clear()
        self._engine.dispose()


def get_client_arguments(url: sqlalchemy.URL) -> dict[str, Any]:
    """Return the arguments of clickhouse-connect; for chdb the URL is the only one."""
    if url.drivername == "chdb":
        return {"dsn": url.render_as_string(hide_password=False)}
    is_secure = url.query.get("secure") in ("true", "1") or url.port in (443, 8443)
    return {
        "interface": "https" if is_secure else "http",
        "host": url.host or "localhost",
        "port": url.port,
        "username": url.username or "",
        "password": url.password or "",
        "database": url.database or "",
        # A session runs one statement at a time, and all threads read through one client.
        "autogenerate_session_id": False,
    }


def open_connection_pool(given: Mapping[str, Any]) -> Any:
    """Open a pool of connections for the arguments of clickhouse-connect.

    It goes through a proxy where the environment names one.
    """
    proxy = check_env_proxy(given["interface"], given["host"], given["port"])
    through: dict[str, Any] = {f"{given['interface']}_proxy": proxy} if proxy else {}
    return get_pool_manager(maxsize=MAX_CONNECTIONS, **through)


def extract_server_message(error: Exception) -> str:
    """Extract the server's message as one line, without stack, version and statement."""
    # "… Code: 60. DB::Exception: Unknown table … 'x'. In scope SELECT …. (UNKNOWN_TABLE) (version …)"
    message = " ".join(str(error).split()).rpartition("DB::Exception: ")[2]
    return re.split(r"\.? (?:In scope|Maybe you meant|\([A-Z_]+\)|\(version)", message, maxsplit=1)[0].rstrip(". ")


def explain_embedded_fault(message: str) -> str:
    """Explain why chdb does not open its folder.

    Of a lock it tells nothing but on standard error.
    """
    found = re.search(r'filesystem error: in \w+: ([^"\[]+)', message)
    if "already initialized" in message:
        return "this process has another folder open; it can have one"
    reason = found[1].strip() if found else "the folder cannot be opened"
    return f"{reason}; name a folder that may be written, and let no other process have it open"


def explain_network_fault(message: str) -> str:
    """Explain why there is no answer, from urllib3's message."""
    found = re.search(r"\[Errno -?\d+\] ([^\"')]+)|(timed out)", message)
    return (found[1] or found[2]).strip() if found else "the server does not answer"
