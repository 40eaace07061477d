"""Checks of metrics' own tests: the tables, columns, series and days that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from engine.catalog.metrics import CombinedMetric, Metric, TableMetric
from engine.catalog.reporter import Reporter
from engine.errors import InvalidQuery
from engine.files.definitions import ISO_DATE, Expectation, TestDefinition
from engine.language.expressions import describe_unknown_column
from engine.query import parse_metric_query
from engine.suggestions import suggest_name
from engine.tables import Table


def check_tests(reporter: Reporter, metric: Metric) -> None:
    """Report unknown tables, columns and series in a metric's tests, and days out of range."""
    if not metric.tests:
        return
    tables = {table.name: table for table in find_physical_tables(metric)}
    for index, test in enumerate(metric.tests):
        test_reporter = reporter.descend("tests", index)
        if tables:
            check_tables(test_reporter.descend("rows"), test, tables)
        check_days(test_reporter, test)
        check_expectation(test_reporter.descend("expect"), test.expect, metric)


def find_physical_tables(metric: Metric) -> Iterator[Table]:
    """Return the physical tables that a metric reads; none behind a query with errors."""
    pending: list[Metric | Table] = [metric]
    seen: set[int] = set()
    tables: list[Table] = []
    while pending:
        each = pending.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, TableMetric):
            pending.append(each.table)
        elif isinstance(each, Metric):
            pending.extend(each.parts)
        elif each.query is not None:
            pending.extend(each.reads)
        else:
            tables.append(each)
    yield from tables


def check_days(reporter: Reporter, test: TestDefinition) -> None:
    """Report days that no query may ask for."""
    try:
        parse_metric_query(
            today=date.max,
            start=test.start.isoformat(),
            end=test.end.isoformat(),
            compare=test.compare,
            compare_start=test.compare_start.isoformat() if test.compare_start else None,
        )
    except InvalidQuery as invalid:
        for problem in invalid.problems:
            reporter.report_at_value("wrong-value", problem.message, problem.parameter)


def check_tables(reporter: Reporter, test: TestDefinition, tables: Mapping[str, Table]) -> None:
    rows = test.rows
    if isinstance(rows, list) and len(tables) == 1:
        check_rows(reporter, rows, next(iter(tables.values())))
    elif isinstance(rows, dict):
        for name, listed in rows.items():
            if name in tables:
                check_rows(reporter.descend(name), listed, tables[name])
            else:
                reporter.report_at_key(
                    "unknown-table", f"the metric does not read table {name!r}{suggest_name(name, tables)}", name
                )
    else:
        by_table = ", ".join(f"{name}: […]" for name in tables)
        wanted = "rows are a list of rows" if len(tables) == 1 else f"rows are lists by table: {{{by_table}}}"
        reporter.report_at_value("wrong-type", wanted)


def check_rows(reporter: Reporter, rows: object, table: Table) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        reporter.report_at_value("wrong-type", "rows are a list of mappings, such as [{date: 2025-01-01, sessions: 3}]")
        return
    for index, row in enumerate(rows):
        for column in row:
            if column not in table.columns:
                reporter.report_at_key("unknown-column", describe_unknown_column(column, table), index, column)
        if table.time in row:
            if not is_date(row[table.time]):
                message = f"{table.time!r} is a date such as 2025-01-31"
                reporter.report_at_value("wrong-value", message, index, table.time)
        elif table.time in table.columns:
            reporter.report_at_value("wrong-value", f"a row needs {table.time!r}, a date such as 2025-01-31", index)


def check_expectation(reporter: Reporter, expect: Expectation, metric: Metric) -> None:
    for points in ("points", "comparison"):
        check_points(reporter, getattr(expect, points) or {}, points)
    names = get_series_names(metric)
    for name, series in (expect.series or {}).items():
        if names is not None and name not in names:
            reporter.report_at_key("unknown-series", f"no series {name!r}{suggest_name(name, names)}", "series", name)
        for points in ("points", "comparison"):
            check_points(reporter.descend("series", name), getattr(series, points) or {}, points)


def check_points(reporter: Reporter, points: Mapping[str, float | None], key: str) -> None:
    for day in points:
        if not is_date(day):
            reporter.report_at_key("wrong-value", f"{day!r} is not a date such as 2025-01-31", key, day)


def get_series_names(metric: Metric) -> frozenset[str] | None:
    """Return the names of a metric's series; None if the rows decide them."""
    if isinstance(metric, CombinedMetric):
        return frozenset(name for part in metric.parts for name in get_series_names(part) or ())
    if isinstance(metric, TableMetric):
        return None if metric.by is not None else frozenset(series.name for series in metric.series)
    return frozenset((metric.title,))


def is_date(text: object) -> bool:
    if not isinstance(text, str) or not ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
