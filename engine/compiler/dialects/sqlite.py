"""SQLite: the embedded default. Dates are ISO text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from engine.calendar import format_iso_day
from engine.compiler.dialects.expressions import LiteralSql
from engine.compiler.dialects.transactional import TransactionalDialect
from engine.language.function_templates import FunctionSql, make_null_skipping, make_percentiles
from engine.slices import CURSORS
from engine.tables import Table

TYPES = {
    "uuid": "TEXT",
    "text": "TEXT",
    "date": "TEXT",
    "timestamp": "TEXT",
    "timestamptz": "TEXT",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "REAL",
    "numeric": "NUMERIC",
}


def write_replace(text: str, old: str, new: str) -> str:
    # Where the old text is not found, SQLite ignores a new one that is NULL.
    call = f"REPLACE({text}, {old}, {new})"
    return call if isinstance(new, LiteralSql) else f"CASE WHEN {new} IS NOT NULL THEN {call} END"


class SQLite(TransactionalDialect):
    name: ClassVar[str] = "sqlite"
    title: ClassVar[str] = "SQLite"
    double_type: ClassVar[str] = "REAL"
    substring_name: ClassVar[str] = "SUBSTR"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        "greatest": make_null_skipping("MAX"),
        "least": make_null_skipping("MIN"),
        "replace": write_replace,
        "year": "CAST(STRFTIME('%Y', {0}) AS INTEGER)",
        "month": "CAST(STRFTIME('%m', {0}) AS INTEGER)",
        "day": "CAST(STRFTIME('%d', {0}) AS INTEGER)",
        # Its week begins with Sunday, at 0.
        "isodow": "(CAST(STRFTIME('%w', {0}, '-1 day') AS INTEGER) + 1)",
        "hour": "CAST(STRFTIME('%H', {0}) AS INTEGER)",
        # The driver adds it to every connection.
        **make_percentiles("PERCENTILE_CONT({0}, {1})"),
        # They are NULL where they are undefined.
        "sqrt": None,
        "ln": None,
    }

    def quote_identifier(self, name: str) -> str:
        # There are no schemas in one file: a dotted name is the table's whole name.
        return f'"{name}"'

    def emit_parameter(self, parameter: str) -> str:
        return f":{parameter}"

    def bind_day(self, day: date) -> str:
        return format_iso_day(day)

    def format_day(self, day: str) -> str:
        return day

    def bind_tenant_id(self, tenant: str) -> str:
        return tenant

    def emit_slots(self) -> str:
        pairs = f"json_each({self.emit_parameter('slots')})"
        return f"SELECT json_extract(value, '$[0]') AS slot, json_extract(value, '$[1]') AS day FROM {pairs}"

    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> str:
        return json.dumps([(slot, day.isoformat()) for slot, day in slots])

    def emit_truncation(self, sql: str) -> str:
        # A cast to a whole number truncates.
        return sql

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        # Without rowid the primary key is the table: a tenant's days are one stretch of it.
        return self.emit_keyed_table(table) + (" WITHOUT ROWID" if table.key else "")

    def emit_upsert(self, table: Table, columns: Sequence[str]) -> str:
        return self.emit_conflict_upsert(table, columns, f"VALUES ({', '.join('?' * len(columns))})")

    def emit_cursor_upsert(self) -> str:
        names = ", ".join(CURSORS.columns)
        return (
            f"INSERT INTO {CURSORS.physical} ({names}) VALUES (?, ?, ?, ?, ?) "
            f"ON CONFLICT ({', '.join(CURSORS.key)}) DO UPDATE SET "
            "first_day = MIN(first_day, excluded.first_day), last_day = MAX(last_day, excluded.last_day)"
        )

    def bind_value(self, value: Any, type_name: str) -> Any:
        match value:
            case datetime():
                # A moment is kept in UTC; a time without a zone is kept as it was written.
                return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat(sep=" ")
            case date():
                return value.isoformat()
            case Decimal():
                return float(value)
            case UUID():
                return str(value)
        return value
