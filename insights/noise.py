"""Whether something happened: what changes by less than the days differ among themselves did not.

Like is held against like: days that have been counted, and Mondays against Mondays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from math import fsum, isclose, log, sqrt
from statistics import median, variance
from typing import Any

from engine.answer.response import Body

Value = float | None

# How many standard errors apart two windows' days must lie; members are many, so that chance gets more tries.
CLEAR = 2.9
CLEAR_MEMBER = 3.4
# And how many more in a short window, whose weekdays come but once.
MORE_IF_SHORT = 0.6
# With fewer degrees of freedom the days' spread tells nothing: then a change must be twice what is asked for.
LEAST_FREEDOM = 3
LEAST_WITHOUT_SPREAD = 0.4
SHORT = 14
FEWEST_STEPS = 7
# The part of each window's days that must be there.
LEAST_COVERED = 0.75
# So far the change of two totals may lie from the change of their days, each held against its own weekday: as a part
# of it, or else in all.
MOST_APART = 0.15
LEAST_APART = 0.01
# One day of so many may be missing where metrics are held against each other.
MOST_MISSING = 14
# A normal distribution's standard deviation, by the median distance from the median.
BY_MAD = 1.4826
# A day stands out if it lies so many of these from the median, and a high one so many by its logarithm; days alike to
# the last digit count as a bit apart.
STANDS_OUT, STANDS_OUT_BY_FACTOR = 5.0, 3.5
LEAST_SPREAD = 0.04
FEWEST_TO_STAND_OUT_OF = 10
# So far apart two ways of computing a number may lie.
EXACTLY = 1e-6


@dataclass(frozen=True)
class Days:
    """The values of a window's days, None where one was not counted; `first` is the first one's weekday, Monday 0.

    `unfinished` tells that the window has more days, which are not over: its total is more than that of these.
    """

    values: tuple[Value, ...]
    first: int = 0
    unfinished: bool = False

    @cached_property
    def dated(self) -> list[tuple[int, float]]:
        """The days that were counted, each with its weekday."""
        return [((self.first + index) % 7, value) for index, value in enumerate(self.values) if value is not None]

    @cached_property
    def by_weekday(self) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for weekday, value in self.dated:
            found.setdefault(weekday, []).append(value)
        return found

    @cached_property
    def known(self) -> list[float]:
        return known(self.values)

    def expected(self, other: Days) -> int:
        """How many of the days there should be: all but weekdays that neither window has, such as a shop's Sundays."""
        closed = {*range(7)} - self.by_weekday.keys() - other.by_weekday.keys()
        return sum((self.first + index) % 7 not in closed for index in range(len(self.values)))


def days_of(series: Any) -> Days:
    """The days of a series of a body; of none, no days."""
    points = series["points"] if series is not None else ()
    first = date.fromisoformat(points[0]["t"]).weekday() if points else 0
    return Days(tuple([point["v"] for point in points]), first, series is not None and series.get("unfinished", False))


def days_together(body: Body) -> tuple[Days, Days]:
    """The days of all members together, in both windows."""
    windows = (body["series"], body.get("comparison", {}).get("series") or ())
    found = []
    for series in windows:
        days = [days_of(each) for each in series]
        sums = [fsum(known(day)) if known(day) else None for day in zip(*(each.values for each in days), strict=True)]
        found.append(Days(tuple(sums), days[0].first if days else 0, any(each.unfinished for each in days)))
    return found[0], found[1]


def weighed(ratios: Days, volumes: Days) -> Days:
    """A ratio's days such that their plain mean is the whole window's ratio, where `volumes` are its denominators.

    A day lies as far from that as its volume bears: one of little volume tells little.
    """
    pairs = [
        None if ratio is None or volume is None else (ratio, volume)
        for ratio, volume in zip(ratios.values, volumes.values, strict=True)
    ]
    there = [pair for pair in pairs if pair is not None]
    whole = fsum(volume for _, volume in there)
    if whole <= 0:
        return ratios
    ratio_of_all = fsum(ratio * volume for ratio, volume in there) / whole
    usual = whole / len(there)
    values = [None if each is None else ratio_of_all + each[1] / usual * (each[0] - ratio_of_all) for each in pairs]
    return Days(tuple(values), ratios.first, ratios.unfinished)


def is_mean(days: Days, value: float) -> bool:
    return bool(days.known) and isclose(mean(days.known), value, rel_tol=EXACTLY, abs_tol=EXACTLY**2)


def known(values: Sequence[Value]) -> list[float]:
    return [value for value in values if value is not None]


def mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def covered(now: Days, then: Days) -> bool:
    """Whether both windows have values for most of their days."""
    windows = ((now, then), (then, now))
    return all(each.known and len(each.known) >= LEAST_COVERED * each.expected(other) for each, other in windows)


def complete(now: Days, then: Days) -> bool:
    """Whether hardly a day is missing in either window: then one metric may be held against another."""
    return bool(now.known and then.known) and all(
        each.expected(other) - len(each.known) <= len(each.values) // MOST_MISSING
        for each, other in ((now, then), (then, now))
    )


def alike(now: Days, then: Days) -> bool:
    """Whether both windows have the same weekdays."""
    return now.by_weekday.keys() == then.by_weekday.keys()


def like_for_like(now: Days, then: Days) -> float | None:
    """The change of the days' mean, every weekday counting once; None where the windows do not have the same ones."""
    if not now.known or not alike(now, then):
        return None
    base = fsum(map(mean, then.by_weekday.values()))
    return (fsum(map(mean, now.by_weekday.values())) - base) / abs(base) if base else None


def missing(now: Days, then: Days) -> int:
    """How many days of both windows were not counted."""
    return sum(each.expected(other) - len(each.known) for each, other in ((now, then), (then, now)))


def is_fair(now: Days, then: Days, change: float) -> bool:
    """Whether the change of the sums is that of the days, and not of how many of them were counted."""
    held = like_for_like(now, then)
    whole = missing(now, then) == 0 and not now.unfinished
    return whole or (held is not None and is_near(change, held))


def is_borne_out(now: Days, then: Days, change: float) -> bool:
    """Whether at least the direction is that of the days, hardly one of which is missing."""
    held = like_for_like(now, then)
    whole = complete(now, then) and not now.unfinished
    return is_fair(now, then, change) or (held is not None and held * change > 0 and whole)


def is_near(change: float, held: float) -> bool:
    return abs(change - held) <= max(LEAST_APART, MOST_APART * abs(held))


def is_clear(now: Days, then: Days, change: float, *, least: float, additive: bool, clear: float = CLEAR) -> bool:
    """Whether the change of a total, as a fraction, is one: large enough, and more than the days' own unrest.

    Windows with other weekdays than each other are never clear: that Monday is not Sunday is no news.
    """
    held = like_for_like(now, then)
    if abs(change) < least or held is None or not covered(now, then) or (held > 0) != (change > 0) or held == 0:
        return False
    whole = complete(now, then) and not now.unfinished
    if additive and (abs(held) < least or not (is_near(change, held) or whole)):
        return False
    rhythm = len(now.by_weekday) - 1
    freedom = len(now.known) + len(then.known) - 2 - rhythm
    if freedom < LEAST_FREEDOM or min(len(now.known), len(then.known)) < LEAST_FREEDOM:
        return abs(change) >= max(2 * least, LEAST_WITHOUT_SPREAD)
    recent, before = without_rhythm(now, then)
    error = sqrt(unrest(recent) / len(recent) + unrest(before) / len(before))
    # The weekdays' rhythm was taken from the same days, which makes them look calmer than they are.
    error *= sqrt((freedom + rhythm) / freedom)
    if min(len(recent), len(before)) < SHORT:
        clear += MORE_IF_SHORT
    return abs(mean(recent) - mean(before)) >= widened(clear, freedom) * error


def without_rhythm(now: Days, then: Days) -> tuple[list[float], list[float]]:
    """The days as they would be if all weekdays were alike: each divided by what its weekday is of a mean day."""
    usual = {day: mean(then.by_weekday[day]) + mean(values) for day, values in now.by_weekday.items()}
    middle = mean(list(usual.values()))
    if min(usual.values()) <= 0:
        return now.known, then.known
    calm = [[value * middle / usual[day] for day, value in each.dated] for each in (now, then)]
    return calm[0], calm[1]


def unrest(values: Sequence[float]) -> float:
    """The variance of the days around the course that they take: a week of sales is no unrest, but a single day is.

    By the mean square of what a day differs from the day before it, where that is less than the plain variance, and
    where there are days enough.
    """
    if len(values) < FEWEST_STEPS:
        return variance(values)
    steps = [(after - before) ** 2 for before, after in pairwise(values)]
    return min(variance(values), mean(steps) / 2)


def widened(clear: float, freedom: int) -> float:
    """As many standard errors of Student's distribution as are as rare as `clear` are of the normal one.

    By the first terms of Cornish and Fisher's expansion.
    """
    first = (clear**3 + clear) / (4 * freedom)
    second = (5 * clear**5 + 16 * clear**3 + 3 * clear) / (96 * freedom**2)
    return clear + first + second


def stands_out(value: float, others: Sequence[float]) -> float:
    """How far a day's value lies from the median of all, in robust standard deviations; below 0 for a low one.

    A high one is measured by how many times as much it is, too: a shop of few orders has days of many times the usual
    now and then, and nothing has happened.
    """
    middle = median(others)
    score = deviations(value, others, LEAST_SPREAD * abs(middle))
    if score <= 0 or middle <= 0:
        return score
    by_factor = deviations(log(value), [log(each) for each in others if each > 0], LEAST_SPREAD)
    return min(score, by_factor * STANDS_OUT / STANDS_OUT_BY_FACTOR)


def deviations(value: float, others: Sequence[float], least: float) -> float:
    """How far a value lies from the median, in standard deviations by the median distance from it."""
    middle = median(others)
    spread = max(BY_MAD * median(abs(each - middle) for each in others), least)
    return (value - middle) / spread if spread else 0.0
