"""Whether something happened: what changes by less than the days differ among themselves did not.

Like is held against like: days that both windows have, and Mondays against Mondays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, pairwise
from math import fsum, isclose, log, sqrt
from statistics import fmean, median, variance
from typing import NamedTuple

Value = float | None
# Which days of the asked and of the compared window are held against each other, by their places in them.
SharedDays = tuple[tuple[int, ...], tuple[int, ...]]

# How many standard errors apart two windows' days must lie; members are many, so that chance gets more tries.
CLEAR = 2.9
CLEAR_MEMBER = 3.4
# And how many more in a short window, whose weekdays come but once, and where days are missing: which ones is chance.
MORE_IF_SHORT = 0.6
MORE_IF_PARTIAL = 0.4
# With fewer degrees of freedom the days' spread tells nothing: then a change must be twice what is asked for.
LEAST_FREEDOM = 3
LEAST_WITHOUT_SPREAD = 0.4
SHORT = 14
FEWEST_STEPS = 7
# The part of the days that must be there: in each window, and in both where only those are compared.
LEAST_COVERED = 0.6
LEAST_SHARED = 0.4
FEWEST_SHARED = 3
# So far the change of two totals may lie from the change of their days, each held against its own weekday: as a part
# of it, or else in all.
MOST_APART = 0.15
LEAST_APART = 0.02
# A normal distribution's standard deviation, by the median distance from the median.
BY_MAD = 1.4826
# A day stands out if it lies so many of these from the median, and a high one so many by its logarithm; days alike to
# the last digit count as a bit apart.
STANDS_OUT, STANDS_OUT_BY_FACTOR = 5.0, 3.5
LEAST_SPREAD = 0.04
FEWEST_OTHERS = 10
# So far apart two ways of computing a number may lie.
EXACTLY = 1e-6
# What the engine calls the members that it does not show one by one.
REST = "Other"


@dataclass(frozen=True)
class DayValues:
    """The values of a window's days, None where one was not counted; `first` is the first one's weekday, Monday 0."""

    values: tuple[Value, ...]
    first: int = 0

    @cached_property
    def present(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @cached_property
    def by_day(self) -> list[tuple[int, float]]:
        return [((self.first + index) % 7, value) for index, value in enumerate(self.values) if value is not None]

    @cached_property
    def by_weekday(self) -> dict[int, list[float]]:
        return {day: [value for own, value in self.by_day if own == day] for day in dict(self.by_day)}

    @property
    def has_any(self) -> bool:
        return any(self.values)

    def count_expected(self, other: DayValues) -> int:
        """How many of the days there should be: all but weekdays that neither window has, such as a shop's Sundays."""
        open_days = self.by_weekday.keys() | other.by_weekday.keys()
        return sum((self.first + index) % 7 in open_days for index in range(len(self.values)))

    def lacks_none_of(self, other: DayValues) -> bool:
        return self.count_expected(other) == len(self.present)

    def select(self, selectors: Sequence[bool]) -> DayValues:
        return DayValues(tuple(compress(self.values, selectors)), self.first)

    def keep(self, days: Sequence[int]) -> DayValues:
        kept = frozenset(days)
        return DayValues(tuple(value if day in kept else None for day, value in enumerate(self.values)), self.first)


class Windows(NamedTuple):
    """The days of the asked window and of the compared one."""

    now: DayValues
    then: DayValues

    def share(self, *, cut: bool) -> SharedDays | None:
        """The days that both have, where either lacks some or the window is `cut`; None where all are compared.

        The first days of a window are held against the first of the other; where days are missing here and there, each
        is held against one of its weekday. Of a longer window the last days are held against nothing.
        """
        now, then = self
        counted, compared = map(dict.fromkeys, self.list_counted())
        if not cut and len(now.values) == len(then.values) and now.lacks_none_of(then) and then.lacks_none_of(now):
            return None

        def pair_days(shift: int) -> SharedDays:
            days = tuple(day for day in counted if day + shift in compared)
            return days, tuple(day + shift for day in days)

        shift, shared = (now.first - then.first) % 7, pair_days(0)
        if shared[0] != tuple(range(len(shared[0]))) and shift:
            shared = max(pair_days(shift), pair_days(shift - 7), key=lambda each: len(each[0]))
        return shared

    def keep(self, shared: SharedDays | None) -> Windows:
        return self if shared is None else Windows(*map(DayValues.keep, self, shared))

    def list_counted(self) -> SharedDays:
        now, then = (tuple(day for day, value in enumerate(each.values) if value is not None) for each in self)
        return now, then

    @property
    def totals(self) -> tuple[float, float]:
        return fsum(self.now.present), fsum(self.then.present)

    @property
    def is_covered(self) -> bool:
        both = zip(self, self[::-1], strict=True)
        return all(
            each.present and len(each.present) >= LEAST_COVERED * each.count_expected(then) for each, then in both
        )

    @property
    def have_same_weekdays(self) -> bool:
        return self.now.by_weekday.keys() == self.then.by_weekday.keys()

    @property
    def is_comparable(self) -> bool:
        """Whether one may tell who was there before, and who was not."""
        return self.have_same_weekdays and self.is_covered

    @property
    def weekday_change(self) -> float | None:
        """The change of the days' mean, every weekday counting once; None where the windows have different ones."""
        if not self.now.present or not self.have_same_weekdays:
            return None
        now, base = (fsum(map(fmean, each.by_weekday.values())) for each in self)
        return (now - base) / abs(base) if base else None

    def has_enough(self, shared: SharedDays | None) -> bool:
        """Whether the days that are compared speak for the whole window."""
        return shared is None or len(shared[0]) >= max(FEWEST_SHARED, LEAST_SHARED * len(self.now.values))

    def is_clear(self, change: float, *, least: float, additive: bool, clear: float = CLEAR) -> bool:
        """Whether a total's change is more than the days' own variance; that Monday is not Sunday is never news."""
        held, counts = self.weekday_change, (len(self.now.present), len(self.then.present))
        if abs(change) < least or not held or (held > 0) != (change > 0) or (additive and abs(held) < least):
            return False
        rhythm = len(self.now.by_weekday) - 1
        freedom = sum(counts) - 2 - rhythm
        if min(freedom, *counts) < LEAST_FREEDOM:
            return abs(change) >= max(2 * least, LEAST_WITHOUT_SPREAD)
        recent, before = self._remove_rhythm()
        error = sqrt(residual_variance(recent) / len(recent) + residual_variance(before) / len(before))
        # The weekdays' rhythm was taken from the same days, which makes them look calmer than they are.
        error *= sqrt((freedom + rhythm) / freedom)
        clear += MORE_IF_SHORT * (min(counts) < SHORT)
        return abs(fmean(recent) - fmean(before)) >= students_quantile(clear, freedom) * error

    def _remove_rhythm(self) -> tuple[list[float], list[float]]:
        """The days as they would be if all weekdays were alike: each divided by what its weekday is of a mean day."""
        weekdays = self.now.by_weekday
        usual = {day: fmean(self.then.by_weekday[day]) + fmean(values) for day, values in weekdays.items()}
        middle = fmean(usual.values())
        if min(usual.values()) <= 0:
            return self.now.present, self.then.present
        calm = [[value * middle / usual[day] for day, value in each.by_day] for each in self]
        return calm[0], calm[1]


NO_DAYS = Windows(DayValues(()), DayValues(()))


def is_near(change: float, held: float) -> bool:
    return abs(change - held) <= max(LEAST_APART, MOST_APART * abs(held))


def add_days(days: Sequence[DayValues]) -> DayValues:
    columns = zip(*(each.values for each in days), strict=True)
    present = ([value for value in column if value is not None] for column in columns)
    return DayValues(tuple(fsum(values) if values else None for values in present), days[0].first if days else 0)


def weigh_ratios(ratios: DayValues, volumes: DayValues) -> DayValues:
    """A ratio's days, each as far from the whole window's ratio as its volume bears; their plain mean is that ratio."""
    pairs = list(zip(ratios.values, volumes.values, strict=True))
    there = [(ratio, volume) for ratio, volume in pairs if ratio is not None and volume is not None]
    whole = fsum(volume for _, volume in there)
    if whole <= 0:
        return ratios
    mean = fsum(ratio * volume for ratio, volume in there) / whole
    usual = whole / len(there)
    values = [None if ratio is None or volume is None else mean + volume / usual * (ratio - mean)
              for ratio, volume in pairs]  # fmt: skip
    return DayValues(tuple(values), ratios.first)


def is_mean(days: DayValues, value: float) -> bool:
    return bool(days.present) and isclose(fmean(days.present), value, rel_tol=EXACTLY, abs_tol=EXACTLY**2)


def residual_variance(values: Sequence[float]) -> float:
    """The variance of the days around their course: a week of sales is none, a single day is."""
    if len(values) < FEWEST_STEPS:
        return variance(values)
    steps = [(after - before) ** 2 for before, after in pairwise(values)]
    return min(variance(values), fmean(steps) / 2)


def students_quantile(clear: float, freedom: int) -> float:
    """As many errors of Student's distribution as are as rare as `clear` of the normal one (Cornish-Fisher)."""
    first = (clear**3 + clear) / (4 * freedom)
    second = (5 * clear**5 + 16 * clear**3 + 3 * clear) / (96 * freedom**2)
    return clear + first + second


def robust_z_score(value: float, others: Sequence[float]) -> float:
    """How far a value lies from the median, in robust deviations; a high one by its factor too: few orders vary."""
    middle = median(others)
    score = count_deviations(value, others, LEAST_SPREAD * abs(middle))
    if score <= 0 or middle <= 0:
        return score
    by_factor = count_deviations(log(value), [log(each) for each in others if each > 0], LEAST_SPREAD)
    return min(score, by_factor * STANDS_OUT / STANDS_OUT_BY_FACTOR)


def stands_out(value: float, others: Sequence[float]) -> bool:
    return len(others) >= FEWEST_OTHERS and abs(robust_z_score(value, others)) >= STANDS_OUT


def count_deviations(value: float, others: Sequence[float], least: float) -> float:
    """How far a value lies from the median, in standard deviations by the median distance from it."""
    middle = median(others)
    spread = max(BY_MAD * median(abs(each - middle) for each in others), least)
    return (value - middle) / spread if spread else 0.0
