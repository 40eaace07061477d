"""Members: the largest of a breakdown, those that rise, fall, come and go, and who is behind the whole's change.

A ratio changes because its members' shares did (mix), or their own ratios (rate); these parts sum to the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import fsum, isclose
from statistics import fmean
from typing import Any, NamedTuple

from insights.config.definitions import FactDefinition
from insights.detect.changes import Change, compare_track, measure_change
from insights.detect.significance import CLEAR_MEMBER, EXACTLY, REST, DayValues, Windows, is_near
from insights.facts import Finding, Reading, Readings, Track
from insights.sanitize import name_members

SHOWN = 3
# The part of the whole's change from which on a member is what is behind it, and up to which: one that is far larger
# than the change of the whole was offset by others.
LEAST_PART, MOST_PART = 0.5, 1.25
# Of a ratio's change it may be more: mix and rate offset each other sooner.
MOST_OF_RATIO = 1.5
# Between them nearly all of it is the shares' doing, and the members' own ratios are as they were.
NEARLY_ALL, ALL_AND_MORE = 0.8, 1.25
# Beside the largest of those that rise, or fall, one of this part of its difference deserves its mention.
COMPARABLE = 0.4
# The share of the whole from which on a member that was not there before is news.
NEW_SHARE = 0.05

# Days around the change over which the two are compared, how far apart these may lie, and how far they may differ.
AROUND = 7
LONGEST_PAUSE = 3
FEWEST_AROUND = 2
MOST_UNLIKE = 0.25
# A year apart: a sale may well be half as large again as the last one.
MOST_UNLIKE_YEARS = 0.5
# The part of their words that the two names must share: of unlike ones nobody knows whether they have to do with each
# other.
LEAST_WORDS = 0.5

# Numerator and denominator by member.
Parts = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Member:
    """A member, its name fit to be quoted, and how it changed; `share` is of the whole's value."""

    name: str
    track: Track
    change: Change
    share: float | None
    moved: bool

    @property
    def is_new(self) -> bool:
        return not self.track.days.then.has_any and self.change.value > 0

    def widen(self) -> Member:
        """The member over all days of both windows: what came or went is compared with nothing."""
        reading = self.change.reading
        change = compare_track(reading, self.track, None)
        return replace(self, change=change, share=change.value / reading.totals[0] if reading.totals[0] else None)

    def describe(self, **more: Any) -> dict[str, Any]:
        share = "" if self.share is None else self.change.style.language.write_percent(self.share)
        return {**self.change.describe(), "name": self.name, "share": share, **more}

    def describe_fall(self) -> dict[str, Any]:
        """What sentences see of a member that fell: also the day on which it ended, if it did."""
        span, (now, then) = self.change.reading.span, self.track.days
        if now.has_any:
            return self.describe(ended="")
        return self.widen().describe(ended=span.write_date(span.starts[1] + timedelta(days=find_days(then)[-1])))


def find_members(definition: FactDefinition, readings: Readings) -> Finding | None:
    """The members of a breakdown; None where nobody can tell what changed from which days are there."""
    reading = readings["members"]
    span, days = reading.span, reading.whole.days
    if reading.totals[0] is None or not days.then.values:
        return None
    together = compare_track(reading, reading.whole, days.share(cut=span.is_cut))
    members = list_members(definition, together)
    if not members or not together.is_fair or not days.has_enough(together.shared):
        return None
    may_follow = days.is_comparable and span.is_after
    # Of the days that nobody has counted nobody knows who was there.
    counted = [[value is not None for value in each.values] for each in days]
    tracks = [(each.name, Windows(*map(DayValues.select, each.track.days, counted))) for each in members]
    renames = find_renames(tracks, adjacent=span.is_adjacent) if may_follow else []
    passed = {name for each in renames for name in each}
    apart = [each for each in members if each.name not in passed and each.moved]
    rising = select_largest(each for each in apart if each.change.difference > 0 and not each.is_new)
    # What was there a year ago and is not now did not fall: campaigns have seasons.
    falling = select_largest(
        each for each in apart if each.change.difference < 0 and (span.is_adjacent or each.change.value)
    )
    new = select_largest(each for each in apart if each.is_new and span.is_after)
    by_name, driver = {each.name: each for each in members}, None
    if "of" not in readings or is_borne_out(together, readings["of"]):
        parts = {each.name: each.change.difference for each in members}
        driver = find_driver(parts, together.difference, MOST_PART)
    view: dict[str, Any] = {
        "rising": [each.describe() for each in rising],
        "falling": [each.describe_fall() for each in falling],
        "new": [each.widen().describe(since=span.write_day(find_days(each.track.days.now)[0])) for each in new],
        "replaced": [
            each.describe(before=before.name, previous=before.widen().describe()["previous"])
            for each, before in ((by_name[each.name].widen(), by_name[each.before]) for each in renames)
            if (each.share or 0) >= NEW_SHARE
        ][:SHOWN],
        "driver": None if driver is None or driver in passed else by_name[driver].describe(),
    }
    return Finding(view, max((each.change.strength for each in (*rising, *falling, *new)), default=0.0))


def list_members(definition: FactDefinition, together: Change) -> list[Member]:
    """The members with a name, largest first, and whether something happened to each, and not just to its days."""
    reading = together.reading
    names, whole = name_members(track.name for track in reading.tracks), reading.whole.days
    found: list[Member] = []
    for track in reading.tracks:
        if track.name not in names or track.totals[0] is None:
            continue
        change = compare_track(reading, track, together.shared)
        share = change.value / together.value if together.value and change.value >= 0 else None
        moved = change.is_fair and change.is_clear(definition.least, additive=True, clear=CLEAR_MEMBER)
        if not change.previous:
            moved = whole.is_comparable and not track.days.then.has_any and (share or 0) >= NEW_SHARE
        moved = moved and change.size >= definition.floor and bool(together.value and together.previous)
        found.append(Member(names[track.name], track, change, share, moved))
    return found


def select_largest(members: Iterable[Member]) -> list[Member]:
    """The member that changed most, and those that come near it."""
    ranked = sorted(members, key=lambda each: (-abs(each.change.difference), each.name))
    least = COMPARABLE * abs(ranked[0].change.difference) if ranked else 0.0
    return [each for each in ranked if abs(each.change.difference) >= least][:SHOWN]


def is_borne_out(together: Change, whole: Reading) -> bool:
    """Whether the members together changed as the metric did that they break down, over the very same days."""
    track = whole.find_series()
    if track is None or track.days.share(cut=whole.span.is_cut) != together.shared:
        return False
    told, own = compare_track(whole, track, together.shared).relative, together.relative
    return told * own > 0 and is_near(own, told)


def find_driver(parts: Mapping[str, float], difference: float, most: float) -> str | None:
    """The member whose part is most of the whole's difference, if that is not far more than all of it."""
    shares = {member: part / difference for member, part in parts.items()} if difference else {}
    best = max(shares, key=lambda member: shares[member], default=None)
    return best if best is not None and LEAST_PART <= shares[best] <= most else None


class Rename(NamedTuple):
    """`name` began where `before` ended."""

    before: str
    name: str


def find_renames(tracks: Sequence[tuple[str, Windows]], *, adjacent: bool) -> list[Rename]:
    """Who followed whom, where names tell it clearly; where windows are not `adjacent` nobody knows the day.

    Of two that share one of their names the more alike is meant, and of equal ones neither.
    """
    likeness = {
        Rename(before, name): shared
        for name, days in tracks
        if days.now.has_any and not days.then.has_any
        for before, its_days in tracks
        if its_days.then.has_any
        and (shared := share_words(before, name)) >= LEAST_WORDS
        and is_followed(its_days, days.now, adjacent=adjacent)
    }
    rivals = {each: [likeness[other] for other in likeness if {*each} & {*other}] for each in likeness}
    return [each for each, shared in likeness.items() if sum(like >= shared for like in rivals[each]) == 1]


def share_words(*names: str) -> float:
    """The part of all the words of two names that both have; numbers, as of years and versions, are none."""
    first, second = (
        {word for word in re.findall(r"[^\W_]+", name.casefold()) if not re.search(r"\d", word)} for name in names
    )
    return len(first & second) / len(first | second) if first and second else 0.0


def find_days(days: DayValues) -> list[int]:
    return [index for index, value in enumerate(days.values) if value]


def is_followed(windows: Windows, now: DayValues, *, adjacent: bool) -> bool:
    """Whether a member that was not there before begins where this one ends, and about as large as it was."""
    first, days = find_days(now)[0], DayValues((*windows.then.values, *windows.now.values))
    start, last = len(windows.then.values) + first, find_days(days)[-1]
    # On the day itself both may have been there; where windows are apart nobody knows the day.
    if last > start or (adjacent and start - last > LONGEST_PAUSE) or not (adjacent or not windows.now.has_any):
        return False
    old = [value for value in days.values[max(0, last - AROUND) : last] if value]
    new = [value for value in now.values[first + 1 : first + 1 + AROUND] if value]
    if min(len(old), len(new)) < FEWEST_AROUND:
        return False
    low, high = sorted((fmean(old), fmean(new)))
    return high > 0 and 1 - low / high <= (MOST_UNLIKE if adjacent else MOST_UNLIKE_YEARS)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a member did: its share of the denominator grew or shrank, its ratio now stands above or below the whole's.

    It `is_plain` if that tells what it did: by its share only if it stands now as it did half-way.
    """

    member: str
    mix: float
    rate: float
    weight: str
    standing: str
    is_plain: bool

    @property
    def whole(self) -> float:
        return self.mix + self.rate


def decompose_ratio(now: Parts, then: Parts) -> list[Effect]:
    """The effects of all members: their sum is the change of the whole's ratio.

    With s a member's share of the denominator and r its ratio, the whole's ratio is the sum of s·r. Half-way between
    the windows (s̄, r̄, and R̄ of the whole), mix is Δs·(r̄ − R̄) and rate is s̄·Δr. The denominators of both windows are
    above 0; a member without one has the ratio of the other window.
    """
    totals = [fsum(lower for _, lower in parts.values()) for parts in (now, then)]
    ratios = [divide_parts(parts) for parts in (now, then)]
    middle = (ratios[0] + ratios[1]) / 2
    found = []
    for member in dict.fromkeys((*now, *then)):
        (upper, lower), (upper_then, lower_then) = now.get(member, (0.0, 0.0)), then.get(member, (0.0, 0.0))
        value = upper / lower if lower else None
        previous = upper_then / lower_then if lower_then else None
        own = [each for each in (value, previous) if each is not None]
        half_way = fsum(own) / len(own) if own else 0.0
        shifted = lower / totals[0] - lower_then / totals[1]
        whole = upper / totals[0] - upper_then / totals[1]
        beyond = half_way - middle
        ahead = value - ratios[0] if value is not None else half_way - ratios[1]
        mix, rate = beyond * shifted, whole - half_way * shifted
        is_plain = abs(rate) >= abs(mix) or ahead * beyond > 0
        weight, standing = "grew" if shifted > 0 else "shrank", "above" if ahead > 0 else "below"
        found.append(Effect(member, mix, rate, weight, standing, is_plain))
    return found


def divide_parts(parts: Parts) -> float:
    return fsum(upper for upper, _ in parts.values()) / fsum(lower for _, lower in parts.values())


def find_explanation(definition: FactDefinition, readings: Readings) -> Finding | None:
    upper, lower = readings["numerator"], readings["denominator"]
    found = measure_change(readings["explain"], definition, lower)
    if found is None:
        return None
    now, then = (list_parts(upper, lower, found, window) for window in (0, 1))
    if now is None or then is None:
        return None
    effects = decompose_ratio(now, then)
    names = name_members(each.member for each in effects)
    by_name = {names[each.member]: each for each in effects if each.member in names and found.days.have_same_weekdays}
    name = find_driver({name: each.whole for name, each in by_name.items()}, found.difference, MOST_OF_RATIO)
    parts = {"mix": fsum(each.mix for each in effects), "rate": fsum(each.rate for each in effects)}
    whole = parts["mix"] + parts["rate"]
    causes = [name for name, part in parts.items() if whole and NEARLY_ALL <= part / whole <= ALL_AND_MORE]
    view = {**found.describe(), "wholly": (*causes, "neither")[0], "driver": None}
    if name is not None and (driver := by_name[name]).is_plain:
        view["driver"] = {
            "name": name,
            "effect": found.style.write_difference(driver.whole),
            "mainly": "mix" if abs(driver.mix) > abs(driver.rate) else "rate",
            "weight": driver.weight,
            "standing": driver.standing,
        }
    return Finding(view, found.strength, found.notable)


def list_parts(upper: Reading, lower: Reading, whole: Change, window: int) -> Parts | None:
    """The parts of a window, members that both readings have and the rest; None where they do not make the ratio."""
    above, below = (reading.whole.add_up(whole.shared)[window] for reading in (upper, lower))
    uppers, lowers = (
        {each.name: each.add_up(whole.shared)[window] for each in reading.tracks} for reading in (upper, lower)
    )
    parts = {name: (uppers[name], lowers[name]) for name in lowers if name in uppers and name != REST}
    parts[REST] = (above - fsum(part[0] for part in parts.values()), below - fsum(part[1] for part in parts.values()))
    ratio = (whole.value, whole.previous)[window]
    return parts if below > 0 and isclose(divide_parts(parts), ratio, rel_tol=EXACTLY, abs_tol=1e-12) else None
