"""The databases that SQL can be written for."""

from __future__ import annotations

import click

from engine import BigQuery, ClickHouse, Dialect, DuckDB, PostgreSQL, Redshift, Snowflake, Spark, SQLite, Trino

# The dialects of warehouses that run queries, and those that SQL is only written for.
EXECUTED_DIALECTS: tuple[type[Dialect], ...] = (SQLite, PostgreSQL, DuckDB, ClickHouse)
WRITTEN_DIALECTS: tuple[type[Dialect], ...] = (BigQuery, Snowflake, Trino, Spark, Redshift)
DIALECTS: dict[str, type[Dialect]] = {dialect.name: dialect for dialect in (*EXECUTED_DIALECTS, *WRITTEN_DIALECTS)}

dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default=SQLite.name,
    show_default=True,
    help=f"The database to write for; {', '.join(each.name for each in WRITTEN_DIALECTS)} are written and never run.",
)
