from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.calendar import Window
from engine.catalog.catalog import load_catalog
from engine.slices import Slice
from engine.warehouse.warehouse import Warehouse
from state import State
from tests.cli.conftest import ALICE, BOB, Run
from tests.support.paths import ROOT


@pytest.fixture
def load(run: Run, tmp_path: Path) -> Run:
    """Load this text into a table for Alice, as rows of the account 1 unless another is named."""

    def invoke(text: str | bytes, *options: str, table: str = "ga4_daily", account: str | None = "1") -> Any:
        (tmp_path / "rows.csv").write_bytes(text.encode() if isinstance(text, str) else text)
        return run(
            "load", table, "rows.csv", "--user", ALICE, *(() if account is None else ("--account", account)), *options
        )

    return invoke


def read_stored(columns: str, table: str = "ga4_daily") -> list[tuple[Any, ...]]:
    warehouse = Warehouse("sqlite:///metric-engine.db")
    found = [tuple(row) for row in warehouse.query(f"SELECT {columns} FROM {table} ORDER BY 1, 2", {})]
    warehouse.close()
    return found


def list_connections(user: str = ALICE) -> list[tuple[str, str, str]]:
    state = State.open("sqlite:///metric-engine.db")
    found = [(each.source, each.account_id, each.status) for each in state.connections.list_connections(user)]
    state.close()
    return found


def query_total(run: Run, key: str, user: str) -> Any:
    options = ("--start", "2025-01-01", "--end", "2025-01-31", "--format", "json")
    return json.loads(run("query", key, "--user", user, *options).stdout)["stats"]["value"]


@pytest.mark.server
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date,sessions\n20250102,12\n20250103,13\n", "2 rows loaded into ga4_daily\n"),
        ("date,sessions\n20250102,x\n", "/dev/stdin:2:2: sessions: 'x' is not a whole number"),
    ],
    ids=["rows", "a fault"],
)
def test_what_another_command_writes_is_loaded(tmp_path: Path, text: str, told: str) -> None:
    """A pipe, which can be read only once."""
    command = (sys.executable, "-m", "cli", "load", "ga4_daily", "-", "--user", ALICE, "--account", "1")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    loaded = subprocess.run(command, cwd=tmp_path, env=environment, input=text, capture_output=True, text=True)
    assert told in loaded.stdout + loaded.stderr
    assert not list(tmp_path.glob("metric-engine-*")), "a copy is left"


def test_rows_are_converted_by_their_columns(load: Run) -> None:
    text = "\ufeffvisits,date,conversions,revenue,currency\n+12,20250102,1e1,3.50,EUR\n,2025-01-01,.5,,\n"
    result = load(text, "--map", "sessions=visits")
    assert (result.exit_code, result.stdout) == (0, "2 rows loaded into ga4_daily\n")
    assert read_stored("date, sessions, conversions, revenue, currency, user_id, property_id") == [
        ("2025-01-01", None, 0.5, None, None, ALICE, "1"),
        ("2025-01-02", 12, 10.0, 3.5, "EUR", ALICE, "1"),
    ]


def test_a_load_is_seen_by_a_query_of_that_user_alone(load: Run, run: Run) -> None:
    load("date,sessions\n2025-01-01,3\n2025-01-02,4\n")
    assert list_connections() == [("ga4", "1", "external")]
    assert query_total(run, "ga4.sessions", ALICE) == 7
    assert query_total(run, "ga4.sessions", ALICE.upper()) == 7
    assert list_connections(BOB) == []
    assert query_total(run, "ga4.sessions", BOB) is None


def test_a_second_load_replaces_the_same_keys(load: Run, run: Run) -> None:
    load("date,sessions,users\n2025-01-01,3,1\n2025-01-02,4,1\n")
    load("date,sessions\n2025-01-02,40\n")
    assert read_stored("date, sessions, users") == [("2025-01-01", 3, 1), ("2025-01-02", 40, 1)]


def test_a_load_makes_cached_answers_old(load: Run) -> None:
    versions = []
    for _ in range(2):
        load("date,sessions\n2025-01-01,3\n")
        state = State.open("sqlite:///metric-engine.db")
        versions.append(state.tenants.get(ALICE).data_version)
        state.close()
    assert versions[0] < versions[1]


def test_accounts_come_from_the_option_or_the_file(load: Run) -> None:
    load("date,sessions\n2025-01-01,3\n", account="77")
    load("date,sessions,property_id\n2025-01-01,3,88\n2025-01-01,3,99\n", account=None)
    assert read_stored("property_id, date") == [("77", "2025-01-01"), ("88", "2025-01-01"), ("99", "2025-01-01")]
    assert list_connections() == [("ga4", account, "external") for account in ("77", "88", "99")]


def test_an_account_is_not_given_twice(load: Run) -> None:
    result = load("date,sessions,property_id\n2025-01-01,3,88\n", account="77")
    assert result.exit_code == 2
    assert "--account: the file has a column for property_id of its own" in result.stderr


def test_only_the_account_is_filled(load: Run) -> None:
    result = load("date,sessions\n2025-01-01,3\n", table="ga4_channels_daily")
    assert result.exit_code == 1
    assert "rows.csv:1:1: the file has no column 'channel', which each row needs" in result.stderr


def test_a_header_is_passed_over_where_it_is_said(load: Run) -> None:
    assert load("date,sessions,colour\n2025-01-01,3,red\n", "--ignore", "colour").exit_code == 0
    assert read_stored("date, sessions") == [("2025-01-01", 3)]


def test_a_mapped_header_fills_that_column_only(load: Run) -> None:
    assert load("date,users\n2025-01-01,3\n", "--map", "sessions=users").exit_code == 0
    assert read_stored("sessions, users") == [(3, None)]


def test_timestamps_and_texts(load: Run) -> None:
    text = 'posted_on,media_id,posted_at,caption\n2025-01-01,m,2025-01-01T09:30:00+02:00,"Hello, ""you""\n=1"\n'
    assert load(text, table="ig_media").exit_code == 0
    assert read_stored("posted_at, caption", "ig_media") == [("2025-01-01 07:30:00+00:00", 'Hello, "you"\n=1')]


GOOD = "2025-01-01,1\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"date,sessions,user_id\n{GOOD}", "1:3: user_id: a file cannot say whose its rows are"),
        (f"day,sessions\n{GOOD}", "1:1: the file has no column 'date', which each row needs"),
        (f"date,sesions\n{GOOD}", "1:2: sesions: is no column of table 'ga4_daily'; did you mean 'sessions'?"),
        (f"date,hits\n{GOOD}", "1:2: hits: is no column of table 'ga4_daily'; write --map COLUMN=hits, or leave it"),
        ("date,sessions,bogus\n2025-01-01,1,1\n", "1:3: bogus: is no column of table 'ga4_daily'"),
        ("date\n2025-01-01\n", "1:1: date: is no value of table 'ga4_daily'"),
        ("date,sessions,sessions\n2025-01-01,1,1\n", "1:3: sessions: the header is there twice"),
        (f"\n\nday,sessions\n{GOOD}", "3:1: the file has no column 'date'"),
        ("", "1:1: the file has no column 'date'"),
        (f"date,sessions\n{GOOD}2025-01-02,abc\n", "3:2: sessions: 'abc' is not a whole number"),
        (f"date,sessions\n{GOOD}2025-01-02,1.5\n", "3:2: sessions: '1.5' is not a whole number"),
        (f"date,sessions\n{GOOD}2025-01-02,\u0663\n", "3:2: sessions: '\u0663' is not a whole number"),
        (f"date,sessions\n{GOOD}2025-01-02,9223372036854775808\n", "3:2: sessions: 9223372036854775808 is too large"),
        (f"date,revenue\n{GOOD}2025-01-02,nan\n", "3:2: revenue: 'nan' is not a number"),
        (f"date,conversions\n{GOOD}2025-01-02,inf\n", "3:2: conversions: 'inf' is not a number"),
        (f"date,conversions\n{GOOD}2025-01-02,1e999\n", "3:2: conversions: '1e999' is too large"),
        (
            f'date,revenue\n{GOOD}2025-01-02,"1,000"\n',
            "3:2: revenue: '1,000' has commas; --thousands reads them as 1000",
        ),
        (f"date,sessions\n{GOOD}2025-02-30,1\n", "3:1: date: '2025-02-30' is not a date"),
        (f"date,sessions\n{GOOD}2025-0102,1\n", "3:1: date: '2025-0102' is not a date"),
        (f"date,sessions\n{GOOD},1\n", "3:1: date: is empty"),
        (f"date,sessions\n{GOOD}\n20250101,2\n", "4:1: the same key as line 2 (date 2025-01-01)"),
        (f"date,sessions\n{GOOD}2025-01-02\n", "3:2: the row has 1 fields, and the header 2"),
        (f"date,sessions\n{GOOD}2025-01-02,1,1\n", "3:3: the row has 3 fields, and the header 2"),
        (f'date,sessions\n{GOOD}2025-01-02,"1\n', "3:1: is not CSV: unexpected end of data"),
        (b"date,sessions\n2025-01-01,1\n2025-01-02,\xff\n", "3:1: the line is not UTF-8"),
        ('date,currency,sessions\n2025-01-01,"a\nb",1\n2025-01-02,\0,1\n', "4:2: currency: holds a NUL character"),
    ],
)
def test_a_fault_is_named_and_nothing_is_loaded(load: Run, text: str | bytes, problem: str) -> None:
    result = load(text)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nothing was loaded from rows.csv\n")
    assert f"\nrows.csv:{problem}" in result.stderr
    assert read_stored("date, sessions") == []
    assert list_connections() == []


def test_a_header_that_is_there_twice_is_one_fault(load: Run) -> None:
    assert load("date,sessions,sessions\n2025-01-01,1,1\n").stderr.count("\nrows.csv:") == 1


def test_all_faults_are_named_up_to_twenty(load: Run) -> None:
    result = load("date,sessions\n" + "".join(f"2025-01-{day:02},x{day}\n" for day in range(1, 31)))
    lines = result.stderr.splitlines()
    assert len(lines) == 22
    assert [line.split(" ")[0] for line in lines[1:21]] == [f"rows.csv:{line}:2:" for line in range(2, 22)]
    assert lines[21:] == ["the first 20 problems are shown"]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("sessions", "--map sessions: write the table's column, =, and the file's header"),
        ("sesions=visits", "ga4_daily has no column 'sesions' to fill; did you mean 'sessions'"),
        ("user_id=visits", "ga4_daily has no column 'user_id' to fill"),
    ],
)
def test_a_wrong_map_is_a_usage_error(load: Run, option: str, problem: str) -> None:
    result = load("date,visits\n2025-01-01,1\n", "--map", option)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_map_to_no_header_is_named(load: Run) -> None:
    result = load("date,visits\n2025-01-01,1\n", "--map", "sessions=visit")
    assert result.exit_code == 1
    assert "rows.csv:1:1: the file has no column 'visit'; did you mean 'visits'?" in result.stderr


def test_an_unknown_table_is_guessed(load: Run) -> None:
    result = load("date,sessions\n", table="ga4_dialy")
    assert result.exit_code == 2
    assert "no table 'ga4_dialy'; did you mean 'ga4_daily'?" in result.stderr


def test_a_missing_file_and_a_wrong_user_are_usage_errors(run: Run) -> None:
    assert run("load", "ga4_daily", "no.csv", "--user", ALICE).exit_code == 2
    assert "'me' is not a valid UUID" in run("query", "ga4.sessions", "--user", "me").stderr


@pytest.mark.parametrize(
    ("table", "problem"),
    [("t", "table 't' has no key"), ("q", "table 'q' is a query; load the tables that it reads")],
)
def test_only_tables_with_a_key_can_be_loaded(run: Run, tmp_path: Path, table: str, problem: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "t.yaml").write_text(
        "source: ga4\ntables:\n  t: {time: date, columns: {user_id: uuid, date: date, n: bigint}}\n"
        "  q: {time: date, sql: \"SELECT user_id, date FROM {{ table('t') }}\", columns: {user_id: uuid, date: date}}\n"
    )
    (tmp_path / "rows.csv").write_text("date,n\n2025-01-01,1\n")
    result = run("load", table, "rows.csv", "--user", ALICE, "--metrics", "mine")
    assert result.exit_code == 1
    assert problem in result.stderr


OWN_TABLES = """source: ga4
tables:
  orders:
    time: date
    key: [user_id, date, order_id]
    columns: {user_id: uuid, date: date, order_id: text, total: double}
  property_goals:
    time: date
    key: [user_id, date, goal, property_id]
    account: property_id
    columns: {user_id: uuid, date: date, goal: text, property_id: text, visits: bigint}
metrics:
  shop.orders: {table: orders, value: count(*)}
"""


@pytest.fixture
def own_folder(tmp_path: Path) -> str:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(OWN_TABLES)
    return "own"


def test_a_table_without_an_account_makes_one_connection(load: Run, own_folder: str) -> None:
    orders = "".join(f"2025-01-01,o{number},5\n" for number in range(300))
    result = load(f"date,order_id,total\n{orders}", "--metrics", own_folder, table="orders", account=None)
    assert (result.exit_code, result.stdout) == (0, "300 rows loaded into orders\n")
    assert list_connections() == [("ga4", "", "external")]


def test_the_account_is_what_the_table_states_and_not_its_keys_first_text(load: Run, own_folder: str) -> None:
    text = "date,goal,property_id,visits\n2025-01-01,sale,77,1\n2025-01-01,lead,77,2\n2025-01-01,sale,88,3\n"
    assert load(text, "--metrics", own_folder, table="property_goals", account=None).exit_code == 0
    assert list_connections() == [("ga4", "77", "external"), ("ga4", "88", "external")]


def test_a_column_of_a_key_that_is_no_account_is_not_filled(load: Run, own_folder: str) -> None:
    result = load("date,total\n2025-01-01,5\n", "--metrics", own_folder, table="orders", account=None)
    assert result.exit_code == 1
    assert "the file has no column 'order_id', which each row needs" in result.stderr


KEY = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="


@pytest.fixture
def connect(run: Run) -> Callable[[str, str], None]:
    """Connect an account for sync, as Alice does by the API."""

    def put(source: str, account: str) -> None:
        state = State.open("sqlite:///metric-engine.db", encryption_key=KEY)
        state.connections.put(ALICE, source, account, {"refresh_token": "t"})
        state.close()

    return put


def test_rows_of_an_account_that_a_sync_reads_are_refused(load: Run, connect: Callable[[str, str], None]) -> None:
    connect("ga4", "77")
    refused = load("date,sessions\n2025-01-01,3\n", account="77")
    assert refused.exit_code == 1
    assert refused.stderr == (
        "error: a sync reads account 77 of ga4 into ga4_daily, and would replace the rows. Leave them to it "
        "(metric-engine sync), or disconnect it first (DELETE /v1/connections/ga4?account_id=77)\n"
    )
    refused = load("date,sessions\n2025-01-01,3\n", account="")
    assert "a sync reads account 77 of ga4 into ga4_daily; rows without an account would count beside" in refused.stderr
    assert "Say whose the rows are with --account, or disconnect it first" in refused.stderr
    assert read_stored("date, sessions") == []
    assert load("date,sessions\n2025-01-01,3\n", account="88").exit_code == 0
    assert list_connections() == [("ga4", "77", "active"), ("ga4", "88", "external")]


def test_rows_of_other_tables_may_be_loaded_beside_a_sync(
    load: Run, connect: Callable[[str, str], None], own_folder: str
) -> None:
    connect("ga4", "77")
    goals = "date,goal,property_id,visits\n2025-01-01,sale,77,1\n"
    assert load(goals, "--metrics", own_folder, table="property_goals", account=None).exit_code == 0
    orders = "date,order_id,total\n2025-01-01,o1,5\n"
    assert load(orders, "--metrics", own_folder, table="orders", account=None).exit_code == 0


def test_a_table_that_a_sync_of_ones_own_has_filled_is_one_too(
    load: Run, connect: Callable[[str, str], None], own_folder: str
) -> None:
    goals = "date,goal,property_id,visits\n2025-01-01,sale,77,1\n"
    words = ("--metrics", own_folder)
    assert load(goals, *words, table="property_goals", account=None).exit_code == 0
    table = load_catalog(Path(own_folder)).tables["property_goals"]
    warehouse = Warehouse("sqlite:///metric-engine.db")
    warehouse.restate(Slice(table, ALICE, "77", Window(date(2025, 1, 1), date(2025, 1, 1))), [])
    warehouse.close()
    connect("ga4", "77")
    assert "a sync reads account 77" in load(goals, *words, table="property_goals", account=None).stderr
