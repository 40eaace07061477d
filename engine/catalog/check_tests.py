"""Checks of metrics' own tests: the tables, columns, series and days that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from engine.calendar import Compare, Grain, build_period
from engine.catalog.metrics import CombinedMetric, Metric, TableMetric
from engine.catalog.reporter import Reporter
from engine.errors import InvalidQuery
from engine.files.metric_tests import META_NAMES, Expectation, SeriesExpectation, TestDefinition, parse_iso_date
from engine.files.nodes import TORN
from engine.files.schema_errors import describe_value
from engine.language.expression_checks import describe_unknown_column
from engine.query import parse_metric_query
from engine.suggestions import suggest_name
from engine.tables import VALUE_TYPES, Table, ValueType

# The days on which the buckets of the points, or of the comparison, begin.
DaysByKey = Mapping[str, Sequence[date]]
ROW_NAMES = ("id", "label", "currency", "values")
NEEDS_COMPARE = "needs `compare:` beside `start` and `end`, such as compare: previous_period"
CELL_PHRASES: Mapping[ValueType, str] = {
    "whole": "a whole number",
    "double": "a number",
    "text": "text",
    "uuid": "a uuid",
    "date": "a date such as 2025-01-31",
    "timestamp": "a timestamp such as 2025-01-31T08:00:00",
    "timestamptz": "a timestamp such as 2025-01-31T08:00:00Z",
    "boolean": "true or false",
}
TEXT_FORMS: Mapping[ValueType, Callable[[str], object]] = {
    "uuid": UUID,
    "date": parse_iso_date,
    "timestamp": datetime.fromisoformat,
    "timestamptz": datetime.fromisoformat,
}


def check_tests(reporter: Reporter, metric: Metric) -> None:
    """Report unknown tables, columns and series in a metric's tests, and days out of range."""
    if not metric.tests:
        return
    tables = {table.name: table for table in find_physical_tables(metric)}
    for index, test in enumerate(metric.tests):
        test_reporter = reporter.descend("tests", index)
        if tables:
            check_tables(test_reporter.descend("rows"), test, tables)
        days = find_expected_days(test_reporter, test)
        expect_reporter = test_reporter.descend("expect")
        # A key that no test has may well be what is expected.
        if set(test_reporter.list_keys()) <= TestDefinition.model_fields.keys():
            check_emptiness(expect_reporter)
        check_expectation(expect_reporter, test.expect, metric, days)


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
        if isinstance(each, Metric) and each.target is not None and each.target.metric is not None:
            pending.append(each.target.metric)
        if isinstance(each, TableMetric):
            pending.append(each.table)
        elif isinstance(each, Metric):
            pending.extend(each.parts)
        elif each.query is not None:
            pending.extend(each.reads)
        else:
            tables.append(each)
    yield from tables


def find_expected_days(reporter: Reporter, test: TestDefinition) -> DaysByKey | None:
    """Return the days that the answer's points have, by their key; None, and a problem, for days out of range."""
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
            is_given = problem.parameter in reporter.list_keys()
            message = problem.message if is_given else f"{problem.parameter} {problem.message}"
            reporter.report_at_value("wrong-value", message, problem.parameter)
        return None
    period = build_period(test.start, test.end, Grain(test.grain), Compare(test.compare))
    axes = {"points": period.current, "comparison": period.comparison}
    return {key: [bucket.label for bucket in axis.buckets] for key, axis in axes.items() if axis is not None}


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
    if not isinstance(rows, list) or not all(isinstance(row, dict) or row is TORN for row in rows):
        reporter.report_at_value("wrong-type", "rows are a list of mappings, such as [{date: 2025-01-01, sessions: 3}]")
        return
    for index, row in enumerate(rows):
        if isinstance(row, dict):
            check_row(reporter.descend(index), row, table)


def check_row(reporter: Reporter, row: Mapping[str, object], table: Table) -> None:
    for name, cell in row.items():
        if name not in table.columns:
            reporter.report_at_key("unknown-column", describe_unknown_column(name, table), name)
        elif name == table.tenant:
            message = f"all rows are of one tenant, which is added by itself; remove {name!r}"
            reporter.report_at_key("misplaced-key", message, name)
        elif (kind := VALUE_TYPES.get(table.columns[name].type)) is not None:
            check_cell(reporter, name, cell, kind, required=name == table.time)
    if table.time in table.columns and table.time not in row and row.keys() <= table.columns.keys():
        reporter.report_at_value("wrong-value", f"a row needs {table.time!r}, a date such as 2025-01-31")


def check_cell(reporter: Reporter, name: str, cell: object, kind: ValueType, *, required: bool) -> None:
    """Report a cell that is not of its column's type, which a database would store nevertheless."""
    if cell is TORN or (cell is None and not required) or is_of_type(cell, kind):
        return
    quotes = "; put it in quotes" if kind == "text" and not isinstance(cell, (dict, list)) else ""
    message = f"{name!r} is {CELL_PHRASES[kind]}, not {describe_value(cell)}{quotes}"
    reporter.report_at_value("wrong-value", message, name)


def is_of_type(cell: object, kind: ValueType) -> bool:
    """Whether a cell is a value of a column's type."""
    if isinstance(cell, bool) or kind == "boolean":
        return isinstance(cell, bool) and kind == "boolean"
    if isinstance(cell, (int, float)):
        return kind == "double" or (kind == "whole" and cell == int(cell))
    return isinstance(cell, str) and (kind == "text" or (kind in TEXT_FORMS and is_parsable(cell, TEXT_FORMS[kind])))


def is_parsable(text: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def check_emptiness(reporter: Reporter) -> None:
    """Report an `expect` without anything, and a part of one."""
    for path in ((), *((key,) for key in reporter.list_keys())):
        if reporter.is_empty_mapping(*path):
            message = "nothing is expected here, so that every answer passes; say what it must show"
            reporter.report_at_value("wrong-value", message, *path)


def check_expectation(reporter: Reporter, expect: Expectation, metric: Metric, days: DaysByKey | None) -> None:
    check_series_expectation(reporter, expect, days)
    if expect.points and isinstance(metric, TableMetric) and metric.by is not None:
        message = "the points of a breakdown are its members'; write series: {<member>: {points: …}}"
        reporter.report_at_key("misplaced-key", message, "points")
    names = get_series_names(metric)
    for name, series in (expect.series or {}).items():
        if names is not None and name not in names:
            reporter.report_at_key("unknown-series", f"no series {name!r}{suggest_name(name, names)}", "series", name)
        check_series_expectation(reporter.descend("series", name), series, days)
    check_items(reporter, expect, metric)
    if expect.target is not None and metric.target is None:
        reporter.report_at_key("misplaced-key", "the metric has no `target`", "target")
    elif expect.target is not None:
        points = None if days is None else days["points"]
        check_points(reporter.descend("target"), expect.target.points or {}, "points", points)
    check_table(reporter, expect, metric)
    for name in expect.meta or {}:
        if name not in META_NAMES:
            message = f"meta has no {name!r}{suggest_name(name, META_NAMES)}"
            reporter.report_at_key("unknown-key", message, "meta", name)


def check_series_expectation(reporter: Reporter, expect: SeriesExpectation, days: DaysByKey | None) -> None:
    """Report days that the answer does not have, and comparisons where nothing is compared."""
    for key in ("points", "comparison"):
        if days is None or key in days:
            check_points(reporter, getattr(expect, key) or {}, key, None if days is None else days[key])
    if days is None or "comparison" in days:
        return
    if expect.comparison is not None:
        reporter.report_at_key("misplaced-key", f"comparison {NEEDS_COMPARE}", "comparison")
    for name in ("previous", "delta"):
        if expect.stats is not None and getattr(expect.stats, name) is not None:
            reporter.report_at_key("misplaced-key", f"{name} {NEEDS_COMPARE}", "stats", name)


def check_points(reporter: Reporter, points: Mapping[str, float | None], key: str, days: Sequence[date] | None) -> None:
    for text in points:
        if not is_date(text):
            reporter.report_at_key("wrong-value", f"{text!r} is not a date such as 2025-01-31", key, text)
        elif days is not None and date.fromisoformat(text) not in days:
            bounds = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
            message = f"no bucket of {key} begins on {text}; they begin on {bounds}"
            reporter.report_at_key("wrong-value", message, key, text)


def check_items(reporter: Reporter, expect: Expectation, metric: Metric) -> None:
    """Report items of a metric without any, and names that no item has."""
    items = metric.items if isinstance(metric, TableMetric) else None
    if expect.items and items is None:
        reporter.report_at_key("misplaced-key", "the metric has no `items`", "items")
    names = ("id", "values", *(items.show if items else ()))
    for index, item in enumerate(expect.items or () if items else ()):
        for name in item:
            if name not in names:
                message = f"an item has no {name!r}{suggest_name(name, names)}"
                reporter.report_at_key("unknown-key", message, "items", index, name)


def check_table(reporter: Reporter, expect: Expectation, metric: Metric) -> None:
    """Report a table of a metric without one, and columns and names that no row has."""
    if expect.table is None:
        return
    if not isinstance(metric, TableMetric) or metric.rows is None:
        reporter.report_at_key("misplaced-key", "the metric has no `columns`, and so no table", "table")
        return
    columns = [series.name for series in metric.series]
    check_row_names(reporter, expect.table.total or {}, columns, "no column", "table", "total")
    for index, row in enumerate(expect.table.rows or ()):
        check_row_names(reporter, row, ROW_NAMES, "a row has no", "table", "rows", index)
        if isinstance(cells := row.get("values"), dict):
            check_row_names(reporter, cells, columns, "no column", "table", "rows", index, "values")


def check_row_names(
    reporter: Reporter, given: Iterable[str], names: Sequence[str], phrase: str, *path: str | int
) -> None:
    for name in given:
        if name not in names:
            reporter.report_at_key("unknown-key", f"{phrase} {name!r}{suggest_name(name, names)}", *path, name)


def get_series_names(metric: Metric) -> Sequence[str] | None:
    """Return the names of a metric's series, in their order; None if the rows decide them."""
    if isinstance(metric, CombinedMetric):
        return [name for part in metric.parts for name in get_series_names(part) or ()]
    if isinstance(metric, TableMetric):
        # The line of a table is its first column.
        shown = metric.series[:1] if metric.rows else metric.series
        return None if metric.by is not None else [series.name for series in shown]
    return [metric.title]


def is_date(text: str) -> bool:
    return is_parsable(text, parse_iso_date)
