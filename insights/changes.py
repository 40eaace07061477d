"""Changes: a metric, or one of its members, against the compared window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.answer.response import Body
from engine.catalog.insight_resolution import Observation
from engine.catalog.metrics import Metric, TableMetric
from insights.facts import Direction, Fact, Finding, Span, Verdict, days_without, direction_of, names_of, verdict_of
from insights.figures import Figure, Style, percent
from insights.noise import (
    Days,
    covered,
    days_of,
    days_together,
    is_borne_out,
    is_clear,
    is_fair,
    is_mean,
    missing,
    weighed,
)

Answers = Mapping[str, Body]


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`; `relative` is None where there was nothing before.

    `missing` is how many days were not counted, where that matters.
    """

    value: float
    previous: float
    style: Style
    verdict: Verdict
    missing: int = 0

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
            "missing": days_without(self.missing),
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


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's change, the days of both windows, and whether it is notable."""

    change: Change
    now: Days
    then: Days
    notable: bool


def measured(metric: Metric, answers: Answers, observation: Observation) -> Measured | None:
    """A metric's change; None where it has none, or one that nobody can believe."""
    body = answers[metric.key]
    found = series_of(body, observation.series)
    if found is None or found[1] is None:
        return None
    now, then = map(days_of, found)
    change = change_of(metric, found[0]["stats"], body["meta"]["currency"])
    if change is None or is_absurd(metric, change):
        return None
    relative, additive = change.relative, is_additive(metric)
    if relative is None or not covered(now, then):
        return None
    if observation.volume is not None and not reaches(answers[observation.volume.key], observation.floor):
        return None
    if observation.volume is not None:
        now, then = by_volume((now, then), change, answers[observation.volume.key])
    large = observation.volume is not None or max(abs(change.value), abs(change.previous)) >= observation.floor
    notable = large and is_clear(now, then, relative, least=observation.least, additive=additive)
    if additive and not is_fair(now, then, relative):
        # A day or two that are missing change a total: it is told, and that they are, if it says the same without them.
        told = Measured(replace(change, missing=missing(now, then)), now, then, notable)
        return told if is_borne_out(now, then, relative) else None
    return Measured(change, now, then, notable)


def by_volume(days: tuple[Days, Days], change: Change, volume: Body) -> tuple[Days, Days]:
    """A ratio's days as they bear on it, if `volume` is what it is a ratio to; else as they are."""
    if not volume["series"]:
        return days
    now, then = (weighed(*each) for each in zip(days, days_together(volume), strict=True))
    return (now, then) if is_mean(now, change.value) and is_mean(then, change.previous) else days


def is_absurd(metric: Metric, change: Change) -> bool:
    """Whether a part is larger than its whole: more sessions that convert than sessions. Or whether there is less than
    nothing, of which no percentage is the change.
    """
    return (metric.format == "percent" and max(change.value, change.previous) > 1) or (
        min(change.value, change.previous) < 0
    )


def reaches(body: Body, floor: float) -> bool:
    """Whether a metric is as large as this in both windows."""
    return all(value is not None and value >= floor for value in (body["stats"]["value"], body["stats"]["previous"]))


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
        missing=change.missing,
    )


def find_change(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric = observation.metrics[0]
    found = measured(metric, answers, observation)
    if found is None:
        return None
    change = found.change
    return Finding(
        observation=observation,
        view={"title": observation.series or metric.title, **change.view},
        facts=(fact_of(metric, change, observation, span, observation.series),),
        notable=found.notable,
        strength=change.strength,
    )
