"""A resolved definition as text, so that two of them can be read side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import unified_diff
from itertools import islice
from typing import Any

import yaml
from sqlglot import exp

from engine.catalog.metrics import Metric
from engine.language.expressions import Aggregate, Expression
from engine.tables import Table

# Not part of what a reader compares: its own place says the key, and `passing` repeats `where`.
LEFT_OUT = frozenset(("key", "tests", "passing", "evaluate", "row_key"))
WIDTH = 100


class DefinitionDumper(yaml.SafeDumper):
    """A writer of plain values; a text of several lines stands as a block, so that its lines are compared."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def represent_text(dumper: DefinitionDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


DefinitionDumper.add_representer(str, represent_text)


def write_definition(definition: Metric | Table) -> list[str]:
    """Write a resolved metric or table as lines; the tables and metrics that it reads stand there by their names."""
    text = yaml.dump(
        describe_definition(definition), Dumper=DefinitionDumper, sort_keys=False, allow_unicode=True, width=WIDTH
    )
    return text.splitlines()


def describe_definition(definition: Metric | Table) -> dict[str, Any]:
    """Describe a resolved metric or table by plain values, which are equal where its text is."""
    return describe_fields(definition, LEFT_OUT if isinstance(definition, Metric) else LEFT_OUT - {"key"})


def describe_fields(thing: Any, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Describe the fields of a dataclass that say more than their defaults."""
    described: dict[str, Any] = {}
    for each in fields(thing):
        value = getattr(thing, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name not in left_out and value is not None and value != default:
            described[each.name] = describe_value(value)
    return described


def describe_value(value: Any) -> Any:
    match value:
        case Metric():
            return value.key
        case Table():
            return value.name
        case Expression() | Aggregate():
            return value.text
        case exp.Expr():
            return value.sql(comments=False, pretty=isinstance(value, exp.Query))
        case Mapping():
            return {name: describe_entry(name, each) for name, each in value.items()}
        case frozenset():
            return sorted(map(describe_value, value))
        case tuple() | list():
            return [describe_value(each) for each in value]
    return describe_fields(value) if is_dataclass(value) else value


def describe_entry(name: str, value: Any) -> Any:
    """Describe a named entry without repeating its name."""
    described = describe_value(value)
    if not isinstance(described, dict):
        return described
    return {key: each for key, each in described.items() if not (key in ("name", "physical") and each == name)}


def list_changed_lines(before: list[str], after: list[str]) -> tuple[str, ...]:
    """Return the unified difference of two texts without its head; nothing where they are equal."""
    return tuple(islice(unified_diff(before, after, lineterm="", n=2), 2, None))
