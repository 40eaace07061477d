"""Resolved tables and columns, which scans read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

# The types of values in expressions: a whole number is written without a point, a double may have a fraction.
ValueType = Literal["whole", "double", "text", "uuid", "date", "timestamp", "timestamptz", "boolean"]

VALUE_TYPES: Mapping[str, ValueType] = {
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
NUMBER_TYPES: frozenset[ValueType] = frozenset(("whole", "double"))
TIMESTAMP_TYPES: frozenset[ValueType] = frozenset(("timestamp", "timestamptz"))
# Types whose values every database writes alike, so that they may become a text or a name.
NAMEABLE_TYPES: frozenset[ValueType] = frozenset(("text", "uuid", "whole", "date", "boolean"))


# Schemas that databases look in for a table that is named without one.
DEFAULT_SCHEMAS = frozenset(("main", "public", "default", "dbo"))
# PostgreSQL cuts longer names off.
MAX_COMPARED_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class Column:
    """A column as metrics name it; `physical` is its name in the database."""

    name: str
    type: str
    physical: str
    additive: bool = True
    money: bool = False

    @property
    def value_type(self) -> ValueType:
        return VALUE_TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What rows may be filtered and broken down by: a column's values, each under its latest label."""

    name: str
    column: str
    title: str
    label: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A fact table, or a query over fact tables.

    `query` is None for a physical table; otherwise `reads` are the declared tables that it names. `row_key` are the
    columns that identify a row of one tenant; None where nothing says so.
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
    account: str | None = None
    query: exp.Query | None = None
    reads: tuple[Table, ...] = ()
    row_key: frozenset[str] | None = None
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    # Those of the physical tables that a scan reads, in alphabetical order.
    sources: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        sources = {table.source for table in self.list_physical_tables()}
        object.__setattr__(self, "sources", tuple(sorted(sources)))

    def may_belong_to(self, source: str) -> bool:
        """Whether a scan reads a table of this source, as far as the tables' sources are known."""
        return not {source, ""}.isdisjoint(self.sources)

    @property
    def account_column(self) -> Column | None:
        """The column with the account's id; None where the table states none."""
        return None if self.account is None else self.columns[self.account]

    @property
    def tenant_column(self) -> str:
        """The name of the tenant's column in the database."""
        return self.columns[self.tenant].physical

    def may_share_rows(self, other: Table) -> bool:
        """Whether some database takes both physical names for one table.

        SQLite and DuckDB ignore upper and lower case, and a schema that is left out may be any.
        """
        one, two = sorted((split_physical_name(self.physical), split_physical_name(other.physical)), key=len)
        return two[-len(one) :] == one

    def list_physical_tables(self) -> tuple[Table, ...]:
        """List the physical tables that a scan of this one reads, each once."""
        if self.query is None:
            return (self,)
        return tuple(dict.fromkeys(table for read in self.reads for table in read.list_physical_tables()))


def split_physical_name(name: str) -> list[str]:
    """Split a physical name into its parts in lower case, without a default schema."""
    *schemas, table = (part[:MAX_COMPARED_CHARACTERS] for part in name.lower().split("."))
    return [*(schema for schema in schemas if schema not in DEFAULT_SCHEMAS), table]
