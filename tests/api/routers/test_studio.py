"""The studio's routes: where they are, whom they refuse, what a draft is told, and how a file is saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api.app import create_app
from api.openapi.document import build_document
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, GA4, make_bearer_headers, make_settings

ADDRESS = "http://127.0.0.1:8000"
DAYS = {"start": "2025-01-01", "end": "2025-01-10"}
DOUBLED = GA4.replace("value: sum(sessions), format: integer", "value: 2 * sum(sessions), format: integer")


@pytest.fixture
def app(engine: Engine, state: State, folder: Path) -> FastAPI:
    return create_app(Services(engine, state, make_settings(METRICS_DIR=str(folder))), has_studio=True)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers=make_bearer_headers(ALICE), base_url=ADDRESS) as client:
        yield client


def check_draft(client: TestClient, text: str, **more: Any) -> Any:
    found = client.post("/v1/studio/check", json={"drafts": {"ga4.yaml": text}, **DAYS, **more})
    assert found.status_code == 200, found.text
    return found.json()


def read_file(client: TestClient, name: str) -> Any:
    files = client.get("/v1/studio").json()["files"]
    return next(each for each in files if each["name"] == name)


def save_file(client: TestClient, text: str, version: str, name: str = "ga4.yaml") -> Response:
    return client.put(f"/v1/studio/files/{name}", json={"text": text, "version": version})


def test_without_a_studio_nothing_of_it_is_there(engine: Engine, state: State, folder: Path) -> None:
    plain = create_app(Services(engine, state, make_settings(METRICS_DIR=str(folder))))
    with TestClient(plain, headers=make_bearer_headers(ALICE), base_url=ADDRESS) as client:
        assert client.get("/v1/studio").status_code == 404
        assert client.post("/v1/studio/check", json={"drafts": {}}).status_code == 404
        assert client.put("/v1/studio/files/ga4.yaml", json={"text": "", "version": ""}).status_code == 404
        assert "studio" not in client.get("/v1/dashboard").json()
    assert (folder / "ga4.yaml").read_text() == GA4


def test_the_page_learns_of_it_and_the_published_document_does_not(client: TestClient, app: FastAPI) -> None:
    assert client.get("/v1/dashboard").json()["studio"] is True
    assert "studio" not in str(build_document(app, app.state.services.catalog)).lower()
    assert client.get("/v1/studio", headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_other_names_and_other_sites_are_refused(client: TestClient, folder: Path, method: str) -> None:
    body = {"text": "", "version": read_file(client, "ga4.yaml")["version"]}

    def ask(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "GET":
            return client.get("/v1/studio", headers=named).status_code
        return client.put("/v1/studio/files/ga4.yaml", json=body, headers=named).status_code

    for host in ("evil.example", "127.0.0.1.evil.example:8000", "[::1", "", "192.168.1.7:8000", "0.0.0.0:8000"):
        assert ask(Host=host) == 403, host
    for origin in ("http://evil.example", "http://localhost:8000", "http://127.0.0.1:3000", "null"):
        assert ask(Origin=origin) == 403, origin
    for site in ("cross-site", "same-site"):
        assert ask(Sec_Fetch_Site=site) == 403, site
    assert (folder / "ga4.yaml").read_text() == GA4
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        own = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
        assert ask(**own) == 200, host
        body["version"] = read_file(client, "ga4.yaml")["version"]


def test_the_files_come_with_what_completes_them(client: TestClient, folder: Path) -> None:
    (folder / "macros.j2").write_text("{% macro half(x) %}{{ x }} / 2{% endmacro %}")
    (folder / "elsewhere.yaml").symlink_to("/etc/hostname")
    body = client.get("/v1/studio").json()
    assert [(each["name"], each["kind"]) for each in body["files"]] == [
        ("ga4.yaml", "metrics"),
        ("macros.j2", "macros"),
    ]
    assert body["files"][0]["text"] == GA4
    assert {"name": "sessions", "type": "bigint", "additive": True} in body["tables"][0]["columns"]
    assert body["keys"] == ["ga4.sessions", "ga4.conv_rate", "ga4.secret"]
    assert body["schemas"]["metrics"]["properties"]["table"]["enum"] == ["ga4_daily"]
    assert any(each["usage"] == "sum(x)" for each in body["functions"])


def test_a_draft_is_told_its_problems_where_they_are(client: TestClient) -> None:
    body = check_draft(client, GA4.replace("sum(converting_sessions)", "sum(convertin_sessions)"))
    (found,) = body["diagnostics"]
    line = next(number for number, text in enumerate(GA4.splitlines(), 1) if "conv_rate" in text)
    column = GA4.splitlines()[line - 1].index("converting_sessions") + 1
    assert (found["file"], found["line"], found["column"]) == ("ga4.yaml", line, column)
    assert found["code"] == "unknown-column"
    assert body["valid"] is False
    assert body["changes"] == []
    broken = check_draft(client, "metrics: {a: [\n")
    assert {each["code"] for each in broken["diagnostics"]} == {"yaml-syntax"}


def test_a_draft_shows_what_changes_before_and_after(client: TestClient, services: Services, folder: Path) -> None:
    text = DOUBLED.replace(
        "  ga4.secret:", "  ga4.converting: {value: sum(converting_sessions), where: sessions > 4}\n  ga4.secret:"
    )
    body = check_draft(client, text, compare="previous_period")
    changed = {each["key"]: each for each in body["changes"]}
    assert {key: each["status"] for key, each in changed.items()} == {
        "ga4.converting": "added",
        "ga4.sessions": "changed",
    }
    sessions, new = changed["ga4.sessions"], changed["ga4.converting"]
    # Ten days with as many sessions as the day's number.
    assert sessions["before"]["widget"]["stats"]["value"] == sum(range(1, 11))
    assert sessions["after"]["widget"]["stats"]["value"] == 2 * sum(range(1, 11))
    assert new["before"] is None
    assert new["after"]["widget"]["stats"]["value"] == sum(1 for day in range(1, 11) if day > 4)
    assert new["after"]["entry"]["title"] == "Converting"
    # Nothing of it is served, written or kept.
    assert "ga4.converting" not in services.catalog.widgets
    assert client.get("/v1/widgets/ga4.sessions", params=DAYS).json()["stats"]["value"] == sum(range(1, 11))
    assert (folder / "ga4.yaml").read_text() == GA4


def test_the_changed_metrics_own_tests_are_run(client: TestClient) -> None:
    days = "start: 2025-01-01, end: 2025-01-01"
    test = f"{{name: a day, rows: [{{date: 2025-01-01, sessions: 3}}], {days}, expect: {{stats: {{value: 3}}}}}}"
    tested = GA4.replace("format: integer}", f"format: integer, tests: [{test}]}}")

    def run(text: str) -> Any:
        return client.post("/v1/studio/test", json={"drafts": {"ga4.yaml": text}}).json()["results"]

    assert run(GA4) == []
    assert run(tested) == [{"metric": "ga4.sessions", "test": "a day", "faults": []}]
    failed = run(tested.replace("value: sum(sessions), format: i", "value: 2 * sum(sessions), format: i"))
    assert failed == [{"metric": "ga4.sessions", "test": "a day", "faults": ["stats.value is 6, not 3"]}]
    assert run(GA4.replace("sum(sessions)", "sum(sesions)")) == []


def test_a_draft_reads_no_other_tenants_rows(client: TestClient) -> None:
    found = client.post(
        "/v1/studio/check", json={"drafts": {"ga4.yaml": DOUBLED}, **DAYS}, headers=make_bearer_headers(BOB)
    )
    (change,) = found.json()["changes"]
    assert change["after"]["widget"]["stats"]["value"] is None
    assert change["after"]["widget"]["meta"]["missing_sources"] == ["ga4"]


def test_a_table_that_is_not_there_spoils_no_other_widget(client: TestClient) -> None:
    table = "  new_daily: {time: date, key: [user_id, date], columns: {user_id: uuid, date: date, n: bigint}}\nmetrics:"
    text = DOUBLED.replace("metrics:", table).replace(
        "  ga4.secret:", "  ga4.new: {table: new_daily, value: sum(n)}\n  ga4.secret:"
    )
    changed = {each["key"]: each for each in check_draft(client, text)["changes"]}
    assert changed["ga4.new"]["after"]["problem"] == "The warehouse has no such table or column yet."
    assert changed["ga4.sessions"]["after"]["widget"]["stats"]["value"] == 110


def test_many_changes_are_told_and_a_few_computed(client: TestClient) -> None:
    more = "".join(f"  ga4.m{number}: sum(sessions)\n" for number in range(20))
    body = check_draft(client, GA4 + more)
    assert len(body["changes"]) == 12
    assert len(body["left_out"]) == 8


def test_names_outside_the_list_are_refused(client: TestClient, folder: Path) -> None:
    (folder / "schema.json").write_text("{}")
    (folder.parent / "secret.yaml").write_text("metrics: {}")
    before = sorted(folder.parent.rglob("*"))
    for name in ("../secret.yaml", "..%2Fsecret.yaml", "schema.json", "new.yaml", "%2Fetc%2Fhostname"):
        assert save_file(client, "x", "", name).status_code == 404, name
        assert client.post("/v1/studio/check", json={"drafts": {name: "x"}}).status_code == 404, name
    assert sorted(folder.parent.rglob("*")) == before
    assert (folder.parent / "secret.yaml").read_text() == "metrics: {}"


def test_saving_writes_the_file_whole_and_the_reload_has_it(
    client: TestClient, services: Services, folder: Path
) -> None:
    path = folder / "ga4.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GA4.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    held = read_file(client, "ga4.yaml")
    assert held["text"] == GA4
    saved = save_file(client, DOUBLED, held["version"])
    assert saved.status_code == 200
    assert path.read_bytes() == b"\xef\xbb\xbf" + DOUBLED.replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in folder.iterdir()] == ["ga4.yaml"]
    assert saved.json()["version"] == read_file(client, "ga4.yaml")["version"]
    services.reload_catalog()
    assert client.get("/v1/widgets/ga4.sessions", params=DAYS).json()["stats"]["value"] == 110
    assert check_draft(client, DOUBLED)["changes"] == []


def test_a_file_that_changed_on_disk_is_not_overwritten(client: TestClient, folder: Path) -> None:
    held = read_file(client, "ga4.yaml")
    (folder / "ga4.yaml").write_text(f"{GA4}# theirs\n")
    refused = save_file(client, DOUBLED, held["version"])
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/changed-file"
    current = refused.json()["file"]
    assert current["text"] == f"{GA4}# theirs\n"
    assert (folder / "ga4.yaml").read_text() == f"{GA4}# theirs\n"
    assert save_file(client, DOUBLED, current["version"]).status_code == 200
    assert (folder / "ga4.yaml").read_text() == DOUBLED


def test_a_file_that_is_no_text_is_left_out_and_refused(client: TestClient, folder: Path) -> None:
    (folder / "latin.yaml").write_bytes("# Größe\n".encode("latin-1"))
    assert [each["name"] for each in client.get("/v1/studio").json()["files"]] == ["ga4.yaml"]
    refused = save_file(client, "x", "", "latin.yaml")
    assert refused.status_code == 409
    assert "UTF-8" in refused.json()["detail"]
    found = client.post("/v1/studio/check", json={"drafts": {}}).json()
    assert found["diagnostics"][0]["file"] == "latin.yaml"


def test_a_large_file_is_taken_and_one_beyond_the_limit_told(client: TestClient) -> None:
    comment = f"# {'x' * 98}\n"
    assert check_draft(client, GA4 + comment * 1_000)["valid"] is True
    body = check_draft(client, GA4 + comment * 10_000)
    assert [each["code"] for each in body["diagnostics"]][:1] == ["yaml-limits"]


def test_what_cannot_be_written_says_why(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object) -> None:
        raise PermissionError(13, "Permission denied")

    held = read_file(client, "ga4.yaml")
    monkeypatch.setattr(Path, "replace", refuse)
    refused = save_file(client, DOUBLED, held["version"])
    assert refused.status_code == 409
    assert "Permission denied" in refused.json()["detail"]
    assert [each.name for each in folder.iterdir()] == ["ga4.yaml"]
