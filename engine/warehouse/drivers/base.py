"""The door to one database: what `Warehouse` asks of whatever the fact tables are in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy

from engine.compiler.dialects.base import Dialect
from engine.slices import Slice
from engine.tables import Table

Row = Mapping[str, Any]
# Seconds after which a read is given up. A request waits no longer, and neither does whoever waits for its thread.
STATEMENT_SECONDS = 20
CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows: a condition of SQL and what is bound to it."""

    sql: str
    parameters: Mapping[str, Any]


class WarehouseDriver(ABC):
    """One database. Opens nothing before it is used; safe to share between threads."""

    dialect: Dialect
    # Whether it is a file of the installation's own, laid out by it alone.
    embedded: bool = False
    # Whether a second process is kept out while this one has it open.
    exclusive: bool = False

    @property
    @abstractmethod
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's view of the database, to look at its tables through."""

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises when the database fails."""

    @abstractmethod
    def explain_error(self, error: Exception) -> str:
        """What is wrong and, after a semicolon, what to do; one line without the SQL, the URL and its secrets."""

    @abstractmethod
    def is_missing_table(self, error: Exception) -> bool:
        """Whether a statement failed for want of a table."""

    @abstractmethod
    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement that only reads."""

    @abstractmethod
    def run(self, statements: Iterable[str]) -> None:
        """Run statements that change the layout; of several processes that do so at once, one after the other."""

    @abstractmethod
    def write(
        self, table: Table, batches: Iterable[Sequence[Row]], *, instead_of: Condition | None, moves: Slice | None
    ) -> None:
        """Insert rows, all or none, so that no reader sees some of them; one with the key of another takes its place.

        `instead_of` are rows to remove, `moves` a slice whose cursor moves, both in the same step.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection; a later question opens new ones."""
