"""Schemathesis asks a real server whatever its own OpenAPI document allows, and with --all much that it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from api.app import create_app
from demo.database import DemoDatabase
from demo.tenants import EVERYTHING
from engine.answer.engine import Engine
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from state import State
from tests.api.conftest import ENCRYPTION_KEY, make_settings, run_app, sign_token
from tests.conftest import ALL
from tests.support.shipped import load_shipped_catalog

pytestmark = pytest.mark.server


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.open(f"sqlite:///{tmp_path / 'state.db'}", encryption_key=ENCRYPTION_KEY)


@pytest.fixture
def engine(tmp_path: Path, state: State) -> Engine:
    """The shipped widgets over two months of the demo's history."""
    engine = Engine(load_shipped_catalog(), Warehouse(f"sqlite:///{tmp_path / 'facts.db'}"))
    engine.warehouse.create_tables(engine.catalog.tables.values())
    demo = DemoDatabase(state, engine.warehouse, engine.catalog, days=60)
    demo.connect_accounts()
    demo.fill_tenant(EVERYTHING, date.today() - timedelta(days=1))  # noqa: DTZ011
    return engine


def test_no_5xx_no_undocumented_status_no_schema_violation(
    engine: Engine,
    state: State,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    app = create_app(Services(engine, state, make_settings(CRON_SECRET="only-for-the-cron")))
    with run_app(app) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
                *("--header", f"Authorization: Bearer {sign_token(EVERYTHING.user_id)}"),
                # Not for a time, in which a busy machine asks almost nothing; with --all what is refused is asked too.
                *("--phases", "examples,coverage", "--mode", "all" if request.config.getoption(ALL) else "positive"),
                # A stream does not end; its own tests read it.
                *("--exclude-path", "/v1/events"),
                # What the document cannot say is refused too: a start without an end, a layout's unknown widget.
                *("--exclude-checks", "positive_data_acceptance"),
                *("--seed", "1", "--no-color", "--report", "json", "--report-json-path", "report.json"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    report = json.loads((tmp_path / "report.json").read_text())
    # All but the stream.
    assert report["operations"]["tested"] == report["operations"]["total"] - 1 > 20
    assert report["test_cases"]["generated"] > 1_000
    assert report["failures"] == report["errors"] == []
    record_testsuite_property("schemathesis: operations", report["operations"]["tested"])
    record_testsuite_property("schemathesis: cases", report["test_cases"]["generated"])
