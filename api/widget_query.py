"""Requests' texts → a metric query, with a problem for each invalid parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.request_state import get_services
from engine import (
    EXCLUDE_PREFIX,
    FILTER_PREFIX,
    NO_TEXT,
    Catalog,
    InvalidQuery,
    MetricQuery,
    ParameterProblem,
    did_you_mean,
    find_nearest_names,
    is_storable_text,
    parse_count,
    parse_metric_query,
    quote_text,
)

PARAMETERS = ("start", "end", "compare", "compare_start", "sources", "grain")
# Those of the rows of a table.
ROWS = ("sort", "limit", "offset")
# What one widget takes beside these, and a batch does not.
BREAKDOWN = ("by", "top")
# How many members of a dimension are listed, unless a request says so, and at most.
MEMBER_LIMIT, MAX_MEMBER_LIMIT = 50, 200
# The members of a batch beside these.
FILTERS = ("filter", "exclude")


def read_query(
    request: Request,
    *,
    today: date,
    parameters: Sequence[str] = (*PARAMETERS, *BREAKDOWN, *ROWS),
    filters: Sequence[str] = (FILTER_PREFIX, EXCLUDE_PREFIX),
    others: Sequence[str] = (),
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> MetricQuery:
    """Read the query string as a metric query; unknown and repeated parameters are problems.

    A parameter that begins with one of `filters` names a dimension, and may be repeated. `others` are parameters that
    the caller reads. Raises InvalidQuery.
    """
    check_texts(request)
    parameters = (*parameters, *others)
    members: dict[str, dict[str, list[str]]] = {prefix: {} for prefix in filters}
    single: list[tuple[str, str]] = []
    for name, text in request.query_params.multi_items():
        prefix = next((prefix for prefix in filters if name.startswith(prefix)), None)
        if prefix is None:
            single.append((name, text))
        else:
            members[prefix].setdefault(name.removeprefix(prefix), []).append(text)
    names = [name for name, _ in single]
    texts = {name: text for name, text in single if name in parameters}
    problems = find_repeated_parameters(names, parameters)
    unknown = dict.fromkeys(name for name in names if name not in parameters)
    catalog = get_services(request).engine.catalog
    known = (*parameters, *(f"{each}<dimension>" for each in filters))
    problems += [
        describe_unknown_parameter(name, known, suggest_filter(name, catalog.dimensions) if filters else "")
        for name in unknown
    ]
    return build_query(
        {**defaults, **{name: text for name, text in texts.items() if name not in others}},
        today=today,
        known_sources=catalog.sources,
        problems=problems,
        include=members.get(FILTER_PREFIX, {}),
        exclude=members.get(EXCLUDE_PREFIX, {}),
    )


def check_parameters(request: Request, parameters: Sequence[str]) -> None:
    """Raise InvalidQuery for parameters that a route does not take, and for repeated ones."""
    check_texts(request)
    names = [name for name, _ in request.query_params.multi_items()]
    problems = find_repeated_parameters(names, parameters)
    problems += [
        describe_unknown_parameter(name, parameters) for name in dict.fromkeys(names) if name not in parameters
    ]
    if problems:
        raise InvalidQuery(problems)


def check_texts(request: Request) -> None:
    """Raise InvalidQuery for parameters that no database holds: NUL, or bytes that are no text."""
    query = request.scope["query_string"]
    if b"%" not in query:
        return
    # The request's own reading puts a character in the place of bytes that are no text.
    strict = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    problems = [
        ParameterProblem(name[:40], NO_TEXT)
        for (name, _), pair in zip(request.query_params.multi_items(), strict, strict=True)
        if not all(map(is_storable_text, pair))
    ]
    if problems:
        raise InvalidQuery(problems)


def find_repeated_parameters(names: Sequence[str], parameters: Sequence[str]) -> list[ParameterProblem]:
    return [
        ParameterProblem(name, "is given more than once")
        for name in dict.fromkeys(names)
        if name in parameters and names.count(name) > 1
    ]


def build_batch_query(body: Mapping[str, Any], unknown: Iterable[str], *, today: date, catalog: Catalog) -> MetricQuery:
    """Build the metric query of a batch. Raises InvalidQuery."""
    known = (*PARAMETERS, *ROWS, *FILTERS)
    problems = [
        describe_unknown_parameter(name, known, suggest_filter(name, catalog.dimensions, in_body=True))
        for name in dict.fromkeys(unknown)
    ]
    return build_query(
        {name: get_text(body.get(name)) for name in (*PARAMETERS, *ROWS)},
        today=today,
        known_sources=catalog.sources,
        problems=problems,
        include=body.get("filter") or {},
        exclude=body.get("exclude") or {},
    )


def get_text(value: Any) -> str | None:
    """Return a member as the text that a query string has in its place."""
    return None if value is None else str(value)


def build_query(
    texts: Mapping[str, str | None],
    *,
    today: date,
    known_sources: Collection[str],
    problems: Iterable[ParameterProblem] = (),
    include: Mapping[str, Sequence[str]] = MappingProxyType({}),
    exclude: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> MetricQuery:
    """Build a metric query. Raises InvalidQuery with every problem of its parameters."""
    found = list(problems)
    try:
        query = parse_metric_query(today=today, known_sources=known_sources, include=include, exclude=exclude, **texts)
    except InvalidQuery as invalid:
        found += invalid.problems
    if found:
        raise InvalidQuery(found)
    return query


def suggest_filter(name: str, dimensions: Collection[str], *, in_body: bool = False) -> str:
    """Return how to filter by a dimension whose name stands where no parameter has it; empty for any other name."""
    kind, _, rest = name.casefold().partition(".")
    kind, dimension = (kind, rest) if kind in FILTERS else (FILTERS[0], name.casefold())
    if dimension not in dimensions:
        return ""
    return f'; write "{kind}": {{"{dimension}": […]}}' if in_body else f"; write {kind}.{dimension}"


def describe_unknown_parameter(name: str, parameters: Sequence[str], remedy: str = "") -> ParameterProblem:
    nearest = did_you_mean(find_nearest_names(name, parameters))
    hint = remedy or nearest or f"; there are {', '.join(parameters)}"
    return ParameterProblem(name[:40], f"{quote_text(name)} is not a parameter{hint}")


def read_member_limit(text: str | None) -> int:
    """Return how many members are listed at most. Raises InvalidQuery."""
    problems: list[ParameterProblem] = []
    limit = parse_count("limit", text, MAX_MEMBER_LIMIT, problems)
    if problems:
        raise InvalidQuery(problems)
    return limit or MEMBER_LIMIT
