"""Members: the largest of a breakdown, those that rise, those that fall, and who is behind the whole's change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any

from metric_engine.engine.insight_resolution import Observation
from metric_engine.engine.metrics import Metric
from metric_engine.engine.results import Body
from metric_engine.insights.changes import AD_SOURCES, Answers, Change, change_of, fact_of
from metric_engine.insights.facts import Fact, Finding, Span
from metric_engine.insights.figures import percent
from metric_engine.insights.noise import CLEAR_MEMBER, complete, is_clear, known, values_of, without_gaps
from metric_engine.insights.outside import is_named, plain

SHOWN = 3
# The part of the whole's change from which on a member is what is behind it.
LEAST_PART = 0.5


@dataclass(frozen=True, slots=True)
class Member:
    """A member, its name fit to be quoted; `share` is of the whole's value in the asked window."""

    name: str
    change: Change
    share: float | None
    moved: bool

    @property
    def view(self) -> dict[str, Any]:
        share = "" if self.share is None else percent("share", self.share).text
        return {"title": "", **self.change.view, "name": self.name, "share": share}

    def fact(self, metric: Metric, observation: Observation, span: Span, *, telling: bool) -> Fact:
        share = () if self.share is None else (percent("share", self.share),)
        whole = fact_of(metric, self.change, observation, span)
        return replace(whole, member=self.name, figures=(*self.change.figures, *share), telling=telling)


def find_members(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    (metric,) = observation.metrics
    body = answers[metric.key]
    members = members_of(metric, body, observation)
    if not members:
        return None
    whole = change_of(metric, body["stats"], body["meta"]["currency"])
    rising = by_difference([each for each in members if each.moved and each.change.difference > 0])
    falling = by_difference([each for each in members if each.moved and each.change.difference < 0])
    driver = driver_of(whole, members) if whole is not None and is_whole(metric, body) else None
    view: dict[str, Any] = {
        "title": metric.title,
        "direction": "flat" if whole is None else whole.direction,
        "top": [each.view for each in members[:SHOWN]],
        "rising": [each.view for each in rising[:SHOWN]],
        "falling": [each.view for each in falling[:SHOWN]],
        "driver": None,
    }
    if driver is not None and whole is not None:
        view["driver"] = driver.view | {"part": percent("part", driver.change.difference / whole.difference).text}
    spoken = dict.fromkeys((*([driver] if driver else ()), *rising[:SHOWN], *falling[:SHOWN]))
    silent = [each for each in members if each not in spoken]
    return Finding(
        observation=observation,
        view=view,
        facts=(
            *(each.fact(metric, observation, span, telling=True) for each in spoken),
            *(each.fact(metric, observation, span, telling=False) for each in silent),
        ),
        notable=True,
        strength=max((each.change.strength for each in (*rising, *falling)), default=0.0),
    )


def members_of(metric: Metric, body: Body, observation: Observation) -> list[Member]:
    """The members with a name, largest first."""
    whole = body["stats"]["value"]
    compared = body.get("comparison", {}).get("series")
    found: dict[str, Member] = {}
    for index, series in enumerate(body["series"]):
        name = plain(series["name"]) if is_named(series["name"]) else ""
        stats = series["stats"]
        if not is_named(name) or stats["value"] is None or name.casefold() in found:
            continue  # Two that read alike cannot be told apart in a sentence.
        change = change_of(metric, {**stats, "previous": stats["previous"] or 0.0}, body["meta"]["currency"])
        assert change is not None
        relative = change.relative
        moved = (
            compared is not None
            and relative is not None
            and max(abs(change.value), abs(change.previous)) >= observation.floor
            and is_clear(
                values_of(series),
                values_of(compared[index]),
                relative,
                least=observation.least,
                additive=True,
                clear=CLEAR_MEMBER,
            )
        )
        share = stats["value"] / whole if whole and stats["value"] >= 0 else None
        found[name.casefold()] = Member(name, change, share, moved)
    return list(found.values())


def by_difference(members: Sequence[Member]) -> list[Member]:
    return sorted(members, key=lambda each: (-abs(each.change.difference), each.name))


def driver_of(whole: Change, members: Sequence[Member]) -> Member | None:
    """The member that most of the whole's change comes from."""
    if whole.difference == 0:
        return None
    best = max(members, key=lambda each: each.change.difference / whole.difference)
    return best if best.change.difference / whole.difference >= LEAST_PART else None


def is_whole(metric: Metric, body: Body) -> bool:
    """Whether hardly a day of the breakdown is missing: else nobody knows what is behind the whole's change."""
    compared = body.get("comparison", {}).get("series", ())
    return bool(body["series"]) and complete(summed(body["series"], metric), summed(compared, metric))


def summed(series: Sequence[Any], metric: Metric) -> list[float | None]:
    """The days of all members together."""
    days = zip(*(values_of(each) for each in series), strict=True)
    sums = [fsum(known(day)) if known(day) else None for day in days]
    return sums if metric.sources == AD_SOURCES else without_gaps(sums)
