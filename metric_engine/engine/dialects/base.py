"""The seam between the engine and a database: how things are written there, and how values travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from sqlglot import exp

from metric_engine.engine.slices import Slice
from metric_engine.engine.tables import Table

# Writes a node of an expression as SQL.
Write = Callable[[exp.Expr], str]

SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
CONDITIONS = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Is, exp.Like),
    *(exp.And, exp.Or, exp.Not, exp.Boolean),
)


class Double(str):
    """SQL whose value is a double already."""


class Truth(str):
    """SQL whose value is true or false."""


class Dialect(ABC):
    """One database's way of writing what the builder needs. Stateless."""

    # sqlglot's name for it.
    name: ClassVar[str]
    # What it is called, for people to read.
    title: ClassVar[str]
    # The type of a double.
    double_type: ClassVar[str] = "DOUBLE PRECISION"
    # What follows a pattern of LIKE, so that nothing is an escape in it.
    no_escape: ClassVar[str] = ""

    def identifier(self, name: str) -> str:
        """A name in quotes; a dotted one is quoted part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def column(self, source: str, name: str) -> str:
        """A column of a source; qualified always, since some engines read an unknown quoted name as a text."""
        return f"{source}.{self.identifier(name)}"

    def read(self, sql: str, type_name: str) -> str:
        """A column of a table such that its values compare, sort and add up alike on every engine."""
        match type_name:
            case "double":
                return Double(sql)
            case "numeric":
                return self.double(sql)
            case "boolean":
                return Truth(sql)
        return sql

    @abstractmethod
    def bind(self, parameter: str) -> str:
        """A bound parameter, as the driver writes it."""

    def bind_tenant(self, type_name: str) -> str:
        """The bound tenant, to be compared with a column of this type."""
        return self.bind("tenant")

    @abstractmethod
    def day(self, day: date) -> Any:
        """A date as it is bound, and as the driver gives one back."""

    @abstractmethod
    def iso(self, day: Any) -> str:
        """A date of the driver's as ISO text."""

    @abstractmethod
    def tenant(self, tenant: str) -> Any:
        """A tenant as it is bound."""

    @abstractmethod
    def slots(self) -> str:
        """A SELECT of (slot, day) pairs from the one bound parameter `slots`."""

    @abstractmethod
    def slots_parameter(self, slots: Sequence[tuple[int, date]]) -> Any:
        """What is bound to `slots`."""

    @abstractmethod
    def column_type(self, type_name: str) -> str:
        """A column's type in CREATE TABLE."""

    @abstractmethod
    def create_table(self, table: Table) -> str:
        """CREATE TABLE IF NOT EXISTS, laid out so that a tenant's rows lie together in the order of their days."""

    @abstractmethod
    def upsert(self, table: Table, columns: Sequence[str]) -> str:
        """INSERT of one row with these columns, which takes the place of one with the same key."""

    @abstractmethod
    def value(self, value: Any, type_name: str) -> Any:
        """A Python value of a column's type as it is bound; None stays None."""

    def values(self, table: Table, columns: Sequence[str], row: Mapping[str, Any]) -> Sequence[Any]:
        """A row as it is bound to `upsert`."""
        return [self.value(row[name], table.columns[name].type) for name in columns]

    def delete(self, table: Table, condition: str) -> str:
        """DELETE of the rows that meet a condition."""
        return f"DELETE FROM {self.identifier(table.physical)} WHERE {condition}"

    def select(self, table: Table, columns: Sequence[str], condition: str) -> str:
        """SELECT of these columns of the rows that meet a condition."""
        selected = ", ".join(self.identifier(table.columns[name].physical) for name in columns)
        return f"SELECT {selected} FROM {self.identifier(table.physical)} WHERE {condition}"

    def keyed_table(self, table: Table) -> str:
        """CREATE TABLE IF NOT EXISTS with the table's key as its primary key."""
        body = self.column_definitions(table)
        if table.key:
            body.append(f"PRIMARY KEY ({', '.join(self.key_columns(table))})")
        lines = ",\n".join(f"  {line}" for line in body)
        return f"CREATE TABLE IF NOT EXISTS {self.identifier(table.physical)} (\n{lines}\n)"

    def column_definitions(self, table: Table) -> list[str]:
        # Two declared columns may be the same physical one.
        types = {column.physical: self.column_type(column.type) for column in table.columns.values()}
        key = {table.columns[name].physical for name in table.key}
        return [f"{self.identifier(name)} {kind}{' NOT NULL' if name in key else ''}" for name, kind in types.items()]

    def key_columns(self, table: Table) -> list[str]:
        return [self.identifier(table.columns[name].physical) for name in table.key]

    def conflict_upsert(self, table: Table, columns: Sequence[str], placeholder: str) -> str:
        """INSERT of one row, ON CONFLICT of whose key the one that is there is changed."""
        physical = [self.identifier(table.columns[name].physical) for name in columns]
        values = ", ".join([placeholder] * len(columns))
        text = f"INSERT INTO {self.identifier(table.physical)} ({', '.join(physical)}) VALUES ({values})"
        if not table.key:
            return text
        others = [name for name, column in zip(physical, columns, strict=True) if column not in table.key]
        change = f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}" if others else "NOTHING"
        return f"{text} ON CONFLICT ({', '.join(self.key_columns(table))}) DO {change}"

    def of_tenant(self, table: Table) -> str:
        """The condition that a row is the tenant's; parameter: tenant."""
        tenant = table.columns[table.tenant]
        return f"{self.identifier(tenant.physical)} = {self.bind_tenant(tenant.type)}"

    def of_slice(self, table: Table) -> str:
        """The condition that a row is of a slice; parameters: tenant, account, start, end."""
        day = self.identifier(table.columns[table.time].physical)
        account = f" AND {self.identifier(table.account.physical)} = {self.bind('account')}" if table.account else ""
        return f"{self.of_tenant(table)}{account} AND {day} BETWEEN {self.bind('start')} AND {self.bind('end')}"

    def slice_parameters(self, slice_: Slice) -> dict[str, Any]:
        """What is bound to the condition that a row is of a slice."""
        account = {"account": slice_.account} if slice_.table.account else {}
        days = {"start": self.day(slice_.days.start), "end": self.day(slice_.days.end)}
        return {"tenant": self.tenant(slice_.tenant), **account, **days}

    @abstractmethod
    def move_cursor(self) -> str:
        """INSERT of a row of `sync_cursors`, in the order of its columns; one that is there only grows."""

    def cursor_values(self, slice_: Slice) -> Sequence[Any]:
        """What is bound to `move_cursor`."""
        place = (self.tenant(slice_.tenant), slice_.table.name, slice_.account)
        return (*place, self.day(slice_.days.start), self.day(slice_.days.end))

    def advice(self, table: Table) -> str:
        """What is worth knowing when a table has grown large, for people to read; empty where there is nothing."""
        return ""

    def materialized(self) -> str:
        """The word that makes a WITH query run once, however often it is read."""
        return "MATERIALIZED "

    # Expressions

    def double(self, sql: str) -> str:
        return sql if isinstance(sql, Double) else Double(f"CAST({sql} AS {self.double_type})")

    def text(self, sql: str) -> str:
        """A value as text that sorts by code points."""
        return f"CAST({sql} AS TEXT)"

    def expression(self, tree: exp.Expr, columns: Mapping[str, str] | None) -> str:
        """A tree of an analyst's expression as SQL; `columns` tells how each column is written."""
        if isinstance(tree, exp.Column) and columns is not None:
            return columns[tree.name]
        return tree.transform(self.rewritten, columns).sql(dialect=self.name, identify=True, comments=False)

    def query(self, tree: exp.Select, scan: Callable[[exp.Table], str | None]) -> str:
        """An analyst's query as SQL; `scan` gives what stands where a table is named, or None for a WITH query."""

        def replaced(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Table):
                sql = scan(node)
                return written(
                    f"{self.with_name(node.name)} AS {self.identifier(node.alias_or_name)}" if sql is None else sql
                )
            if isinstance(node, exp.CTE):
                node.args["alias"].set("this", written(self.with_name(node.alias)))
            return self.rewritten(node, None)

        return tree.transform(replaced).sql(dialect=self.name, identify=True, comments=False)

    def with_name(self, name: str) -> str:
        """The name of an analyst's WITH query: one that no table can have, so that neither hides the other."""
        return self.identifier(f"with {name}")

    def rewritten(self, node: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """What means the same on every engine, written so that this one does it.

        `columns` tells how columns are written; without it they stay as they are.
        """
        if isinstance(node, exp.Column) and columns is not None:
            return written(columns[node.name])
        if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            # IF is spelt in many ways, and some want an ELSE.
            return exp.Case(ifs=[exp.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
        write = WRITERS.get(type(node))
        sql = None if write is None else write(self, node, lambda inner: self.expression(inner, columns))
        return node if sql is None else written(sql)

    # What engines do not agree on: each writes a node, or gives None where the engine's own way is right. `sql` writes
    # the nodes inside it.

    def division(self, node: exp.Expr, sql: Write) -> str | None:
        """A division in floating point that is NULL where the divisor is 0."""
        return f"({self.double(sql(node.this))} / NULLIF({self.double(sql(node.expression))}, 0))"

    def arithmetic(self, node: exp.Expr, sql: Write) -> str | None:
        """+, - and * in floating point: whole numbers that become too large fail, or wrap around."""

        def operand(inner: exp.Expr) -> str:
            known = isinstance(inner.unnest(), (exp.Add, exp.Sub, exp.Mul, exp.Div))
            return sql(inner) if known else self.double(sql(inner))

        return f"({operand(node.this)} {SIGNS[type(node)]} {operand(node.expression)})"

    def extreme(self, node: exp.Expr, sql: Write) -> str | None:
        """GREATEST and LEAST, which pass over NULL."""
        return f"{node.key.upper()}({', '.join(sql(each) for each in (node.this, *node.expressions))})"

    def cast(self, node: exp.Expr, sql: Write) -> str | None:
        """A decimal is a double, since precisions differ; a whole number is what stands before the point."""
        to = node.args["to"].this
        if to in (exp.DType.DECIMAL, exp.DType.DOUBLE):
            return self.double(sql(node.this))
        if to in (exp.DType.INT, exp.DType.BIGINT):
            inner = sql(node.this)
            if isinstance(inner, Truth) or isinstance(node.this.unnest(), CONDITIONS):
                return f"CASE WHEN {inner} THEN 1 WHEN NOT ({inner}) THEN 0 END"
            return f"CAST(TRUNC({self.double(inner)}) AS BIGINT)"
        return None

    def rounded(self, node: exp.Expr, sql: Write) -> str | None:
        """Half away from zero."""
        value, digits = self.double(sql(node.this)), node.args.get("decimals")
        scale = "1.0" if digits is None else f"POWER(10.0, {sql(digits)})"
        size = f"FLOOR(ABS({value}) * {scale} + 0.5) / {scale}"
        return f"CASE WHEN {value} < 0 THEN -({size}) ELSE {size} END"

    def root(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"SQRT(CASE WHEN {value} >= 0 THEN {value} END)"

    def logarithm(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"LN(CASE WHEN {value} > 0 THEN {value} END)"

    def power(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        base, exponent = self.double(sql(node.this)), self.double(sql(node.expression))
        known = f"{base} > 0 OR {base} = 0 AND {exponent} >= 0 OR {base} < 0 AND {exponent} = FLOOR({exponent})"
        return f"CASE WHEN {known} THEN POWER({base}, {exponent}) END"

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        """% and _ stand for others, and a backslash for itself."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return f"{sql(node.this)} {word} {sql(node.expression)}{self.no_escape}"

    def lower(self, node: exp.Expr, sql: Write) -> str | None:
        """The letters A to Z, whatever the collation."""
        return None

    def upper(self, node: exp.Expr, sql: Write) -> str | None:
        """The letters a to z, whatever the collation."""
        return None

    def substring(self, node: exp.Expr, sql: Write) -> str | None:
        """By characters, not bytes."""
        return None

    def joined(self, node: exp.Expr, sql: Write) -> str | None:
        """Texts, one after the other; NULL where any is."""
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        return f"({' || '.join(self.text(sql(each)) for each in parts)})"

    def literal(self, node: exp.Expr, sql: Write) -> str | None:
        """A text or a number, where the driver would read something else out of it."""
        return None


WRITERS: Mapping[type[exp.Expr], Callable[[Dialect, exp.Expr, Write], str | None]] = {
    exp.Div: lambda dialect, node, sql: dialect.division(node, sql),
    **dict.fromkeys(SIGNS, lambda dialect, node, sql: dialect.arithmetic(node, sql)),
    exp.Greatest: lambda dialect, node, sql: dialect.extreme(node, sql),
    exp.Least: lambda dialect, node, sql: dialect.extreme(node, sql),
    exp.Cast: lambda dialect, node, sql: dialect.cast(node, sql),
    exp.Round: lambda dialect, node, sql: dialect.rounded(node, sql),
    exp.Sqrt: lambda dialect, node, sql: dialect.root(node, sql),
    exp.Ln: lambda dialect, node, sql: dialect.logarithm(node, sql),
    exp.Pow: lambda dialect, node, sql: dialect.power(node, sql),
    exp.Like: lambda dialect, node, sql: dialect.like(node, sql),
    exp.Lower: lambda dialect, node, sql: dialect.lower(node, sql),
    exp.Upper: lambda dialect, node, sql: dialect.upper(node, sql),
    exp.Substring: lambda dialect, node, sql: dialect.substring(node, sql),
    exp.Concat: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.DPipe: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.Literal: lambda dialect, node, sql: dialect.literal(node, sql),
}


def written(sql: str) -> exp.Expr:
    """SQL that is finished already, as a node that is printed as it is."""
    return exp.Var(this=sql)
