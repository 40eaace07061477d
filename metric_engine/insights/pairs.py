"""Pairs: whether one metric follows another, such as conversions the money spent on them."""

from __future__ import annotations

from metric_engine.engine.insight_resolution import Observation
from metric_engine.engine.metrics import Metric
from metric_engine.engine.results import Body
from metric_engine.insights.changes import Answers, days_of, fact_of, measured, series_of
from metric_engine.insights.facts import Finding, Span
from metric_engine.insights.figures import points
from metric_engine.insights.noise import complete


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    found = [measured(metric, answers[metric.key], observation) for metric in observation.metrics]
    first, second = found
    if first is None or second is None:
        return None
    if not all(compares(metric, answers[metric.key], observation) for metric in observation.metrics):
        return None
    leads, follows = first[0], second[0]
    if leads.relative is None or follows.relative is None:
        return None
    apart = follows.relative - leads.relative
    return Finding(
        observation=observation,
        view={
            "relation": "behind" if apart < 0 else "ahead",
            "apart": points("apart", apart).text,
            "first": {"title": observation.metrics[0].title, **leads.view},
            "second": {"title": observation.metrics[1].title, **follows.view},
        },
        facts=tuple(
            fact_of(metric, change, observation, span)
            for metric, change in zip(observation.metrics, (leads, follows), strict=True)
        ),
        # What moved must have moved for sure; the other may be as it was.
        notable=abs(apart) >= observation.least and (first[1] or second[1]),
        strength=min(1.0, abs(apart)),
    )


def compares(metric: Metric, body: Body, observation: Observation) -> bool:
    """Whether both windows have hardly a day missing, so that neither looks smaller than it is."""
    found = series_of(body, observation.series)
    return found is not None and complete(days_of(metric, found[0]), days_of(metric, found[1]))
