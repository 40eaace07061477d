"""Rows of a group → what several days come to, and the currency of their amounts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

from engine.answer.values.numbers import Value, nan_to_none
from engine.answer.values.series import MIXED
from engine.answer.windows import (
    KnownDays,
)
from engine.compiler.plan import Measure, ScanProjection
from engine.compiler.planner import sum_values
from engine.language.function_values import Row


def merge_rows(projection: ScanProjection, rows: Sequence[Row]) -> Row | None:
    """Merge rows into one: add sums, compare extremes. None where there are no rows.

    What no measure reads stays without a value.
    """
    if len(rows) < 2:
        return rows[0] if rows else None
    merged: list[Any] = [None] * projection.width
    for at, merge_column in projection.merges:
        merged[at] = merge_column([row[at] for row in rows])
    return merged


def merge_members(projection: ScanProjection, rows: Sequence[Row]) -> Sequence[Row]:
    """Merge the rows of all members into one row for each day, and account."""
    if projection.scan.breakdown is None:
        return rows
    account = projection.account
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row[0],) if account is None else (row[0], row[account]), []).append(row)
    merged = []
    for (day, *rest), group in groups.items():
        row = list(merge_rows(projection, group) or ())
        row[0] = day
        if account is not None:
            (row[account],) = rest
        merged.append(row)
    return merged


class LookbackRows:
    """The rows of a group in the order of their days, of which any days in sequence are merged."""

    def __init__(self, projection: ScanProjection, rows: Sequence[Row]) -> None:
        merged = rows if projection.total == "period" else merge_members(projection, rows)
        self.rows = sorted(merged, key=itemgetter(0))
        self._days = [row[0] for row in self.rows]
        currency = projection.currency or ()
        self._columns = [
            (at, merge_column, [row[at] for row in self.rows])
            for at, merge_column in projection.merges
            if at not in currency
        ]
        self._width = projection.width

    def select(self, start: Any, end: Any) -> slice:
        """Return the place of the rows from `start` to `end`, in the driver's form."""
        return slice(bisect_left(self._days, start), bisect_right(self._days, end))

    def merge(self, part: slice) -> Row | None:
        """Merge the rows of a part into one; None where there are no rows."""
        if part.stop - part.start < 2:
            return self.rows[part.start] if part.stop > part.start else None
        row: list[Any] = [None] * self._width
        for at, merge_column, column in self._columns:
            row[at] = merge_column(column[part])
        return row


def average_days(measure: Measure, rows: Iterable[Row], known: KnownDays | None, start: date, end: date) -> Value:
    """Return the average of the daily values from `start` to `end`, over the days that have one.

    An additive value is 0 on a known day without one; days of which none has a value have no average.
    """
    values = [(row[0], value) for row in rows if (value := measure.evaluate(row)) is not None]
    if not values:
        return None
    count = len(values)
    if measure.additive and known is not None:
        count += known.count(start, end) - sum(day <= known.through for day, _ in values)
    whole = sum_values([value for _, value in values])
    return None if whole is None else whole / count


def evaluate_end(projection: ScanProjection, measure: Measure, rows: Iterable[Row]) -> Value:
    """Return the value over the rows of each account's last day, or first, that has a value."""
    ends: dict[Any, Row] = {}
    for row in rows:
        account = None if projection.account is None else row[projection.account]
        end = ends.get(account)
        is_further = end is None or (row[0] > end[0] if projection.total == "last" else row[0] < end[0])
        if is_further and measure.evaluate(row) is not None:
            ends[account] = row
    merged = merge_rows(projection, list(ends.values()))
    return None if merged is None else nan_to_none(measure.evaluate(merged))


def find_currency(projection: ScanProjection, rows: Sequence[Row]) -> str | None:
    """Return the rows' one currency, MIXED for several, None for none or without money."""
    if projection.currency is None:
        return None
    lowest, highest = projection.currency
    found = {row[lowest] for row in rows} | {row[highest] for row in rows}
    found.discard(None)
    return MIXED if len(found) > 1 else next(iter(found), None)
