"""Tables and their columns, resolved: what a scan reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

# What values are, in expressions: a whole number is written without a point, a double may have a fraction.
Kind = Literal["whole", "double", "text", "uuid", "date", "timestamp", "timestamptz", "boolean"]

KINDS: Mapping[str, Kind] = {
    "uuid": "uuid",
    "text": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "boolean": "boolean",
    "integer": "whole",
    "bigint": "whole",
    "double": "double",
    "numeric": "double",
}
NUMBERS: frozenset[Kind] = frozenset(("whole", "double"))
MOMENTS: frozenset[Kind] = frozenset(("timestamp", "timestamptz"))
# Kinds whose values are written in one way on every engine, and so may be a text or a name.
NAMING: frozenset[Kind] = frozenset(("text", "uuid", "whole", "date", "boolean"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column as metrics name it; `physical` is what the database calls it."""

    name: str
    type: str
    physical: str
    additive: bool = True
    money: bool = False

    @property
    def kind(self) -> Kind:
        return KINDS[self.type]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A fact table, or a query over fact tables.

    `query` is None for a physical table; otherwise `reads` are the declared tables that it names.
    """

    name: str
    source: str
    time: str
    tenant: str
    physical: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    restates: int | None = None
    currency: str | None = None
    query: exp.Select | None = None
    reads: tuple[Table, ...] = ()

    @property
    def account(self) -> Column | None:
        """The column that tells which account of the source a row is from: the key's first after tenant and time."""
        for name in self.key:
            if name not in (self.tenant, self.time):
                column = self.columns[name]
                return column if column.type == "text" else None
        return None

    def scanned(self) -> tuple[Table, ...]:
        """The physical tables that reading this one scans; several times the same one counts once."""
        if self.query is None:
            return (self,)
        return tuple(dict.fromkeys(table for read in self.reads for table in read.scanned()))
