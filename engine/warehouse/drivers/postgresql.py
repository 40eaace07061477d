"""PostgreSQL: pooled sessions for reading, and a new connection for each write.

A session for reading cannot write, and its statements have a time limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy
from psycopg.types.numeric import FloatLoader
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from engine.compiler.dialects.postgresql import PostgreSQL
from engine.slices import CURSORS, Slice
from engine.tables import Table
from engine.warehouse.drivers import postgresql_grants as grants
from engine.warehouse.drivers.base import CONNECT_SECONDS, STATEMENT_SECONDS, Condition, Row, limit_seconds
from engine.warehouse.drivers.postgresql_timeouts import NETWORK_OPTIONS, ServerUnresponsive, set_response_timeout
from engine.warehouse.drivers.sqlalchemy_pool import SQLAlchemyDriver, get_message_line, unwrap_driver_error

# Several processes with so many each stay below a server's default limit of a hundred connections.
MAX_READERS = 16
# Longer than the server's own limit: it only matters for a server that no longer enforces that.
READ_TIMEOUT_SECONDS = STATEMENT_SECONDS + 5
WRITE_TIMEOUT_SECONDS = 600
# Neither the date of a timestamp nor the format of a date may depend on the server's location.
SESSION_SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO"}
MISSING_RIGHTS_SQL = "SELECT p FROM unnest(%(rights)s::text[]) AS p WHERE NOT has_table_privilege(%(table)s, p)"
# Layout changes take turns: two sessions that create the same table at once would fail.
LAYOUT_LOCK_SQL = "SELECT pg_advisory_xact_lock(7271963440512)"
# Unknown names and types that do not go together, texts that are no value of a type, unknown schemas.
LAYOUT_STATES = ("42", "22P02", "22007", "3F")
VALIDATE_REMEDY = "`metric-engine validate --database` tells what differs from the declarations"

REMEDIES: Mapping[type[psycopg.Error], str] = {
    psycopg.errors.UndefinedTable: "`metric-engine ddl --dialect postgres` prints the statements that make the tables",
    psycopg.errors.InsufficientPrivilege: "let this user do so",
    psycopg.errors.ReadOnlySqlTransaction: "the database or its user may only read; name one that may write",
    psycopg.errors.InvalidSchemaName: "make the schema, or let this user use it",
    psycopg.errors.ProgramLimitExceeded: "a text of the table's key is too long for its index; shorten it",
    psycopg.errors.DiskFull: "make room on the server's disk",
    psycopg.errors.TooManyConnections: "raise max_connections, or run fewer processes",
    psycopg.errors.QueryCanceled: f"a statement may take {STATEMENT_SECONDS} s; ask for fewer days",
    psycopg.errors.NumericValueOutOfRange: "a value of the table is beyond a double",
}


class PostgreSQLDriver(SQLAlchemyDriver):
    driver_error = psycopg.Error

    def __init__(self, url: sqlalchemy.URL) -> None:
        url = url.set(drivername="postgresql+psycopg")
        given = str(url.query.get("options", ""))
        limits = {"statement_timeout": f"{STATEMENT_SECONDS}s", "default_transaction_read_only": "on"}
        super().__init__(
            sqlalchemy.create_engine(
                url,
                poolclass=NullPool,
                connect_args=NETWORK_OPTIONS | {"options": format_session_options(given, SESSION_SETTINGS)},
            )
        )
        set_response_timeout(self._engine, WRITE_TIMEOUT_SECONDS)
        self._readers = sqlalchemy.create_engine(
            url,
            poolclass=QueuePool,
            pool_size=MAX_READERS // 2,
            max_overflow=MAX_READERS - MAX_READERS // 2,
            pool_timeout=CONNECT_SECONDS,
            pool_use_lifo=True,
            # Each statement is a transaction of its own; there is nothing to roll back.
            pool_reset_on_return=None,
            connect_args=NETWORK_OPTIONS
            | {"options": format_session_options(given, SESSION_SETTINGS | limits), "autocommit": True},
        )
        set_response_timeout(self._readers, READ_TIMEOUT_SECONDS)
        sqlalchemy.event.listen(self._readers, "connect", read_decimals_as_doubles)
        self.dialect = PostgreSQL()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        while True:
            pooled = self._readers.raw_connection()
            connection: Any = pooled.driver_connection
            connection.limit = limit_seconds(READ_TIMEOUT_SECONDS)
            was_idle = pooled.info.get("read", False)
            try:
                rows: Sequence[Sequence[Any]] = connection.execute(sql, parameters).fetchall()
            except psycopg.errors.InsufficientPrivilege as error:
                user = connection.info.user
                pooled.invalidate()
                raise grants.build_read_denial(error, user) from error
            except psycopg.Error as error:
                is_closed = connection.closed
                pooled.invalidate()
                # A connection that was idle may be closed only because the server has restarted: try another one.
                if not (was_idle and is_closed and not isinstance(error, ServerUnresponsive)):
                    raise
            else:
                pooled.info["read"] = True
                pooled.close()
                return rows

    def run(self, statements: Iterable[str]) -> None:
        try:
            super().run((LAYOUT_LOCK_SQL, *statements))
        except psycopg.errors.InsufficientPrivilege as error:
            raise grants.build_create_denial(error, self._get_user()) from error

    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        try:
            super().write(table, batches, instead_of=instead_of, moves=moves)
        except psycopg.errors.InsufficientPrivilege as error:
            needed = {table: ["SELECT", "INSERT"]}
            needed[table] += ["UPDATE"] if table.key else []
            needed[table] += ["DELETE"] if instead_of is not None else []
            if moves is not None:
                needed[CURSORS] = ["SELECT", "INSERT", "UPDATE"]
            missing = {
                each.physical: rights for each in needed if (rights := self._find_missing_rights(each, needed[each]))
            }
            # The server itself names any other cause, such as a policy.
            raise grants.build_write_denial(missing, self._get_user()) if missing else error from error

    def _find_missing_rights(self, table: Table, rights: Sequence[str]) -> list[str]:
        parameters = {"rights": list(rights), "table": self.dialect.quote_identifier(table.physical)}
        return [right for (right,) in self.query(MISSING_RIGHTS_SQL, parameters)]

    def _get_user(self) -> str:
        (((user,),)) = self.query("SELECT current_user", {})
        return str(user)

    def is_missing_table(self, error: Exception) -> bool:
        return isinstance(unwrap_driver_error(error), (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName))

    def is_layout_fault(self, error: Exception) -> bool:
        state = getattr(unwrap_driver_error(error), "sqlstate", None) or ""
        return state.startswith(LAYOUT_STATES) and state != psycopg.errors.InsufficientPrivilege.sqlstate

    def is_timeout(self, error: Exception) -> bool:
        timeouts = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, ServerUnresponsive)
        return isinstance(error, NoFreeConnection) or isinstance(unwrap_driver_error(error), timeouts)

    def explain_error(self, error: Exception) -> str:
        if isinstance(error, NoFreeConnection):
            return f"all {MAX_READERS} connections are in use; try again"
        fault = unwrap_driver_error(error)
        if isinstance(fault, grants.MissingGrant):
            return str(fault)
        remedy = next((text for error_class, text in REMEDIES.items() if isinstance(fault, error_class)), None)
        unopened = isinstance(fault, psycopg.OperationalError) or str(fault).startswith("invalid connection option")
        if remedy is None and unopened and getattr(fault, "sqlstate", None) is None:
            return explain_connection_fault(fault)
        if remedy is None and self.is_layout_fault(fault):
            remedy = VALIDATE_REMEDY
        return f"{get_message_line(fault)}; {remedy}" if remedy else get_message_line(fault)

    def close(self) -> None:
        self._readers.dispose()
        super().close()


def read_decimals_as_doubles(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """Read `numeric` as double: every engine computes in doubles."""
    adapted: Any = connection
    adapted.adapters.register_loader("numeric", FloatLoader)


def format_session_options(given: str, settings: Mapping[str, str]) -> str:
    """Format a session's options: those of the URL, then these settings."""
    return " ".join([*given.split(), *(f"-c {name}={value}" for name, value in settings.items())])


def explain_connection_fault(error: Exception) -> str:
    """Explain why there is no connection, in the server's or the network's words."""
    # "connection failed: connection to server at …, port … failed: FATAL:  password authentication failed for user …"
    message = " ".join(str(error).split())
    reason = message.rpartition("FATAL: ")[2].rpartition(" failed: ")[2].partition(" Is the server")[0].strip()
    reason = reason.partition(" DETAIL: ")[0].removeprefix("connection is bad: ")
    if reason.startswith(("too many ", "sorry, too many", "remaining connection slots")):
        return f"{reason}; raise max_connections or the role's limit, or run fewer processes"
    if reason.startswith("permission denied for database"):
        return f"{reason}; GRANT CONNECT on it to this user"
    if reason.startswith("invalid "):
        return f"{reason}; check the URL"
    if reason.startswith("the database system is "):
        return f"{reason}; try again shortly"
    if "password" in reason or "authentication" in reason or reason.startswith("role "):
        return f"{reason}; check the user and the password"
    if reason.startswith("database "):
        return f"{reason}; make it, or check its name"
    return f"{reason}; check the host, the port and that the server runs"
