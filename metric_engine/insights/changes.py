"""Changes: a metric, or one of its members, against the compared window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metric_engine.engine.insight_resolution import Observation
from metric_engine.engine.metrics import Metric, TableMetric
from metric_engine.engine.results import Body
from metric_engine.insights.facts import (
    Direction,
    Fact,
    Finding,
    Span,
    Verdict,
    direction_of,
    names_of,
    verdict_of,
)
from metric_engine.insights.figures import Figure, Style, percent
from metric_engine.insights.noise import Value, is_clear, values_of, without_gaps

Answers = Mapping[str, Body]
AD_SOURCES = ("meta",)


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`; `relative` is None where there was nothing before."""

    value: float
    previous: float
    style: Style
    verdict: Verdict

    @property
    def difference(self) -> float:
        return self.value - self.previous

    @property
    def relative(self) -> float | None:
        return self.difference / abs(self.previous) if self.previous else None

    @property
    def direction(self) -> Direction:
        return direction_of(self.difference, self.relative)

    @property
    def strength(self) -> float:
        """How large it is, from 0 to 1: a tripling is as large as to lose two thirds."""
        low, high = sorted((abs(self.value), abs(self.previous)))
        return 1 - low / high if high else 0.0

    @property
    def figures(self) -> tuple[Figure, ...]:
        relative = self.relative
        return (
            self.style.figure("value", self.value),
            self.style.figure("previous", self.previous),
            self.style.signed("difference", self.difference),
            *((percent("change", relative),) if relative is not None else ()),
        )

    @property
    def words(self) -> str:
        relative = self.relative
        if relative is None:
            return "new"
        if self.direction == "flat":
            return "little changed"
        return f"{self.direction} {percent('change', relative).text}"

    @property
    def view(self) -> dict[str, Any]:
        relative = self.relative
        return {
            "direction": self.direction,
            "verdict": self.verdict,
            "value": self.style.figure("value", self.value).text,
            "previous": self.style.figure("previous", self.previous).text,
            "difference": self.style.signed("difference", self.difference).text,
            "change": "" if relative is None else percent("change", relative).text,
            "words": self.words,
        }


def change_of(metric: Metric, stats: Mapping[str, Any], currency: str | None) -> Change | None:
    """The change that an answer's stats show; None where one of the two windows has no value."""
    value, previous = stats["value"], stats["previous"]
    if value is None or previous is None:
        return None
    style = Style.of(metric.format, currency, value, previous)
    difference = value - previous
    direction = direction_of(difference, difference / abs(previous) if previous else None)
    return Change(value, previous, style, verdict_of(direction, metric.better))


def series_of(body: Body, name: str | None) -> tuple[Any, Any] | None:
    """A series and its counterpart in the compared window: the one of that name, or else the first."""
    compared = body.get("comparison", {}).get("series") or [None] * len(body["series"])
    for now, then in zip(body["series"], compared, strict=True):
        if name is None or now["name"] == name:
            return now, then
    return None


def is_additive(metric: Metric) -> bool:
    return isinstance(metric, TableMetric) and metric.total == "period" and metric.series[0].expression.additive


def days_of(metric: Metric, series: Any) -> list[Value]:
    """A series' days. The engine fills gaps of a sum with 0, but only of an ad account is a day without rows one
    without anything: of the other sources it is one that was not counted."""
    values = values_of(series)
    return without_gaps(values) if is_additive(metric) and metric.sources != AD_SOURCES else values


def measured(metric: Metric, body: Body, observation: Observation) -> tuple[Change, bool] | None:
    """A metric's change, and whether it is notable; None where it has none."""
    found = series_of(body, observation.series)
    if found is None:
        return None
    now, then = found
    change = change_of(metric, now["stats"], body["meta"]["currency"])
    if change is None or then is None:
        return None
    relative = change.relative
    notable = (
        relative is not None
        and max(abs(change.value), abs(change.previous)) >= observation.floor
        and is_clear(
            days_of(metric, now), days_of(metric, then), relative, least=observation.least, additive=is_additive(metric)
        )
    )
    return change, notable


def fact_of(metric: Metric, change: Change, observation: Observation, span: Span, series: str | None = None) -> Fact:
    return Fact(
        observation=observation.name,
        key=metric.key,
        names=names_of(metric, observation.called, series),
        sources=metric.sources,
        window=span.window,
        direction=change.direction,
        verdict=change.verdict,
        figures=change.figures,
    )


def find_change(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    (metric,) = observation.metrics
    found = measured(metric, answers[metric.key], observation)
    if found is None:
        return None
    change, notable = found
    return Finding(
        observation=observation,
        view={"title": observation.series or metric.title, **change.view},
        facts=(fact_of(metric, change, observation, span, observation.series),),
        notable=notable,
        strength=change.strength,
    )
