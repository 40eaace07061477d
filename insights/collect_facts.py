"""A question → everything that is known about it: the findings of the engine's answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine import Engine, MetricQuery, RequestContext, WidgetAnswer, Window
from insights.config.definitions import FactDefinition, Kind
from insights.config.load import insights_of
from insights.config.rules import DEFAULT_LANGUAGE, Insights, Observation
from insights.detect.changes import find_change, find_pair
from insights.detect.days import find_data_gap, find_spike
from insights.detect.members import find_explanation, find_members
from insights.facts import Finding, Readings, Span, read_answer

logger = logging.getLogger("metric_engine.insights.collect_facts")

FINDERS: Mapping[Kind, Callable[[FactDefinition, Readings], Finding | None]] = {
    "change": find_change,
    "members": find_members,
    "spikes": find_spike,
    "pair": find_pair,
    "explain": find_explanation,
    "quiet": find_data_gap,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedFacts:
    """What the data says for one tenant and question.

    `active` are the sources that are connected and switched on, and `titles` their titles.
    """

    insights: Insights
    catalog: str
    asker: RequestContext
    span: Span
    active: frozenset[str]
    titles: Sequence[str]
    findings: Mapping[str, Finding]
    cached: bool
    stale_seconds: float | None


def collect_facts(
    engine: Engine, question: MetricQuery, asker: RequestContext, *, today: date, language: str = DEFAULT_LANGUAGE
) -> CollectedFacts:
    """Ask the engine for all that insights look at, at once.

    What rests on a metric that the warehouse refuses is left out, and the log says so. Raises WarehouseUnavailable.
    """
    insights = insights_of(engine.catalog)
    active = asker.connected if question.sources is None else asker.connected & question.sources
    observations = [each for each in insights.observations.values() if each.sources <= active]
    asked = {metric.key: metric for each in observations for metric in each.metrics.values()}
    found = engine.query_each([*asked.values()], question, asker)
    answers = {key: each for key, each in found.items() if isinstance(each, WidgetAnswer)}
    for key in found.keys() - answers.keys():
        logger.error("insights say nothing of %s: %s", key, found[key])
    observations = [each for each in observations if all(metric.key in answers for metric in each.metrics.values())]
    comparison = question.period.comparison
    compared = None if comparison is None else comparison.window
    window = Window(question.start, question.end)
    span = Span(window, question.compare, today, insights.language(language), compared)
    ages = [each.stale_seconds for each in answers.values() if each.stale_seconds is not None]
    return CollectedFacts(
        insights=insights,
        catalog=engine.catalog.version,
        asker=asker,
        span=span,
        active=active,
        titles=[source.title for name, source in engine.catalog.sources.items() if name in active],
        findings=find_all(observations, {key: read_answer(each, span) for key, each in answers.items()}),
        cached=bool(answers) and all(each.is_cached for each in answers.values()),
        stale_seconds=max(ages, default=None),
    )


def find_all(observations: Sequence[Observation], readings: Readings) -> dict[str, Finding]:
    """What the observations came to, by their names; nothing of those that came to nothing."""
    found: dict[Observation, Finding] = {}
    for each in observations:
        own = {role: readings[metric.key] for role, metric in each.metrics.items()}
        if (finding := FINDERS[each.kind](each.definition, own)) is not None:
            found[each] = finding
    silent = {source for each, finding in found.items() if finding.silences for source in each.sources}
    # Of a source that is late nothing but that is told, whether a fact looks for it or not.
    silent |= {source for each in readings.values() for source in each.late}
    return {each.name: finding for each, finding in found.items() if finding.silences or not silent & each.sources}
