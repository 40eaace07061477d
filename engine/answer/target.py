"""The target of a widget: what its buckets and its window should come to, and how far it is on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine.answer.values.numbers import Value
from engine.calendar import Axis, Lookback, Window
from engine.catalog.metrics import Metric, MetricTarget, TableMetric


@dataclass(frozen=True, slots=True)
class TargetGoal:
    """What should be reached: in each bucket, in the window, and in its days up to the last known one."""

    points: Sequence[Value]
    value: Value
    due: Value


@dataclass(frozen=True, slots=True)
class TargetValues:
    """A goal, the share of it that is reached, and where the window ends if it goes on like this."""

    goal: TargetGoal
    progress: Value
    projected: Value


def build_constant_goal(
    target: MetricTarget, axis: Axis, through: date | None, lookback: Lookback | None
) -> TargetGoal:
    """Build the goal of a number: one for each day, or the same for each bucket and the whole."""

    def multiply(days: Window) -> Value:
        days = days if lookback is None else lookback.get_days(days.end)
        return target.value if target.day is None else target.day * days.days

    return TargetGoal(
        points=[multiply(Window(bucket.start, bucket.end)) for bucket in axis.buckets],
        value=multiply(axis.window),
        due=None if through is None else multiply(Window(axis.window.start, through)),
    )


def measure_progress(goal: TargetGoal, value: Value, due_value: Value) -> TargetValues:
    """Compare the window's value with its goal; `due_value` is that of the days up to the last known one."""
    projected = None
    if due_value is not None and goal.value is not None and goal.due:
        projected = divide(due_value * goal.value, goal.due)
    return TargetValues(goal, None if value is None else divide(value, goal.value), projected)


def divide(value: float, divisor: Value) -> Value:
    result = value / divisor if divisor else math.nan
    return result if math.isfinite(result) else None


def is_projectable(metric: Metric) -> bool:
    """Whether what the known days come to tells what all days will."""
    return isinstance(metric, TableMetric) and metric.is_sum(metric.series[metric.headline])
