"""A server that is told to stop while a model is asked: the rules speak."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from engine import Warehouse
from tests.insights.conftest import EVENTFUL
from tests.insights.fake import hangs, serve_model
from tests.insights.worlds import END, history
from tests.support.attacked_server import A, run_attacked
from tests.support.processes import PATIENCE
from tests.support.shipped import load_shipped_catalog

pytestmark = pytest.mark.server

PATH = f"/v1/insights?start={END - timedelta(days=27)}&end={END}"


def fill_warehouse(url: str) -> None:
    warehouse, catalog = Warehouse(url), load_shipped_catalog()
    warehouse.create_tables(catalog.tables.values())
    for table, rows in history(1, EVENTFUL, days=28).items():
        warehouse.upsert(catalog.tables[table], [{"user_id": A, **row} for row in rows])
    warehouse.close()


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_who_waits_for_the_model_gets_the_rules_bullets(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    facts = f"sqlite:///{tmp_path}/facts.db"
    fill_warehouse(facts)
    with serve_model() as fake, ThreadPoolExecutor(1) as pool:
        fake.says(hangs)
        environment = {
            "WAREHOUSE_URL": facts,
            "LLM_MODEL": "openai/fake",
            "OPENAI_API_BASE": fake.url,
            "OPENAI_API_KEY": "of no use",
        }
        with run_attacked(tmp_path, *arguments, environment=environment) as server:
            for source, account in (("ga4", "1"), ("meta", "act_1"), ("instagram", "1")):
                server.ask(f"/v1/connections/{source}", method="PUT", json={"account_id": account})
            waiting = pool.submit(server.ask, PATH)
            deadline = time.monotonic() + PATIENCE
            while not fake.requests:
                assert time.monotonic() < deadline, server.log
                time.sleep(0.05)
            server.process.send_signal(signal.SIGTERM)
            # The server ends requests that take longer than eight seconds from then on, and the model never answers.
            answer = waiting.result()
            server.process.wait(PATIENCE)
    assert answer.status == 200
    assert answer.body["meta"]["generated_by"] == "rules"
    assert answer.body["items"]
