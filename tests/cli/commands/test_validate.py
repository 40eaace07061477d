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
    assert result.stdout == "26 metrics in 6 files: no problems\n"


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


@pytest.fixture
def doubtful(tmp_path: Path) -> str:
    (tmp_path / "mine").mkdir()
    table = "source: ga4\ntable: t\ntables: {t: {time: date, columns: {user_id: uuid, date: date, n: bigint}}}\n"
    (tmp_path / "mine" / "a.yaml").write_text(f"{table}metrics:\n  a.b: {{value: sum(n), chart: lien}}\n")
    return "mine"


def test_a_warning_is_shown_and_not_fatal(run: Run, doubtful: str) -> None:
    result = run("validate", doubtful)
    assert result.exit_code == 0
    assert (
        "mine/a.yaml:5:31: warning[doubtful-chart] a.b: no chart is called 'lien'; did you mean 'line'?"
        in result.stdout
    )
    assert "  5 |   a.b: {value: sum(n), chart: lien}\n" in result.stdout
    assert result.stdout.endswith("1 metric in 1 file: 1 warning in 1 file\n")
    assert json.loads(run("validate", doubtful, "--format", "json").stdout)[0]["severity"] == "warning"
    assert run("validate", doubtful, "--format", "github").stdout.startswith("::warning file=mine/a.yaml,line=5,")
    assert run("test", doubtful).exit_code == 0


@pytest.mark.parametrize("shape", ["text", "json", "github"])
def test_strict_makes_a_warning_fatal(run: Run, doubtful: str, shape: str) -> None:
    assert run("validate", doubtful, "--format", shape).exit_code == 0
    assert run("validate", doubtful, "--format", shape, "--strict").exit_code == 1
    assert run("validate", "--strict").exit_code == 0


def test_warnings_keep_no_error_out(run: Run, doubtful: str, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "a.yaml"
    more = "".join(f"  a.m{number}: {{value: sum(n), chart: lien}}\n" for number in range(300))
    path.write_text(f"{path.read_text()}{more}  a.wrong: sum(m)\n")
    result = run("validate", doubtful, "--format", "json")
    assert result.exit_code == 1
    assert [each["code"] for each in json.loads(result.stdout) if each["severity"] == "error"] == ["unknown-column"]
