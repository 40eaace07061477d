from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from engine import errors
from engine.answer.engine import Engine
from engine.errors import MetricEngineError, UncoveredScan
from state import State

UNEXPECTED = "the password is hunter2"


def add_failing_route(app: FastAPI, error: Exception) -> str:
    """Make the app fail at a path, and return the path."""

    @app.get("/v1/failing")
    def fail() -> None:
        raise error

    return "/v1/failing"


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail"} <= problem.keys()
    return problem


def test_an_unknown_path_is_404(client: TestClient) -> None:
    for path in ("/nothing", "/v1/nothing", "/v1/widgets/", "/v1/dashboards", "/v1/connections/ga4/1"):
        check_problem(client.request("OPTIONS" if path == "/nothing" else "GET", path), 404)


def test_a_wrong_method_is_405_with_those_that_are_right(client: TestClient) -> None:
    for path, allowed in {
        "/v1/widgets": "GET",
        "/v1/widgets/ga4.sessions": "GET, HEAD",
        "/v1/dashboard/layout": "GET, POST",
        "/v1/connections/ga4": "DELETE, PUT",
    }.items():
        answer = client.patch(path)
        assert "PATCH" in check_problem(answer, 405)["detail"]
        assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("kind", [errors.WarehouseUnavailable, errors.StateUnavailable])
def test_an_unreachable_database_is_503_without_its_address(
    app: FastAPI, client: TestClient, kind: type[MetricEngineError]
) -> None:
    answer = client.get(add_failing_route(app, kind("no route to postgresql://app@10.0.0.7/facts")))
    problem = check_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in answer.text
    assert "try again" in problem["detail"]


@pytest.mark.parametrize("error", [RuntimeError(UNEXPECTED), UncoveredScan(UNEXPECTED), RecursionError(UNEXPECTED)])
def test_a_fault_of_our_own_is_a_bare_500_and_logged(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    answer = client.get(add_failing_route(app, error))
    problem = check_problem(answer, 500)
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert "errors" not in problem
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert logged[0].exc_info[1] is error


def test_a_state_database_that_goes_away_is_503(client: TestClient, state: State, tmp_path: Path) -> None:
    state.database.close()
    for file in tmp_path.glob("state.db*"):
        file.unlink()
    (tmp_path / "state.db").mkdir()
    for path in ("/v1/dashboard/layout", "/v1/widgets/ga4.sessions"):
        answer = client.get(path)
        check_problem(answer, 503)
        assert str(tmp_path) not in answer.text
    assert client.get("/v1/widgets").status_code == 200


def test_a_warehouse_that_goes_away_is_503(client: TestClient, engine: Engine, tmp_path: Path) -> None:
    engine.warehouse.close()
    for file in tmp_path.glob("facts.db*"):
        file.unlink()
    (tmp_path / "facts.db").mkdir()
    for answer in (
        client.get("/v1/widgets/ga4.sessions"),
        client.post("/v1/widgets/batch", json={"keys": ["ga4.sessions"]}),
    ):
        check_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert str(tmp_path) not in answer.text
    assert client.get("/readyz").status_code == 503
    assert client.get("/v1/dashboard/layout").status_code == 200


def test_parameters_of_the_query_are_named(client: TestClient) -> None:
    answer = client.post("/v1/widgets/batch", json={"keys": [], "start": "2025-01-01"})
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["parameter"] == "end"
