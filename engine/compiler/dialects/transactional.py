"""Databases whose rows change in place, several at once or none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from engine.compiler.dialects.base import Dialect
from engine.tables import Table


class TransactionalDialect(Dialect):
    """A dialect that writes what changes rows."""

    @abstractmethod
    def emit_upsert(self, table: Table, columns: Sequence[str]) -> str:
        """INSERT of one row with these columns, which takes the place of one with the same key."""

    def emit_conflict_upsert(self, table: Table, columns: Sequence[str], rows: str) -> str:
        """INSERT of rows, where one with the same key is changed; `rows` makes them: VALUES or SELECT."""
        physical = [self.quote_identifier(table.columns[name].physical) for name in columns]
        text = f"INSERT INTO {self.quote_identifier(table.physical)} ({', '.join(physical)}) {rows}"
        if not table.key:
            return text
        others = [name for name, column in zip(physical, columns, strict=True) if column not in table.key]
        change = f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}" if others else "NOTHING"
        return f"{text} ON CONFLICT ({', '.join(self.quote_key_columns(table))}) DO {change}"

    def emit_delete(self, table: Table, condition: str) -> str:
        """DELETE of the rows that meet a condition."""
        return f"DELETE FROM {self.quote_identifier(table.physical)} WHERE {condition}"

    @abstractmethod
    def emit_cursor_upsert(self) -> str:
        """INSERT of a row of `sync_cursors`, in the order of its columns; one that is there only grows."""
