"""Why a ratio changed: its members' shares did (mix), or their own ratios (rate). The parts sum to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import fsum, isclose
from typing import Any

from engine.answer.response import Body
from engine.catalog.insight_resolution import Observation
from engine.catalog.metrics import Metric
from insights.changes import Answers, change_of, fact_of, measured
from insights.facts import Fact, Finding, Span, Weight, direction_of, names_of, verdict_of
from insights.figures import Style
from insights.naming import shown_names
from insights.noise import alike, complete

REST = "Other"
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

    def weight(self, of: tuple[str, ...]) -> Weight:
        return Weight("grew" if self.shifted > 0 else "shrank", "above" if self.now > 0 else "below", of)

    @property
    def is_plain(self) -> bool:
        """Whether what it did can be told from how it stands now: by its share only if it stands as it did half-way."""
        return abs(self.rate) >= abs(self.mix) or self.now * self.beyond > 0


def decompose(now: Parts, then: Parts) -> list[Effect]:
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
    body = answers[metric.key]
    found = measured(metric, answers, observation)
    now, then = parts_of(answers[upper.key], answers[lower.key])
    if found is None or now is None or then is None:
        return None
    change = found.change
    if not (is_ratio(now, change.value) and is_ratio(then, change.previous)):
        return None
    effects = decompose(now, then)
    mix, rate = fsum(each.mix for each in effects), fsum(each.rate for each in effects)
    style = change.style
    names = shown_names(each.member for each in effects)
    there = complete(found.now, found.then) and alike(found.now, found.then)
    driver = driver_of(effects, change.difference, names) if there else None
    whole = fact_of(metric, change, observation, span)
    facts = [replace(whole, figures=(*whole.figures, style.signed("mix", mix), style.signed("rate", rate)))]
    if driver is not None:
        weight = driver.weight(names_of(lower, ()))
        facts.append(replace(member_fact(metric, driver, names[driver.member], whole, style), weight=weight))
    return Finding(
        observation=observation,
        view={
            "title": metric.title,
            **change.view,
            "mix": style.signed("mix", mix).text,
            "rate": style.signed("rate", rate).text,
            "mainly": "mix" if abs(mix) > abs(rate) else "rate",
            "wholly": wholly(mix, rate),
            "driver": None if driver is None else driver_view(metric, driver, names[driver.member], body),
        },
        facts=tuple(facts),
        notable=found.notable,
        strength=change.strength,
    )


def wholly(mix: float, rate: float) -> str:
    """Which of the two is nearly all of their sum; `neither` where both bear on it."""
    whole = mix + rate
    for name, part in (("mix", mix), ("rate", rate)):
        if whole and NEARLY_ALL <= part / whole <= ALL_AND_MORE:
            return name
    return "neither"


def parts_of(upper: Body, lower: Body) -> tuple[Parts | None, Parts | None]:
    """The parts of the asked window and of the compared one: members that both bodies show, and the rest."""
    if not upper["series"] or not lower["series"]:
        return None, None
    stats = [{series["name"]: series["stats"] for series in body["series"]} for body in (upper, lower)]
    shared = [name for name in stats[1] if name in stats[0] and name != REST]
    found: list[Parts | None] = []
    for window in ("value", "previous"):
        totals = [body["stats"][window] for body in (upper, lower)]
        if any(total is None for total in totals) or totals[1] <= 0:
            found.append(None)
            continue
        parts = {name: (stats[0][name][window] or 0.0, stats[1][name][window] or 0.0) for name in shared}
        rest = [total - fsum(part[index] for part in parts.values()) for index, total in enumerate(totals)]
        found.append({**parts, REST: (rest[0], rest[1])})
    return found[0], found[1]


def is_ratio(parts: Parts, value: float) -> bool:
    """Whether the parts make this ratio: what is explained must be what was measured."""
    ratio = fsum(upper for upper, _ in parts.values()) / fsum(lower for _, lower in parts.values())
    return isclose(ratio, value, rel_tol=EXACTLY, abs_tol=1e-12)


def driver_of(effects: list[Effect], difference: float, names: Mapping[str, str]) -> Effect | None:
    """The member with a name that most of the change comes from."""
    named = [each for each in effects if each.member in names]
    if not named or difference == 0:
        return None
    best = max(named, key=lambda each: each.whole / difference)
    return best if best.is_plain and LEAST_PART <= best.whole / difference <= MOST_PART else None


def driver_view(metric: Metric, effect: Effect, name: str, body: Body) -> dict[str, Any]:
    """What sentences see of the member; its own ratios are empty where it has none."""
    style = Style.of(metric.format, body["meta"]["currency"], body["stats"]["value"], body["stats"]["previous"])
    own = change_of(metric, {"value": effect.value, "previous": effect.previous}, body["meta"]["currency"])
    nothing = dict.fromkeys(("value", "previous", "difference", "change", "words", "missing"), "")
    view = {"direction": "flat", "verdict": "neutral", **nothing} if own is None else own.view
    return {
        "title": metric.title,
        **view,
        "name": name,
        "effect": style.signed("effect", effect.whole).text,
        "mix": style.signed("mix", effect.mix).text,
        "rate": style.signed("rate", effect.rate).text,
        "mainly": "mix" if abs(effect.mix) > abs(effect.rate) else "rate",
        "weight": effect.weight(()).moved,
        "standing": effect.weight(()).standing,
    }


def member_fact(metric: Metric, effect: Effect, name: str, whole: Fact, style: Style) -> Fact:
    own = change_of(metric, {"value": effect.value, "previous": effect.previous}, style.currency)
    effects = (style.signed("effect", effect.whole), style.signed("mix", effect.mix), style.signed("rate", effect.rate))
    direction = direction_of(effect.whole, None) if own is None else own.direction
    return replace(
        whole,
        member=name,
        direction=direction,
        verdict=verdict_of(direction, metric.better),
        figures=(*(() if own is None else own.figures), *effects),
    )
