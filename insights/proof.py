"""What facts prove: a figure as what it is said to be, a direction, how large a change is and who is behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from insights.facts import LITTLE, Fact
from insights.figures import Figure, Role
from insights.numerals import Numeral
from insights.wordings import LEAST_STRONG, MOST_WEAK, STRONG, WEAK, Bound, Sense, bound_of

# The part of the whole's change from which on a member is most of it.
MOST = 0.5


Reason = Literal["wording", "number", "direction", "no_fact", "date", "group", "source"]

VALUE: frozenset[Role] = frozenset(("value",))
BEFORE: frozenset[Role] = frozenset(("previous", "usual"))
MOVED: frozenset[Role] = frozenset(("change", "difference"))
EFFECT: frozenset[Role] = frozenset(("change", "effect"))
SHARE: frozenset[Role] = frozenset(("share",))
TIMES: frozenset[Role] = frozenset(("times",))
USUAL: frozenset[Role] = frozenset(("usual",))


class Fault(Exception):
    """What keeps a bullet from being told."""

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is spoken of: a metric's name and a member, in lower case; each may be open."""

    name: str | None = None
    member: str | None = None


def drives(whole: Iterable[Fact], members: Iterable[Fact]) -> bool:
    """Whether a member is behind half of the whole's change or more: by its effect, or by its own difference."""
    # One that only took another's place is behind no change.
    listed = [member for member in members if member.replaces is None]
    for fact in whole:
        change = fact.figure("difference")
        if change is None or change.value == 0 or fact.direction == "flat":
            continue
        for member in listed:
            part = member.figure("effect") or (member.figure("difference") if member.figure("share") else None)
            if part is not None and part.unit == change.unit and part.value / change.value >= MOST:
                return True
    return False


def sized(fact: Fact, said: str) -> bool:
    """Whether the change is as large, or as small, as the words about it say."""
    strong, weak = STRONG.search(said), WEAK.search(said)
    change = fact.figure("change")
    if change is None:
        return not (strong or weak)
    return not (strong and change.value < LEAST_STRONG) and not (weak and change.value > MOST_WEAK)


def within(figure: Figure, numeral: Numeral, bound: Bound) -> bool:
    """Whether the exact figure is on the side of the number that `nearly` or `over` puts it."""
    exact = abs(figure.value)
    match bound:
        case "below":
            return exact < numeral.value
        case "above":
            return exact > numeral.value
    return True


def states(fact: Fact, numeral: Numeral, roles: frozenset[Role], bound: str | None) -> bool:
    return any(
        figure.role in roles and numeral.states(figure, fact.direction) and within(figure, numeral, bound_of(bound))
        for figure in fact.figures
    )


def goes(fact: Fact, sense: Sense) -> bool:
    """Whether a fact goes the way that a word says."""
    if sense == "little":
        change = fact.figure("change")
        return fact.direction == "flat" or (change is not None and abs(change.value) < 100 * LITTLE)
    return sense in (fact.direction, fact.verdict)
