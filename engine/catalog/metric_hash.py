"""The digest of a metric's definition as resolved, by which a changed definition is seen."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from engine.catalog.metrics import (
    CombinedMetric,
    DerivedMetric,
    MemberRows,
    Metric,
    MetricSeries,
    MetricTarget,
    RankedItems,
    TableMetric,
)
from engine.language.expressions import Expression
from engine.tables import Table


@lru_cache(maxsize=4_096)
def hash_metric(metric: Metric) -> str:
    """Return a digest that changes with the metric's definition, its table's and its operands'.

    Titles, descriptions, tests and comments are no part of it, nor is how an expression is spaced.
    """
    return blake2b(repr(describe_metric(metric)).encode(), digest_size=12).hexdigest()


def describe_metric(metric: Metric) -> tuple[Any, ...]:
    """Describe a metric by plain values that are equal for equal definitions."""
    common: tuple[Any, ...] = (
        metric.key,
        metric.format,
        metric.better,
        metric.chart,
        metric.group,
        metric.position,
        metric.delta,
    )
    if metric.decimals is not None:
        common = (*common, "decimals", metric.decimals)
    if metric.target is not None:
        common = (*common, *describe_target(metric.target))
    match metric:
        case TableMetric():
            return (*common, *describe_table_metric(metric))
        case CombinedMetric():
            return (*common, metric.correlation, *map(describe_metric, metric.combined))
        case DerivedMetric():
            return (*common, metric.text, *map(describe_metric, metric.operands))
    raise TypeError(f"no description for {type(metric).__name__}")


def describe_target(target: MetricTarget) -> tuple[Any, ...]:
    return ("target", target.day, target.value, target.metric and describe_metric(target.metric))


def describe_table_metric(metric: TableMetric) -> tuple[Any, ...]:
    return (
        describe_table(metric.table),
        [describe_series(series, metric) for series in metric.series],
        metric.headline,
        None if metric.where is None else metric.where.sql(),
        metric.by and (metric.by.name, metric.by.column, metric.by.label),
        (metric.top, metric.other, metric.total, metric.fill, metric.is_ordered_by_name),
        metric.lookback and (metric.lookback.days, metric.lookback.since),
        metric.ranking and describe_expression(metric.ranking),
        metric.items and describe_items(metric.items, metric),
        *([describe_rows(metric.rows)] if metric.rows else []),
    )


def describe_rows(rows: MemberRows) -> tuple[Any, ...]:
    dimension, having = rows.dimension, rows.having and describe_expression(rows.having)
    return (dimension.name, dimension.column, dimension.label, having, rows.sort, rows.is_descending, rows.limit)


def describe_series(series: MetricSeries, metric: Metric) -> tuple[Any, ...]:
    # A series without a name of its own has its metric's title.
    name = None if series.name == metric.title else series.name
    decimals = () if series.decimals is None else (series.decimals,)
    share = ("share",) if series.is_share else ()
    return (
        name,
        series.format,
        series.better,
        series.total,
        *describe_expression(series.expression),
        *share,
        *decimals,
    )


def describe_expression(expression: Expression) -> tuple[Any, ...]:
    return (expression.tree.sql(), [aggregate.text for aggregate in expression.aggregates])


def describe_items(items: RankedItems, metric: Metric) -> tuple[Any, ...]:
    values = [describe_series(each, metric) for each in items.values]
    return (items.by, items.show, values, items.order.name, items.limit)


@lru_cache(maxsize=1_024)
def describe_table(table: Table) -> tuple[Any, ...]:
    return (
        (table.name, table.source, table.time, table.tenant, table.physical, table.key, table.restates),
        (table.currency, table.account),
        [(each.name, each.type, each.physical, each.additive, each.money) for each in table.columns.values()],
        [(each.name, each.column, each.label) for each in table.dimensions.values()],
        None if table.query is None else table.query.sql(comments=False),
        [describe_table(read) for read in table.reads],
    )
