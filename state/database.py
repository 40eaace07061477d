"""The state database's SQLAlchemy engine; its failures are raised as `StateUnavailable`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import ConnectionPoolEntry

from engine import InvalidSetting, StateUnavailable, install_command

Insert: TypeAlias = postgresql.Insert | sqlite.Insert

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
URL_FORMS = "sqlite:///path/to/file.db or postgresql://user:password@host:5432/name"
BUSY_SECONDS = 15
CONNECT_SECONDS = 5
# Longer than the longest migration: a request's statements take milliseconds.
STATEMENT_SECONDS = 30


class StateDatabase:
    """Connections to the state database.

    A block of `connect` or `begin_transaction` raises `StateUnavailable` when the database itself fails. Violated
    constraints stay SQLAlchemy's own errors.
    """

    __slots__ = ("engine",)

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection on which every statement commits by itself."""
        with self._translate_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def begin_transaction(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, rolled back on an error.

        On SQLite it takes the write lock at its beginning, so that it cannot fail half-way for lack of it.
        """
        with self._translate_errors(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execution_options(isolation_level="READ COMMITTED")
            yield connection
            connection.commit()

    def upsert(self, table: Table, *, key: Mapping[str, Any], values: Mapping[str, Any]) -> Insert:
        """Build one statement that inserts the row of `key`, or sets `values` on an existing one."""
        return self.insert(table, {**key, **values}).on_conflict_do_update(index_elements=[*key], set_=values)

    def insert(self, table: Table, values: Mapping[str, Any]) -> Insert:
        """Build the dialect's own INSERT, which supports `ON CONFLICT`."""
        if self.dialect == "postgresql":
            return postgresql.insert(table).values(values)
        return sqlite.insert(table).values(values)

    def sql(self, text: str) -> str:
        """Convert SQL with `?` for parameters to the driver's placeholder style."""
        return text.replace("?", "%s") if self.dialect == "postgresql" else text

    def ping(self) -> None:
        """Check that the database answers. Raises `StateUnavailable`."""
        with self.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def observe(self, seen: Callable[[float], None]) -> None:
        """Call `seen` with the seconds of each statement from now on."""

        def before(connection: Connection, *_: Any) -> None:
            connection.info["began"] = time.perf_counter()

        def after(connection: Connection, *_: Any) -> None:
            seen(time.perf_counter() - connection.info["began"])

        event.listen(self.engine, "before_cursor_execute", before)
        event.listen(self.engine, "after_cursor_execute", after)

    def close(self) -> None:
        """Close the idle connections."""
        self.engine.dispose()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, DataError):
            raise
        except (DBAPIError, NoFreeConnection) as error:
            raise StateUnavailable(
                f"the state database cannot be used: {_describe_error(error)}; "
                f"check DATABASE_URL ({_redact_url(self.engine.url)})"
            ) from error


def open_database(url: str) -> StateDatabase:
    """Open the database at `url`, without connecting to it yet.

    Creates the folder of an SQLite file if it is missing.
    Raises `InvalidSetting` for a URL that is invalid or whose driver is not installed,
    `StateUnavailable` for a folder that cannot be created.
    """
    parsed = _parse_url(url)
    if parsed.drivername == "sqlite":
        return StateDatabase(_open_sqlite(parsed))
    return StateDatabase(_open_postgresql(parsed))


def _parse_url(url: str) -> URL:
    # A password with an unescaped @ spills into the host or the name, and from there into error messages.
    malformed = InvalidSetting(
        f"DATABASE_URL is not a database URL: write {URL_FORMS}, with special characters percent-encoded"
    )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise malformed from None
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        raise malformed
    if parsed.drivername not in DRIVERS:
        raise InvalidSetting(f"DATABASE_URL: {parsed.drivername!r} cannot hold the state tables: write {URL_FORMS}")
    return parsed.set(drivername=DRIVERS[parsed.drivername])


def _open_sqlite(url: URL) -> Engine:
    if url.host or url.database in (None, "", ":memory:"):
        raise InvalidSetting("DATABASE_URL must name a file: write sqlite:///path/to/file.db")
    if not str(url.database).startswith("file:"):
        folder = Path(str(url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateUnavailable(
                f"the folder {folder} cannot be made ({error.strerror}): check DATABASE_URL"
            ) from error
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # The only statement that does not wait for a lock: of several processes that open a new file, one switches
    # it and the others fail at once. It costs nothing on a file that is switched already.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _open_postgresql(url: URL) -> Engine:
    try:
        from engine import NETWORK_OPTIONS, set_response_timeout

        engine = create_engine(
            url.update_query_dict({**NETWORK_OPTIONS, "connect_timeout": str(CONNECT_SECONDS), **url.query}),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_pre_ping=True,
            max_overflow=15,
            pool_timeout=CONNECT_SECONDS,
        )
        # A frozen server cannot report its own statement_timeout, so the client limits how long a thread waits.
        set_response_timeout(engine, STATEMENT_SECONDS)
        return engine
    except ImportError:
        raise InvalidSetting(
            f"DATABASE_URL names PostgreSQL, whose driver is missing: {install_command('postgres')}"
        ) from None


def _describe_error(error: DBAPIError | NoFreeConnection) -> str:
    if isinstance(error, DBAPIError):
        # Further lines hold hints and the statement.
        return " ".join(str(error.orig).strip().split("\n")[0].split())
    return "every connection is in use"


def _redact_url(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)
