"""Redshift: written, not run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sqlglot import exp

from engine.compiler.dialects.compile_only import CompileOnlyDialect
from engine.compiler.dialects.expressions import EmitNode
from engine.language.function_templates import FunctionSql
from engine.tables import Table

TYPES = {
    "uuid": "VARCHAR(36)",
    "text": "VARCHAR(65535)",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE PRECISION",
    "numeric": "NUMERIC(38, 9)",
}
DIGITS_SQL = "(SELECT 0 AS n" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"


class Redshift(CompileOnlyDialect):
    name: ClassVar[str] = "redshift"
    title: ClassVar[str] = "Redshift"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        # Its week begins with Sunday, at 0.
        "isodow": "(MOD(EXTRACT(DOW FROM {0}) + 6, 7) + 1)",
    }

    def emit_slots(self) -> str:
        # It makes no rows of a bound list, so that the list is asked for its first, second, … pair.
        pair = (
            f"JSON_EXTRACT_ARRAY_ELEMENT_TEXT({self.emit_parameter('slots')}, a.n + 10 * b.n + 100 * c.n + 1000 * d.n)"
        )
        digits = " CROSS JOIN ".join(f"{DIGITS_SQL} AS {place}" for place in "abcd")
        slot, day = (f"JSON_EXTRACT_ARRAY_ELEMENT_TEXT(p.pair, {index})" for index in (0, 1))
        return (
            f"SELECT CAST({slot} AS INT) AS slot, CAST({day} AS DATE) AS day\n"
            f"FROM (SELECT {pair} AS pair FROM {digits}) AS p\nWHERE p.pair <> ''"
        )

    def emit_text(self, sql: str) -> str:
        return f"CAST({sql} AS VARCHAR)"

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        return self.emit_escaped_like(node, sql)

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        tenant, day = (self.quote_identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        return f"{self.emit_keyed_table(table)}\nDISTKEY ({tenant})\nSORTKEY ({tenant}, {day})"
