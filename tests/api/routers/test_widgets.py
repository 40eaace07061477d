from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from api.schemas.answer import Widget
from api.schemas.widgets import Batch, WidgetCatalog
from runtime.services import Services
from tests.api.conftest import BOB, make_bearer_headers

PERIOD = {"start": "2025-01-01", "end": "2025-01-10"}


def test_the_catalog_lists_what_is_served(client: TestClient) -> None:
    found = client.get("/v1/widgets").json()
    WidgetCatalog.model_validate(found)
    assert [entry["key"] for entry in found["widgets"]] == ["ga4.conv_rate", "ga4.sessions"]
    digest = found["widgets"][1].pop("hash")
    assert digest
    assert digest != found["widgets"][0]["hash"]
    assert found["widgets"][1] == {
        "key": "ga4.sessions",
        "title": "Sessions",
        "description": "Sessions started on the day.",
        "sources": ["ga4"],
        "format": "integer",
        "decimals": None,
        "better": "up",
        "chart": None,
        "by": None,
        "grains": ["day", "week", "month", "quarter", "year"],
        "group": None,
        "position": None,
        "delta": "relative",
        "dimensions": [{"name": "property", "title": "Property"}],
        "breakdowns": ["property"],
    }


def test_a_widget_answers_with_exact_numbers(client: TestClient) -> None:
    found = client.get("/v1/widgets/ga4.sessions", params=PERIOD | {"compare": "previous_period"}).json()
    Widget.model_validate(found)
    assert found["stats"] == {"value": 55, "previous": None, "delta": None, "to_date": None}
    assert found["series"][0]["points"][2] == {"t": "2025-01-03", "v": 3}
    assert found["comparison"]["start"] == "2024-12-22"
    assert found["meta"]["data_through"] == "2025-01-10"


def test_a_ratio_is_the_ratio_of_sums(client: TestClient) -> None:
    found = client.get("/v1/widgets/ga4.conv_rate", params=PERIOD | {"grain": "month"}).json()
    assert found["stats"]["value"] == pytest.approx(10 / 55)
    assert "comparison" not in found


def test_the_default_is_the_last_28_complete_days_in_the_reporting_zone(client: TestClient) -> None:
    yesterday = datetime.now(ZoneInfo("America/Los_Angeles")).date() - timedelta(days=1)
    meta = client.get("/v1/widgets/ga4.sessions").json()["meta"]
    assert date.fromisoformat(meta["end"]) in (yesterday, yesterday + timedelta(days=1))
    assert date.fromisoformat(meta["end"]) - date.fromisoformat(meta["start"]) == timedelta(days=27)


def test_another_user_sees_nothing_of_it(client: TestClient, services: Services) -> None:
    found = client.get("/v1/widgets/ga4.sessions", params=PERIOD, headers=make_bearer_headers(BOB)).json()
    assert found["series"] == []
    assert found["stats"] == {"value": None, "previous": None, "delta": None, "to_date": None}
    assert found["meta"]["missing_sources"] == ["ga4"]
    services.state.connections.put(BOB, "ga4", "1")
    found = client.get("/v1/widgets/ga4.sessions", params=PERIOD, headers=make_bearer_headers(BOB)).json()
    assert {point["v"] for point in found["series"][0]["points"]} == {None}


def test_no_sources_is_none_of_them(client: TestClient) -> None:
    assert client.get("/v1/widgets/ga4.sessions", params=PERIOD | {"sources": ""}).json()["series"] == []
    assert client.get("/v1/widgets/ga4.sessions", params=PERIOD | {"sources": "meta,ga4"}).json()["series"]


@pytest.mark.parametrize("key", ["ga4.sesions", "ga4.secret", "batch", "x" * 2_000, "%00", "%ED%A0%80", "a%2Fb"])
def test_an_unknown_key_is_404(client: TestClient, key: str) -> None:
    answer = client.get(f"/v1/widgets/{key}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] in ("/problems/unknown-widget", "/problems/not-found")


def test_an_unknown_key_names_the_nearest(client: TestClient) -> None:
    assert "ga4.sessions" in client.get("/v1/widgets/ga4.sesions").json()["detail"]


@pytest.mark.parametrize(
    ("given", "parameter", "words"),
    [
        ({"start": "2025-02-30", "end": "2025-03-01"}, "start", "YYYY-MM-DD"),
        ({"start": "\0", "end": "2025-03-01"}, "start", "NUL"),
        ({"start": "2025-01-02", "end": "2025-01-01"}, "start", "after"),
        ({"start": "2025-01-02"}, "end", "both"),
        ({"start": "2020-01-01", "end": "2025-01-01"}, "end", "1,100"),
        ({"compare": "last_year"}, "compare", "previous_year"),
        ({"grain": "hour"}, "grain", "quarter, year"),
        ({"sources": "tiktok"}, "sources", "instagram"),
        ({"compere": "off"}, "compere", "compare"),
        ({"start": ["2025-01-01", "2025-01-02"], "end": "2025-01-03"}, "start", "more than once"),
    ],
)
def test_a_wrong_parameter_is_named(client: TestClient, given: dict[str, Any], parameter: str, words: str) -> None:
    answer = client.get("/v1/widgets/ga4.sessions", params=given)
    assert answer.status_code == 422
    problem = answer.json()
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert words in problem["errors"][0]["detail"]
    assert parameter in problem["detail"]


def test_all_wrong_parameters_are_named_at_once(client: TestClient) -> None:
    given = {"start": "x", "end": "y", "compare": "z", "grain": "q", "sources": "s", "width": "3"}
    problem = client.get("/v1/widgets/ga4.sessions", params=given).json()
    assert {error["parameter"] for error in problem["errors"]} == given.keys()


def test_an_answer_the_client_holds_is_304(client: TestClient) -> None:
    first = client.get("/v1/widgets/ga4.sessions", params=PERIOD)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["X-Cache"] == "miss"
    etag = first.headers["ETag"]
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get("/v1/widgets/ga4.sessions", params=PERIOD, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    other = client.get("/v1/widgets/ga4.sessions", params=PERIOD, headers={"If-None-Match": '"other"'})
    assert other.content == first.content


def test_every_200_has_its_headers(client: TestClient) -> None:
    for answer in (
        client.get("/v1/widgets"),
        client.get("/v1/widgets/ga4.sessions"),
        client.post("/v1/widgets/batch", json={"keys": []}),
    ):
        assert answer.status_code == 200
        assert answer.headers.keys() >= {"etag", "cache-control", "x-cache"}


def test_a_batch_answers_each_as_it_would_alone(client: TestClient) -> None:
    asked = PERIOD | {"compare": "previous_year", "grain": "week"}
    keys = ["ga4.sessions", "ga4.sesions", "ga4.conv_rate"]
    found = client.post("/v1/widgets/batch", json={"keys": keys} | asked).json()
    Batch.model_validate(found)
    assert list(found["widgets"]) == keys
    for key in ("ga4.sessions", "ga4.conv_rate"):
        assert found["widgets"][key] == client.get(f"/v1/widgets/{key}", params=asked).json()
    problem = found["widgets"]["ga4.sesions"]
    assert problem["status"] == 404
    assert "ga4.sessions" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"keys": ["ga4.sessions"] * 51}, "#/keys"),
        ({"keys": "ga4.sessions"}, "#/keys"),
        ({"keys": [1]}, "#/keys/0"),
        ({}, "#/keys"),
        ([], "#"),
        ({"keys": [], "start": 20250101, "end": "2025-01-02"}, "#/start"),
        ({"keys": [], "start": "2025-01-02", "end": "2025-01-01"}, "start"),
        ({"keys": [], "grain": "hour"}, "grain"),
        ({"keys": [], "compere": "off"}, "compere"),
    ],
)
def test_a_wrong_batch_is_422(client: TestClient, body: Any, place: str) -> None:
    answer = client.post("/v1/widgets/batch", json=body)
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert place in (error.get("pointer"), error.get("parameter"))


def test_head_answers_as_get_without_the_body(client: TestClient) -> None:
    answer = client.head("/v1/widgets/ga4.sessions", params=PERIOD)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == client.get("/v1/widgets/ga4.sessions", params=PERIOD).headers["ETag"]
