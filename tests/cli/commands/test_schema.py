"""The JSON Schema as an editor uses it: every key explained, every example right, typical mistakes marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.catalog.catalog import load_catalog
from engine.catalog.metrics import DEFAULT_ROWS
from engine.diagnostics import Diagnostics
from engine.errors import InvalidCatalog
from engine.files.document import parse_document
from engine.files.metric_definitions import MetricDefinition
from runtime.file_schemas import build_file_schema
from tests.cli.conftest import Run

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


# Keys that are unfinished without a value.
OPTIONAL_KEYS = sorted(MetricDefinition.model_fields.keys() - {"table", "value", "total", "fill", "tests"})
SOUND = """\
source: ga4
table: visits
tables:
  visits:
    time: date
    columns: {user_id: uuid, date: date, sessions: {type: bigint, additive: false}, hits: bigint}
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
  ga4.short: sum(hits)
  ga4.parts: {table: visits, series: {A: sum(sessions)}, headline: A, total: last}
  ga4.members: {table: visits, value: count(*), by: date, top: 3, other: false}
  ga4.pair: {combine: [ga4.visits, ga4.short], stat: correlation}
  ga4.ratio: {derive: ga4.visits / ga4.short, format: percent}
"""
MISTAKES = [
    ("source: ga4", "source: Google"),
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
    ("ga4.short: sum(hits)", "ga4.short: 1"),
    ("metrics:\n", "widgets:\n"),
    ("source: ga4\n", ""),
    ("by: date, ", ""),
    ("series: {A: sum(sessions)}, headline", "headline"),
    ("derive: ga4.visits / ga4.short, ", ""),
    ("combine: [ga4.visits, ga4.short],", "combine: [ga4.visits, ga4.short], table: visits,"),
    ("derive: ga4.visits / ga4.short", "derive: ga4.visits / ga4.short, value: sum(sessions)"),
    ("ga4.short: sum(hits)", "ga4-short: sum(sessions)"),
    ("ga4.short: sum(hits)", "ga4.short:"),
    ("  visits:\n", "  my-visits:\n"),
    ("user_id: uuid, date", "user_id: uuid, my-date: date, date"),
    ("    time: date\n", "    time: date\n    name: a\n    sql: SELECT 1\n"),
    *(("    table: visits\n    value", f"    table: visits\n    {key}:\n    value") for key in OPTIONAL_KEYS),
]


def parse_text(text: str) -> Any:
    document = parse_document("a.yaml", text.encode(), Diagnostics())
    assert document is not None
    return document.data


def is_valid(text: str) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(parse_text(text))


def test_a_sound_file_is_accepted() -> None:
    assert is_valid(SOUND)


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_typical_mistakes_are_refused(right: str, wrong: str) -> None:
    assert SOUND.count(right) == 1
    assert not is_valid(SOUND.replace(right, wrong))


def test_what_the_schema_marks_validate_refuses(tmp_path: Path) -> None:
    """An editor's mark is never false: every mistake that it marks is an error of the folder too."""
    path = tmp_path / "a.yaml"
    path.write_text(SOUND)
    load_catalog(tmp_path)
    for right, wrong in MISTAKES:
        path.write_text(SOUND.replace(right, wrong))
        with pytest.raises(InvalidCatalog):
            load_catalog(tmp_path)


def test_the_defaults_are_the_true_ones(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOUND)
    metric = load_catalog(tmp_path).metrics["ga4.short"]
    # How many rows a table has, which this metric is not.
    others = {"limit": DEFAULT_ROWS}
    properties = SCHEMA["$defs"]["MetricDefinition"]["properties"]
    for name, default in MetricDefinition.defaults.items():
        own = others[name] if name in others else getattr(metric, name)
        assert (properties[name]["default"], own) == (default, default)
    assert "null" not in json.dumps([each.get("default") for each in properties.values() if "default" in each])


def test_a_folder_s_names_are_completed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.yaml").write_text(SOUND)
    validator = jsonschema.Draft202012Validator(json.loads(run("schema", "--metrics", "mine").stdout))
    assert validator.is_valid(parse_text(SOUND))
    for right, wrong in (
        ("    table: visits\n", "    table: visit\n"),
        ("by: date,", "by: day,"),
        ("combine: [ga4.visits,", "combine: [ga4.visit,"),
        ("\ntable: visits\n", "\ntable: visit\n"),
    ):
        assert SOUND.count(right) == 1
        assert not validator.is_valid(parse_text(SOUND.replace(right, wrong)))
        assert is_valid(SOUND.replace(right, wrong))
    # A folder with errors has names too.
    (tmp_path / "mine" / "b.yaml").write_text("metrics: {my.broken: sum(}")
    assert "ga4.visits" in run("schema", "--metrics", "mine").stdout
