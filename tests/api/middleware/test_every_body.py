"""Every route that takes a body, given what no body may be."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.middleware.body_limit import MAX_BODY_BYTES

# A member that each route's own body may have or not: what is wrong is found whatever it stands in.
BODIES: dict[str, bytes] = {
    "nothing but an opening": b"{",
    "not JSON": b"widgets: []",
    "not UTF-8": b'{"widgets": [], "keys": [], "account_id": "\xff"}',
    "too large": b'{"widgets": [], "keys": [], "account_id": "' + b"1" * MAX_BODY_BYTES + b'"}',
    "deeply nested": b'{"widgets": [], "keys": [], "account_id": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested a little too deep": b'{"widgets": [], "keys": [], "account_id": ' + b"[" * 40 + b"]" * 40 + b"}",
    "NUL": b'{"widgets": [{"id": "ga4.sessions", "x": "\\u0000"}], "keys": ["\\u0000"], "account_id": "\\u0000"}',
    "NUL in a name": b'{"widgets": [], "keys": [], "account_id": "1", "\\u0000": 1}',
    "a lone surrogate": b'{"widgets": [{"id": "\\ud800"}], "keys": ["\\udfff"], "account_id": "\\ud800"}',
    "a lone surrogate in bytes": b'{"widgets": [{"id": "\xed\xa0\x80"}], "keys": [], "account_id": "\xed\xa0\x80"}',
    "beyond a double": b'{"widgets": [], "keys": [], "account_id": "1", "x": 1e400}',
    "not a number": b'{"widgets": [], "keys": [], "account_id": "1", "x": NaN}',
    "a list": b"[]",
    "a text": b'"widgets"',
}


# What asks for a sync says all in its path.
WITHOUT_BODY = "/v1/sync/"


def list_body_routes(app: FastAPI) -> list[tuple[str, str]]:
    """The routes of /v1 that take a body, by way of any id in their paths."""
    return sorted(
        (method, route.path.replace("{source}", "ga4").replace("{key}", "ga4.sessions").replace("{id}", "1"))
        for route in iter_route_contexts(app.routes)
        if route.path and route.path.startswith("/v1/") and not route.path.startswith(WITHOUT_BODY)
        for method in (route.methods or set()) & {"POST", "PUT", "PATCH"}
    )


@pytest.mark.parametrize("body", list(BODIES.values()), ids=list(BODIES))
@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
def test_what_no_body_may_be_is_4xx_and_changes_nothing(
    app: FastAPI, client: TestClient, body: bytes, declared: bool
) -> None:
    paths = list_body_routes(app)
    assert len(paths) >= 3
    before = read_everything(client)
    for method, path in paths:
        content = body if declared else iter([body[:10], body[10:]])
        answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (method, path, answer.text)
        if answer.headers["content-type"] == "application/json":
            # JSON, but no message of the protocol, which has errors of its own form.
            assert (path, answer.json()["jsonrpc"]) == ("/v1/mcp", "2.0")
            assert answer.json()["error"]["message"]
        else:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
        assert read_everything(client) == before, (method, path)


def read_everything(client: TestClient) -> list[str]:
    return [client.get(path).text for path in ("/v1/dashboard/layout", "/v1/connections", "/v1/dashboard/meta")]
