"""The interface of a database driver: what `Warehouse` needs of a database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from engine.compiler.dialects.base import Dialect
from engine.slices import CURSORS, Slice
from engine.tables import Table

Row = Mapping[str, Any]
# Seconds after which a read is aborted, so that neither its request nor one that needs its thread waits longer.
STATEMENT_SECONDS = 20
CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """A SQL condition that selects rows, and its bound parameters."""

    sql: str
    parameters: Mapping[str, Any]


class WarehouseDriver(ABC):
    """One database. Opens nothing before it is used; safe to share between threads."""

    dialect: Dialect
    # Whether it is a file that only the installation itself lays out.
    embedded: bool = False
    # Whether no second process can open it while this one has it open.
    exclusive: bool = False

    @property
    @abstractmethod
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's engine, for inspecting the database's tables."""

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """The exceptions that the driver raises when the database fails."""

    @abstractmethod
    def explain_error(self, error: Exception) -> str:
        """Explain the fault and, after a semicolon, the remedy.

        One line, without the SQL, the URL and its secrets.
        """

    @abstractmethod
    def is_missing_table(self, error: Exception) -> bool:
        """Whether a statement failed because a table is missing."""

    @abstractmethod
    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return the rows of a statement that only reads."""

    @abstractmethod
    def run(self, statements: Iterable[str]) -> None:
        """Run statements that change the layout; concurrent processes take turns."""

    @abstractmethod
    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        """Insert rows, all or none; a row replaces the one with its key.

        No reader sees only some of them. `instead_of` selects rows to remove, and `moves` is a slice whose cursor
        moves, both in the same step.
        """

    def delete_cursors(self, conditions: Iterable[Condition]) -> None:
        """Delete the cursors that meet any of the conditions."""
        for condition in conditions:
            self.write(CURSORS, (), instead_of=condition, moves=None)

    @abstractmethod
    def close(self) -> None:
        """Close every connection; a later query opens new ones."""
