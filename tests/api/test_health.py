from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import app_from_environment
from engine.answer.engine import Engine
from engine.errors import InvalidSetting
from state import State
from tests.api.conftest import ALICE, SECRET, make_bearer_headers


def test_the_process_lives_and_asks_no_database(anonymous: TestClient, engine: Engine, state: State) -> None:
    asked: list[float] = []
    engine.warehouse.observe_queries(asked.append)
    state.database.observe(asked.append)
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    assert anonymous.get("/metrics").status_code == 200
    assert asked == []
    anonymous.get("/readyz")
    assert len(asked) == 2


def test_ready_tells_counts_and_no_contents(anonymous: TestClient) -> None:
    found = anonymous.get("/readyz")
    assert found.status_code == 200
    checks = found.json()["checks"]
    assert checks["state"] == checks["warehouse"] == {"status": "ok"}
    assert checks["catalog"]["widgets"] == 2
    assert checks["catalog"]["tables"] == 1
    assert "ga4" not in found.text


def test_without_its_state_the_server_is_not_ready(anonymous: TestClient, state: State, tmp_path: Path) -> None:
    state.database.close()
    for file in tmp_path.glob("state.db*"):
        file.unlink()
    (tmp_path / "state.db").mkdir()
    found = anonymous.get("/readyz")
    assert found.status_code == 503
    assert found.json()["checks"]["state"] == {"status": "unavailable"}
    assert found.json()["checks"]["warehouse"] == {"status": "ok"}
    assert str(tmp_path) not in found.text
    assert anonymous.get("/healthz").status_code == 200


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """The factory configures the logs of its whole process."""
    root, own = logging.getLogger(), logging.getLogger("metric_engine")
    before = root.level, root.handlers[:], own.level
    yield
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    own.setLevel(before[2])


def make_environment(tmp_path: Path, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'all.db'}",
        "METRICS_DIR": str(folder),
        "JWT_SECRET": SECRET.get_secret_value(),
    }


@pytest.mark.usefixtures("logging_as_before")
def test_the_environment_alone_makes_a_server(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in make_environment(tmp_path, folder).items():
        monkeypatch.setenv(name, text)
    with TestClient(app_from_environment()) as client:
        assert client.get("/readyz").status_code == 200
        assert (
            client.put("/v1/connections/ga4", json={"account_id": "1"}, headers=make_bearer_headers(ALICE)).status_code
            == 200
        )
        found = client.get("/v1/widgets/ga4.sessions", headers=make_bearer_headers(ALICE))
        assert found.status_code == 200
        assert found.json()["stats"]["value"] is None


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize(
    ("variable", "text"),
    [("JWT_SECRET", ""), ("JWT_SECRET", "short"), ("DATABASE_URL", "mysql://db/x"), ("ENCRYPTION_KEY", "short")],
)
def test_a_wrong_setting_stops_the_start(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    for name, value in (make_environment(tmp_path, folder) | {variable: text}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=variable) as caught:
        app_from_environment()
    assert "\n" not in str(caught.value)
