"""The shipped metrics over a demo history, in a warehouse that counts what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo.history import generate_history
from demo.tenants import EVERYTHING
from engine.catalog.catalog import Catalog
from engine.warehouse.warehouse import Warehouse
from tests.support.shipped import load_shipped_catalog

UNTIL = date(2025, 6, 30)
NINE = (
    *("ga4.users", "ga4.sessions", "ga4.conv_rate", "ga4.traffic_channels", "meta.roas"),
    *("meta.cost_metrics", "ig.engagement_rate", "ig.content_perf", "corr.spend_vs_sessions"),
)


class CountingWarehouse(Warehouse):
    """Remembers the statements that were sent to it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.statements: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.statements.append(sql)
        return super().query(sql, parameters)


@pytest.fixture(scope="session")
def shipped_catalog() -> Catalog:
    return load_shipped_catalog()


@pytest.fixture
def demo(shipped_catalog: Catalog, tmp_path: Path) -> Iterator[CountingWarehouse]:
    warehouse = CountingWarehouse(f"sqlite:///{tmp_path / 'facts.db'}")
    warehouse.create_tables(shipped_catalog.tables.values())
    for name, table_rows in generate_history(EVERYTHING, until=UNTIL, days=90).items():
        warehouse.upsert(shipped_catalog.tables[name], table_rows)
    warehouse.statements.clear()
    yield warehouse
    warehouse.close()
