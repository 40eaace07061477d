"""`metric-engine new` on copies of the shipped files, and on files of other forms."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.catalog.catalog import load_catalog
from tests.cli.conftest import SHIPPED, Run
from tests.support.processes import PATIENCE

RATE = "sum(engaged_sessions) / sum(sessions)"

ADDED = """\

  # Say in `description:` what it shows, in a sentence.
  ga4.engagement_rate:
    title: Engagement rate
    value: sum(engaged_sessions) / sum(sessions)
    format: percent
    # Small enough to check by hand: a change of the value shows here.
    tests:
      - name: two days
        rows:
          - {date: 2025-01-01, engaged_sessions: 1, sessions: 4}
          - {date: 2025-01-02, engaged_sessions: 3, sessions: 4}
        start: 2025-01-01
        end: 2025-01-02
        expect:
          stats: {value: 0.5}
          points: {2025-01-01: 0.25, 2025-01-02: 0.75}
"""


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """A copy of the shipped files."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "metrics"))


def read_contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_entry_is_appended_to_the_file_of_the_table(run: Run, metrics: Path) -> None:
    before = read_contents(metrics)
    options = ("--table", "ga4_daily", "--value", RATE, "--format", "percent", "--metrics", "metrics")
    result = run("new", "ga4.engagement_rate", *options)
    line = before["ga4.yaml"].count(b"\n") + 3
    assert result.stdout == (
        f"added ga4.engagement_rate to metrics/ga4.yaml, line {line}; its test passes. "
        "Look at the test's numbers: they are the engine's own.\n"
    )
    assert read_contents(metrics) == {**before, "ga4.yaml": before["ga4.yaml"] + ADDED.encode()}
    assert run("test", "metrics", "ga4.engagement_rate").exit_code == 0


@pytest.mark.parametrize(
    ("table", "value", "options", "expected"),
    [
        ("ga4_daily", "sum(sessions)", (), {"value": 4, "points": [1, 3]}),
        ("ga4_daily", "sum(users)", ("--total", "average"), {"value": 2, "points": [1, 3]}),
        ("ga4_daily", "sum(users)", ("--total", "last"), {"value": 3, "points": [1, 3]}),
        ("ga4_daily", "count(*)", (), {"value": 2, "points": [1, 1]}),
        ("ga4_daily", "count(distinct property_id)", (), {"value": 2, "points": [1, 1]}),
        ("meta_ads_daily", "1000 * sum(spend) / sum(impressions)", (), {"value": 500, "points": [250, 750]}),
        (
            "ga4_channels_daily",
            "sum(case when channel = 'Email' then sessions end)",
            (),
            {"value": 4, "points": [1, 3]},
        ),
        ("ig_media", "sum(likes + comments)", (), {"value": 12, "points": [5, 7]}),
    ],
)
def test_the_expectation_can_be_checked_by_hand(
    run: Run, metrics: Path, table: str, value: str, options: Sequence[str], expected: dict[str, object]
) -> None:
    result = run("new", "a.metric", "--table", table, "--value", value, *options, "--metrics", "metrics")
    assert result.exit_code == 0, result.output
    (test,) = load_catalog(metrics).metrics["a.metric"].tests
    assert test.expect.stats is not None
    assert test.expect.points is not None
    assert {"value": test.expect.stats.value, "points": list(test.expect.points.values())} == expected


def test_a_table_that_is_a_query_is_tested_through_the_table_that_it_reads(run: Run, metrics: Path) -> None:
    query = """\
source: ga4
tables:
  emailed_daily:
    time: date
    sql: SELECT user_id, date, sessions FROM {{ table('ga4_channels_daily') }} WHERE channel = 'Email'
    columns: {user_id: uuid, date: date, sessions: bigint}
"""
    (metrics / "mine.yaml").write_text(query)
    result = run("new", "my.emails", "--table", "emailed_daily", "--value", "sum(sessions)", "--metrics", "metrics")
    assert result.exit_code == 0, result.output
    (test,) = load_catalog(metrics).metrics["my.emails"].tests
    assert test.rows == [
        {"date": "2025-01-01", "sessions": 1, "channel": "Email"},
        {"date": "2025-01-02", "sessions": 3, "channel": "Email"},
    ]
    assert (metrics / "mine.yaml").read_text().startswith(query)


@pytest.mark.parametrize(
    ("key", "table", "value", "options", "message"),
    [
        ("ga4.sessions", "ga4_daily", RATE, (), ":3: error[duplicate-metric] ga4.sessions: "),
        ("a.b", "ga4_dayly", RATE, (), ":12: error[unknown-table] a.b: no table 'ga4_dayly' is declared; did you mean"),
        ("a.b", "ga4_daily", "sum(sesions)", (), ":16: error[unknown-column] a.b: column 'sesions' is not in table"),
        ("a.b", "ga4_daily", "sum(sessions", (), "error[sql-syntax] a.b: "),
        ("a.b", "ga4_daily", "sum(users)", (), ":16: error[non-additive] a.b: "),
        ("a.b", "ga4_daily", RATE, ("--format", "per cent"), ":13: error[unknown-format] a.b: "),
        ("a.b", "ga4_daily", RATE, ("--total", "sum"), "error[wrong-value] a.b: "),
    ],
)
def test_what_is_wrong_is_said_as_validate_says_it_and_nothing_is_written(
    run: Run, metrics: Path, key: str, table: str, value: str, options: Sequence[str], message: str
) -> None:
    before = read_contents(metrics)
    result = run("new", key, "--table", table, "--value", value, *options, "--metrics", "metrics")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "metrics/" in result.stderr.partition(":")[0]
    assert read_contents(metrics) == before


def test_a_key_must_be_a_key(run: Run, metrics: Path) -> None:
    result = run("new", "a: b", "--table", "ga4_daily", "--value", RATE, "--metrics", "metrics")
    assert result.exit_code == 2
    assert "use letters, digits, _ and dots, such as ga4.sessions" in result.stderr


def test_without_a_terminal_nothing_is_asked(run: Run, metrics: Path) -> None:
    result = run("new", "a.b", "--metrics", "metrics")
    assert result.exit_code == 2
    assert "--table and --value missing; the tables are ga4_daily, " in result.stderr


def test_a_form_to_which_nothing_can_be_added_gets_the_entry_to_copy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    text = "{source: ga4, tables: {t: {time: date, columns: {user_id: uuid, date: date, n: bigint}}}, metrics: {}}\n"
    (tmp_path / "mine" / "a.yaml").write_text(text)
    result = run("new", "a.b", "--table", "t", "--value", "sum(n)", "--metrics", "mine")
    assert result.exit_code == 1
    assert "nothing can be added:\n  # Say in" in result.stderr
    assert (tmp_path / "mine" / "a.yaml").read_text() == text


@pytest.mark.server
def test_on_a_terminal_it_asks_until_an_answer_fits(metrics: Path) -> None:
    answers = ["ga4_dayly", "ga4_daily", "sum(user)", "sum(users)", "", "integr", "integer", ""]
    ours, theirs = pty.openpty()
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    command = [sys.executable, "-m", "cli", "new", "ga4.people", "--metrics", str(metrics)]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False, timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    shown = done.stdout + done.stderr
    assert "'ga4_dayly' is no table; did you mean 'ga4_daily'?" in shown
    assert "column 'user' is not in table ga4_daily; did you mean 'users'?" in shown
    assert "users may not be added up over days" in shown
    assert "'integr' is no format; did you mean 'integer'?" in shown
    metric = load_catalog(metrics).metrics["ga4.people"]
    assert (metric.title, metric.format) == ("People", "integer")
