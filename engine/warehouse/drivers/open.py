"""A URL → the database that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from engine.errors import InvalidSetting
from engine.extras import install_command
from engine.suggestions import did_you_mean, nearest_names
from engine.warehouse.drivers.base import Database

EMBEDDED = ("sqlite", "duckdb", "chdb")
# The forms of a URL, by the name that it begins with.
FORMS: Mapping[str, str] = {
    "sqlite": "sqlite:///path/to/file.db",
    "postgresql": "postgresql://user:password@host:5432/name",
    "duckdb": "duckdb:///path/to/file.duckdb",
    "clickhouse": "clickhouse://user:password@host:8123/database",
    "chdb": "chdb:///path/to/folder",
}


def open_database(url: str, setting: str) -> Database:
    """The database of a URL, not connected to yet; `setting` is where the URL is from.

    Raises InvalidSetting for a URL that names no supported database, or one whose driver is not installed.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidSetting(f"{setting} is not a database URL; write {FORMS['sqlite']}, for example") from None
    backend = parsed.get_backend_name()
    backend = "postgresql" if backend == "postgres" else backend
    opener = OPENERS.get(backend)
    if opener is None:
        hint = did_you_mean(nearest_names(backend, FORMS, most=1)) or f"; there are {', '.join(FORMS)}"
        raise InvalidSetting(f"{setting}: {backend!r} is not a supported warehouse{hint}")
    if backend not in EMBEDDED and "@" in f"{parsed.host}{parsed.database}":
        # A password with an unescaped @ spills into the host or the name, and from there into error messages.
        raise InvalidSetting(f"{setting} is not a database URL: percent-encode special characters in the password")
    try:
        return opener(parsed)
    except ImportError:
        remedy = install_command(EXTRAS[backend])
        raise InvalidSetting(f"{setting} names {backend}, whose driver is missing: {remedy}") from None


def opener(module: str, name: str) -> Callable[[sqlalchemy.URL], Database]:
    """Import the database's module when it is opened: its driver may not be installed."""

    def opened(url: sqlalchemy.URL) -> Database:
        database: Callable[[sqlalchemy.URL], Database] = getattr(import_module(f"{__package__}.{module}"), name)
        return database(url)

    return opened


OPENERS = {
    "sqlite": opener("sqlite", "SQLiteDatabase"),
    "postgresql": opener("postgresql", "PostgreSQLDatabase"),
    "duckdb": opener("duckdb", "DuckDBDatabase"),
    "clickhouse": opener("clickhouse", "ClickHouseDatabase"),
    "chdb": opener("clickhouse", "ClickHouseDatabase"),
}
EXTRAS = {"postgresql": "postgres", "duckdb": "duckdb", "clickhouse": "clickhouse", "chdb": "clickhouse"}
