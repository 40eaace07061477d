"""What no client of ours would send, byte by byte to a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api.app import create_app
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, make_bearer_headers, make_settings, run_app, sign_token
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

BEARER = f"Authorization: Bearer {sign_token(ALICE)}"
UPGRADE = "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"

Send = Callable[..., tuple[int, str]]


@pytest.fixture
def send(app: FastAPI) -> Iterator[Send]:
    """Send a request as it is written; the status and the whole answer."""
    with run_app(app) as address:
        host, _, port = address.removeprefix("http://").partition(":")

        def exchange(line: str, *headers: str, body: bytes = b"") -> tuple[int, str]:
            head = "\r\n".join([f"{line} HTTP/1.1", "Host: metrics.example.com", "Connection: close", *headers])
            received = b""
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
                try:
                    connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
                    while part := connection.recv(65_536):
                        received += part
                except ConnectionError:
                    # The server has said what it had to say, and closed the door on the rest.
                    pass
            return int(received.split(b" ", 2)[1]), received.decode()

        yield exchange


@pytest.mark.parametrize(
    "path",
    [
        *("//v1/widgets", "///v1//widgets", "/./v1/widgets", "/v1/./widgets", "/v1/../v1/widgets", "/%2e/v1/widgets"),
        *("/v1%2fwidgets", "/%76%31/widgets", "/V1/widgets", "/v1;a=b/widgets", "/v1/widgets;a", "/v1/widgets/"),
        *("http://evil.example.com/v1/widgets", "\\v1\\widgets", "/v1\\widgets", "/x/v1/widgets", "/v1/widgets%00"),
        *("/healthz/../v1/widgets", "/v1/sync/cron/../../widgets", "/v1/sync/cron%2f..%2f..%2fwidgets"),
        *("/docs/../v1/dashboard/layout", "/openapi.json/v1/widgets", "/v1/sync/cron/", "/%2e%2e/%2e%2e/etc/passwd"),
        *(f"/v1/widgets?access_token={sign_token(ALICE)}", f"/v1/widgets?token={sign_token(ALICE)}"),
        f"/v1/widgets?Authorization=Bearer%20{sign_token(ALICE)}",
    ],
)
def test_no_path_leads_in_without_a_token(send: Send, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE", "get"):
        status, answer = send(f"{method} {path}")
        # What is no method or no path at all, the server's parser refuses.
        assert status in (400, 401, 404, 405), (method, path)
        assert "ga4" not in answer


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_changes_the_method(send: Send, state: State, header: str) -> None:
    status, _ = send("GET /v1/connections/ga4", BEARER, f"{header}: DELETE")
    assert status == 405
    assert len(state.connections.list_connections(ALICE)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        ("X-Original-URL: /healthz",),
        ("X-Rewrite-URL: /healthz",),
        ("X-Forwarded-Prefix: /v1",),
        ("X-Forwarded-User: " + ALICE, "X-User: " + ALICE),
        ("Cookie: token=" + sign_token(ALICE),),
        ("Proxy-Authorization: Bearer " + sign_token(ALICE),),
        ("Authorization: Basic eDp4", BEARER),
    ],
)
def test_no_other_header_proves_who_asks(send: Send, headers: tuple[str, ...]) -> None:
    assert send("GET /v1/widgets", *headers)[0] == 401


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/healthz", "/nothing"])
def test_what_the_client_calls_the_host_is_nowhere_in_an_answer(send: Send, path: str) -> None:
    told = send(f"GET {path}", "X-Forwarded-Host: metrics.example.com", "Forwarded: host=metrics.example.com")[1]
    assert "example.com" not in told


def test_no_line_can_be_put_into_the_headers(send: Send) -> None:
    path = "/v1/widgets/a%0d%0aX-Injected:%20yes?start=%0d%0aX-Injected:%20yes"
    for line in (f"GET {path}", f"POST {path}"):
        head, _, _ = send(line, BEARER, "X-Request-ID: a\tX-Injected: yes")[1].partition("\r\n\r\n")
        assert "injected" not in head.lower()


def test_headers_without_end_are_refused(send: Send) -> None:
    assert send("GET /healthz", "X-Long: " + "x" * 200_000)[0] == 400
    assert send("GET /v1/widgets", "Authorization: Bearer " + "x" * 10_000)[0] == 401
    assert send("GET /v1/widgets", "Authorization: Bearer \xff\xfe.\xed\xa0\x80.x")[0] == 401


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\nGET /v1/connections HTTP/1.1\r\n\r\n"),
        (("Content-Length: 5", "Content-Length: 6"), b"{}    "),
        (("Content-Length: -1",), b"{}"),
        (("Content-Length: +2",), b"{}"),
        (("Transfer-Encoding: gzip, chunked",), b"2\r\n{}\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"zz\r\n{}\r\n0\r\n\r\n"),
    ],
)
def test_a_body_of_two_lengths_is_refused_and_hides_no_request(
    send: Send, headers: tuple[str, ...], body: bytes
) -> None:
    status, answer = send("POST /v1/widgets/batch", BEARER, "Content-Type: application/json", *headers, body=body)
    assert 400 <= status < 600
    assert status != 500
    assert answer.count("HTTP/1.1 ") == 1


@pytest.mark.parametrize("path", ["/", "/v1/widgets", "/v1/live", "/healthz"])
def test_there_is_no_websocket(app: FastAPI, send: Send, path: str) -> None:
    assert send(f"GET {path}", "Connection: Upgrade", *UPGRADE)[0] in (200, 401, 404)
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client, pytest.raises(WebSocketDisconnect):
        client.websocket_connect(path).__enter__()


def test_no_origin_may_read_with_cookies(engine: Engine, state: State) -> None:
    for origins in ("*", "https://app.example.com"):
        app = create_app(Services(engine, state, make_settings(CORS_ORIGINS=origins)))
        with TestClient(app) as client:
            for origin in ("https://app.example.com", "null", "https://app.example.com.evil.example", "http://[::1]"):
                asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
                for answer in (client.options("/v1/widgets", headers=asked), client.get("/v1/widgets", headers=asked)):
                    assert "Access-Control-Allow-Credentials" not in answer.headers
                    allowed = answer.headers.get("Access-Control-Allow-Origin")
                    assert allowed in (None, "*" if origins == "*" else "https://app.example.com")


def test_the_page_runs_and_wears_only_what_is_the_servers_own(client: TestClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


def test_asking_whether_it_is_ready_is_cheap_for_the_databases(engine: Engine, app: FastAPI) -> None:
    asked: list[float] = []
    engine.warehouse.observe_queries(asked.append)
    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        statuses = {answer.status_code for answer in pool.map(lambda _: client.get("/readyz"), range(100))}
    assert statuses == {200}
    assert 0 < len(asked) < 30
