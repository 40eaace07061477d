"""The SQL of every shipped metric, held against the golden files; `make golden` writes them again."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from engine.catalog.catalog import Catalog
from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.registry import EXECUTED_DIALECTS
from tests.golden import statements

KEYS = sorted(statements.load_shipped().widgets)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return statements.load_shipped()


@pytest.mark.parametrize("dialect", EXECUTED_DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("key", KEYS)
def test_the_statements_are_the_golden_ones(key: str, dialect: type[Dialect], catalog: Catalog) -> None:
    path = statements.find_golden_path(key, dialect)
    assert path.exists(), f"{path.name} is missing: write there, as a comment, what it must do; then `make golden`"
    golden, found = path.read_text(encoding="utf-8"), statements.render_golden_file(catalog, key, dialect)
    difference = difflib.unified_diff(golden.splitlines(), found.splitlines(), "golden", "found", lineterm="")
    assert golden == found, "\n".join(difference)


@pytest.mark.parametrize("key", KEYS)
def test_a_golden_file_says_in_its_header_what_it_must_do(key: str) -> None:
    text = " ".join(line.removeprefix(statements.COMMENT) for line in statements.read_header(key))
    assert len(text) > 40
    assert text.endswith(".")


@pytest.mark.parametrize("dialect", EXECUTED_DIALECTS, ids=lambda dialect: dialect.name)
def test_there_is_a_golden_file_of_each_served_metric_and_of_no_other(dialect: type[Dialect], catalog: Catalog) -> None:
    files = statements.find_golden_folder(dialect).glob("*.sql")
    assert sorted(path.stem for path in files) == list(catalog.widgets)


def test_writing_them_again_keeps_the_headers(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "FOLDER", tmp_path)
    for key in KEYS:
        statements.find_golden_path(key).write_text(f"-- What {key} must do.\n\nSELECT 'outdated'\n", encoding="utf-8")
    (gone := statements.find_golden_path("no.longer.served")).write_text("-- A metric that was.\n", encoding="utf-8")
    statements.main()
    for key in KEYS:
        assert statements.read_header(key) == [f"-- What {key} must do."]
        assert "outdated" not in statements.find_golden_path(key).read_text(encoding="utf-8")
    assert not gone.exists()
