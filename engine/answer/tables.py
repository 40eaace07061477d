"""Rows by member and window → the rows of a table widget: chosen, in order, with a cell for each column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.answer.aggregate import MetricResult, SeriesBuilder
from engine.answer.values.days import find_currency
from engine.answer.values.numbers import Value, compute_share
from engine.answer.values.series import MIXED, MemberRow, MemberTable, StatValues
from engine.answer.windows import BucketIndex, WindowRows, select_rows
from engine.catalog.metrics import MemberRows, Metric, TableMetric
from engine.compiler.plan import RowsPlan, Scan, ScanProjection, Shape
from engine.errors import InvalidQuery, ParameterProblem
from engine.language.function_values import Row
from engine.query import NOT_SET, MetricQuery, RowOrder, quote_text
from engine.suggestions import did_you_mean, find_nearest_names

# The position of the member in a row of a table's scan; the window's number, or the day, stands before it.
MEMBER = 1
# The numbers of the two whole windows among those that are read.
ASKED, COMPARED = 0, 1
# The day before a member's label, such as 2025-01-31.
DAY_LENGTH = 10


@dataclass(slots=True)
class MemberTableBuilder:
    """Builds the table of one metric from the rows of its scans."""

    plan: RowsPlan
    builder: SeriesBuilder
    rows_by_scan: Mapping[Scan, Sequence[Row]]
    grouped: dict[Scan, dict[str, list[Row]]] = field(init=False)
    # Those of the whole windows, by the window's number.
    window_rows: dict[int, dict[str, Row]] = field(init=False)
    # Those of the columns, by name.
    totals: dict[str, StatValues] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scans = {projection.scan for projection in self.plan.projections}
        self.grouped = {scan: group_members(self.rows_by_scan[scan]) for scan in scans if scan.shape is Shape.DAYS}
        self.window_rows = {number: {} for number, _ in enumerate(self.builder.buckets.list_all())}
        for row in self.rows_by_scan[self.plan.windows.scan]:
            self.window_rows[row[0]][row[MEMBER]] = row

    def build(self, result: MetricResult, query: MetricQuery) -> MemberTable:
        """Build the rows that the query asks for, beside the columns of the whole."""
        shape = self.builder.metric.rows
        if shape is None:
            raise TypeError("the metric has no rows")
        is_mixed = result.currency == MIXED
        self.totals = {series.name: series.stats for series in result.series}
        shown = [member for member in self.list_members() if self.meets_having(shape, member, is_mixed=is_mixed)]
        ordered = self.sort_members(shown, query.sort or RowOrder(shape.sort, shape.is_descending), is_mixed=is_mixed)
        first = query.offset or 0
        selected = ordered[first : first + (query.limit or shape.limit)]
        rows = [self.build_row(member, result.currency) for member in selected]
        shares = [series.is_share for series in self.builder.metric.series]
        columns = [
            each.divide_by(each) if is_share else each for each, is_share in zip(result.series, shares, strict=True)
        ]
        return MemberTable(columns, rows, len(shown))

    def list_members(self) -> Iterable[str]:
        """List the members that have rows of the asked window which pass the metric's `where`."""
        passing = self.plan.windows.passing
        for member, row in self.window_rows[ASKED].items():
            if passing is None or row[passing]:
                yield member

    def get_window_row(self, member: str, window: int) -> Row | None:
        return self.window_rows.get(window, {}).get(member)

    def find_row_currency(self, member: str) -> str | None:
        """Find the currency of a member's rows in both windows."""
        rows = [row for each in (ASKED, COMPARED) if (row := self.get_window_row(member, each)) is not None]
        return find_currency(self.plan.windows, rows)

    def meets_having(self, shape: MemberRows, member: str, *, is_mixed: bool) -> bool:
        """Whether a row is shown: NULL is not, nor an amount of several currencies."""
        having, row = self.plan.having, self.get_window_row(member, ASKED)
        if having is None or shape.having is None:
            return True
        if is_mixed and shape.having.money and self.find_row_currency(member) == MIXED:
            return False
        return row is not None and having(row) is True

    def sort_members(self, members: Iterable[str], order: RowOrder, *, is_mixed: bool) -> list[str]:
        """Sort the members by a column, without a value last; amounts of several currencies have no order."""
        by_id = sorted(members)
        projection, measure = next(
            (projection, measure)
            for projection in self.plan.projections
            for measure in projection.measures
            if measure.name == order.column
        )
        if is_mixed and measure.money:
            return by_id
        # Of members that are not shown nothing else is computed.
        alone = replace(projection, measures=(measure,), evaluators=(measure.evaluate,))
        index = self.builder.buckets.current
        shares = {series.name for series in self.builder.metric.series if series.is_share}

        def rank(member: str) -> tuple[bool, float]:
            (value,) = self.evaluate_window(alone, member, ASKED, index)
            if order.column in shares:
                value = compute_share(value, self.totals[order.column].value)
            return value is None, 0 if value is None else -value if order.is_descending else value

        return sorted(by_id, key=rank)

    def find_label(self, member: str) -> str:
        """Find the label of a member's latest row of the asked window that has one."""
        row = None if self.plan.label is None or member == NOT_SET else self.get_window_row(member, ASKED)
        text = None if row is None or self.plan.label is None else row[self.plan.label]
        return str(text)[DAY_LENGTH:] if text else member

    def build_row(self, member: str, whole: str | None) -> MemberRow:
        """Build a row; `whole` is the currency of all rows together."""
        currency = self.find_row_currency(member) if whole == MIXED else whole
        cells = self.build_cells(member, is_mixed=whole == MIXED and currency in (None, MIXED))
        shows_money = any(series.is_money for series in self.builder.metric.series)
        return MemberRow(member, self.find_label(member), currency if shows_money else None, cells)

    def build_cells(self, member: str, *, is_mixed: bool) -> list[StatValues]:
        """Build a cell for each column; money is left out where the row's currencies are mixed."""
        found: dict[str, StatValues] = {}
        windows = list(enumerate(self.builder.buckets.list_all()))
        for projection in self.plan.projections:
            values = [self.evaluate_window(projection, member, number, index) for number, index in windows]
            for measure, each in zip(projection.measures, zip(*values, strict=True), strict=True):
                found[measure.name] = StatValues() if is_mixed and measure.money else StatValues(*each)
        return [
            found[series.name].divide_by(self.totals[series.name]) if series.is_share else found[series.name]
            for series in self.builder.metric.series
        ]

    def evaluate_window(
        self, projection: ScanProjection, member: str, number: int, index: BucketIndex
    ) -> Sequence[Value]:
        """Evaluate each measure over a member's rows of one window."""
        if projection.scan.shape is Shape.WINDOWS:
            row = self.get_window_row(member, number)
            window = WindowRows(index, [] if row is None else [row])
        else:
            window = select_rows(projection.scan, self.grouped[projection.scan].get(member, []), index)
        return self.builder.evaluate_totals(projection, window)


def group_members(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row[MEMBER], []).append(row)
    return groups


def check_rows(query: MetricQuery, metrics: Iterable[Metric]) -> None:
    """Raise InvalidQuery where `sort`, `limit` or `offset` is of a widget without a table, or of no column."""
    names = [name for name in ("sort", "limit", "offset") if getattr(query, name) is not None]
    problems = [
        ParameterProblem(name, message)
        for metric in (metrics if names else ())
        for name in names
        if (message := describe_rows_fault(metric, query.sort if name == "sort" else None)) is not None
    ]
    if problems:
        raise InvalidQuery(problems)


def describe_rows_fault(metric: Metric, sort: RowOrder | None) -> str | None:
    """Return why a widget has no rows, or no such column; None where it has."""
    if not isinstance(metric, TableMetric) or metric.rows is None:
        return f"{metric.key} has no table; sort, limit and offset are of a table's rows"
    columns = [series.name for series in metric.series]
    if sort is None or sort.column in columns:
        return None
    hint = did_you_mean(find_nearest_names(sort.column, columns)) or f"; there are {', '.join(columns)}"
    return f"{quote_text(sort.column)} is no column of {metric.key}{hint}"
