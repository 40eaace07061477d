from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import web
from api.app import create_app
from engine.answer.engine import Engine
from engine.errors import InvalidSetting
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, make_bearer_headers, make_settings


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Dashboard</title>")
    (folder / "assets" / "app.js").write_text("// app")
    monkeypatch.setattr(web, "DIST", folder)
    return folder


@pytest.mark.usefixtures("pages")
def test_the_dashboards_files_stand_beside_the_api_and_not_before_it(engine: Engine, state: State) -> None:
    with TestClient(create_app(Services(engine, state, make_settings()))) as client:
        page = client.get("/")
        assert page.text == "<title>Dashboard</title>"
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        again = client.get("/", headers={"If-None-Match": page.headers["ETag"]})
        assert again.status_code == 304
        assert again.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
        assert client.get("/assets/app.js").text == "// app"
        assert client.get("/assets/../../state.db").status_code == 404
        assert client.get("/assets/%2e%2e/%2e%2e/state.db").status_code == 404
        assert client.get("/nothing", headers={"Accept": "text/html"}).status_code == 404
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/v1/nothing").status_code == 401
        assert client.get("/v1/nothing", headers=make_bearer_headers(ALICE)).status_code == 404
        assert client.post("/v1/nothing", headers=make_bearer_headers(ALICE)).status_code == 404
        assert client.post("/v1/sync/cron").status_code == 404
        refused = client.delete("/v1/widgets/ga4.sessions", headers=make_bearer_headers(ALICE))
        assert refused.status_code == 405
        assert "GET" in refused.headers["Allow"]


def test_without_a_way_to_verify_tokens_there_is_no_app(engine: Engine, state: State) -> None:
    with pytest.raises(InvalidSetting, match="JWT_SECRET"):
        create_app(Services(engine, state, make_settings(JWT_SECRET="")))


@pytest.mark.server
def test_the_app_imports_nothing_before_it_is_needed() -> None:
    """What takes long to import, or comes with an extra, waits for its first use."""
    program = "import sys, api.app; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "api.app" in loaded
    assert not loaded & {"alembic", "litellm", "limits", "psycopg", "redis", "requests", "rich", "uvicorn"}
