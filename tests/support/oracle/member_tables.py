"""The table of a widget with columns: a row a member, a cell a measure with its comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.support.oracle.breakdowns import find_label, group_members
from tests.support.oracle.definitions import OracleDimension, OracleMeasure
from tests.support.oracle.expressions import Row, evaluate_node
from tests.support.oracle.filters import get_member
from tests.support.oracle.series import (
    OracleSeries,
    SeriesHead,
    SideValues,
    TableRows,
    compute_total,
    divide_series,
    find_currency,
)
from tests.support.oracle.syntax import Node
from tests.support.oracle.windows import OracleSide

Cells = Mapping[str, OracleSeries]


@dataclass(frozen=True, slots=True)
class TableShape:
    """Which rows a table has, and in which order: by a column, whose NULLs are last in either direction."""

    dimension: OracleDimension
    having: Node | None
    having_money: bool
    sort: str
    is_descending: bool
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class OracleTableRow:
    id: str
    label: str
    currency: str | None
    cells: Cells


@dataclass(frozen=True, slots=True)
class OracleMemberTable:
    """A table before it is written; `count` is that of the rows before `limit`."""

    columns: Sequence[SeriesHead]
    rows: Sequence[OracleTableRow] = ()
    total: Cells = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True, slots=True)
class TableBuilder:
    """The columns of a table, and the two windows of its cells."""

    heads: Sequence[SeriesHead]
    measures: Sequence[OracleMeasure]
    now: OracleSide
    before: OracleSide | None
    is_mixed: bool

    def build(self, shape: TableShape, read: TableRows, rows: TableRows) -> OracleMemberTable:
        """Build a row per member of `rows`, those of `read` that pass the metric's `where`."""
        groups = group_members(rows.within(self.now.window), shape.dimension)
        whole = self.build_cells(rows, is_mixed=self.is_mixed)
        made = []
        for member, own in groups.items():
            currency = self.find_row_currency(member, shape, read)
            if self.meets_having(shape, own, currency):
                label = find_label(member, own, shape.dimension, rows.table.time)
                row = self.build_row(member, label, currency, shape, rows)
                made.append(replace(row, cells=self.divide_shares(row.cells, whole)))
        made.sort(key=lambda row: self.rank_row(row, shape))
        shown = made[shape.offset : shape.offset + shape.limit]
        return OracleMemberTable(self.heads, shown, self.divide_shares(whole, whole), len(made))

    def divide_shares(self, cells: Cells, whole: Cells) -> Cells:
        """Divide the cells of the columns that show shares by their column's total."""
        shares = {measure.name for measure in self.measures if measure.share}
        return {name: divide_series(cell, whole[name]) if name in shares else cell for name, cell in cells.items()}

    def find_row_currency(self, member: str, shape: TableShape, read: TableRows) -> str | None:
        """Find the currency of a member's rows in both windows, whatever `where` says of them."""
        windows = [side.window for side in (self.now, self.before) if side is not None]
        own = read.select(lambda row: get_member(row, shape.dimension.column) == member)
        return find_currency(own.pick(windows), read.table.currency)

    def meets_having(self, shape: TableShape, rows: Sequence[Row], currency: str | None) -> bool:
        """Whether a row is shown: NULL is not, nor an amount of several currencies.

        `having` is evaluated as SQL would: a sum of NULLs is NULL, though its cell may be 0.
        """
        if shape.having is None:
            return True
        if self.is_mixed and shape.having_money and currency == "mixed":
            return False
        return evaluate_node(shape.having, None, rows) is True

    def build_row(
        self, member: str, label: str, currency: str | None, shape: TableShape, rows: TableRows
    ) -> OracleTableRow:
        own = rows.select(lambda row: get_member(row, shape.dimension.column) == member)
        has_money = any(measure.money and not measure.share for measure in self.measures)
        widget = next((head.currency for head in self.heads if head.currency), None)
        shown = (currency if self.is_mixed else widget) if has_money else None
        is_mixed = self.is_mixed and currency in (None, "mixed")
        return OracleTableRow(member, label, shown, self.build_cells(own, is_mixed=is_mixed))

    def build_cells(self, rows: TableRows, *, is_mixed: bool) -> Cells:
        def compute_side(measure: OracleMeasure, side: OracleSide | None) -> SideValues:
            if side is None or (is_mixed and measure.money):
                return SideValues()
            to_date = compute_total(measure, rows, side.to_date) if side.to_date else None
            return SideValues(compute_total(measure, rows, side.window), (), to_date)

        return {
            measure.name: OracleSeries(head, compute_side(measure, self.now), compute_side(measure, self.before))
            for head, measure in zip(self.heads, self.measures, strict=True)
        }

    def rank_row(self, row: OracleTableRow, shape: TableShape) -> tuple[bool, Fraction, str]:
        """Return the row's place: amounts of several currencies have none, so that rows stand by their ids."""
        measure = next(measure for measure in self.measures if measure.name == shape.sort)
        if self.is_mixed and measure.money:
            return False, Fraction(0), row.id
        value = row.cells[shape.sort].now.total
        number = value or Fraction(0)
        return value is None, -number if shape.is_descending else number, row.id


def make_empty_table(heads: Sequence[SeriesHead]) -> OracleMemberTable:
    """Make the table of a widget whose sources are off."""
    columns = [replace(head, currency=None) for head in heads]
    return OracleMemberTable(columns, (), {head.name: OracleSeries(head) for head in columns})
