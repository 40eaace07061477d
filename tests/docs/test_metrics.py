"""The language reference says what the definitions say, and its examples are metric files."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from engine.authoring.test_runner import run_tests
from engine.catalog.catalog import load_catalog
from runtime.shipped import get_shipped_folder
from tests.support.docs.blocks import FencedBlock, find_blocks
from tests.support.docs.reference import PAGE, PART, SCHEMA, get_properties, regenerate_page

EXAMPLES = find_blocks("metrics.md", "yaml")
(MACROS,) = find_blocks("metrics.md", "jinja")


def test_the_generated_parts_are_as_generated() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == regenerate_page(page), "docs/metrics.md is out of step; run `make golden`"


def test_every_key_is_listed_once() -> None:
    listed: Counter[str] = Counter()
    for part in PART.finditer(PAGE.read_text(encoding="utf-8")):
        if part[2] == "keys":
            definition, *chosen = part[3].split()
            listed.update(f"{definition}.{key}" for key in chosen or get_properties(definition))
    # An expectation of a series has three of an answer's keys.
    definitions = set(SCHEMA["$defs"]) - {"JsonValue", "SeriesExpectation"} | {"FileDefinition"}
    assert listed == Counter(f"{name}.{key}" for name in definitions for key in get_properties(name))


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: f"line {block.line}")
def test_every_example_loads_and_its_tests_pass(block: FencedBlock, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(get_shipped_folder(), tmp_path / "metrics"))
    (folder / "macros.j2").write_text(MACROS.text, encoding="utf-8")
    (folder / "example.yaml").write_text(block.text, encoding="utf-8")
    catalog = load_catalog(folder)
    assert [result for result in run_tests(catalog, catalog.metrics.values()) if not result.has_passed] == []
