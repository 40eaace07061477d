"""A URL → the driver of the database that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from engine.errors import InvalidSetting
from engine.extras import install_command
from engine.suggestions import did_you_mean, find_nearest_names
from engine.warehouse.drivers.base import WarehouseDriver

EMBEDDED_BACKENDS = ("sqlite", "duckdb", "chdb")
# The form of a URL, by its scheme.
URL_FORMS: Mapping[str, str] = {
    "sqlite": "sqlite:///path/to/file.db",
    "postgresql": "postgresql://user:password@host:5432/name",
    "duckdb": "duckdb:///path/to/file.duckdb",
    "clickhouse": "clickhouse://user:password@host:8123/database",
    "chdb": "chdb:///path/to/folder",
}


def open_driver(url: str, setting: str) -> WarehouseDriver:
    """Return the driver for a URL, not connected yet; `setting` names where the URL is from.

    Raises InvalidSetting for a URL that names no supported database, or one whose driver is not installed.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidSetting(f"{setting} is not a database URL; write {URL_FORMS['sqlite']}, for example") from None
    backend = parsed.get_backend_name()
    backend = "postgresql" if backend == "postgres" else backend
    opener = OPENERS.get(backend)
    if opener is None:
        hint = did_you_mean(find_nearest_names(backend, URL_FORMS, limit=1)) or f"; there are {', '.join(URL_FORMS)}"
        raise InvalidSetting(f"{setting}: {backend!r} is not a supported warehouse{hint}")
    if backend not in EMBEDDED_BACKENDS and "@" in f"{parsed.host}{parsed.database}":
        # A password with an unescaped @ spills into the host or the name, and from there into error messages.
        raise InvalidSetting(f"{setting} is not a database URL: percent-encode special characters in the password")
    try:
        return opener(parsed)
    except ImportError:
        remedy = install_command(PACKAGE_EXTRAS[backend])
        raise InvalidSetting(f"{setting} names {backend}, whose driver is missing: {remedy}") from None


def make_opener(module: str, name: str) -> Callable[[sqlalchemy.URL], WarehouseDriver]:
    """Import the driver's module only when it is opened: its library may not be installed."""

    def import_and_open(url: sqlalchemy.URL) -> WarehouseDriver:
        driver_class: Callable[[sqlalchemy.URL], WarehouseDriver] = getattr(
            import_module(f"{__package__}.{module}"), name
        )
        return driver_class(url)

    return import_and_open


OPENERS = {
    "sqlite": make_opener("sqlite", "SQLiteDriver"),
    "postgresql": make_opener("postgresql", "PostgreSQLDriver"),
    "duckdb": make_opener("duckdb", "DuckDBDriver"),
    "clickhouse": make_opener("clickhouse", "ClickHouseDriver"),
    "chdb": make_opener("clickhouse", "ClickHouseDriver"),
}
PACKAGE_EXTRAS = {"postgresql": "postgres", "duckdb": "duckdb", "clickhouse": "clickhouse", "chdb": "clickhouse"}
