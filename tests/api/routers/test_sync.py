"""The sync over HTTP, with a provider of a team's own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from engine.errors import InvalidSetting
from runtime.services import Services
from runtime.sync_worker import import_providers
from state import State
from sync.report import NOTHING_TO_READ
from sync.schedule import to_local_date
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings
from tests.support.processes import PATIENCE

CRON = "a-secret-of-the-cron"
ACCOUNT = "318204557"
PASSWORD = "the-exports-password"


@pytest.fixture
def app(engine: Engine, state: State) -> FastAPI:
    state.connections.delete(ALICE, "ga4")
    given = make_settings(CRON_SECRET=CRON, SYNC_PROVIDERS="tests.support.sync.own_service:providers")
    return create_app(Services(engine, state, given), does_syncs=True)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        yield client


def connect_ga4(client: TestClient, password: str = PASSWORD) -> None:
    body = {"account_id": ACCOUNT, "credentials": {"refresh_token": password}}
    assert client.put("/v1/connections/ga4", json=body).status_code == 200


def wait_for_job(client: TestClient, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        job: dict[str, Any] = client.get(f"/v1/sync/job/{job_id}").json()
        if job["finished_at"] is not None:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.01)


def run_sync(client: TestClient) -> dict[str, Any]:
    answer = client.post("/v1/sync/all/run")
    assert answer.status_code == 202
    return wait_for_job(client, answer.json()["job_id"])


def test_a_sync_is_asked_for_looked_at_and_seen_in_the_widget(client: TestClient) -> None:
    connect_ga4(client)
    assert client.get("/v1/dashboard/meta").json()["last_sync_at"] is None
    before = client.get("/v1/widgets/ga4.sessions").json()
    assert before["stats"]["value"] is None
    job = run_sync(client)
    assert job["status"] == "succeeded"
    assert job["progress"] == 1
    assert job["sources"]["ga4"] | {"accounts": None} == {
        "status": "succeeded",
        "rows": 3,
        "error": None,
        "accounts": None,
    }
    yesterday = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=1)
    days = [yesterday - timedelta(days=back) for back in range(3)]
    asked = {"start": days[-1].isoformat(), "end": days[0].isoformat()}
    after = client.get("/v1/widgets/ga4.sessions", params=asked)
    assert after.json()["stats"]["value"] == sum(100 + day.day for day in days)
    assert client.get("/v1/widgets/ga4.sessions").json()["stats"]["value"] > 200
    meta = client.get("/v1/dashboard/meta").json()
    assert datetime.fromisoformat(meta["last_sync_at"]) == datetime.fromisoformat(job["finished_at"])
    [connection] = client.get("/v1/connections").json()["connections"]
    assert connection["last_success_at"] is not None


def test_a_failure_says_what_to_do(client: TestClient) -> None:
    connect_ga4(client, "wrong")
    job = run_sync(client)
    assert job["status"] == "failed"
    assert job["sources"]["ga4"]["error"] == "The export does not know this password; ask the data team for it"
    [connection] = client.get("/v1/connections").json()["connections"]
    assert connection["last_error"] == "The export does not know this password; ask the data team for it"
    assert client.get("/v1/dashboard/meta").json()["last_sync_at"] is None


def test_nothing_connected_succeeds_and_says_so(client: TestClient) -> None:
    job = run_sync(client)
    assert (job["status"], job["detail"], job["sources"]) == ("succeeded", NOTHING_TO_READ, {})


def test_jobs_of_others_and_of_nobody_are_not_there(client: TestClient, state: State) -> None:
    theirs = state.jobs.start(BOB)
    for job_id in (theirs, str(uuid.uuid4()), "x", "..", "%00", "a" * 5000):
        for method in ("GET", "DELETE"):
            answer = client.request(method, f"/v1/sync/job/{job_id}")
            assert answer.status_code == 404, job_id
            assert answer.headers["content-type"] == "application/problem+json"
    hers = client.get(f"/v1/sync/job/{theirs}", headers=make_bearer_headers(BOB)).json()
    assert hers["id"] == theirs


def test_a_job_is_cancelled(engine: Engine, state: State) -> None:
    # Nobody does it here, so it waits.
    with TestClient(create_app(Services(engine, state, make_settings())), headers=make_bearer_headers(ALICE)) as client:
        job_id = client.post("/v1/sync/all/run").json()["job_id"]
        assert client.post("/v1/sync/all/run").json() == {"job_id": job_id}
        assert client.get(f"/v1/sync/job/{job_id}").json()["status"] == "queued"
        cancelled = client.delete(f"/v1/sync/job/{job_id}")
        assert cancelled.status_code == 202
        assert cancelled.json()["status"] == "cancelled"
        assert client.delete(f"/v1/sync/job/{job_id}").status_code == 202
        assert client.post("/v1/sync/all/run").json() != {"job_id": job_id}
        assert client.get("/readyz").json()["checks"]["scheduler"] == {"status": "off"}


@pytest.mark.parametrize("secret", [None, "", "wrong", CRON[:-1], f"{CRON}x"])
def test_the_cron_needs_its_secret(client: TestClient, secret: str | None) -> None:
    headers = {} if secret is None else {"X-Cron-Secret": secret}
    assert client.post("/v1/sync/cron", headers=headers).status_code == 401


def test_without_a_secret_there_is_no_cron(engine: Engine, state: State) -> None:
    with TestClient(create_app(Services(engine, state, make_settings()))) as client:
        assert client.post("/v1/sync/cron", headers={"X-Cron-Secret": ""}).status_code == 404


def test_the_cron_begins_the_days_run_once(engine: Engine, state: State) -> None:
    state.connections.put(BOB, "ga4", ACCOUNT, {"refresh_token": PASSWORD})
    given = make_settings(CRON_SECRET=CRON)
    with TestClient(create_app(Services(engine, state, given))) as client:
        answers = [client.post("/v1/sync/cron", headers={"X-Cron-Secret": CRON}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert [answer.json()["started"] for answer in answers] == [True, False, False]
        assert len({answer.json()["run_id"] for answer in answers}) == 1
        assert answers[0].json()["date"] == to_local_date(datetime.now(UTC)).isoformat()
        work = state.queue.claim("anybody", now=datetime.now(UTC), lease=timedelta(minutes=1))
        assert work is not None
        assert (work.user, work.run) == (BOB, answers[0].json()["run_id"])


def test_the_cron_takes_in_who_has_connected_since(client: TestClient) -> None:
    """A new server makes the day's run good at once, when nobody has an account yet."""
    headers = {"X-Cron-Secret": CRON}
    client.post("/v1/sync/cron", headers=headers)
    connect_ga4(client)
    assert client.post("/v1/sync/cron", headers=headers).json()["started"] is True
    deadline = time.monotonic() + PATIENCE
    while client.get("/v1/dashboard/meta").json()["last_sync_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client.post("/v1/sync/cron", headers=headers).json()["started"] is False


def test_the_scheduler_is_ready_and_announces_the_next_run(client: TestClient) -> None:
    assert client.get("/readyz").json()["checks"]["scheduler"]["status"] == "ok"
    announced = datetime.fromisoformat(client.get("/v1/dashboard/meta").json()["next_scheduled_at"])
    local = announced.astimezone(ZoneInfo("America/Los_Angeles"))
    assert (local.hour, local.minute, local.second) == (0, 15, 0)
    assert timedelta(0) < announced - datetime.now(UTC) <= timedelta(hours=25)


def test_syncs_are_counted(client: TestClient) -> None:
    connect_ga4(client)
    run_sync(client)
    lines = client.get("/metrics").text.splitlines()
    assert 'metric_engine_sync_jobs_total{status="succeeded"} 1.0' in lines
    assert 'metric_engine_sync_rows_total{source="ga4"} 3.0' in lines
    assert 'metric_engine_sync_account_seconds_count{source="ga4",status="succeeded"} 1.0' in lines


def test_answers_are_as_documented(client: TestClient) -> None:
    connect_ga4(client)
    found = client.get("/openapi.json").json()
    started = client.post("/v1/sync/all/run")
    shapes = {
        ("/v1/sync/all/run", "post", "202"): started.json(),
        ("/v1/sync/job/{id}", "get", "200"): wait_for_job(client, started.json()["job_id"]),
        ("/v1/sync/job/{id}", "delete", "202"): client.delete(f"/v1/sync/job/{started.json()['job_id']}").json(),
        ("/v1/sync/cron", "post", "202"): client.post("/v1/sync/cron", headers={"X-Cron-Secret": CRON}).json(),
    }
    for (path, method, status), body in shapes.items():
        content = found["paths"][path][method]["responses"][status]["content"]["application/json"]
        jsonschema.validate(body, content["schema"] | {"components": found["components"]})
    assert found["paths"]["/v1/sync/cron"]["post"]["security"] == [{"cron": []}]


@pytest.mark.parametrize(
    ("source", "options", "place"),
    [
        ("meta", {"conversion_action": "lead"}, None),
        ("instagram", {"time_zone": "Pacific/Auckland"}, None),
        ("instagram", {"time_zone": "Pacific/Aukland"}, "#/options/time_zone"),
        ("ga4", {"conversion_action": "lead"}, "#/options/conversion_action"),
        ("meta", {"conversion_action": "a b"}, "#/options/conversion_action"),
        ("meta", {"other": 1}, "#/options/other"),
    ],
)
def test_a_connection_has_options(
    client: TestClient, state: State, source: str, options: dict[str, Any], place: str | None
) -> None:
    account = "act_7" if source == "meta" else "7"
    body = {"account_id": account, "credentials": {"access_token": "t"}, "options": options}
    if source == "ga4":
        body["credentials"] = {"refresh_token": "t"}
    answer = client.put(f"/v1/connections/{source}", json=body)
    if place is None:
        assert answer.status_code == 200
        assert [dict(each.options) for each in state.connections.list_synced_accounts(ALICE)] == [options]
    else:
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [place]
        assert state.connections.list_synced_accounts(ALICE) == ()


@pytest.mark.parametrize(
    "name",
    [
        "nowhere.at_all:providers",
        "tests.support.sync.own_service:nothing",
        "tests.api.routers.test_sync:of_a_strange_source",
    ],
)
def test_providers_that_are_not_there_stop_the_start(engine: Engine, state: State, name: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^SYNC_PROVIDERS: "):
        create_app(Services(engine, state, make_settings(SYNC_PROVIDERS=name)), does_syncs=True)
    assert import_providers(None) == {}


def make_strange_source() -> dict[str, object]:
    return {"tiktok": object()}
