"""ClickHouse, in a server or in this process: facts of very many tenants.

It changes no row in place. A table of ours keeps the newest version of each key; a row that is gone is a newest version
that says so. All of a restatement is one insert, which is one part, and readers see a part or do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import DoubleSql, EmitNode, build_branch_condition, wrap_sql
from engine.language.function_templates import FunctionSql, make_percentiles
from engine.language.types import get_value_type
from engine.slices import CURSORS
from engine.tables import Table

VERSION_COLUMN, DELETED_COLUMN = "_version", "_deleted"
TYPES = {
    "uuid": "UUID",
    "text": "String",
    "date": "Date32",
    "timestamp": "DateTime64(6, 'UTC')",
    "timestamptz": "DateTime64(6, 'UTC')",
    "boolean": "Bool",
    "integer": "Int32",
    "bigint": "Int64",
    "double": "Float64",
    "numeric": "Decimal(38, 9)",
}
PARAMETER_TYPES = {
    "slots": "Array(Tuple(UInt32, Date32))",
    "mixed": "UInt8",
    "account": "String",
    "table_name": "String",
}


class ClickHouse(Dialect):
    name: ClassVar[str] = "clickhouse"
    title: ClassVar[str] = "ClickHouse"
    whole_type: ClassVar[str] = "Int64"
    count_type: ClassVar[str] = "Int32"
    substring_name: ClassVar[str] = "substringUTF8"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        # What it counts is UInt64, which has no type in common with Int64.
        "count": "toInt64(COUNT({0}))",
        "length": "CAST(CHAR_LENGTH({0}) AS Nullable({engine.whole_type}))",
        "year": "toInt64(toYear({0}))",
        "month": "toInt64(toMonth({0}))",
        "day": "toInt64(toDayOfMonth({0}))",
        "isodow": "toInt64(toDayOfWeek({0}))",
        "hour": "toInt64(toHour({0}))",
        **make_percentiles("quantileExactInclusive({1})({0})"),
    }

    def emit_parameter(self, parameter: str) -> str:
        # All others are days.
        return f"{{{parameter}:{PARAMETER_TYPES.get(parameter, 'Date32')}}}"

    def emit_text_parameter(self, parameter: str) -> str:
        return f"{{{parameter}:String}}"

    def emit_tenant_parameter(self, type_name: str) -> str:
        return f"{{tenant:{TYPES[type_name]}}}"

    def bind_day(self, day: date) -> date:
        return day

    def format_day(self, day: date) -> str:
        return day.isoformat()

    def bind_tenant_id(self, tenant: str) -> str:
        return tenant

    def emit_slots(self) -> str:
        pairs = f"arrayJoin({self.emit_parameter('slots')}) AS p"
        return f"SELECT tupleElement(p, 1) AS slot, tupleElement(p, 2) AS day FROM (SELECT {pairs})"

    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> list[tuple[int, date]]:
        return list(slots)

    def emit_materialized(self) -> str:
        return ""

    # Expressions

    def emit_double(self, sql: str) -> str:
        return sql if isinstance(sql, DoubleSql) else DoubleSql(f"toFloat64({sql})")

    def emit_text(self, sql: str) -> str:
        return f"CAST({sql} AS Nullable(String))"

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return rf"{sql(node.this)} {word} replaceAll({sql(node.expression)}, '\\', '\\\\')"

    def emit_comparison(self, node: exp.Expr, sql: EmitNode) -> str | None:
        if isinstance(node, exp.In) and any(each.find(exp.Null, exp.Column) for each in node.expressions):
            # IN passes over NULL.
            return f"({' OR '.join(sql(build_branch_condition(node.this, each)) for each in node.expressions)})"
        if isinstance(node, exp.In) and get_value_type(node.this) == "double":
            # A set holds -0.0 and 0.0 as two.
            copy = node.copy()
            copy.set("this", wrap_sql(f"({self.emit_double(sql(node.this))} + 0)"))
            copy.set("expressions", [wrap_sql(sql(each)) for each in node.expressions])
            return copy.sql(dialect=self.name, identify=True, comments=False)
        return super().emit_comparison(node, sql)

    def emit_truncating_cast(self, type_name: str, sql: str) -> str:
        # What a CASE leaves out is computed all the same, and a CAST of what is no number fails.
        return f"accurateCastOrNull({self.emit_truncation(sql)}, '{type_name}')"

    def emit_literal(self, node: exp.Expr, sql: EmitNode) -> str | None:
        # A literal that is larger than UInt32 is UInt64.
        return f"toInt64({node.name})" if node.is_int and int(node.name) >= 2**32 else None

    # Tables

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_column_definitions(self, table: Table) -> list[str]:
        types = {column.physical: self.emit_column_type(column.type) for column in table.columns.values()}
        key = {table.columns[name].physical for name in get_sorting_key(table)}
        return [
            f"{self.quote_identifier(name)} {kind if name in key else f'Nullable({kind})'}"
            for name, kind in types.items()
        ]

    def emit_create_table(self, table: Table) -> str:
        return f"{self.emit_table_body(table, table.physical, '')}\n{self.emit_table_layout(table, '')}"

    def emit_create_on_cluster(self, table: Table, cluster: str) -> tuple[str, str]:
        """Write the table of each shard, and the one over them; a tenant is on one shard."""
        on = f" ON CLUSTER {self.quote_identifier(cluster)}"
        local = f"{table.physical}_local"
        replicated = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
        schema, _, name = local.rpartition(".")
        database = f"'{schema}'" if schema else "currentDatabase()"
        shard = f"cityHash64({self.quote_identifier(table.columns[table.tenant].physical)})"
        over = f"Distributed('{cluster}', {database}, '{name}', {shard})"
        names = [self.quote_identifier(each) for each in (table.physical, local)]
        return (
            f"{self.emit_table_body(table, local, on)}\n{self.emit_table_layout(table, replicated)}",
            f"CREATE TABLE IF NOT EXISTS {names[0]}{on} AS {names[1]}\nENGINE = {over}",
        )

    def emit_table_body(self, table: Table, name: str, on: str) -> str:
        if table is CURSORS:
            types = {
                each: get_cursor_column_type(each, self.emit_column_type(table.columns[each].type))
                for each in table.columns
            }
            columns = [f"{self.quote_identifier(table.columns[each].physical)} {kind}" for each, kind in types.items()]
        else:
            columns = self.emit_column_definitions(table)
            if table.key:
                columns += [
                    f"{VERSION_COLUMN} UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))",
                    f"{DELETED_COLUMN} UInt8 DEFAULT 0",
                ]
        lines = ",\n".join(f"  {line}" for line in columns)
        return f"CREATE TABLE IF NOT EXISTS {self.quote_identifier(name)}{on} (\n{lines}\n)"

    def emit_table_layout(self, table: Table, replicated: str) -> str:
        """Write the engine and the order, without partitions: a restatement inserts one part."""
        kind, arguments = "MergeTree", []
        if table is CURSORS:
            kind = "AggregatingMergeTree"
        elif table.key:
            kind, arguments = "ReplacingMergeTree", [VERSION_COLUMN, DELETED_COLUMN]
        if replicated:
            kind, arguments = f"Replicated{kind}", [replicated, *arguments]
        order = ", ".join(self.quote_identifier(table.columns[name].physical) for name in get_sorting_key(table))
        return f"ENGINE = {kind}({', '.join(arguments)})\nORDER BY ({order})"

    def bind_value(self, value: Any, type_name: str) -> Any:
        # A column of an insert is of one kind.
        return str(value) if type_name == "uuid" and value is not None else value


def get_sorting_key(table: Table) -> Sequence[str]:
    return table.key or (table.tenant, table.time)


def get_cursor_column_type(column: str, column_type: str) -> str:
    """Return the type of a column of the cursors, which keeps the least or the greatest value."""
    function = {"first_day": "min", "last_day": "max"}.get(column)
    return f"SimpleAggregateFunction({function}, {column_type})" if function else column_type
