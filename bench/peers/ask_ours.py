"""The engine, without a cache or with one: `python -m bench.peers.ask_ours FILE [cached]`."""

from __future__ import annotations

import sys
from typing import Any

from bench.peers.asking import AskedWindow, PeriodAnswer, answer_rounds
from engine import MAX_STALE_SECONDS, Cache, Compare, Engine, MemoryStore, MetricQuery, Warehouse, load_catalog
from runtime.shipped import get_shipped_folder


def main(file: str, *, has_cache: bool) -> None:
    cache = Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=MAX_STALE_SECONDS) if has_cache else None
    engine = Engine(load_catalog(get_shipped_folder()), Warehouse(f"duckdb:///{file}"), cache)
    connected = frozenset(["ga4"])

    def answer(tenant: str, window: AskedWindow) -> PeriodAnswer:
        query = MetricQuery(window.start, window.end, Compare.PREVIOUS_PERIOD)
        body = engine.query_body("ga4.sessions", query, tenant=tenant, connected=connected)
        stats = body["stats"]
        points = list_values(body["series"]), list_values(body["comparison"]["series"])
        return PeriodAnswer(*points, stats["value"], stats["previous"], stats["delta"])

    answer_rounds(answer)


def list_values(series: list[dict[str, Any]]) -> list[int]:
    return [point["v"] for point in series[0]["points"]]


if __name__ == "__main__":
    main(sys.argv[1], has_cache="cached" in sys.argv[2:])
