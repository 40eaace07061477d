"""What docs/ci.md and the hooks tell others to run does what they say."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import engine
from cli import main
from tests.support.docs.blocks import find_blocks
from tests.support.paths import DOCS

pytestmark = pytest.mark.server

WORKFLOW, (DATABASE_STEP,), NUMBERS, CONFIGURATION = (
    yaml.safe_load(block.text) for block in find_blocks("ci.md", "yaml")
)
HOOKS: list[dict[str, Any]] = yaml.safe_load((DOCS.parent / ".pre-commit-hooks.yaml").read_text())
STEPS = [step["run"] for step in WORKFLOW["jobs"]["metrics"]["steps"] if "run" in step]
COMMANDS = [command for command in STEPS if command.startswith("metric-engine ")]
HOOK_COMMANDS = [shlex.join([*shlex.split(hook["entry"]), *hook["args"]]) for hook in HOOKS]

FILE = """\
source: ga4
table: ga4_daily
tables:
  ga4_daily:
    time: date
    key: [user_id, date]
    columns: {user_id: uuid, date: date, sessions: bigint}
metrics:
  ga4.sessions:
    value: sum(sessions)
    tests:
      - name: a day
        rows: [{date: 2025-01-01, sessions: 3}]
        start: 2025-01-01
        end: 2025-01-01
        expect: {stats: {value: 3}}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of metric files; gives the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    path = tmp_path / "metrics" / "ga4.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def run_command(command: str, **environment: str) -> Result:
    program, *arguments = shlex.split(command)
    assert program == "metric-engine"
    return CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)


def test_the_workflow_checks_and_tests() -> None:
    assert [shlex.split(command)[1] for command in COMMANDS] == ["validate", "test"]
    assert set(STEPS) == {f"pip install 'metric-engine @ git+https://HOST/PATH@v{engine.__version__}'", *COMMANDS}


@pytest.mark.parametrize("command", [*COMMANDS, *HOOK_COMMANDS])
def test_a_sound_folder_passes(repository: Path, command: str) -> None:
    assert run_command(command).exit_code == 0


@pytest.mark.parametrize("command", [*COMMANDS, *HOOK_COMMANDS])
def test_a_broken_file_does_not(repository: Path, command: str) -> None:
    repository.write_text(FILE.replace("value: sum(sessions)", "value: sum(sesions)"), encoding="utf-8")
    result = run_command(command)
    assert result.exit_code == 1
    assert "column 'sesions' is not in table ga4_daily; did you mean 'sessions'?" in result.output


def test_a_problem_is_an_annotation_on_its_line(repository: Path) -> None:
    repository.write_text(FILE.replace("value: sum(sessions)", "value: sum(sesions)"), encoding="utf-8")
    assert run_command(COMMANDS[0]).stdout == (
        "::error file=metrics/ga4.yaml,line=10,col=16,title=unknown-column::ga4.sessions: "
        "column 'sesions' is not in table ga4_daily; did you mean 'sessions'?\n"
    )


@pytest.mark.parametrize("command", [COMMANDS[1], HOOK_COMMANDS[1]])
def test_a_failing_test_fails(repository: Path, command: str) -> None:
    repository.write_text(FILE.replace("{value: 3}", "{value: 4}"), encoding="utf-8")
    assert run_command(command).exit_code == 1


def test_the_step_with_a_database_looks_into_it(repository: Path) -> None:
    (repository.parent.parent / "facts.db").touch()
    result = run_command(DATABASE_STEP["run"], WAREHOUSE_URL="sqlite:///facts.db")
    assert result.exit_code == 1
    assert result.stdout.startswith("::error file=metrics/ga4.yaml,line=4,col=3,title=missing-live-table::")
    assert list(DATABASE_STEP["env"]) == ["WAREHOUSE_URL"]


def run_git(*arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *identity, *arguments), check=True)


def compare_numbers(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the workflow's step as GitHub runs it, with the command on the path."""
    (script,) = (step["run"] for step in NUMBERS["jobs"]["numbers"]["steps"] if step.get("name") == "Compare")
    program = folder / "bin" / "metric-engine"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(DOCS.parent),
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return subprocess.run(shell, env=environment, capture_output=True, text=True)


def test_a_pull_request_gets_the_numbers_before_and_after(repository: Path, tmp_path: Path) -> None:
    run_git("init", "-q", "-b", "work")
    run_git("add", "metrics")
    run_git("commit", "-q", "-m", "Metrics")
    run_git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.write_text(FILE.replace("value: sum(sessions)", "value: 2 * sum(sessions)"), encoding="utf-8")
    run_git("commit", "-qam", "Count both ways")

    done = compare_numbers(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "::error file=metrics/ga4.yaml,line=9,col=3,title=diff::ga4.sessions: changed, numbers change, not declared; "
        "test: a day: 3 → 6 (+100.00%25)\n"
    )
    comment = (tmp_path / "numbers.md").read_text(encoding="utf-8")
    row = "| `ga4.sessions` | changed, numbers change, {} | test: a day | 3 | 6 | +100.00% |"
    assert row.format("not declared") in comment.splitlines()
    assert "+  expression: 2 * sum(sessions)" in comment.splitlines()
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == comment

    run_git("commit", "-q", "--amend", "-m", "Count both ways\n\nThere and back.\n\nChanges-Numbers: ga4.sessions")
    declared = compare_numbers(tmp_path)
    assert (declared.returncode, declared.stderr) == (0, "")
    assert row.format("as declared") in (tmp_path / "numbers.md").read_text(encoding="utf-8").splitlines()


def test_the_comment_is_what_the_comparison_has_written() -> None:
    assert NUMBERS["permissions"] == {"contents": "read", "pull-requests": "write"}
    checkout, *_, install, compare, comment = NUMBERS["jobs"]["numbers"]["steps"]
    assert checkout["with"] == {"fetch-depth": 0}
    assert install["run"] in STEPS
    assert "> numbers.md" in compare["run"]
    assert "--body-file numbers.md" in comment["run"]
    assert "${{" not in compare["run"] + comment["run"]


def test_the_json_is_as_shown(repository: Path) -> None:
    (shown,) = find_blocks("ci.md", "json")
    assert json.loads(run_command("metric-engine validate metrics --format json").stdout) == []
    repository.write_text(FILE.replace("value: sum(sessions)", "value: sum(sesions)"), encoding="utf-8")
    (problem,) = json.loads(run_command("metric-engine validate metrics --format json").stdout)
    assert problem == {**json.loads(shown.text), "line": 10, "column": 16}


def test_the_hooks_are_those_that_the_page_names() -> None:
    (named,) = CONFIGURATION["repos"]
    assert [hook["id"] for hook in HOOKS] == [hook["id"] for hook in named["hooks"]]
    assert named["rev"] == f"v{engine.__version__}"
    for hook in HOOKS:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)
