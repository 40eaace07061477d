"""Facts: what the data says, one statement each, and findings: the facts that answer one entry of insights.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from engine.calendar import Compare, Window
from engine.catalog.insight_resolution import Observation
from engine.catalog.metrics import Metric
from engine.files.definitions import Better
from insights.figures import Figure, Role

Direction = Literal["up", "down", "flat"]
Verdict = Literal["better", "worse", "neutral"]

# Below it a change is none, in words.
FLAT = 0.005
# Below it a change is little, beside that of another metric.
LITTLE = 0.02


@dataclass(frozen=True, slots=True)
class Weight:
    """How a member weighs in a ratio: whether its share of the denominator, which has these names, grew or shrank, and
    whether its own ratio lies above or below that of the whole.
    """

    moved: Literal["grew", "shrank"]
    standing: Literal["above", "below"]
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement about a metric, or about one of its members, over the asked window.

    `names` are what the metric may be called; `member`, and `quote` of what may be behind it, are fit to be quoted.
    `day` is the one day that it is about. `telling` is false of members to which nothing happened. `missing` is how
    many days have no data, where that bears on it, `replaces` the member in whose place this one has come, and `weight`
    that of a member in a ratio. One that is `silent` says that there are no rows since its `day`,
    one that is `new` that the compared window had none of it, though it was counted.
    """

    observation: str
    key: str
    names: tuple[str, ...]
    sources: tuple[str, ...]
    window: Window
    direction: Direction
    verdict: Verdict
    figures: tuple[Figure, ...]
    member: str | None = None
    quote: str | None = None
    day: date | None = None
    telling: bool = True
    missing: int = 0
    replaces: str | None = None
    weight: Weight | None = None
    silent: bool = False
    new: bool = False

    def figure(self, role: Role) -> Figure | None:
        return next((each for each in self.figures if each.role == role), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an observation came to.

    `view` is what sentences see of it. `notable` tells whether it is worth a sentence, and `strength` how far it goes.
    """

    observation: Observation
    view: Mapping[str, Any]
    facts: tuple[Fact, ...]
    notable: bool
    strength: float


@dataclass(frozen=True, slots=True)
class Span:
    """The asked window, what it is compared with, and what day it is."""

    window: Window
    compare: Compare
    today: date

    @property
    def days(self) -> int:
        return self.window.days

    @property
    def unfinished(self) -> int:
        """How many of the asked window's days are not over: today, and those to come."""
        return min(self.days, max(0, (self.window.end - self.today).days + 1))

    @property
    def is_adjacent(self) -> bool:
        """Whether the compared window ends where the asked one begins."""
        return self.compare is Compare.PREVIOUS_PERIOD

    @property
    def compared(self) -> str:
        """The compared window in words."""
        if self.compare is Compare.PREVIOUS_YEAR:
            return "a year earlier"
        return "the day before" if self.days == 1 else f"the previous {self.days:,} days"


def direction_of(difference: float, relative: float | None) -> Direction:
    if difference == 0 or (relative is not None and abs(relative) < FLAT):
        return "flat"
    return "up" if difference > 0 else "down"


def days_without(count: int) -> str:
    """How many days have no data, in words; empty where all have."""
    return "" if not count else f"{count} {'day has' if count == 1 else 'days have'} no data"


def verdict_of(direction: Direction, better: Better) -> Verdict:
    if better == "neutral" or direction == "flat":
        return "neutral"
    return "better" if direction == better else "worse"


def names_of(metric: Metric, called: tuple[str, ...], series: str | None = None) -> tuple[str, ...]:
    """What a metric may be called: its title, without what it is broken down by, and what the file says."""
    title = series or metric.title
    whole, by, _ = title.partition(" by ")
    return tuple(dict.fromkeys((title, *((whole,) if by else ()), *called)))


def spoken_day(day: date) -> str:
    """A day in words: 4 March."""
    return f"{day.day} {day:%B}"
