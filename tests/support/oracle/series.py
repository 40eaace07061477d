"""One tenant's rows within a window, and the points and totals of a measure over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.support.oracle.definitions import OracleMeasure, OracleTable
from tests.support.oracle.expressions import Row, evaluate_group, meets_predicate
from tests.support.oracle.syntax import Node
from tests.support.oracle.windows import OracleBucket, OracleWindow

Number = Fraction | None
NOT_SET = "(not set)"
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class TenantRows:
    """A table's rows of one tenant within a window; `span` is None where there are none."""

    window: OracleWindow
    buckets: Sequence[OracleBucket]
    rows: Sequence[Row]
    time: str
    span: OracleWindow | None

    @classmethod
    def of(
        cls, table: OracleTable, rows: Iterable[Row], tenant: str, window: OracleWindow, buckets: Sequence[OracleBucket]
    ) -> TenantRows:
        kept = [row for row in rows if row[table.tenant] == tenant and row[table.time] in window]
        days = [row[table.time] for row in kept]
        return cls(window, buckets, kept, table.time, OracleWindow(min(days), max(days)) if days else None)


@dataclass(frozen=True, slots=True)
class OracleSeries:
    """A series before it is written: `value` and `previous` are totals, points come one per bucket."""

    name: str
    value: Number
    previous: Number = None
    points: Sequence[Number] = ()
    prior: Sequence[Number] = ()


def collapse_days(measure: OracleMeasure, rows: Sequence[Row], time: str) -> Number:
    """The measure over some days' rows as its `total` says, None where it has no value."""
    if not rows:
        return None
    if measure.total == "period":
        return evaluate_group(measure.node, rows, additive=measure.additive)
    by_day: dict[Any, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[time], []).append(row)
    values = [evaluate_group(measure.node, by_day[day], additive=measure.additive) for day in sorted(by_day)]
    daily = [value for value in values if value is not None]
    if not daily:
        return None
    return daily[-1] if measure.total == "last" else sum(daily, Fraction(0)) / len(daily)


def compute_total(measure: OracleMeasure, view: TenantRows, rows: Sequence[Row], *, mixed: bool) -> Number:
    if view.span is None or (mixed and measure.money):
        return None
    value = collapse_days(measure, rows, view.time)
    return Fraction(0) if value is None and measure.additive else value


def compute_point(
    measure: OracleMeasure, view: TenantRows, rows: Sequence[Row], bucket: OracleBucket, *, mixed: bool
) -> Number:
    if view.span is None or not bucket.window.overlaps(view.span) or (mixed and measure.money):
        return None
    value = collapse_days(measure, [row for row in rows if row[view.time] in bucket.window], view.time)
    if value is not None:
        return value
    zero = measure.fill == "zero" if measure.fill else measure.additive
    return Fraction(0) if zero else None


def build_series(
    name: str,
    measure: OracleMeasure,
    now: TenantRows,
    before: TenantRows | None,
    keep: Callable[[Row], bool],
    *,
    mixed: bool,
) -> OracleSeries:
    """The series of the rows that `keep` keeps."""

    def read_view(view: TenantRows) -> tuple[Number, list[Number]]:
        rows = [row for row in view.rows if keep(row)]
        points = [compute_point(measure, view, rows, bucket, mixed=mixed) for bucket in view.buckets]
        return compute_total(measure, view, rows, mixed=mixed), points

    value, points = read_view(now)
    previous, prior = (None, []) if before is None else read_view(before)
    return OracleSeries(name, value, previous, points, prior)


def get_member(row: Row, column: str) -> str:
    return NOT_SET if row[column] is None else str(row[column])


def rank_members(
    measure: OracleMeasure, where: Node | None, by: str, now: TenantRows, before: TenantRows | None, *, mixed: bool
) -> list[str]:
    """The members with rows in either window, `Other` aside, the largest first.

    A row that lies in both windows counts once.
    """
    both = list(now.rows)
    if before is not None:
        both += [row for row in before.rows if row[before.time] not in now.window]
    groups: dict[str, list[Row]] = {}
    for row in both:
        if meets_predicate(where, row):
            groups.setdefault(get_member(row, by), []).append(row)
    groups.pop(OTHER, None)

    def rank(name: str) -> tuple[Fraction, str]:
        value = (
            None if mixed and measure.money else evaluate_group(measure.node, groups[name], additive=measure.additive)
        )
        return -(value or Fraction(0)), name

    return sorted(groups, key=rank)


def build_breakdown(
    measure: OracleMeasure,
    where: Node | None,
    metric: dict[str, Any],
    now: TenantRows,
    before: TenantRows | None,
    *,
    mixed: bool,
) -> list[OracleSeries]:
    by = metric["by"]
    shown = rank_members(measure, where, by, now, before, mixed=mixed)[: metric.get("top", 10)]

    def series(name: str, chosen: Callable[[str], bool]) -> OracleSeries:
        def keep(row: Row) -> bool:
            return meets_predicate(where, row) and chosen(get_member(row, by))

        return build_series(name, measure, now, before, keep, mixed=mixed)

    lines = [series(name, {name}.__contains__) for name in shown]
    rows = [*now.rows, *(before.rows if before else ())]
    left_out = any(meets_predicate(where, row) and get_member(row, by) not in shown for row in rows)
    if left_out and metric.get("other", True):
        lines.append(series(OTHER, lambda member: member not in shown))
    return lines


def build_items(
    measures: Sequence[OracleMeasure], shape: dict[str, Any], where: Node | None, now: TenantRows, *, mixed: bool
) -> list[dict[str, Any]]:
    """The largest items of the asked window; one without a value to order by comes last."""
    groups: dict[str, list[Row]] = {}
    for row in now.rows:
        if meets_predicate(where, row) and row[shape["by"]] is not None:
            groups.setdefault(str(row[shape["by"]]), []).append(row)
    found = []
    for name, rows in groups.items():
        latest = max(rows, key=lambda row: row[now.time])
        values = {measure.name: compute_total(measure, now, rows, mixed=mixed) for measure in measures}
        shown = {column: latest[column] for column in shape.get("show", [])}
        found.append({"id": name, **shown, "values": values})

    def rank(item: dict[str, Any]) -> tuple[bool, Fraction, str]:
        value = item["values"][shape["order"]]
        return value is None, -(value or Fraction(0)), item["id"]

    return sorted(found, key=rank)[: shape.get("limit", 10)]
