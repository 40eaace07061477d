"""Why a ratio changed: its members' shares did (mix), or their own ratios (rate). The parts sum to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, isclose
from typing import Any, Literal

from engine import Body, Metric
from insights.config.rules import Observation
from insights.detect.changes import Change, change_of, measure_change
from insights.detect.significance import days_together, windows_of
from insights.facts import Answers, Finding, SharedDays, Span
from insights.sanitize import name_members

REST, WHOLE = "Other", ""
# The part of the ratio's change from which on it is mostly a member's doing.
LEAST_PART = 0.5
# Far more than the whole change means that others worked against it: then it is not one member's doing.
MOST_PART = 1.5
# Between them nearly all of it is the shares' doing, and the members' own ratios are as they were.
NEARLY_ALL, ALL_AND_MORE = 0.8, 1.25
EXACTLY = 1e-6

# Numerator and denominator by member.
Parts = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a member did to a ratio: by its share of the denominator, and by its own ratio.

    `shifted` is the change of its share; `beyond` is how far its ratio lies above the whole's, half-way, and `now` in
    the asked window, or where it has none there in the other.
    """

    member: str
    mix: float
    rate: float
    value: float | None
    previous: float | None
    shifted: float
    beyond: float
    now: float

    @property
    def whole(self) -> float:
        return self.mix + self.rate

    @property
    def weight(self) -> Literal["grew", "shrank"]:
        """Whether the member's share of the denominator grew or shrank."""
        return "grew" if self.shifted > 0 else "shrank"

    @property
    def position(self) -> Literal["above", "below"]:
        """Whether the member's own ratio lies above or below that of the whole."""
        return "above" if self.now > 0 else "below"

    @property
    def is_plain(self) -> bool:
        """Whether what it did can be told from how it stands now: by its share only if it stands as it did half-way."""
        return abs(self.rate) >= abs(self.mix) or self.now * self.beyond > 0


def decompose_ratio(now: Parts, then: Parts) -> list[Effect]:
    """The effects of all members: their sum is the change of the whole's ratio.

    With s a member's share of the denominator and r its ratio, the whole's ratio is the sum of s·r. Half-way between
    the windows (s̄, r̄, and R̄ of the whole), mix is Δs·(r̄ − R̄) and rate is s̄·Δr. The denominators of both windows are
    above 0; a member without one has the ratio of the other window.
    """
    totals = [fsum(lower for _, lower in parts.values()) for parts in (now, then)]
    ratios = [
        fsum(upper for upper, _ in parts.values()) / total for parts, total in zip((now, then), totals, strict=True)
    ]
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
        found.append(Effect(member, mix, rate, value, previous, shifted, beyond, ahead))
    return found


def find_explanation(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric, upper, lower = observation.metrics
    found = measure_change(metric, answers, observation, span)
    if found is None:
        return None
    now, then = parts_of(answers[upper.key], answers[lower.key], found.shared)
    whole = found.change
    if now is None or then is None:
        return None
    if not (is_ratio(now, whole.value) and is_ratio(then, whole.previous)):
        return None
    effects = decompose_ratio(now, then)
    mix, rate = fsum(each.mix for each in effects), fsum(each.rate for each in effects)
    style = whole.style
    names = name_members(each.member for each in effects)
    driver = find_driver(effects, whole.difference, names) if found.windows.have_same_weekdays else None
    return Finding(
        observation=observation,
        view={
            "title": metric.title,
            **found.change.view,
            "mix": style.write_difference(mix),
            "rate": style.write_difference(rate),
            "mainly": "mix" if abs(mix) > abs(rate) else "rate",
            "wholly": name_cause(mix, rate),
            "driver": None if driver is None else view_driver(metric, driver, names[driver.member], whole, span),
        },
        notable=found.notable,
        strength=found.change.strength,
    )


def name_cause(mix: float, rate: float) -> str:
    """Which of the two is nearly all of their sum; `neither` where both bear on it."""
    whole = mix + rate
    for name, part in (("mix", mix), ("rate", rate)):
        if whole and NEARLY_ALL <= part / whole <= ALL_AND_MORE:
            return name
    return "neither"


def parts_of(upper: Body, lower: Body, shared: SharedDays | None) -> tuple[Parts | None, Parts | None]:
    """The parts of the asked window and of the compared one: members that both bodies show, and the rest."""
    sums = [sum_members(body, shared) for body in (upper, lower)]
    names = [name for name in sums[1] if name in sums[0] and name not in (REST, WHOLE)]
    found: list[Parts | None] = []
    for window in (0, 1):
        above, below = (members[WHOLE][window] for members in sums)
        if above is None or below is None or below <= 0:
            found.append(None)
            continue
        parts = {name: (sums[0][name][window] or 0.0, sums[1][name][window] or 0.0) for name in names}
        rest = (above - fsum(part[0] for part in parts.values()), below - fsum(part[1] for part in parts.values()))
        found.append({**parts, REST: rest})
    return found[0], found[1]


def sum_members(body: Body, shared: SharedDays | None) -> dict[str, tuple[float | None, float | None]]:
    """What each member and the whole come to in both windows, over the days that are compared."""
    stats = {each["name"]: each["stats"] for each in body["series"]} | {WHOLE: body["stats"]}
    if shared is None or not body["series"]:
        return {name: (each["value"], each["previous"]) for name, each in stats.items()}
    pairs = zip(body["series"], body["comparison"]["series"], strict=True)
    days = {**{pair[0]["name"]: windows_of(pair) for pair in pairs}, WHOLE: days_together(body)}
    return {name: each.keep(shared).totals for name, each in days.items()}


def is_ratio(parts: Parts, value: float) -> bool:
    """Whether the parts make this ratio: what is explained must be what was measured."""
    ratio = fsum(upper for upper, _ in parts.values()) / fsum(lower for _, lower in parts.values())
    return isclose(ratio, value, rel_tol=EXACTLY, abs_tol=1e-12)


def find_driver(effects: list[Effect], difference: float, names: Mapping[str, str]) -> Effect | None:
    """The member with a name that most of the change comes from."""
    named = [each for each in effects if each.member in names]
    if not named or difference == 0:
        return None
    best = max(named, key=lambda each: each.whole / difference)
    return best if best.is_plain and LEAST_PART <= best.whole / difference <= MOST_PART else None


def view_driver(metric: Metric, effect: Effect, name: str, whole: Change, span: Span) -> dict[str, Any]:
    """What sentences see of the member; its own ratios are empty where it has none."""
    style = whole.style
    own = change_of(metric, (effect.value, effect.previous), style.currency, span)
    nothing = dict.fromkeys(("value", "previous", "difference", "change", "words", "against"), "")
    view = {"direction": "flat", "verdict": "neutral", **nothing} if own is None else own.view
    return {
        "title": metric.title,
        **view,
        "name": name,
        "effect": style.write_difference(effect.whole),
        "mix": style.write_difference(effect.mix),
        "rate": style.write_difference(effect.rate),
        "mainly": "mix" if abs(effect.mix) > abs(effect.rate) else "rate",
        "weight": effect.weight,
        "standing": effect.position,
    }
