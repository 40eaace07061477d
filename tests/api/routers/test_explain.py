"""Receipts over HTTP: from a number to its YAML, SQL and days, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.explanation import Explanation
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers

URL = "/v1/widgets/ga4.sessions"
DAYS = {"start": "2025-01-01", "end": "2025-01-05"}

Explain = Callable[..., dict[str, Any]]


@pytest.fixture
def explain(client: TestClient) -> Explain:
    def ask(url: str = URL, **parameters: str) -> dict[str, Any]:
        response = client.get(f"{url}/explain", params=parameters)
        assert response.status_code == 200, response.text
        Explanation.model_validate(response.json())
        found: dict[str, Any] = response.json()
        return found

    return ask


def get_receipt(client: TestClient, url: str = URL, **parameters: str) -> str:
    found: str = client.get(url, params=parameters).json()["meta"]["receipt"]
    return found


def list_changed(explained: dict[str, Any]) -> list[str]:
    return [each["what"] for each in explained["receipt"]["changed"]]


def write_sessions(services: Services, day: int, sessions: int) -> None:
    row = {"user_id": ALICE, "property_id": "1", "date": date(2025, 1, day), "sessions": sessions}
    services.engine.warehouse.upsert(services.engine.catalog.tables["ga4_daily"], [row])
    services.state.tenants.advance_data_version(ALICE)


def test_a_number_leads_to_all_that_it_rests_on(client: TestClient, explain: Explain) -> None:
    found = explain(**DAYS)
    assert found["id"] == get_receipt(client, **DAYS)
    assert found["stats"]["value"] == 15
    assert (found["definition"]["file"], found["definition"]["line"]) == ("ga4.yaml", 11)
    assert found["definition"]["text"].startswith("ga4.sessions: {title: Sessions,")
    assert found["definition"]["hash"] == client.get("/v1/widgets").json()["widgets"][1]["hash"]
    (table,) = found["uses"]
    assert (table["table"], table["line"], table["text"].splitlines()[1]) == ("ga4_daily", 4, "  time: date")
    (statement,) = found["statements"]
    assert "SUM(" in statement["statement"]
    assert statement["parameters"] == {"tenant": ALICE, "start0": "2025-01-01", "end0": "2025-01-05"}
    assert statement["cache"]["state"] == "miss"
    assert found["extent"] == [{"table": "ga4_daily", "first": "2025-01-01", "through": "2025-01-10"}]
    assert found["filters"] == {"applied": [], "ignored": []}
    assert "receipt" not in found
    assert explain(**DAYS)["statements"][0]["cache"]["state"] == "hit"


def test_a_number_is_still_that(client: TestClient, explain: Explain, services: Services) -> None:
    receipt = get_receipt(client, **DAYS, compare="previous_period")
    asked = {**DAYS, "compare": "previous_period", "receipt": receipt}
    assert explain(**asked)["receipt"] == {"id": receipt, "same": True, "changed": []}
    services.state.tenants.advance_data_version(ALICE)
    written = explain(**asked)
    assert (written["receipt"]["same"], list_changed(written)) == (True, ["data"])


def test_without_dates_the_receipts_own_are_asked_again(client: TestClient, explain: Explain) -> None:
    found = explain(receipt=get_receipt(client, **DAYS))
    assert (found["query"]["start"], found["receipt"]["same"]) == ("2025-01-01", True)


def test_restated_rows_are_told(client: TestClient, explain: Explain, services: Services) -> None:
    receipt = get_receipt(client, **DAYS)
    write_sessions(services, day=6, sessions=1_000)
    outside = explain(**DAYS, receipt=receipt)
    assert (outside["receipt"]["same"], list_changed(outside)) == (True, ["data"])
    write_sessions(services, day=2, sessions=1_000)
    inside = explain(**DAYS, receipt=receipt)
    assert (inside["receipt"]["same"], list_changed(inside)) == (False, ["rows", "data"])
    assert inside["stats"]["value"] == 1_013


def test_new_days_are_told(client: TestClient, explain: Explain, services: Services) -> None:
    days = {"start": "2025-01-06", "end": "2025-01-15"}
    receipt = get_receipt(client, **days)
    write_sessions(services, day=12, sessions=3)
    found = explain(**days, receipt=receipt)
    assert (found["receipt"]["same"], list_changed(found)) == (False, ["extent", "rows", "data"])
    assert "up to 2025-01-12; it was known up to 2025-01-10" in found["receipt"]["changed"][0]["detail"]


@pytest.mark.parametrize(
    ("parameters", "changed"),
    [
        ({"start": "2025-01-02", "end": "2025-01-05"}, ["window"]),
        ({**DAYS, "grain": "week"}, ["grain"]),
        ({**DAYS, "compare": "previous_year"}, ["comparison"]),
        ({**DAYS, "sources": ""}, ["sources", "extent"]),
        ({**DAYS, "filter.property": "2"}, ["filters"]),
        ({**DAYS, "by": "property"}, ["parameters"]),
    ],
)
def test_another_question_is_told(
    client: TestClient,
    explain: Explain,
    services: Services,
    folder: Path,
    parameters: dict[str, str],
    changed: list[str],
) -> None:
    file = folder / "ga4.yaml"
    file.write_text(
        file.read_text().replace(
            "    account: property_id\n",
            "    account: property_id\n    dimensions: {property: {column: property_id, title: Property}}\n",
        )
    )
    services.reload_catalog()
    found = explain(**parameters, receipt=get_receipt(client, **DAYS))
    assert found["receipt"]["same"] is False
    assert list_changed(found) == changed


def test_a_changed_definition_is_told_and_a_title_is_none(
    client: TestClient, explain: Explain, services: Services, folder: Path
) -> None:
    receipt, file = get_receipt(client, **DAYS), folder / "ga4.yaml"
    file.write_text("# moved\n" + file.read_text().replace("title: Sessions", "title: Visits"))
    services.reload_catalog()
    renamed = explain(**DAYS, receipt=receipt)
    assert (renamed["receipt"]["same"], list_changed(renamed), renamed["definition"]["line"]) == (True, [], 12)
    file.write_text(file.read_text().replace("value: sum(sessions), format", "value: 2 * sum(sessions), format"))
    services.reload_catalog()
    doubled = explain(**DAYS, receipt=receipt)
    assert (doubled["receipt"]["same"], list_changed(doubled)) == (False, ["definition"])


@pytest.mark.parametrize("spoil", [lambda text: "", lambda text: "r1", lambda text: text[:-1], lambda text: "é" + text])
def test_what_is_no_receipt_is_refused(client: TestClient, spoil: Callable[[str], str]) -> None:
    spoiled = spoil(get_receipt(client, **DAYS))
    response = client.get(f"{URL}/explain", params={**DAYS, "receipt": spoiled})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"parameter": "receipt", "detail": "is no receipt: copy the whole of `meta.receipt`"}
    ]


def test_a_changed_letter_is_seen(client: TestClient) -> None:
    receipt = get_receipt(client, **DAYS)
    for index in range(2, len(receipt)):
        letter = "A" if receipt[index] != "A" else "B"
        spoiled = receipt[:index] + letter + receipt[index + 1 :]
        assert client.get(f"{URL}/explain", params={**DAYS, "receipt": spoiled}).status_code == 422


def test_a_receipt_is_of_one_widget_and_one_user(client: TestClient, state: State) -> None:
    state.connections.put(BOB, "ga4", "1")
    receipt = get_receipt(client, **DAYS)
    for url, headers in (
        (URL, make_bearer_headers(BOB)),
        ("/v1/widgets/ga4.conv_rate", make_bearer_headers(ALICE)),
    ):
        response = client.get(f"{url}/explain", params={**DAYS, "receipt": receipt}, headers=headers)
        assert response.status_code == 422
        assert "is not a receipt of this user's" in response.json()["detail"]


def test_nothing_of_another_user_is_explained(client: TestClient, state: State) -> None:
    state.connections.put(BOB, "ga4", "1")
    found = client.get(f"{URL}/explain", params=DAYS, headers=make_bearer_headers(BOB))
    assert found.json()["statements"][0]["parameters"]["tenant"] == BOB
    assert ALICE not in found.text
    assert found.json()["stats"]["value"] is None


def test_wrong_requests_are_named(client: TestClient) -> None:
    assert client.get("/v1/widgets/ga4.sesions/explain").status_code == 404
    assert client.get("/v1/widgets/ga4.secret/explain").status_code == 404
    wrong = client.get(f"{URL}/explain?reciept=r1").json()
    assert wrong["errors"] == [
        {"parameter": "reciept", "detail": "'reciept' is not a parameter; did you mean 'receipt'?"}
    ]
    assert client.get(f"{URL}/explain?start=2025-01-01").status_code == 422
