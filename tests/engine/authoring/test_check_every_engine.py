"""`validate --database` on every engine: what the engine makes itself has no problems, and what differs is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.authoring.check_database import check_live_tables
from engine.authoring.check_texts import MAX_TEXTS, find_missing_texts
from engine.catalog.catalog import Catalog, load_catalog
from engine.errors import InvalidCatalog
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from tests.conftest import TENANT


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


SEEKING = """\
source: ga4
table: visits
tables:
  visits:
    time: day
    key: [user_id, day, channel]
    columns:
      user_id: uuid
      day: date
      channel: text
      medium: {type: text, column: Medium}
      sessions: bigint
metrics:
  ga4.plain:
    value: sum(sessions)
    where: "sessions > 1 and channel = 'email'"
  ga4.listed:
    value: sum(case when 'Direct' = channel then sessions when channel != 'direct' then 1 end)
    where: channel in ('Email', 'Emil', 'É')
  ga4.lines:
    series:
      Mail: sum(case channel when 'E-mail' then sessions end)
      Paid: {value: "sum(case when (medium) = 'cpc' then 1 end)"}
  ga4.members:
    rows: channel
    columns: {Sessions: sum(sessions)}
    having: sum(case when channel = 'Mail' then sessions end) > 0
  ga4.right:
    value: sum(sessions)
    where: "channel in ('Email', 'Direct') and channel != '' and lower(channel) = 'email' and channel like 'e%'"
  ga4.macro: {value: sum(sessions), where: "channel = '{{ 'email' }}'"}
"""


def test_texts_that_no_row_has_are_warned_of(warehouse_url: str, tmp_path: Path) -> None:
    (tmp_path / "ga4.yaml").write_text(SEEKING, encoding="utf-8")
    tables = load_catalog(tmp_path).tables
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(tables.values())

    def find_texts() -> list[str]:
        found = find_missing_texts(tmp_path, tables, warehouse.engine)
        return [str(each).removeprefix(f"{tmp_path}/ga4.yaml:") for each in found]

    def load_channels(*channels: str) -> None:
        days = {"user_id": TENANT, "day": date(2025, 1, 1), "sessions": 1}
        warehouse.upsert(tables["visits"], [{**days, "channel": each, "medium": None} for each in channels])

    assert find_texts() == []
    load_channels("Email", "Direct", "Organic", "Social")
    known = "rows have 'Direct', 'Email', 'Organic' (and 1 other)"
    near = "rows have 'Email' (and 3 others)"
    before = "warning[missing-live-text]"
    # Of `medium` no row has any text.
    assert find_texts() == [
        f"16:40: {before} ga4.plain: no row of visits has channel = 'email'; {near}",
        f"18:75: {before} ga4.listed: no row of visits has channel = 'direct'; rows have 'Direct' (and 3 others)",
        f"19:33: {before} ga4.listed: no row of visits has channel = 'Emil'; {near}",
        f"19:41: {before} ga4.listed: no row of visits has channel = 'É'; {known}",
        f"22:35: {before} ga4.lines: no row of visits has channel = 'E-mail'; {near}",
        f"27:37: {before} ga4.members: no row of visits has channel = 'Mail'; {near}",
    ]
    # Too many texts to look through.
    load_channels(*(f"campaign {number}" for number in range(MAX_TEXTS)))
    assert find_texts() == []
    warehouse.close()
