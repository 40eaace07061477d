"""`validate --database` on every engine: what the engine makes itself has no problems, and what differs is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.authoring.check_database import check_live_tables
from engine.catalog.catalog import Catalog, load_catalog
from engine.errors import InvalidCatalog
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder


def test_what_the_engine_makes_is_as_declared(warehouse_url: str, shipped_catalog: Catalog) -> None:
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(shipped_catalog.tables.values())
    check_live_tables(get_shipped_folder(), shipped_catalog.tables, warehouse.engine)
    warehouse.close()


def test_what_differs_is_named(warehouse_url: str, shipped_catalog: Catalog, tmp_path: Path) -> None:
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(shipped_catalog.tables.values())
    dialect = warehouse.dialect
    tenant, number = dialect.emit_column_type("uuid"), dialect.emit_column_type("bigint")
    layout = "ENGINE = MergeTree ORDER BY day" if dialect.name == "clickhouse" else ""
    warehouse.driver.run(
        [
            "DROP TABLE ga4_channels_daily",
            f"CREATE TABLE visits (user_id {tenant}, day {dialect.emit_column_type('date')}, visits {number}) {layout}",
        ]
    )
    (tmp_path / "ga4.yaml").write_text(
        """
        source: ga4
        tables:
          ga4_channels_daily: {time: date, columns: {user_id: uuid, date: date, sessions: bigint}}
          visits: {time: day, columns: {user_id: uuid, day: date, visits: text, pages: bigint}}
        metrics: {}
        """,
        encoding="utf-8",
    )
    with pytest.raises(InvalidCatalog) as caught:
        check_live_tables(tmp_path, load_catalog(tmp_path).tables, warehouse.engine)
    warehouse.close()
    found = {each.code: each.message for each in caught.value.diagnostics}
    assert found.keys() == {
        *("missing-live-table", "missing-live-column", "wrong-live-type"),
        *(() if dialect.name == "duckdb" else ("missing-live-index",)),
    }
    assert "'ga4_channels_daily'" in found["missing-live-table"]
    assert "'pages'" in found["missing-live-column"]
    assert found["wrong-live-type"].endswith("not text; declare it bigint")
