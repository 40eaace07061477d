"""One tenant's rows within a window, and the points and totals of a measure over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.support.oracle.definitions import Measure, Table
from tests.support.oracle.expressions import Row, aggregated, passes
from tests.support.oracle.syntax import Node
from tests.support.oracle.windows import Bucket, Window

Number = Fraction | None
NOT_SET = "(not set)"
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class View:
    """A table's rows of one tenant within a window; `span` is None where there are none."""

    window: Window
    buckets: Sequence[Bucket]
    rows: Sequence[Row]
    time: str
    span: Window | None

    @classmethod
    def of(cls, table: Table, rows: Iterable[Row], tenant: str, window: Window, buckets: Sequence[Bucket]) -> View:
        kept = [row for row in rows if row[table.tenant] == tenant and row[table.time] in window]
        days = [row[table.time] for row in kept]
        return cls(window, buckets, kept, table.time, Window(min(days), max(days)) if days else None)


@dataclass(frozen=True, slots=True)
class Line:
    """A series before it is written: `value` and `previous` are totals, points come one per bucket."""

    name: str
    value: Number
    previous: Number = None
    points: Sequence[Number] = ()
    prior: Sequence[Number] = ()


def collapsed(measure: Measure, rows: Sequence[Row], time: str) -> Number:
    """The measure over some days' rows as its `total` says, None where it has no value."""
    if not rows:
        return None
    if measure.total == "period":
        return aggregated(measure.node, rows, additive=measure.additive)
    by_day: dict[Any, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[time], []).append(row)
    values = [aggregated(measure.node, by_day[day], additive=measure.additive) for day in sorted(by_day)]
    daily = [value for value in values if value is not None]
    if not daily:
        return None
    return daily[-1] if measure.total == "last" else sum(daily, Fraction(0)) / len(daily)


def total(measure: Measure, view: View, rows: Sequence[Row], *, mixed: bool) -> Number:
    if view.span is None or (mixed and measure.money):
        return None
    value = collapsed(measure, rows, view.time)
    return Fraction(0) if value is None and measure.additive else value


def point(measure: Measure, view: View, rows: Sequence[Row], bucket: Bucket, *, mixed: bool) -> Number:
    if view.span is None or not bucket.window.meets(view.span) or (mixed and measure.money):
        return None
    value = collapsed(measure, [row for row in rows if row[view.time] in bucket.window], view.time)
    if value is not None:
        return value
    zero = measure.fill == "zero" if measure.fill else measure.additive
    return Fraction(0) if zero else None


def line(
    name: str, measure: Measure, now: View, before: View | None, keep: Callable[[Row], bool], *, mixed: bool
) -> Line:
    """The series of the rows that `keep` keeps."""

    def read(view: View) -> tuple[Number, list[Number]]:
        rows = [row for row in view.rows if keep(row)]
        points = [point(measure, view, rows, bucket, mixed=mixed) for bucket in view.buckets]
        return total(measure, view, rows, mixed=mixed), points

    value, points = read(now)
    previous, prior = (None, []) if before is None else read(before)
    return Line(name, value, previous, points, prior)


def member_of(row: Row, column: str) -> str:
    return NOT_SET if row[column] is None else str(row[column])


def ranked(measure: Measure, where: Node | None, by: str, now: View, before: View | None, *, mixed: bool) -> list[str]:
    """The members with rows in either window, `Other` aside, the largest first.

    A row that lies in both windows counts once.
    """
    both = list(now.rows)
    if before is not None:
        both += [row for row in before.rows if row[before.time] not in now.window]
    groups: dict[str, list[Row]] = {}
    for row in both:
        if passes(where, row):
            groups.setdefault(member_of(row, by), []).append(row)
    groups.pop(OTHER, None)

    def rank(name: str) -> tuple[Fraction, str]:
        value = None if mixed and measure.money else aggregated(measure.node, groups[name], additive=measure.additive)
        return -(value or Fraction(0)), name

    return sorted(groups, key=rank)


def breakdown(
    measure: Measure,
    where: Node | None,
    metric: dict[str, Any],
    now: View,
    before: View | None,
    *,
    mixed: bool,
) -> list[Line]:
    by = metric["by"]
    shown = ranked(measure, where, by, now, before, mixed=mixed)[: metric.get("top", 10)]

    def series(name: str, chosen: Callable[[str], bool]) -> Line:
        def keep(row: Row) -> bool:
            return passes(where, row) and chosen(member_of(row, by))

        return line(name, measure, now, before, keep, mixed=mixed)

    lines = [series(name, {name}.__contains__) for name in shown]
    rows = [*now.rows, *(before.rows if before else ())]
    left_out = any(passes(where, row) and member_of(row, by) not in shown for row in rows)
    if left_out and metric.get("other", True):
        lines.append(series(OTHER, lambda member: member not in shown))
    return lines


def items(
    measures: Sequence[Measure], shape: dict[str, Any], where: Node | None, now: View, *, mixed: bool
) -> list[dict[str, Any]]:
    """The largest items of the asked window; one without a value to order by comes last."""
    groups: dict[str, list[Row]] = {}
    for row in now.rows:
        if passes(where, row) and row[shape["by"]] is not None:
            groups.setdefault(str(row[shape["by"]]), []).append(row)
    found = []
    for name, rows in groups.items():
        latest = max(rows, key=lambda row: row[now.time])
        values = {measure.name: total(measure, now, rows, mixed=mixed) for measure in measures}
        shown = {column: latest[column] for column in shape.get("show", [])}
        found.append({"id": name, **shown, "values": values})

    def rank(item: dict[str, Any]) -> tuple[bool, Fraction, str]:
        value = item["values"][shape["order"]]
        return value is None, -(value or Fraction(0)), item["id"]

    return sorted(found, key=rank)[: shape.get("limit", 10)]
