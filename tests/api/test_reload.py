from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cli.watcher import Watcher, stamp_folder
from engine.catalog import metric_resolver
from insights.config.load import load_catalog
from runtime import services as opened_services
from runtime.services import Services

WRONG = """\
source: ga4
table: ga4_daily
metrics:
  ga4.wrong: sum(sesions)
  ga4.wronger: sum(sesions)
"""

NEW_TABLE = """\
source: ga4
tables:
  orders_daily:
    time: date
    key: [user_id, date]
    columns: {user_id: uuid, date: date, orders: bigint}
metrics:
  ga4.orders: {table: orders_daily, value: sum(orders)}
"""


def test_an_invalid_folder_takes_nothing_down(
    client: TestClient, services: Services, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = services.engine
    (folder / "wrong.yaml").write_text(WRONG)
    services.reload_catalog()
    assert services.engine is before
    assert "wrong.yaml:4" in caplog.text
    found = client.get("/readyz")
    assert found.status_code == 200
    catalog = found.json()["checks"]["catalog"]
    assert catalog["status"] == "stale"
    assert catalog["problems"] == {"unknown-column": 2}
    assert "sesions" not in found.text
    assert client.get("/v1/widgets/ga4.sessions").status_code == 200


def test_a_repaired_folder_is_served_again(client: TestClient, services: Services, folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    services.reload_catalog()
    (folder / "wrong.yaml").write_text(WRONG.replace("sesions", "sessions"))
    services.reload_catalog()
    assert client.get("/readyz").json()["checks"]["catalog"]["status"] == "ok"
    found = client.get("/v1/widgets/ga4.wrong?start=2025-01-01&end=2025-01-10").json()
    assert found["stats"]["value"] == 55


def test_a_new_table_is_there_after_the_reload(client: TestClient, services: Services, folder: Path) -> None:
    (folder / "new.yaml").write_text(NEW_TABLE)
    services.reload_catalog()
    found = client.get("/v1/widgets/ga4.orders")
    assert found.status_code == 200
    assert found.json()["stats"]["value"] is None


def raise_unforeseen(*arguments: object) -> None:
    raise ZeroDivisionError("nobody foresaw this")


def test_a_check_that_fails_is_a_problem_of_its_metric(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        # The very same files have been loaded before.
        patched.setattr(opened_services, "load_catalog", load_catalog)
        patched.setattr(metric_resolver, "check_tests", raise_unforeseen)
        services.reload_catalog()
    assert "ga4.sessions: this cannot be read (ZeroDivisionError: nobody foresaw this)" in caplog.text
    catalog = client.get("/readyz").json()["checks"]["catalog"]
    assert (catalog["status"], catalog["problems"]) == ("stale", {"unreadable": 3})
    services.reload_catalog()
    assert client.get("/readyz").json()["checks"]["catalog"]["status"] == "ok"


def test_the_watcher_outlives_every_exception_and_shows_it(
    client: TestClient, services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for_catalog(status: str) -> None:
        for _ in range(900):
            if client.get("/readyz").json()["checks"]["catalog"]["status"] == status:
                return
            time.sleep(0.1)
        raise AssertionError(f"the catalog has never become {status}")

    with Watcher(services, folder, stamp_folder(folder)) as watcher:
        with monkeypatch.context() as patched:
            patched.setattr(opened_services, "load_catalog", raise_unforeseen)
            (folder / "new.yaml").write_text(NEW_TABLE)
            wait_for_catalog("stale")
        assert watcher.thread.is_alive()
        (folder / "new.yaml").write_text(NEW_TABLE + "\n")
        wait_for_catalog("ok")
        assert client.get("/v1/widgets/ga4.orders").status_code == 200
        # A file that is never read is a change too.
        (folder / "team").mkdir()
        (folder / "team" / "more.yaml").write_text(NEW_TABLE)
        wait_for_catalog("stale")
        (folder / "team" / "more.yaml").unlink()
        wait_for_catalog("ok")
    assert not watcher.thread.is_alive()


def test_a_folder_that_is_gone_is_shown(client: TestClient, services: Services, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    services.reload_catalog()
    assert client.get("/readyz").json()["checks"]["catalog"]["problems"] == {"unreadable": 1}
    folder.with_name("elsewhere").rename(folder)
    services.reload_catalog()
    assert client.get("/readyz").json()["checks"]["catalog"]["status"] == "ok"
