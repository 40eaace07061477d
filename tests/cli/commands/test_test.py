from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.conftest import SHIPPED, Run

Folder = Callable[[str], str]

PASSING = """\
  v.sessions:
    value: sum(sessions)
    tests:
      - name: one
        rows: [{date: 2025-01-01, sessions: 3}, {date: 2025-01-02, sessions: 4}]
        start: 2025-01-01
        end: 2025-01-02
        compare: previous_period
        expect: {stats: {value: 7, previous: null}, points: {2025-01-01: 3}, comparison: {2024-12-31: null}}
  v.emailed:
    table: emailed_daily
    value: sum(sessions)
    hidden: true
    tests:
      - name: only those emailed
        rows:
          visits_daily:
            - {date: 2025-01-01, channel: Email, sessions: 3}
            - {date: 2025-01-01, channel: Direct, sessions: 4}
        start: 2025-01-01
        end: 2025-01-01
        expect: {stats: {value: 3}, meta: {sources: [ga4]}}
  v.untested: count(*)
"""


def make_metric(expect: str, *, rows: str = "[{date: 2025-01-01, channel: Email, sessions: 3}]", by: str = "") -> str:
    """A metric with one test that expects this."""
    return (
        f"  v.sessions:\n    value: sum(sessions)\n    title: Sessions\n{by}    tests:\n      - name: one\n"
        f"        rows: {rows}\n        start: 2025-01-01\n        end: 2025-01-03\n        expect: {expect}\n"
    )


BY = "    by: channel\n    items: {by: channel, values: {sessions: sum(sessions)}}\n"


def test_the_shipped_tests_pass(run: Run) -> None:
    result = run("test")
    assert result.exit_code == 0
    assert "all passed" in result.stdout


def test_channel_revenue_of_properties_in_two_currencies_is_not_added(run: Run, tmp_path: Path) -> None:
    metrics = copytree(SHIPPED, tmp_path / "metrics")
    (metrics / "zz.yaml").write_text(
        "metrics:\n  my.channel_revenue:\n    table: ga4_channels_daily\n    value: sum(revenue)\n    by: channel\n"
        "    format: currency\n    tests:\n      - name: two currencies\n        rows:\n"
        "          - {date: 2025-01-01, property_id: '1', channel: Email, revenue: 10, currency: USD}\n"
        "          - {date: 2025-01-01, property_id: '2', channel: Email, revenue: 10, currency: EUR}\n"
        "        start: 2025-01-01\n        end: 2025-01-01\n"
        "        expect: {stats: {value: null}, meta: {currency: mixed}}\n"
    )
    result = run("test", str(metrics), "my.channel_revenue")
    assert result.exit_code == 0, result.output


def test_tables_of_any_name_and_hidden_metrics_are_tested(run: Run, folder: Folder) -> None:
    result = run("test", folder(PASSING))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 tests of 2 metrics, all passed, 1 metric has no tests")


def test_keys_choose(run: Run, folder: Folder) -> None:
    mine = folder(PASSING)
    assert run("test", mine, "v.emailed").stdout.startswith("1 test of 1 metric,")
    assert run("test", "v.emailed", "--metrics", mine).stdout.startswith("1 test of 1 metric,")
    result = run("test", mine, "v.email")
    assert result.exit_code == 1
    assert result.stderr == "error: no widget 'v.email'; did you mean 'v.emailed'?\n"


@pytest.mark.parametrize(
    ("expect", "line"),
    [
        ("{stats: {value: 4}}", ("stats.value", "4.0", "3")),
        ("{stats: {value: null}}", ("stats.value", "null", "3")),
        ("{points: {2025-01-01: 2}}", ("points.2025-01-01", "2.0", "3")),
        ("{points: {2025-01-02: 0}}", ("points.2025-01-02", "0.0", "null")),
        ("{series: {Sessions: {stats: {value: 1}}}}", ("series.Sessions.stats.value", "1.0", "3")),
        ("{meta: {currency: EUR}}", ("meta.currency", '"EUR"', "null")),
        ("{meta: {sources: []}}", ("meta.sources[0]", "nothing", '"ga4"')),
    ],
)
def test_a_difference_is_shown(run: Run, folder: Folder, expect: str, line: tuple[str, ...]) -> None:
    result = run("test", folder(make_metric(expect)))
    assert result.exit_code == 1
    shown = [" ".join(each.split()) for each in result.stdout.splitlines()]
    assert shown[:3] == ["FAIL v.sessions: one", "where expected got", " ".join(line)]
    assert '{"date": "2025-01-01", "channel": "Email", "sessions": 3}' in result.stdout
    assert "1 failed" in result.stdout


@pytest.mark.parametrize(
    ("expect", "path"),
    [
        ("{items: [{id: Email, values: {sessions: 4}}]}", "items[0].values.sessions"),
        ("{items: []}", "items[0]"),
    ],
)
def test_a_difference_of_a_breakdown_is_shown(run: Run, folder: Folder, expect: str, path: str) -> None:
    result = run("test", folder(make_metric(expect, by=BY)))
    assert result.exit_code == 1
    assert f"  {path}  " in result.stdout


@pytest.mark.parametrize(
    ("expect", "by"),
    [
        ("{}", ""),
        ("{stats: {}}", ""),
        ("{stats: {previous: 0}}", ""),
        ("{points: {2025-01-04: null}}", ""),
        ("{points: {2025-01-01: 3}}", BY),
        ("{comparison: {2024-12-31: null}}", ""),
        ("{items: [{id: x}]}", ""),
        ("{items: [{idd: x}]}", BY),
        ("{meta: {data_thru: 2025-01-01}}", ""),
    ],
)
def test_what_no_answer_could_show_is_an_error(run: Run, folder: Folder, expect: str, by: str) -> None:
    result = run("test", folder(make_metric(expect, by=by)))
    assert result.exit_code == 1
    assert "FAIL" not in result.stdout
    assert ": error[" in result.stderr


@pytest.mark.parametrize(
    "expect",
    [
        "{stats: {value: 3.000000000001}, points: {2025-01-02: null}, meta: {sources: [ga4]}}",
        "{series: {Sessions: {points: {2025-01-01: 3}, stats: {delta: null}}}}",
    ],
)
def test_what_is_not_stated_may_be_anything(run: Run, folder: Folder, expect: str) -> None:
    assert run("test", folder(make_metric(expect))).exit_code == 0


def test_the_first_items_are_enough(run: Run, folder: Folder) -> None:
    rows = "[{date: 2025-01-01, channel: Email, sessions: 3}, {date: 2025-01-01, channel: Direct, sessions: 2}]"
    assert run("test", folder(make_metric("{items: [{id: Email}]}", rows=rows, by=BY))).exit_code == 0
