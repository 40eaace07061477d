"""The databases that SQL can be written for."""

from __future__ import annotations

import click

from metric_engine.engine.dialects.base import Dialect
from metric_engine.engine.dialects.clickhouse import ClickHouse
from metric_engine.engine.dialects.duckdb import DuckDB
from metric_engine.engine.dialects.postgresql import PostgreSQL
from metric_engine.engine.dialects.sqlite import SQLite

DIALECTS: dict[str, type[Dialect]] = {dialect.name: dialect for dialect in (SQLite, PostgreSQL, DuckDB, ClickHouse)}

dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default=SQLite.name,
    show_default=True,
    help="The database to write for.",
)
