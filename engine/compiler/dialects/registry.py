"""The dialects that there are, by the name that a command takes."""

from __future__ import annotations

from collections.abc import Mapping

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.bigquery import BigQuery
from engine.compiler.dialects.clickhouse import ClickHouse
from engine.compiler.dialects.duckdb import DuckDB
from engine.compiler.dialects.postgresql import PostgreSQL
from engine.compiler.dialects.redshift import Redshift
from engine.compiler.dialects.snowflake import Snowflake
from engine.compiler.dialects.spark import Spark
from engine.compiler.dialects.sqlite import SQLite
from engine.compiler.dialects.trino import Trino

# Those of databases that queries run on, and those that SQL is only written in.
EXECUTED_DIALECTS: tuple[type[Dialect], ...] = (SQLite, PostgreSQL, DuckDB, ClickHouse)
WRITTEN_DIALECTS: tuple[type[Dialect], ...] = (BigQuery, Snowflake, Trino, Spark, Redshift)
DIALECTS: Mapping[str, type[Dialect]] = {each.name: each for each in (*EXECUTED_DIALECTS, *WRITTEN_DIALECTS)}
