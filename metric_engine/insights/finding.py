"""The engine's answers → findings: each observation by its kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from metric_engine.engine.insight_fields import Kind
from metric_engine.engine.insight_resolution import Insights, Observation
from metric_engine.engine.metrics import Metric
from metric_engine.insights.changes import Answers, find_change
from metric_engine.insights.facts import Finding, Span
from metric_engine.insights.members import find_members
from metric_engine.insights.pairs import find_pair
from metric_engine.insights.ratios import find_explanation
from metric_engine.insights.silences import find_silence
from metric_engine.insights.spikes import find_spike

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
