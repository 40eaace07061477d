"""Rules for a metric's keys, a function each; RULES lists them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from engine.catalog.reporter import Reporter
from engine.diagnostics import Diagnostic
from engine.files.metric_definitions import CONTENT_KEYS, MetricDefinition, TargetDefinition
from engine.suggestions import suggest_name, suggest_similar_name

KEY_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
# What the dashboard draws.
CHARTS = ("line", "bar", "stacked")
COMMON_KEYS = frozenset(
    ("title", "description", "format", "decimals", "better", "chart", "group", "position", "hidden", "delta", "tests")
)
TABLE_KEYS = COMMON_KEYS | {"table", "where", "by", "top", "order", "other", "share", "items", "total", "fill"}
LOOKBACK_KEYS = ("rolling", "to_date")
WITHOUT_DECIMALS = ("integer", "duration")
ALLOWED_KEYS = {
    "value": TABLE_KEYS | {"value", "target", *LOOKBACK_KEYS},
    "series": (TABLE_KEYS | {"series", "headline", "target", *LOOKBACK_KEYS})
    - {"by", "top", "order", "other", "share"},
    "columns": COMMON_KEYS | {"table", "where", "columns", "rows", "having", "order", "limit", "total", "fill"},
    "combine": COMMON_KEYS | {"combine", "stat"},
    "derive": COMMON_KEYS | {"derive", "target"},
}


# What a table of members has, and what another widget has in its place.
TABLE_REMEDIES = {
    "having": "; it chooses the rows of a table, which has `columns`",
    "limit": "; how many members are shown is `top` of a widget with `by`",
    "rows": "; a table has them, with `columns`; a widget of one series has `by`",
}


# A rule yields what is wrong with a metric. The reporter knows the keys that the metric has in its file: those whose
# values have the wrong shape are not in its definition.
Rule = Callable[[Reporter, MetricDefinition], Iterator[Diagnostic]]


def find_bad_key(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    if not KEY_PATTERN.fullmatch(str(reporter.metric)):
        message = f"{reporter.metric!r} is not a key; use letters, digits, _ and dots, such as ga4.sessions"
        yield reporter.diagnose_key("bad-name", message)


def find_wrong_contents(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    given = get_content_keys(definition)
    # An unknown key may well be the content's, misspelt.
    keys = set(reporter.list_keys())
    if not given and keys <= MetricDefinition.model_fields.keys() and keys.isdisjoint(CONTENT_KEYS):
        yield reporter.diagnose_key("missing-key", "a metric needs one of value, series, columns, combine or derive")
    for extra in given[1:]:
        yield reporter.diagnose_key(
            "misplaced-key", f"{extra} does not go with {given[0]}: a metric has one of them", extra
        )


def find_misplaced_keys(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    given = get_content_keys(definition)
    if len(given) != 1:
        return
    for name in sorted(definition.model_fields_set - ALLOWED_KEYS[given[0]] - set(CONTENT_KEYS)):
        remedy = "" if given[0] == "columns" else TABLE_REMEDIES.get(name, "")
        yield reporter.diagnose_key("misplaced-key", f"{name} does not go with {given[0]}{remedy}", name)


def find_members_without_breakdown(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    if "by" not in reporter.list_keys() and get_content_keys(definition) == ["value"]:
        for name in ("top", "order", "other", "share"):
            if name in definition.model_fields_set:
                yield reporter.diagnose_key("misplaced-key", f"{name} needs `by`, the column to break down by", name)


def find_misplaced_decimals(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    message = "decimals do not go with format: {}, but with decimal, percent and currency"
    if definition.decimals is not None and definition.format in WITHOUT_DECIMALS:
        yield reporter.diagnose_key("misplaced-key", message.format(definition.format), "decimals")
    for key, listed in (("series", definition.series), ("columns", definition.columns)):
        for name, series in (listed or {}).items():
            shown = series.format or definition.format
            if series.decimals is not None and shown in WITHOUT_DECIMALS:
                yield reporter.diagnose_key("misplaced-key", message.format(shown), key, name, "decimals")


def find_misplaced_shares(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    for name, series in (definition.series or {}).items():
        if series.share:
            message = "a share is of a table's column, or of a `value` with `by`; a series has no members"
            yield reporter.diagnose_key("misplaced-key", message, "series", name, "share")


def find_faults_of_tables(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    columns = definition.columns
    if columns is None:
        if isinstance(definition.order, dict) and get_content_keys(definition):
            message = (
                "a direction is for a table's columns; write an aggregate expression, which is descending, or name"
            )
            yield reporter.diagnose_value("wrong-value", message, "order")
        return
    if "rows" not in reporter.list_keys():
        message = "a table needs `rows`, the dimension or column that its rows are the members of"
        yield reporter.diagnose_key("missing-key", message, "columns")
    for name in columns:
        if name.startswith("-"):
            message = f"{name!r} begins with a -, which `sort` has before a column for descending; name it otherwise"
            yield reporter.diagnose_key("bad-name", message, "columns", name)
    sort = get_sort_column(definition)
    if sort is not None and sort not in reporter.list_keys("columns"):
        report, path = (
            (reporter.diagnose_key, ("order", sort))
            if isinstance(definition.order, dict)
            else (reporter.diagnose_value, ("order",))
        )
        yield report("unknown-value", f"no column {sort!r}{suggest_direction(sort, columns)}", *path)


def suggest_direction(sort: str, columns: Collection[str]) -> str:
    """Return how to write an order that has its direction beside the column's name, or the nearest name."""
    written = re.fullmatch(r"(-?)\s*(.*?)(?:\s+(asc|desc))?", sort, re.IGNORECASE | re.DOTALL)
    if written is None or sort == written[2] or written[2] not in columns:
        return suggest_name(sort, columns)
    return f"; write order: {{{written[2]}: {(written[3] or 'desc').lower()}}}"


def get_sort_column(definition: MetricDefinition) -> str | None:
    """Return the column that a table's `order` names."""
    return next(iter(definition.order)) if isinstance(definition.order, dict) else definition.order


def find_unknown_headline(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    declared = reporter.list_keys("series")
    if definition.series and definition.headline is not None and definition.headline not in declared:
        likely = suggest_name(definition.headline, definition.series)
        yield reporter.diagnose_value("unknown-series", f"no series {definition.headline!r}{likely}", "headline")


def find_unknown_order(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    items = definition.items
    if items and items.order is not None and items.order not in reporter.list_keys("items", "values"):
        likely = suggest_name(items.order, items.values)
        yield reporter.diagnose_value("unknown-value", f"no value {items.order!r}{likely}", "items", "order")


def find_wrong_correlation(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    if definition.stat == "correlation" and definition.combine and len(definition.combine) != 2:
        message = "a correlation is between two metrics; remove this one, or `stat`"
        yield reporter.diagnose_value("wrong-value", message, "combine", 2)


def find_wrong_lookback(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    keys = reporter.list_keys()
    given = [name for name in LOOKBACK_KEYS if name in keys]
    if not given:
        return
    if len(given) > 1:
        message = "to_date does not go with rolling: a point looks back by one of them"
        yield reporter.diagnose_key("misplaced-key", message, "to_date")
    if "fill" in keys:
        message = f"fill does not go with {given[0]}: a point whose days are not known is null"
        yield reporter.diagnose_key("misplaced-key", message, "fill")


def find_wrong_target(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    if definition.target is None:
        return
    if len(definition.series or ()) > 1:
        yield reporter.diagnose_key("misplaced-key", "a target is for a widget of one series", "target")
    keys, known = reporter.list_keys("target"), TargetDefinition.model_fields
    given = [name for name in known if name in keys]
    # An unknown key may well be one of these, misspelt.
    if not given and set(keys) <= known.keys():
        yield reporter.diagnose_value("missing-key", "a target needs one of day, value or metric", "target")
    for extra in given[1:]:
        message = f"{extra} does not go with {given[0]}: a target has one of them"
        yield reporter.diagnose_key("misplaced-key", message, "target", extra)


def find_doubtful_chart(reporter: Reporter, definition: MetricDefinition) -> Iterator[Diagnostic]:
    if definition.chart is not None and definition.chart not in CHARTS:
        # Another frontend may have charts of its own; what resembles one of these is misspelt.
        likely = suggest_similar_name(definition.chart, CHARTS)
        if likely:
            problem = reporter.diagnose_value(
                "doubtful-chart", f"no chart is called {definition.chart!r}{likely}", "chart"
            )
            yield replace(problem, severity="warning")


def get_content_keys(definition: MetricDefinition) -> list[str]:
    return [name for name in CONTENT_KEYS if getattr(definition, name) is not None]


RULES: tuple[Rule, ...] = (
    find_bad_key,
    find_wrong_contents,
    find_misplaced_keys,
    find_members_without_breakdown,
    find_misplaced_decimals,
    find_misplaced_shares,
    find_faults_of_tables,
    find_unknown_headline,
    find_unknown_order,
    find_wrong_correlation,
    find_wrong_lookback,
    find_wrong_target,
    find_doubtful_chart,
)
