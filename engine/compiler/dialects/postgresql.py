"""PostgreSQL, through psycopg: the first step beyond one machine's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from sqlglot import exp

from engine.compiler.dialects.expressions import EmitNode
from engine.compiler.dialects.transactional import TransactionalDialect
from engine.language.function_templates import FunctionSql
from engine.language.types import get_value_type
from engine.slices import CURSORS
from engine.tables import Table

TYPES = {
    "uuid": "uuid",
    # Sorted by code points like everywhere else, which is also the cheapest order to keep.
    "text": 'text COLLATE "C"',
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "boolean": "boolean",
    "integer": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "numeric": "numeric",
}


class PostgreSQL(TransactionalDialect):
    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    no_escape: ClassVar[str] = " ESCAPE ''"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        # By this collation they change the letters A to Z and no others.
        "lower": 'LOWER(CAST({0} AS TEXT) COLLATE "C")',
        "upper": 'UPPER(CAST({0} AS TEXT) COLLATE "C")',
    }

    def normalize_column(self, sql: str, type_name: str) -> str:
        # A database's own collation may put ä beside a, or take no notice of case.
        return f'{sql} COLLATE "C"' if type_name == "text" else super().normalize_column(sql, type_name)

    def emit_parameter(self, parameter: str) -> str:
        return f"%({parameter})s"

    def emit_tenant_parameter(self, type_name: str) -> str:
        # Two tables of one statement may differ in the type, a parameter has one.
        return f"CAST({self.emit_parameter('tenant')} AS {type_name.upper()})"

    def bind_day(self, day: date) -> date:
        return day

    def format_day(self, day: date) -> str:
        return day.isoformat()

    def bind_tenant_id(self, tenant: str) -> str:
        return tenant

    def emit_slots(self) -> str:
        pairs = f"JSONB_ARRAY_ELEMENTS(CAST({self.emit_parameter('slots')} AS JSONB)) AS p"
        return f"SELECT CAST(p.value ->> 0 AS INT) AS slot, CAST(p.value ->> 1 AS DATE) AS day FROM {pairs}"

    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> str:
        return json.dumps([(slot, day.isoformat()) for slot, day in slots])

    # Expressions

    def emit_query_column(self, column: exp.Column) -> str:
        # What a query makes of literals has the database's own collation.
        sql = super().emit_query_column(column)
        return f'{sql} COLLATE "C"' if get_value_type(column) == "text" else sql

    def emit_text(self, sql: str) -> str:
        return f'CAST({sql} AS TEXT) COLLATE "C"'

    def emit_literal(self, node: exp.Expr, sql: EmitNode) -> str | None:
        if node.args["is_string"] and "%" in node.name:
            # psycopg takes a percent sign for the beginning of a parameter.
            return "'" + node.name.replace("'", "''").replace("%", "%%") + "'"
        return None

    # Tables

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        return self.emit_keyed_table(table)

    def get_advice(self) -> str:
        return (
            "The primary keys begin with the tenant and the day, so that a question reads one stretch of one index.\n"
            "Beyond some 100 million rows in a table, append PARTITION BY HASH (user_id) to its statement before the\n"
            "first load, with a partition for every ten million rows: a tenant's rows are then in one of them, and a\n"
            "vacuum or an index is about that one. BRIN indexes on the date do not help: no question is without tenant."
        )

    def emit_upsert(self, table: Table, columns: Sequence[str]) -> str:
        return self.emit_conflict_upsert(table, columns, f"VALUES ({', '.join(['%s'] * len(columns))})")

    def emit_cursor_upsert(self) -> str:
        names = ", ".join(CURSORS.columns)
        return (
            f"INSERT INTO {CURSORS.physical} AS held ({names}) VALUES (%s, %s, %s, %s, %s) "
            f"ON CONFLICT ({', '.join(CURSORS.key)}) DO UPDATE SET "
            "first_day = LEAST(held.first_day, excluded.first_day), "
            "last_day = GREATEST(held.last_day, excluded.last_day)"
        )

    def bind_value(self, value: Any, type_name: str) -> Any:
        return value
