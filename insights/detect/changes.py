"""Changes: a metric against the compared window, over the days that both have; and whether another one follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from engine import Metric, TableMetric
from insights.config.rules import Observation
from insights.detect.significance import NO_DAYS, SharedDays, Value, Windows, is_enough, is_mean, weigh_ratios
from insights.facts import PERIOD, PERIOD_END, Answers, Direction, Finding, NumberStyle, Reading, Span

# Below it a change is none, in words; and below that it is little beside the change of another metric.
FLAT = 0.005
LITTLE = 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`; `against` says what is compared, all `days` or the `shared` ones."""

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

    def describe(self, title: str = "", *, is_beside: bool = False) -> dict[str, Any]:
        """What sentences see of it; where it `is_beside` a large change a very small one is none."""
        language, direction, relative = self.style.language, self.direction, self.relative
        if is_beside and relative is not None and abs(relative) < LITTLE:
            direction = "flat"
        change = "" if relative is None else language.write_percent(relative)
        word = "new" if relative is None else direction
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
            "words": language.write(word, change=change),
            "against": self.against if self.against == PERIOD else f"{PERIOD}{self.against}{PERIOD_END}",
        }


def change_of(
    metric: Metric,
    values: tuple[Value, Value],
    currency: str | None,
    span: Span,
    days: Windows = NO_DAYS,
    shared: SharedDays | None = None,
) -> Change | None:
    value, previous = values
    if value is None or previous is None:
        return None
    style = NumberStyle.of(span.language, metric.format, currency, value, previous)
    return Change(value, previous, metric, style, span.describe_days(shared), days, shared)


def measure_change(
    metric: Metric, answers: Answers, observation: Observation, span: Span, only: SharedDays | None = None
) -> Change | None:
    """A metric's change; None where it has none, or one that nobody can believe.

    Of a sum, and of a ratio whose denominator is the observation's volume, it is over the days that both windows have,
    or `only` over some. Of anything else it is that of the widget, if both windows have most of their days.
    """
    track, volume = answers[metric.key].find_series(observation.series), observation.volume
    if track is None:
        return None
    windows, values = track.days, track.totals
    additive = isinstance(metric, TableMetric) and metric.total == "period" and metric.series[0].expression.additive
    shared = only or windows.share(cut=span.is_cut)
    if volume is not None:
        if any(each is None or each < observation.floor for each in answers[volume.key].totals):
            return None
        weighed = weigh_windows(windows, values, answers[volume.key], shared)
        windows, shared = (windows, None) if weighed is None else (weighed, shared)
        if shared is not None and windows.now.present and windows.then.present:
            values = (fmean(windows.now.present), fmean(windows.then.present))
    elif additive and shared is not None:
        windows, values = windows.keep(shared), track.add_up(shared)
    else:
        shared = None
    change = change_of(metric, values, answers[metric.key].currency, span, windows, shared)
    if change is None or change.relative is None or change.is_absurd or not is_enough(shared):
        return None
    if not (windows.is_covered if shared is None else volume is not None or windows.is_fair(change.relative, shared)):
        return None
    large = volume is not None or max(abs(change.value), abs(change.previous)) >= observation.floor
    notable = large and windows.is_clear(
        change.relative, least=observation.least, additive=additive, partial=shared is not None
    )
    return replace(change, notable=notable)


def weigh_windows(
    windows: Windows, values: tuple[Value, Value], volume: Reading, shared: SharedDays | None
) -> Windows | None:
    """A ratio's days as they bear on it, those of `shared`; None where `volume` is not what it is a ratio to."""
    if None in values or not volume.tracks:
        return None
    volumes = volume.whole.days
    whole, kept = (
        Windows(weigh_ratios(days.now, volumes.now), weigh_ratios(days.then, volumes.then))
        for days in (windows, windows.keep(shared))
    )
    means = zip((whole.now, whole.then), values, strict=True)
    return kept if all(value is not None and is_mean(days, value) for days, value in means) else None


def find_change(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric = observation.metrics[0]
    found = measure_change(metric, answers, observation, span)
    if found is None:
        return None
    view = found.describe(observation.series or metric.title)
    return Finding(observation=observation, view=view, notable=found.notable, strength=found.strength)


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    """Both are measured over the days that both windows have of both."""
    leading, following = (answers[metric.key].find_series() for metric in observation.metrics)
    if leading is None or following is None:
        return None
    counted = [[value is not None for value in days.values] for days in (following.days.now, following.days.then)]
    shared = leading.days.keep((tuple(counted[0]), tuple(counted[1]))).share(cut=span.is_cut)
    first, second = (measure_change(metric, answers, observation, span, shared) for metric in observation.metrics)
    if first is None or second is None or first.shared != second.shared:
        return None
    leads, follows = first.relative, second.relative
    if not (first.days.have_same_weekdays and second.days.have_same_weekdays) or leads is None or follows is None:
        return None
    titles = [metric.title for metric in observation.metrics]
    return Finding(
        observation=observation,
        view={
            "relation": "behind" if follows < leads else "ahead",
            "first": first.describe(titles[0], is_beside=True),
            "second": second.describe(titles[1], is_beside=True),
        },
        # What moved must have moved for sure; the other may be as it was.
        notable=abs(follows - leads) >= observation.least and (first.notable or second.notable),
        strength=min(1.0, abs(follows - leads)),
    )
