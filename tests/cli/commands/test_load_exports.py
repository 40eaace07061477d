"""An agency's three exports, from the file as it was downloaded to the number on the page."""

from __future__ import annotations

import codecs
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from tests.cli.conftest import ALICE, Run

GA4 = """# ----------------------------------------
# Traffic acquisition: Session default channel group
# Account: Agency
# Property: Shop
# ----------------------------------------
#
# All Users
# Start date: 20250101
# End date: 20250102
Date,Session default channel group,Sessions,Engaged sessions,Engagement rate,Key events,Total revenue
,,"1,535",900,0.586,12,99.5,Grand total
20250101,Organic Search,"1,200",700,0.583,8,60.25
20250101,(not set),35,20,0.571,0,0
20250102,Organic Search,300.0,180,0.6,4,39.25
"""
ADS = """"Reporting starts","Reporting ends","Campaign name","Campaign delivery","Amount spent (USD)",Impressions
2025-01-01,2025-01-01,,active,30.25,1000
2025-01-01,2025-01-01,Spring,active,20.25,700
2025-01-01,2025-01-01,Autumn,active,10,300
"""
INSTAGRAM = 'sep=,\n"Instagram reach"\n"Date","Primary"\n"2025-01-01T00:00:00","120"\n"2025-01-02T00:00:00","80"\n'


@pytest.fixture
def shipped_run(run: Run, tmp_path: Path) -> Run:
    """Run a command on the shipped metric files."""
    (tmp_path / "ga4.csv").write_text(GA4)
    (tmp_path / "ads.csv").write_text(ADS)
    (tmp_path / "instagram.csv").write_bytes(codecs.BOM_UTF16_LE + INSTAGRAM.encode("utf-16-le"))

    def invoke(*words: str) -> Any:
        return run(*words, "--user", ALICE, "--metrics", str(get_shipped_folder()))

    return invoke


def query_answer(run: Run, key: str) -> Any:
    answer = run("query", key, "--start", "2025-01-01", "--end", "2025-01-02", "--format", "json")
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def test_an_agencys_exports_give_its_numbers(shipped_run: Run) -> None:
    totals = "--skip-totals"
    loads = [
        ("ga4_channels_daily", "ga4.csv", "--preset", "ga4", "--account", "318204557", totals),
        ("meta_ads_daily", "ads.csv", "--preset", "meta", "--account", "77", totals),
        ("ig_account_daily", "instagram.csv", "--preset", "instagram", "--account", "178"),
    ]
    results = [shipped_run("load", *words) for words in loads]
    assert [(each.exit_code, each.stdout) for each in results] == [
        (0, "3 rows loaded into ga4_channels_daily\n"),
        (0, "2 rows loaded into meta_ads_daily\n"),
        (0, "2 rows loaded into ig_account_daily\n"),
    ]
    assert [each.stderr.splitlines()[:1] for each in results] == [*[["1 row that sums up others left out"]] * 2, []]
    # Google Analytics does not tell the currency of its amounts, and Ads Manager does.
    assert ["have no currency" in each.stderr for each in results] == [True, False, False]
    channels = query_answer(shipped_run, "ga4.traffic_channels")
    assert channels["stats"]["value"] == 1535
    assert {each["name"]: each["stats"]["value"] for each in channels["series"]} == {
        "Organic Search": 1500,
        "(not set)": 35,
    }
    spend = query_answer(shipped_run, "meta.spend")
    assert (spend["stats"]["value"], spend["meta"]["currency"]) == (30.25, "USD")
    warehouse = Warehouse("sqlite:///metric-engine.db")
    found = [tuple(row) for row in warehouse.query("SELECT ig_user_id, date, reach FROM ig_account_daily", {})]
    warehouse.close()
    assert found == [("178", "2025-01-01", 120), ("178", "2025-01-02", 80)]


def test_the_first_try_tells_the_command_that_loads_the_file(shipped_run: Run) -> None:
    """Each refusal ends with a command; pasted into a shell, with the account filled in, it leads to the load."""
    words = ["load", "ga4_channels_daily", "ga4.csv"]
    commands = []
    while (result := shipped_run(*words)).exit_code != 0:
        command = result.stderr.splitlines()[-1].strip()
        commands.append(command)
        program, *pasted = shlex.split(command.replace("--account ID", "--account 318204557"))
        assert program == "metric-engine"
        user, metrics = pasted.index("--user"), pasted.index("--metrics")
        assert (pasted[user + 1], pasted[metrics + 1]) == (ALICE, str(get_shipped_folder()))
        words = [word for at, word in enumerate(pasted) if at not in {user, user + 1, metrics, metrics + 1}]
        assert len(commands) < 5
    assert [
        command.partition("ga4.csv ")[2].replace(f" --metrics {get_shipped_folder()}", "") for command in commands
    ] == [
        f"--user {ALICE} --preset ga4 --account ID",
        f"--user {ALICE} --account 318204557 --preset ga4 --skip-totals",
    ]
    assert result.stdout == "3 rows loaded into ga4_channels_daily\n"


def test_without_word_no_sum_is_loaded_and_nothing_else_is(shipped_run: Run) -> None:
    result = shipped_run("load", "meta_ads_daily", "ads.csv", "--preset", "meta", "--account", "77")
    assert result.exit_code == 1
    assert "\nads.csv:2:3: Campaign name: is empty; a row without it sums up the others" in result.stderr
    assert query_answer(shipped_run, "meta.spend")["meta"]["missing_sources"] == ["meta"]


def test_several_files_are_loaded_together_or_not_at_all(shipped_run: Run, tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / f"{day}.csv").write_text(f"date,sessions\n2025-01-0{day},{day}\n")
    (tmp_path / "again.csv").write_text("date,sessions\n2025-01-02,5\n")
    refused = shipped_run("load", "ga4_daily", "1.csv", "2.csv", "again.csv", "--account", "5")
    assert "again.csv:2:1: the same key as 2.csv:2 (date 2025-01-02)" in refused.stderr
    assert query_answer(shipped_run, "ga4.sessions")["series"] == []
    loaded = shipped_run("load", "ga4_daily", "1.csv", "2.csv", "--account", "5")
    assert loaded.stdout == "2 rows loaded into ga4_daily\n"
    assert query_answer(shipped_run, "ga4.sessions")["stats"]["value"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "meta"), "--preset meta: ga4_daily is a table of ga4"),
        (("--set", "sessions=1", "--map", "sessions=n"), "--set sessions: --map fills it from the file"),
        (("--set", "property_id=1"), "--account: 'property_id' is given twice"),
        (("--set", "user_id=1"), "--set user_id=1: ga4_daily has no column 'user_id' to fill"),
        (("--set", "sessions"), "--set sessions: write the table's column, =, and its value"),
    ],
)
def test_options_that_disagree_are_usage_errors(shipped_run: Run, words: tuple[str, ...], message: str) -> None:
    Path("rows.csv").write_text("date,n\n2025-01-01,1\n")
    result = shipped_run("load", "ga4_daily", "rows.csv", "--account", "5", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_header_alone_is_told(shipped_run: Run) -> None:
    Path("rows.csv").write_text("date,sessions\n")
    result = shipped_run("load", "ga4_daily", "rows.csv", "--account", "5")
    assert (result.exit_code, result.stdout) == (0, "0 rows loaded into ga4_daily\n")
    assert result.stderr == "warning: there are no rows below the header\n"


def test_what_would_count_twice_is_told_after_the_load(shipped_run: Run, tmp_path: Path) -> None:
    """A renamed campaign is another one where names are ids; an account under two names is two."""
    options = ("--preset", "meta", "--skip-totals")
    assert "warning" not in shipped_run("load", "meta_ads_daily", "ads.csv", "--account", "77", *options).stderr
    assert "warning" not in shipped_run("load", "meta_ads_daily", "ads.csv", "--account", "77", *options).stderr
    (tmp_path / "ads.csv").write_text(ADS.replace("Spring", "Spring 2025"))
    renamed = shipped_run("load", "meta_ads_daily", "ads.csv", "--account", "77", *options)
    assert renamed.stderr.splitlines()[1].startswith("warning: account act_77 has other rows on 2025-01-01 (1 of")
    for account in ("5", "55"):
        (tmp_path / "days.csv").write_text("date,sessions\n2025-01-01,3\n2025-01-02,4\n")
        again = shipped_run("load", "ga4_daily", "days.csv", "--account", account)
    assert again.stderr.startswith("warning: account 5 has the same numbers as account 55 on 2025-01-01 to 2025-01-02")
    assert again.exit_code == 0
