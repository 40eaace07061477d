"""A question → everything that is known about it: the findings of the engine's answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine import Body, Engine, Metric, MetricQuery, RequestContext, WidgetAnswer, Window
from insights.config.fields import Kind
from insights.config.load import insights_of
from insights.config.rules import DEFAULT_LANGUAGE, Insights, Observation
from insights.detect.changes import find_change, find_pair
from insights.detect.data_gaps import find_data_gap
from insights.detect.members import find_members
from insights.detect.ratios import find_explanation
from insights.detect.spikes import find_spike
from insights.facts import Answers, Finding, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedFacts:
    """What the data says for one tenant and question.

    `active` are the sources that are connected and switched on. `cached` and `stale_seconds` are as in an Answer.
    """

    insights: Insights
    catalog: str
    asker: RequestContext
    span: Span
    active: frozenset[str]
    findings: Sequence[Finding]
    cached: bool
    stale_seconds: float | None


def collect_facts(
    engine: Engine, question: MetricQuery, asker: RequestContext, *, today: date, language: str = DEFAULT_LANGUAGE
) -> CollectedFacts:
    """Ask the engine for all that insights look at, at once. Raises WarehouseUnavailable."""
    insights = insights_of(engine.catalog)
    active = asker.connected if question.sources is None else asker.connected & question.sources
    observations = select_observations(insights, active)
    asked, by_account = list_metrics(observations)
    answers = engine.query_metrics(asked, question, asker)
    if by_account:
        answers |= engine.query_metrics(by_account, question, asker)
    window = Window(question.start, question.end)
    span = Span(window, question.compare, today, insights.language(language))
    return CollectedFacts(
        insights=insights,
        catalog=engine.catalog.version,
        asker=asker,
        span=span,
        active=active,
        findings=find_all(observations, {key: empty_uncounted(each, span) for key, each in answers.items()}, span),
        cached=bool(answers) and all(each.is_cached for each in answers.values()),
        stale_seconds=max(
            (each.stale_seconds for each in answers.values() if each.stale_seconds is not None), default=None
        ),
    )


def empty_uncounted(answer: WidgetAnswer, span: Span) -> Body:
    """The answer's body, its days without rows empty: a sum fills them with 0, but nobody has counted them.

    Days that are not over are left out, and so are those of the compared window that they would be held against.
    """
    body = answer.body
    windows = [body["series"], body.get("comparison", {}).get("series", [])]
    for outcome in answer.results:
        for series, days in zip(windows, outcome.buckets_with_rows, strict=False):
            for each in series:
                for point, there in zip(each["points"], days, strict=True):
                    if not there:
                        point["v"] = None
    if span.unfinished_days:
        for each in (each for series in windows for each in series if each):
            each["points"] = each["points"][: max(0, span.days - span.unfinished_days)]
    return body


FINDERS: Mapping[Kind, Callable[[Observation, Answers, Span], Finding | None]] = {
    "change": find_change,
    "members": find_members,
    "spikes": find_spike,
    "pair": find_pair,
    "explain": find_explanation,
    "quiet": find_data_gap,
}


def select_observations(insights: Insights, active: Collection[str]) -> list[Observation]:
    """The observations whose sources are all there."""
    return [each for each in insights.observations.values() if each.sources <= set(active)]


def list_metrics(observations: Sequence[Observation]) -> tuple[list[Metric], list[Metric]]:
    """The metrics of the catalog that the observations need, each once; and those by account."""
    asked = {metric.key: metric for each in observations for metric in each.rests_on}
    return list(asked.values()), [each.accounts for each in observations if each.accounts is not None]


def find_all(observations: Sequence[Observation], answers: Answers, span: Span) -> list[Finding]:
    """What the observations came to, in the order of the file; nothing of those that came to nothing."""
    found = [FINDERS[each.kind](each, answers, span) for each in observations]
    findings = [each for each in found if each is not None]
    silent = {source for each in findings if each.silences for source in each.observation.sources}
    return [each for each in findings if each.silences or not silent & each.observation.sources]
