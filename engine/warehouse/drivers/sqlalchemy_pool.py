"""What the databases with transactions share: connections of SQLAlchemy's pool, to which the text goes as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from engine.compiler.dialects.transactional import Transactional
from engine.slices import Slice
from engine.tables import Table
from engine.warehouse.drivers.base import Condition, Database, Row


class Pooled(Database):
    """A database that SQLAlchemy connects to. `driver_error` is the root of its driver's exceptions."""

    dialect: Transactional
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
    def connection(self) -> Iterator[DBAPIConnection]:
        """A driver's connection of the pool, to write through."""
        connection = self._engine.raw_connection()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[DBAPICursor]:
        """A driver's cursor in one transaction: committed at the end of the block, rolled back on any error."""
        with self.connection() as connection:
            try:
                yield connection.cursor()
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def run(self, statements: Iterable[str]) -> None:
        with self.transaction() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        with self.transaction() as cursor:
            if instead_of is not None:
                cursor.execute(self.dialect.delete(table, instead_of.sql), instead_of.parameters)
            for batch in batches:
                self.insert(cursor, table, batch)
            if moves is not None:
                cursor.execute(self.dialect.move_cursor(), self.dialect.cursor_values(moves))

    def insert(self, cursor: DBAPICursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows that have the same columns."""
        columns = tuple(rows[0])
        values = [self.dialect.values(table, columns, row) for row in rows]
        cursor.executemany(self.dialect.upsert(table, columns), values)

    def close(self) -> None:
        self._engine.dispose()


def driver_fault(error: Exception) -> Exception:
    """The driver's own error, which SQLAlchemy may have wrapped."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else error


def first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
