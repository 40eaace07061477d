"""Resolution of dimensions: those of tables, and those that metrics are broken down by."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from engine.catalog.reporter import AlreadyReported, Reporter
from engine.files.table_definitions import DimensionDefinition
from engine.language.queries.names import NAME_PATTERN
from engine.suggestions import suggest_name
from engine.tables import NAMEABLE_TYPES, TIMESTAMP_TYPES, VALUE_TYPES, Column, Dimension, Table

# It stands in a request's parameter.
DIMENSION_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def resolve_dimensions(
    reporter: Reporter, definitions: Mapping[str, DimensionDefinition], table: str, columns: Mapping[str, Column]
) -> dict[str, Dimension]:
    """Resolve the dimensions of a table; those with errors are reported and left out."""
    found = {}
    for name, definition in definitions.items():
        if definition.column is None and "column" in reporter.list_keys("dimensions", name):
            continue  # What stands there is no column's name, which is its own problem.
        column = definition.column or name
        place = ("dimensions", name, "column") if definition.column else ("dimensions", name)
        report = reporter.report_at_value if definition.column else reporter.report_at_key
        if not DIMENSION_NAME.fullmatch(name):
            message = f"{name!r} is no dimension's name; use lower-case letters, digits and _"
            reporter.report_at_key("bad-name", message, "dimensions", name)
        elif name in columns and name != column:
            message = f"{name!r} is a column's name already; a dimension of this name is about that column"
            reporter.report_at_key("bad-name", message, "dimensions", name)
        elif column not in columns:
            report(
                "unknown-column", f"column {column!r} is not in table {table}{suggest_name(column, columns)}", *place
            )
        elif fault := describe_unnameable(columns[column]):
            report("wrong-column-type", fault, *place)
        elif definition.label is not None and (fault := describe_label_fault(definition.label, table, columns)):
            code = "wrong-column-type" if definition.label in columns else "unknown-column"
            reporter.report_at_value(code, fault, "dimensions", name, "label")
        else:
            found[name] = Dimension(name, column, definition.title or make_title_from_name(name), definition.label)
    return found


def describe_label_fault(label: str, table: str, columns: Mapping[str, Column]) -> str | None:
    """Return why a column cannot label members; None where it can."""
    if label not in columns:
        return f"column {label!r} is not in table {table}{suggest_name(label, columns)}"
    if VALUE_TYPES.get(columns[label].type, "text") != "text":
        return f"{label!r} is {columns[label].type}; a label is a text column"
    return None


def make_title_from_name(name: str) -> str:
    """Make a title from a name: "Ad account" for `ad_account`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def resolve_breakdown(
    reporter: Reporter, table: Table, name: str, describe_unknown: Callable[[str], str], *path: str | int
) -> Dimension:
    """Return the table's dimension of this name, or one of the column of this name. Raises AlreadyReported."""
    if name in table.dimensions:
        return table.dimensions[name]
    if name not in table.columns:
        message = describe_unknown(name)
        if not NAME_PATTERN.fullmatch(name):
            message = f"{path[-1]} takes a column's name; give this expression a column in a `sql:` table"
        elif table.dimensions:
            message += f"; its dimensions are {join_names(table.dimensions)}"
        reporter.report_at_value("unknown-column", message, *path)
        raise AlreadyReported
    if fault := describe_unnameable(table.columns[name]):
        reporter.report_at_value("wrong-column-type", fault, *path)
        raise AlreadyReported
    return Dimension(name, name, make_title_from_name(name))


def describe_unnameable(column: Column) -> str | None:
    """Return why a column's values are no names, since databases write them differently; None where they are."""
    kind = VALUE_TYPES.get(column.type)
    if kind is None or kind in NAMEABLE_TYPES:
        return None
    remedy = f"date({column.name})" if kind in TIMESTAMP_TYPES else f"cast({column.name} as int)"
    return (
        f"{column.name!r} is {column.type}, which databases write differently; give {remedy} a column in a `sql:` table"
    )


def join_names(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
