"""Redshift: written, not run here."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp

from engine.compiler.dialects.compile_only import Unexecuted
from engine.compiler.dialects.expressions import Write
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
DIGITS = "(SELECT 0 AS n" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"


class Redshift(Unexecuted):
    name: ClassVar[str] = "redshift"
    title: ClassVar[str] = "Redshift"

    def slots(self) -> str:
        # It makes no rows of a bound list, so that the list is asked for its first, second, … pair.
        pair = f"JSON_EXTRACT_ARRAY_ELEMENT_TEXT({self.bind('slots')}, a.n + 10 * b.n + 100 * c.n + 1000 * d.n)"
        digits = " CROSS JOIN ".join(f"{DIGITS} AS {place}" for place in "abcd")
        slot, day = (f"JSON_EXTRACT_ARRAY_ELEMENT_TEXT(p.pair, {index})" for index in (0, 1))
        return (
            f"SELECT CAST({slot} AS INT) AS slot, CAST({day} AS DATE) AS day\n"
            f"FROM (SELECT {pair} AS pair FROM {digits}) AS p\nWHERE p.pair <> ''"
        )

    def text(self, sql: str) -> str:
        return f"CAST({sql} AS VARCHAR)"

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        return self.escaping_like(node, sql)

    def date_part(self, node: exp.Expr, sql: Write) -> str | None:
        if isinstance(node, exp.DayOfWeekIso):
            # Its week begins with Sunday, at 0.
            return f"(MOD(EXTRACT(DOW FROM {sql(node.this)}) + 6, 7) + 1)"
        return super().date_part(node, sql)

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def create_table(self, table: Table) -> str:
        tenant, day = (self.identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        return f"{self.keyed_table(table)}\nDISTKEY ({tenant})\nSORTKEY ({tenant}, {day})"
