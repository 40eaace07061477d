"""Members: the largest of a breakdown, those that rise, fall, come and go, and who is behind the whole's change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.answer.response import Body
from engine.catalog.insight_resolution import Observation
from engine.catalog.metrics import Metric
from insights.changes import Answers, Change, change_of, fact_of
from insights.facts import Fact, Finding, Span
from insights.figures import percent
from insights.naming import shown_names
from insights.noise import (
    CLEAR_MEMBER,
    Days,
    alike,
    complete,
    days_of,
    days_together,
    is_borne_out,
    is_clear,
    is_fair,
    is_near,
)
from insights.successions import Succession, successions

SHOWN = 3
# The part of the whole's change from which on a member is what is behind it, and up to which: one that is far larger
# than the change of the whole was offset by others.
LEAST_PART, MOST_PART = 0.5, 1.25
# Beside the largest of those that rise, or fall, one of this part of its difference deserves its mention.
COMPARABLE = 0.4
# The share of the whole from which on a member that was not there before is news.
NEW_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Member:
    """A member, its name fit to be quoted; `share` is of the whole's value in the asked window."""

    name: str
    change: Change
    share: float | None
    now: Days
    then: Days
    moved: bool

    @property
    def is_new(self) -> bool:
        return self.change.previous == 0 and self.change.value > 0

    def is_over(self, span: Span) -> bool:
        """Whether it was there a year ago and is not now, as campaigns of a season are."""
        return not span.is_adjacent and self.change.value == 0

    @property
    def is_borne_out(self) -> bool:
        relative = self.change.relative
        return relative is not None and is_borne_out(self.now, self.then, relative)

    @property
    def view(self) -> dict[str, Any]:
        share = "" if self.share is None else percent("share", self.share).text
        return {"title": "", **self.change.view, "name": self.name, "share": share}

    def fact(self, metric: Metric, observation: Observation, span: Span, *, telling: bool) -> Fact:
        share = () if self.share is None else (percent("share", self.share),)
        whole = fact_of(metric, self.change, observation, span)
        return replace(whole, member=self.name, figures=(*self.change.figures, *share), telling=telling)


def find_members(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric = observation.metrics[0]
    body = answers[metric.key]
    whole = change_of(metric, body["stats"], body["meta"]["currency"])
    days = days_together(body)
    fair = whole is None or whole.relative is None or is_fair(*days, whole.relative)
    if not fair and not complete(*days):
        return None
    members = members_of(metric, body, observation, days)
    if not members:
        return None
    tracks = [(each.name, each.now, each.then) for each in members]
    handed = successions(tracks, adjacent=span.is_adjacent) if complete(*days) and alike(*days) else []
    passed = {name for each in handed for name in (each.before, each.name)}
    apart = [each for each in members if each.name not in passed]
    rising = largest([each for each in apart if each.moved and each.change.difference > 0 and not each.is_new])
    falling = largest([each for each in apart if each.moved and each.change.difference < 0 and not each.is_over(span)])
    new = largest([each for each in apart if each.moved and each.is_new])
    driver = driver_of(changed(observation, answers, whole, days), members)
    if driver is not None and driver.name in passed:
        driver = None
    by_name = {each.name: each for each in members}
    before = {each.name: each.before for each in handed}
    spoken = dict.fromkeys(
        (*([driver] if driver else ()), *rising, *falling, *new, *(by_name[name] for name in passed))
    )
    view: dict[str, Any] = {
        "title": metric.title,
        "direction": "flat" if whole is None else whole.direction,
        "top": [each.view for each in members[:SHOWN]],
        "rising": [each.view for each in rising],
        "falling": [each.view for each in falling],
        "new": [each.view for each in new],
        "replaced": [replaced_view(each, by_name) for each in handed if large_enough(by_name[each.name])][:SHOWN],
        "driver": None,
    }
    if driver is not None and whole is not None:
        view["driver"] = driver.view | {"part": percent("part", driver.change.difference / whole.difference).text}
    return Finding(
        observation=observation,
        view=view,
        facts=(
            *(
                replace(
                    each.fact(metric, observation, span, telling=True),
                    replaces=before.get(each.name),
                    new=each.moved and each.is_new,
                )
                for each in spoken
            ),
            *(
                each.fact(metric, observation, span, telling=False)
                for each in members
                if each not in spoken and (fair or each.is_borne_out)
            ),
        ),
        notable=True,
        strength=max((each.change.strength for each in (*rising, *falling, *new)), default=0.0),
    )


def members_of(metric: Metric, body: Body, observation: Observation, days: tuple[Days, Days]) -> list[Member]:
    """The members with a name, largest first."""
    whole = body["stats"]
    compared = body.get("comparison", {}).get("series")
    names = shown_names(series["name"] for series in body["series"])
    found: list[Member] = []
    for index, series in enumerate(body["series"]):
        stats = series["stats"]
        if series["name"] not in names or stats["value"] is None:
            continue
        change = change_of(metric, {**stats, "previous": stats["previous"] or 0.0}, body["meta"]["currency"])
        assert change is not None
        share = stats["value"] / whole["value"] if whole["value"] and stats["value"] >= 0 else None
        now, then = days_of(series), days_of(compared[index] if compared else None)
        moved = max(abs(change.value), abs(change.previous)) >= observation.floor and (
            has_moved(change, now, then, observation, whole, days)
        )
        found.append(Member(names[series["name"]], change, share, now, then, moved))
    return found


def has_moved(
    change: Change, now: Days, then: Days, observation: Observation, whole: Any, days: tuple[Days, Days]
) -> bool:
    """Whether something happened to a member, and not just to the days that are compared."""
    if not whole["value"] or not whole["previous"]:
        return False
    relative = change.relative
    if relative is None:
        return change.value / whole["value"] >= NEW_SHARE and alike(*days) and complete(*days)
    return is_fair(now, then, relative) and is_clear(
        now, then, relative, least=observation.least, additive=True, clear=CLEAR_MEMBER
    )


def largest(members: Sequence[Member]) -> list[Member]:
    """The member that changed most, and those that come near it."""
    ranked = sorted(members, key=lambda each: (-abs(each.change.difference), each.name))
    least = COMPARABLE * abs(ranked[0].change.difference) if ranked else 0.0
    return [each for each in ranked if abs(each.change.difference) >= least][:SHOWN]


def large_enough(member: Member) -> bool:
    return member.share is not None and member.share >= NEW_SHARE


def replaced_view(each: Succession, by_name: dict[str, Member]) -> dict[str, Any]:
    return {**by_name[each.name].view, "before": each.before, "previous": by_name[each.before].change.view["previous"]}


def changed(observation: Observation, answers: Answers, whole: Change | None, days: tuple[Days, Days]) -> Change | None:
    """The change that a member may be behind: none where days are missing, or the metric itself changed otherwise."""
    if whole is None or not complete(*days):
        return None
    if observation.whole is None:
        return whole
    stats, own = answers[observation.whole.key]["stats"], whole.relative
    told = change_of(observation.whole, stats, None)
    if told is None or told.relative is None or own is None or told.difference * whole.difference <= 0:
        return None
    return whole if is_near(own, told.relative) else None


def driver_of(whole: Change | None, members: Sequence[Member]) -> Member | None:
    """The member that most of the whole's change comes from."""
    if whole is None or whole.difference == 0:
        return None
    best = max(members, key=lambda each: each.change.difference / whole.difference)
    return best if LEAST_PART <= best.change.difference / whole.difference <= MOST_PART else None
