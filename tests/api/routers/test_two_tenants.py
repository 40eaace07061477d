"""Two users of one installation: whatever one of them asks, with the other's ids, shows and changes nothing of hers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select
from starlette.testclient import TestClient

from api.app import create_app
from api.middleware.authentication import OPEN_PATHS
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from state.tables import metadata, sync_jobs
from tests.api.conftest import ALICE, BOB, ENCRYPTION_KEY, make_settings, sign_token

JOB = "10b00000-0000-4000-8000-000000000001"
BOBS_JOB = "b0b00000-0000-4000-8000-000000000001"
ACCOUNT = "555000111"
PRIVATE = "only-alice-knows"
SESSIONS = 987_654_321
PERIOD = {"start": "2025-01-01", "end": "2025-01-11", "compare": "previous_period"}
KEYS = ("ga4.sessions", "ga4.conv_rate", "ga4.secret")


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """One way to ask a route, in the words of another user's data."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


# Every route of /v1: one that is added tomorrow needs its line here.
ROUTES: Mapping[tuple[str, str], list[RouteRequest]] = {
    ("GET", "/v1/widgets"): [RouteRequest("/v1/widgets")],
    ("GET", "/v1/widgets/{key}"): [
        RouteRequest(f"/v1/widgets/{key}", PERIOD | {"grain": grain}) for key in KEYS for grain in ("day", "month")
    ],
    ("GET", "/v1/widgets/{key}/members/{dimension}"): [
        RouteRequest("/v1/widgets/ga4.sessions/members/property", {"search": PRIVATE}),
        RouteRequest("/v1/widgets/ga4.sessions/members/property", {"filter.property": ACCOUNT}),
    ],
    ("GET", "/v1/widgets/{key}/explain"): [RouteRequest(f"/v1/widgets/{key}/explain", PERIOD) for key in KEYS],
    ("POST", "/v1/widgets/batch"): [RouteRequest("/v1/widgets/batch", body={"keys": [*KEYS], **PERIOD})],
    ("POST", "/v1/mcp"): [
        RouteRequest("/v1/mcp", body={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        for params in (
            {"name": "list_metrics", "arguments": {"search": "sessions"}},
            {"name": "query_metrics", "arguments": {"keys": [*KEYS], **PERIOD, "filter": {"property": [ACCOUNT]}}},
            {"name": "list_members", "arguments": {"key": "ga4.sessions", "dimension": "property", "search": PRIVATE}},
            {"name": "explain_number", "arguments": {"key": "ga4.sessions", **PERIOD, "statements": True}},
            {"name": "get_insights", "arguments": {}},
        )
    ],
    ("GET", "/v1/dashboard"): [RouteRequest("/v1/dashboard")],
    ("GET", "/v1/dashboard/meta"): [RouteRequest("/v1/dashboard/meta")],
    ("GET", "/v1/dashboard/layout"): [
        RouteRequest("/v1/dashboard/layout"),
        RouteRequest("/v1/dashboard/layout", {"user_id": ALICE, "user": ALICE, "tenant": ALICE}),
    ],
    ("POST", "/v1/dashboard/layout"): [
        RouteRequest("/v1/dashboard/layout", body={"widgets": [], "user_id": ALICE}),
        RouteRequest("/v1/dashboard/layout", body={"widgets": [{"id": "ga4.sessions"}], "version": 1}),
        RouteRequest("/v1/dashboard/layout", body={"widgets": [{"id": "ga4.sessions"}], "version": 2}),
    ],
    ("GET", "/v1/events"): [RouteRequest("/v1/events"), RouteRequest("/v1/events", {"user_id": ALICE})],
    ("GET", "/v1/insights"): [
        RouteRequest("/v1/insights", {"start": PERIOD["start"], "end": PERIOD["end"]}),
        RouteRequest("/v1/insights", {"user_id": ALICE}),
    ],
    ("GET", "/v1/connections"): [RouteRequest("/v1/connections"), RouteRequest("/v1/connections", {"user_id": ALICE})],
    ("PUT", "/v1/connections/{source}"): [
        RouteRequest("/v1/connections/ga4", body={"account_id": ACCOUNT}),
        RouteRequest("/v1/connections/ga4", body={"account_id": ACCOUNT, "credentials": {"refresh_token": "bobs-own"}}),
    ],
    ("DELETE", "/v1/connections/{source}"): [
        RouteRequest("/v1/connections/ga4", {"account_id": ACCOUNT}),
        RouteRequest("/v1/connections/ga4", {"account_id": ACCOUNT, "user_id": ALICE}),
        RouteRequest("/v1/connections/ga4"),
    ],
    # He has no job but the one that he starts himself.
    ("POST", "/v1/sync/all/run"): [
        RouteRequest("/v1/sync/all/run"),
        RouteRequest("/v1/sync/all/run", {"user_id": ALICE}),
    ],
    ("GET", "/v1/sync/job/{id}"): [RouteRequest(f"/v1/sync/job/{JOB}"), RouteRequest(f"/v1/sync/job/{BOBS_JOB}")],
    ("DELETE", "/v1/sync/job/{id}"): [RouteRequest(f"/v1/sync/job/{JOB}"), RouteRequest(f"/v1/sync/job/{BOBS_JOB}")],
}


@pytest.fixture
def shared_state(state_url: str) -> Iterator[State]:
    """A state in which ALICE has something of everything, and BOB a connection of his own."""
    state = State.open(state_url, encryption_key=ENCRYPTION_KEY)
    state.connections.put(ALICE, "ga4", ACCOUNT, {"refresh_token": PRIVATE})
    state.layouts.save(ALICE, {"widgets": [{"id": "ga4.sessions", "note": PRIVATE}]})
    state.tenants.advance_data_version(ALICE)
    state.connections.put(BOB, "ga4", "42")
    with state.database.connect() as connection:
        for job, user in ((JOB, ALICE), (BOBS_JOB, BOB)):
            connection.execute(sync_jobs.insert().values(id=job, user_id=user, status="running", sources={}))
    yield state
    state.close()


@pytest.fixture
def app(engine: Engine, shared_state: State) -> FastAPI:
    row = {"user_id": ALICE, "date": date(2025, 1, 11), "property_id": ACCOUNT, "sessions": SESSIONS}
    engine.warehouse.upsert(engine.catalog.tables["ga4_daily"], [row | {"converting_sessions": 1.0}])
    return create_app(Services(engine, shared_state, make_settings()))


def read_everything_of(user: str, state: State, engine: Engine) -> dict[str, Any]:
    """All rows of a user, in both databases."""
    found: dict[str, Any] = {}
    with state.database.connect() as connection:
        for table in metadata.sorted_tables:
            if "user_id" in table.c:
                rows = connection.execute(select(table).where(table.c.user_id == user)).all()
                found[table.name] = sorted(map(repr, rows))
    facts = "SELECT * FROM ga4_daily WHERE user_id = :user ORDER BY date, property_id"
    found["ga4_daily"] = engine.warehouse.query(facts, {"user": user})
    return found


def list_route_set(app: FastAPI) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        if route.path and route.path.startswith("/v1/") and route.path not in OPEN_PATHS
        for method in (route.methods or set()) - {"HEAD"}
    }


def send_request(client: TestClient, method: str, asked: RouteRequest, user: str) -> Any:
    content = None if asked.body is None else json.dumps(asked.body)
    # A stream tells the current state and ends with its token.
    token = sign_token(user, timedelta(seconds=1 if asked.path == "/v1/events" else 3_600))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if asked.path == "/v1/mcp":
        headers["Accept"] = "application/json, text/event-stream"
    return client.request(method, asked.path, params=asked.params, content=content, headers=headers)


def test_every_route_is_asked(app: FastAPI) -> None:
    assert list_route_set(app) == ROUTES.keys()


def read_all(client: TestClient, user: str) -> list[str]:
    """All that a user reads, without whether a receipt's rows came from the cache."""
    return [
        re.sub(r'"cache":\{[^}]*\}', "", send_request(client, "GET", asked, user).text)
        for (method, _), ways in ROUTES.items()
        if method == "GET"
        for asked in ways
    ]


def test_nothing_of_another_user_is_seen_or_changed(app: FastAPI, shared_state: State, engine: Engine) -> None:
    with TestClient(app) as client:
        # What she reads first is in every cache.
        hers = read_all(client, ALICE)
        assert all(any(secret in text for text in hers) for secret in (PRIVATE, str(SESSIONS), ACCOUNT))
        before = read_everything_of(ALICE, shared_state, engine)
        assert all(before[name] for name in ("connections", "user_dashboard_layouts", "sync_jobs", "ga4_daily"))

        walk = sorted(ROUTES, key=lambda route: ("GET", "POST", "PUT", "DELETE").index(route[0]))
        for method, asked in [(route[0], asked) for route in walk for asked in ROUTES[route]]:
            answer = send_request(client, method, asked, BOB)
            assert answer.status_code < 500, (method, asked)
            told = answer.text + str(answer.headers)
            for secret in (PRIVATE, ALICE, str(SESSIONS), ACCOUNT, JOB):
                # He may read what he says himself.
                assert secret in str(asked) or secret not in told, (method, asked, secret)
            assert read_everything_of(ALICE, shared_state, engine) == before, (method, asked)
        assert read_all(client, ALICE) == hers


def test_what_bob_may_see_is_his_own(app: FastAPI) -> None:
    """The walk would prove little if every request were refused."""
    with TestClient(app) as client:
        statuses = {
            (method, path): {send_request(client, method, asked, BOB).status_code for asked in ways}
            for (method, path), ways in ROUTES.items()
        }
        assert all(any(status < 300 for status in found) for found in statuses.values()), statuses
