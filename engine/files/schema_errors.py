"""Errors of shape: what pydantic rejects in a document, in an analyst's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from engine.diagnostics import Diagnostic, Diagnostics
from engine.files.document import Document, KeyPath
from engine.files.file_definition import FileDefinition, SourceDefinition
from engine.files.metric_definitions import (
    CONTENT_KEYS,
    ItemsDefinition,
    MetricDefinition,
    SeriesDefinition,
    TargetDefinition,
)
from engine.files.metric_tests import (
    Expectation,
    SeriesExpectation,
    StatsExpectation,
    TableExpectation,
    TargetExpectation,
    TestDefinition,
)
from engine.files.nodes import TORN
from engine.files.table_definitions import ColumnDefinition, DimensionDefinition, TableDefinition
from engine.suggestions import find_nearest_names, suggest_name, suggest_similar_name

MODELS_BY_KEY: Mapping[str, type[BaseModel]] = {
    "columns": ColumnDefinition,
    "dimensions": DimensionDefinition,
    "tables": TableDefinition,
    "metrics": MetricDefinition,
    "tests": TestDefinition,
    "series": SeriesExpectation,
    "items": ItemsDefinition,
    "expect": Expectation,
    "stats": StatsExpectation,
    "table": TableExpectation,
    "total": StatsExpectation,
    "target": TargetDefinition,
}
# What is easily put one level too high: a key of the inner mapping, by the key that holds that.
NESTED_MODELS: Mapping[type[BaseModel], Mapping[str, type[BaseModel]]] = {
    TestDefinition: {"expect": Expectation},
    Expectation: {"stats": StatsExpectation},
    SeriesExpectation: {"stats": StatsExpectation},
}
# What is no key of a metric, and what says it.
REQUEST_WORDS = ("compare", "compare_start", "grain", "start", "end", "sort", "offset")
METRIC_REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(REQUEST_WORDS, "; each request says it, no metric"),
    **dict.fromkeys(
        ("period", "window"), "; each request says it; `to_date:` and `rolling:` look back from each point"
    ),
    **dict.fromkeys(("filter", "filters"), "; write `where:`; requests filter by the table's dimensions"),
    **dict.fromkeys(("dimension", "dimensions"), "; they are the table's"),
    **dict.fromkeys(("source", "sources"), "; it is the table's, or said at the head of the file"),
    "currency": "; the table's `currency:` names its column",
}
# What is a mapping by name, and an entry of it.
EXAMPLE_ENTRIES: Mapping[str, str] = {
    "columns": "Spend: sum(spend)",
    "series": "Clicks: sum(clicks)",
    "dimensions": "channel: {}",
    "sources": "google_ads: Google Ads",
}
# How much an unknown key resembles the one that is meant, from 0 to 1.
KEY_RESEMBLANCE = 0.75
VALUE_CODES = {"format": "unknown-format"}
EXAMPLE_NAMES = {"metrics": "my.visits", "tables": "my_daily", "sources": "google_ads"}
# A choice between types, in pydantic's path.
CHOICE = re.compile(r"<\w+>")
EXPRESSIONS = ("value", "derive", "where", "having", "sql")
PLAIN_WORDS = (
    ("Input should be", "must be"),
    ("a valid string", "text"),
    ("a valid dictionary", "a mapping"),
    ("a valid list", "a list"),
    ("a valid boolean", "true or false"),
    ("a valid integer", "a whole number"),
    ("a valid number", "a number"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
)


def report_schema_errors(
    faults: Sequence[ErrorDetails],
    document: Document,
    diagnostics: Diagnostics,
    model_of: Callable[[KeyPath], type[BaseModel]] | None = None,
) -> None:
    """Report pydantic's errors, each at its key or value.

    `model_of` returns the model of the mapping at a path; a metric file needs none.
    """
    unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
    for fault in faults:
        if diagnostics.is_full(document.file):
            return
        if fault["input"] is TORN:
            continue
        *parents, name = fault["loc"]
        if fault["type"] == "missing" and any(
            list(loc[:-1]) == parents and suggest_similar_name(str(loc[-1]), [str(name)]) for loc in unknown
        ):
            continue  # The key is there, misspelt.
        path = find_existing_path(fault["loc"], document.data)
        problem = diagnose_schema_error(fault, path, document, model_of or get_model_at)
        if not diagnostics.has_problem_at(document.file, problem.position):
            diagnostics.add(problem)


def rename_misspelt_keys(
    faults: Sequence[ErrorDetails],
    document: Document,
    model_of: Callable[[KeyPath], type[BaseModel]] | None = None,
) -> list[KeyPath]:
    """Give unknown keys of the document the names that they resemble, and return their paths.

    What such a key holds is then where it is meant to be, and nothing else misses it.
    """
    renamed = []
    for fault in faults:
        if fault["type"] != "extra_forbidden":
            continue
        *parents, name = find_existing_path(fault["loc"], document.data)
        model = (model_of or get_model_at)(tuple(parents))
        if suggest_other_remedy(str(name), fault["input"], model):
            continue
        similar = find_nearest_names(str(name), model.model_fields, limit=1, cutoff=KEY_RESEMBLANCE)
        if similar and document.rename_key(tuple(parents), str(name), similar[0]):
            renamed.append((*parents, similar[0]))
    return renamed


def suggest_other_remedy(name: str, given: object, model: type[BaseModel]) -> str:
    """Return the remedy for a key that no other spelling mends; else nothing."""
    remedy = METRIC_REMEDIES.get(name, "") if model is MetricDefinition else ""
    return suggest_placement(name, given, model) or remedy


def diagnose_schema_error(
    fault: ErrorDetails, path: KeyPath, document: Document, model_of: Callable[[KeyPath], type[BaseModel]]
) -> Diagnostic:
    """Return one of pydantic's errors as an error in the document, with what to change."""
    kind, given = fault["type"], fault["input"]
    name = next(str(segment) for segment in reversed(fault["loc"]) if not CHOICE.fullmatch(str(segment)))
    metric = str(path[1]) if len(path) > 1 and path[0] == "metrics" else None
    diagnose_key = partial(document.diagnose_key, path, metric=metric)
    diagnose_value = partial(document.diagnose_value, path, metric=metric)
    if kind == "extra_forbidden" and name == "<<":
        return diagnose_key("unknown-key", "YAML's merge key << has no meaning here; write the keys out")
    if kind == "extra_forbidden":
        model = model_of(path[:-1])
        likely = suggest_other_remedy(name, given, model)
        likely = likely or suggest_name(name, model.model_fields, cutoff=KEY_RESEMBLANCE)
        return diagnose_key("unknown-key", f"unknown key {describe_value(name)}{likely}")
    if kind == "missing":
        return diagnose_key("missing-key", f"the key {name!r} is missing")
    if kind == "literal_error":
        allowed = str(fault.get("ctx", {}).get("expected", ""))
        words = allowed.replace("'", "").replace(" or ", ", ").split(", ")
        likely = suggest_similar_name(given, words) if isinstance(given, str) else ""
        message = f"{describe_value(given)} is not allowed for {name}: write {allowed}{likely}"
        return diagnose_value(VALUE_CODES.get(name, "wrong-value"), message)
    if kind == "too_short":
        least = fault["ctx"]["min_length"]
        return diagnose_value(
            "wrong-value", f"{name} needs {'an entry' if least == 1 else f'{least} entries'} at least"
        )
    if kind == "too_long":
        most = fault["ctx"]["max_length"]
        return diagnose_value("wrong-value", f"{name} has {'one entry' if most == 1 else f'{most} entries'} at most")
    if kind == "rolling_days":
        return diagnose_value("wrong-value", f"{name} {fault['msg']}, not {describe_value(given)}")
    if name in ("start", "end"):
        return diagnose_value("wrong-type", f"must be a date such as 2025-01-31, not {describe_value(given)}")
    if kind in ("greater_than_equal", "less_than_equal"):
        return diagnose_value("wrong-value", f"{simplify_message(fault['msg'])}, not {describe_value(given)}")
    if path in (("metrics",), ("tables",), ("sources",)) and isinstance(given, list):
        return diagnose_value("wrong-type", describe_list_of_entries(name, given))
    actual = "but nothing stands here" if given is None else f"not {describe_value(given)}"
    remedy = suggest_shape(name, given, path) or suggest_fix(kind, name, given)
    return diagnose_value("wrong-type", f"{simplify_message(fault['msg'])}, {actual}{remedy}")


def describe_list_of_entries(section: str, entries: list[Any]) -> str:
    """Describe the list that other tools have in place of a mapping by name."""
    first = entries[0] if entries and isinstance(entries[0], dict) else {}
    name = next((first[key] for key in ("name", "key", "id") if isinstance(first.get(key), str)), None)
    example = name or EXAMPLE_NAMES[section]
    return f"must be a mapping by {'key' if section == 'metrics' else 'name'}, not a list: write `{example}:`"


def find_existing_path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """Return the part of pydantic's path that the data has; shorthands, dates and choices add segments."""
    path: list[str | int] = []
    for segment in loc:
        in_list = isinstance(data, list) and isinstance(segment, int) and segment < len(data)
        if in_list or (isinstance(data, dict) and segment in data):
            data = data[segment]
            path.append(segment)
    return tuple(path)


def get_model_at(path: KeyPath) -> type[BaseModel]:
    """Return the model of the mapping at `path`."""
    if path[:1] == ("sources",):
        return SourceDefinition
    if path[:1] == ("metrics",) and len(path) == 4 and path[2] in ("series", "columns"):
        return SeriesDefinition
    if path[-2:] == ("expect", "target"):
        return TargetExpectation
    for segment in reversed(path[-2:]):
        if segment in MODELS_BY_KEY and (len(path) > 1 or segment in ("tables", "metrics")):
            return MODELS_BY_KEY[str(segment)]
    return FileDefinition


def suggest_placement(name: str, given: object, model: type[BaseModel]) -> str:
    """Return the remedy for a key that is one level off or contains its value; else nothing."""
    if (word := name.partition(":")[0]) != name and word in model.model_fields:
        return f"; a space is missing after '{word}:'"
    inner = given.keys() if isinstance(given, dict) else dict[str, object]().keys()
    if model is FileDefinition and "columns" in inner and "rows" not in inner and "." not in name:
        return "; put it under `tables:`"
    if model is FileDefinition and ("." in name or not inner.isdisjoint(CONTENT_KEYS)):
        return "; put it under `metrics:`"
    for key, nested in NESTED_MODELS.get(model, {}).items():
        if name in nested.model_fields:
            return f"; write {key}: {{{name}: …}}"
    return ""


def simplify_message(message: str) -> str:
    for word, plain in PLAIN_WORDS:
        message = message.replace(word, plain)
    return message.split(" or instance of ")[0]


def suggest_fix(kind: str, name: str, given: object) -> str:
    if name in EXPRESSIONS and kind == "string_type":
        return "; write an expression, such as sum(sessions)" if name == "value" else ""
    if kind == "string_type" and isinstance(given, (int, float)):
        return "; put it in quotes"
    quoted = {"bool_type": ("true", "false"), "int_type": (str(given).strip(),), "float_type": (str(given).strip(),)}
    if isinstance(given, str) and given in quoted.get(kind, ()) and (kind == "bool_type" or given.isdecimal()):
        return "; remove the quotes"
    return ""


def suggest_shape(name: str, given: object, path: KeyPath) -> str:
    """Return what to write in place of a value of another shape: a target's number, a list of columns."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if name == "target" and path[0] == "metrics" and (is_number or isinstance(given, str)):
        return f"; write {{day: {given}}} or {{value: {given}}}" if is_number else f"; write {{metric: {given}}}"
    if name in ("by", "rows") and isinstance(given, list):
        return "; of two columns, a `sql:` table makes one"
    entry = "date: date" if name == "columns" and path[0] == "tables" else EXAMPLE_ENTRIES.get(name)
    if entry is not None and isinstance(given, (list, str)):
        return f"; write an entry for each, such as `{entry}`"
    return ""


def describe_value(given: object) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    if given is None or isinstance(given, (dict, list)):
        return "nothing" if given is None else "a mapping" if isinstance(given, dict) else "a list"
    text = str(given)
    return repr(text if len(text) <= 40 else text[:40] + "…") if isinstance(given, str) else text
