"""Metrics' own tests against what the metric reads: its tables, columns and series, and days that are dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from engine.catalog.metrics import CombinedMetric, Metric, TableMetric
from engine.catalog.reporter import Place
from engine.errors import InvalidQuestion
from engine.files.definitions import ISO_DATE, Expectation, TestDefinition
from engine.language.expressions import unknown_column
from engine.query import parse_question
from engine.suggestions import hint
from engine.tables import Table


def check_tests(place: Place, metric: Metric) -> None:
    """Report tests that name a table, column or series which the metric does not have, and days beyond a question's."""
    if not metric.tests:
        return
    tables = {table.name: table for table in scanned(metric)}
    for index, test in enumerate(metric.tests):
        within = place.within("tests", index)
        if tables:
            check_tables(within.within("rows"), test, tables)
        check_days(within, test)
        check_expectation(within.within("expect"), test.expect, metric)


def scanned(metric: Metric) -> Iterator[Table]:
    """The physical tables that a metric rests on; none where one of its tables has an unreadable query."""
    left: list[Metric | Table] = [metric]
    seen: set[int] = set()
    found: list[Table] = []
    while left:
        each = left.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, TableMetric):
            left.append(each.table)
        elif isinstance(each, Metric):
            left.extend(each.parts)
        elif each.query is not None:
            left.extend(each.reads)
        else:
            found.append(each)
    yield from found


def check_days(place: Place, test: TestDefinition) -> None:
    """Report days that no question may ask for."""
    try:
        parse_question(today=date.max, start=test.start.isoformat(), end=test.end.isoformat())
    except InvalidQuestion as invalid:
        for problem in invalid.problems:
            place.at_value("wrong-value", problem.message, problem.parameter)


def check_tables(place: Place, test: TestDefinition, tables: Mapping[str, Table]) -> None:
    rows = test.rows
    if isinstance(rows, list) and len(tables) == 1:
        check_rows(place, rows, next(iter(tables.values())))
    elif isinstance(rows, dict):
        for name, listed in rows.items():
            if name in tables:
                check_rows(place.within(name), listed, tables[name])
            else:
                place.at_key("unknown-table", f"the metric does not read table {name!r}{hint(name, tables)}", name)
    else:
        by_table = ", ".join(f"{name}: […]" for name in tables)
        wanted = "rows are a list of rows" if len(tables) == 1 else f"rows are lists by table: {{{by_table}}}"
        place.at_value("wrong-type", wanted)


def check_rows(place: Place, rows: object, table: Table) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        place.at_value("wrong-type", "rows are a list of mappings, such as [{date: 2025-01-01, sessions: 3}]")
        return
    for index, row in enumerate(rows):
        for column in row:
            if column not in table.columns:
                place.at_key("unknown-column", unknown_column(column, table), index, column)
        if table.time in row:
            if not is_date(row[table.time]):
                message = f"{table.time!r} is a date such as 2025-01-31"
                place.at_value("wrong-value", message, index, table.time)
        elif table.time in table.columns:
            place.at_value("wrong-value", f"a row needs {table.time!r}, a date such as 2025-01-31", index)


def check_expectation(place: Place, expect: Expectation, metric: Metric) -> None:
    for points in ("points", "comparison"):
        check_points(place, getattr(expect, points) or {}, points)
    names = series_names(metric)
    for name, series in (expect.series or {}).items():
        if names is not None and name not in names:
            place.at_key("unknown-series", f"no series {name!r}{hint(name, names)}", "series", name)
        for points in ("points", "comparison"):
            check_points(place.within("series", name), getattr(series, points) or {}, points)


def check_points(place: Place, points: Mapping[str, float | None], key: str) -> None:
    for day in points:
        if not is_date(day):
            place.at_key("wrong-value", f"{day!r} is not a date such as 2025-01-31", key, day)


def series_names(metric: Metric) -> frozenset[str] | None:
    """The names of a metric's series; None where they come from the rows."""
    if isinstance(metric, CombinedMetric):
        return frozenset(name for part in metric.parts for name in series_names(part) or ())
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
