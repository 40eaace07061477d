"""Every shipped metric reads through the tenant's key, on each engine: its plan says so, over rows of many tenants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.calendar import Compare
from engine.catalog.catalog import Catalog
from engine.query import MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import EVERY_SOURCE

TENANTS = [f"00000000-0000-4000-8000-{number:012}" for number in range(40)]
ASKER = TENANTS[20]
LAST = date(2025, 6, 30)
DAYS = 150
VALUES: Mapping[str, Any] = {"text": "a", "date": LAST, "timestamptz": None, "bigint": 1, "double": 1.0, "numeric": 1}


class RecordingWarehouse(Warehouse):
    """Remembers what was asked of it, to have it explained later."""

    asked: list[tuple[str, Mapping[str, Any]]]

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.asked.append((sql, parameters))
        return super().query(sql, parameters)


def iter_rows(table: Table) -> Iterator[dict[str, Any]]:
    blank = {name: VALUES.get(column.type) for name, column in table.columns.items()}
    for tenant in TENANTS:
        for offset in range(DAYS):
            yield {**blank, table.tenant: tenant, table.time: LAST - timedelta(days=offset)}


@pytest.fixture
def warehouse(warehouse_url: str, shipped_catalog: Catalog) -> Iterator[RecordingWarehouse]:
    warehouse = RecordingWarehouse(warehouse_url)
    warehouse.create_tables(shipped_catalog.tables.values())
    for table in shipped_catalog.tables.values():
        if table.query is None:
            warehouse.upsert(table, iter_rows(table))
    warehouse.asked = []
    yield warehouse
    warehouse.close()


def explain_query(warehouse: Warehouse, prefix: str, sql: str, parameters: Mapping[str, Any]) -> str:
    found = warehouse.driver.query(f"{prefix} {sql}", parameters)
    return "\n".join(str(row[-1]) for row in found)


def check_sqlite_plan(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Each access to a fact table is a search by the primary key, from the tenant on.

    The tenant alone is enough for its first or last row: the key has its days in order, so nothing is sorted.
    """
    plan = explain_query(warehouse, "EXPLAIN QUERY PLAN", sql, parameters)
    single_rows = len(re.findall(r'ORDER BY t\."\w+"(?: DESC)? LIMIT 1\b', sql))
    by_tenant = re.findall(r"SEARCH t USING PRIMARY KEY \(user_id=\?\)(?!\nUSE TEMP B-TREE)", plan)
    if len(by_tenant) != single_rows:
        yield plan
    for line in re.findall(r"(?:SCAN|SEARCH) t\b.*", plan):
        if line not in by_tenant and not re.match(r"SEARCH t USING PRIMARY KEY \(user_id=\? AND", line):
            yield line


def check_postgres_plan(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """No table is read as a whole, and what is looked up in an index begins with the tenant."""
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    plan = explain_query(warehouse, "EXPLAIN", sql, parameters)
    yield from re.findall(r"Seq Scan on \w+ t\b.*", plan)
    if not re.search(r"Index Cond: \(\(?user_id = ", plan):
        yield f"no index on the tenant:\n{plan}"


def check_duckdb_plan(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Each scan of a fact table is told the tenant, by which it passes over whole stretches of rows."""
    scans = list(iter_scans(json.loads(explain_query(warehouse, "EXPLAIN (FORMAT json)", sql, parameters))))
    if not scans:
        yield "no scan"
    for scan in scans:
        if not re.search(rf"user_id\s*=\s*'{ASKER}'", str(scan["Filters"])):
            yield str(scan)


def iter_scans(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """What a plan of DuckDB's says of each table that it scans."""
    for node in nodes:
        if "Table" in node["extra_info"]:
            yield {"Filters": "none", **node["extra_info"]}
        yield from iter_scans(node["children"])


def check_clickhouse_plan(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Each read of a fact table goes by the primary key, with the tenant in its condition, to a granule or two."""
    plan = explain_query(warehouse, "EXPLAIN indexes = 1", sql, parameters)
    reads = plan.split("ReadFromMergeTree")[1:]
    if not reads:
        yield f"no read:\n{plan}"
    for read in reads:
        granules = re.search(r"PrimaryKey\s.*?Granules: (\d+)/(\d+)", read, re.DOTALL)
        if f"user_id in ['{ASKER}', '{ASKER}']" not in read or granules is None or int(granules[1]) > 2:
            yield read


CHECKS = {
    "sqlite": check_sqlite_plan,
    "postgres": check_postgres_plan,
    "duckdb": check_duckdb_plan,
    "clickhouse": check_clickhouse_plan,
}


@pytest.mark.slow
def test_every_shipped_metric_reads_through_the_tenants_key(
    warehouse: RecordingWarehouse, shipped_catalog: Catalog, engine_name: str
) -> None:
    engine = Engine(shipped_catalog, warehouse)
    for compare in (Compare.PREVIOUS_PERIOD, Compare.PREVIOUS_YEAR):
        question = MetricQuery(LAST - timedelta(days=27), LAST, compare)
        for key in shipped_catalog.widgets:
            engine.query_body(key, question, tenant=ASKER, connected=EVERY_SOURCE)
    asked, warehouse.asked = dict(warehouse.asked), []
    assert len(asked) > 15
    faults = [
        f"{sql}\n{fault}"
        for sql, parameters in asked.items()
        for fault in CHECKS[engine_name](warehouse, sql, parameters)
    ]
    assert not faults, faults[0]
