"""Members of dimensions, and the filters of a request: which metrics they apply to, and which rows pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.oracle.definitions import OracleCatalog, OracleTable
from tests.support.oracle.expressions import Row

NOT_SET = "(not set)"

# By dimension: the values of `filter` and of `exclude`.
Filters = Mapping[str, Mapping[str, Sequence[str]]]


def get_member(row: Row, column: str) -> str:
    """Return the member of a row: NULL, an empty text and `(not set)` are one."""
    return name_member(row[column])


def name_member(value: Any) -> str:
    return NOT_SET if value is None or value == "" else str(value)


def check_dimensions(catalog: OracleCatalog, filters: Filters) -> None:
    """Raise ValueError for a dimension that no table has."""
    names = {name for table in catalog.tables.values() for name in table.get("dimensions", {})}
    if unknown := filters.keys() - names:
        raise ValueError(f"no table has the dimensions {sorted(unknown)}")


def has_dimension(catalog: OracleCatalog, key: str, name: str) -> bool:
    """Whether a filter applies: all operands of a derived metric have the dimension, any part of a combined one.

    Parts and operands count whether or not their sources are on.
    """
    metric = catalog.metrics[key]
    if "table" in metric:
        return name in catalog.get_table(key).dimensions
    parts = [has_dimension(catalog, part, name) for part in catalog.list_parts(key)]
    return any(parts) if "combine" in metric else all(parts)


def apply_filters(catalog: OracleCatalog, key: str, filters: Filters) -> Filters:
    """Return those filters that apply to a metric."""
    return {name: values for name, values in filters.items() if has_dimension(catalog, key, name)}


def make_row_filter(table: OracleTable, filters: Filters) -> Callable[[Row], bool]:
    """Make a function that says whether a row passes all filters; one without values keeps every row."""
    rules = [
        (
            table.dimensions[name].column,
            {name_member(value) for value in values.get("filter", ())},
            {name_member(value) for value in values.get("exclude", ())},
        )
        for name, values in filters.items()
    ]

    def passes_filters(row: Row) -> bool:
        members = [(get_member(row, column), chosen, excluded) for column, chosen, excluded in rules]
        return all((not chosen or one in chosen) and one not in excluded for one, chosen, excluded in members)

    return passes_filters


@dataclass(frozen=True, slots=True)
class FilterReport:
    """The filters of a request as `meta.filters` tells them."""

    applied: Filters
    ignored: Sequence[str]

    def build_body(self) -> dict[str, Any]:
        applied = [
            {
                "dimension": name,
                "filter": list(values.get("filter", ())),
                "exclude": list(values.get("exclude", ())),
            }
            for name, values in self.applied.items()
        ]
        return {"applied": applied, "ignored": list(self.ignored)}
