"""The seam between the engine and a database: how things are written there, and how values travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from sqlglot import exp

from metric_engine.engine.slices import Slice
from metric_engine.engine.tables import Table


class Dialect(ABC):
    """One database's way of writing what the builder needs. Stateless."""

    # sqlglot's name for it.
    name: ClassVar[str]

    def identifier(self, name: str) -> str:
        """A name in quotes; a dotted one is quoted part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def column(self, source: str, name: str) -> str:
        """A column of a source; qualified always, since some engines read an unknown quoted name as a text."""
        return f"{source}.{self.identifier(name)}"

    @abstractmethod
    def bind(self, parameter: str) -> str:
        """A bound parameter, as the driver writes it."""

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

    def delete(self, table: Table) -> str:
        """DELETE of all of a tenant's rows."""
        tenant = self.identifier(table.columns[table.tenant].physical)
        return f"DELETE FROM {self.identifier(table.physical)} WHERE {tenant} = {self.bind('tenant')}"

    def delete_slice(self, table: Table) -> str:
        """DELETE of the rows of a slice; parameters: tenant, account, start, end."""
        return f"DELETE FROM {self.identifier(table.physical)} WHERE {self.within_slice(table)}"

    def select_slice(self, table: Table, columns: Sequence[str]) -> str:
        """SELECT of these columns of the rows of a slice; parameters: tenant, account, start, end."""
        selected = ", ".join(self.identifier(table.columns[name].physical) for name in columns)
        return f"SELECT {selected} FROM {self.identifier(table.physical)} WHERE {self.within_slice(table)}"

    def within_slice(self, table: Table) -> str:
        tenant, day = (self.identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        account = f" AND {self.identifier(table.account.physical)} = {self.bind('account')}" if table.account else ""
        days = f"{day} BETWEEN {self.bind('start')} AND {self.bind('end')}"
        return f"{tenant} = {self.bind('tenant')}{account} AND {days}"

    def slice_parameters(self, slice_: Slice) -> dict[str, Any]:
        """What is bound to the statements of a slice."""
        account = {"account": slice_.account} if slice_.table.account else {}
        days = {"start": self.day(slice_.days.start), "end": self.day(slice_.days.end)}
        return {"tenant": self.tenant(slice_.tenant), **account, **days}

    @abstractmethod
    def move_cursor(self) -> str:
        """INSERT of a row of `sync_cursors`, in the order of its columns; one that is there only grows."""

    def materialized(self) -> str:
        """The word that makes a WITH query run once, however often it is read."""
        return "MATERIALIZED "

    def double(self, sql: str) -> str:
        return f"CAST({sql} AS DOUBLE PRECISION)"

    def text(self, sql: str) -> str:
        return f"CAST({sql} AS TEXT)"

    def expression(self, tree: exp.Expr, columns: Mapping[str, str] | None) -> str:
        """A tree of an analyst's expression as SQL; `columns` tells how each column is written."""
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
        if isinstance(node, exp.Div):
            return self.safe_division(node.this, node.expression, columns)
        if isinstance(node, (exp.Greatest, exp.Least)):
            return self.extreme(node, columns)
        if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            # IF is spelt in many ways, and some want an ELSE.
            return exp.Case(ifs=[exp.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
        return node

    def safe_division(self, dividend: exp.Expr, divisor: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """A division in floating point that is NULL where the divisor is 0."""
        top = self.double(self.expression(dividend, columns))
        bottom = self.double(self.expression(divisor, columns))
        return written(f"({top} / NULLIF({bottom}, 0))")

    def extreme(self, node: exp.Greatest | exp.Least, columns: Mapping[str, str] | None) -> exp.Expr:
        """GREATEST and LEAST, which pass over NULL."""
        arguments = [self.expression(each, columns) for each in (node.this, *node.expressions)]
        return written(f"{node.sql_name()}({', '.join(arguments)})")


def written(sql: str) -> exp.Expr:
    """SQL that is finished already, as a node that is printed as it is."""
    return exp.Var(this=sql)
