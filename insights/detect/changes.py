"""Changes: a metric against the compared window, over the days that both have; and whether another one follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import copysign, inf
from statistics import fmean
from typing import Any

from insights.config.definitions import FactDefinition
from insights.config.load import is_additive
from insights.detect.significance import (
    CLEAR,
    MORE_IF_PARTIAL,
    NO_DAYS,
    DayValues,
    SharedDays,
    Windows,
    is_mean,
    is_near,
    stands_out,
    weigh_ratios,
)
from insights.facts import PERIOD, PERIOD_END, Direction, Finding, NumberStyle, Reading, Readings, Track

# Below it a change is none, in words; and below that it is little beside the change of another metric.
FLAT = 0.005
LITTLE = 0.02
# Of more of their days than this part the change of two windows is no matter of a few days.
MOST_OF_THEM = 0.1


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`, over the `days` that are compared: all, or the `shared` ones."""

    reading: Reading
    value: float
    previous: float
    days: Windows = NO_DAYS
    shared: SharedDays | None = None
    notable: bool = False

    @property
    def style(self) -> NumberStyle:
        return self.reading.choose_style(self.value, self.previous)

    @property
    def difference(self) -> float:
        return self.value - self.previous

    @property
    def relative(self) -> float:
        """Infinite where there was nothing before."""
        return self.difference / abs(self.previous) if self.previous else copysign(inf, self.difference)

    @property
    def direction(self) -> Direction:
        is_flat = self.difference == 0 or abs(self.relative) < FLAT
        return "flat" if is_flat else "up" if self.difference > 0 else "down"

    @property
    def size(self) -> float:
        return max(abs(self.value), abs(self.previous))

    @property
    def strength(self) -> float:
        """How large it is, from 0 to 1: a tripling is as large as to lose two thirds."""
        return 1 - min(abs(self.value), abs(self.previous)) / self.size if self.size else 0.0

    @property
    def is_absurd(self) -> bool:
        """Whether a part is larger than its whole, or there is less than nothing: no percentage is such a change."""
        values = (self.value, self.previous)
        return min(values) < 0 or (self.reading.metric.format == "percent" and max(values) > 1)

    @property
    def is_fair(self) -> bool:
        """Whether the days that are compared changed so, and not just which of them are there."""
        held = self.days.weekday_change
        is_whole = self.shared is None or not self.previous
        return is_whole or (held is not None and is_near(self.relative, held))

    def is_clear(self, least: float, *, additive: bool, clear: float = CLEAR) -> bool:
        """Whether it is more than the days' own variance; which days are missing is chance, too."""
        clear += MORE_IF_PARTIAL * (self.shared is not None)
        return self.days.is_clear(self.relative, least=least, additive=additive, clear=clear)

    def is_of_few_days(self, least: float) -> bool:
        """Whether it is that of a few days, which stand out of the others: without them there is none."""
        counted = [*self.days.now.present, *self.days.then.present]
        usual = [
            [day for day, value in enumerate(each.values) if value is not None and not stands_out(value, counted)]
            for each in self.days
        ]
        held = Windows(*map(DayValues.keep, self.days, usual)).weekday_change
        few = len(counted) - sum(map(len, usual)) <= MOST_OF_THEM * len(counted)
        return few and held is not None and (abs(held) < least or held * self.relative < 0)

    def describe(self, *, is_beside: bool = False) -> dict[str, Any]:
        """What sentences see of it; where it `is_beside` a large change a very small one is none."""
        style, direction, relative = self.style, self.direction, self.relative
        if is_beside and abs(relative) < LITTLE:
            direction = "flat"
        change = style.language.write_percent(relative) if self.previous else ""
        against = self.reading.span.describe_days(self.shared)
        return {
            "direction": direction,
            "value": style.write(self.value),
            "previous": style.write(self.previous),
            "difference": style.write_difference(self.difference),
            "change": change,
            "words": style.language.write(direction if self.previous else "new", change=change),
            "against": against if against == PERIOD else f"{PERIOD}{against}{PERIOD_END}",
        }


def compare_track(reading: Reading, track: Track, shared: SharedDays | None) -> Change:
    return Change(reading, *track.add_up(shared), track.days.keep(shared), shared)


def measure_change(
    reading: Reading, definition: FactDefinition, volume: Reading | None, only: SharedDays | None = None
) -> Change | None:
    """A metric's change; None where it has none, or one that nobody can believe.

    Of a sum, and of a ratio whose denominator is the `volume`, it is over the days that both windows have, or `only`
    over some. Of anything else it is that of the widget, if both windows have most of their days.
    """
    reading = reading if definition.series is None else reading.narrow(definition.series)
    track, additive = reading.find_series(), is_additive(reading.metric)
    if track is None or None in track.totals:
        return None
    shared, weighed = only or track.days.share(cut=reading.span.is_cut), None
    if volume is not None:
        if any(each is None or each < definition.floor for each in volume.totals):
            return None
        weighed = weigh_days(track, volume, shared)
    if weighed is not None:
        value, previous = track.add_up(None) if shared is None else (fmean(each.present) for each in weighed)
        change = Change(reading, value, previous, weighed, shared)
    else:
        change = compare_track(reading, track, shared if additive and volume is None else None)
    if not change.previous or change.is_absurd or not change.days.has_enough(change.shared):
        return None
    if not (change.days.is_covered if change.shared is None else volume is not None or change.is_fair):
        return None
    large, least = volume is not None or change.size >= definition.floor, definition.least
    clear = large and change.is_clear(least, additive=additive)
    return replace(change, notable=clear and not change.is_of_few_days(least))


def weigh_days(track: Track, volume: Reading, shared: SharedDays | None) -> Windows | None:
    """A ratio's days as they bear on it, those of `shared`; None where `volume` is not what it is a ratio to."""
    if not volume.tracks:
        return None
    whole, kept = (
        Windows(*map(weigh_ratios, days, volume.whole.days)) for days in (track.days, track.days.keep(shared))
    )
    return kept if all(map(is_mean, whole, track.add_up(None))) and all(each.present for each in kept) else None


def find_change(definition: FactDefinition, readings: Readings) -> Finding | None:
    found = measure_change(readings["change"], definition, readings.get("volume"))
    return None if found is None else Finding(found.describe(), found.strength, found.notable)


def find_pair(definition: FactDefinition, readings: Readings) -> Finding | None:
    """Both are measured over the days that both windows have of both."""
    leading, following = (each.find_series() for each in readings.values())
    if leading is None or following is None:
        return None
    shared = leading.days.keep(following.days.list_counted()).share(cut=readings["first"].span.is_cut)
    first, second = (measure_change(each, definition, None, shared) for each in readings.values())
    if first is None or second is None or first.shared != second.shared:
        return None
    if not (first.days.have_same_weekdays and second.days.have_same_weekdays):
        return None
    apart = abs(second.relative - first.relative)
    view = {
        "relation": "behind" if second.relative < first.relative else "ahead",
        "first": first.describe(is_beside=True),
        "second": second.describe(is_beside=True),
    }
    # What moved must have moved for sure; the other may be as it was.
    return Finding(view, min(1.0, apart), apart >= definition.least and (first.notable or second.notable))
