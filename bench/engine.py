"""The time of a widget with comparison, against a hand-written statement on the bare driver."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from random import Random

from bench.timing import Timing, time_side_by_side
from engine import Catalog, Compare, CompiledPlan, Engine, MetricQuery, StatementCompiler, Warehouse, load_catalog, plan
from runtime.shipped import get_shipped_folder

DAYS = 730
LAST = date(2025, 12, 31)
CONNECTED = frozenset(("ga4",))
KEY = "ga4.sessions"

# Points and exact totals of both windows in one statement, as an expert would write it.
HAND_WRITTEN = """
WITH days AS MATERIALIZED (
  SELECT date, SUM(sessions) AS v FROM ga4_daily
  WHERE user_id = :tenant AND date BETWEEN :before AND :end GROUP BY date
)
SELECT date, v FROM days
UNION ALL SELECT 'total', SUM(v) FROM days WHERE date >= :start
UNION ALL SELECT 'previous', SUM(v) FROM days WHERE date < :start
"""


def make_tenant(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def fill_table(warehouse: Warehouse, catalog: Catalog, tenants: int, days: int = DAYS) -> None:
    table = catalog.tables["ga4_daily"]
    warehouse.create_tables([table])
    chance = Random(1)
    rows = (
        {
            "user_id": make_tenant(number),
            "date": LAST - timedelta(days=offset),
            "property_id": "1",
            "users": chance.randrange(1, 4000),
            "new_users": chance.randrange(1, 2000),
            "sessions": chance.randrange(1, 5000),
            "engaged_sessions": chance.randrange(1, 3000),
            "conversions": float(chance.randrange(0, 90)),
            "converting_sessions": float(chance.randrange(0, 80)),
            "revenue": chance.randrange(0, 900_000) / 100,
            "currency": "USD",
        }
        for number in range(tenants)
        for offset in range(days)
    )
    warehouse.upsert(table, rows)


def measure_engine(tenants: int, days: int) -> dict[str, Timing]:
    """Time both subjects on so many tenants and days; each call queries another tenant."""
    catalog = load_catalog(get_shipped_folder())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.db"
        warehouse = Warehouse(f"sqlite:///{path}")
        fill_table(warehouse, catalog, tenants)
        engine = Engine(catalog, warehouse)
        start = LAST - timedelta(days=days - 1)
        query = MetricQuery(start, LAST, Compare.PREVIOUS_PERIOD)
        bare = sqlite3.connect(path)
        bound = {
            "start": start.isoformat(),
            "end": LAST.isoformat(),
            "before": (start - timedelta(days=days)).isoformat(),
        }
        order = list(range(tenants))
        Random(2).shuffle(order)

        def by_hand(call: int) -> object:
            return (
                bare.cursor().execute(HAND_WRITTEN, {**bound, "tenant": make_tenant(order[call % tenants])}).fetchall()
            )

        def by_engine(call: int) -> object:
            return engine.query_body(KEY, query, tenant=make_tenant(order[call % tenants]), connected=CONNECTED)

        # In turns of a few calls, by the processor's time: others may use the machine too.
        timings = time_side_by_side(
            {"by hand": by_hand, "engine": by_engine}, calls=20, rounds=100, clock=time.process_time
        )
        bare.close()
        warehouse.close()
    return timings


def measure_compile_times() -> tuple[float, float]:
    """Return the milliseconds to compile a metric to SQL, and the microseconds to reuse a plan."""
    catalog = load_catalog(get_shipped_folder())
    warehouse = Warehouse("sqlite://")
    statements = StatementCompiler(warehouse.dialect, catalog.tables.values())
    engine = Engine(catalog, warehouse)
    metrics = list(catalog.widgets.values())

    def compile_all() -> None:
        for metric in metrics:
            compiled_plan = CompiledPlan(plan([metric]), statements)
            for scan in compiled_plan.plan.scans:
                compiled_plan.get_scan_sql(scan, 1)
            for each in compiled_plan.plan.metrics.values():
                if each.items is not None:
                    compiled_plan.get_items_sql(each.items)

    compile_all()
    began = time.perf_counter()
    for _ in range(5):
        compile_all()
    compiled = (time.perf_counter() - began) / 5 / len(metrics)
    for metric in metrics:
        engine.get_plan([metric])
    began = time.perf_counter()
    for _ in range(1000):
        for metric in metrics:
            engine.get_plan([metric])
    reused = (time.perf_counter() - began) / 1000 / len(metrics)
    warehouse.close()
    return compiled * 1e3, reused * 1e6


def main() -> None:
    medians: dict[int, float] = {}
    for tenants in (100, 2000):
        for days in (28, 365):
            timings = measure_engine(tenants, days)
            ratio = timings["engine"].median / timings["by hand"].median
            print(f"{KEY}, {days} days with comparison, {tenants:,} tenants x {DAYS} days")
            for name, timing in timings.items():
                print(f"  {name:8s} {timing}")
            print(f"  ratio    {ratio:8.2f}")
            if days == 28:
                medians[tenants] = timings["engine"].median
    print(f"engine, 2,000 tenants against 100: {medians[2000] / medians[100]:.2f}")
    compiled, reused = measure_compile_times()
    print(f"compile  {compiled:.2f} ms a metric; a reused plan {reused:.2f} µs")
