"""The server's metrics for Prometheus: counts and times, without users, keys or paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

import engine
from runtime.services import Services

# Where it is set, all processes that share the folder count as one; the library reads it at its first import.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
STATEMENT_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15)
ACCOUNT_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800)


class ServerMetrics:
    """The metrics of one application; a label has few values, none chosen by a request."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "metric_engine_requests",
            "Requests, by the endpoint that answered (none: no route did) and the class of the status.",
            ("endpoint", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "metric_engine_request_seconds",
            "How long requests took, by endpoint.",
            ("endpoint",),
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "metric_engine_answers",
            "Answers by where they came from: a hit needed the cache alone, a stale one while a database was away.",
            ("endpoint", "origin"),
            registry=self.registry,
        )
        self.statement_seconds = Histogram(
            "metric_engine_statement_seconds",
            "How long statements took, by database: state or warehouse.",
            ("database",),
            buckets=STATEMENT_SECONDS,
            registry=self.registry,
        )

        # Looking labels up takes longer than counting; endpoints and statuses are few.
        self.get_request_counters = cache(self.find_request_counters)
        self.get_answer_counter = cache(self.find_answer_counter)

        self.sync_jobs = Counter(
            "metric_engine_sync_jobs", "Sync jobs that ended, by status.", ("status",), registry=self.registry
        )
        self.sync_rows = Counter(
            "metric_engine_sync_rows", "Rows that syncs restated, by source.", ("source",), registry=self.registry
        )
        self.sync_account_seconds = Histogram(
            "metric_engine_sync_account_seconds",
            "How long it took to read an account, by source and how it ended.",
            ("source", "status"),
            buckets=ACCOUNT_SECONDS,
            registry=self.registry,
        )

    def count_job(self, status: str) -> None:
        """Count a sync job that ended."""
        self.sync_jobs.labels(status).inc()

    def count_account(self, source: str, status: str, rows: int, seconds: float) -> None:
        """Count an account that a sync has read, or failed to read."""
        self.sync_rows.labels(source).inc(rows)
        self.sync_account_seconds.labels(source, status).observe(seconds)

    def count_request(self, endpoint: str | None, status: int | None, seconds: float) -> None:
        """Count a request; its status is None where the client left before there was one."""
        count, observe = self.get_request_counters(endpoint, status)
        count()
        observe(seconds)

    def find_request_counters(
        self, endpoint: str | None, status: int | None
    ) -> tuple[Callable[[], None], Callable[[float], None]]:
        """Find what counts a request, and what observes its seconds."""
        name = endpoint or "none"
        counter = self.requests.labels(name, "none" if status is None else f"{status // 100}xx")
        return counter.inc, self.request_seconds.labels(name).observe

    def find_answer_counter(self, endpoint: str | None, origin: str) -> Callable[[], None]:
        return self.answers.labels(endpoint or "none", origin).inc

    def count_answer(self, endpoint: str | None, origin: str) -> None:
        """Count an answer by its origin: `hit`, `miss` or `stale`."""
        self.get_answer_counter(endpoint, origin)()

    def observe_databases(self, services: Services) -> None:
        """Time every statement of the two databases."""
        services.state.database.observe(self.statement_seconds.labels("state").observe)
        services.engine.warehouse.observe_queries(self.statement_seconds.labels("warehouse").observe)

    def render_exposition(self, services: Services) -> bytes:
        """Render all metrics as Prometheus's text: of all processes that share a folder."""
        exposed = CollectorRegistry()
        if folder := os.environ.get(SHARED_FOLDER):
            MultiProcessCollector(exposed, folder)  # type: ignore[no-untyped-call]
        else:
            exposed.register(self.registry)
        exposed.register(CatalogCollector(services))
        return generate_latest(exposed)


class CatalogCollector(Collector):
    """Collects what this process serves at the time of the request."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def collect(self) -> Iterator[Metric]:
        catalog = self.services.engine.catalog
        info = GaugeMetricFamily("metric_engine_info", "The release and the catalog.", labels=("version", "catalog"))
        info.add_metric([engine.__version__, catalog.version], 1)
        yield info
        yield GaugeMetricFamily("metric_engine_widgets", "Widgets that are served.", value=len(catalog.widgets))
        problems = GaugeMetricFamily(
            "metric_engine_rejected_problems",
            "Problems of the newest metric files, by code; while there are any, the last good files are served.",
            labels=("code",),
        )
        for code, count in self.services.problem_counts.items():
            problems.add_metric([code], count)
        yield problems
