"""A question → everything that is known about it: the findings of the engine's answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine import Engine, MetricQuery, RequestContext, WidgetAnswer, Window
from insights.config.fields import Kind
from insights.config.load import insights_of
from insights.config.rules import DEFAULT_LANGUAGE, Insights, Observation
from insights.detect.changes import find_change, find_pair
from insights.detect.data_gaps import find_data_gap
from insights.detect.members import find_members
from insights.detect.ratios import find_explanation
from insights.detect.spikes import find_spike
from insights.facts import Answers, Finding, Span, read_answer

logger = logging.getLogger("metric_engine.insights.collect_facts")

FINDERS: Mapping[Kind, Callable[[Observation, Answers, Span], Finding | None]] = {
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
    findings: Sequence[Finding]
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
    asked = {metric.key: metric for each in observations for metric in each.rests_on}
    found = engine.query_each([*asked.values()], question, asker)
    answers = {key: each for key, each in found.items() if isinstance(each, WidgetAnswer)}
    for key, refusal in found.items():
        if not isinstance(refusal, WidgetAnswer):
            logger.error("insights say nothing of %s: %s", key, refusal)
    observations = [each for each in observations if all(metric.key in answers for metric in each.rests_on)]
    comparison = question.period.comparison
    span = Span(
        Window(question.start, question.end),
        question.compare,
        today,
        insights.language(language),
        None if comparison is None else comparison.window,
    )
    ages = [each.stale_seconds for each in answers.values() if each.stale_seconds is not None]
    return CollectedFacts(
        insights=insights,
        catalog=engine.catalog.version,
        asker=asker,
        span=span,
        active=active,
        titles=[source.title for name, source in engine.catalog.sources.items() if name in active],
        findings=find_all(observations, {key: read_answer(each, span) for key, each in answers.items()}, span),
        cached=bool(answers) and all(each.is_cached for each in answers.values()),
        stale_seconds=max(ages, default=None),
    )


def find_all(observations: Sequence[Observation], answers: Answers, span: Span) -> list[Finding]:
    """What the observations came to, in the order of the file; nothing of those that came to nothing."""
    found = [FINDERS[each.kind](each, answers, span) for each in observations]
    findings = [each for each in found if each is not None]
    silent = {source for each in findings if each.silences for source in each.observation.sources}
    # Of a source that is late nothing but that is told, whether a fact looks for it or not.
    silent |= {source for each in answers.values() for source in each.late}
    return [each for each in findings if each.silences or not silent & each.observation.sources]
