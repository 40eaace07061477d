"""The members of a widget's dimension, as a filter bar offers them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any

from tests.support.oracle.answers import OracleQuery
from tests.support.oracle.breakdowns import find_label, group_members
from tests.support.oracle.definitions import Definitions
from tests.support.oracle.expressions import meets_predicate
from tests.support.oracle.extents import Reads
from tests.support.oracle.filters import Filters, apply_filters
from tests.support.oracle.oracle import Rows, format_number, make_query
from tests.support.oracle.series import Number, TableRows, compute_values, find_currency


def list_members(
    definitions: Definitions,
    key: str,
    dimension: str,
    rows: Rows,
    *,
    tenant: str,
    start: date,
    end: date,
    sources: Collection[str] | None = None,
    connected: Collection[str] = ("ga4", "instagram", "meta"),
    reads: Reads | None = None,
    filters: Filters | None = None,
    search: str = "",
    limit: int = 50,
) -> dict[str, Any]:
    """Compute the body of `GET /v1/widgets/{key}/members/{dimension}`; filters of this dimension do not count.

    Raises KeyError for a key that is unknown or hidden, ValueError if no part of the widget has the dimension.
    """
    query = make_query(
        definitions, rows, tenant=tenant, start=start, end=end, sources=sources, connected=connected, reads=reads
    )
    query.catalog.get_served(key)
    leaves = query.catalog.list_leaves(key, frozenset(query.catalog.list_sources(key)))
    if not any(dimension in query.catalog.get_table(leaf).dimensions for leaf in leaves):
        raise ValueError(f"{key} has no dimension {dimension}")
    others = {name: values for name, values in (filters or {}).items() if name != dimension}
    members = list_widget_members(query, key, dimension, apply_filters(query.catalog, key, others))
    wanted = search.casefold()
    found = [member for member in members if any(wanted in member[name].casefold() for name in ("id", "label"))]
    return {"members": found[:limit]}


def list_widget_members(query: OracleQuery, key: str, name: str, filters: Filters) -> list[dict[str, Any]]:
    """List the members of the first operand that has the dimension and whose source is on, largest first.

    As in a breakdown no value ranks as 0, and money of several currencies has no rank.
    """
    leaves = query.catalog.list_leaves(key, query.active)
    leaf = next((each for each in leaves if name in query.catalog.get_table(each).dimensions), None)
    if leaf is None:
        return []
    applied = apply_filters(query.catalog, leaf, filters)
    read, where = query.read_rows(leaf, applied), query.catalog.parse_where(leaf)
    measure, dimension = query.catalog.list_measures(leaf)[0], read.table.get_dimension(name)
    windows = query.list_windows(leaf)
    is_mixed = measure.money and find_currency(read.pick(windows), read.table.currency) == "mixed"
    before_where = group_members(read.pick(windows), dimension)
    passing = read.select(lambda row: meets_predicate(where, row))
    found: list[tuple[str, str, Number]] = []
    for member, own in group_members(passing.pick(windows), dimension).items():
        is_hidden = is_mixed and find_currency(before_where[member], read.table.currency) in (None, "mixed")
        values = compute_values(
            measure,
            TableRows.of(read.table, read.extent, own),
            query.now,
            lookback=query.get_lookback(leaf),
            is_hidden=is_hidden,
        )
        found.append((member, find_label(member, own, dimension, read.table.time), values.total))

    def rank(member: tuple[str, str, Number]) -> tuple[Fraction, str]:
        return Fraction(0) if is_mixed else -(member[2] or Fraction(0)), member[0]

    return [
        {"id": member, "label": label, "value": format_number(value)}
        for member, label, value in sorted(found, key=rank)
    ]
