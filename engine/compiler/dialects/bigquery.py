"""BigQuery: written, not run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sqlglot import exp

from engine.compiler.dialects.compile_only import CompileOnlyDialect
from engine.compiler.dialects.expressions import EmitNode
from engine.language.function_templates import FunctionSql, make_null_skipping, make_percentiles
from engine.tables import Table

TYPES = {
    "uuid": "STRING",
    "text": "STRING",
    "date": "DATE",
    "timestamp": "DATETIME",
    "timestamptz": "TIMESTAMP",
    "boolean": "BOOL",
    "integer": "INT64",
    "bigint": "INT64",
    "double": "FLOAT64",
    "numeric": "NUMERIC",
}


class BigQuery(CompileOnlyDialect):
    name: ClassVar[str] = "bigquery"
    title: ClassVar[str] = "BigQuery"
    double_type: ClassVar[str] = "FLOAT64"
    whole_type: ClassVar[str] = "INT64"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        "greatest": make_null_skipping("GREATEST"),
        "least": make_null_skipping("LEAST"),
        # Its own is a window function.
        **make_percentiles(
            "(SELECT PERCENTILE_CONT(v, {1}) OVER () FROM UNNEST(ARRAY_AGG({0} IGNORE NULLS)) AS v LIMIT 1)"
        ),
        # Its week begins with Sunday, at 1.
        "isodow": "(MOD(EXTRACT(DAYOFWEEK FROM {0}) + 5, 7) + 1)",
    }

    def quote_identifier(self, name: str) -> str:
        return ".".join(f"`{part}`" for part in name.split("."))

    def emit_parameter(self, parameter: str) -> str:
        return f"@{parameter}"

    def emit_slots(self) -> str:
        # Bound as ARRAY<STRUCT<slot INT64, day DATE>>.
        return f"SELECT p.slot AS slot, p.day AS day FROM UNNEST({self.emit_parameter('slots')}) AS p"

    def emit_text(self, sql: str) -> str:
        return f"CAST({sql} AS STRING)"

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        return self.emit_escaped_like(node, sql)

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        day, tenant = (self.quote_identifier(table.columns[name].physical) for name in (table.time, table.tenant))
        lines = ",\n".join(f"  {line}" for line in self.emit_column_definitions(table))
        name = self.quote_identifier(table.physical)
        # A day is a partition and a tenant a block of it: what a question reads, and what it is charged for.
        return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n)\nPARTITION BY {day}\nCLUSTER BY {tenant}"
