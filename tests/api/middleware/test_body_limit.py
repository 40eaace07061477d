from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import BATCH_BODY_BYTES
from api.middleware.body_limit import MAX_BODY_BYTES, MAX_DEPTH
from engine.query import MAX_FILTER_LENGTH, MAX_FILTER_VALUES

JSON = {"Content-Type": "application/json"}


def nest_brackets(depth: int) -> str:
    return "[" * depth + "]" * depth


def make_layout(value: str) -> bytes:
    return f'{{"widgets": [{{"id": "ga4.sessions", "x": {value}}}]}}'.encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"null x", "not valid JSON"),
        (make_layout('"\\u0000"'), "NUL"),
        (make_layout('{"a\\u0000": 1}'), "NUL"),
        (make_layout('"\\ud800"'), "not valid JSON"),
        (make_layout('"@"').replace(b"@", b"\xed\xa0\x80"), "not valid JSON"),
        (make_layout("NaN"), "not valid JSON"),
        (make_layout("-Infinity"), "not valid JSON"),
        (make_layout("1e999"), "number"),
        (make_layout("1" * 5_000), "not valid JSON"),
        (make_layout(nest_brackets(MAX_DEPTH)), "deeper"),
        (make_layout(nest_brackets(10_000)), "not valid JSON"),
        (b"[" * 60_000, "not valid JSON"),
    ],
)
def test_what_is_not_fit_to_be_stored_is_422(client: TestClient, body: bytes, words: str) -> None:
    answer = client.post("/v1/dashboard/layout", content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert client.get("/v1/dashboard/layout").json() == {"widgets": []}


def test_what_is_just_fit_comes_back(client: TestClient) -> None:
    for value in (
        nest_brackets(MAX_DEPTH - 4),
        '"\\ud83d\\ude00"',
        "1.0",
        "12345678901234567890",
        "1e308",
        '"\\\\u0000"',
    ):
        answer = client.post("/v1/dashboard/layout", content=make_layout(value), headers=JSON)
        assert answer.status_code == 200
        kept = client.get("/v1/dashboard/layout").json()["widgets"][0]["x"]
        assert json.dumps(kept) == json.dumps(json.loads(value))


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_media_type_is_422(client: TestClient, media_type: str) -> None:
    answer = client.post("/v1/widgets/batch", content=b'{"keys": []}', headers={"Content-Type": media_type})
    assert answer.status_code == 422
    assert "application/json" in answer.json()["detail"]


def test_no_body_where_one_is_needed_is_422(client: TestClient) -> None:
    answer = client.post("/v1/widgets/batch")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "#", "detail": "Field required"}]


def make_body(size: int) -> bytes:
    body = b'{"keys": [], "start": "'
    return body + b"x" * (size - len(body) - 2) + b'"}'


@pytest.mark.parametrize(
    ("path", "most"), [("/v1/dashboard/layout", MAX_BODY_BYTES), ("/v1/widgets/batch", BATCH_BODY_BYTES)]
)
def test_a_body_has_a_most(client: TestClient, path: str, most: int) -> None:
    assert client.post(path, content=make_body(most), headers=JSON).status_code == 422
    for body in (make_body(most + 1), b"x" * 10_000_000):
        answer = client.post(path, content=body, headers=JSON)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_batch_has_room_for_all_that_a_filter_may_name(client: TestClient) -> None:
    values = [f"{number:02}" + "\N{BEER MUG}" * (MAX_FILTER_LENGTH - 2) for number in range(MAX_FILTER_VALUES)]
    body = json.dumps({"keys": ["ga4.sessions"], "filter": {"property": values}})
    answer = client.post("/v1/widgets/batch", content=body, headers=JSON)
    assert answer.json()["widgets"]["ga4.sessions"]["meta"]["filters"]["applied"][0]["filter"] == values


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100 * BATCH_BODY_BYTES:
            sent += 1024
            yield b"x" * 1024

    assert client.post("/v1/widgets/batch", content=endless(), headers=JSON).status_code == 413


def test_chunks_make_one_body(client: TestClient) -> None:
    answer = client.post("/v1/widgets/batch", content=iter([b'{"ke', b'ys": []}']), headers=JSON)
    assert answer.json() == {"widgets": {}}


def test_without_a_token_no_body_is_read(anonymous: TestClient) -> None:
    assert anonymous.post("/v1/widgets/batch", content=b"x" * 100_000).status_code == 401
