"""Metrics → the scans that answer them. No SQL yet, and nothing of a question but which metrics it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import fsum, nan
from typing import Any

from sqlglot import exp

from engine.catalog.metrics import Items, Metric, Series, TableMetric
from engine.language.evaluator import Evaluate
from engine.language.expressions import Aggregate, Expression, extreme_text
from engine.tables import Table


class Shape(StrEnum):
    """What a row of a scan stands for.

    DAYS: a day. Buckets and totals are folded from days, so one scan serves every grain.
    SLOTS: a bucket or a whole window, for aggregates that cannot be folded, such as distinct counts.
    """

    DAYS = "days"
    SLOTS = "slots"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One group of rows a member; the largest `top` by `ranking`, the rest folded together."""

    column: str
    top: int
    ranking: Expression
    passing: Aggregate | None
    currency: str | None

    @property
    def identity(self) -> tuple[str, int, tuple[str, ...], str]:
        aggregates = tuple(aggregate.text for aggregate in self.ranking.aggregates)
        return (self.column, self.top, aggregates, self.ranking.tree.sql())


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One statement over one table, for both windows at once: these aggregates, by day or slot, and by member.

    A row is (day, *aggregates) or (slot, first day, last day, *aggregates); with a breakdown, (…, place, member,
    *aggregates), where place and member are NULL for the rows that are folded together.
    """

    table: Table
    shape: Shape
    aggregates: tuple[Aggregate, ...]
    breakdown: Breakdown | None = None

    @property
    def positions(self) -> Mapping[Aggregate, int]:
        """Where a row has each aggregate."""
        first = (1 if self.shape is Shape.DAYS else 3) + (2 if self.breakdown else 0)
        return {aggregate: first + index for index, aggregate in enumerate(self.aggregates)}


@dataclass(frozen=True, slots=True, eq=False)
class ItemsScan:
    """One statement over one table, for the asked window: the items with the largest values."""

    table: Table
    items: Items
    where: exp.Expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A series of a metric as a function of a row of its scan; None where no row passes the metric's `where`."""

    name: str
    evaluate: Evaluate
    additive: bool
    money: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How one metric reads one scan's rows: its measures, and where a row has what else it needs."""

    scan: Scan
    measures: tuple[Measure, ...]
    passing: int | None
    currency: tuple[int, int] | None
    merges: tuple[Merge | None, ...]
    evaluators: tuple[Evaluate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MetricPlan:
    """How one metric over a table is answered: `whole` over all members, `members` by member, `items` as a list."""

    metric: TableMetric
    whole: Reading
    members: Reading | None
    items: ItemsScan | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The scans that answer some metrics, each once, and how every metric over a table reads them."""

    scans: tuple[Scan, ...]
    metrics: Mapping[str, MetricPlan]


Merge = Callable[[Sequence[Any]], Any]
ScanKey = tuple[str, Shape, object]


def plan(metrics: Iterable[Metric]) -> Plan:
    """The fewest scans that answer these metrics; metrics that read the same rows share one."""
    measured = {metric.key: metric for each in metrics for metric in each.rests_on}
    wanted: dict[ScanKey, dict[Aggregate, None]] = {}
    shells: dict[ScanKey, tuple[TableMetric, Shape, Breakdown | None]] = {}
    uses: dict[str, tuple[ScanKey, ScanKey | None]] = {}
    for metric in measured.values():
        shape = Shape.SLOTS if metric.whole else Shape.DAYS
        breakdown = breakdown_of(metric)
        split: ScanKey | None = None
        if breakdown is not None:
            split = (metric.table.name, shape, breakdown.identity)
            shells.setdefault(split, (metric, shape, breakdown))
            wanted.setdefault(split, {}).update(dict.fromkeys(needs(metric)))
        # Members add up to all of them only where their aggregates merge.
        if split is not None and all(series.expression.mergeable for series in metric.series):
            whole: ScanKey = split
        else:
            whole = (metric.table.name, shape, None)
            shells.setdefault(whole, (metric, shape, None))
            wanted.setdefault(whole, {}).update(dict.fromkeys(needs(metric)))
        uses[metric.key] = (whole, split)
    scans = {
        key: Scan(metric.table, shape, tuple(wanted[key]), breakdown)
        for key, (metric, shape, breakdown) in shells.items()
    }
    return Plan(
        scans=tuple(scans.values()),
        metrics={
            key: MetricPlan(
                metric=metric,
                whole=reading(metric, scans[uses[key][0]]),
                members=reading(metric, scans[split]) if (split := uses[key][1]) is not None else None,
                items=ItemsScan(metric.table, metric.items, metric.where) if metric.items else None,
            )
            for key, metric in measured.items()
        },
    )


def breakdown_of(metric: TableMetric) -> Breakdown | None:
    if metric.by is None:
        return None
    ranking = metric.series[0].expression
    currency = metric.table.currency if ranking.money else None
    return Breakdown(metric.by, metric.top, ranking, metric.passing, currency)


def needs(metric: TableMetric) -> Iterable[Aggregate]:
    """The aggregates that a metric's rows must hold."""
    for series in metric.series:
        yield from series.expression.aggregates
    if metric.passing is not None:
        yield metric.passing
    yield from currencies(metric)


def currencies(metric: TableMetric) -> tuple[Aggregate, ...]:
    """The least and greatest currency of the rows, for a metric that shows money; equal where there is one."""
    column = metric.table.currency
    if column is None or not shows_money(metric):
        return ()
    return (extreme_text("min", column), extreme_text("max", column))


def shows_money(metric: TableMetric) -> bool:
    values: tuple[Series, ...] = metric.items.values if metric.items else ()
    return any(series.expression.money for series in (*metric.series, *values))


def reading(metric: TableMetric, scan: Scan) -> Reading:
    positions = scan.positions
    lowest_highest = currencies(metric)
    passing = positions[metric.passing] if metric.passing is not None else None
    # A shared scan's rows hold more than this metric reads: the rest is not added up.
    used = frozenset(needs(metric))
    first = min(positions.values(), default=0)
    measures = tuple(measure(series, positions, passing) for series in metric.series)
    return Reading(
        scan=scan,
        measures=measures,
        evaluators=tuple(each.evaluate for each in measures),
        passing=passing,
        currency=(positions[lowest_highest[0]], positions[lowest_highest[1]]) if lowest_highest else None,
        merges=(*[None] * first, *(MERGES[each.function] if each in used else None for each in scan.aggregates)),
    )


def measure(series: Series, positions: Mapping[Aggregate, int], passing: int | None) -> Measure:
    evaluate = series.expression.evaluator(positions)
    if passing is not None:
        evaluate = where_any_passes(evaluate, passing)
    return Measure(series.name, evaluate, series.expression.additive, series.expression.money)


def where_any_passes(evaluate: Evaluate, passing: int) -> Evaluate:
    return lambda row: evaluate(row) if row[passing] else None


def total_of(values: Sequence[Any]) -> float | None:
    """SUM: NULL is passed over, and no value at all is NULL. Exact whatever the order; NaN beyond a double."""
    try:
        return fsum(values)
    except TypeError:
        known = [value for value in values if value is not None]
        return total_of(known) if known else None
    except (OverflowError, ValueError):
        return nan


def least_of(values: Sequence[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def greatest_of(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


MERGES: Mapping[str, Merge] = {"sum": total_of, "count": total_of, "min": least_of, "max": greatest_of}
