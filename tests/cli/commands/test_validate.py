from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.yaml").write_text("metrics:\n  a.b: {valu: 1}\n  a.c: {titel: x, value: count(*)}\n")
    return "mine"


def test_the_shipped_files_have_no_problem(run: Run) -> None:
    result = run("validate")
    assert result.exit_code == 0
    assert result.stdout == "23 metrics in 6 files: no problems\n"


def test_text_shows_the_line(run: Run, faulty: str) -> None:
    result = run("validate", faulty)
    assert result.exit_code == 1
    assert "  2 |   a.b: {valu: 1}\n    |         ^" in result.stdout
    assert result.stdout.endswith(" problems in 1 file\n")


def test_json_is_a_list(run: Run, faulty: str) -> None:
    result = run("validate", faulty, "--format", "json")
    assert result.exit_code == 1
    first = json.loads(result.stdout)[0]
    assert set(first) == {"file", "line", "column", "severity", "code", "metric", "message"}
    assert (first["file"], first["line"], first["column"]) == ("mine/a.yaml", 2, 9)
    assert json.loads(run("validate", "--format", "json").stdout) == []


def test_github_annotates(run: Run, faulty: str) -> None:
    result = run("validate", faulty, "--format", "github")
    assert result.exit_code == 1
    assert result.stdout.startswith("::error file=mine/a.yaml,line=2,col=9,title=unknown-key::")
