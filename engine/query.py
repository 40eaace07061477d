"""A question to a metric: which days, compared with what, in which buckets, from which sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from engine.calendar import EARLIEST, LATEST, Compare, Grain, Period, period
from engine.errors import InvalidQuestion, Problem
from engine.suggestions import did_you_mean, nearest_names

SOURCES = ("ga4", "instagram", "meta")
MOST_DAYS = 1_100
DEFAULT_DAYS = 28

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every metric alike.

    `sources` are the switched-on sources, or None for every connected one.
    """

    start: date
    end: date
    compare: Compare = Compare.OFF
    grain: Grain = Grain.DAY
    sources: frozenset[str] | None = None

    @property
    def period(self) -> Period:
        return period(self.start, self.end, self.grain, self.compare)


def parse_question(
    *,
    today: date,
    start: str | None = None,
    end: str | None = None,
    compare: str | None = None,
    grain: str | None = None,
    sources: str | None = None,
) -> Question:
    """Read a question from its texts; None means the default.

    `today` is the current date in the reporting time zone: the default window is the 28 days before it.
    Raises InvalidQuestion with a problem for every wrong parameter.
    """
    problems: list[Problem] = []
    first, last = parse_dates(start, end, today, problems)
    question = Question(
        start=first,
        end=last,
        compare=parse_choice("compare", compare, Compare.OFF, problems),
        grain=parse_choice("grain", grain, Grain.DAY, problems),
        sources=parse_sources(sources, problems),
    )
    if problems:
        raise InvalidQuestion(problems)
    return question


def parse_dates(start: str | None, end: str | None, today: date, problems: list[Problem]) -> tuple[date, date]:
    """The asked window's first and last day; the default window where there is a problem."""
    yesterday = today - timedelta(days=1)
    default = (yesterday - timedelta(days=DEFAULT_DAYS - 1), yesterday)
    if start is None and end is None:
        return default
    if start is None or end is None:
        missing, given = ("start", "end") if start is None else ("end", "start")
        problems.append(Problem(missing, f"is missing: give both start and end, or neither (only {given} is given)"))
        return default
    first, last = parse_date("start", start, problems), parse_date("end", end, problems)
    if first is None or last is None:
        return default
    if first > last:
        problems.append(Problem("start", f"must not be after end: {first} is after {last}"))
    elif (days := (last - first).days + 1) > MOST_DAYS:
        problems.append(Problem("end", f"the range has {days:,} days; at most {MOST_DAYS:,} are allowed"))
    return first, last


def parse_date(parameter: str, text: str, problems: list[Problem]) -> date | None:
    """An ISO date, such as 2025-01-31."""
    try:
        day = date.fromisoformat(text) if ISO_DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        problems.append(Problem(parameter, f"{shown(text)} is not a date; write it as YYYY-MM-DD"))
    elif not EARLIEST <= day <= LATEST:
        problems.append(Problem(parameter, f"{day} is out of range; dates run from {EARLIEST} to {LATEST}"))
        return None
    return day


def parse_choice(parameter: str, text: str | None, default: Choice, problems: list[Problem]) -> Choice:
    """One of the values of the enumeration that `default` belongs to."""
    if text is None:
        return default
    choices = [choice.value for choice in type(default)]
    if text in choices:
        return type(default)(text)
    allowed = ", ".join(choices)
    problems.append(
        Problem(parameter, f"{shown(text)} is not one of {allowed}{did_you_mean(nearest_names(text, choices))}")
    )
    return default


def parse_sources(text: str | None, problems: list[Problem]) -> frozenset[str] | None:
    """A comma list of sources; an empty one switches all of them off."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    for name in names:
        if name not in SOURCES:
            allowed = ", ".join(SOURCES)
            problems.append(
                Problem(
                    "sources",
                    f"{shown(name)} is not one of {allowed}{did_you_mean(nearest_names(name, SOURCES))}",
                )
            )
    return frozenset(names)


def shown(text: str) -> str:
    """What was given, quoted, and cut where it is long."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
