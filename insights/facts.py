"""Findings: what the data says of an entry of insights.yaml, over the asked window and the one it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from engine import Body, Compare, Window, get_comparison_window
from insights.config.rules import Language, Observation

Answers = Mapping[str, Body]
Direction = Literal["up", "down", "flat"]
# Which days of the asked and of the compared window are held against each other: those that both have.
SharedDays = tuple[tuple[bool, ...], tuple[bool, ...]]

# Where a sentence says against what it is held: a list of bullets says it once. A character that no name keeps.
PERIOD = "\ue010"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an observation came to.

    `view` is what sentences see of it. `notable` tells whether it is worth a sentence, and `strength` how far it goes.
    One that `silences` its sources makes every other finding about them unfair.
    """

    observation: Observation
    view: Mapping[str, Any]
    notable: bool
    strength: float
    silences: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The asked window, what it is compared with, what day it is, and in which language that is told."""

    window: Window
    compare: Compare
    today: date
    language: Language

    @property
    def days(self) -> int:
        return self.window.days

    @property
    def unfinished_days(self) -> int:
        """How many of the asked window's days are not over: today, and those to come."""
        return min(self.days, max(0, (self.window.end - self.today).days + 1))

    @property
    def is_adjacent(self) -> bool:
        """Whether the compared window ends where the asked one begins."""
        return self.compare is Compare.PREVIOUS_PERIOD

    @property
    def comparison_text(self) -> str:
        """The compared window in words."""
        if self.compare is Compare.PREVIOUS_YEAR:
            return self.language.write("previous_year")
        if self.days == 1:
            return self.language.write("previous_day")
        return self.language.write("previous_days", days=self.language.write_number(self.days))

    def describe_days(self, shared: SharedDays | None) -> str:
        """Against what a change is held, in words, where the days of `shared` alone are compared."""
        if shared is None or not any(shared[0]):
            return PERIOD
        now, then = shared
        first, last = now.index(True), len(now) - 1 - now[::-1].index(True)
        if now != then or not all(now[first : last + 1]):
            return self.language.write("shared_days", count=self.language.write_number(sum(now)))
        starts = (self.window.start, get_comparison_window(self.window, self.compare).start)
        days = [self.language.write_day(start + timedelta(days=days)) for start in starts for days in (first, last)]
        return self.language.write("shared_dates", **dict(zip(("first", "last", "before", "until"), days, strict=True)))


def series_of(body: Body, name: str | None = None) -> tuple[Any, Any] | None:
    """A series and its counterpart in the compared window: the one of that name, or else the first."""
    pairs = zip(body["series"], body.get("comparison", {}).get("series") or (), strict=False)
    return next((pair for pair in pairs if name in (None, pair[0]["name"])), None)
