"""Tables over HTTP: their parameters, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.answer.engine import Engine
from tests.api.conftest import ALICE, BOB
from tests.support.paths import METRICS

TABLE = "/v1/widgets/ga4.channel_table"
WINDOW = {"start": "2025-01-01", "end": "2025-01-03"}


@pytest.fixture
def folder() -> Path:
    return METRICS


@pytest.fixture
def channels(engine: Engine) -> None:
    rows = [
        {"user_id": user, "date": date(2025, 1, 2), "property_id": "1", "channel": channel, "sessions": sessions}
        for user, channel, sessions in (
            *((ALICE, "Email", 3), (ALICE, "", 2), (ALICE, "Direct", 5)),
            *((BOB, "Email", 1_000), (BOB, "Only Bob's", 1_000)),
        )
    ]
    engine.warehouse.upsert(engine.catalog.tables["ga4_channels_daily"], rows)


def find_problem(client: TestClient, path: str, **parameters: str) -> list[dict[str, Any]]:
    response = client.get(path, params=parameters)
    assert response.status_code == 422
    errors: list[dict[str, Any]] = response.json()["errors"]
    return errors


def test_a_table_answers_without_rows(client: TestClient) -> None:
    table = client.get(TABLE, params={**WINDOW, "sort": "-Engaged", "limit": "1", "offset": "0"}).json()["table"]
    assert [column["name"] for column in table["columns"]] == ["Sessions", "Engaged", "Conversions", "Revenue"]
    assert (table["rows"], table["count"]) == ([], 0)


@pytest.mark.usefixtures("channels")
def test_rows_are_sorted_and_paged(client: TestClient) -> None:
    def list_ids(**parameters: str) -> list[str]:
        table = client.get(TABLE, params={**WINDOW, **parameters}).json()["table"]
        assert (table["count"], table["total"]["Sessions"]["value"]) == (3, 10)
        return [row["id"] for row in table["rows"]]

    assert list_ids() == ["Direct", "Email", "(not set)"]
    assert list_ids(sort="Sessions") == ["(not set)", "Email", "Direct"]
    assert list_ids(limit="1", offset="1") == ["Email"]
    assert list_ids(offset="3") == []
    # No row has conversions: the ids decide.
    assert list_ids(sort="-Conversions") == ["(not set)", "Direct", "Email"]


@pytest.mark.usefixtures("channels")
def test_filters_apply_to_rows_and_totals(client: TestClient) -> None:
    body = client.get(TABLE, params={**WINDOW, "exclude.channel": "Email", "compare": "previous_period"}).json()
    assert [row["id"] for row in body["table"]["rows"]] == ["Direct", "(not set)"]
    assert body["table"]["total"]["Sessions"] == body["stats"] == body["series"][0]["stats"]
    assert body["stats"]["value"] == 7


def test_the_catalog_names_the_columns_and_what_items_show(client: TestClient) -> None:
    entries = {entry["key"]: entry for entry in client.get("/v1/widgets").json()["widgets"]}
    assert entries["ga4.landing_page_table"]["columns"] == ["Sessions", "Engaged", "Conversions"]
    assert not {"columns", "items"} & set(entries["ga4.sessions"])
    items = ["caption", "permalink", "media_type", "posted_on", "interactions", "reach"]
    assert entries["ig.content_perf"]["items"] == items


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        ("sort", "Session", "did you mean 'Sessions'"),
        ("sort", "--Sessions", "no column"),
        ("sort", "", "no column"),
        ("limit", "0", "from 1 to 500"),
        ("limit", "501", "from 1 to 500"),
        ("offset", "-1", "from 0"),
        ("by", "channel", "is a table"),
    ],
)
def test_a_wrong_parameter_of_a_table_is_named(client: TestClient, parameter: str, text: str, words: str) -> None:
    (problem,) = find_problem(client, TABLE, **{parameter: text})
    assert problem["parameter"] == parameter
    assert words in problem["detail"]


@pytest.mark.parametrize("parameter", ["sort", "limit", "offset"])
def test_a_widget_without_a_table_has_no_rows_to_choose(client: TestClient, parameter: str) -> None:
    (problem,) = find_problem(client, "/v1/widgets/ga4.sessions", **{parameter: "0" if parameter == "offset" else "1"})
    assert problem["parameter"] == parameter
    assert "has no table" in problem["detail"]


def test_a_batch_takes_the_same(client: TestClient) -> None:
    body = {"keys": ["ga4.channel_table"], **WINDOW, "sort": "Revenue", "limit": 3, "offset": 1}
    assert client.post("/v1/widgets/batch", json=body).json()["widgets"]["ga4.channel_table"]["table"]["rows"] == []


def test_of_a_batch_each_widget_that_cannot_be_sorted_has_its_own_problem(client: TestClient) -> None:
    keys = ["ga4.channel_table", "ga4.landing_page_table", "ga4.sessions", "ga4.sesions"]
    answer = client.post("/v1/widgets/batch", json={"keys": keys, **WINDOW, "sort": "-Revenue", "limit": 3})
    assert answer.status_code == 200
    table, *problems = (answer.json()["widgets"][key] for key in keys)
    assert table["table"]["count"] == 0
    assert [problem["status"] for problem in problems] == [422, 422, 404]
    assert [[each["parameter"] for each in problem.get("errors", ())] for problem in problems] == [
        ["sort"],
        ["sort", "limit"],
        [],
    ]
    assert "'Revenue' is no column of ga4.landing_page_table" in problems[0]["detail"]
