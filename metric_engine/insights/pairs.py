"""Pairs: whether one metric follows another, such as conversions the money spent on them."""

from __future__ import annotations

from metric_engine.engine.insight_resolution import Observation
from metric_engine.insights.changes import Answers, fact_of, measured
from metric_engine.insights.facts import Finding, Span
from metric_engine.insights.figures import points


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    found = [measured(metric, answers[metric.key], observation) for metric in observation.metrics]
    first, second = found
    if first is None or second is None:
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
