"""Metric queries: days, comparison, grain and sources, parsed from texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from engine.calendar import MAX_DATE, MIN_DATE, Compare, Grain, Period, build_period
from engine.errors import InvalidQuery, ParameterProblem
from engine.sources import SOURCES
from engine.suggestions import did_you_mean, find_nearest_names

MAX_DAYS = 1_100
DEFAULT_DAYS = 28
MAX_TOP = 50
MAX_ROWS, MAX_OFFSET = 500, 999_999_999
MAX_FILTER_VALUES, MAX_FILTER_LENGTH = 50, 500
FILTER_PREFIX, EXCLUDE_PREFIX = "filter.", "exclude."
# Why a text is refused that `is_storable_text` is not true of.
NO_TEXT = "has a character that no text has: NUL, or half a surrogate"
# The name of the member of rows without a value.
NOT_SET = "(not set)"

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class DimensionFilter:
    """The members of a dimension whose rows count: any of `include`, unless it is empty, and none of `exclude`."""

    dimension: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowOrder:
    """The column that the rows of a table are ordered by."""

    column: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """The parameters that all metrics have.

    `sources` are the switched-on sources, or None for all connected ones. `compare_start` is the first day of a custom
    comparison. All `filters` must hold. `by` and `top` break a widget down by another dimension than its own, or into
    another number of members. `sort`, `limit` and `offset` are of the rows of tables.
    """

    start: date
    end: date
    compare: Compare = Compare.OFF
    grain: Grain = Grain.DAY
    sources: frozenset[str] | None = None
    compare_start: date | None = None
    filters: tuple[DimensionFilter, ...] = ()
    by: str | None = None
    top: int | None = None
    sort: RowOrder | None = None
    limit: int | None = None
    offset: int | None = None

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
    include: Mapping[str, Sequence[str]] = MappingProxyType({}),
    exclude: Mapping[str, Sequence[str]] = MappingProxyType({}),
    by: str | None = None,
    top: str | None = None,
    sort: str | None = None,
    limit: str | None = None,
    offset: str | None = None,
    known_sources: Collection[str] = SOURCES.keys(),
) -> MetricQuery:
    """Parse a query from its texts; None means the default.

    `today` is the current date in the reporting time zone: the default window is the 28 days before it. `include` and
    `exclude` are members by dimension. `known_sources` are those of the catalog.
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
        sources=parse_sources(sources, known_sources, problems),
        filters=parse_filters(include, exclude, problems),
        by=by,
        top=parse_count("top", top, MAX_TOP, problems),
        sort=parse_order(sort),
        limit=parse_count("limit", limit, MAX_ROWS, problems),
        offset=parse_count("offset", offset, MAX_OFFSET, problems, least=0),
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


def parse_count(
    parameter: str, text: str | None, most: int, problems: list[ParameterProblem], *, least: int = 1
) -> int | None:
    """Parse a whole number from `least` to `most`."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    problems.append(ParameterProblem(parameter, f"{quote_text(text)} is not a whole number from {least} to {most}"))
    return None


def parse_order(text: str | None) -> RowOrder | None:
    """Parse a column's name, with a - before it for descending."""
    return None if text is None else RowOrder(text.removeprefix("-"), text.startswith("-"))


def parse_sources(text: str | None, known: Collection[str], problems: list[ParameterProblem]) -> frozenset[str] | None:
    """Parse a comma list of sources; an empty one switches all of them off."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    for name in names:
        if name not in known:
            allowed = ", ".join(known)
            problems.append(
                ParameterProblem(
                    "sources",
                    f"{quote_text(name)} is not one of {allowed}{did_you_mean(find_nearest_names(name, known))}",
                )
            )
    return frozenset(names)


def parse_filters(
    include: Mapping[str, Sequence[str]], exclude: Mapping[str, Sequence[str]], problems: list[ParameterProblem]
) -> tuple[DimensionFilter, ...]:
    """Parse the members that each dimension includes and excludes; an empty text is the member without a value."""
    for parameter, values in iter_filter_parameters(include, exclude):
        if len(values) > MAX_FILTER_VALUES:
            message = f"has {len(values)} values; at most {MAX_FILTER_VALUES} are allowed"
            problems.append(ParameterProblem(parameter, message))
        elif any(len(value) > MAX_FILTER_LENGTH for value in values):
            message = f"has a value of more than {MAX_FILTER_LENGTH} characters"
            problems.append(ParameterProblem(parameter, message))
        elif not all(map(is_storable_text, values)):
            problems.append(ParameterProblem(parameter, NO_TEXT))
    return tuple(
        DimensionFilter(name, get_members(include.get(name, ())), get_members(exclude.get(name, ())))
        for name in dict.fromkeys((*include, *exclude))
        if include.get(name) or exclude.get(name)
    )


def is_storable_text(text: str) -> bool:
    """Whether a database can hold the text: without NUL and without half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def iter_filter_parameters(
    include: Mapping[str, Sequence[str]], exclude: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each filter's parameter and its values."""
    for prefix, filters in ((FILTER_PREFIX, include), (EXCLUDE_PREFIX, exclude)):
        for name, values in filters.items():
            yield f"{prefix}{name}", values


def get_members(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value or NOT_SET for value in values))


def check_dimensions(query: MetricQuery, dimensions: Collection[str], own: str = "") -> None:
    """Raise InvalidQuery for filters by what is no table's dimension; `own` tells which the widget has."""
    problems = [
        ParameterProblem(f"{prefix}{each.dimension}"[:80], f"{quote_text(each.dimension)} is no dimension{hint}")
        for each in query.filters
        if each.dimension not in dimensions
        for prefix, values in ((FILTER_PREFIX, each.include), (EXCLUDE_PREFIX, each.exclude))
        if values
        for hint in (suggest_dimension(each.dimension, dimensions, own),)
    ]
    if problems:
        raise InvalidQuery(problems)


def suggest_dimension(name: str, dimensions: Collection[str], own: str) -> str:
    """Return the nearest dimension and the widget's own, or all of them."""
    nearest = did_you_mean(find_nearest_names(name, dimensions))
    if not own:
        return nearest or list_dimensions(dimensions)
    return f"{nearest} {own}" if nearest else f"; {own}"


def list_dimensions(dimensions: Collection[str]) -> str:
    return f"; there are {', '.join(sorted(dimensions))}" if dimensions else "; the metric files name none"


def quote_text(text: str) -> str:
    """Return a given text in quotes, shortened if it is long."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
