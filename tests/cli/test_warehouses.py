"""The commands with WAREHOUSE_URL set to each engine, and with DATABASE_URL alone."""

from __future__ import annotations

import json
import os
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from starlette.testclient import TestClient

from api.app import create_app
from cli.commands.serve import render_invitation
from cli.demonstration import generate_key, use_demo
from demo.database import DemoDatabase
from demo.tenants import EVERYTHING
from engine.answer.engine import Engine
from engine.compiler.dialects.registry import DIALECTS
from engine.errors import WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from state import State
from tests.api.conftest import make_bearer_headers, make_settings
from tests.cli.conftest import ALICE, BOB, SECRET, SHIPPED, Run
from tests.conftest import EveryNth
from tests.support.oracle.questions import find_differences
from tests.support.shipped import load_shipped_catalog

ROWS = "date,property_id,sessions\n2025-01-01,1,5\n2025-01-02,1,7\n2025-01-02,2,1\n"
WINDOW = ("--start", "2025-01-01", "--end", "2025-01-02", "--format", "json")


def query_total(run: Run, user: str, **environment: str) -> float | None:
    answer = json.loads(run("query", "ga4.sessions", "--user", user, *WINDOW, **environment).stdout)
    value: float | None = answer["stats"]["value"]
    return value


def test_rows_are_loaded_and_asked_for(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    load = ("load", "ga4_daily", "rows.csv", "--user")
    for user in (ALICE, ALICE, BOB):
        result = run(*load, user, WAREHOUSE_URL=warehouse_url)
        assert (result.exit_code, result.stdout) == (0, "3 rows loaded into ga4_daily\n"), result.stderr
    assert query_total(run, ALICE, WAREHOUSE_URL=warehouse_url) == 13
    assert query_total(run, ALICE) is None


CSV_LOADED = {
    "marks and line ends": ("\ufeffdate,property_id,sessions\r\n2025-01-01,1,5\r\n2025-01-02,1,\r\n", 5),
    "quoted": (
        'date,property_id,currency,sessions\n2025-01-01,1,"a\nb\r\n, ""c"" 😀 %s \\ \'",5\n\n2025-01-02,1,"",6\n',
        11,
    ),
    "another form": ("# visits\nDate;Property ID;Sessions\n2025-01-01T00:00:00;1;5.0\n20250102;1;\n", 5),
    "no last line end": ("date,property_id,sessions\n2025-01-01,1,-3\n2025-01-02,1,12", 9),
    "the largest numbers": (
        "date,property_id,sessions\n2025-01-01,1,9223372036854775807\n2025-01-02,1,-9223372036854775808\n",
        0,
    ),
}
CSV_REFUSED: dict[str, tuple[str | bytes, str]] = {
    "cut in a row": ("2025-01-02,1", "3:3: the row has 2 fields, and the header 3"),
    "cut in quotes": ('2025-01-02,"1', "3:1: is not CSV: unexpected end of data"),
    "cut in a character": (b"2025-01-02,\xf0\x9f\x98", "3:1: the line is not UTF-8; save the file as UTF-8"),
    "a key twice": (
        "2025-01-01,1,6\n",
        "3:1: the same key as line 2 (date 2025-01-01, property_id 1); each may be there once",
    ),
    "NUL": ("2025-01-02,1\x002,6\n", "3:2: property_id: holds a NUL character; remove it"),
    "a day nobody asks for": (
        "1899-12-31,1,6\n",
        "3:1: date: '1899-12-31' is out of range; dates run from 1900-01-01 to 2199-12-31",
    ),
    "a key too long": (
        f"2025-01-02,{'é' * 1001},6\n",
        "3:2: property_id: is longer than the 2,000 bytes that a key may have; shorten it",
    ),
    "late in a long file": (
        "".join(f"2025-01-02,{number},1\n" for number in range(2, 3000)) + "2025-01-03,1,1.5\n",
        "3001:3: sessions: '1.5' is not a whole number; write digits only, such as 1234",
    ),
}


@pytest.mark.parametrize("name", list(CSV_LOADED))
def test_every_engine_loads_the_same_files(run: Run, warehouse_url: str, tmp_path: Path, name: str) -> None:
    text, sessions = CSV_LOADED[name]
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8", newline="")
    result = run("load", "ga4_daily", "rows.csv", "--user", ALICE, WAREHOUSE_URL=warehouse_url)
    assert (result.exit_code, result.stdout) == (0, "2 rows loaded into ga4_daily\n"), result.stderr
    assert query_total(run, ALICE, WAREHOUSE_URL=warehouse_url) == sessions


@pytest.mark.slow
def test_every_engine_refuses_the_same_files_and_loads_none_of_it(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    for rest, problem in CSV_REFUSED.values():
        rows = rest if isinstance(rest, bytes) else rest.encode()
        (tmp_path / "rows.csv").write_bytes(b"date,property_id,sessions\n2025-01-01,1,5\n" + rows)
        result = run("load", "ga4_daily", "rows.csv", "--user", ALICE, WAREHOUSE_URL=warehouse_url)
        assert result.stderr == f"error: nothing was loaded from rows.csv\nrows.csv:{problem}\n"
    warehouse = Warehouse(warehouse_url)
    assert not warehouse.has_rows(load_shipped_catalog().tables["ga4_daily"], ALICE)
    warehouse.close()


def test_money_and_moments_are_as_large_on_every_engine(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    """38 digits, nine of them behind the point; and no moment that is of no day in UTC."""
    (tmp_path / "rows.csv").write_text(
        "date,account_id,campaign_id,spend,conversion_value\n"
        "2025-01-01,1,1,0.00000000251,99999999999999999999999999999\n2025-01-02,1,1,0.000000001,1\n"
    )
    load = ("load", "meta_ads_daily", "rows.csv", "--user", ALICE)
    assert run(*load, WAREHOUSE_URL=warehouse_url).exit_code == 0
    answer = json.loads(run("query", "meta.roas", "--user", ALICE, *WINDOW, WAREHOUSE_URL=warehouse_url).stdout)
    assert [point["v"] for point in answer["series"][0]["points"]] == pytest.approx([1e29 / 3e-9, 1 / 1e-9], rel=1e-9)

    (tmp_path / "rows.csv").write_text("date,account_id,campaign_id,spend\n2025-01-01,1,1,1e29\n")
    assert "rows.csv:2:4: spend: '1e29' is too large" in run(*load, WAREHOUSE_URL=warehouse_url).stderr
    (tmp_path / "rows.csv").write_text(
        "posted_on,ig_user_id,media_id,posted_at,likes\n2025-01-01,1,1,9999-12-31T23:59:59-01:00,1\n"
    )
    refused = run("load", "ig_media", "rows.csv", "--user", ALICE, WAREHOUSE_URL=warehouse_url)
    assert "rows.csv:2:4: posted_at: '9999-12-31T23:59:59-01:00' is out of range" in refused.stderr


def test_columns_that_a_file_lacks_stay_as_they_are(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    load = ("load", "ga4_daily", "rows.csv", "--user", ALICE)
    (tmp_path / "rows.csv").write_text(ROWS.replace("sessions", "converting_sessions"))
    assert run(*load, WAREHOUSE_URL=warehouse_url).exit_code == 0
    (tmp_path / "rows.csv").write_text("date,property_id,sessions\n2025-01-02,1,20\n2025-01-02,3,6\n")
    assert run(*load, WAREHOUSE_URL=warehouse_url).exit_code == 0
    assert query_total(run, ALICE, WAREHOUSE_URL=warehouse_url) == 26
    answer = json.loads(run("query", "ga4.conv_rate", "--user", ALICE, *WINDOW, WAREHOUSE_URL=warehouse_url).stdout)
    assert answer["stats"]["value"] == pytest.approx((5 + 7 + 1) / 26)


def test_facts_are_in_the_state_tables_database_unless_said_otherwise(run: Run, state_url: str, tmp_path: Path) -> None:
    assert query_total(run, ALICE, DATABASE_URL=state_url) is None
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert run("load", "ga4_daily", "rows.csv", "--user", ALICE, DATABASE_URL=state_url).exit_code == 0
    assert query_total(run, ALICE, DATABASE_URL=state_url) == 13


def test_somebodys_warehouse_is_not_laid_out_to_be_read(run: Run, postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert run("load", "ga4_daily", "rows.csv", "--user", ALICE).exit_code == 0
    result = run("query", "ga4.sessions", "--user", ALICE, WAREHOUSE_URL=postgres_url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: WAREHOUSE_URL: the warehouse cannot be used: relation ")
    assert "`metric-engine ddl --dialect postgres` prints the statements" in result.stderr


@pytest.mark.server
def test_what_lets_one_process_in_is_not_served_by_several(run: Run, duckdb_url: str) -> None:
    result = run("serve", "--port", "0", "--workers", "2", WAREHOUSE_URL=duckdb_url, JWT_SECRET=SECRET)
    assert result.exit_code == 2
    assert "DuckDB lets one process in; leave --workers out" in result.stderr


DEMO_QUESTIONS = list(
    product(
        (
            {"start": "2025-03-04", "end": "2025-03-31"},
            {"start": "2025-01-20", "end": "2025-03-02"},
            {"start": "2024-01-01", "end": "2024-01-03"},
        ),
        ("off", "previous_period", "previous_year"),
        ("day", "week", "month"),
    )
)


def fill_and_ask_demo(folder: Path, url: str, every_nth: EveryNth, *, own: bool) -> list[Any]:
    """Every widget's answer to each question, of a demo in this warehouse."""
    catalog, until = load_shipped_catalog(), date(2025, 3, 31)
    state = State.open(f"sqlite:///{folder}/state.db", encryption_key=generate_key())
    warehouse = Warehouse(url)
    demo = DemoDatabase(state, warehouse, catalog, days=60, own=own)
    assert not demo.is_current(until)
    list(demo.fill(until))
    assert demo.is_current(until)
    app = create_app(Services(Engine(catalog, warehouse), state, make_settings()))
    with TestClient(app, headers=make_bearer_headers(EVERYTHING.user_id)) as client:
        answers = [
            client.post(
                "/v1/widgets/batch",
                json={"keys": list(catalog.widgets), **window, "compare": compare, "grain": grain},
            )
            # Of 27, every fourth: each window, comparison and grain is in it.
            for window, compare, grain in every_nth(DEMO_QUESTIONS, 4)
        ]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json()["widgets"] for answer in answers]


@pytest.fixture(scope="module")
def own_demo(tmp_path_factory: pytest.TempPathFactory, every_nth: EveryNth) -> list[Any]:
    folder = tmp_path_factory.mktemp("own")
    return fill_and_ask_demo(folder, f"sqlite:///{folder}/facts.db", every_nth, own=True)


@pytest.mark.slow
def test_the_demo_shows_the_same_on_every_engine(
    own_demo: list[Any], warehouse_url: str, tmp_path: Path, every_nth: EveryNth
) -> None:
    theirs = fill_and_ask_demo(tmp_path, warehouse_url, every_nth, own=False)
    assert own_demo[0]["ga4.sessions"]["stats"]["value"] > 0
    assert [
        path
        for one, other in zip(own_demo, theirs, strict=True)
        for key in one
        for path in find_differences(one[key], other[key])
    ] == []


@pytest.mark.server
def test_the_demo_fills_the_warehouse_that_is_set_and_drops_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/theirs.db"
    for name, value in {"WAREHOUSE_URL": url, "DATABASE_URL": "sqlite:///other.db", "JWT_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    theirs = Warehouse(url)
    with theirs.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ga4_daily (user_id TEXT, date TEXT)")
    with pytest.raises(WarehouseUnavailable, match="ga4_daily"), use_demo(SHIPPED):
        pytest.fail("the table lacks most of its columns")
    assert theirs.query("SELECT count(*) FROM ga4_daily", {}) == [(0,)]
    theirs.drop_tables([load_shipped_catalog().tables["ga4_daily"]])
    with use_demo(SHIPPED):
        assert os.environ["WAREHOUSE_URL"] == url
        assert os.environ["DATABASE_URL"] == "sqlite:///.metric-engine/demo.db"
    assert theirs.has_rows(load_shipped_catalog().tables["ga4_daily"], EVERYTHING.user_id)
    theirs.close()


def test_the_demo_invites_to_what_its_warehouse_allows(
    duckdb_url: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)

    def read_invitation(**urls: str) -> str:
        given = make_settings(**urls)
        warehouse, state = Warehouse(given.facts_url.get_secret_value()), State.open(sqlite_url)
        text = render_invitation(
            Services(Engine(load_shipped_catalog(), warehouse), state, given), "http://127.0.0.1:8000"
        )
        warehouse.close()
        state.close()
        return text

    query = "metric-engine query ga4.sessions --user 00000000-0000-4000-8000-000000000001"
    assert f"\nDATABASE_URL=sqlite:///.metric-engine/demo.db {query} " in read_invitation(DATABASE_URL=sqlite_url)
    elsewhere = read_invitation(DATABASE_URL=sqlite_url, WAREHOUSE_URL=f"sqlite:///{tmp_path}/facts.db")
    assert f'demo.db WAREHOUSE_URL="$WAREHOUSE_URL" {query} ' in elsewhere
    assert '\nWAREHOUSE_URL="$WAREHOUSE_URL" metric-engine sync --demo ' in elsewhere
    alone = read_invitation(DATABASE_URL=sqlite_url, WAREHOUSE_URL=duckdb_url)
    assert "\nDuckDB lets one process in, so that other commands wait until this one has stopped.\n" in alone
    assert "metric-engine query" not in alone


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "sqlite"])
def test_ddl_is_printed_for_every_dialect_and_reads_back(run: Run, dialect: str) -> None:
    text = run("ddl", "--dialect", dialect).stdout
    statements = sqlglot.parse(text, dialect=dialect)
    assert [type(each).__name__ for each in statements if each is not None] == ["Create"] * 7


def test_a_cluster_has_a_table_on_each_shard_and_one_over_them(run: Run) -> None:
    text = run("ddl", "--dialect", "clickhouse", "--cluster", "main").stdout
    assert text.count("CREATE TABLE") == text.count(' ON CLUSTER "main"') == 14
    assert text.count("ENGINE = ReplicatedReplacingMergeTree(") == 6
    assert "ENGINE = Distributed('main', currentDatabase(), 'ga4_daily_local', cityHash64(\"user_id\"));" in text
    result = run("ddl", "--dialect", "postgres", "--cluster", "main")
    assert result.exit_code == 2
    assert "--cluster is ClickHouse's" in result.stderr


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_sql_is_shown_in_every_dialect(run: Run, dialect: str) -> None:
    # A value, a breakdown and items; the golden files hold the statements of all metrics.
    for key in ("meta.roas", "ga4.traffic_channels", "ig.content_perf"):
        result = run("sql", key, "--dialect", dialect, "--compare", "previous_year")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"-- {key}: ")


def test_two_names_of_one_column_stay_as_they_are(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "ga4.yaml").write_text(
        "source: ga4\ntable: visits\ntables:\n  visits:\n    time: date\n    key: [user_id, date]\n    columns:\n"
        "      {user_id: uuid, date: date, pages: bigint, sessions: {type: bigint, column: n}, "
        "visits: {type: bigint, column: n}}\nmetrics:\n  ga4.visits: sum(visits)\n"
    )
    load = ("load", "visits", "rows.csv", "--user", ALICE, "--metrics", "mine")
    for text in ("date,sessions\n2025-01-01,5\n", "date,pages\n2025-01-01,1\n"):
        (tmp_path / "rows.csv").write_text(text)
        result = run(*load, WAREHOUSE_URL=warehouse_url)
        assert result.exit_code == 0, result.stderr
    query = ("query", "ga4.visits", "--user", ALICE, *WINDOW, "--metrics", "mine")
    assert json.loads(run(*query, WAREHOUSE_URL=warehouse_url).stdout)["stats"]["value"] == 5
