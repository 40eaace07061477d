"""A question → everything that is known about it: the findings of one plan's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from engine.answer.engine import Engine, WidgetAnswer
from engine.answer.fetch import RequestContext
from engine.answer.response import Body
from engine.calendar import Window
from engine.catalog.insight_resolution import Insights
from engine.query import MetricQuery
from insights.facts import Fact, Finding, Span
from insights.finding import find, metrics_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
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

    @property
    def facts(self) -> list[Fact]:
        """All facts, the most telling first: what is notable, the whole before its members, the larger changes."""
        ranked = [
            ((not finding.notable or not fact.telling, fact.member is not None, -finding.strength), fact)
            for finding in self.findings
            for fact in finding.facts
        ]
        return list(dict.fromkeys(fact for _, fact in sorted(ranked, key=itemgetter(0))))


def counted(answer: WidgetAnswer, span: Span) -> Body:
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
    if span.unfinished:
        for series in windows:
            for each in filter(None, series):
                each["points"] = each["points"][: max(0, span.days - span.unfinished)]
                each["unfinished"] = True
    return body


def gather(engine: Engine, question: MetricQuery, asker: RequestContext, *, today: date) -> Gathered:
    """Ask the engine for all that insights look at, at once. Raises WarehouseUnavailable."""
    insights = engine.catalog.insights
    active = asker.connected if question.sources is None else asker.connected & question.sources
    answers = engine.query_metrics(metrics_for(insights, active), question, asker)
    span = Span(Window(question.start, question.end), question.compare, today)
    return Gathered(
        insights=insights,
        catalog=engine.catalog.version,
        asker=asker,
        span=span,
        active=active,
        findings=find(insights, {key: counted(each, span) for key, each in answers.items()}, active, span),
        cached=bool(answers) and all(each.is_cached for each in answers.values()),
        stale_seconds=max(
            (each.stale_seconds for each in answers.values() if each.stale_seconds is not None), default=None
        ),
    )
