"""SQLite: the embedded default. Dates are ISO text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import reduce
from typing import Any, ClassVar
from uuid import UUID

from sqlglot import exp

from metric_engine.engine.dialects.base import Dialect, written
from metric_engine.engine.slices import CURSORS
from metric_engine.engine.tables import Table

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


class SQLite(Dialect):
    name: ClassVar[str] = "sqlite"

    def identifier(self, name: str) -> str:
        # There are no schemas in one file: a dotted name is the table's whole name.
        return f'"{name}"'

    def bind(self, parameter: str) -> str:
        return f":{parameter}"

    def day(self, day: date) -> str:
        return day.isoformat()

    def iso(self, day: str) -> str:
        return day

    def tenant(self, tenant: str) -> str:
        return tenant

    def slots(self) -> str:
        pairs = f"json_each({self.bind('slots')})"
        return f"SELECT json_extract(value, '$[0]') AS slot, json_extract(value, '$[1]') AS day FROM {pairs}"

    def slots_parameter(self, slots: Sequence[tuple[int, date]]) -> str:
        return json.dumps([(slot, day.isoformat()) for slot, day in slots])

    def double(self, sql: str) -> str:
        return f"CAST({sql} AS REAL)"

    def extreme(self, node: exp.Greatest | exp.Least, columns: Mapping[str, str] | None) -> exp.Expr:
        # SQLite's two-argument MAX is NULL where either is NULL.
        function = "MAX" if isinstance(node, exp.Greatest) else "MIN"
        arguments = [self.expression(each, columns) for each in (node.this, *node.expressions)]
        return written(reduce(lambda a, b: f"COALESCE({function}({a}, {b}), {a}, {b})", arguments))

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def create_table(self, table: Table) -> str:
        key_columns = {table.columns[name].physical for name in table.key}
        # Two declared columns may be the same physical one.
        types = {column.physical: self.column_type(column.type) for column in table.columns.values()}
        columns = [
            f"  {self.identifier(name)} {column_type}" + (" NOT NULL" if name in key_columns else "")
            for name, column_type in types.items()
        ]
        # Without rowid the primary key is the table: a tenant's days are one stretch of it.
        suffix = ""
        if table.key:
            key = ", ".join(self.identifier(table.columns[name].physical) for name in table.key)
            columns.append(f"  PRIMARY KEY ({key})")
            suffix = " WITHOUT ROWID"
        body = ",\n".join(columns)
        return f"CREATE TABLE IF NOT EXISTS {self.identifier(table.physical)} (\n{body}\n){suffix}"

    def upsert(self, table: Table, columns: Sequence[str]) -> str:
        physical = [self.identifier(table.columns[name].physical) for name in columns]
        text = (
            f"INSERT INTO {self.identifier(table.physical)} ({', '.join(physical)}) "
            f"VALUES ({', '.join('?' for _ in columns)})"
        )
        if not table.key:
            return text
        key = ", ".join(self.identifier(table.columns[name].physical) for name in table.key)
        others = [name for name, column in zip(physical, columns, strict=True) if column not in table.key]
        if not others:
            return f"{text} ON CONFLICT ({key}) DO NOTHING"
        return f"{text} ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}"

    def move_cursor(self) -> str:
        names = ", ".join(CURSORS.columns)
        return (
            f"INSERT INTO {CURSORS.physical} ({names}) VALUES (?, ?, ?, ?, ?) "
            f"ON CONFLICT ({', '.join(CURSORS.key)}) DO UPDATE SET "
            "first_day = MIN(first_day, excluded.first_day), last_day = MAX(last_day, excluded.last_day)"
        )

    def value(self, value: Any, type_name: str) -> Any:
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
