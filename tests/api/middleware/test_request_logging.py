from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from runtime.logging import JsonFormatter
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, make_bearer_headers, make_settings, sign_token

ORIGIN = "https://app.example.com"


class LogLines(io.StringIO):
    """What was logged, as the objects that were written."""

    def read_all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[LogLines]:
    lines = LogLines()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("metric_engine")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_request_is_one_line_without_personal_data(client: TestClient, log: LogLines) -> None:
    client.get("/v1/widgets/ga4.sessions?start=2025-01-01&end=2025-01-02", headers={"X-Request-ID": "abc-1"})
    [line] = log.read_all()
    assert line.pop("milliseconds") > 0
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "metric_engine.access",
        "message": "request",
        "request_id": "abc-1",
        "method": "GET",
        "endpoint": "widget",
        "status": 200,
    }


def test_what_no_route_takes_is_logged_without_its_path(anonymous: TestClient, log: LogLines) -> None:
    anonymous.get("/users/jane@example.com?token=hunter2", headers={"Authorization": f"Bearer {sign_token(ALICE)}"})
    anonymous.get("/v1/users/jane@example.com")
    assert [(line["endpoint"], line["status"]) for line in log.read_all()] == [(None, 404), (None, 401)]
    text = log.getvalue()
    assert "jane" not in text
    assert "hunter2" not in text
    assert sign_token(ALICE)[:20] not in text
    assert ALICE not in text


def test_an_exception_is_one_json_line(log: LogLines) -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        logging.getLogger("metric_engine.test").exception("it failed")
    [line] = log.read_all()
    assert "broken\nin two" in line["exception"]
    assert line["level"] == "error"


def test_the_callers_request_id_is_kept_where_it_is_harmless(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "a.b-c_9"}).headers["X-Request-ID"] == "a.b-c_9"
    seen = {
        client.get("/healthz", headers={"X-Request-ID": bad}).headers["X-Request-ID"] for bad in ("", "a b", "x" * 65)
    }
    assert len(seen) == 3
    assert not seen & {"", "a b", "x" * 65}


def test_every_answer_has_security_headers(client: TestClient) -> None:
    for path in ("/healthz", "/v1/widgets", "/v1/nothing", "/docs", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        origins = "'self'" if path == "/docs" else "'none'"
        assert f"default-src {origins};" in headers["Content-Security-Policy"]
        assert "private" in headers["Cache-Control"]


def send_preflight(client: TestClient, origin: str) -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    return client.options("/v1/widgets", headers=asked)


def test_only_the_origins_of_the_setting_may_read(engine: Engine, state: State) -> None:
    app = create_app(Services(engine, state, make_settings(CORS_ORIGINS=ORIGIN)))
    with TestClient(app) as client:
        assert send_preflight(client, ORIGIN).headers["Access-Control-Allow-Origin"] == ORIGIN
        assert send_preflight(client, "https://evil.example.com").status_code == 400
        answer = client.get("/v1/widgets", headers=make_bearer_headers(ALICE) | {"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        refused = client.get("/v1/widgets", headers={"Origin": ORIGIN})
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
        stranger = client.get(
            "/v1/widgets", headers=make_bearer_headers(ALICE) | {"Origin": "https://evil.example.com"}
        )
        assert "Access-Control-Allow-Origin" not in stranger.headers


def test_only_the_pages_of_the_setting_may_frame_the_dashboard(engine: Engine, state: State) -> None:
    ancestors = f"{ORIGIN}, https://b.example.com"
    for setting, allowed in ({}, "'none'"), ({"FRAME_ANCESTORS": ancestors}, f"{ORIGIN} https://b.example.com"):
        with TestClient(create_app(Services(engine, state, make_settings(**setting)))) as client:
            page, data = client.get("/").headers, client.get("/healthz").headers
        assert page["Content-Security-Policy"].endswith(f"; frame-ancestors {allowed}")
        assert page.get("X-Frame-Options") == (None if setting else "DENY")
        assert data["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert data["X-Frame-Options"] == "DENY"


def test_without_the_setting_no_other_origin_may_read(client: TestClient) -> None:
    assert "Access-Control-Allow-Origin" not in send_preflight(client, ORIGIN).headers
    assert "Access-Control-Allow-Origin" not in client.get("/v1/widgets", headers={"Origin": ORIGIN}).headers
