"""Relations: what a query or one of its parts gives, by the names of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.tables import NUMBER_TYPES, VALUE_TYPES, Column, Table

# A column of something that a SELECT reads: the source's name and the column's.
ColumnId = tuple[str, str]
# The columns that a value equals wherever they are not NULL.
Identity = frozenset[ColumnId]
NOTHING: Identity = frozenset()


@dataclass(frozen=True, slots=True)
class Relation:
    """What FROM, JOIN or WITH name: a declared table, or the results of a query.

    `key` are the columns that identify a tenant's row; None where nothing says so. `currencies` has for each money
    column the columns that hold its currency, `currency_columns` those that hold any; `reasons` tells why the sum of a
    column over days means nothing. `is_whole` is false where errors hide what the relation is.
    """

    columns: Mapping[str, Column]
    key: frozenset[str] | None = None
    tenants: frozenset[str] = frozenset()
    currencies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    currency_columns: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True


UNKNOWN_RELATION = Relation({}, is_whole=False)


def make_table_relation(table: Table) -> Relation:
    """Return a declared table as a relation."""
    currency = frozenset(() if table.currency is None else (table.currency,))
    return Relation(
        columns=table.columns,
        key=table.row_key,
        tenants=frozenset((table.tenant,)),
        currencies={name: currency for name, column in table.columns.items() if column.money},
        currency_columns=currency,
        reasons={name: f"made of {name!r}" for name, column in table.columns.items() if not column.additive},
    )


def rename_columns(relation: Relation, names: Mapping[str, str]) -> Relation:
    """Return a query's results under other names."""

    def rename_all(columns: Iterable[str]) -> frozenset[str]:
        return frozenset(names[each] for each in columns)

    return replace(
        relation,
        columns={names[name]: replace(column, name=names[name]) for name, column in relation.columns.items()},
        key=None if relation.key is None else rename_all(relation.key),
        tenants=rename_all(relation.tenants),
        currencies={names[name]: rename_all(held) for name, held in relation.currencies.items()},
        currency_columns=rename_all(relation.currency_columns),
        reasons={names[name]: reason for name, reason in relation.reasons.items()},
    )


def unite_relations(relations: Sequence[Relation]) -> Relation:
    """Return the rows of several SELECTs, which have the same columns, as one relation."""
    first, *others = relations
    columns = {name: unite_columns([each.columns[name] for each in relations]) for name in first.columns}
    return Relation(
        columns=columns,
        tenants=first.tenants.intersection(*(each.tenants for each in others)),
        currencies={
            name: frozenset.intersection(*(each.currencies.get(name, each.currency_columns) for each in relations))
            for name, column in columns.items()
            if column.money
        },
        currency_columns=first.currency_columns.intersection(*(each.currency_columns for each in others)),
        reasons={name: reason for each in reversed(relations) for name, reason in each.reasons.items()},
        is_whole=all(each.is_whole for each in relations),
    )


def unite_columns(columns: Sequence[Column]) -> Column:
    """Return the column of several SELECTs; numbers are doubles, which all databases unite."""
    is_number = any(VALUE_TYPES.get(each.type) in NUMBER_TYPES for each in columns)
    return replace(
        columns[0],
        type="double" if is_number else columns[0].type,
        additive=all(each.additive for each in columns),
        money=any(each.money for each in columns),
    )
