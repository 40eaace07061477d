from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

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
