from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from runtime.services import Services
from tests.api.conftest import ALICE, make_bearer_headers

PERIOD = {"start": "2025-01-01", "end": "2025-01-10"}
LABELS = {"endpoint", "status", "origin", "database", "le", "version", "catalog", "code"}

# One process of several: it counts, says what it sees in the folder that they share, and waits to be let go.
WORKER = """
import sys
from api.metrics import ServerMetrics
server_metrics = ServerMetrics()
server_metrics.count_request("widget", 200, 0.002)
server_metrics.statement_seconds.labels("warehouse").observe(0.001)
print("counted", flush=True)
sys.stdin.read()
"""
READER = """
import sys
from types import SimpleNamespace as Some
from api.metrics import ServerMetrics
services = Some(engine=Some(catalog=Some(version="v", widgets={})), problem_counts={})
sys.stdout.write(ServerMetrics().render_exposition(services).decode())
"""


def parse_samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read_value(client: TestClient, name: str, **labels: str) -> float:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parse_samples(answer.text).get((f"metric_engine_{name}", frozenset(labels.items())), 0)


def test_requests_are_counted_by_endpoint_and_class_of_status(client: TestClient) -> None:
    for path in ("ga4.sessions", "ga4.sessions", "ga4.nothing", "ga4.sessions?grain=hour"):
        client.get(f"/v1/widgets/{path}")
    client.get("/v1/widgets", headers={"Authorization": ""})
    assert read_value(client, "requests_total", endpoint="widget", status="2xx") == 2
    assert read_value(client, "requests_total", endpoint="widget", status="4xx") == 2
    assert read_value(client, "requests_total", endpoint="none", status="4xx") == 1
    assert read_value(client, "request_seconds_count", endpoint="widget") == 4
    assert read_value(client, "request_seconds_sum", endpoint="widget") > 0
    assert read_value(client, "request_seconds_bucket", endpoint="widget", le="+Inf") == 4


def test_answers_are_counted_by_where_they_came_from(client: TestClient, services: Services) -> None:
    for _ in range(3):
        client.get("/v1/widgets/ga4.sessions", params=PERIOD)
    assert read_value(client, "answers_total", endpoint="widget", origin="miss") == 1
    assert read_value(client, "answers_total", endpoint="widget", origin="hit") == 2
    assert read_value(client, "answers_total", endpoint="widget", origin="stale") == 0


def test_statements_are_timed_by_database(client: TestClient) -> None:
    # The first request also reads how far the accounts have been read and what is noted of them; that is kept.
    client.get("/v1/widgets/ga4.sessions", params=PERIOD)
    before = {name: read_value(client, "statement_seconds_count", database=name) for name in ("state", "warehouse")}
    client.get("/v1/widgets/ga4.sessions", params=PERIOD | {"end": "2025-01-09"})
    client.get("/v1/dashboard/layout")
    for name, count in before.items():
        assert read_value(client, "statement_seconds_count", database=name) > count
    assert read_value(client, "statement_seconds_sum", database="warehouse") > 0


def test_the_catalog_is_shown_as_it_is_served(client: TestClient, services: Services, folder: Path) -> None:
    assert read_value(client, "widgets") == 2
    (folder / "wrong.yaml").write_text("source: ga4\ntable: ga4_daily\nmetrics: {ga4.wrong: sum(sesions)}\n")
    services.reload_catalog()
    assert read_value(client, "rejected_problems", code="unknown-column") == 1
    assert read_value(client, "widgets") == 2


def test_no_request_can_choose_a_label(client: TestClient) -> None:
    before = len(parse_samples(client.get("/metrics").text))
    client.get("/metrics")
    known = len(parse_samples(client.get("/metrics").text))
    assert known > before
    for place in range(20):
        client.request(f"METHOD{place}", f"/{ALICE}/{place}")
        client.get(f"/v1/{ALICE}/{place}")
        client.get(f"/v1/widgets/ga4.key{place}", headers={"X-Request-ID": f"id-{place}", "Host": f"host{place}"})
        client.get("/v1/widgets", headers={"Authorization": f"Bearer {place}"})
        client.put(f"/v1/connections/source{place}", json={"account_id": f"{place}"})
    found = parse_samples(client.get("/metrics").text)
    # The four endpoints that were reached for the first time.
    assert len(found) - known < 90
    text = client.get("/metrics").text
    for chosen in (ALICE, "METHOD", "key1", "source1", "id-1", "host1", make_bearer_headers(ALICE)["Authorization"]):
        assert chosen not in text
    assert {name for _, labels in found for name, _ in labels} <= LABELS


@pytest.mark.server
def test_processes_that_share_a_folder_count_as_one(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    run = [sys.executable, "-c"]
    workers = [
        subprocess.Popen([*run, WORKER], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "counted\n"
    # What a worker counted stays when it is gone.
    workers[0].communicate()
    read = subprocess.run([*run, READER], env=environment, text=True, capture_output=True, check=True).stdout
    workers[1].communicate()
    found = parse_samples(read)
    assert found["metric_engine_requests_total", frozenset({("endpoint", "widget"), ("status", "2xx")})] == 2
    assert found["metric_engine_statement_seconds_count", frozenset({("database", "warehouse")})] == 2
    assert found["metric_engine_widgets", frozenset()] == 0
