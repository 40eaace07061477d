"""Spark, over Delta: written, not run here."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp

from engine.compiler.dialects.compile_only import Unexecuted
from engine.compiler.dialects.expressions import Write
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


class Spark(Unexecuted):
    name: ClassVar[str] = "spark"
    title: ClassVar[str] = "Spark"
    double_type: ClassVar[str] = "DOUBLE"
    weekday_field: ClassVar[str] = "DAYOFWEEK_ISO"

    def identifier(self, name: str) -> str:
        return ".".join(f"`{part}`" for part in name.split("."))

    def slots(self) -> str:
        return f"SELECT INLINE(FROM_JSON({self.bind('slots')}, 'ARRAY<STRUCT<slot: INT, day: DATE>>'))"

    def text(self, sql: str) -> str:
        return f"CAST({sql} AS STRING)"

    def cut(self, sql: str) -> str:
        # Its TRUNC is for dates; a cast truncates.
        return sql

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        return self.escaping_like(node, sql)

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def create_table(self, table: Table) -> str:
        order = ", ".join(self.identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        lines = ",\n".join(f"  {line}" for line in self.column_definitions(table))
        name = self.identifier(table.physical)
        return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n)\nUSING DELTA\nCLUSTER BY ({order})"
