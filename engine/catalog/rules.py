"""What a metric's keys must be to one another. Each rule is one function; RULES is the table of contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from engine.files.definitions import CONTENTS, MetricDefinition
from engine.files.document import Path
from engine.suggestions import hint

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
OF_ANY = frozenset(("title", "description", "format", "better", "chart", "hidden", "delta", "tests"))
OF_TABLE = OF_ANY | {"table", "where", "by", "top", "other", "items", "total", "fill"}
ALLOWED = {
    "value": OF_TABLE | {"value"},
    "series": (OF_TABLE | {"series", "headline"}) - {"by", "top", "other"},
    "combine": OF_ANY | {"combine", "stat"},
    "derive": OF_ANY | {"derive"},
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: at the key, or else the value, that stands at `path` below the metric."""

    code: str
    message: str
    path: Path = ()
    at_value: bool = False


# The keys that the metric has in its file: those whose values have the wrong shape are not in its definition.
Stated = Collection[str]
Rule = Callable[[str, MetricDefinition, Stated], Iterator[Finding]]


def key_is_a_name(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    if not KEY.fullmatch(key):
        yield Finding("bad-name", f"{key!r} is not a key; use letters, digits, _ and dots, such as ga4.sessions")


def one_content(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    given = content(definition)
    # An unknown key may well be the content's, misspelt.
    if not given and set(stated) <= MetricDefinition.model_fields.keys():
        yield Finding("missing-key", "a metric needs one of value, series, combine or derive")
    for extra in given[1:]:
        yield Finding("misplaced-key", f"{extra} does not go with {given[0]}: a metric has one of them", (extra,))


def keys_fit_the_content(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    given = content(definition)
    if len(given) != 1:
        return
    for name in sorted(definition.model_fields_set - ALLOWED[given[0]] - set(CONTENTS)):
        yield Finding("misplaced-key", f"{name} does not go with {given[0]}", (name,))


def members_need_a_breakdown(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    if "by" not in stated and content(definition) == ["value"]:
        for name in ("top", "other"):
            if getattr(definition, name) is not None:
                yield Finding("misplaced-key", f"{name} needs `by`, the column to break down by", (name,))


def headline_is_a_series(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    if definition.series and definition.headline is not None and definition.headline not in definition.series:
        likely = hint(definition.headline, definition.series)
        yield Finding("unknown-series", f"no series {definition.headline!r}{likely}", ("headline",), at_value=True)


def order_is_a_value(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    items = definition.items
    if items and items.order is not None and items.order not in items.values:
        likely = hint(items.order, items.values)
        yield Finding("unknown-value", f"no value {items.order!r}{likely}", ("items", "order"), at_value=True)


def correlation_of_two(key: str, definition: MetricDefinition, stated: Stated) -> Iterator[Finding]:
    if definition.stat == "correlation" and definition.combine and len(definition.combine) != 2:
        message = "a correlation is between two metrics; remove this one, or `stat`"
        yield Finding("wrong-value", message, ("combine", 2), at_value=True)


def content(definition: MetricDefinition) -> list[str]:
    return [name for name in CONTENTS if getattr(definition, name) is not None]


RULES: tuple[Rule, ...] = (
    key_is_a_name,
    one_content,
    keys_fit_the_content,
    members_need_a_breakdown,
    headline_is_a_series,
    order_is_a_value,
    correlation_of_two,
)
