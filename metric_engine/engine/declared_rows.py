"""The rows of metrics' own tests: tables and columns that the metric reads, days that are dates."""

from __future__ import annotations

import re

from metric_engine.engine.errors import did_you_mean, nearest_names
from metric_engine.engine.expressions import unknown_column
from metric_engine.engine.metrics import Metric
from metric_engine.engine.place import Place
from metric_engine.engine.tables import Table

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def check_tests(place: Place, metric: Metric) -> None:
    """Report tests whose rows name a table or column that the metric does not read."""
    tables = {table.name: table for part in metric.measured() for table in part.table.scanned()}
    for index, test in enumerate(metric.tests):
        rows = place.within("tests", index, "rows")
        if isinstance(test.rows, list) and len(tables) == 1:
            check_rows(rows, test.rows, next(iter(tables.values())))
        elif isinstance(test.rows, dict):
            for name, listed in test.rows.items():
                if name not in tables:
                    hint = did_you_mean(nearest_names(name, tables, most=1))
                    rows.at_key("unknown-table", f"the metric does not read table {name!r}{hint}", name)
                else:
                    check_rows(rows.within(name), listed, tables[name])
        else:
            names = ", ".join(tables)
            rows.at_value("wrong-type", f"rows are a list of rows, or lists by table; the metric reads {names}")
        if test.start > test.end:
            place.at_value("wrong-value", f"start {test.start} is after end {test.end}", "tests", index, "start")


def check_rows(place: Place, rows: object, table: Table) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        place.at_value("wrong-type", "rows are a list of mappings, such as [{date: 2025-01-01, sessions: 3}]")
        return
    for index, row in enumerate(rows):
        for column in row:
            if column not in table.columns:
                place.at_key("unknown-column", unknown_column(column, table), index, column)
        if not ISO_DATE.fullmatch(str(row.get(table.time, ""))):
            place.at_value("wrong-value", f"a row needs {table.time!r}, a date such as 2025-01-01", index)
