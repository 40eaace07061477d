"""The seam between the engine and a database: how statements are written and values bound."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from engine.compiler.dialects.expressions import ExpressionEmitter
from engine.slices import Slice
from engine.tables import Table


class Dialect(ExpressionEmitter):
    """One database's way to write statements and to bind values. Stateless."""

    # The name for people to read.
    title: ClassVar[str]

    def emit_column(self, source: str, name: str) -> str:
        """Write a column behind its source: alone, an unknown quoted name is a text to some engines."""
        return f"{source}.{self.quote_identifier(name)}"

    @abstractmethod
    def emit_parameter(self, parameter: str) -> str:
        """Write a bound parameter for the driver."""

    def emit_text_parameter(self, parameter: str) -> str:
        """Write a bound text."""
        return self.emit_parameter(parameter)

    def emit_tenant_parameter(self, type_name: str) -> str:
        """Write the bound tenant, to be compared with a column of this type."""
        return self.emit_parameter("tenant")

    @abstractmethod
    def bind_day(self, day: date) -> Any:
        """Convert a date to the value that the driver binds and returns."""

    @abstractmethod
    def format_day(self, day: Any) -> str:
        """Format a date of the driver as ISO text."""

    @abstractmethod
    def bind_tenant_id(self, tenant: str) -> Any:
        """Convert a tenant to the value that is bound."""

    @abstractmethod
    def emit_slots(self) -> str:
        """Write a SELECT of (slot, day) pairs from the one bound parameter `slots`."""

    @abstractmethod
    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> Any:
        """Convert pairs to the value of the parameter `slots`."""

    @abstractmethod
    def emit_column_type(self, type_name: str) -> str:
        """Write a column's type in CREATE TABLE."""

    @abstractmethod
    def emit_create_table(self, table: Table) -> str:
        """Write CREATE TABLE IF NOT EXISTS, in which a tenant's rows lie together, day by day."""

    @abstractmethod
    def bind_value(self, value: Any, type_name: str) -> Any:
        """Convert a value of a column's type to the value that is bound; None stays None."""

    def bind_row(self, table: Table, columns: Sequence[str], row: Mapping[str, Any]) -> Sequence[Any]:
        """Convert a row to the values that `upsert` binds."""
        return [self.bind_value(row[name], table.columns[name].type) for name in columns]

    def emit_select(self, table: Table, columns: Sequence[str], condition: str) -> str:
        """Write SELECT of these columns of the rows that meet a condition."""
        selected = ", ".join(self.quote_identifier(table.columns[name].physical) for name in columns)
        return f"SELECT {selected} FROM {self.quote_identifier(table.physical)} WHERE {condition}"

    def emit_keyed_table(self, table: Table) -> str:
        """Write CREATE TABLE IF NOT EXISTS with the table's key as its primary key."""
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
        """Write the condition that a row is the tenant's; parameter: tenant."""
        tenant = table.columns[table.tenant]
        return f"{self.quote_identifier(tenant.physical)} = {self.emit_tenant_parameter(tenant.type)}"

    def emit_account_condition(self, table: Table) -> str:
        """Write the condition that a row is of the tenant's account; parameters: tenant, account.

        The account '' has the rows without one.
        """
        column = table.account_column
        if column is None:
            return self.emit_tenant_condition(table)
        account = f"COALESCE({self.quote_identifier(column.physical)}, '') = {self.emit_parameter('account')}"
        return f"{self.emit_tenant_condition(table)} AND {account}"

    def emit_slice_condition(self, table: Table) -> str:
        """Write the condition that a row is of a slice; parameters: tenant, account, start, end."""
        account = (
            f" AND {self.quote_identifier(table.account_column.physical)} = {self.emit_parameter('account')}"
            if table.account_column
            else ""
        )
        return f"{self.emit_tenant_condition(table)}{account} AND {self.emit_days_condition(table)}"

    def emit_days_condition(self, table: Table) -> str:
        """Write the condition that a row is of some days; parameters: start, end."""
        day = self.quote_identifier(table.columns[table.time].physical)
        return f"{day} BETWEEN {self.emit_parameter('start')} AND {self.emit_parameter('end')}"

    def bind_slice(self, slice_: Slice) -> dict[str, Any]:
        """Return the values that the condition of a slice binds."""
        account = {"account": slice_.account} if slice_.table.account_column else {}
        days = {"start": self.bind_day(slice_.days.start), "end": self.bind_day(slice_.days.end)}
        return {"tenant": self.bind_tenant_id(slice_.tenant), **account, **days}

    def bind_cursor(self, slice_: Slice) -> Sequence[Any]:
        """Return the values that `move_cursor` binds."""
        place = (self.bind_tenant_id(slice_.tenant), slice_.table.name, slice_.account)
        return (*place, self.bind_day(slice_.days.start), self.bind_day(slice_.days.end))

    def emit_materialized(self) -> str:
        """Write the word that makes a WITH query run once, however often it is read."""
        return "MATERIALIZED "

    def get_advice(self) -> str:
        """Return advice on large tables, for people to read; may be empty."""
        return ""
