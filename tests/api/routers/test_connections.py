from __future__ import annotations

import logging
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from sync.providers.registry import PROVIDERS
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings

PATH = "/v1/connections"
PRIVATE = "the-very-secret-value"
GOOGLE_KEY = {
    "type": "service_account",
    "client_email": "reader@project.iam.gserviceaccount.com",
    "private_key": PRIVATE,
    "private_key_id": "abc",
    "token_uri": "https://evil.example.com/token",
}


def list_sources(client: TestClient, user: str = ALICE) -> list[tuple[str, str, str]]:
    found = client.get(PATH, headers=make_bearer_headers(user)).json()["connections"]
    return [(entry["source"], entry["account_id"], entry["status"]) for entry in found]


@pytest.mark.parametrize(
    ("source", "account_id", "credentials"),
    [
        ("ga4", "123456789", {"refresh_token": PRIVATE}),
        ("ga4", "123456789", {"service_account": GOOGLE_KEY}),
        ("meta", "act_123", {"access_token": PRIVATE}),
        ("instagram", "17841400000000000", {"access_token": PRIVATE}),
    ],
)
def test_credentials_go_in_and_never_come_out(
    client: TestClient,
    state: State,
    caplog: pytest.LogCaptureFixture,
    source: str,
    account_id: str,
    credentials: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = client.put(f"{PATH}/{source}", json={"account_id": account_id, "credentials": credentials})
    assert answer.json() == {
        "source": source,
        "account_id": account_id,
        "status": "active",
        "last_success_at": None,
        "last_error": None,
    }
    assert (source, account_id, "active") in list_sources(client)
    assert PRIVATE not in answer.text + client.get(PATH).text + caplog.text
    kept = state.connections.get_credentials(ALICE, source, account_id)
    assert kept is not None
    assert PRIVATE in str(dict(kept))
    assert "evil.example.com" not in str(dict(kept))


def test_without_credentials_the_rows_come_from_elsewhere(client: TestClient) -> None:
    for body in ({"account_id": "act_1"}, {"account_id": "act_2", "credentials": None}):
        assert client.put(f"{PATH}/meta", json=body).json()["status"] == "external"
    assert client.get("/v1/dashboard/meta").json()["connected_sources"]["meta"] is True


def test_removing_one_account_or_all_of_a_source(client: TestClient) -> None:
    for account in ("act_1", "act_2", "act_3"):
        client.put(f"{PATH}/meta", json={"account_id": account})
    client.put(f"{PATH}/meta", json={"account_id": "act_1"}, headers=make_bearer_headers(BOB))
    assert client.delete(f"{PATH}/meta", params={"account_id": "act_1"}).status_code == 204
    assert list_sources(client) == [
        ("ga4", "1", "external"),
        ("meta", "act_2", "external"),
        ("meta", "act_3", "external"),
    ]
    assert client.delete(f"{PATH}/meta").content == b""
    assert list_sources(client) == [("ga4", "1", "external")]
    assert client.delete(f"{PATH}/meta").status_code == 204
    assert list_sources(client, BOB) == [("meta", "act_1", "external")]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_unknown_source_is_404_with_the_nearest(client: TestClient, method: str) -> None:
    for body in ({"account_id": "1"}, {"nonsense": True}):
        answer = client.request(method, f"{PATH}/instagran", json=body)
        assert answer.status_code == 404
        assert "'instagram'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("source", "account_id"),
    [
        ("ga4", "properties/1"),
        ("ga4", ""),
        ("ga4", "12 "),
        ("ga4", "12\n"),
        ("ga4", "١٢"),
        ("ga4", "1" * 33),
        ("ga4", "act_1"),
        ("meta", "1"),
        ("meta", "act_"),
        ("meta", "act_1/../2"),
        ("instagram", "@shop"),
    ],
)
def test_an_account_id_of_the_wrong_form_is_422(client: TestClient, source: str, account_id: str) -> None:
    answer = client.put(f"{PATH}/{source}", json={"account_id": account_id})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/account_id"
    assert len(list_sources(client)) == 1


@pytest.mark.parametrize(
    ("source", "credentials", "pointer"),
    [
        ("ga4", {}, "#/credentials/refresh_token"),
        ("ga4", {"access_token": PRIVATE}, "#/credentials/refresh_token"),
        ("ga4", {"refresh_token": ""}, "#/credentials/refresh_token"),
        ("ga4", {"refresh_token": [PRIVATE]}, "#/credentials/refresh_token"),
        ("ga4", {"service_account": PRIVATE}, "#/credentials/service_account"),
        ("ga4", {"service_account": {"private_key": PRIVATE}}, "#/credentials/service_account/client_email"),
        ("ga4", {"service_account": GOOGLE_KEY, "refresh_token": PRIVATE}, "#/credentials/refresh_token"),
        ("meta", {"refresh_token": PRIVATE}, "#/credentials/access_token"),
        ("instagram", {"access_token": 7}, "#/credentials/access_token"),
        ("instagram", PRIVATE, "#/credentials"),
    ],
)
def test_credentials_of_the_wrong_shape_are_422_and_not_repeated(
    client: TestClient, caplog: pytest.LogCaptureFixture, source: str, credentials: Any, pointer: str
) -> None:
    caplog.set_level(logging.DEBUG)
    account_id = "act_1" if source == "meta" else "1"
    answer = client.put(f"{PATH}/{source}", json={"account_id": account_id, "credentials": credentials})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert PRIVATE not in answer.text + caplog.text


@pytest.mark.parametrize("body", [{}, {"account_id": 1}, {"account_id": "1", "token": "x"}, []])
def test_a_wrong_body_is_422(client: TestClient, body: Any) -> None:
    assert client.put(f"{PATH}/ga4", json=body).status_code == 422


def test_a_source_without_a_provider_takes_no_credentials(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PROVIDERS, "meta")
    body = {"account_id": "act_1", "credentials": {"access_token": PRIVATE}}
    answer = client.put(f"{PATH}/meta", json=body)
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, ["#/credentials"])
    assert PRIVATE not in answer.text
    assert client.put(f"{PATH}/meta", json={"account_id": "act_1"}).json()["status"] == "external"


def test_without_a_key_credentials_are_not_taken(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    keyless = State.open(f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db")
    app: FastAPI = create_app(Services(engine, keyless, make_settings()))
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        body = {"account_id": "1", "credentials": {"refresh_token": PRIVATE}}
        answer = client.put(f"{PATH}/ga4", json=body)
        assert answer.status_code == 409
        assert "ENCRYPTION_KEY" in answer.json()["detail"]
        assert list_sources(client) == []
        assert client.put(f"{PATH}/ga4", json={"account_id": "1"}).status_code == 200


def test_an_account_that_came_with_a_load_can_be_removed(client: TestClient, state: State) -> None:
    for account in ("", "shop 1"):
        state.connections.mark_external(ALICE, "ga4", account)
    assert client.delete(f"{PATH}/ga4", params={"account_id": ""}).status_code == 204
    assert client.delete(f"{PATH}/ga4", params={"account_id": "shop 1"}).status_code == 204
    assert list_sources(client) == [("ga4", "1", "external")]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("account_id=%00", "account_id"),
        ("account_id=%ED%A0%80", "account_id"),
        (f"account_id={'1' * 201}", "account_id"),
        ("account_id=1&account_id=2", "account_id"),
        ("account=1", "account"),
        ("account_id=1&all=yes", "all"),
    ],
)
def test_a_wrong_parameter_is_422_and_removes_nothing(client: TestClient, query: str, parameter: str) -> None:
    answer = client.delete(f"{PATH}/ga4?{query}")
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-parameter"
    assert answer.json()["errors"][0]["parameter"] == parameter
    assert list_sources(client) == [("ga4", "1", "external")]


def test_no_account_is_synced_beside_loaded_rows_without_one(client: TestClient, engine: Engine, state: State) -> None:
    table = engine.catalog.tables["ga4_daily"]
    engine.warehouse.upsert(table, [{"user_id": ALICE, "property_id": "", "date": date(2025, 1, 20), "sessions": 5}])
    body = {"account_id": "1234", "credentials": {"refresh_token": PRIVATE}}
    refused = client.put(f"{PATH}/ga4", json=body)
    assert refused.status_code == 409
    detail = refused.json()["detail"]
    assert "ga4_daily has loaded rows without an account; those of 1234 would count beside them" in detail
    assert f"metric-engine purge --user {ALICE} --source ga4 --account ''" in detail
    assert "or connect it without credentials" in detail
    assert PRIVATE not in refused.text
    assert state.connections.list_synced_accounts(ALICE) == ()
    # Both ways out lead out.
    assert client.put(f"{PATH}/ga4", json={"account_id": "1234"}).status_code == 200
    engine.warehouse.delete_accounts([table], ALICE, [""])
    assert client.put(f"{PATH}/ga4", json=body).json()["status"] == "active"


def test_another_users_rows_and_other_sources_are_in_nobodys_way(client: TestClient, engine: Engine) -> None:
    table = engine.catalog.tables["ga4_daily"]
    engine.warehouse.upsert(table, [{"user_id": BOB, "property_id": "", "date": date(2025, 1, 20), "sessions": 5}])
    body = {"account_id": "1234", "credentials": {"refresh_token": PRIVATE}}
    assert client.put(f"{PATH}/ga4", json=body).status_code == 200
    engine.warehouse.upsert(table, [{"user_id": ALICE, "property_id": "", "date": date(2025, 1, 20), "sessions": 5}])
    meta = {"account_id": "act_1", "credentials": {"access_token": PRIVATE}}
    assert client.put(f"{PATH}/meta", json=meta).status_code == 200
    # Whose credentials are replaced is connected already.
    assert client.put(f"{PATH}/ga4", json=body).status_code == 200
