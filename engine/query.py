"""Metric queries: days, comparison, grain and sources, parsed from texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from engine.calendar import MAX_DATE, MIN_DATE, Compare, Grain, Period, build_period
from engine.errors import InvalidQuery, ParameterProblem
from engine.sources import SOURCES
from engine.suggestions import did_you_mean, find_nearest_names

MAX_DAYS = 1_100
DEFAULT_DAYS = 28

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """The parameters that all metrics have.

    `sources` are the switched-on sources, or None for all connected ones. `compare_start` is the first day of a custom
    comparison.
    """

    start: date
    end: date
    compare: Compare = Compare.OFF
    grain: Grain = Grain.DAY
    sources: frozenset[str] | None = None
    compare_start: date | None = None

    @property
    def period(self) -> Period:
        return build_period(self.start, self.end, self.grain, self.compare, self.compare_start)


def parse_metric_query(
    *,
    today: date,
    start: str | None = None,
    end: str | None = None,
    compare: str | None = None,
    compare_start: str | None = None,
    grain: str | None = None,
    sources: str | None = None,
) -> MetricQuery:
    """Parse a query from its texts; None means the default.

    `today` is the current date in the reporting time zone: the default window is the 28 days before it.
    Raises InvalidQuery with a problem for each invalid parameter.
    """
    problems: list[ParameterProblem] = []
    first, last = parse_dates(start, end, today, problems)
    comparison = parse_choice("compare", compare, Compare.OFF, problems)
    query = MetricQuery(
        start=first,
        end=last,
        compare=comparison,
        compare_start=parse_compare_start(compare_start, comparison, problems),
        grain=parse_choice("grain", grain, Grain.DAY, problems),
        sources=parse_sources(sources, problems),
    )
    if problems:
        raise InvalidQuery(problems)
    return query


def parse_dates(start: str | None, end: str | None, today: date, problems: list[ParameterProblem]) -> tuple[date, date]:
    """Parse the window's first and last day; after a problem, return the default window."""
    yesterday = today - timedelta(days=1)
    default = (yesterday - timedelta(days=DEFAULT_DAYS - 1), yesterday)
    if start is None and end is None:
        return default
    if start is None or end is None:
        missing, given = ("start", "end") if start is None else ("end", "start")
        problems.append(
            ParameterProblem(missing, f"is missing: give both start and end, or neither (only {given} is given)")
        )
        return default
    first, last = parse_date("start", start, problems), parse_date("end", end, problems)
    if first is None or last is None:
        return default
    if first > last:
        problems.append(ParameterProblem("start", f"must not be after end: {first} is after {last}"))
    elif (days := (last - first).days + 1) > MAX_DAYS:
        problems.append(ParameterProblem("end", f"the range has {days:,} days; at most {MAX_DAYS:,} are allowed"))
    return first, last


def parse_compare_start(text: str | None, compare: Compare, problems: list[ParameterProblem]) -> date | None:
    """Parse the first day of a custom comparison, which no other comparison has."""
    if text is None:
        if compare is Compare.CUSTOM:
            problems.append(ParameterProblem("compare_start", "is missing: compare=custom needs its first day"))
        return None
    if compare is not Compare.CUSTOM:
        problems.append(ParameterProblem("compare_start", "is for compare=custom only; leave it out"))
        return None
    return parse_date("compare_start", text, problems)


def parse_date(parameter: str, text: str, problems: list[ParameterProblem]) -> date | None:
    """Parse an ISO date, such as 2025-01-31."""
    try:
        day = date.fromisoformat(text) if ISO_DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        problems.append(ParameterProblem(parameter, f"{quote_text(text)} is not a date; write it as YYYY-MM-DD"))
    elif not MIN_DATE <= day <= MAX_DATE:
        problems.append(ParameterProblem(parameter, f"{day} is out of range; dates run from {MIN_DATE} to {MAX_DATE}"))
        return None
    return day


def parse_choice(parameter: str, text: str | None, default: Choice, problems: list[ParameterProblem]) -> Choice:
    """Parse a value of the enumeration of `default`."""
    if text is None:
        return default
    choices = [choice.value for choice in type(default)]
    if text in choices:
        return type(default)(text)
    allowed = ", ".join(choices)
    problems.append(
        ParameterProblem(
            parameter, f"{quote_text(text)} is not one of {allowed}{did_you_mean(find_nearest_names(text, choices))}"
        )
    )
    return default


def parse_sources(text: str | None, problems: list[ParameterProblem]) -> frozenset[str] | None:
    """Parse a comma list of sources; an empty one switches all of them off."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    for name in names:
        if name not in SOURCES:
            allowed = ", ".join(SOURCES)
            problems.append(
                ParameterProblem(
                    "sources",
                    f"{quote_text(name)} is not one of {allowed}{did_you_mean(find_nearest_names(name, SOURCES))}",
                )
            )
    return frozenset(names)


def quote_text(text: str) -> str:
    """Return a given text in quotes, shortened if it is long."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
