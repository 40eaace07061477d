"""Changes: a metric against the compared window, over the days that both have; and whether another one follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from engine import Metric
from insights.config.observations import is_additive
from insights.config.rules import Observation
from insights.detect.significance import NO_DAYS, SharedDays, Value, Windows, is_mean, is_near, weigh_ratios
from insights.facts import PERIOD, PERIOD_END, Answers, Direction, Finding, NumberStyle, Reading, Span

# Below it a change is none, in words; and below that it is little beside the change of another metric.
FLAT = 0.005
LITTLE = 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`; `against` says what is compared, all days or the `shared` ones: those of `days`."""

    value: float
    previous: float
    metric: Metric
    style: NumberStyle
    against: str
    days: Windows
    shared: SharedDays | None
    notable: bool = False

    @property
    def difference(self) -> float:
        return self.value - self.previous

    @property
    def relative(self) -> float | None:
        """None where there was nothing before."""
        return self.difference / abs(self.previous) if self.previous else None

    @property
    def direction(self) -> Direction:
        if self.difference == 0 or (self.relative is not None and abs(self.relative) < FLAT):
            return "flat"
        return "up" if self.difference > 0 else "down"

    @property
    def strength(self) -> float:
        """How large it is, from 0 to 1: a tripling is as large as to lose two thirds."""
        low, high = sorted((abs(self.value), abs(self.previous)))
        return 1 - low / high if high else 0.0

    @property
    def is_absurd(self) -> bool:
        """Whether a part is larger than its whole, or there is less than nothing: no percentage is such a change."""
        values = (self.value, self.previous)
        return min(values) < 0 or (self.metric.format == "percent" and max(values) > 1)

    @property
    def is_fair(self) -> bool:
        """Whether the days that are compared changed so, and not just which of them are there."""
        if self.shared is None or self.relative is None:
            return True
        held = self.days.weekday_change
        return held is not None and is_near(self.relative, held)

    def describe(self, title: str = "", *, is_beside: bool = False) -> dict[str, Any]:
        """What sentences see of it; where it `is_beside` a large change a very small one is none."""
        language, direction, relative = self.style.language, self.direction, self.relative
        if is_beside and relative is not None and abs(relative) < LITTLE:
            direction = "flat"
        change = "" if relative is None else language.write_percent(relative)
        verdict = "better" if direction == self.metric.better else "worse"
        if self.metric.better == "neutral" or direction == "flat":
            verdict = "neutral"
        return {
            "title": title,
            "direction": direction,
            "verdict": verdict,
            "value": self.style.write(self.value),
            "previous": self.style.write(self.previous),
            "difference": self.style.write_difference(self.difference),
            "change": change,
            "words": language.write("new" if relative is None else direction, change=change),
            "against": self.against if self.against == PERIOD else f"{PERIOD}{self.against}{PERIOD_END}",
        }


def change_of(
    metric: Metric,
    values: tuple[float, float],
    currency: str | None,
    span: Span,
    days: Windows = NO_DAYS,
    shared: SharedDays | None = None,
) -> Change:
    style = NumberStyle.of(span.language, metric.format, currency, *values)
    return Change(*values, metric, style, span.describe_days(shared), days.keep(shared), shared)


def measure_change(
    metric: Metric, answers: Answers, observation: Observation, span: Span, only: SharedDays | None = None
) -> Change | None:
    """A metric's change; None where it has none, or one that nobody can believe.

    Of a sum, and of a ratio whose denominator is the observation's volume, it is over the days that both windows have,
    or `only` over some. Of anything else it is that of the widget, if both windows have most of their days.
    """
    reading, definition, volume = answers[metric.key], observation.definition, observation.volume
    track = reading.find_series(definition.series)
    if track is None or None in track.totals:
        return None
    days, values, additive = track.days, track.add_up(None), is_additive(metric)
    shared = only or days.share(cut=span.is_cut)
    if volume is not None:
        volumes = answers[volume.key]
        if any(each is None or each < definition.floor for each in volumes.totals):
            return None
        weighed = weigh_windows(days, values, volumes, shared)
        days, shared = (days, None) if weighed is None else (weighed, shared)
        if shared is not None and days.now.present and days.then.present:
            values = (fmean(days.now.present), fmean(days.then.present))
    elif additive and shared is not None:
        values = track.add_up(shared)
    else:
        shared = None
    change = change_of(metric, values, reading.currency, span, days, shared)
    if change.relative is None or change.is_absurd or not days.has_enough(shared):
        return None
    if not (days.is_covered if shared is None else volume is not None or change.is_fair):
        return None
    large = volume is not None or max(map(abs, values)) >= definition.floor
    clear = change.days.is_clear(change.relative, least=definition.least, additive=additive, partial=shared is not None)
    return replace(change, notable=large and clear)


def weigh_windows(
    windows: Windows, values: tuple[float, float], volume: Reading, shared: SharedDays | None
) -> Windows | None:
    """A ratio's days as they bear on it, those of `shared`; None where `volume` is not what it is a ratio to."""
    if not volume.tracks:
        return None
    whole, kept = (Windows(*map(weigh_ratios, days, volume.whole.days)) for days in (windows, windows.keep(shared)))
    return kept if all(map(is_mean, whole, values)) else None


def find_change(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    found = measure_change(observation.metric, answers, observation, span)
    if found is None:
        return None
    view = found.describe(observation.definition.series or observation.metric.title)
    return Finding(view, found.strength, found.notable)


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    """Both are measured over the days that both windows have of both."""
    metrics = list(observation.metrics.values())
    leading, following = (answers[metric.key].find_series() for metric in metrics)
    if leading is None or following is None:
        return None
    shared = leading.days.keep(following.days.list_counted()).share(cut=span.is_cut)
    first, second = (measure_change(metric, answers, observation, span, shared) for metric in metrics)
    if first is None or second is None or first.shared != second.shared:
        return None
    leads, follows = first.relative, second.relative
    if not (first.days.have_same_weekdays and second.days.have_same_weekdays) or leads is None or follows is None:
        return None
    apart = abs(follows - leads)
    view = {
        "relation": "behind" if follows < leads else "ahead",
        "first": first.describe(metrics[0].title, is_beside=True),
        "second": second.describe(metrics[1].title, is_beside=True),
    }
    # What moved must have moved for sure; the other may be as it was.
    notable = apart >= observation.definition.least and (first.notable or second.notable)
    return Finding(view, min(1.0, apart), notable)
