"""Pairs: whether one metric follows another, such as conversions the money spent on them."""

from __future__ import annotations

from typing import Any

from engine.catalog.insight_resolution import Observation
from insights.changes import Answers, Change, fact_of, measured
from insights.facts import LITTLE, Finding, Span
from insights.figures import points
from insights.noise import alike, complete


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    found = [measured(metric, answers, observation) for metric in observation.metrics]
    first, second = found
    if first is None or second is None:
        return None
    if not all(complete(each.now, each.then) and alike(each.now, each.then) for each in (first, second)):
        return None
    if first.change.missing or second.change.missing:
        return None
    leads, follows = first.change, second.change
    if leads.relative is None or follows.relative is None:
        return None
    apart = follows.relative - leads.relative
    return Finding(
        observation=observation,
        view={
            "relation": "behind" if apart < 0 else "ahead",
            "apart": points("apart", apart).text,
            "first": {"title": observation.metrics[0].title, **beside_another(leads)},
            "second": {"title": observation.metrics[1].title, **beside_another(follows)},
        },
        facts=tuple(
            fact_of(metric, change, observation, span)
            for metric, change in zip(observation.metrics, (leads, follows), strict=True)
        ),
        # What moved must have moved for sure; the other may be as it was.
        notable=abs(apart) >= observation.least and (first.notable or second.notable),
        strength=min(1.0, abs(apart)),
    )


def beside_another(change: Change) -> dict[str, Any]:
    """What sentences see of each of the two: beside a large change a very small one is none."""
    if change.relative is None or abs(change.relative) >= LITTLE:
        return change.view
    return {**change.view, "direction": "flat", "verdict": "neutral", "words": "little changed"}
