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
from engine.compiler.dialects.expressions import Double, Write, met, written
from engine.language.types import kind_of
from engine.slices import CURSORS
from engine.tables import Table

VERSION, DELETED = "_version", "_deleted"
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
DATE_PARTS: Mapping[type[exp.Expr], str] = {
    exp.Year: "toYear",
    exp.Month: "toMonth",
    exp.Day: "toDayOfMonth",
    exp.DayOfWeekIso: "toDayOfWeek",
}
PARAMETERS = {"slots": "Array(Tuple(UInt32, Date32))", "mixed": "UInt8", "account": "String"}


class ClickHouse(Dialect):
    name: ClassVar[str] = "clickhouse"
    title: ClassVar[str] = "ClickHouse"
    whole_type: ClassVar[str] = "Int64"
    count_type: ClassVar[str] = "Int32"
    substring_name: ClassVar[str] = "substringUTF8"

    def bind(self, parameter: str) -> str:
        # All others are days.
        return f"{{{parameter}:{PARAMETERS.get(parameter, 'Date32')}}}"

    def bind_tenant(self, type_name: str) -> str:
        return f"{{tenant:{TYPES[type_name]}}}"

    def day(self, day: date) -> date:
        return day

    def iso(self, day: date) -> str:
        return day.isoformat()

    def tenant(self, tenant: str) -> str:
        return tenant

    def slots(self) -> str:
        pairs = f"arrayJoin({self.bind('slots')}) AS p"
        return f"SELECT tupleElement(p, 1) AS slot, tupleElement(p, 2) AS day FROM (SELECT {pairs})"

    def slots_parameter(self, slots: Sequence[tuple[int, date]]) -> list[tuple[int, date]]:
        return list(slots)

    def materialized(self) -> str:
        return ""

    # Expressions

    def double(self, sql: str) -> str:
        return sql if isinstance(sql, Double) else Double(f"toFloat64({sql})")

    def text(self, sql: str) -> str:
        return f"CAST({sql} AS Nullable(String))"

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return rf"{sql(node.this)} {word} replaceAll({sql(node.expression)}, '\\', '\\\\')"

    def compared(self, node: exp.Expr, sql: Write) -> str | None:
        if isinstance(node, exp.In) and any(each.find(exp.Null, exp.Column) for each in node.expressions):
            # IN passes over NULL.
            return f"({' OR '.join(sql(met(node.this, each)) for each in node.expressions)})"
        if isinstance(node, exp.In) and kind_of(node.this) == "double":
            # A set holds -0.0 and 0.0 as two.
            copy = node.copy()
            copy.set("this", written(f"({self.double(sql(node.this))} + 0)"))
            copy.set("expressions", [written(sql(each)) for each in node.expressions])
            return copy.sql(dialect=self.name, identify=True, comments=False)
        return super().compared(node, sql)

    def cut_to(self, type_name: str, sql: str) -> str:
        # What a CASE leaves out is computed all the same, and a CAST of what is no number fails.
        return f"accurateCastOrNull({self.cut(sql)}, '{type_name}')"

    def counted(self, node: exp.Expr, sql: Write) -> str | None:
        # What it counts is UInt64, which has no type in common with Int64.
        if isinstance(node, exp.Length):
            return f"CAST(CHAR_LENGTH({sql(node.this)}) AS Nullable({self.whole_type}))"
        distinct = isinstance(node.this, exp.Distinct)
        argument = sql(node.this.expressions[0] if distinct else node.this)
        return f"toInt64(COUNT({'DISTINCT ' if distinct else ''}{argument}))"

    def date_part(self, node: exp.Expr, sql: Write) -> str | None:
        return f"toInt64({DATE_PARTS[type(node)]}({sql(node.this)}))"

    def literal(self, node: exp.Expr, sql: Write) -> str | None:
        # So is a literal that is larger than UInt32.
        return f"toInt64({node.name})" if node.is_int and int(node.name) >= 2**32 else None

    # Tables

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def column_definitions(self, table: Table) -> list[str]:
        types = {column.physical: self.column_type(column.type) for column in table.columns.values()}
        key = {table.columns[name].physical for name in sorting_key(table)}
        return [
            f"{self.identifier(name)} {kind if name in key else f'Nullable({kind})'}" for name, kind in types.items()
        ]

    def create_table(self, table: Table) -> str:
        return f"{self.body(table, table.physical, '')}\n{self.layout(table, '')}"

    def create_on_cluster(self, table: Table, cluster: str) -> tuple[str, str]:
        """The table of each shard, and the one over them that is read and written to: a tenant is on one shard."""
        on = f" ON CLUSTER {self.identifier(cluster)}"
        local = f"{table.physical}_local"
        replicated = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
        schema, _, name = local.rpartition(".")
        database = f"'{schema}'" if schema else "currentDatabase()"
        shard = f"cityHash64({self.identifier(table.columns[table.tenant].physical)})"
        over = f"Distributed('{cluster}', {database}, '{name}', {shard})"
        names = [self.identifier(each) for each in (table.physical, local)]
        return (
            f"{self.body(table, local, on)}\n{self.layout(table, replicated)}",
            f"CREATE TABLE IF NOT EXISTS {names[0]}{on} AS {names[1]}\nENGINE = {over}",
        )

    def body(self, table: Table, name: str, on: str) -> str:
        if table is CURSORS:
            columns = [
                f"{self.identifier(column.physical)} {extreme(column.name, self.column_type(column.type))}"
                for column in table.columns.values()
            ]
        else:
            columns = self.column_definitions(table)
            if table.key:
                columns += [f"{VERSION} UInt64 DEFAULT toUnixTimestamp64Nano(now64(9))", f"{DELETED} UInt8 DEFAULT 0"]
        lines = ",\n".join(f"  {line}" for line in columns)
        return f"CREATE TABLE IF NOT EXISTS {self.identifier(name)}{on} (\n{lines}\n)"

    def layout(self, table: Table, replicated: str) -> str:
        """The engine and the order. Without partitions, so that whatever a restatement inserts is one part."""
        kind, arguments = "MergeTree", []
        if table is CURSORS:
            kind = "AggregatingMergeTree"
        elif table.key:
            kind, arguments = "ReplacingMergeTree", [VERSION, DELETED]
        if replicated:
            kind, arguments = f"Replicated{kind}", [replicated, *arguments]
        order = ", ".join(self.identifier(table.columns[name].physical) for name in sorting_key(table))
        return f"ENGINE = {kind}({', '.join(arguments)})\nORDER BY ({order})"

    def value(self, value: Any, type_name: str) -> Any:
        # A column of an insert is of one kind.
        return str(value) if type_name == "uuid" and value is not None else value


def sorting_key(table: Table) -> Sequence[str]:
    return table.key or (table.tenant, table.time)


def extreme(column: str, column_type: str) -> str:
    """The type of a column of the cursors, of which the least or the greatest value is kept."""
    function = {"first_day": "min", "last_day": "max"}.get(column)
    return f"SimpleAggregateFunction({function}, {column_type})" if function else column_type
