"""Every broken file gives exactly the text beside it: line, column, code, message and excerpt."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.catalog import load_catalog
from engine.errors import InvalidCatalog
from tests.golden.errors import CASES, collect_invalid, find_expected_path, list_cases, render_diagnostics


@pytest.mark.parametrize("case", list_cases(), ids=lambda case: case.stem)
def test_a_broken_file_gives_its_text_and_a_place_one_problem(case: Path) -> None:
    invalid = collect_invalid(case)
    assert render_diagnostics(invalid) == find_expected_path(case).read_text(encoding="utf-8")
    places = [(each.file, each.line, each.column) for each in invalid.diagnostics]
    assert places
    assert len(places) == len(set(places))


def test_every_text_has_its_file() -> None:
    assert set(CASES.glob("*.txt")) == {find_expected_path(case) for case in list_cases()}


def test_the_paths_are_those_that_the_folder_was_named_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "ga4.yaml").write_bytes((CASES / "example" / "ga4.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidCatalog) as invalid:
        load_catalog(Path("metrics"))
    assert str(invalid.value) == (
        "metrics/ga4.yaml:12:14: error[unknown-column] ga4.sessions: "
        "column 'sesions' is not in table ga4_daily; did you mean 'sessions'?"
    )
