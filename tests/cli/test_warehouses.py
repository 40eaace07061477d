"""The commands with WAREHOUSE_URL set to each engine, and with DATABASE_URL alone."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest
import sqlglot

from metric_engine.cli.demonstration import demonstration, new_key
from metric_engine.cli.dialects import DIALECTS
from metric_engine.demo.database import DemoDatabase
from metric_engine.demo.tenants import EVERYTHING
from metric_engine.engine.catalog import load_catalog
from metric_engine.engine.engine import Engine
from metric_engine.engine.errors import WarehouseUnavailable
from metric_engine.engine.warehouse import Warehouse
from metric_engine.state import State
from tests.cli.conftest import ALICE, BOB, SECRET, SHIPPED, Run
from tests.engine.worlds import EVERY_SOURCE, ask
from tests.oracle.questions import same

ROWS = "date,property_id,sessions\n2025-01-01,1,5\n2025-01-02,1,7\n2025-01-02,2,1\n"
WINDOW = ("--start", "2025-01-01", "--end", "2025-01-02", "--format", "json")


def total(run: Run, user: str, **environment: str) -> float | None:
    answer = json.loads(run("query", "ga4.sessions", "--user", user, *WINDOW, **environment).stdout)
    value: float | None = answer["stats"]["value"]
    return value


def test_rows_are_loaded_and_asked_for(run: Run, warehouse_url: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    load = ("load", "ga4_daily", "rows.csv", "--user")
    for user in (ALICE, ALICE, BOB):
        result = run(*load, user, WAREHOUSE_URL=warehouse_url)
        assert (result.exit_code, result.stdout) == (0, "3 rows loaded into ga4_daily\n"), result.stderr
    assert total(run, ALICE, WAREHOUSE_URL=warehouse_url) == 13
    assert total(run, ALICE) is None


def test_facts_are_in_the_state_tables_database_unless_said_otherwise(run: Run, state_url: str, tmp_path: Path) -> None:
    assert total(run, ALICE, DATABASE_URL=state_url) is None
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert run("load", "ga4_daily", "rows.csv", "--user", ALICE, DATABASE_URL=state_url).exit_code == 0
    assert total(run, ALICE, DATABASE_URL=state_url) == 13


def test_somebodys_warehouse_is_not_laid_out_to_be_read(run: Run, postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert run("load", "ga4_daily", "rows.csv", "--user", ALICE).exit_code == 0
    result = run("query", "ga4.sessions", "--user", ALICE, WAREHOUSE_URL=postgres_url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: WAREHOUSE_URL: the warehouse cannot be read: relation ")
    assert "`metric-engine ddl --dialect postgres` prints the statements" in result.stderr


def test_what_lets_one_process_in_is_not_served_by_several(run: Run, duckdb_url: str) -> None:
    result = run("serve", "--port", "0", "--workers", "2", WAREHOUSE_URL=duckdb_url, JWT_SECRET=SECRET)
    assert result.exit_code == 2
    assert "DuckDB lets one process in; leave --workers out" in result.stderr


def test_the_demo_shows_the_same_on_every_engine(warehouse_url: str, tmp_path: Path) -> None:
    catalog, until = load_catalog(SHIPPED), date(2025, 3, 31)
    answers = []
    for name, url in (("own", f"sqlite:///{tmp_path}/own.db"), ("theirs", warehouse_url)):
        state = State.open(f"sqlite:///{tmp_path}/{name}-state.db", encryption_key=new_key())
        warehouse = Warehouse(url)
        demo = DemoDatabase(state, warehouse, catalog, days=60, own=name == "own")
        assert not demo.is_current(until)
        list(demo.fill(until))
        assert demo.is_current(until)
        engine = Engine(catalog, warehouse)
        answers.append(
            {
                key: ask(
                    engine,
                    key,
                    date(2025, 3, 4),
                    until,
                    compare="previous_period",
                    tenant=EVERYTHING.user_id,
                    connected=EVERY_SOURCE,
                )
                for key in catalog.served
            }
        )
        warehouse.close()
        state.close()
    assert answers[0]["ga4.sessions"]["stats"]["value"] > 0
    assert [path for key in catalog.served for path in same(answers[0][key], answers[1][key])] == []


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
    with pytest.raises(WarehouseUnavailable, match="ga4_daily"), demonstration(SHIPPED):
        pytest.fail("the table lacks most of its columns")
    assert theirs.query("SELECT count(*) FROM ga4_daily", {}) == [(0,)]
    theirs.drop_tables([load_catalog(SHIPPED).tables["ga4_daily"]])
    with demonstration(SHIPPED):
        assert os.environ["WAREHOUSE_URL"] == url
        assert os.environ["DATABASE_URL"] == "sqlite:///.metric-engine/demo.db"
    assert theirs.holds(load_catalog(SHIPPED).tables["ga4_daily"], EVERYTHING.user_id)
    theirs.close()


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
    for key in load_catalog(SHIPPED).served:
        result = run("sql", key, "--dialect", dialect, "--compare", "previous_year")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"-- {key}: ")
