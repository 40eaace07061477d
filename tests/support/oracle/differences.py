"""The differences of two answers by path, beyond 1e-9 relative and 1e-12 absolute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tests.support.oracle.features import ANSWERED, QuestionFeatures

BODY = ("series", "stats", "comparison", "items", "table", "target", "meta")
META = (
    *("key", "title", "format", "better", "delta", "grain", "start", "end", "compare", "total", "currency"),
    *("sources", "missing_sources", "data_through", "comparison_through", "provisional_from", "filters", "notes"),
)
SERIES = ("name", "id", "key", "format", "better", "currency", "filtered", "points", "stats")
COMPARED = ("name", "points")
STATS = ("value", "previous", "delta", "to_date")
POINT = ("t", "v", "partial")
# What an answer has with a feature only.
ADDED: Mapping[str, frozenset[str]] = {
    "calendar": frozenset(
        {"series[].points[].partial", "comparison.series[].points[].partial", "target.series[].partial"}
    ),
    "extents": frozenset({"meta.notes"}),
    "to_date": frozenset({"stats.to_date", "series[].stats.to_date"}),
    "filters": frozenset(
        {
            *(f"series[].{key}" for key in ("id", "key", "format", "better", "currency", "filtered")),
            *("meta.filters", "meta.delta"),
        }
    ),
    "tables": frozenset({"table"}),
    "windows": frozenset({"target"}),
}
UNORDERED = ("meta.sources", "meta.missing_sources", "meta.notes", "meta.filters.applied", "meta.filters.ignored")


def find_differences(
    expected: Mapping[str, Any], actual: Mapping[str, Any], features: QuestionFeatures = ANSWERED
) -> list[str]:
    """List the differing paths, each with both values; empty if the answers are equal.

    Keys that are not part of a widget's answer, or of a feature that is off, are ignored.
    """
    differences: list[str] = []
    for key in [key for key in BODY if key not in list_left_out(features)]:
        collect_differences(key, expected.get(key), actual.get(key), differences, features)
        if (key in expected) is not (key in actual):
            differences.append(describe_missing(key, key in expected))
    return differences


def describe_missing(path: str, wanted: bool) -> str:
    return f"{path}: only in the {'expected' if wanted else 'actual'} answer"


def list_left_out(features: QuestionFeatures) -> frozenset[str]:
    off = (added for feature, added in ADDED.items() if not getattr(features, feature))
    return frozenset().union(*off)


def remove_indexes(path: str) -> str:
    return "".join(sign for sign in path if not sign.isdigit())


def get_compared_keys(path: str, features: QuestionFeatures) -> tuple[str, ...] | None:
    """Return the keys to compare in the object at `path`; None for all of them."""
    plain = remove_indexes(path)
    keys: tuple[str, ...] | None = {
        "stats": STATS,
        "meta": META,
        "series[]": SERIES,
        "series[].stats": STATS,
        "series[].points[]": POINT,
        "target": ("series", "value", "due", "progress", "projected"),
        "target.series[]": POINT,
        "table": ("columns", "rows", "total", "count"),
        "table.columns[]": ("name", "format", "better", "currency"),
        "table.rows[]": ("id", "label", "currency", "values"),
        "comparison": ("start", "end", "series"),
        "comparison.series[]": COMPARED,
        "comparison.series[].points[]": POINT,
    }.get(plain)
    left_out = list_left_out(features)
    return None if keys is None else tuple(key for key in keys if f"{plain}.{key}" not in left_out)


def collect_differences(
    path: str, expected: Any, actual: Any, differences: list[str], features: QuestionFeatures = ANSWERED
) -> None:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in get_compared_keys(path, features) or sorted({*expected, *actual}):
            if (key in expected) is not (key in actual):
                differences.append(f"{path}.{key}: only in the {'expected' if key in expected else 'actual'} answer")
            elif key in expected:
                collect_differences(f"{path}.{key}", expected[key], actual[key], differences, features)
    elif isinstance(expected, list) and isinstance(actual, list):
        if path in UNORDERED:
            expected, actual = sorted(expected, key=str), sorted(actual, key=str)
        if len(expected) != len(actual):
            differences.append(f"{path}: {len(expected)} expected, {len(actual)} found")
        for i, (left, right) in enumerate(zip(expected, actual, strict=False)):
            collect_differences(f"{path}[{i}]", left, right, differences, features)
    elif not is_equal(expected, actual):
        differences.append(f"{path}: expected {expected!r}, found {actual!r}")


def is_equal(expected: Any, actual: Any) -> bool:
    if is_number(expected) and is_number(actual):
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-12)
    return type(expected) is type(actual) and bool(expected == actual)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
