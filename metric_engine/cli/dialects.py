"""The databases that SQL can be written for."""

from __future__ import annotations

import click

from metric_engine.engine.dialects.base import Dialect
from metric_engine.engine.dialects.bigquery import BigQuery
from metric_engine.engine.dialects.clickhouse import ClickHouse
from metric_engine.engine.dialects.duckdb import DuckDB
from metric_engine.engine.dialects.postgresql import PostgreSQL
from metric_engine.engine.dialects.redshift import Redshift
from metric_engine.engine.dialects.snowflake import Snowflake
from metric_engine.engine.dialects.spark import Spark
from metric_engine.engine.dialects.sqlite import SQLite
from metric_engine.engine.dialects.trino import Trino

# Those that questions are answered on, and those that SQL is only written for.
EXECUTED: tuple[type[Dialect], ...] = (SQLite, PostgreSQL, DuckDB, ClickHouse)
WRITTEN: tuple[type[Dialect], ...] = (BigQuery, Snowflake, Trino, Spark, Redshift)
DIALECTS: dict[str, type[Dialect]] = {dialect.name: dialect for dialect in (*EXECUTED, *WRITTEN)}

dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default=SQLite.name,
    show_default=True,
    help=f"The database to write for; {', '.join(each.name for each in WRITTEN)} are written and never run by this.",
)
