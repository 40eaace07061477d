"""The engine's answers → findings: each observation by its kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from engine.catalog.insight_fields import Kind
from engine.catalog.insight_resolution import Insights, Observation
from engine.catalog.metrics import Metric
from insights.changes import Answers, find_change
from insights.facts import Finding, Span
from insights.members import find_members
from insights.pairs import find_pair
from insights.ratios import find_explanation
from insights.silences import find_silence
from insights.spikes import find_spike

Find = Callable[[Observation, Answers, Span], Finding | None]

FINDERS: Mapping[Kind, Find] = {
    "change": find_change,
    "members": find_members,
    "spikes": find_spike,
    "pair": find_pair,
    "explain": find_explanation,
    "quiet": find_silence,
}


def metrics_for(insights: Insights, active: Collection[str]) -> list[Metric]:
    """The metrics that all observations over these sources need, each once."""
    observations = observed(insights, active)
    return list({metric.key: metric for each in observations for metric in each.rests_on}.values())


def observed(insights: Insights, active: Collection[str]) -> list[Observation]:
    """The observations whose sources are all there."""
    return [each for each in insights.observations.values() if each.sources <= set(active)]


def find(insights: Insights, answers: Answers, active: Collection[str], span: Span) -> Sequence[Finding]:
    """What the observations came to, in the order of the file; of those that came to nothing, none."""
    found = [FINDERS[each.kind](each, answers, span) for each in observed(insights, active)]
    return [finding for finding in found if finding is not None]
