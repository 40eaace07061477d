"""One tenant's rows in a window, and a measure's points and totals over them."""

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
    """A table's rows of one tenant in a window; `span` is None if there are none."""

    window: OracleWindow
    buckets: Sequence[OracleBucket]
    rows: Sequence[Row]
    time: str
    span: OracleWindow | None

    @classmethod
    def of(
        cls, table: OracleTable, rows: Iterable[Row], tenant: str, window: OracleWindow, buckets: Sequence[OracleBucket]
    ) -> TenantRows:
        own = [row for row in rows if row[table.tenant] == tenant and row[table.time] in window]
        days = [row[table.time] for row in own]
        return cls(window, buckets, own, table.time, OracleWindow(min(days), max(days)) if days else None)


@dataclass(frozen=True, slots=True)
class OracleSeries:
    """A series before it is written: `value` and `previous` are totals; a point per bucket."""

    name: str
    value: Number
    previous: Number = None
    points: Sequence[Number] = ()
    prior: Sequence[Number] = ()


def collapse_days(measure: OracleMeasure, rows: Sequence[Row], time: str) -> Number:
    """Compute the measure over the rows of some days by its `total`; None if it has no value."""
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


def compute_total(measure: OracleMeasure, window: TenantRows, rows: Sequence[Row], *, mixed: bool) -> Number:
    if window.span is None or (mixed and measure.money):
        return None
    value = collapse_days(measure, rows, window.time)
    return Fraction(0) if value is None and measure.additive else value


def compute_point(
    measure: OracleMeasure, window: TenantRows, rows: Sequence[Row], bucket: OracleBucket, *, mixed: bool
) -> Number:
    if window.span is None or not bucket.window.overlaps(window.span) or (mixed and measure.money):
        return None
    value = collapse_days(measure, [row for row in rows if row[window.time] in bucket.window], window.time)
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
    """Build the series of the rows for which `keep` is true."""

    def read_window(window: TenantRows) -> tuple[Number, list[Number]]:
        rows = [row for row in window.rows if keep(row)]
        points = [compute_point(measure, window, rows, bucket, mixed=mixed) for bucket in window.buckets]
        return compute_total(measure, window, rows, mixed=mixed), points

    value, points = read_window(now)
    previous, prior = (None, []) if before is None else read_window(before)
    return OracleSeries(name, value, previous, points, prior)


def get_member(row: Row, column: str) -> str:
    return NOT_SET if row[column] is None else str(row[column])


def rank_members(
    measure: OracleMeasure, where: Node | None, by: str, now: TenantRows, before: TenantRows | None, *, mixed: bool
) -> list[str]:
    """Rank the members with rows in either window, without `Other`, largest first.

    A row in both windows counts once.
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
    top = rank_members(measure, where, by, now, before, mixed=mixed)[: metric.get("top", 10)]

    def build(name: str, is_included: Callable[[str], bool]) -> OracleSeries:
        def keep(row: Row) -> bool:
            return meets_predicate(where, row) and is_included(get_member(row, by))

        return build_series(name, measure, now, before, keep, mixed=mixed)

    series = [build(name, {name}.__contains__) for name in top]
    rows = [*now.rows, *(before.rows if before else ())]
    has_others = any(meets_predicate(where, row) and get_member(row, by) not in top for row in rows)
    if has_others and metric.get("other", True):
        series.append(build(OTHER, lambda member: member not in top))
    return series


def build_items(
    measures: Sequence[OracleMeasure], shape: dict[str, Any], where: Node | None, now: TenantRows, *, mixed: bool
) -> list[dict[str, Any]]:
    """Build the largest items of the query's window; those without an order value come last."""
    groups: dict[str, list[Row]] = {}
    for row in now.rows:
        if meets_predicate(where, row) and row[shape["by"]] is not None:
            groups.setdefault(str(row[shape["by"]]), []).append(row)
    items = []
    for name, rows in groups.items():
        latest = max(rows, key=lambda row: row[now.time])
        values = {measure.name: compute_total(measure, now, rows, mixed=mixed) for measure in measures}
        shown = {column: latest[column] for column in shape.get("show", [])}
        items.append({"id": name, **shown, "values": values})

    def rank(item: dict[str, Any]) -> tuple[bool, Fraction, str]:
        value = item["values"][shape["order"]]
        return value is None, -(value or Fraction(0)), item["id"]

    return sorted(items, key=rank)[: shape.get("limit", 10)]
