"""Databases of which the rows change in place, in transactions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from engine.compiler.dialects.base import Dialect
from engine.tables import Table


class TransactionalDialect(Dialect):
    """A dialect that writes the statements which change rows."""

    @abstractmethod
    def emit_upsert(self, table: Table, columns: Sequence[str]) -> str:
        """Write INSERT of a row with these columns, which replaces one with the same key."""

    def emit_conflict_upsert(self, table: Table, columns: Sequence[str], rows: str) -> str:
        """Write INSERT of rows, VALUES or SELECT, each of which changes one with the same key."""
        physical = [self.quote_identifier(table.columns[name].physical) for name in columns]
        text = f"INSERT INTO {self.quote_identifier(table.physical)} ({', '.join(physical)}) {rows}"
        if not table.key:
            return text
        others = [name for name, column in zip(physical, columns, strict=True) if column not in table.key]
        change = f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}" if others else "NOTHING"
        return f"{text} ON CONFLICT ({', '.join(self.quote_key_columns(table))}) DO {change}"

    def emit_delete(self, table: Table, condition: str) -> str:
        """Write DELETE of the rows that meet a condition."""
        return f"DELETE FROM {self.quote_identifier(table.physical)} WHERE {condition}"

    @abstractmethod
    def emit_cursor_upsert(self) -> str:
        """Write INSERT of a row of `sync_cursors`, by the order of its columns; an existing one grows."""
