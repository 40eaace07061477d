"""The metrics' own tests: rows, a query and the expected answer, on a warehouse in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.answer.engine import Engine
from engine.answer.response import Body
from engine.calendar import Compare, Grain
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.errors import WarehouseUnavailable
from engine.files.metric_tests import (
    Expectation,
    Points,
    SeriesExpectation,
    TableExpectation,
    TargetExpectation,
    TestDefinition,
)
from engine.query import MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse

RELATIVE_TOLERANCE = 1e-9
# The rounding error of a sum that should be zero.
ABSOLUTE_TOLERANCE = 1e-12

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A difference between two answers; `path` is such as `series.Email.stats.value`."""

    path: str
    expected: Any
    actual: Any


class MissingValue:
    """A marker for something that the answer does not have."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = MissingValue()


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test: it passed where there are no mismatches and no error.

    `rows` are the test's rows by table. `error` tells why there is no answer at all.
    """

    __test__ = False  # pytest must not take the class for a test of its own

    metric: str
    test: str
    rows: Rows
    mismatches: tuple[Mismatch, ...] = ()
    error: str | None = None

    @property
    def has_passed(self) -> bool:
        return not self.mismatches and self.error is None


def run_tests(catalog: Catalog, metrics: Iterable[Metric]) -> Iterator[TestResult]:
    """Run the tests of these metrics, hidden ones included, in order."""
    with open_test_engine(catalog) as engine:
        numbered = enumerate((metric, test) for metric in metrics for test in metric.tests)
        for number, (metric, test) in numbered:
            yield run_test(engine, engine.catalog.metrics[metric.key], test, make_tenant(number))


@contextmanager
def open_test_engine(catalog: Catalog) -> Iterator[Engine]:
    """Open an engine over the catalog's tables, empty and in memory; it serves hidden metrics too."""
    local = LocalCatalog(catalog).catalog
    warehouse = Warehouse("sqlite://")
    try:
        # A test's rows omit columns, even those of the key, which must not be NULL.
        warehouse.create_tables(replace(table, key=()) for table in local.tables.values())
        yield Engine(local, warehouse)
    finally:
        warehouse.close()


def make_tenant(number: int) -> str:
    """Make a test's tenant: one of its own keeps its rows from the others."""
    return f"00000000-0000-4000-8000-{number:012x}"


def run_test(engine: Engine, metric: Metric, test: TestDefinition, tenant: str) -> TestResult:
    """Write the test's rows as the tenant's, query the metric, and compare the answer."""
    rows = get_rows_by_table(metric, test)
    try:
        body = answer_test(engine, metric.key, test, rows, tenant)
    except WarehouseUnavailable as error:
        return TestResult(metric.key, test.name, rows, error=str(error))
    return TestResult(metric.key, test.name, rows, tuple(find_differences(metric, test.expect, body)))


def answer_test(engine: Engine, key: str, test: TestDefinition, rows: Rows, tenant: str) -> Body:
    """Write these rows as the tenant's, and answer the test's question. Raises WarehouseUnavailable."""
    query = MetricQuery(
        test.start, test.end, Compare(test.compare), Grain(test.grain), compare_start=test.compare_start
    )
    for name, listed in rows.items():
        table = engine.catalog.tables[name]
        engine.warehouse.upsert(replace(table, key=()), (complete_row(table, row, tenant) for row in listed))
    return engine.query_body(key, query, tenant=tenant, connected=frozenset(engine.catalog.sources))


def get_rows_by_table(metric: Metric, test: TestDefinition) -> Rows:
    """Return the rows by table; a bare list belongs to the only table that the metric reads."""
    if isinstance(test.rows, dict):
        return test.rows
    (table,) = {table for each in metric.planned_metrics for table in each.table.list_physical_tables()}
    return {table.name: test.rows}


def complete_row(table: Table, row: Mapping[str, Any], tenant: str) -> Mapping[str, Any]:
    return {**dict.fromkeys(table.columns), table.tenant: tenant, **row}


class LocalCatalog:
    """A catalog whose tables fit an empty database under any names, and that hides nothing."""

    def __init__(self, catalog: Catalog) -> None:
        self._tables: dict[str, Table] = {}
        self._metrics: dict[str, Metric] = {}
        self.catalog = replace(
            catalog,
            tables={name: self.localize_table(table) for name, table in catalog.tables.items()},
            metrics={key: self.localize_metric(metric) for key, metric in catalog.metrics.items()},
        )

    def localize_table(self, table: Table) -> Table:
        if table.name not in self._tables:
            self._tables[table.name] = replace(
                table,
                physical=table.name,
                columns={name: replace(column, physical=name) for name, column in table.columns.items()},
                reads=tuple(self.localize_table(read) for read in table.reads),
            )
        return self._tables[table.name]

    def localize_metric(self, metric: Metric) -> Metric:
        if metric.key not in self._metrics:
            self._metrics[metric.key] = self.replace_tables(metric)
        return self._metrics[metric.key]

    def replace_tables(self, metric: Metric) -> Metric:
        target = metric.target
        if target is not None and target.metric is not None:
            target = replace(target, metric=self.localize_metric(target.metric))
        common: dict[str, Any] = {"hidden": False, "target": target}
        match metric:
            case TableMetric():
                return replace(metric, **common, table=self.localize_table(metric.table))
            case CombinedMetric():
                return replace(metric, **common, combined=tuple(map(self.localize_metric, metric.combined)))
            case DerivedMetric():
                return replace(metric, **common, operands=tuple(map(self.localize_metric, metric.operands)))
        raise TypeError(f"no local {type(metric).__name__}")


def find_differences(metric: Metric, expected: Expectation, body: Body) -> Iterator[Mismatch]:
    """Find where an answer differs from the expectation; what is not stated may be anything."""
    headline = metric.headline if isinstance(metric, TableMetric) else 0
    yield from find_series_differences("", expected, body["stats"], body, headline)
    positions = {series["name"]: index for index, series in enumerate(body["series"])}
    for name, expected_series in (expected.series or {}).items():
        index = positions.get(name)
        if index is None:
            yield Mismatch(f"series.{name}", "a series", MISSING)
        else:
            yield from find_series_differences(
                f"series.{name}.", expected_series, body["series"][index]["stats"], body, index
            )
    if expected.items is not None:
        # Only as many items as are expected are compared; an empty list expects none.
        yield from find_list_differences("items", expected.items, body["items"][: len(expected.items) or None])
    if expected.target is not None:
        yield from find_target_differences(expected.target, body["target"])
    if expected.table is not None:
        yield from find_table_differences(expected.table, body["table"])
    yield from find_subset_differences("meta", expected.meta or {}, body["meta"])


def find_target_differences(expected: TargetExpectation, target: Body | None) -> Iterator[Mismatch]:
    """Find where a target differs."""
    if target is None:
        yield Mismatch("target", "a target", MISSING)
        return
    for name in sorted(expected.model_fields_set - {"points"}):
        yield from find_value_differences(f"target.{name}", getattr(expected, name), target[name])
    yield from find_point_differences("target.points", expected.points, [{"points": target["series"]}], 0)


def find_table_differences(expected: TableExpectation, table: Body) -> Iterator[Mismatch]:
    """Find where a table differs; only as many rows as are expected are compared, and an empty list expects none."""
    if expected.rows is not None:
        yield from find_list_differences("table.rows", expected.rows, table["rows"][: len(expected.rows) or None])
    for name, cell in (expected.total or {}).items():
        stated = cell.model_dump(include=cell.model_fields_set)
        yield from find_subset_differences(f"table.total.{name}", stated, table["total"][name])
    if expected.count is not None:
        yield from find_value_differences("table.count", expected.count, table["count"])


def find_series_differences(
    prefix: str, expected: SeriesExpectation, stats: Mapping[str, Any], body: Body, index: int
) -> Iterator[Mismatch]:
    """Find where a series differs."""
    if expected.stats is not None:
        for name in sorted(expected.stats.model_fields_set, key=list(stats).index):
            yield from find_value_differences(f"{prefix}stats.{name}", getattr(expected.stats, name), stats[name])
    yield from find_point_differences(f"{prefix}points", expected.points, body["series"], index)
    comparison = body.get("comparison", {"series": []})["series"]
    yield from find_point_differences(f"{prefix}comparison", expected.comparison, comparison, index)


def find_point_differences(
    path: str, expected: Points | None, series: Sequence[Body], index: int
) -> Iterator[Mismatch]:
    values_by_day: dict[str, Any] = {}
    if index < len(series):
        for point in series[index]["points"]:
            # A bucket that covers no day has the same date as the next one, which is meant.
            values_by_day[point["t"]] = point["v"]
    for day, value in (expected or {}).items():
        yield from find_value_differences(f"{path}.{day}", value, values_by_day.get(day, MISSING))


def find_value_differences(path: str, expected: Any, actual: Any) -> Iterator[Mismatch]:
    """Compare two JSON values: mappings as subsets, lists item by item, numbers by their size."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from find_subset_differences(path, expected, actual)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from find_list_differences(path, expected, actual)
    elif not is_same(expected, actual):
        yield Mismatch(path, expected, actual)


def find_subset_differences(path: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Mismatch]:
    for name, value in expected.items():
        yield from find_value_differences(f"{path}.{name}", value, actual.get(name, MISSING))


def find_list_differences(path: str, expected: Sequence[Any], actual: Sequence[Any]) -> Iterator[Mismatch]:
    for index, value in enumerate(expected):
        yield from find_value_differences(f"{path}[{index}]", value, actual[index] if index < len(actual) else MISSING)
    for index in range(len(expected), len(actual)):
        yield Mismatch(f"{path}[{index}]", MISSING, actual[index])


def is_same(expected: Any, actual: Any) -> bool:
    if is_number(expected) and is_number(actual):
        return math.isclose(expected, actual, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
    return type(expected) is type(actual) and bool(expected == actual)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
