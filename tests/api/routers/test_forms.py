"""The forms of a widget over HTTP: which one is chosen, and what a client may keep of it."""

from __future__ import annotations

import io
import sys

import pytest
from pyarrow import ipc
from starlette.testclient import TestClient

URL = "/v1/widgets/ga4.sessions?start=2025-01-01&end=2025-01-03"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("TEXT/CSV;q=0.9, application/json;q=0.5", "text/csv; charset=utf-8"),
        (ARROW, ARROW),
        ("application/json", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0, */*", "text/csv; charset=utf-8"),
        ("text/csv;q=x, application/json;q=0.1", "application/json"),
        ("image/png", "application/json"),
        ("", "application/json"),
    ],
)
def test_accept_chooses_the_form(client: TestClient, accept: str, media_type: str) -> None:
    response = client.get(URL, headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


def test_each_form_has_an_etag_of_its_own(client: TestClient) -> None:
    forms = ("application/json", "text/csv", ARROW)
    tags = {form: client.get(URL, headers={"Accept": form}).headers["ETag"] for form in forms}
    assert len(set(tags.values())) == len(forms)
    for form in forms:
        held = client.get(URL, headers={"Accept": form, "If-None-Match": tags[form]})
        assert (held.status_code, held.headers["Vary"], held.content) == (304, "Accept, Accept-Encoding", b"")
    others = client.get(URL, headers={"Accept": "text/csv", "If-None-Match": tags["application/json"]})
    assert (others.status_code, others.text) == (200, "t,Sessions\n2025-01-01,1\n2025-01-02,2\n2025-01-03,3\n")


def test_arrow_is_typed(client: TestClient) -> None:
    content = client.get(URL, headers={"Accept": ARROW}).content
    table = ipc.open_stream(io.BytesIO(content)).read_all()
    assert [str(field.type) for field in table.schema] == ["date32[day]", "int64"]
    assert table["Sessions"].to_pylist() == [1, 2, 3]


def test_errors_are_problems_in_every_form(client: TestClient) -> None:
    response = client.get("/v1/widgets/ga4.sesions", headers={"Accept": "text/csv"})
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_form_without_its_package(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = client.get(URL, headers={"Accept": ARROW})
    assert (refused.status_code, refused.headers["Content-Type"]) == (406, "application/problem+json")
    assert "the extra 'arrow'" in refused.json()["detail"]
    other = client.get(URL, headers={"Accept": f"{ARROW}, text/csv;q=0.5"})
    assert other.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_whole_numbers_leave_without_a_point(client: TestClient) -> None:
    text = client.get(URL).text
    assert '"v":3}' in text
    assert '"value":6,' in text


def test_a_batch_is_a_line_for_each_value(client: TestClient) -> None:
    question = {"keys": ["ga4.sessions", "ga4.sesions"], "start": "2025-01-01", "end": "2025-01-02"}
    response = client.post("/v1/widgets/batch", json=question, headers={"Accept": "text/csv"})
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Vary"] == "Accept, Accept-Encoding"
    assert response.text == (
        "key,series,id,label,t,value,problem\n"
        "ga4.sessions,Sessions,,,2025-01-01,1,\n"
        "ga4.sessions,Sessions,,,2025-01-02,2,\n"
        "ga4.sesions,,,,,,no widget 'ga4.sesions'; did you mean 'ga4.sessions'?\n"
    )
    content = client.post("/v1/widgets/batch", json=question, headers={"Accept": ARROW}).content
    table = ipc.open_stream(io.BytesIO(content)).read_all()
    assert {field.name: str(field.type) for field in table.schema} == {
        **dict.fromkeys(("key", "series", "id", "label", "problem"), "string"),
        "t": "date32[day]",
        "value": "int64",
    }
    assert table["value"].to_pylist() == [1, 2, None]
    assert client.post("/v1/widgets/batch", json=question).json()["widgets"].keys() == set(question["keys"])
