from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import ALICE, Run

PERIOD = ("--user", ALICE, "--start", "2025-01-08", "--end", "2025-01-14")


@pytest.fixture
def tell(run: Run, tmp_path: Path) -> Run:
    """Tell of a week in which sessions doubled."""
    days = [date(2025, 1, 1) + timedelta(days=each) for each in range(14)]
    rows = "".join(f"{day},{1000 + 7 * index if index < 7 else 2000 + 11 * index}\n" for index, day in enumerate(days))
    (tmp_path / "ga4.csv").write_text(f"date,sessions\n{rows}")
    assert run("load", "ga4_daily", "ga4.csv", "--user", ALICE, "--account", "1").exit_code == 0
    return lambda *arguments, **environment: run("insights", *PERIOD, *arguments, **environment)


def test_bullets_stand_below_their_headings(tell: Run) -> None:
    result = tell()
    assert result.exit_code == 0
    assert result.stdout == (
        "2025-01-08 to 2025-01-14, against the previous 7 days\n"
        "\n"
        "Traffic\n"
        "  • Sessions are up 107% against the previous 7 days, from 7,147 to 14,770.\n"
    )


def test_json_is_the_apis_answer(tell: Run) -> None:
    found = json.loads(tell("--format", "json").stdout)
    assert found["items"][0]["group"] == "Traffic"
    assert found["meta"]["generated_by"] == "rules"
    assert found["meta"]["compare"] == "previous_period"


@pytest.mark.parametrize("arguments", [("--sources", ""), ("--compare", "off")])
def test_where_nothing_is_to_be_told_it_says_so(tell: Run, arguments: tuple[str, str]) -> None:
    assert (
        "Nothing to tell: no source is connected, nothing stood out, or too little is known." in tell(*arguments).stdout
    )


def test_wrong_parameters_are_named(tell: Run) -> None:
    result = tell("--sources", "ga5")
    assert result.exit_code == 1
    assert "did you mean 'ga4'?" in result.stderr


def test_without_a_budget_the_model_is_not_asked(tell: Run) -> None:
    found = json.loads(tell("--format", "json", LLM_MODEL="openai/none", LLM_DAILY_BUDGET="0").stdout)
    assert (found["meta"]["generated_by"], found["meta"]["fallback"]) == ("rules", "budget")
    with sqlite3.connect("metric-engine.db") as database:
        rows = database.execute("SELECT value FROM app_settings WHERE key LIKE 'llm_calls/%'").fetchall()
    database.close()
    assert all(json.loads(value)["calls"] == 0 for (value,) in rows)


def test_it_speaks_the_language_of_the_settings(tell: Run) -> None:
    told = tell(INSIGHTS_LANGUAGE="de")
    assert "Die Sitzungen sind gegenüber den 7 Tagen davor um 107 % gestiegen, von 7.147 auf 14.770." in told.stdout
    refused = tell(INSIGHTS_LANGUAGE="xx")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        "error: INSIGHTS_LANGUAGE: 'xx' is not a language of the insights; there are 'de' and"
    )
    assert refused.stderr.count("\n") == 1
