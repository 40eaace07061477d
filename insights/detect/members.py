"""Members: the largest of a breakdown, those that rise, fall, come and go, and who is behind the whole's change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine import Body, Metric
from insights.config.rules import Observation
from insights.detect.changes import Change, change_of
from insights.detect.renames import Rename, find_renames
from insights.detect.significance import CLEAR_MEMBER, Windows, days_together, is_enough, is_near, windows_of
from insights.facts import Answers, Finding, SharedDays, Span, series_of
from insights.figures import write_percent
from insights.sanitize import name_members

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
    """A member, its name fit to be quoted; `share` is of the whole's value, `days` are all its days."""

    name: str
    change: Change
    share: float | None
    days: Windows
    moved: bool

    @property
    def is_new(self) -> bool:
        return not any(self.days.then.values) and self.change.value > 0

    @property
    def is_large(self) -> bool:
        return self.share is not None and self.share >= NEW_SHARE

    @property
    def view(self) -> dict[str, Any]:
        share = "" if self.share is None else write_percent(self.change.style.language, self.share)
        return {"title": "", **self.change.view, "name": self.name, "share": share}

    def view_new(self, span: Span) -> dict[str, Any]:
        first = next(index for index, value in enumerate(self.days.now.values) if value)
        return {**self.view, "since": span.language.write_day(span.window.start + timedelta(days=first))}


@dataclass(frozen=True, slots=True)
class MembersTogether:
    """All members together: their days, those of them that are compared, and the change over these."""

    days: Windows
    shared: SharedDays | None
    whole: Change

    @property
    def is_comparable(self) -> bool:
        """Whether one may tell from it who was there before, and who was not."""
        return self.days.have_same_weekdays and self.days.is_covered


def find_members(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric = observation.metrics[0]
    together = add_up(answers[metric.key], metric, span)
    members = [] if together is None else list_members(answers[metric.key], observation, together, span)
    if together is None or not members:
        return None
    renames = find_renames(list_tracks(members, together), adjacent=span.is_adjacent) if together.is_comparable else []
    passed = {name for each in renames for name in (each.before, each.name)}
    apart = [each for each in members if each.name not in passed and each.moved]
    rising = select_largest([each for each in apart if each.change.difference > 0 and not each.is_new])
    # What was there a year ago and is not now did not fall: campaigns have seasons.
    falling = [each for each in apart if each.change.difference < 0 and (span.is_adjacent or each.change.value)]
    new = select_largest([each for each in apart if each.is_new])
    driver = find_driver(members, together.whole) if is_borne_out(observation, answers, together, span) else None
    if driver is not None and driver.name in passed:
        driver = None
    by_name = {each.name: each for each in members}
    view: dict[str, Any] = {
        "title": metric.title,
        "direction": together.whole.direction,
        "top": [each.view for each in members[:SHOWN]],
        "rising": [each.view for each in rising],
        "falling": [each.view for each in select_largest(falling)],
        "new": [each.view_new(span) for each in new],
        "replaced": [view_rename(each, by_name) for each in renames if by_name[each.name].is_large][:SHOWN],
        "driver": None if driver is None else driver.view,
    }
    strength = max((each.change.strength for each in (*rising, *falling, *new)), default=0.0)
    return Finding(observation=observation, view=view, notable=True, strength=strength)


def add_up(body: Body, metric: Metric, span: Span) -> MembersTogether | None:
    """All members together; None where nobody can tell what changed from which days are there."""
    days = days_together(body)
    if body["stats"]["value"] is None or len(days.now.values) != len(days.then.values):
        return None
    shared = days.share(cut=span.unfinished_days > 0)
    values = sum_up(days, body["stats"], shared)
    whole = change_of(metric, values, body["meta"]["currency"], span, span.describe_days(shared))
    if whole is None or not is_enough(shared):
        return None
    fair = whole.relative is None or days.keep(shared).is_fair(whole.relative, shared)
    return MembersTogether(days, shared, whole) if fair else None


def sum_up(days: Windows, stats: Any, shared: SharedDays | None) -> tuple[float, float]:
    """The sums of both windows, over the days that are compared."""
    return days.keep(shared).totals if shared is not None else (stats["value"] or 0.0, stats["previous"] or 0.0)


def list_members(body: Body, observation: Observation, together: MembersTogether, span: Span) -> list[Member]:
    """The members with a name, largest first."""
    metric, whole = observation.metrics[0], together.whole
    names = name_members(series["name"] for series in body["series"])
    found: list[Member] = []
    for pair in zip(body["series"], body["comparison"]["series"], strict=True):
        name, stats = pair[0]["name"], pair[0]["stats"]
        if name not in names or stats["value"] is None:
            continue
        days = windows_of(pair)
        values = sum_up(days, stats, together.shared)
        change = change_of(metric, values, body["meta"]["currency"], span, whole.against)
        assert change is not None
        share = change.value / whole.value if whole.value and change.value >= 0 else None
        moved = max(map(abs, values)) >= observation.floor and has_moved(change, days, observation, together)
        found.append(Member(names[name], change, share, days, moved))
    return found


def has_moved(change: Change, days: Windows, observation: Observation, together: MembersTogether) -> bool:
    """Whether something happened to a member, and not just to the days that are compared."""
    whole, shared = together.whole, together.shared
    if not whole.value or not whole.previous:
        return False
    if change.relative is None:
        return together.is_comparable and not any(days.then.values) and change.value / whole.value >= NEW_SHARE
    kept, partial = days.keep(shared), shared is not None
    return kept.is_fair(change.relative, shared) and kept.is_clear(
        change.relative, least=observation.least, additive=True, clear=CLEAR_MEMBER, partial=partial
    )


def list_tracks(members: Sequence[Member], together: MembersTogether) -> list[tuple[str, Windows]]:
    """The members' days without those that nobody has counted, of which nobody knows who was there."""
    now, then = ([value is not None for value in days.values] for days in (together.days.now, together.days.then))
    return [(each.name, Windows(each.days.now.squeeze(now), each.days.then.squeeze(then))) for each in members]


def select_largest(members: Sequence[Member]) -> list[Member]:
    """The member that changed most, and those that come near it."""
    ranked = sorted(members, key=lambda each: (-abs(each.change.difference), each.name))
    least = COMPARABLE * abs(ranked[0].change.difference) if ranked else 0.0
    return [each for each in ranked if abs(each.change.difference) >= least][:SHOWN]


def view_rename(each: Rename, by_name: dict[str, Member]) -> dict[str, Any]:
    return {**by_name[each.name].view, "before": each.before, "previous": by_name[each.before].change.view["previous"]}


def is_borne_out(observation: Observation, answers: Answers, together: MembersTogether, span: Span) -> bool:
    """Whether the members together changed as the metric did that they break down, over the very same days."""
    if observation.whole is None:
        return True
    found = series_of(answers[observation.whole.key])
    if found is None or windows_of(found).share(cut=span.unfinished_days > 0) != together.shared:
        return False
    told = change_of(observation.whole, sum_up(windows_of(found), found[0]["stats"], together.shared), None, span)
    own = together.whole.relative
    if told is None or told.relative is None or own is None or told.difference * together.whole.difference <= 0:
        return False
    return is_near(own, told.relative)


def find_driver(members: Sequence[Member], whole: Change) -> Member | None:
    """The member that most of the whole's change comes from."""
    if whole.difference == 0:
        return None
    best = max(members, key=lambda each: each.change.difference / whole.difference)
    return best if LEAST_PART <= best.change.difference / whole.difference <= MOST_PART else None
