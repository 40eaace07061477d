"""Compression over a real server: what is compressed, its ETag, and what is not."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from tests.api.conftest import ALICE, make_bearer_headers, run_app
from tests.support.plain_http import NO_AUTHORITIES

pytestmark = pytest.mark.server

LARGE = "/v1/widgets/ga4.sessions?start=2025-01-01&end=2025-03-31"
SMALL = "/v1/dashboard/layout"


@pytest.fixture
def plain_client(app: FastAPI) -> Iterator[httpx.Client]:
    """A client that sends no header of its own accord, and does not decompress."""
    with (
        run_app(app) as address,
        httpx.Client(base_url=address, headers=make_bearer_headers(ALICE), verify=NO_AUTHORITIES) as client,
    ):
        del client.headers["accept-encoding"]
        yield client


def read_raw(client: httpx.Client, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", path, headers=named) as response:
        return response, b"".join(response.iter_raw())


def test_a_large_answer_is_compressed_for_who_accepts_it(plain_client: httpx.Client) -> None:
    plain, content = read_raw(plain_client, LARGE)
    assert "Content-Encoding" not in plain.headers
    assert len(content) > 1_000
    for accepted in ("*", "GZIP", "identity;q=0.5, *;q=0.1", "br, gzip"):
        response, compressed = read_raw(plain_client, LARGE, accept_encoding=accepted)
        assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(compressed) < len(content) / 2
    assert gzip.decompress(compressed) == content
    assert response.headers["Vary"] == plain.headers["Vary"] == "Accept, Accept-Encoding"
    assert response.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity", "gzip;q=0, *"])
def test_nobody_gets_what_he_does_not_accept(plain_client: httpx.Client, accepted: str) -> None:
    response, content = read_raw(plain_client, LARGE, accept_encoding=accepted)
    assert "Content-Encoding" not in response.headers
    assert content.startswith(b"{")


def test_a_small_answer_stays_as_it_is(plain_client: httpx.Client) -> None:
    response, _ = read_raw(plain_client, SMALL, accept_encoding="gzip")
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("prefix", ["", "W/"])
def test_what_the_client_holds_is_not_sent_again(plain_client: httpx.Client, accepted: str, prefix: str) -> None:
    etag = read_raw(plain_client, LARGE, accept_encoding=accepted)[0].headers["ETag"]
    held, content = read_raw(
        plain_client, LARGE, accept_encoding=accepted, if_none_match=f'"other-gzip", {prefix}{etag}'
    )
    assert (held.status_code, held.headers["ETag"], content) == (304, etag, b"")
    assert held.headers["Vary"] == "Accept, Accept-Encoding"


def test_compressed_bytes_are_no_substitute_for_plain_ones(plain_client: httpx.Client) -> None:
    etag = read_raw(plain_client, LARGE, accept_encoding="gzip")[0].headers["ETag"]
    response, content = read_raw(plain_client, LARGE, accept_encoding="identity", if_none_match=etag)
    assert (response.status_code, content[:1]) == (200, b"{")


def test_forms_are_compressed_too(plain_client: httpx.Client) -> None:
    response, content = read_raw(plain_client, LARGE, accept="text/csv", accept_encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(content).startswith(b"t,Sessions\n")


def test_an_event_stream_leaves_event_by_event(app: FastAPI, plain_client: httpx.Client) -> None:
    async def send_events() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"data: {number:01200}\n\n".encode()

    app.add_route("/v1/stream", lambda request: StreamingResponse(send_events(), media_type="text/event-stream"))
    app.router.routes.insert(0, app.router.routes.pop())
    response, content = read_raw(plain_client, "/v1/stream", accept_encoding="gzip")
    assert "Content-Encoding" not in response.headers
    assert content.count(b"data: ") == 3
