"""docs/errors.md against the loader: every code is explained, and every example does what the page says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalog import check_tests as declared_rows
from engine.catalog import definition_resolver, metric_arithmetic, rules, table_metric_resolver
from engine.catalog import metric_resolver as metric_resolution
from engine.catalog import resolver as resolution
from engine.catalog import table_resolver as table_resolution
from engine.catalog.catalog import load_catalog
from engine.diagnostics import UNREADABLE
from engine.errors import InvalidCatalog
from engine.files import composer, document, yaml_errors
from engine.files import folder as loading
from engine.files import schema_errors as shapes
from engine.language import expressions, functions, type_checks
from engine.language import jinja as templates
from engine.language import lexer as words
from engine.language import parser as syntax
from engine.language import types as kinds
from engine.language.queries import joins, lineage, names, query_resolver, scope
from tests.support.paths import DOCS

PAGE = DOCS / "errors.md"
MODULES = (
    *(composer, declared_rows, definition_resolver, document, expressions, functions, joins, kinds, lineage, loading),
    *(metric_arithmetic, metric_resolution, names, query_resolver, resolution, rules, scope, shapes, syntax),
    *(table_metric_resolver, table_resolution, templates, type_checks, words, yaml_errors),
)
HYPHENATED = re.compile(r"[a-z]+(-[a-z]+)+")
REPORTING = (
    *("report_at_key", "report_at_value", "report_at_position", "diagnose_key", "diagnose_value"),
    *("make_error", "TextFault"),
)
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
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and HYPHENATED.fullmatch(node.value):
            yield node.value
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if name in REPORTING and texts:
                yield texts[0]


def find_codes(tmp_path: Path, example: str) -> set[str]:
    (tmp_path / "ga4.yaml").write_text("".join(BLOCK.findall(HEAD)), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(example, encoding="utf-8")
    try:
        problems = load_catalog(tmp_path).warnings
    except InvalidCatalog as invalid:
        problems = invalid.diagnostics
    return {found.code for found in problems}


def test_page_and_source_have_the_same_codes() -> None:
    source = {code for module in MODULES for code in iter_codes(Path(str(module.__file__)))}
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
