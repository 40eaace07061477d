"""The interface of a database driver: what `Warehouse` needs of a database."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from engine.compiler.dialects.base import Dialect
from engine.slices import CURSORS, Slice
from engine.tables import Table

Row = Mapping[str, Any]
# Seconds after which a read is aborted, so that neither its request nor one that needs its thread waits longer.
STATEMENT_SECONDS = 15
CONNECT_SECONDS = 5
# Seconds that an answer takes after its last statement, such as one from the cache in its stead.
MARGIN_SECONDS = 1

# The time, as `time.monotonic` tells it, when nobody waits for the answer any longer.
answer_deadline: ContextVar[float] = ContextVar("answer_deadline", default=math.inf)


def limit_seconds(most: float) -> float:
    """Return the seconds that a statement may take: at most so many, and none after the deadline."""
    return min(most, answer_deadline.get() - MARGIN_SECONDS - time.monotonic())


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
    def is_layout_fault(self, error: Exception) -> bool:
        """Whether a statement failed because a table is missing or other than it is declared."""

    @abstractmethod
    def is_timeout(self, error: Exception) -> bool:
        """Whether a statement failed because it took, or waited, too long."""

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
