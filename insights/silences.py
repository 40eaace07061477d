"""Silences: since when a metric has no rows at all, where it had some day by day before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from engine.answer.response import Body
from engine.catalog.insight_resolution import Observation
from insights.changes import Answers
from insights.facts import Fact, Finding, Span, names_of, spoken_day

# The latest days may come late: so many must be missing before it is silence.
FEWEST = 3
# How many of the days before it are looked at, how many it takes, and the part of them that must have had rows.
BEFORE, FEWEST_BEFORE, REGULAR = 14, 5, 0.9


def find_silence(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    """Weekdays that had no rows before, such as a closed shop's Sundays, are not missed.

    In a window that ends before the last complete day, nobody knows whether anything came after it.
    """
    if span.window.end < span.today - timedelta(days=1):
        return None
    metric = observation.metrics[0]
    days = list(days_of_rows(answers[metric.key], span))
    last = max((day for day, there in days if there), default=None)
    if last is None:
        return None
    before = [(day, there) for day, there in days if day <= last][-BEFORE:]
    weekdays = {day.weekday() for day, there in before if there}
    usual = [there for day, there in before if day.weekday() in weekdays]
    missed = [day for day, _ in days if day > last and day.weekday() in weekdays]
    if len(missed) < FEWEST or len(usual) < FEWEST_BEFORE or sum(usual) < REGULAR * len(usual):
        return None
    fact = Fact(
        observation=observation.name,
        key=metric.key,
        names=names_of(metric, observation.called),
        sources=metric.sources,
        window=span.window,
        direction="flat",
        verdict="neutral",
        figures=(),
        day=missed[0],
        silent=True,
    )
    return Finding(
        observation=observation,
        view={"title": metric.title, "since": spoken_day(missed[0]), "days": f"{len(missed)} days"},
        facts=(fact,),
        notable=True,
        strength=1.0,
    )


def days_of_rows(body: Body, span: Span) -> Iterator[tuple[date, bool]]:
    """The days of the asked window, and of the compared one if that ends where it begins; whether each has rows."""
    compared = body.get("comparison", {}).get("series") if span.is_adjacent else None
    for series in (*(compared or ())[:1], *body["series"][:1]):
        yield from ((date.fromisoformat(point["t"]), point["v"] is not None) for point in series["points"])
