"""Why a ratio changed: its members' shares did (mix), or their own ratios (rate). The parts sum to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, isclose

from insights.config.definitions import FactDefinition
from insights.detect.changes import Change, measure_change
from insights.detect.members import find_driver
from insights.detect.significance import EXACTLY, REST
from insights.facts import Finding, Reading, Readings
from insights.sanitize import name_members

# Far more of the ratio's change than all of it means that others worked against it: then it is not one member's doing.
MOST_PART = 1.5
# Between them nearly all of it is the shares' doing, and the members' own ratios are as they were.
NEARLY_ALL, ALL_AND_MORE = 0.8, 1.25

# Numerator and denominator by member.
Parts = Mapping[str, tuple[float, float]]


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
    name = find_driver({name: each.whole for name, each in by_name.items()}, found.difference, MOST_PART)
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
