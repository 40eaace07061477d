"""The parameters of a widget's requests, as the OpenAPI document and the assistants' tools describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from api.schemas.shared import SOURCE_LIST
from engine import (
    EXCLUDE_PREFIX,
    FILTER_PREFIX,
    MAX_DAYS,
    MAX_FILTER_LENGTH,
    MAX_FILTER_VALUES,
    MAX_OFFSET,
    MAX_ROWS,
    MAX_TOP,
    NOT_SET,
    Compare,
    Dimension,
    Grain,
    Metric,
    TableMetric,
)


def describe_parameters() -> list[dict[str, Any]]:
    """Describe the parameters that every widget takes."""
    day = {"type": "string", "format": "date"}
    sources = {"type": "string", "pattern": SOURCE_LIST}
    return [
        describe_parameter("start", day, "The first day; with `end`, or neither for the last 28 complete days."),
        describe_parameter("end", day, f"The last day, at most {MAX_DAYS:,} days with the first."),
        describe_parameter("compare", describe_choice(Compare, Compare.OFF), "What the period is compared with."),
        describe_parameter(
            "compare_start", day, "The first day of the comparison; with `compare=custom`, and only then."
        ),
        describe_parameter("grain", describe_choice(Grain, Grain.DAY), "The width of a bucket; weeks begin on Monday."),
        describe_parameter(
            "sources", sources, "The sources that are switched on, by commas; every connected one by default."
        ),
    ]


def describe_breakdown(metric: Metric) -> list[dict[str, Any]]:
    """Describe the parameters that break a widget of one series down."""
    is_broken_down = isinstance(metric, TableMetric) and metric.by is not None
    return describe_by(sorted(metric.breakdowns), is_broken_down=is_broken_down)


def describe_rows(metric: Metric) -> list[dict[str, Any]]:
    """Describe the parameters of a table's rows."""
    if not isinstance(metric, TableMetric) or metric.rows is None:
        return []
    columns = [f"{sign}{series.name}" for series in metric.series for sign in ("", "-")]
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": metric.rows.limit}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    return [
        describe_parameter("sort", {"type": "string", "enum": columns}, "A column; `-` before it for descending."),
        describe_parameter("limit", limit, "How many rows there are at the most."),
        describe_parameter("offset", offset, "How many rows are left out before the first."),
    ]


def describe_by(dimensions: Sequence[str], *, is_broken_down: bool) -> list[dict[str, Any]]:
    """Describe `by`, where there is a dimension to name, and `top`, where there are members."""
    by = {"type": "string", "enum": list(dimensions)}
    top = {"type": "integer", "minimum": 1, "maximum": MAX_TOP}
    parameters = []
    if dimensions:
        parameters.append(describe_parameter("by", by, "The dimension to break down by, of a widget of one series."))
    if dimensions or is_broken_down:
        parameters.append(describe_parameter("top", top, "How many members are shown; the others are `Other`."))
    return parameters


def describe_filters(dimensions: Mapping[str, Dimension]) -> list[dict[str, Any]]:
    """Describe the parameters that name members of each dimension."""
    members = {
        "type": "array",
        "items": {"type": "string", "maxLength": MAX_FILTER_LENGTH},
        "maxItems": MAX_FILTER_VALUES,
    }
    if not dimensions:
        return []
    words = {FILTER_PREFIX: "any of these", EXCLUDE_PREFIX: "none of these"}
    return [
        describe_parameter(f"{prefix}{name}", members, f"{dimension.title}: {text} members; `{NOT_SET}` is NULL.")
        for name, dimension in sorted(dimensions.items())
        for prefix, text in words.items()
    ]


def describe_parameter(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": dict(schema)}


def describe_choice(choices: type[StrEnum], default: StrEnum) -> dict[str, Any]:
    return {"type": "string", "enum": [member.value for member in choices], "default": default.value}
