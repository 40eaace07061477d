"""The JSON Schema as an editor uses it: every key explained, every example right, typical mistakes marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from cli.commands.schema import build_file_schema
from engine.diagnostics import Diagnostics
from engine.files.document import parse_document

SCHEMA = build_file_schema()


def iter_described_keys() -> Iterator[Any]:
    """Every key of a metric file, with its schema."""
    for name, definition in {"File": SCHEMA, **SCHEMA["$defs"]}.items():
        for key, schema in definition.get("properties", {}).items():
            yield pytest.param(schema, id=f"{name}.{key}")


KEYS = list(iter_described_keys())


def is_choice(schema: Any) -> bool:
    """Whether an editor knows all the values: a choice or a flag."""
    options = schema.get("anyOf", [schema])
    return any("enum" in each or "const" in each or each.get("type") == "boolean" for each in options)


def is_reference(schema: Any) -> bool:
    """Whether the value is a mapping whose own keys are described."""
    return "$ref" in json.dumps(schema)


@pytest.mark.parametrize("schema", KEYS)
def test_every_key_is_described(schema: dict[str, Any]) -> None:
    assert schema["description"].endswith(".")


@pytest.mark.parametrize("schema", KEYS)
def test_every_key_has_an_example_or_a_choice(schema: dict[str, Any]) -> None:
    assert schema.get("examples") or is_choice(schema) or is_reference(schema) or "default" in schema


@pytest.mark.parametrize("schema", KEYS)
def test_every_example_is_right(schema: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **schema})
    for example in schema.get("examples", ()):
        validator.validate(example)


SOUND = """\
source: ga4
tables:
  visits:
    time: date
    columns: {user_id: uuid, date: date, sessions: {type: bigint, additive: false}}
metrics:
  ga4.visits:
    table: visits
    value: sum(sessions)
    total: average
    fill: null
    tests:
      - name: a day
        rows: [{date: 2025-01-01, sessions: 3}]
        start: 2025-01-01
        end: 2025-01-01
        expect: {stats: {value: 3, delta: null}, points: {2025-01-01: 3}}
  ga4.short: sum(sessions)
"""
MISTAKES = [
    ("source: ga4", "source: google"),
    ("time: date\n", "times: date\n"),
    ("    time: date\n", ""),
    ("type: bigint", "type: int"),
    ("additive: false", "additive: 'no'"),
    ("date: date, sessions", "date: day, sessions"),
    ("    table: visits\n", "    tabel: visits\n"),
    ("value: sum(sessions)", "value: [sum(sessions)]"),
    ("total: average", "total: mean"),
    ("fill: null", "fill: 0"),
    ("      - name: a day\n        rows", "      - rows"),
    ("start: 2025-01-01", "start: 1"),
    ("stats: {value: 3", "stats: {valeu: 3"),
    ("value: 3, delta", "value: three, delta"),
    ("ga4.short: sum(sessions)", "ga4.short: 1"),
    ("metrics:\n", "widgets:\n"),
]


def is_valid(text: str) -> bool:
    document = parse_document("a.yaml", text.encode(), Diagnostics())
    assert document is not None
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document.data)


def test_a_sound_file_is_accepted() -> None:
    assert is_valid(SOUND)


@pytest.mark.parametrize(("right", "wrong"), MISTAKES, ids=[wrong.strip() or "no time" for _, wrong in MISTAKES])
def test_typical_mistakes_are_refused(right: str, wrong: str) -> None:
    assert SOUND.count(right) == 1
    assert not is_valid(SOUND.replace(right, wrong))
