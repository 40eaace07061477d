"""A request's own breakdown: a widget by another dimension, into another number of members, or its list of members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from engine.catalog.metrics import MemberRows, Metric, TableMetric
from engine.errors import InvalidQuery, ParameterProblem
from engine.query import MetricQuery, list_dimensions, quote_text
from engine.suggestions import did_you_mean, find_nearest_names

# More than any list shows: which members it does show is decided when all of them are known.
MAX_MEMBERS = 1_000_000


def break_down(metric: Metric, query: MetricQuery) -> Metric:
    """Return the metric as the request breaks it down. Raises InvalidQuery where it cannot be."""
    if query.by is None and query.top is None:
        return metric
    problems = [
        ParameterProblem(name, message)
        for name, given in (("by", query.by), ("top", query.top))
        if given is not None and (message := describe_fault(metric, name, query)) is not None
    ]
    if problems or not isinstance(metric, TableMetric):
        raise InvalidQuery(problems)
    return replace_breakdown(metric, query.by, query.top)


@lru_cache(maxsize=1_024)
def replace_breakdown(metric: TableMetric, by: str | None, top: int | None) -> TableMetric:
    """Replace a metric's breakdown; equal arguments return the same metric, whose plan is found again."""
    dimension = metric.by if by is None else metric.dimensions[by]
    return replace(metric, by=dimension, top=top or metric.top)


def describe_fault(metric: Metric, name: str, query: MetricQuery) -> str | None:
    """Return why the metric takes no such parameter; None where it does."""
    if not isinstance(metric, TableMetric):
        return f"{metric.key} is made of other metrics; only a widget of one series can be broken down"
    if metric.rows is not None:
        return f"{metric.key} is a table; only a widget of one series can be broken down"
    if len(metric.series) > 1:
        return f"{metric.key} has several series; only a widget of one can be broken down"
    if query.by is None:
        return "needs `by`, the dimension to break down by" if metric.by is None else None
    if name == "by" and query.by not in metric.dimensions:
        hint = did_you_mean(find_nearest_names(query.by, metric.dimensions)) or list_dimensions(metric.dimensions)
        return f"{quote_text(query.by)} is no dimension of {metric.key}{hint}"
    return None


def describe_dimensions(metric: Metric) -> str:
    """Say which dimensions a metric can be filtered by; empty where it has none."""
    return f"{metric.key} has {', '.join(sorted(metric.dimensions))}" if metric.dimensions else ""


def list_members_of(metric: Metric, dimension: str, active: frozenset[str]) -> TableMetric | None:
    """Return a table with a row for each member: of the first series of the first part that has the dimension.

    None where all such parts are off. Raises InvalidQuery where the metric lacks the dimension.
    """
    if dimension not in metric.dimensions:
        hint = did_you_mean(find_nearest_names(dimension, metric.dimensions)) or list_dimensions(metric.dimensions)
        message = f"{quote_text(dimension)} is no dimension of {metric.key}{hint}"
        raise InvalidQuery([ParameterProblem("dimension", message)])
    found = next((part for part in iter_parts(metric, dimension) if part.is_answerable(active)), None)
    return None if found is None else make_member_list(found, dimension)


@lru_cache(maxsize=1_024)
def make_member_list(metric: TableMetric, dimension: str) -> TableMetric:
    """Make the table of a metric's members; equal arguments return the same metric, whose plan is found again."""
    column = metric.series[0]
    rows = MemberRows(metric.dimensions[dimension], None, column.name, is_descending=True, limit=MAX_MEMBERS)
    return replace(
        metric,
        key=f"{metric.key}, members of {dimension}",
        series=(column,),
        headline=0,
        by=None,
        items=None,
        lookback=None,
        target=None,
        rows=rows,
    )


def iter_parts(metric: Metric, dimension: str) -> Iterator[TableMetric]:
    """Yield the metrics over tables that a metric is made of, in order, which have the dimension."""
    if isinstance(metric, TableMetric):
        yield from (metric,) if dimension in metric.dimensions else ()
    for part in metric.parts:
        yield from iter_parts(part, dimension)


def select_members(rows: list[dict[str, Any]], search: str, limit: int) -> list[dict[str, Any]]:
    """Select the largest members of a table's rows whose id or label has the text in it, blind to case."""
    text = search.casefold()
    found = [
        {"id": row["id"], "label": row["label"], "value": next(iter(row["values"].values()))["value"]}
        for row in rows
        if text in row["id"].casefold() or text in row["label"].casefold()
    ]
    return sorted(found, key=lambda each: (-(each["value"] or 0), each["id"]))[:limit]
