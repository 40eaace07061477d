"""Spark, over Delta: written, not run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sqlglot import exp

from engine.compiler.dialects.compile_only import CompileOnlyDialect
from engine.compiler.dialects.expressions import EmitNode
from engine.language.function_templates import FunctionSql, make_percentiles
from engine.tables import Table

TYPES = {
    "uuid": "STRING",
    "text": "STRING",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamptz": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "integer": "INT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "numeric": "DECIMAL(38, 9)",
}


class Spark(CompileOnlyDialect):
    name: ClassVar[str] = "spark"
    title: ClassVar[str] = "Spark"
    double_type: ClassVar[str] = "DOUBLE"
    weekday_field: ClassVar[str] = "DAYOFWEEK_ISO"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = make_percentiles("PERCENTILE({0}, {1})")

    def quote_identifier(self, name: str) -> str:
        return ".".join(f"`{part}`" for part in name.split("."))

    def emit_slots(self) -> str:
        return f"SELECT INLINE(FROM_JSON({self.emit_parameter('slots')}, 'ARRAY<STRUCT<slot: INT, day: DATE>>'))"

    def emit_text(self, sql: str) -> str:
        return f"CAST({sql} AS STRING)"

    def emit_truncation(self, sql: str) -> str:
        # Its TRUNC is for dates; a cast truncates.
        return sql

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        return self.emit_escaped_like(node, sql)

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        order = ", ".join(self.quote_identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        lines = ",\n".join(f"  {line}" for line in self.emit_column_definitions(table))
        name = self.quote_identifier(table.physical)
        return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n)\nUSING DELTA\nCLUSTER BY ({order})"
