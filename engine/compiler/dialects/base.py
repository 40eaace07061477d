"""The seam between the engine and a database: how things are written there, and how values travel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from engine.compiler.dialects.expressions import Expressions
from engine.slices import Slice
from engine.tables import Table


class Dialect(Expressions):
    """One database's way of writing what the builder needs. Stateless."""

    # What it is called, for people to read.
    title: ClassVar[str]

    def column(self, source: str, name: str) -> str:
        """A column of a source; qualified always, since some engines read an unknown quoted name as a text."""
        return f"{source}.{self.identifier(name)}"

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
    def value(self, value: Any, type_name: str) -> Any:
        """A Python value of a column's type as it is bound; None stays None."""

    def values(self, table: Table, columns: Sequence[str], row: Mapping[str, Any]) -> Sequence[Any]:
        """A row as it is bound to `upsert`."""
        return [self.value(row[name], table.columns[name].type) for name in columns]

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

    def cursor_values(self, slice_: Slice) -> Sequence[Any]:
        """What is bound to `move_cursor`."""
        place = (self.tenant(slice_.tenant), slice_.table.name, slice_.account)
        return (*place, self.day(slice_.days.start), self.day(slice_.days.end))

    def materialized(self) -> str:
        """The word that makes a WITH query run once, however often it is read."""
        return "MATERIALIZED "

    def advice(self) -> str:
        """What is worth knowing about the tables when they grow large, for people to read; may be empty."""
        return ""
