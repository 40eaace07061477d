"""What a metric's keys must be to one another. Each rule is one function; RULES is the table of contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from engine.files.definitions import CONTENT_KEYS, MetricDefinition
from engine.files.document import KeyPath
from engine.suggestions import suggest_name

KEY_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
COMMON_KEYS = frozenset(("title", "description", "format", "better", "chart", "hidden", "delta", "tests"))
TABLE_KEYS = COMMON_KEYS | {"table", "where", "by", "top", "other", "items", "total", "fill"}
ALLOWED_KEYS = {
    "value": TABLE_KEYS | {"value"},
    "series": (TABLE_KEYS | {"series", "headline"}) - {"by", "top", "other"},
    "combine": COMMON_KEYS | {"combine", "stat"},
    "derive": COMMON_KEYS | {"derive"},
}


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """A broken rule: at the key, or else the value, that stands at `path` below the metric."""

    code: str
    message: str
    path: KeyPath = ()
    at_value: bool = False


# The keys that the metric has in its file: those whose values have the wrong shape are not in its definition.
GivenKeys = Collection[str]
Rule = Callable[[str, MetricDefinition, GivenKeys], Iterator[RuleViolation]]


def find_bad_key(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    if not KEY_PATTERN.fullmatch(key):
        yield RuleViolation("bad-name", f"{key!r} is not a key; use letters, digits, _ and dots, such as ga4.sessions")


def find_wrong_contents(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    given = get_content_keys(definition)
    # An unknown key may well be the content's, misspelt.
    if not given and set(given_keys) <= MetricDefinition.model_fields.keys():
        yield RuleViolation("missing-key", "a metric needs one of value, series, combine or derive")
    for extra in given[1:]:
        yield RuleViolation("misplaced-key", f"{extra} does not go with {given[0]}: a metric has one of them", (extra,))


def find_misplaced_keys(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    given = get_content_keys(definition)
    if len(given) != 1:
        return
    for name in sorted(definition.model_fields_set - ALLOWED_KEYS[given[0]] - set(CONTENT_KEYS)):
        yield RuleViolation("misplaced-key", f"{name} does not go with {given[0]}", (name,))


def find_members_without_breakdown(
    key: str, definition: MetricDefinition, given_keys: GivenKeys
) -> Iterator[RuleViolation]:
    if "by" not in given_keys and get_content_keys(definition) == ["value"]:
        for name in ("top", "other"):
            if getattr(definition, name) is not None:
                yield RuleViolation("misplaced-key", f"{name} needs `by`, the column to break down by", (name,))


def find_unknown_headline(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    if definition.series and definition.headline is not None and definition.headline not in definition.series:
        likely = suggest_name(definition.headline, definition.series)
        yield RuleViolation(
            "unknown-series", f"no series {definition.headline!r}{likely}", ("headline",), at_value=True
        )


def find_unknown_order(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    items = definition.items
    if items and items.order is not None and items.order not in items.values:
        likely = suggest_name(items.order, items.values)
        yield RuleViolation("unknown-value", f"no value {items.order!r}{likely}", ("items", "order"), at_value=True)


def find_wrong_correlation(key: str, definition: MetricDefinition, given_keys: GivenKeys) -> Iterator[RuleViolation]:
    if definition.stat == "correlation" and definition.combine and len(definition.combine) != 2:
        message = "a correlation is between two metrics; remove this one, or `stat`"
        yield RuleViolation("wrong-value", message, ("combine", 2), at_value=True)


def get_content_keys(definition: MetricDefinition) -> list[str]:
    return [name for name in CONTENT_KEYS if getattr(definition, name) is not None]


RULES: tuple[Rule, ...] = (
    find_bad_key,
    find_wrong_contents,
    find_misplaced_keys,
    find_members_without_breakdown,
    find_unknown_headline,
    find_unknown_order,
    find_wrong_correlation,
)
