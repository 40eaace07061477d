from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.output import choose_colour, draw_sparkline, format_change, format_value, to_printable
from tests.cli.conftest import ALICE, Run

DAYS = ("--start", "2025-01-01", "--end", "2025-01-03")


@pytest.fixture
def ask(run: Run, tmp_path: Path) -> Run:
    """Ask a metric over three days, of which two have sessions and spend."""
    (tmp_path / "ga4.csv").write_text(
        "date,sessions,converting_sessions\n2025-01-01,1000,100\n2025-01-02,3000,100\n2024-12-31,2000,1\n"
    )
    (tmp_path / "meta.csv").write_text("date,campaign_id,spend,currency\n2025-01-01,a,10,EUR\n2025-01-02,a,20.5,EUR\n")
    (tmp_path / "ig.csv").write_text("posted_on,media_id,caption,interactions\n2025-01-01,m,\x1b[31mred,5\n")
    for table, file in (("ga4_daily", "ga4"), ("meta_ads_daily", "meta"), ("ig_media", "ig")):
        assert run("load", table, f"{file}.csv", "--user", ALICE, "--account", "1").exit_code == 0
    return lambda *arguments, **environment: run("query", *arguments, "--user", ALICE, *DAYS, **environment)


def split_lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_table_shows_total_course_and_points(ask: Run) -> None:
    result = ask("ga4.sessions", "--compare", "previous_period")
    assert result.exit_code == 0
    assert split_lines(result.stdout) == [
        "Sessions ga4.sessions",
        "Sessions started on the day.",
        "2025-01-01 to 2025-01-03, by day, against 2024-12-29 to 2024-12-31",
        "Total 4,000 +100.0% from 2,000",
        "",
        "Sessions ▁█ 4,000 +100.0% from 2,000",
        "",
        "day Sessions before",
        "2025-01-01 1,000 –",
        "2025-01-02 3,000 –",
        "2025-01-03 – 2,000",
    ]


def test_no_colour_reaches_a_file(ask: Run) -> None:
    assert "\x1b" not in ask("ga4.sessions", "--compare", "previous_period").stdout


def test_colours_reach_a_terminal_unless_it_wants_none(ask: Run) -> None:
    arguments = ("ga4.sessions", "--compare", "previous_period")
    # FORCE_COLOR is how rich is told that what it writes to is a terminal.
    assert "\x1b[1;32m  +100.0%" in ask(*arguments, FORCE_COLOR="1", TERM="xterm").stdout
    assert "32m" not in ask(*arguments, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").stdout


def test_a_combined_metric_is_written_part_by_part(ask: Run) -> None:
    shown = split_lines(ask("corr.spend_vs_sessions").stdout)
    assert shown[3] == "Total –"
    assert shown[5:7] == ["Ad spend ▁█ 30.50 EUR", "Sessions ▁█ 4,000"]


def test_items_cannot_command_the_terminal(ask: Run) -> None:
    result = ask("ig.content_perf", "--sources", "instagram")
    assert "\x1b" not in result.stdout
    assert split_lines(result.stdout)[-1].startswith("m [31mred ")


@pytest.mark.usefixtures("ask")
def test_a_table_of_members_has_its_rows_their_total_and_what_changed(run: Run) -> None:
    days = ("--start", "2025-01-02", "--end", "2025-01-02", "--compare", "previous_period")
    shown = split_lines(run("query", "meta.campaign_table", "--user", ALICE, *days).stdout)
    assert shown[-4:] == [
        "Spend change Clicks change Conversions change CPA change ROAS change",
        "a 20.50 EUR +105.0% 0 – 0 – – – – –",
        "Total 20.50 EUR +105.0% 0 – 0 – – – – –",
        "1 of 1 row",
    ]


def test_a_switched_off_source_is_named(ask: Run) -> None:
    result = ask("ga4.sessions", "--sources", "meta")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Not connected, or switched off: ga4."


def test_json_is_the_answer_of_the_api(ask: Run) -> None:
    body = json.loads(ask("ga4.conv_rate", "--format", "json").stdout)
    assert body["stats"] == {"value": 0.05, "previous": None, "delta": None, "to_date": None}
    assert body["series"][0]["points"][2] == {"t": "2025-01-03", "v": None}
    assert body["meta"]["key"] == "ga4.conv_rate"


def test_csv_has_a_line_a_bucket(ask: Run) -> None:
    assert ask("ga4.sessions", "--format", "csv", "--grain", "month").stdout == ("t,Sessions\n2025-01-01,4000\n")
    assert ask("ga4.sessions", "--format", "csv", "--compare", "previous_period").stdout == (
        "t,Sessions\n2025-01-01,1000\n2025-01-02,3000\n2025-01-03,\n"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("ga4.sesions",), "error: no widget 'ga4.sesions'; did you mean 'ga4.sessions'"),
        (("ga4.sessions", "--start", "2025-13-01", "--end", "2025-01-01"), "error: start: '2025-13-01' is not a date"),
        (("ga4.sessions", "--start", "2025-01-01"), "error: end: is missing"),
        (("ga4.sessions", "--start", "2025-01-02", "--end", "2025-01-01"), "error: start: must not be after end"),
        (("ga4.sessions", "--start", "2020-01-01", "--end", "2025-01-01"), "error: end: the range has 1,828 days"),
        (("ga4.sessions", "--sources", "ga5"), "error: sources: 'ga5' is not one of ga4, instagram, meta"),
    ],
)
def test_a_wrong_question_is_one_line(run: Run, arguments: tuple[str, ...], problem: str) -> None:
    result = run("query", *arguments, "--user", ALICE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(problem)
    assert result.stderr.count("\n") == 1


def test_a_wrong_choice_is_a_usage_error(run: Run) -> None:
    assert run("query", "ga4.sessions", "--user", ALICE, "--compare", "last_week").exit_code == 2
    assert run("query", "ga4.sessions", "--user", ALICE, "--grain", "hour").exit_code == 2


def test_a_wrong_setting_is_one_line(run: Run) -> None:
    result = run("query", "ga4.sessions", "--user", ALICE, REPORTING_TIMEZONE="Mars")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: REPORTING_TIMEZONE: 'Mars' is not a known time zone")


def test_numbers_are_written_by_format() -> None:
    assert [format_value(1234.5678, each, "EUR") for each in ("integer", "decimal", "percent", "currency")] == [
        "1,235",
        "1,234.57",
        "123456.78%",
        "1,234.57 EUR",
    ]
    assert format_value(None, "currency", "EUR") == "–"
    assert format_value(20.0, "decimal", None) == "20"


def test_changes_are_written_and_coloured_by_what_is_good() -> None:
    assert format_change(0.125, "relative", "integer") == "+12.5%"
    assert format_change(-0.0125, "absolute", "percent") == "-1.25 points"
    assert format_change(3, "absolute", "integer") == "+3"
    assert [choose_colour(1, each) for each in ("up", "down", "neutral")] == ["green", "red", "default"]
    assert [choose_colour(-1, each) for each in ("up", "down", "neutral")] == ["red", "green", "default"]


def test_a_sparkline_keeps_gaps_and_fits_a_line() -> None:
    assert draw_sparkline([0, None, 7]) == "▁ █"
    assert draw_sparkline([5, 5]) == "▄▄"
    assert draw_sparkline([None]) == " "
    assert len(draw_sparkline(list(range(1100)))) <= 60


def test_texts_cannot_command_the_terminal() -> None:
    assert to_printable("a\x1b[2J\nb\u202ec") == "a [2J b c"
