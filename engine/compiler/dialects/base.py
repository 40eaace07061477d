"""The seam between the engine and a database: how things are written there, and how values travel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from engine.compiler.dialects.expressions import ExpressionEmitter
from engine.slices import Slice
from engine.tables import Table


class Dialect(ExpressionEmitter):
    """One database's way of writing what the builder needs. Stateless."""

    # What it is called, for people to read.
    title: ClassVar[str]

    def emit_column(self, source: str, name: str) -> str:
        """A column of a source; qualified always, since some engines read an unknown quoted name as a text."""
        return f"{source}.{self.quote_identifier(name)}"

    @abstractmethod
    def emit_parameter(self, parameter: str) -> str:
        """A bound parameter, as the driver writes it."""

    def emit_tenant_parameter(self, type_name: str) -> str:
        """The bound tenant, to be compared with a column of this type."""
        return self.emit_parameter("tenant")

    @abstractmethod
    def bind_day(self, day: date) -> Any:
        """A date as it is bound, and as the driver gives one back."""

    @abstractmethod
    def format_day(self, day: Any) -> str:
        """A date of the driver's as ISO text."""

    @abstractmethod
    def bind_tenant_id(self, tenant: str) -> Any:
        """A tenant as it is bound."""

    @abstractmethod
    def emit_slots(self) -> str:
        """A SELECT of (slot, day) pairs from the one bound parameter `slots`."""

    @abstractmethod
    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> Any:
        """What is bound to `slots`."""

    @abstractmethod
    def emit_column_type(self, type_name: str) -> str:
        """A column's type in CREATE TABLE."""

    @abstractmethod
    def emit_create_table(self, table: Table) -> str:
        """CREATE TABLE IF NOT EXISTS, laid out so that a tenant's rows lie together in the order of their days."""

    @abstractmethod
    def bind_value(self, value: Any, type_name: str) -> Any:
        """A Python value of a column's type as it is bound; None stays None."""

    def bind_row(self, table: Table, columns: Sequence[str], row: Mapping[str, Any]) -> Sequence[Any]:
        """A row as it is bound to `upsert`."""
        return [self.bind_value(row[name], table.columns[name].type) for name in columns]

    def emit_select(self, table: Table, columns: Sequence[str], condition: str) -> str:
        """SELECT of these columns of the rows that meet a condition."""
        selected = ", ".join(self.quote_identifier(table.columns[name].physical) for name in columns)
        return f"SELECT {selected} FROM {self.quote_identifier(table.physical)} WHERE {condition}"

    def emit_keyed_table(self, table: Table) -> str:
        """CREATE TABLE IF NOT EXISTS with the table's key as its primary key."""
        body = self.emit_column_definitions(table)
        if table.key:
            body.append(f"PRIMARY KEY ({', '.join(self.quote_key_columns(table))})")
        lines = ",\n".join(f"  {line}" for line in body)
        return f"CREATE TABLE IF NOT EXISTS {self.quote_identifier(table.physical)} (\n{lines}\n)"

    def emit_column_definitions(self, table: Table) -> list[str]:
        # Two declared columns may be the same physical one.
        types = {column.physical: self.emit_column_type(column.type) for column in table.columns.values()}
        key = {table.columns[name].physical for name in table.key}
        return [
            f"{self.quote_identifier(name)} {kind}{' NOT NULL' if name in key else ''}" for name, kind in types.items()
        ]

    def quote_key_columns(self, table: Table) -> list[str]:
        return [self.quote_identifier(table.columns[name].physical) for name in table.key]

    def emit_tenant_condition(self, table: Table) -> str:
        """The condition that a row is the tenant's; parameter: tenant."""
        tenant = table.columns[table.tenant]
        return f"{self.quote_identifier(tenant.physical)} = {self.emit_tenant_parameter(tenant.type)}"

    def emit_slice_condition(self, table: Table) -> str:
        """The condition that a row is of a slice; parameters: tenant, account, start, end."""
        day = self.quote_identifier(table.columns[table.time].physical)
        account = (
            f" AND {self.quote_identifier(table.account_column.physical)} = {self.emit_parameter('account')}"
            if table.account_column
            else ""
        )
        start, end = self.emit_parameter("start"), self.emit_parameter("end")
        return f"{self.emit_tenant_condition(table)}{account} AND {day} BETWEEN {start} AND {end}"

    def bind_slice(self, slice_: Slice) -> dict[str, Any]:
        """What is bound to the condition that a row is of a slice."""
        account = {"account": slice_.account} if slice_.table.account_column else {}
        days = {"start": self.bind_day(slice_.days.start), "end": self.bind_day(slice_.days.end)}
        return {"tenant": self.bind_tenant_id(slice_.tenant), **account, **days}

    def bind_cursor(self, slice_: Slice) -> Sequence[Any]:
        """What is bound to `move_cursor`."""
        place = (self.bind_tenant_id(slice_.tenant), slice_.table.name, slice_.account)
        return (*place, self.bind_day(slice_.days.start), self.bind_day(slice_.days.end))

    def emit_materialized(self) -> str:
        """The word that makes a WITH query run once, however often it is read."""
        return "MATERIALIZED "

    def get_advice(self) -> str:
        """What is worth knowing about the tables when they grow large, for people to read; may be empty."""
        return ""
