"""The first test of a new metric: two small days, and the engine's answer to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlglot import exp

from engine.answer.engine import Engine
from engine.authoring.test_runner import LocalCatalog, complete_row
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import TableMetric
from engine.language.parser import locate_node, parse_expression
from engine.query import MetricQuery
from engine.tables import NUMBER_TYPES, Column, Table
from engine.warehouse.warehouse import Warehouse

DAYS = (date(2025, 1, 1), date(2025, 1, 2))
# The first number column has 1 and 3, any other 4 and 4: sums, differences and ratios stay easy to check.
FIRST_NUMBERS, OTHER_NUMBERS = (1, 3), (4, 4)
SAMPLE_TENANT = "00000000-0000-4000-8000-000000000000"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def draft_test(catalog: Catalog, metric: TableMetric) -> Mapping[str, Any]:
    """Draft a test in the form of a metric file; it expects the engine's own answer."""
    tables = metric.table.list_physical_tables()
    rows = {table.name: build_sample_rows(table, metric) for table in tables}
    body = query_sample_rows(catalog, metric, rows)
    points = {point["t"]: round_value(point["v"]) for point in body["series"][metric.headline]["points"]}
    return {
        "name": "two days",
        "rows": rows if len(tables) > 1 else rows[tables[0].name],
        "start": DAYS[0].isoformat(),
        "end": DAYS[1].isoformat(),
        "expect": {"stats": {"value": round_value(body["stats"]["value"])}, "points": points},
    }


def build_sample_rows(table: Table, metric: TableMetric) -> list[dict[str, Any]]:
    """Build a row for each day, with a value in each column that the metric reads."""
    trees = [parse_expression(metric.series[metric.headline].expression.text)]
    if metric.table.query is not None:
        trees.append(metric.table.query)
    compared = {name: text for tree in trees for name, text in find_compared_texts(tree)}
    names = [
        name for name in list_column_names(trees) if name in table.columns and name not in (table.tenant, table.time)
    ]
    numbers = [name for name in names if table.columns[name].value_type in NUMBER_TYPES]
    rows = []
    for index, day in enumerate(DAYS):
        row: dict[str, Any] = {table.time: day.isoformat()}
        for name in names:
            column = table.columns[name]
            number = FIRST_NUMBERS[index] if name in numbers[:1] else OTHER_NUMBERS[index]
            row[name] = number if name in numbers else build_sample_value(column, index, compared.get(name))
        rows.append(row)
    return rows


def list_column_names(trees: Sequence[exp.Expr]) -> list[str]:
    """List the names of the columns, each once, in the order in which they are written."""
    columns = [column for tree in trees for column in sorted(tree.find_all(exp.Column), key=locate_node)]
    return list(dict.fromkeys(column.name for column in columns))


def find_compared_texts(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    """Find columns that are compared with a text, and the first text of each comparison."""
    for comparison in tree.find_all(exp.EQ, exp.In):
        texts = [each for each in comparison.find_all(exp.Literal) if each.is_string]
        if isinstance(comparison.this, exp.Column) and texts:
            yield comparison.this.name, texts[0].name


def build_sample_value(column: Column, index: int, compared: str | None) -> str | bool:
    """Build a value of a column that is not a number, for the first or second day."""
    match column.value_type:
        case "boolean":
            return True
        case "date":
            return DAYS[index].isoformat()
        case "timestamp" | "timestamptz":
            return f"{DAYS[index]} 12:00:00"
    return compared if compared is not None else "ab"[index]


def query_sample_rows(catalog: Catalog, metric: TableMetric, rows: Rows) -> Mapping[str, Any]:
    """Query the metric over these rows, in a database in memory."""
    local = LocalCatalog(catalog).catalog
    warehouse = Warehouse("sqlite://")
    try:
        for name, listed in rows.items():
            # The rows omit columns, even those of the key, which must not be NULL.
            table = replace(local.tables[name], key=())
            warehouse.create_tables([table])
            warehouse.upsert(table, (complete_row(table, row, SAMPLE_TENANT) for row in listed))
        query = MetricQuery(*DAYS)
        return Engine(local, warehouse).query_body(
            metric.key, query, tenant=SAMPLE_TENANT, connected=frozenset(catalog.sources)
        )
    finally:
        warehouse.close()


def round_value(value: float | None) -> float | None:
    """Round away what floating point adds; a whole number becomes an int."""
    if value is None:
        return None
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() else rounded
