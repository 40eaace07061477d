"""A question that takes too long is 503, and the server answers on: on every engine, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, make_bearer_headers, make_settings

FILE = """\
source: ga4
tables:
  slow: {time: date, columns: {user_id: uuid, date: date, n: bigint}}
  quick: {time: date, columns: {user_id: uuid, date: date, n: bigint}}
metrics:
  ga4.slow: {table: slow, value: sum(n)}
  ga4.quick: {table: quick, value: sum(n)}
"""
# A row of Alice's whose number takes an hour.
ROW = "SELECT {uuid} AS user_id, {day} AS date, {number} AS n"
SLOW = {
    "sqlite": "(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r)",
    "postgres": "(SELECT count(*) FROM pg_sleep(3600))",
    "duckdb": "(SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range % 7 = b.range % 5)",
    "clickhouse": "(SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1)",
}
UUIDS = {"sqlite": "'{}'", "postgres": "'{}'::uuid", "duckdb": "'{}'::uuid", "clickhouse": "toUUID('{}')"}
DAYS = {"sqlite": "'2025-01-01'", "clickhouse": "toDate('2025-01-01')"}
PERIOD = {"start": "2025-01-01", "end": "2025-01-01"}


@pytest.fixture
def app(
    engine_name: str, warehouse_url: str, tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FastAPI]:
    """Over two views, of which one takes an hour to read; a statement may take two seconds."""
    module = {"postgres": "postgresql"}.get(engine_name, engine_name)
    monkeypatch.setattr(f"engine.warehouse.drivers.{module}.STATEMENT_SECONDS", 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "ga4.yaml").write_text(FILE)
    warehouse = Warehouse(warehouse_url)
    uuid, day = UUIDS[engine_name].format(ALICE), DAYS.get(engine_name, "DATE '2025-01-01'")
    views = {"slow": SLOW[engine_name], "quick": "7"}
    warehouse.driver.run(
        f"CREATE VIEW {name} AS {ROW.format(uuid=uuid, day=day, number=number)}" for name, number in views.items()
    )
    engine = Engine(load_catalog(tmp_path / "mine"), warehouse)
    yield create_app(Services(engine, state, make_settings()))
    warehouse.close()


@pytest.mark.slow
def test_a_slow_question_is_503_and_the_others_are_answered(app: FastAPI) -> None:
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client, ThreadPoolExecutor(6) as pool:
        slow = [
            pool.submit(client.get, "/v1/widgets/ga4.slow", params=PERIOD | {"grain": grain})
            for grain in ("day", "week")
        ]
        time.sleep(0.2)
        quick = [pool.submit(client.get, "/v1/widgets/ga4.quick", params=PERIOD) for _ in range(4)]
        assert [each.result().json()["stats"]["value"] for each in quick] == [7] * 4
        for each in slow:
            answer = each.result()
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/v1/widgets/ga4.quick", params=PERIOD).json()["stats"]["value"] == 7
        assert client.get("/readyz").status_code == 200
