from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from api.schemas.dashboard import Dashboard, DashboardMeta, Layout
from runtime.services import Services
from state import State
from state.tables import sync_jobs
from tests.api.conftest import ALICE, BOB, make_bearer_headers

PATH = "/v1/dashboard/layout"


def test_nothing_saved_is_an_empty_layout(client: TestClient) -> None:
    assert client.get(PATH).json() == {"widgets": []}


def test_a_layout_comes_back_untouched(client: TestClient) -> None:
    widgets = [
        {"id": "ga4.sessions", "size": {"w": 2.0, "h": 1}, "note": "ünï 😀", "none": None, "deep": [[{"a": []}]]},
        {"id": "ga4.conv_rate", "size": "wide"},
        {"id": "ga4.sessions"},
    ]
    saved = client.post(PATH, json={"widgets": widgets, "theme": "dark"}).json()
    Layout.model_validate(saved)
    assert client.get("/v1/dashboard").json()["layout"] == saved
    assert saved == {"widgets": widgets, "theme": "dark", "version": 1}
    assert client.get(PATH).json() == saved
    assert client.get(PATH, headers=make_bearer_headers(BOB)).json() == {"widgets": []}


def test_a_stale_version_is_409_with_the_current_layout(client: TestClient) -> None:
    first = client.post(PATH, json={"widgets": [{"id": "ga4.sessions"}]}).json()
    second = client.post(PATH, json=first | {"widgets": []}).json()
    assert second["version"] == first["version"] + 1
    refused = client.post(PATH, json=first)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["layout"] == second
    assert client.get(PATH).json() == second


def test_without_a_version_the_last_write_wins(client: TestClient) -> None:
    client.post(PATH, json={"widgets": []})
    saved = client.post(PATH, json={"widgets": [{"id": "ga4.sessions"}]}).json()
    assert client.get(PATH).json() == saved
    assert saved["version"] == 2


def test_each_unknown_id_is_named_with_its_nearest_and_nothing_is_saved(client: TestClient) -> None:
    widgets = [{"id": "ga4.sesions"}, {"id": "ga4.sessions"}, {"id": "ga4.conv"}, {"id": "ga4.secret"}]
    answer = client.post(PATH, json={"widgets": widgets})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [error["pointer"] for error in errors] == ["#/widgets/0/id", "#/widgets/2/id", "#/widgets/3/id"]
    assert "ga4.sessions" in errors[0]["detail"]
    assert "ga4.conv_rate" in errors[1]["detail"]
    assert client.get(PATH).json() == {"widgets": []}


def test_an_id_that_left_the_registry_is_listed_and_may_be_saved_again(client: TestClient, services: Services) -> None:
    services.state.layouts.save(ALICE, {"widgets": [{"id": "ga4.gone", "size": 1}, {"id": "ga4.sessions"}]})
    found = client.get(PATH).json()
    assert found["unknown"] == ["ga4.gone"]
    again = client.post(PATH, json=found).json()
    assert again == found | {"version": found["version"] + 1}
    assert "unknown" not in client.post(PATH, json={"widgets": [{"id": "ga4.sessions"}]}).json()
    assert client.post(PATH, json=found).status_code == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"widgets": [{"id": "ga4.sessions"}] * 201}, "#/widgets"),
        ({}, "#/widgets"),
        ({"widgets": {}}, "#/widgets"),
        ({"widgets": ["ga4.sessions"]}, "#/widgets/0"),
        ({"widgets": [{}]}, "#/widgets/0/id"),
        ({"widgets": [{"id": 1}]}, "#/widgets/0/id"),
        ({"widgets": [], "version": "1"}, "#/version"),
        ({"widgets": [], "version": -1}, "#/version"),
        ({"widgets": [], "version": True}, "#/version"),
    ],
)
def test_a_wrong_layout_is_422(client: TestClient, body: Any, pointer: str) -> None:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_200_widgets_may_be_saved(client: TestClient) -> None:
    assert client.post(PATH, json={"widgets": [{"id": "ga4.sessions"}] * 200}).status_code == 200


def test_a_version_beyond_all_is_stale(client: TestClient) -> None:
    assert client.post(PATH, json={"widgets": [], "version": 10**30}).status_code == 409


def test_meta_of_a_new_user(client: TestClient) -> None:
    found = client.get("/v1/dashboard/meta", headers=make_bearer_headers(BOB)).json()
    begun = client.get("/v1/dashboard", headers=make_bearer_headers(BOB)).json()
    Dashboard.model_validate(begun)
    # A window without dates ends with the same day.
    window = client.get("/v1/widgets/ga4.sessions").json()["meta"]
    assert begun == found | {"last_complete_day": window["end"], "layout": {"widgets": []}}
    assert datetime.fromisoformat(found.pop("next_scheduled_at")) > datetime.now(UTC)
    assert found == {
        "last_sync_at": None,
        "connected_sources": {"ga4": False, "instagram": False, "meta": False},
    }


def test_meta_shows_the_newest_success_and_what_is_connected(client: TestClient, state: State) -> None:
    finished = datetime.fromisoformat("2025-01-11T08:15:00+00:00")
    with state.database.connect() as connection:
        connection.execute(insert(sync_jobs).values(id=BOB, user_id=ALICE, status="succeeded", finished_at=finished))
    found = client.get("/v1/dashboard/meta").json()
    DashboardMeta.model_validate(found)
    assert datetime.fromisoformat(found["last_sync_at"]) == finished
    assert found["connected_sources"] == {"ga4": True, "instagram": False, "meta": False}
