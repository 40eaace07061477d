"""The series of a breakdown: members by rank, the rest in `Other`, each with its own currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.support.oracle.definitions import OracleDimension, OracleMeasure
from tests.support.oracle.expressions import Row, evaluate_group
from tests.support.oracle.filters import NOT_SET, get_member
from tests.support.oracle.series import OracleSeries, SeriesHead, TableRows, build_series, find_currency
from tests.support.oracle.windows import OracleLookback, OracleSide, OracleWindow

OTHER = "Other"


@dataclass(frozen=True, slots=True)
class OracleBreakdown:
    """How members are ranked and shown: by the largest of `order`, and by their names if `is_by_name`."""

    dimension: OracleDimension
    order: OracleMeasure
    is_by_name: bool
    top: int
    has_other: bool


def group_members(rows: Sequence[Row], dimension: OracleDimension) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(get_member(row, dimension.column), []).append(row)
    return groups


def find_label(member: str, rows: Sequence[Row], dimension: OracleDimension, time: str) -> str:
    """Find the label of a member's latest row that has one, else its id.

    Of several labels on one day the contract says nothing; here it is the largest. `(not set)` is called that.
    """
    if dimension.label is None or member == NOT_SET:
        return member
    labels = [(row[time], str(row[dimension.label])) for row in rows if row[dimension.label] not in (None, "")]
    return max(labels)[1] if labels else member


def rank_members(breakdown: OracleBreakdown, groups: Mapping[str, Sequence[Row]], *, mixed: bool) -> list[str]:
    """Rank the members, without `Other`, largest first: no value is 0, and money of several currencies no rank."""

    def rank(member: str) -> tuple[Fraction, str]:
        order = breakdown.order
        if mixed and order.money:
            return Fraction(0), member
        return -(evaluate_group(order.node, groups[member], additive=order.additive) or Fraction(0)), member

    return sorted(groups.keys() - {OTHER}, key=rank)


def build_breakdown(
    breakdown: OracleBreakdown,
    head: SeriesHead,
    measure: OracleMeasure,
    read: TableRows,
    rows: TableRows,
    windows: Sequence[OracleWindow],
    now: OracleSide,
    before: OracleSide | None,
    *,
    lookback: OracleLookback | None,
    mixed: bool,
) -> list[OracleSeries]:
    """Build a series per member of `rows`, those of `read` that pass the metric's `where`.

    In a widget of several currencies a series has values if its own rows hold one: those before `where`, as for the
    widget's.
    """
    column = breakdown.dimension.column
    groups = group_members(rows.pick(windows), breakdown.dimension)
    top = rank_members(breakdown, groups, mixed=mixed)[: breakdown.top]

    def build(name: str, member: str, members: set[str], *, is_rest: bool) -> OracleSeries:
        def is_own(row: Row) -> bool:
            return (get_member(row, column) in members) is not is_rest

        currency = head.currency
        if mixed and measure.money:
            currency = find_currency(read.select(is_own).pick(windows), read.table.currency)
        is_hidden = mixed and measure.money and currency in (None, "mixed")
        own = replace(head, name=name, id=member, currency=None if measure.share else currency)
        return build_series(own, measure, rows.select(is_own), now, before, lookback=lookback, is_hidden=is_hidden)

    labels = {member: find_label(member, groups[member], breakdown.dimension, rows.table.time) for member in top}
    shown = sorted(top, key=lambda member: (labels[member], member)) if breakdown.is_by_name else top
    series = [build(labels[member], member, {member}, is_rest=False) for member in shown]
    if groups.keys() - set(top) and breakdown.has_other:
        series.append(build(OTHER, OTHER, set(top), is_rest=True))
    return series
