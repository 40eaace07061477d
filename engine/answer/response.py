"""Outcomes → the answer to a question about one widget, ready to be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from engine.answer.aggregate import MIXED, Line, Outcome, Tracks, Value, known
from engine.catalog.metrics import CombinedMetric, DerivedMetric, Metric, TableMetric
from engine.files.definitions import DeltaKind
from engine.query import Question

Body = dict[str, Any]


@dataclass(slots=True)
class Shaped:
    """What a metric of any kind comes to.

    `money` tells for each line whether it is computed from money; `provisional` is the first day that the source may
    still restate, as ISO text.
    """

    lines: list[Line]
    deltas: list[DeltaKind]
    money: list[bool]
    value: Value
    previous: Value
    through: str | None
    compared_through: str | None
    provisional: str | None
    currency: str | None
    items: list[Body]


@dataclass(frozen=True, slots=True)
class Measured:
    """The outcomes and items of the metrics over tables that have been measured, by key."""

    outcomes: Mapping[str, Outcome]
    items: Mapping[str, list[Body]]
    tracks: Tracks


def shape(metric: Metric, measured: Measured) -> Shaped | None:
    """Put together what a metric comes to; None where a source that it cannot do without is missing."""
    match metric:
        case TableMetric():
            return shape_table(metric, measured)
        case CombinedMetric():
            return shape_combined(metric, measured)
        case DerivedMetric():
            return shape_derived(metric, measured)
    raise TypeError(f"no shape for {type(metric).__name__}")


def shape_table(metric: TableMetric, measured: Measured) -> Shaped | None:
    outcome = measured.outcomes.get(metric.key)
    if outcome is None:
        return None
    lines = outcome.lines
    expressions = [series.expression for series in metric.series]
    return Shaped(
        lines=lines,
        deltas=[metric.delta] * len(lines),
        money=[expressions[0].money] * len(lines) if metric.by is not None else [each.money for each in expressions],
        value=outcome.value,
        previous=outcome.previous,
        through=outcome.through,
        compared_through=outcome.compared_through,
        provisional=provisional_from(outcome.through, metric.table.restates),
        currency=outcome.currency,
        items=measured.items.get(metric.key, []),
    )


def shape_combined(metric: CombinedMetric, measured: Measured) -> Shaped | None:
    found = [shape(part, measured) for part in metric.combined]
    parts = [each for each in found if each is not None]
    if not parts:
        return None
    currency = common_currency(parts)
    if currency == MIXED:
        for part in parts:
            without_money(part)
    value, previous = parts[0].value, parts[0].previous
    if metric.correlation:
        value = previous = None
        if len(parts) == len(found):
            first, second = (part.lines[0] for part in parts)
            value = correlation(first.points, second.points)
            previous = correlation(first.compared, second.compared)
    return Shaped(
        lines=[line for part in parts for line in part.lines],
        deltas=[delta for part in parts for delta in part.deltas],
        money=[money for part in parts for money in part.money],
        value=value,
        previous=previous,
        **common_days(parts),
        currency=currency,
        items=[],
    )


def shape_derived(metric: DerivedMetric, measured: Measured) -> Shaped | None:
    found = [shape(operand, measured) for operand in metric.operands]
    parts = [each for each in found if each is not None]
    if len(parts) < len(found):
        return None
    lines = [part.lines[0] for part in parts]
    currency = common_currency(parts)

    def derived(row: Sequence[Value]) -> Value:
        return known(metric.evaluate(row))

    line = Line(
        metric.title,
        points=[derived(row) for row in zip(*(each.points for each in lines), strict=True)],
        value=derived([each.value for each in lines]),
        compared=[derived(row) for row in zip(*(each.compared for each in lines), strict=True)],
        previous=derived([each.previous for each in lines]),
    )
    money = any(part.money[0] for part in parts)
    shaped = Shaped(
        [line], [metric.delta], [money], line.value, line.previous, **common_days(parts), currency=currency, items=[]
    )
    if currency == MIXED:
        without_money(shaped)
    return shaped


def common_days(parts: Sequence[Shaped]) -> Mapping[str, str | None]:
    """The days up to which all parts have data, and from which any of them is provisional."""
    provisional = [part.provisional for part in parts if part.provisional is not None]
    return {
        "through": earliest([part.through for part in parts]),
        "compared_through": earliest([part.compared_through for part in parts]),
        "provisional": min(provisional, default=None),
    }


def earliest(days: Sequence[str | None]) -> str | None:
    """The earliest of the days; None if any is."""
    known = [day for day in days if day is not None]
    return min(known) if len(known) == len(days) else None


def common_currency(parts: Sequence[Shaped]) -> str | None:
    found = {part.currency for part in parts} - {None}
    return MIXED if len(found) > 1 else next(iter(found), None)


def without_money(shaped: Shaped) -> None:
    """Amounts in several currencies are shown as nothing at all."""
    for line, money in zip(shaped.lines, shaped.money, strict=True):
        if money:
            line.points, line.compared = [None] * len(line.points), [None] * len(line.compared)
            line.value = line.previous = None
    if shaped.money[0]:
        shaped.value = shaped.previous = None


@lru_cache(maxsize=1024)
def provisional_from(through: str | None, restates: int | None) -> str | None:
    if through is None or restates is None:
        return None
    return (date.fromisoformat(through) - timedelta(days=restates - 1)).isoformat()


def correlation(first: Sequence[Value], second: Sequence[Value]) -> Value:
    """Pearson's r over the points at which both have a value; None for fewer than three, or without variance."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or not (varies([a for a, _ in pairs]) and varies([b for _, b in pairs])):
        return None
    try:
        return pearson([a for a, _ in pairs], [b for _, b in pairs])
    except (OverflowError, ValueError):
        return None


def pearson(first: Sequence[float], second: Sequence[float]) -> Value:
    """Raises OverflowError or ValueError where the squares leave a double's range."""
    mean_a, mean_b = (math.fsum(values) / len(values) for values in (first, second))
    covariance = math.fsum((a - mean_a) * (b - mean_b) for a, b in zip(first, second, strict=True))
    spread_a = math.fsum((a - mean_a) ** 2 for a in first)
    spread_b = math.fsum((b - mean_b) ** 2 for b in second)
    spread = math.sqrt(spread_a) * math.sqrt(spread_b)
    r = covariance / spread if spread else math.nan
    return max(-1.0, min(1.0, r)) if math.isfinite(r) else None


def varies(values: Sequence[float]) -> bool:
    """Whether the values differ by more than the rounding of their computation."""
    tolerance = 1e-12 * max(map(abs, values))
    return any(abs(a - b) > tolerance for a, b in pairwise(sorted(values)))


def delta(value: Value, previous: Value, kind: DeltaKind) -> Value:
    """The change from previous to value: a fraction of previous, or the difference."""
    if value is None or previous is None:
        return None
    if previous == 0 and kind == "relative":
        return None
    change = value - previous if kind == "absolute" else (value - previous) / abs(previous)
    return change if math.isfinite(change) else None


def stats(value: Value, previous: Value, kind: DeltaKind) -> Body:
    return {"value": value, "previous": previous, "delta": delta(value, previous, kind)}


def body(metric: Metric, shaped: Shaped | None, question: Question, tracks: Tracks, active: frozenset[str]) -> Body:
    """The answer as GET /v1/widgets/{key} gives it."""
    answer: Body = {"series": [], "stats": stats(None, None, metric.delta)}
    compared = question.period.compared
    if compared is not None:
        window = compared.window
        answer["comparison"] = {"start": window.start.isoformat(), "end": window.end.isoformat(), "series": []}
    answer["items"] = []
    if shaped is not None:
        labels = tracks.asked.labels
        answer["series"] = [
            {
                "name": line.name,
                "points": [{"t": t, "v": v} for t, v in zip(labels, line.points, strict=True)],
                "stats": stats(line.value, line.previous, kind),
            }
            for line, kind in zip(shaped.lines, shaped.deltas, strict=True)
        ]
        answer["stats"] = stats(shaped.value, shaped.previous, delta_kind(metric, shaped))
        answer["items"] = shaped.items
        if tracks.compared is not None:
            labels = tracks.compared.labels
            answer["comparison"]["series"] = [
                {"name": line.name, "points": [{"t": t, "v": v} for t, v in zip(labels, line.compared, strict=True)]}
                for line in shaped.lines
            ]
    answer["meta"] = meta(metric, shaped, question, active)
    return answer


def delta_kind(metric: Metric, shaped: Shaped) -> DeltaKind:
    """A correlation changes by a difference; a combined headline as the series that it is."""
    if isinstance(metric, CombinedMetric):
        return "absolute" if metric.correlation else shaped.deltas[0]
    return metric.delta


def meta(metric: Metric, shaped: Shaped | None, question: Question, active: frozenset[str]) -> Body:
    return {
        "key": metric.key,
        "title": metric.title,
        "format": metric.format,
        "better": metric.better,
        "grain": question.grain.value,
        "start": question.start.isoformat(),
        "end": question.end.isoformat(),
        "compare": question.compare.value,
        "total": metric.total if isinstance(metric, TableMetric) else "period",
        "currency": shaped.currency if shaped else None,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in active],
        "data_through": shaped.through if shaped else None,
        "comparison_through": shaped.compared_through if shaped else None,
        "provisional_from": shaped.provisional if shaped else None,
    }
