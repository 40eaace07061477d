"""`metric-engine validate --database` on the embedded database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.conftest import SHIPPED, Run

DATABASE = {"DATABASE_URL": "sqlite:///facts.db"}


def make_tables(run: Run, folder: Path) -> None:
    connection = sqlite3.connect(folder / "facts.db")
    connection.executescript(run("ddl", "--dialect", "sqlite").stdout)
    connection.close()


def test_tables_made_by_ddl_are_as_declared(run: Run, tmp_path: Path) -> None:
    make_tables(run, tmp_path)
    result = run("validate", str(SHIPPED), "--database", **DATABASE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("no problems\n")


def test_a_difference_is_a_problem_at_its_declaration(run: Run, tmp_path: Path) -> None:
    make_tables(run, tmp_path)
    connection = sqlite3.connect(tmp_path / "facts.db")
    connection.execute("ALTER TABLE ga4_daily RENAME COLUMN sessions TO visits")
    connection.close()
    result = run("validate", str(SHIPPED), "--database", "--format", "json", **DATABASE)
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    line = (SHIPPED / "ga4.yaml").read_text().splitlines()[problem["line"] - 1]
    assert line[problem["column"] - 1 :].startswith("sessions: bigint")
    assert problem["code"] == "missing-live-column"
    assert problem["metric"] is None


def test_the_fact_tables_may_have_a_database_of_their_own(run: Run, tmp_path: Path) -> None:
    make_tables(run, tmp_path)
    result = run(
        "validate", str(SHIPPED), "--database", DATABASE_URL="sqlite:///x.db", WAREHOUSE_URL="sqlite:///facts.db"
    )
    assert result.exit_code == 0
    assert not (tmp_path / "x.db").exists()


def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    result = run("validate", str(SHIPPED), "--database", **DATABASE)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: DATABASE_URL: there is no database facts.db; ")
    assert list(tmp_path.iterdir()) == []


def test_broken_files_are_told_without_looking(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("metric: {}\n")
    result = run("validate", str(tmp_path), "--database", **DATABASE)
    assert result.exit_code == 1
    assert "error[unknown-key]" in result.stdout
