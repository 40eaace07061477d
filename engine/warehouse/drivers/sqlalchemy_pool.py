"""The base of databases with transactions: SQLAlchemy's connections, and plain SQL text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from engine.compiler.dialects.transactional import TransactionalDialect
from engine.slices import Slice
from engine.tables import Table
from engine.warehouse.drivers.base import Condition, Row, WarehouseDriver


class SQLAlchemyDriver(WarehouseDriver):
    """A database that SQLAlchemy connects to; `driver_error` is the base of its exceptions."""

    dialect: TransactionalDialect
    driver_error: type[Exception]

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> sqlalchemy.Engine:
        return self._engine

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (SQLAlchemyError, self.driver_error)

    @contextmanager
    def open_connection(self) -> Iterator[DBAPIConnection]:
        """Take one of the pool's raw connections, for writing."""
        connection = self._engine.raw_connection()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def open_transaction(self) -> Iterator[DBAPICursor]:
        """Open a raw cursor in one transaction: committed at the end, rolled back on any error."""
        with self.open_connection() as connection:
            try:
                yield connection.cursor()
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def run(self, statements: Iterable[str]) -> None:
        with self.open_transaction() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        with self.open_transaction() as cursor:
            if instead_of is not None:
                cursor.execute(self.dialect.emit_delete(table, instead_of.sql), instead_of.parameters)
            for batch in batches:
                self.insert_rows(cursor, table, batch)
            if moves is not None:
                cursor.execute(self.dialect.emit_cursor_upsert(), self.dialect.bind_cursor(moves))

    def insert_rows(self, cursor: DBAPICursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows that have the same columns."""
        columns = tuple(rows[0])
        values = [self.dialect.bind_row(table, columns, row) for row in rows]
        cursor.executemany(self.dialect.emit_upsert(table, columns), values)

    def close(self) -> None:
        self._engine.dispose()


def unwrap_driver_error(error: Exception) -> Exception:
    """Return the driver's own error, which SQLAlchemy may have wrapped."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else error


def get_message_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
