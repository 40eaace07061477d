"""A table that is not as it is declared: the answer says so, the log names the declaration, a sync fails with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from engine.warehouse.warehouse import Warehouse
from insights.config.load import load_catalog
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, make_bearer_headers, make_settings
from tests.support.processes import PATIENCE

FILE = """\
source: ga4
tables:
  visits: {time: date, columns: {user_id: uuid, date: date, n: bigint}}
  others: {time: date, columns: {user_id: uuid, date: date, n: bigint}}
metrics:
  ga4.visits: {table: visits, value: sum(n)}
  ga4.others: {table: others, value: sum(n)}
"""
INSIGHTS = """\
facts:
  visits: {change: ga4.visits, least: 0.1, floor: 1}
  others: {change: ga4.others, least: 0.1, floor: 1}
rules:
  visits: {group: Traffic, importance: 1, about: [visits], when: visits, say: "Visits {{ visits.words }}."}
  others: {group: Traffic, importance: 1, about: [others], when: others, say: "Others {{ others.words }}."}
"""
# SQLite adds up texts too: there it is a column that is missing.
LIVE_COLUMN = {"sqlite": "m bigint", "postgres": "n text", "duckdb": "n varchar", "clickhouse": "n String"}
FOUND = {"sqlite": "missing-live-column"}
UUIDS = {"sqlite": "text", "clickhouse": "UUID"}
ENGINES = {"clickhouse": "ENGINE = MergeTree ORDER BY (user_id, date)"}
PERIOD = {"start": "2025-01-01", "end": "2025-01-01"}
DETAIL = "a table of the warehouse is not as it is declared; the server's log names the declaration"


@pytest.fixture
def app(engine_name: str, warehouse_url: str, tmp_path: Path, state: State) -> Iterator[FastAPI]:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "ga4.yaml").write_text(FILE)
    (folder / "insights.yaml").write_text(INSIGHTS)
    catalog = load_catalog(folder)
    warehouse = Warehouse(warehouse_url)
    uuid, kind = UUIDS.get(engine_name, "uuid"), ENGINES.get(engine_name, "")
    columns = f"user_id {uuid}, date date, {LIVE_COLUMN[engine_name]}"
    number = "7" if engine_name == "sqlite" else "'seven'"
    row = f"INSERT INTO visits VALUES ('{ALICE}', '2025-01-01', {number})"
    warehouse.driver.run([f"CREATE TABLE visits ({columns}) {kind}", row])
    warehouse.create_tables([catalog.tables["others"]])
    row_of_others = {"user_id": ALICE, "date": date(2025, 1, 1), "n": 7}
    warehouse.upsert(catalog.tables["others"], [row_of_others])
    yield create_app(Services(Engine(catalog, warehouse), state, make_settings(METRICS_DIR=str(folder))))
    warehouse.close()


def test_the_log_names_the_declaration(app: FastAPI, engine_name: str, caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        for _ in range(2):
            refused = client.get("/v1/widgets/ga4.visits", params=PERIOD)
            assert (refused.status_code, refused.json()["detail"]) == (503, DETAIL)
            assert "Retry-After" in refused.headers
        assert client.get("/v1/widgets/ga4.others", params=PERIOD).status_code == 200
        both = client.post("/v1/widgets/batch", json={"keys": ["ga4.visits", "ga4.others"], **PERIOD})
        assert (both.status_code, both.json()["widgets"]["ga4.others"]["stats"]["value"]) == (200, 7)
        assert both.json()["widgets"]["ga4.visits"] == refused.json()
        assert client.get("/v1/insights", params=PERIOD).status_code == 200
        assert "insights say nothing of ga4.visits: " in caplog.text
        deadline = time.monotonic() + PATIENCE
        while not (compared := [line for line in caplog.messages if "the tables of the warehouse" in line]):
            assert time.monotonic() < deadline, caplog.text
            time.sleep(0.05)
        code = FOUND.get(engine_name, "wrong-live-type")
        # The place of `n: bigint` among the columns of `visits`, and of no other table's.
        assert (
            f"ga4.yaml:3:{FILE.splitlines()[2].index('n: bigint') + (1 if code in FOUND.values() else 4)}"
            in compared[0]
        )
        assert f"error[{code}]" in compared[0]
    told = [line for line in caplog.messages if line.endswith("(read for the declared table 'visits')")]
    assert len(told) == 4
    assert told[0].startswith("LayoutMismatch: WAREHOUSE_URL: the warehouse cannot be used: ")
    assert "`metric-engine validate --database` tells what differs" in told[0]
    assert "SELECT" not in caplog.text
    assert len([line for line in caplog.messages if "the tables of the warehouse" in line]) == 1
    assert {record.levelno for record in caplog.records if record.name.startswith("metric_engine")} >= {logging.ERROR}
