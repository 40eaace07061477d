from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import ALICE, BOB, Run

pytestmark = pytest.mark.server

TABLE = """\
source: ga4
table: visits_daily
tables:
  visits_daily:
    time: date
    key: [user_id, date, property_id]
    account: property_id
    dimensions: {channel: {title: Channel}}
    columns:
      user_id: uuid
      date: date
      property_id: text
      channel: text
      sessions: bigint
      engaged: bigint
metrics:
"""
TEST = """\
    tests:
      - name: two days
        rows:
          - {date: 2025-01-01, channel: Email, sessions: 3, engaged: 1}
          - {date: 2025-01-02, channel: Direct, sessions: 7, engaged: 4}
        start: 2025-01-01
        end: 2025-01-02
        expect: {meta: {currency: null}}
"""
SESSIONS = f"  v.sessions:\n    value: sum(sessions)\n{TEST}"
ENGAGED = f"  v.sessions:\n    value: sum(engaged)\n{TEST}"
RATE = f"  v.rate:\n    value: sum(engaged) / sum(sessions)\n{TEST}"


@pytest.fixture
def change(tmp_path: Path, run: Run) -> Run:
    """Write the folder `metrics` in a commit, then anew, and run `diff` between them."""

    def compare(before: str, after: str, *arguments: str) -> Result:
        (tmp_path / "metrics").mkdir(exist_ok=True)
        path = tmp_path / "metrics" / "visits.yaml"
        path.write_text(before if before.startswith("source") else TABLE + before, encoding="utf-8")
        for command in (("init", "-q"), ("add", "."), ("commit", "-q", "--allow-empty", "-m", "before")):
            identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
            subprocess.run(("git", *identity, *command), check=True, cwd=tmp_path)
        path.write_text(after if after.startswith("source") else TABLE + after, encoding="utf-8")
        return run("diff", "HEAD", "metrics", *arguments)

    return compare


def test_a_changed_number_is_shown_before_and_after_and_fails(change: Run) -> None:
    result = change(SESSIONS, ENGAGED)
    assert result.exit_code == 1
    assert result.stdout.startswith("v.sessions: changed, numbers change, not declared\n")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "-  expression: sum(sessions)" in lines
    assert "+  expression: sum(engaged)" in lines
    assert '-  SUM(CAST(t."sessions" AS REAL)) AS a0' in lines
    assert "test: two days: 10 → 5 (-50.00%)" in lines
    assert "series.value.points.2025-01-02: 7 → 4 (-42.86%)" in lines
    assert lines[-1].endswith("the numbers of 1 change; if that is meant: --allow v.sessions")


def test_a_declared_change_passes(change: Run) -> None:
    result = change(SESSIONS, ENGAGED, "--allow", "v.sessions")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        "v.sessions: changed, numbers change, as declared",
    )


def test_every_metric_is_declared_by_itself(change: Run) -> None:
    result = change(SESSIONS + RATE, ENGAGED + RATE.replace("sum(engaged) /", "2 * sum(engaged) /"), "--allow=v.rate")
    assert result.exit_code == 1
    assert "if that is meant: --allow v.sessions\n" in result.stdout


def test_a_misspelt_key_is_not_allowed(change: Run) -> None:
    result = change(SESSIONS, ENGAGED, "--allow", "v.sesions")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no widget 'v.sesions'; did you mean 'v.sessions'?" in result.stderr


def test_nothing_changes(change: Run) -> None:
    result = change(SESSIONS, SESSIONS.replace("sum(sessions)", "sum(sessions) # a comment"))
    assert (result.exit_code, result.stdout) == (0, "nothing changes against HEAD\n")


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (f"  v.sessions:\n    value: sum( sessions )\n    title: Visits\n{TEST}", "changed, same numbers"),
        (SESSIONS.replace("v.sessions", "v.visits"), "renamed from v.sessions, same numbers"),
        (SESSIONS + RATE, "added"),
        ("  v.sessions: sum(engaged)\n", None),
    ],
)
def test_what_changes_no_number_passes(change: Run, after: str, told: str | None) -> None:
    result = change("  v.sessions: sum(sessions)\n" if told is None else SESSIONS, after)
    assert result.exit_code == 0, result.output
    assert f": {told or 'changed, numbers unknown: it has no tests'}\n" in result.stdout


def test_an_added_metric_shows_what_it_answers(change: Run) -> None:
    assert "  test: two days: – → 0.5\n" in change(SESSIONS, SESSIONS + RATE).stdout


@pytest.mark.parametrize("after", [RATE, SESSIONS + "    hidden: true\n" + RATE])
def test_a_number_that_is_no_longer_served_has_to_be_declared(change: Run, after: str) -> None:
    result = change(SESSIONS + RATE, after)
    assert result.exit_code == 1
    assert "v.sessions: " in result.stdout
    assert "no longer served, not declared" in result.stdout
    assert change(SESSIONS + RATE, after, "--allow", "v.sessions").exit_code == 0


def test_a_change_of_the_table_reaches_the_metrics_that_read_it(change: Run) -> None:
    after = (TABLE + SESSIONS).replace("sessions: bigint", "sessions: {type: bigint, column: engaged}")
    result = change(TABLE + SESSIONS + RATE, after + RATE)
    # In a test's rows, columns stand by the names that metrics call them: their numbers are the same.
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "table visits_daily")
    assert "v.sessions: changed, same numbers on the rows tried\n" in result.stdout
    assert '+  SUM(CAST(t."engaged" AS REAL))' in result.stdout


def test_a_column_that_no_metric_reads_is_the_tables_change_alone(change: Run) -> None:
    after = (TABLE + SESSIONS).replace("engaged: bigint", "engaged: bigint\n      pages: bigint")
    result = change(SESSIONS, after)
    assert result.exit_code == 0
    assert "v.sessions" not in result.stdout
    assert "+  pages:" in result.stdout


def test_another_account_column_is_another_definition(change: Run) -> None:
    rows = "{date: 2025-01-01, property_id: a, sessions: 3}, {date: 2025-01-02, property_id: b, sessions: 7}"
    last = f"  v.last:\n    value: sum(sessions)\n    total: last\n{TEST}"
    last = re.sub(r"rows:\n( +- .*\n)+", f"rows: [{rows}]\n", last)
    result = change(TABLE + last, (TABLE + last).replace("    account: property_id\n", ""))
    assert result.exit_code == 1
    assert "  test: two days: 10 → 7 (-30.00%)\n" in result.stdout


def test_a_target_that_is_new_changes_no_number_and_another_one_does(change: Run) -> None:
    goal = SESSIONS.replace("    tests:", "    target: {day: 4}\n    tests:")
    added = change(SESSIONS, goal)
    assert added.exit_code == 0, added.output
    assert "    target.value: – → 8\n" in added.stdout
    raised = change(goal, goal.replace("day: 4", "day: 5"))
    assert raised.exit_code == 1
    assert "  test: two days: 10 as before\n" in raised.stdout
    assert "    target.value: 8 → 10 (+25.00%)\n" in raised.stdout


def test_another_title_is_no_other_number_even_beside_a_change_of_the_table(change: Run) -> None:
    before = TABLE + f"  v.both:\n    series: {{value: sum(sessions), Engaged: sum(engaged)}}\n{TEST}" + SESSIONS
    after = before.replace("    value: sum(sessions)\n", "    value: sum(sessions)\n    title: Visits\n")
    result = change(before, after.replace("time: date", "time: date\n    restates: 3"), "--format", "json")
    assert result.exit_code == 0, result.output
    (metric,) = json.loads(result.stdout)["metrics"]
    assert [answer["values"] for answer in metric["answers"]] == [[]]


def test_tests_of_either_side_are_asked_of_both(change: Run) -> None:
    old = TEST.replace("two days", "the old one").replace("sessions: 3", "sessions: 30")
    new = TEST.replace("sessions: 3", "sessions: 5, pages: 8")
    before = f"  v.sessions:\n    value: sum(sessions)\n{old}"
    after = TABLE.replace("engaged: bigint", "engaged: bigint\n      pages: bigint")
    result = change(before, f"{after}  v.sessions:\n    value: 2 * sum(sessions)\n{new}")
    assert result.exit_code == 1
    assert "  test: two days: 12 → 24 (+100.00%)\n" in result.stdout
    assert "  test: the old one: 37 → 74 (+100.00%)\n" in result.stdout


def test_a_folder_is_a_base(run: Run, tmp_path: Path) -> None:
    for name, text in (("before", SESSIONS), ("after", ENGAGED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "visits.yaml").write_text(TABLE + text, encoding="utf-8")
    result = run("diff", "before", "after")
    assert result.exit_code == 1
    assert "test: two days: 10 → 5" in result.stdout
    # The folder may be the option of every command.
    assert run("diff", "before", "--metrics", "after").stdout == result.stdout


def test_a_base_with_problems_names_their_places(change: Run) -> None:
    result = change(SESSIONS.replace("sum(sessions)", "sum(sesions)"), SESSIONS)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("HEAD:metrics/visits.yaml:18:16: error[unknown-column] v.sessions: ")
    assert "\n  18 |     value: sum(sesions)\n" in result.stderr


@pytest.mark.parametrize("base", ["nosuch", "--upload-pack=touch", "HEAD:metrics"])
def test_what_is_no_revision_is_one_line(change: Run, run: Run, base: str) -> None:
    change(SESSIONS, SESSIONS)
    result = run("diff", "--", base, "metrics")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"error: BASE: {base!r} is neither a folder nor a revision; name a folder, or")


def test_a_revision_without_the_folder_is_one_line(change: Run, run: Run, tmp_path: Path) -> None:
    change(SESSIONS, SESSIONS)
    (tmp_path / "metrics").rename(tmp_path / "moved")
    result = run("diff", "HEAD", "moved")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: BASE: the revision 'HEAD' has no folder 'moved'")


def test_a_link_in_a_revision_is_one_line(change: Run, run: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    link = tmp_path / "metrics" / "own.yaml"
    link.symlink_to("/etc/hostname")
    change(SESSIONS, SESSIONS)
    link.unlink()
    result = run("diff", "HEAD", "metrics")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: BASE: HEAD:metrics/own.yaml is a link, which is not followed; name a ")


def test_a_folder_outside_of_git_has_no_revisions(run: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "visits.yaml").write_text(TABLE + SESSIONS, encoding="utf-8")
    result = run("diff", "main", "metrics", GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "'main' is no folder, and metrics is in no git repository; name a folder" in result.stderr


def test_a_warehouse_needs_a_user(run: Run) -> None:
    result = run("diff", "HEAD", "--start", "2025-01-01")
    assert result.exit_code == 2
    assert "add --user" in result.stderr


def test_a_users_rows_are_asked_of_both_sides(change: Run, run: Run, tmp_path: Path) -> None:
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'state.db'}"}
    window = ("--user", ALICE, "--start", "2025-03-01", "--end", "2025-03-02", "--compare", "previous_period")
    untested = "  v.sessions: sum(sessions)\n", "  v.sessions: sum(engaged)\n"
    change(*untested)
    (tmp_path / "rows.csv").write_text(
        "date,property_id,sessions,engaged\n2025-02-28,1,50,40\n2025-03-01,1,100,25\n2025-03-02,1,100,50\n"
    )
    (tmp_path / "others.csv").write_text("date,property_id,sessions,engaged\n2025-03-01,1,9000,9000\n")
    for user, file in ((ALICE, "rows.csv"), (BOB, "others.csv")):
        loaded = run("load", "visits_daily", file, "--user", user, "--metrics", "metrics", **database)
        assert loaded.exit_code == 0, loaded.output
    result = run("diff", "HEAD", "metrics", *window, **database)
    assert result.exit_code == 1
    assert "  2025-03-01 to 2025-03-02: 200 → 75 (-62.50%)\n    previous: 50 → 40 (-20.00%)\n" in result.stdout


def test_the_json_has_every_value(change: Run) -> None:
    result = change(SESSIONS, ENGAGED, "--format", "json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["base"], report["undeclared"]) == (1, "HEAD", ["v.sessions"])
    (metric,) = report["metrics"]
    assert (metric["key"], metric["status"], metric["changes_numbers"]) == ("v.sessions", "changed", True)
    (answer,) = metric["answers"]
    assert (answer["before"], answer["after"]) == (10, 5)
    assert {"path": "series.value.points.2025-01-01", "before": 3, "after": 1} in answer["values"]


def test_members_that_come_and_go_are_values(change: Run) -> None:
    by = f"  v.channels:\n    value: sum(sessions)\n    by: channel\n{TEST}"
    report = json.loads(change(by, by.replace("by: channel", "by: property_id"), "--format=json").stdout)
    values = {each["path"]: each for each in report["metrics"][0]["answers"][0]["values"]}
    assert values["series.Email.value"] == {"path": "series.Email.value", "before": 3}
    assert "value" not in values


def test_annotations_stand_at_the_metrics_lines(change: Run) -> None:
    result = change(
        SESSIONS + RATE, SESSIONS.replace("v.sessions", "v.visits") + RATE.replace("/", "/ 2 /"), "--format=github"
    )
    assert result.exit_code == 1
    renamed, changed = sorted(result.stdout.splitlines(), reverse=True)
    assert renamed == (
        "::warning file=metrics/visits.yaml,line=17,col=3,title=diff::v.visits: renamed from v.sessions, same numbers"
    )
    assert changed == (
        "::error file=metrics/visits.yaml,line=27,col=3,title=diff::v.rate: changed, numbers change, not declared; "
        "test: two days: 0.5 → 0.25 (-50.00%25)"
    )


def test_a_comment_is_no_longer_than_github_takes_and_holds_no_markup_of_the_files(change: Run) -> None:
    before = "".join(
        f"  v.m{index}:\n    value: sum(sessions)\n    title: '</summary> @someone `'\n    description: '```'\n{TEST}"
        for index in range(200)
    )
    result = change(before, before.replace("sum(sessions)", "sum(engaged)"), "--format", "markdown")
    assert result.exit_code == 1
    assert 30_000 < len(result.stdout) <= 65_000
    assert "too long for a comment" in result.stdout
    unfenced = re.sub(r"^(`{3,})(diff|text)\n.*?^\1$", "", result.stdout, flags=re.DOTALL | re.MULTILINE)
    assert "someone" in result.stdout
    assert "someone" not in unfenced
    assert unfenced.count("<summary>") == unfenced.count("</summary>") == unfenced.count("</details>") > 9
    assert "and 180 more" in unfenced
