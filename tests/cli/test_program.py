from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.program import COMMANDS, main
from runtime.shipped import get_shipped_folder
from tests.cli.conftest import SHIPPED, Run

pytestmark = pytest.mark.server

HEAVY = ("fastapi", "sqlalchemy", "rich", "uvicorn")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    command = main.get_command(main.make_context("metric-engine", ["--help"], resilient_parsing=True), name)
    assert command is not None
    assert inspect.cleandoc(command.help or "").split("\n")[0] == COMMANDS[name]
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert "Example" in shown.stdout
    assert "--metrics DIR" in shown.stdout


def test_all_commands_are_listed(run: Run) -> None:
    listed = run("--help").stdout
    for name, help_text in COMMANDS.items():
        assert f"{name:<8}  {help_text}" in listed


def test_a_mistyped_command_is_guessed(run: Run) -> None:
    result = run("vlidate")
    assert result.exit_code == 2
    assert "no command 'vlidate'; did you mean 'validate'?" in result.stderr


@pytest.mark.parametrize("arguments", [("validate",), ("test",), ("sql", "ga4.sessions"), ("ddl",)])
def test_an_invalid_folder_is_one_matter_for_all_commands(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.yaml").write_text("metrics:\n  a.b: {valu: 1}\n")
    result = run(*arguments, "--metrics", "mine")
    assert result.exit_code == 1
    assert "mine/a.yaml:2:9: error[unknown-key] a.b: unknown key 'valu'" in result.output


@pytest.mark.parametrize("arguments", [("validate", "nowhere"), ("ddl", "--metrics", "nowhere")])
def test_a_missing_folder_is_one_line(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr == "error: METRICS_DIR: nowhere is not a folder; name the folder of the metric files\n"


def test_the_folder_may_come_from_the_environment(run: Run) -> None:
    assert "METRICS_DIR: nowhere" in run("ddl", METRICS_DIR="nowhere").stderr


def test_a_folder_that_may_not_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    result = run("migrate", DATABASE_URL=f"sqlite:///{tmp_path}")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: the state database cannot be used")


def test_the_shipped_folder_is_shown_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(SHIPPED.parent)
    assert get_shipped_folder() == Path("metrics")
    monkeypatch.chdir(tmp_path)
    assert get_shipped_folder() == SHIPPED


def test_validate_loads_neither_web_server_nor_database() -> None:
    program = (
        "import json, sys\n"
        "from cli import main\n"
        "main(['validate'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(json.loads(done.stdout.splitlines()[-1]))


def test_python_runs_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "test", "nosuch"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no widget 'nosuch'; the nearest are ")
