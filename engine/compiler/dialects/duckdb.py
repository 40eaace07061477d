"""DuckDB: one file, one process, columns instead of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from string import ascii_lowercase, ascii_uppercase
from typing import Any, ClassVar

from sqlglot import exp

from engine.compiler.dialects.expressions import EmitNode
from engine.compiler.dialects.transactional import TransactionalDialect
from engine.language.function_templates import FunctionSql, make_percentiles
from engine.slices import CURSORS
from engine.tables import Table

TYPES = {
    "uuid": "UUID",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "numeric": "DECIMAL(38, 9)",
}


class DuckDB(TransactionalDialect):
    name: ClassVar[str] = "duckdb"
    title: ClassVar[str] = "DuckDB"
    double_type: ClassVar[str] = "DOUBLE"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        # Its own change the letters of all scripts, and TRIM takes all white space away.
        "lower": f"TRANSLATE(CAST({{0}} AS TEXT), '{ascii_uppercase}', '{ascii_lowercase}')",
        "upper": f"TRANSLATE(CAST({{0}} AS TEXT), '{ascii_lowercase}', '{ascii_uppercase}')",
        "trim": "TRIM({0}, ' ')",
        **make_percentiles("QUANTILE_CONT({0}, {1})"),
    }

    def emit_parameter(self, parameter: str) -> str:
        return f"${parameter}"

    def bind_day(self, day: date) -> date:
        return day

    def format_day(self, day: date) -> str:
        return day.isoformat()

    def bind_tenant_id(self, tenant: str) -> str:
        return tenant

    def emit_slots(self) -> str:
        pairs = f"UNNEST(CAST({self.emit_parameter('slots')} AS STRUCT(slot INT, day DATE)[])) AS p"
        return f"SELECT p.slot AS slot, p.day AS day FROM (SELECT {pairs})"

    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> list[dict[str, Any]]:
        return [{"slot": slot, "day": day} for slot, day in slots]

    # Expressions

    def emit_literal(self, node: exp.Expr, sql: EmitNode) -> str | None:
        # With an exponent it is a double, without it a decimal.
        fraction = not node.args["is_string"] and "." in node.name and "e" not in node.name.lower()
        return f"{node.name}e0" if fraction else None

    # Tables

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        return self.emit_keyed_table(table)

    def emit_upsert(self, table: Table, columns: Sequence[str]) -> str:
        """Write INSERT of rows from a list for each column: row by row is a hundred times slower."""
        lists = ", ".join(f"UNNEST(CAST(? AS {self.emit_column_type(table.columns[name].type)}[]))" for name in columns)
        return self.emit_conflict_upsert(table, columns, f"SELECT {lists}")

    def emit_cursor_upsert(self) -> str:
        names = ", ".join(CURSORS.columns)
        return (
            f"INSERT INTO {CURSORS.physical} ({names}) VALUES (?, ?, ?, ?, ?) "
            f"ON CONFLICT ({', '.join(CURSORS.key)}) DO UPDATE SET "
            "first_day = LEAST(first_day, excluded.first_day), last_day = GREATEST(last_day, excluded.last_day)"
        )

    def bind_value(self, value: Any, type_name: str) -> Any:
        return value
