from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.app import create_app
from api.mcp.resource_metadata import METADATA_PATH
from api.middleware.authentication import OPEN_PATHS
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings, sign_token
from tests.conftest import RedisServer

PUBLIC = {"/healthz", "/readyz", "/metrics", "/docs", "/docs/{name}", "/openapi.json"}


def list_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the route table; the dashboard's files are a mount and have no methods."""
    return [
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        if route.path
        for method in sorted(route.methods or ())
    ]


def test_every_route_of_v1_needs_a_token(app: FastAPI, anonymous: TestClient) -> None:
    guarded = [(method, path) for method, path in list_routes(app) if path not in PUBLIC | OPEN_PATHS | {"/"}]
    assert len(guarded) >= 10
    for method, path in guarded:
        assert path.startswith("/v1/")
        answer = anonymous.request(method, path.replace("{", "").replace("}", ""))
        assert (path, answer.status_code) == (path, 401)
        assert answer.headers["WWW-Authenticate"].split()[0] == "Bearer"


def test_a_route_added_tomorrow_is_closed(app: FastAPI, anonymous: TestClient) -> None:
    @app.get("/v1/tomorrow")
    async def tomorrow() -> str:
        return "news"

    assert anonymous.get("/v1/tomorrow").status_code == 401
    assert anonymous.get("/v1/tomorrow", headers=make_bearer_headers(ALICE)).json() == "news"


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/v1/nothing", "/v1/../v1/widgets", "/%76%31/widgets", "//v1/widgets", "/healthz/../v1/widgets"],
)
def test_no_spelling_of_the_path_leads_around_the_guard(anonymous: TestClient, path: str) -> None:
    assert anonymous.get(f"http://testserver{path}").status_code == 401


def test_behind_a_prefix_the_guard_still_stands(engine: Engine, state: State) -> None:
    app = create_app(Services(engine, state, make_settings()))
    with TestClient(app, root_path="/metrics-api") as client:
        assert client.get("/metrics-api/v1/widgets").status_code == 401
        assert client.get("/metrics-api/v1/widgets", headers=make_bearer_headers(ALICE)).status_code == 200
        assert client.get("/metrics-api/healthz").status_code == 200


def test_what_has_a_guard_of_its_own_passes(anonymous: TestClient) -> None:
    assert frozenset({"/v1/sync/cron", METADATA_PATH}) == OPEN_PATHS
    assert anonymous.get(METADATA_PATH).status_code == 200
    assert anonymous.post("/v1/sync/cron").status_code == 404
    assert anonymous.post("/v1/sync/cron/x").status_code == 401


def test_the_rest_is_public(anonymous: TestClient) -> None:
    for path in PUBLIC:
        assert anonymous.get(path.replace("{name}", "start.js")).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic abc", sign_token(ALICE), "Bearer x", f"Token {sign_token(ALICE)}", "Bearer a b"],
)
def test_a_header_that_is_no_bearer_token_is_401(anonymous: TestClient, authorization: str) -> None:
    answer = anonymous.get("/v1/widgets", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert answer.json()["title"] == "Unauthorized"


def test_an_expired_token_says_so(anonymous: TestClient) -> None:
    old = {"Authorization": f"Bearer {sign_token(ALICE, timedelta(minutes=-5))}"}
    assert "expired" in anonymous.get("/v1/widgets", headers=old).json()["detail"]


def test_the_scheme_is_read_in_any_case(anonymous: TestClient) -> None:
    assert anonymous.get("/v1/widgets", headers={"Authorization": f"bearer {sign_token(ALICE)}"}).status_code == 200


def test_a_websocket_without_a_token_is_closed(app: FastAPI, anonymous: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), anonymous.websocket_connect("/v1/live"):
        pass


def test_unreachable_keys_are_503_with_retry_after(engine: Engine, state: State) -> None:
    nowhere = make_settings(JWT_SECRET="", JWKS_URL="http://127.0.0.1:9/keys", JWT_AUDIENCE="dashboards")
    app = create_app(Services(engine, state, nowhere))
    keyed = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.c2ln"
    with TestClient(app) as client:
        answer = client.get("/v1/widgets", headers={"Authorization": f"Bearer {keyed}"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_the_rate_is_each_users_own(engine: Engine, state: State) -> None:
    app = create_app(Services(engine, state, make_settings(RATE_LIMIT="3/minute")))
    with TestClient(app) as client:
        statuses = [client.get("/v1/widgets", headers=make_bearer_headers(ALICE)).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert client.get("/v1/widgets", headers=make_bearer_headers(BOB)).status_code == 200
        refused = client.get("/v1/widgets", headers=make_bearer_headers(ALICE))
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json()["title"] == "Too Many Requests"
        assert client.get("/healthz").status_code == 200


def test_processes_that_share_redis_share_the_rate(engine: Engine, state: State, redis_server: RedisServer) -> None:
    given = make_settings(RATE_LIMIT="3/minute", REDIS_URL=redis_server.url)
    apps = [create_app(Services(engine, state, given)) for _ in range(2)]
    with TestClient(apps[0]) as one, TestClient(apps[1]) as other:

        def statuses(*clients: TestClient, user: str = ALICE) -> list[int]:
            return [client.get("/v1/widgets", headers=make_bearer_headers(user)).status_code for client in clients]

        assert statuses(one, other, one, other, one) == [200, 200, 200, 429, 429]
        assert statuses(other, user=BOB) == [200]
        redis_server.stop()
        # Each counts for itself now, and nothing fails.
        assert statuses(one, other, one, other) == [200] * 4
        assert statuses(one, one) == [200, 429]


def test_without_the_setting_there_is_no_limit(client: TestClient) -> None:
    assert {client.get("/v1/widgets").status_code for _ in range(50)} == {200}
