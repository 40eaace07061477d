"""Whether something happened: what changes by less than the days differ among themselves did not."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from statistics import median, variance
from typing import Any

Value = float | None

# How many standard errors apart two windows' days must lie; members are many, so that chance gets more tries.
CLEAR = 3.0
CLEAR_MEMBER = 3.5
# With fewer days than this in a window their spread tells nothing: then a change must be twice what is asked for.
FEWEST_DAYS = 4
LEAST_WITHOUT_SPREAD = 0.4
# The part of each window's days that must be there.
LEAST_COVERED = 0.75
# One day of so many may be missing where metrics are held against each other, and of sums so large a part more in one
# window than in the other.
MOST_MISSING = 14
LEAST_APART = 0.05
# The days that are counted have so much at the least where a 0 among them is a gap.
FAR_FROM_ZERO = 20
WEEK = 7
# Fewer pairs of days say too little of their spread.
FEWEST_PAIRS = 14
# A normal distribution's standard deviation, by the median distance from the median.
BY_MAD = 1.4826
# A day stands out if it lies so many of these from the median; days alike to the last digit count as a bit apart.
STANDS_OUT = 5.0
LEAST_SPREAD = 0.04
FEWEST_TO_STAND_OUT_OF = 10


def values_of(series: Any) -> list[Value]:
    """The values of a series' points."""
    return [point["v"] for point in series["points"]]


def known(values: Sequence[Value]) -> list[float]:
    return [value for value in values if value is not None]


def mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def covered(now: Sequence[Value], then: Sequence[Value]) -> bool:
    """Whether both windows have values for most of their days."""
    return all(each and len(known(each)) >= LEAST_COVERED * len(each) for each in (now, then))


def complete(now: Sequence[Value], then: Sequence[Value]) -> bool:
    """Whether hardly a day is missing in either window: then one metric may be held against another."""
    return all(each and len(each) - len(known(each)) <= max(1, len(each) // MOST_MISSING) for each in (now, then))


def without_gaps(values: Sequence[Value]) -> list[Value]:
    """The values, but for days of exactly 0 among days that are far from it: those the source has not counted."""
    counted = [value for value in known(values) if value]
    if not counted or median(map(abs, counted)) < FAR_FROM_ZERO:
        return list(values)
    return [value or None for value in values]


def is_clear(
    now: Sequence[Value], then: Sequence[Value], change: float, *, least: float, additive: bool, clear: float = CLEAR
) -> bool:
    """Whether the change of a total, as a fraction, is one: large enough, and more than the days' own unrest.

    The sum of fewer days is smaller without any change: where more days are missing in one window than in the other,
    nothing is said of a sum, and of anything else the days' mean must have changed too. Of whole weeks each day is
    compared with its own weekday.
    """
    if abs(change) < least or not covered(now, then):
        return False
    recent, before = known(now), known(then)
    apart = mean(recent) - mean(before)
    if apart == 0 or (apart > 0) != (change > 0):
        return False
    if additive and abs(len(recent) / len(now) - len(before) / len(then)) > LEAST_APART:
        return False
    if additive and len(recent) * len(then) != len(before) * len(now):
        base = mean(before)
        if base == 0 or abs(apart / base) < least:
            return False
    if min(len(recent), len(before)) < FEWEST_DAYS:
        return abs(change) >= max(2 * least, LEAST_WITHOUT_SPREAD)
    pairs = [a - b for a, b in zip(now, then, strict=False) if a is not None and b is not None]
    if len(now) == len(then) and len(now) % WEEK == 0 and len(pairs) >= FEWEST_PAIRS:
        error = sqrt(variance(pairs) / len(pairs))
    else:
        error = sqrt(variance(recent) / len(recent) + variance(before) / len(before))
    return abs(apart) >= clear * error


def stands_out(value: float, others: Sequence[float]) -> float:
    """How far a day's value lies from the median of all, in robust standard deviations; below 0 for a low one."""
    middle = median(others)
    spread = max(BY_MAD * median(abs(each - middle) for each in others), LEAST_SPREAD * abs(middle))
    return (value - middle) / spread if spread else 0.0
