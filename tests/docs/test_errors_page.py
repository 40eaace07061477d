"""docs/errors.md against the loader: every code is explained, and every example does what the page says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from engine.catalog.catalog import load_catalog
from engine.diagnostics import UNREADABLE
from engine.errors import InvalidCatalog
from tests.support.paths import DOCS, ROOT

PAGE = DOCS / "errors.md"
# Where the files are read and checked.
MODULES = [
    module for folder in ("files", "language", "catalog") for module in sorted((ROOT / "engine" / folder).rglob("*.py"))
]
HYPHENATED = re.compile(r"[a-z]+(-[a-z]+)+")
# What reports a problem, and among how many of the first things that it is given the code is the first text.
REPORTING = {
    **dict.fromkeys(("report_at_key", "report_at_value", "report_at_position", "diagnose_key", "diagnose_value"), 2),
    "TextFault": 2,
    "make_error": 3,
}
BLOCK = re.compile(r"```(?:yaml|jinja)\n(.*?)```", re.DOTALL)
SECTION = re.compile(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)

HEAD, _, REST = PAGE.read_text(encoding="utf-8").partition("\n## ")
# What a database is needed for is in test_live_errors.py.
# Of whole files, which no example inside one can show.
FILE_CODES = re.findall(r"^### `([a-z-]+)`", REST.partition("\n## Files\n")[2], re.MULTILINE)
REST = REST.partition("\n## With `--database`")[0]
EXAMPLES = {code: BLOCK.findall(text) for code, text in SECTION.findall(f"\n## {REST}")}


def iter_codes(path: Path) -> Iterator[str]:
    """The codes in a module: words with a hyphen, and the first text of a call that reports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield from filter(HYPHENATED.fullmatch, list_texts([node]))
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from list_texts(node.args[: REPORTING.get(name, 0)])[:1]


def list_texts(nodes: Iterable[ast.AST]) -> list[str]:
    return [each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def find_codes(tmp_path: Path, example: str) -> set[str]:
    (tmp_path / "ga4.yaml").write_text("".join(BLOCK.findall(HEAD)), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(example, encoding="utf-8")
    try:
        problems = load_catalog(tmp_path).warnings
    except InvalidCatalog as invalid:
        problems = invalid.diagnostics
    return {found.code for found in problems}


def test_page_and_source_have_the_same_codes() -> None:
    source = {code for module in MODULES for code in iter_codes(module)}
    assert sorted((*EXAMPLES, *FILE_CODES)) == sorted({*source, UNREADABLE})


def test_the_page_is_in_alphabetical_order() -> None:
    sections = REST.split("\n## ")
    for section in sections:
        named = re.findall(r"^### `([a-z-]+)`", section, re.MULTILINE)
        assert named == sorted(named)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_wrong_example_gives_its_code_and_the_right_one_loads(code: str, tmp_path: Path) -> None:
    wrong, right = EXAMPLES[code]
    assert find_codes(tmp_path, wrong) == {code}
    assert find_codes(tmp_path, right) == set()
