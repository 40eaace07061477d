"""Successions: where one member ends and another begins in its place, be it a new one or the old one's new name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metric_engine.insights.noise import Days, mean

# Days around the change over which the two are compared, how far apart these may lie, and how far they may differ.
AROUND = 7
LONGEST_PAUSE = 3
FEWEST = 2
MOST_UNLIKE = 0.4

Track = tuple[str, Days, Days]


@dataclass(frozen=True, slots=True)
class Succession:
    """`name` began where `before` ended."""

    before: str
    name: str


def successions(tracks: Sequence[Track], *, adjacent: bool) -> list[Succession]:
    """Who followed whom; each is followed by one at the most.

    `tracks` are the members with their days of the asked and of the compared window. Where these are not `adjacent`
    nobody knows the day, and what counts is that one was there before and the other is now.
    """
    found: list[Succession] = []
    for name, now, then in tracks:
        if any(then.values) or not any(now.values):
            continue
        for before, its_now, its_then in tracks:
            if not any(its_then.values) or any(before == each.before for each in found):
                continue
            if follows(its_then, its_now, now, adjacent=adjacent):
                found.append(Succession(before, name))
                break
    return found


def follows(its_then: Days, its_now: Days, now: Days, *, adjacent: bool) -> bool:
    """Whether a member that was not there before begins where another one ends, and as large as it was."""
    first = next(index for index, value in enumerate(now.values) if value)
    days = [*its_then.values, *its_now.values]
    start = len(its_then.values) + first
    # On the day itself both may have been there.
    if any(days[start + 1 :]) or not (adjacent or not any(its_now.values)):
        return False
    last = max(index for index, value in enumerate(days) if value)
    if adjacent and start - last > LONGEST_PAUSE:
        return False
    old = [value for value in days[max(0, last - AROUND) : last] if value]
    new = [value for value in now.values[first + 1 : first + 1 + AROUND] if value]
    if min(len(old), len(new)) < FEWEST:
        return False
    low, high = sorted((mean(old), mean(new)))
    return 1 - low / high <= MOST_UNLIKE if high > 0 else False
