"""A request's own breakdown: a widget by another dimension, or into another number of members."""

from __future__ import annotations

from dataclasses import replace

from engine.catalog.metrics import Metric, TableMetric
from engine.errors import InvalidQuery, ParameterProblem
from engine.query import MetricQuery, list_dimensions, quote_text
from engine.suggestions import did_you_mean, find_nearest_names


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
    by = metric.by if query.by is None else metric.dimensions[query.by]
    return replace(metric, by=by, top=query.top or metric.top)


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
