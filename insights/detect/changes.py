"""Changes: a metric against the compared window, over the days that both have; and whether another one follows it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Any

from engine import Better, Body, Metric, TableMetric
from insights.config.rules import Observation
from insights.detect.significance import DayValues, Windows, days_together, is_enough, is_mean, weigh_ratios, windows_of
from insights.facts import PERIOD, Answers, Direction, Finding, SharedDays, Span, series_of
from insights.figures import NumberStyle, write_percent

# Below it a change is none, in words.
FLAT = 0.005


@dataclass(frozen=True, slots=True)
class Change:
    """From `previous` to `value`; `against` says what is compared: the whole windows, or which days of them."""

    value: float
    previous: float
    metric: Metric
    style: NumberStyle
    against: str = PERIOD

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
    def view(self) -> dict[str, Any]:
        language, direction = self.style.language, self.direction
        change = "" if self.relative is None else write_percent(language, self.relative)
        word = "new" if self.relative is None else direction
        return {
            "direction": direction,
            "verdict": verdict_of(direction, self.metric.better),
            "value": self.style.write(self.value),
            "previous": self.style.write(self.previous),
            "difference": self.style.write_difference(self.difference),
            "change": change,
            "words": language.write(word, change=change),
            "against": self.against,
        }


def verdict_of(direction: Direction, better: Better) -> str:
    if better == "neutral" or direction == "flat":
        return "neutral"
    return "better" if direction == better else "worse"


def change_of(
    metric: Metric, values: tuple[float | None, float | None], currency: str | None, span: Span, against: str = PERIOD
) -> Change | None:
    """The change to a value from the one before it; None where one of the two is missing."""
    value, previous = values
    if value is None or previous is None:
        return None
    style = NumberStyle.of(span.language, metric.format, currency, value, previous)
    return Change(value, previous, metric, style, against)


@dataclass(frozen=True, slots=True)
class MeasuredChange:
    """A metric's change, the days of both windows that it is over, and whether it is notable."""

    change: Change
    windows: Windows
    shared: SharedDays | None
    notable: bool


def measure_change(
    metric: Metric, answers: Answers, observation: Observation, span: Span, only: SharedDays | None = None
) -> MeasuredChange | None:
    """A metric's change; None where it has none, or one that nobody can believe.

    Of a sum, and of a ratio whose denominator is the observation's volume, it is over the days that both windows have,
    or `only` over some. Of anything else it is that of the widget, if both windows have most of their days.
    """
    body, volume = answers[metric.key], observation.volume
    found = series_of(body, observation.series)
    if found is None:
        return None
    windows, values = windows_of(found), read_values(found[0]["stats"])
    additive = isinstance(metric, TableMetric) and metric.total == "period" and metric.series[0].expression.additive
    shared = only or windows.share(cut=span.unfinished_days > 0)
    if volume is not None:
        floors = read_values(answers[volume.key]["stats"])
        if any(each is None or each < observation.floor for each in floors):
            return None
        weighed = weigh_windows(windows, values, answers[volume.key], shared)
        shared = None if weighed is None else shared
        windows = weighed or windows
        if shared is not None and windows.now.present and windows.then.present:
            values = (fmean(windows.now.present), fmean(windows.then.present))
    elif additive and shared is not None:
        windows = windows.keep(shared)
        values = windows.totals
    else:
        shared = None
    change = change_of(metric, values, body["meta"]["currency"], span, span.describe_days(shared))
    if change is None or change.relative is None or is_absurd(change) or not is_enough(shared):
        return None
    if not (windows.is_covered if shared is None else volume is not None or windows.is_fair(change.relative, shared)):
        return None
    large = volume is not None or max(abs(change.value), abs(change.previous)) >= observation.floor
    notable = large and windows.is_clear(
        change.relative, least=observation.least, additive=additive, partial=shared is not None
    )
    return MeasuredChange(change, windows, shared, notable)


def read_values(stats: Any) -> tuple[float | None, float | None]:
    return stats["value"], stats["previous"]


def weigh_windows(
    windows: Windows, values: tuple[float | None, float | None], volume: Body, shared: SharedDays | None
) -> Windows | None:
    """A ratio's days as they bear on it, those of `shared`; None where `volume` is not what it is a ratio to."""
    if None in values or not volume["series"]:
        return None
    volumes = days_together(volume)
    whole = (weigh_ratios(windows.now, volumes.now), weigh_ratios(windows.then, volumes.then))
    if not all(is_mean(days, value) for days, value in zip(whole, values, strict=True) if value is not None):
        return None
    kept = windows.keep(shared)
    return Windows(weigh_ratios(kept.now, volumes.now), weigh_ratios(kept.then, volumes.then))


def is_absurd(change: Change) -> bool:
    """Whether a part is larger than its whole: more sessions that convert than sessions. Or whether there is less than
    nothing, of which no percentage is the change.
    """
    values = (change.value, change.previous)
    return min(values) < 0 or (change.metric.format == "percent" and max(values) > 1)


def find_change(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric = observation.metrics[0]
    found = measure_change(metric, answers, observation, span)
    if found is None:
        return None
    view = {"title": observation.series or metric.title, **found.change.view}
    return Finding(observation=observation, view=view, notable=found.notable, strength=found.change.strength)


# Below it a change is little, beside that of another metric.
LITTLE = 0.02


def find_pair(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    """Both are measured over the days that both windows have of both."""
    found = [series_of(answers[metric.key]) for metric in observation.metrics]
    windows = [windows_of(each) for each in found if each is not None]
    if len(windows) < len(found):
        return None
    leading, following = windows
    shared = Windows(join_days(leading.now, following.now), join_days(leading.then, following.then)).share(
        cut=span.unfinished_days > 0
    )
    first, second = (measure_change(metric, answers, observation, span, shared) for metric in observation.metrics)
    if first is None or second is None or first.shared != second.shared:
        return None
    leads, follows = first.change.relative, second.change.relative
    if not (first.windows.have_same_weekdays and second.windows.have_same_weekdays) or leads is None or follows is None:
        return None
    return Finding(
        observation=observation,
        view={
            "relation": "behind" if follows < leads else "ahead",
            "first": {"title": observation.metrics[0].title, **view_beside(first.change)},
            "second": {"title": observation.metrics[1].title, **view_beside(second.change)},
        },
        # What moved must have moved for sure; the other may be as it was.
        notable=abs(follows - leads) >= observation.least and (first.notable or second.notable),
        strength=min(1.0, abs(follows - leads)),
    )


def join_days(first: DayValues, second: DayValues) -> DayValues:
    """The days that both metrics have."""
    return first.keep([value is not None for value in second.values])


def view_beside(change: Change) -> dict[str, Any]:
    """What sentences see of each of the two: beside a large change a very small one is none."""
    if change.relative is None or abs(change.relative) >= LITTLE:
        return change.view
    return {**change.view, "direction": "flat", "verdict": "neutral", "words": change.style.language.write("flat")}
