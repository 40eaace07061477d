"""Metrics → plan: which scans they need, and how each metric is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, nan
from typing import Any

from engine.catalog.metrics import MemberRows, Metric, MetricSeries, TableMetric
from engine.compiler.plan import (
    Breakdown,
    ItemsScan,
    LabelScan,
    Measure,
    MergeFunction,
    MetricPlan,
    Plan,
    RowsPlan,
    Scan,
    ScanProjection,
    Shape,
)
from engine.files.metric_definitions import Total
from engine.language.expressions import Aggregate, Expression, make_latest_text, make_text_extreme
from engine.language.function_values import Evaluator

ScanKey = tuple[str, Shape, bool, object, str | None]


@dataclass(frozen=True, slots=True)
class SeriesGroup:
    """The series of a metric that are summed up alike, and how their rows are read."""

    metric: TableMetric
    series: tuple[MetricSeries, ...]
    total: Total

    @property
    def shape(self) -> Shape:
        """Slots, where each bucket and total needs all of its rows at once."""
        return Shape.DAYS if self.total != "period" or self.is_mergeable else Shape.SLOTS

    @property
    def is_mergeable(self) -> bool:
        return all(series.expression.is_mergeable for series in self.series)

    @property
    def by_account(self) -> bool:
        """Whether the total is of a day that each account has for itself."""
        return self.total in ("first", "last") and self.metric.table.account is not None

    def get_scan_key(self, breakdown: Breakdown | None) -> ScanKey:
        identity = None if breakdown is None else breakdown.identity
        return (self.metric.table.name, self.shape, self.by_account, identity, None)


def plan(metrics: Iterable[Metric]) -> Plan:
    """Plan the fewest scans that answer these metrics; those that read the same rows share one."""
    table_metrics = {metric.key: metric for each in metrics for metric in each.planned_metrics}
    aggregates: dict[ScanKey, dict[Aggregate, None]] = {}
    shells: dict[ScanKey, Scan] = {}
    uses: dict[str, list[tuple[SeriesGroup, ScanKey]]] = {key: [] for key in table_metrics}
    members: dict[str, tuple[SeriesGroup, ScanKey]] = {}
    rows: dict[str, list[tuple[SeriesGroup, ScanKey]]] = {}
    labels: dict[ScanKey, set[Aggregate]] = {}

    def add_scan(group: SeriesGroup, breakdown: Breakdown | None) -> ScanKey:
        key = group.get_scan_key(breakdown)
        shells.setdefault(key, Scan(group.metric.table, group.shape, (), breakdown, by_account=group.by_account))
        aggregates.setdefault(key, {}).update(dict.fromkeys(iter_needed_aggregates(group.metric, group.series)))
        return key

    def add_rows(group: SeriesGroup, member: str, having: Expression | None) -> tuple[SeriesGroup, ScanKey]:
        shape = Shape.WINDOWS if group.total == "period" else Shape.DAYS
        key = (group.metric.table.name, shape, group.by_account, None, member)
        shells.setdefault(key, Scan(group.metric.table, shape, (), by_account=group.by_account, member=member))
        needed = (*iter_needed_aggregates(group.metric, group.series), *(having.aggregates if having else ()))
        aggregates.setdefault(key, {}).update(dict.fromkeys(needed))
        if shape is Shape.WINDOWS and (label := find_latest_label(group.metric)) is not None:
            aggregates[key][label] = None
            labels.setdefault(key, set()).add(label)
        return group, key

    for metric in table_metrics.values():
        breakdown = plan_breakdown(metric)
        for group in group_series(metric):
            split = None if breakdown is None else add_scan(group, breakdown)
            if split is not None:
                members[metric.key] = (group, split)
            # Members add up to the whole only where their aggregates merge.
            whole = split if split is not None and group.is_mergeable else add_scan(group, None)
            uses[metric.key].append((group, whole))
        if metric.rows is not None:
            having, member = metric.rows.having, metric.rows.dimension.column
            rows[metric.key] = [
                add_rows(group, member, having if group.total == "period" else None) for group in group_columns(metric)
            ]
    scans = {
        key: replace(scan, aggregates=tuple(aggregates[key]), labels=frozenset(labels.get(key, ())))
        for key, scan in shells.items()
    }

    def project(use: tuple[SeriesGroup, ScanKey]) -> ScanProjection:
        return build_projection(use[0], scans[use[1]])

    return Plan(
        scans=tuple(scans.values()),
        metrics={
            key: MetricPlan(
                metric=metric,
                wholes=tuple(map(project, uses[key])),
                members=project(members[key]) if key in members else None,
                items=ItemsScan(metric.table, metric.items, metric.where) if metric.items else None,
                labels=plan_labels(metric),
                rows=build_rows_plan(metric, metric.rows, list(map(project, rows[key]))) if metric.rows else None,
            )
            for key, metric in table_metrics.items()
        },
    )


def group_series(metric: TableMetric) -> list[SeriesGroup]:
    """Group the series of a metric by how they are summed up."""
    groups: dict[Total, list[MetricSeries]] = {}
    for series in metric.series:
        groups.setdefault(metric.get_total(series), []).append(series)
    return [SeriesGroup(metric, tuple(series), total) for total, series in groups.items()]


def group_columns(metric: TableMetric) -> list[SeriesGroup]:
    """Group the columns of a table by how they are summed up; the first group tells, too, which rows there are."""
    groups = {group.total: group for group in group_series(metric)}
    whole = groups.pop("period", SeriesGroup(metric, (), "period"))
    return [whole, *groups.values()]


def build_rows_plan(metric: TableMetric, rows: MemberRows, projections: Sequence[ScanProjection]) -> RowsPlan:
    windows, *days = projections
    positions, label = windows.scan.positions, find_latest_label(metric)
    having = rows.having.compile_evaluator(positions) if rows.having else None
    return RowsPlan(windows, tuple(days), having, None if label is None else positions[label])


def plan_breakdown(metric: TableMetric) -> Breakdown | None:
    if metric.by is None:
        return None
    ranking = metric.ranking or metric.series[0].expression
    currency = metric.table.currency if ranking.money else None
    return Breakdown(metric.by.column, metric.top, ranking, metric.passing, currency)


def plan_labels(metric: TableMetric) -> LabelScan | None:
    if metric.by is None or metric.by.label is None:
        return None
    return LabelScan(metric.table, metric.by.column, metric.by.label)


def find_latest_label(metric: TableMetric) -> Aggregate | None:
    """Return the latest label of a table's member, behind its day, of the rows that pass the metric's `where`."""
    label = None if metric.rows is None else metric.rows.dimension.label
    return None if label is None else make_latest_text(label, metric.table.time, metric.where)


def iter_needed_aggregates(metric: TableMetric, series: Iterable[MetricSeries]) -> Iterable[Aggregate]:
    """Yield the aggregates that the rows of some series of a metric must have."""
    for each in series:
        yield from each.expression.aggregates
    if metric.passing is not None:
        yield metric.passing
    yield from get_currency_bounds(metric)


def get_currency_bounds(metric: TableMetric) -> tuple[Aggregate, ...]:
    """Return the least and greatest currency of the rows, for a metric that shows money.

    They are equal where there is one currency.
    """
    column = metric.table.currency
    if column is None or not shows_money(metric):
        return ()
    return (make_text_extreme("min", column), make_text_extreme("max", column))


def shows_money(metric: TableMetric) -> bool:
    values: tuple[MetricSeries, ...] = metric.items.values if metric.items else ()
    ranking = metric.by is not None and metric.ranking is not None and metric.ranking.money
    having = metric.rows is not None and metric.rows.having is not None and metric.rows.having.money
    return ranking or having or any(series.expression.money for series in (*metric.series, *values))


def build_projection(group: SeriesGroup, scan: Scan) -> ScanProjection:
    metric, positions = group.metric, scan.positions
    lowest_highest = get_currency_bounds(metric)
    passing = positions[metric.passing] if metric.passing is not None else None
    # A shared scan's rows have more than this metric reads: the rest is not merged.
    used = frozenset(iter_needed_aggregates(metric, group.series))
    measures = tuple(build_measure(metric, series, positions, passing) for series in group.series)
    return ScanProjection(
        scan=scan,
        total=group.total,
        measures=measures,
        evaluators=tuple(each.evaluate for each in measures),
        passing=passing,
        currency=(positions[lowest_highest[0]], positions[lowest_highest[1]]) if lowest_highest else None,
        account=scan.account if scan.by_account else None,
        merges=tuple(
            (position, MERGE_FUNCTIONS[each.function])
            for each, position in positions.items()
            if each in used and each.function in MERGE_FUNCTIONS
        ),
        width=scan.width,
    )


def build_measure(
    metric: TableMetric, series: MetricSeries, positions: Mapping[Aggregate, int], passing: int | None
) -> Measure:
    expression = series.expression
    evaluate = expression.compile_evaluator(positions)
    if passing is not None:
        evaluate = require_passing_row(evaluate, passing)
    return Measure(
        series=series,
        name=series.name,
        evaluate=evaluate,
        additive=expression.additive,
        money=expression.money,
        whole=expression.whole or (series.format or metric.format) == "integer",
    )


def require_passing_row(evaluate: Evaluator, passing: int) -> Evaluator:
    return lambda row: evaluate(row) if row[passing] else None


def sum_values(values: Sequence[Any]) -> float | None:
    """Add values as SQL's SUM does: NULL is skipped, and no value at all gives NULL.

    The sum is exact in any order, and NaN beyond the range of a double.
    """
    try:
        return fsum(values)
    except TypeError:
        present = [value for value in values if value is not None]
        return sum_values(present) if present else None
    except (OverflowError, ValueError):
        return nan


def find_minimum(values: Sequence[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def find_maximum(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


MERGE_FUNCTIONS: Mapping[str, MergeFunction] = {
    "sum": sum_values,
    "count": sum_values,
    "min": find_minimum,
    "max": find_maximum,
}
