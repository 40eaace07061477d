"""Renames: where one member ends and another begins in its place, be it a new one or the old one's new name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from insights.detect.significance import Windows

# DayValues around the change over which the two are compared, how far apart these may lie, and how far they may differ.
AROUND = 7
LONGEST_PAUSE = 3
FEWEST = 2
MOST_UNLIKE = 0.25
# A year apart: a sale may well be half as large again as the last one.
MOST_UNLIKE_YEARS = 0.5
# The part of their words that the two names must share: of unlike ones nobody knows whether they have to do with each
# other.
LEAST_SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Rename:
    """`name` began where `before` ended."""

    before: str
    name: str


def find_renames(tracks: Sequence[tuple[str, Windows]], *, adjacent: bool) -> list[Rename]:
    """Who followed whom, where that is clear: of two that are as much alike by name neither did.

    `tracks` are the members with their days of the asked and of the compared window. Where these are not `adjacent`
    nobody knows the day, and what counts is that one was there before and the other is now.
    """
    likeness = {
        Rename(before, name): shared
        for name, days in tracks
        if days.now.has_any and not days.then.has_any
        for before, its_days in tracks
        if its_days.then.has_any
        and (shared := share_words(before, name)) >= LEAST_SHARED
        and is_followed(its_days, days.now.values, adjacent=adjacent)
    }
    return [
        each
        for each, shared in likeness.items()
        if all(
            other == each or (other.before != each.before and other.name != each.name) or theirs < shared
            for other, theirs in likeness.items()
        )
    ]


def share_words(first: str, second: str) -> float:
    """The part of all the words of two names that both have; numbers, as of years and versions, are none."""
    own, others = list_words(first), list_words(second)
    return len(own & others) / len(own | others) if own and others else 0.0


def list_words(name: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]+", name.casefold()) if not re.search(r"\d", word)}


def is_followed(windows: Windows, now: Sequence[float | None], *, adjacent: bool) -> bool:
    """Whether a member that was not there before begins where this one ends, and about as large as it was."""
    first = next(index for index, value in enumerate(now) if value)
    days = [*windows.then.values, *windows.now.values]
    start = len(windows.then.values) + first
    # On the day itself both may have been there.
    if any(days[start + 1 :]) or not (adjacent or not windows.now.has_any):
        return False
    last = max(index for index, value in enumerate(days) if value)
    if adjacent and start - last > LONGEST_PAUSE:
        return False
    old = [value for value in days[max(0, last - AROUND) : last] if value]
    new = [value for value in now[first + 1 : first + 1 + AROUND] if value]
    if min(len(old), len(new)) < FEWEST:
        return False
    low, high = sorted((fmean(old), fmean(new)))
    return high > 0 and 1 - low / high <= (MOST_UNLIKE if adjacent else MOST_UNLIKE_YEARS)
