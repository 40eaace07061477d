"""The target of a widget: of its buckets, of its window, and of the days up to the last known one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.support.oracle.answers import OracleQuery
from tests.support.oracle.filters import Filters, apply_filters
from tests.support.oracle.series import Number, SideValues
from tests.support.oracle.windows import OracleWindow


@dataclass(frozen=True, slots=True)
class OracleTarget:
    """A target before it is written."""

    goal: SideValues
    progress: Number
    projected: Number


def build_target(query: OracleQuery, key: str, filters: Filters) -> OracleTarget | None:
    """Build the target of an answered widget; `query` says whether its money is mixed."""
    applied = apply_filters(query.catalog, key, filters)
    through = query.freshness.find_through(key, query.now.window)
    due_query = cut_to_due(query, through)
    goal = find_goal(due_query, key, applied)
    if goal is None or not query.catalog.is_answerable(key, query.active):
        return None
    own = due_query.answer_metric(key, applied).headline.now
    projected = None
    if is_projectable(query, key) and own.to_date is not None and goal.total is not None and goal.to_date:
        projected = own.to_date * goal.total / goal.to_date
    return OracleTarget(goal, own.total / goal.total if own.total is not None and goal.total else None, projected)


def cut_to_due(query: OracleQuery, through: date | None) -> OracleQuery:
    """Return the query without comparison, whose `to_date` are the days up to the last known one."""
    due = None if through is None else OracleWindow(query.now.window.start, through)
    return replace(query, now=replace(query.now, to_date=due))


def is_projectable(query: OracleQuery, key: str) -> bool:
    """Whether the widget's value is additive over its whole period; that of a derived one is not."""
    if "table" not in query.catalog.metrics[key]:
        return False
    measure = query.catalog.list_measures(key)[0]
    return measure.additive and measure.total == "period"


def find_goal(query: OracleQuery, key: str, applied: Filters) -> SideValues | None:
    """Find the target's values; None if a filter of the widget does not apply to it, or it has no answer.

    No filter applies to a number that the file says. Another currency is one that both have and that differs.
    """
    target: dict[str, Any] = query.catalog.metrics[key]["target"]
    if "metric" not in target:
        return None if applied else find_constant_goal(query, key, target)
    goal_key = str(target["metric"])
    if apply_filters(query.catalog, goal_key, applied).keys() != applied.keys():
        return None
    if not query.catalog.is_answerable(goal_key, query.active):
        return None
    parameters = replace(query.parameters, by=None, top=None)
    windowed = replace(query, windowed_like=key, parameters=parameters)
    currency, own_currency = windowed.find_currency(goal_key, applied), query.find_currency(key, applied)
    if currency is not None and own_currency is not None and currency != own_currency:
        return None
    return replace(windowed, is_mixed=currency == "mixed").answer_metric(goal_key, applied).headline.now


def find_constant_goal(query: OracleQuery, key: str, target: dict[str, Any]) -> SideValues:
    """Find the values of a number per day, or of one that is the same for each bucket and the whole."""
    lookback, side = query.catalog.get_lookback(key), query.now

    def multiply(window: OracleWindow | None) -> Number:
        if window is None:
            return None
        if "value" in target:
            return Fraction(target["value"])
        return Fraction(target["day"]) * (lookback.find_days(window.end) if lookback else window).days

    return SideValues(
        multiply(side.window), [multiply(bucket.window) for bucket in side.buckets], multiply(side.to_date)
    )
