"""One tenant's rows of a table, and a measure's points and totals over them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.support.oracle.definitions import OracleMeasure, OracleTable
from tests.support.oracle.expressions import Row, evaluate_group
from tests.support.oracle.windows import OracleLookback, OracleSide, OracleWindow

Number = Fraction | None


@dataclass(frozen=True, slots=True)
class TableRows:
    """Some rows of a table in the order of their days, and the days of which the table is known."""

    table: OracleTable
    extent: OracleWindow | None
    rows: Sequence[Row]
    days: Sequence[date]

    @classmethod
    def of(cls, table: OracleTable, extent: OracleWindow | None, rows: Iterable[Row]) -> TableRows:
        ordered = sorted(rows, key=lambda row: row[table.time])
        return cls(table, extent, ordered, [row[table.time] for row in ordered])

    def select(self, keep: Callable[[Row], bool]) -> TableRows:
        return TableRows.of(self.table, self.extent, filter(keep, self.rows))

    def within(self, window: OracleWindow) -> Sequence[Row]:
        return self.rows[bisect_left(self.days, window.start) : bisect_right(self.days, window.end)]

    def pick(self, windows: Iterable[OracleWindow]) -> list[Row]:
        """Return the rows of these windows, a row of several once."""
        held = list(windows)
        return [row for row, day in zip(self.rows, self.days, strict=True) if any(day in window for window in held)]

    def is_known(self, window: OracleWindow) -> bool:
        """Whether one of these days is known."""
        return self.extent is not None and self.extent.overlaps(window)


@dataclass(frozen=True, slots=True)
class SideValues:
    """A series' values in one of the two windows: its total, a point per bucket, and the total to date."""

    total: Number = None
    points: Sequence[Number] = ()
    to_date: Number = None


@dataclass(frozen=True, slots=True)
class SeriesHead:
    """What a series says of itself; a member has an `id`, a part that the filters leave out is not filtered."""

    name: str
    key: str = ""
    format: str = "decimal"
    better: str = "up"
    delta: str = "relative"
    currency: str | None = None
    id: str | None = None
    is_filtered: bool = True


@dataclass(frozen=True, slots=True)
class OracleSeries:
    """A series before it is written."""

    head: SeriesHead
    now: SideValues = SideValues()
    before: SideValues = SideValues()


def compute_measure(measure: OracleMeasure, rows: TableRows, window: OracleWindow) -> Number:
    """Compute the measure over some days by its `total`; None if no row contributes a value.

    Where there are rows, the expression's own value counts: a count of NULLs is 0, a sum of them None.
    """
    held = rows.within(window)
    if measure.total == "average":
        return compute_average(measure, rows, window)
    if measure.total in ("last", "first"):
        held = choose_account_days(measure, held, rows.table, is_last=measure.total == "last")
    return evaluate_group(measure.node, held, additive=measure.additive) if held else None


def compute_average(measure: OracleMeasure, rows: TableRows, window: OracleWindow) -> Number:
    """Compute the average of the daily values; an additive one has 0 on a known day without."""
    daily = evaluate_days(measure, rows.within(window), rows.table.time)
    if not daily:
        return None
    days = set(daily)
    if measure.additive and rows.extent is not None:
        known = rows.extent.cut(window)
        days |= {known.start + timedelta(days=i) for i in range(known.days)}
    return sum(daily.values(), Fraction(0)) / len(days)


def evaluate_days(measure: OracleMeasure, rows: Iterable[Row], time: str) -> dict[date, Fraction]:
    """Evaluate the measure on each day on which it has a value, in order."""
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[time], []).append(row)
    values = {day: evaluate_group(measure.node, by_day[day], additive=measure.additive) for day in sorted(by_day)}
    return {day: value for day, value in values.items() if value is not None}


def choose_account_days(
    measure: OracleMeasure, rows: Sequence[Row], table: OracleTable, *, is_last: bool
) -> Sequence[Row]:
    """Choose each account's rows of the last (or first) day on which the measure has a value over that account's rows.

    A table without an account is one.
    """
    accounts: dict[Any, list[Row]] = {}
    for row in rows:
        accounts.setdefault(row[table.account] if table.account else None, []).append(row)
    chosen: list[Row] = []
    for own in accounts.values():
        days = list(evaluate_days(measure, own, table.time))
        if days:
            chosen += [row for row in own if row[table.time] == days[-1 if is_last else 0]]
    return chosen


def compute_total(measure: OracleMeasure, rows: TableRows, window: OracleWindow) -> Number:
    """Compute the total of a window: without a value it is 0 if it is additive and a day of the window is known."""
    value = compute_measure(measure, rows, window)
    return Fraction(0) if value is None and measure.additive and rows.is_known(window) else value


def compute_point(measure: OracleMeasure, rows: TableRows, window: OracleWindow) -> Number:
    """Compute the point of a bucket, where `fill` goes before the rule for totals."""
    value = compute_measure(measure, rows, window)
    is_zero = measure.fill == "zero" if measure.fill else measure.additive
    return Fraction(0) if value is None and is_zero and rows.is_known(window) else value


def compute_point_back(
    measure: OracleMeasure, rows: TableRows, lookback: OracleLookback, window: OracleWindow
) -> Number:
    """Compute the point of a rolling or to-date metric whose days end with a window's last."""
    if window.days == 0 or not lookback.is_known(rows.extent, window.end):
        return None
    return compute_total(measure, rows, lookback.find_days(window.end))


def make_blank_values(side: OracleSide) -> SideValues:
    return SideValues(None, [None] * len(side.buckets))


def compute_values(
    measure: OracleMeasure,
    rows: TableRows,
    side: OracleSide,
    *,
    lookback: OracleLookback | None = None,
    is_hidden: bool = False,
) -> SideValues:
    """Compute a window's values, all None for money that must not be added up."""
    if is_hidden:
        return make_blank_values(side)
    if lookback is not None:
        points = [compute_point_back(measure, rows, lookback, bucket.window) for bucket in side.buckets]
        return SideValues(
            next((point for point in reversed(points) if point is not None), None),
            points,
            compute_point_back(measure, rows, lookback, side.to_date) if side.to_date else None,
        )
    return SideValues(
        compute_total(measure, rows, side.window),
        [compute_point(measure, rows, bucket.window) for bucket in side.buckets],
        compute_total(measure, rows, side.to_date) if side.to_date else None,
    )


def build_series(
    head: SeriesHead,
    measure: OracleMeasure,
    rows: TableRows,
    now: OracleSide,
    before: OracleSide | None,
    *,
    lookback: OracleLookback | None = None,
    is_hidden: bool,
) -> OracleSeries:
    def compute_side(side: OracleSide) -> SideValues:
        return compute_values(measure, rows, side, lookback=lookback, is_hidden=is_hidden)

    return OracleSeries(head, compute_side(now), SideValues() if before is None else compute_side(before))


def divide_series(series: OracleSeries, whole: OracleSeries) -> OracleSeries:
    """Divide each value by the one of all members; by nothing and by 0 there is no share."""

    def divide(value: Number, by: Number) -> Number:
        return None if value is None or not by else value / by

    def divide_side(side: SideValues, by: SideValues) -> SideValues:
        points = [divide(value, each) for value, each in zip(side.points, by.points, strict=True)]
        return SideValues(divide(side.total, by.total), points, divide(side.to_date, by.to_date))

    return OracleSeries(series.head, divide_side(series.now, whole.now), divide_side(series.before, whole.before))


def find_currency(rows: Iterable[Row], column: str | None) -> str | None:
    """Find the one currency of rows: `mixed` if they hold several, None if none."""
    found = {row[column] for row in rows} - {None} if column else set()
    return "mixed" if len(found) > 1 else next(iter(found), None)


def build_items(
    measures: Sequence[OracleMeasure], shape: dict[str, Any], rows: TableRows, now: OracleSide, *, mixed: bool
) -> list[dict[str, Any]]:
    """Build the largest items of the query's window; those without an order value come last."""
    groups: dict[str, list[Row]] = {}
    for row in rows.within(now.window):
        if row[shape["by"]] is not None:
            groups.setdefault(str(row[shape["by"]]), []).append(row)
    items = []
    for name, own in groups.items():
        latest = max(own, key=lambda row: row[rows.table.time])
        item_rows = TableRows.of(rows.table, rows.extent, own)
        values = {
            measure.name: None if mixed and measure.money else compute_total(measure, item_rows, now.window)
            for measure in measures
        }
        shown = {column: latest[column] for column in shape.get("show", [])}
        items.append({"id": name, **shown, "values": values})

    def rank(item: dict[str, Any]) -> tuple[bool, Fraction, str]:
        value = item["values"][shape["order"]]
        return value is None, -(value or Fraction(0)), item["id"]

    return sorted(items, key=rank)[: shape.get("limit", 10)]
