"""BigQuery: written, not run here."""

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
    "timestamp": "DATETIME",
    "timestamptz": "TIMESTAMP",
    "boolean": "BOOL",
    "integer": "INT64",
    "bigint": "INT64",
    "double": "FLOAT64",
    "numeric": "NUMERIC",
}


class BigQuery(Unexecuted):
    name: ClassVar[str] = "bigquery"
    title: ClassVar[str] = "BigQuery"
    double_type: ClassVar[str] = "FLOAT64"
    whole_type: ClassVar[str] = "INT64"

    def identifier(self, name: str) -> str:
        return ".".join(f"`{part}`" for part in name.split("."))

    def bind(self, parameter: str) -> str:
        return f"@{parameter}"

    def slots(self) -> str:
        # Bound as ARRAY<STRUCT<slot INT64, day DATE>>.
        return f"SELECT p.slot AS slot, p.day AS day FROM UNNEST({self.bind('slots')}) AS p"

    def text(self, sql: str) -> str:
        return f"CAST({sql} AS STRING)"

    def extreme(self, node: exp.Expr, sql: Write) -> str | None:
        return self.lenient_extreme(node.key.upper(), node, sql)

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        return self.escaping_like(node, sql)

    def date_part(self, node: exp.Expr, sql: Write) -> str | None:
        if isinstance(node, exp.DayOfWeekIso):
            # Its week begins with Sunday, at 1.
            return f"(MOD(EXTRACT(DAYOFWEEK FROM {sql(node.this)}) + 5, 7) + 1)"
        return super().date_part(node, sql)

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def create_table(self, table: Table) -> str:
        day, tenant = (self.identifier(table.columns[name].physical) for name in (table.time, table.tenant))
        lines = ",\n".join(f"  {line}" for line in self.column_definitions(table))
        name = self.identifier(table.physical)
        # A day is a partition and a tenant a block of it: what a question reads, and what it is charged for.
        return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n)\nPARTITION BY {day}\nCLUSTER BY {tenant}"
