"""The engine: a catalog and a warehouse, asked a question."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from cachetools import TTLCache

from engine.answer.aggregate import MIXED, MetricResult, aggregate_metric, build_period_buckets
from engine.answer.cache import Cache, CachedRows
from engine.answer.fetch import RequestContext, ScanFetcher
from engine.answer.response import Body, TableResults, build_body, build_result
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import Metric
from engine.compiler.plan import ItemsScan, MetricPlan, Scan, plan
from engine.compiler.statements import CompiledPlan, StatementCompiler
from engine.errors import UnknownMetric, WarehouseUnavailable
from engine.query import MetricQuery
from engine.warehouse.health import HealthCheck
from engine.warehouse.warehouse import Warehouse

# Beyond one plan for each widget: dashboards ask for many of them in one batch.
MAX_PLANS = 2_000
# Seconds: what a plan avoids may work again later.
PLAN_TTL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class WidgetAnswer:
    """The body of GET /v1/widgets/{key}, and where it came from.

    `cached` where nothing had to be read; `stale_seconds` is the age of its oldest rows where they were given because
    the databases are away, and None where they are not. The body says so too, in `meta.stale`. `outcomes` are those of
    the metrics over tables that it was put together from.
    """

    body: Body
    is_cached: bool
    stale_seconds: float | None
    results: tuple[MetricResult, ...] = ()


class Engine:
    """Answers questions. What does not depend on the question is worked out once and kept. Thread-safe.

    With a cache a scan holds what all metrics of the catalog need of it, so that the first of them pays for the
    others; without one, what is asked for and no more.
    """

    def __init__(self, catalog: Catalog, warehouse: Warehouse, cache: Cache | None = None) -> None:
        self.catalog = catalog
        self.warehouse = warehouse
        self.cache = cache
        self.statements = StatementCompiler(warehouse.dialect, catalog.tables.values())
        self._shared_plan = None if cache is None else CompiledPlan(plan(catalog.metrics.values()), self.statements)
        self._plans: TTLCache[tuple[str, ...], CompiledPlan] = TTLCache(MAX_PLANS, PLAN_TTL_SECONDS)
        self._lock = Lock()
        self._health = HealthCheck(warehouse)

    def query_body(
        self, key: str, query: MetricQuery, *, tenant: str, connected: frozenset[str], data_version: int = 0
    ) -> Body:
        """The body of GET /v1/widgets/{key}, for this tenant and these connected sources.

        Raises UnknownMetric, WarehouseUnavailable.
        """
        return self.query(
            key, query, RequestContext(tenant=tenant, connected=connected, data_version=data_version)
        ).body

    def query(self, key: str, query: MetricQuery, context: RequestContext) -> WidgetAnswer:
        """The answer for one key. Raises UnknownMetric, WarehouseUnavailable."""
        return self.query_metrics([self.catalog.get_widget(key)], query, context)[key]

    def query_many(
        self, keys: Sequence[str], query: MetricQuery, context: RequestContext
    ) -> dict[str, WidgetAnswer | UnknownMetric]:
        """The answers for several keys, from one plan; an unknown key has its error for an answer.

        Raises WarehouseUnavailable.
        """
        known: dict[str, Metric] = {}
        found: dict[str, WidgetAnswer | UnknownMetric] = {}
        for key in keys:
            try:
                known[key] = self.catalog.get_widget(key)
            except UnknownMetric as error:
                found[key] = error
        found |= self.query_metrics(list(known.values()), query, context)
        return {key: found[key] for key in keys}

    def get_plan(self, metrics: Sequence[Metric]) -> CompiledPlan:
        """The plan by which these metrics are answered; metrics that are not of the catalog have one of their own."""
        shared = self._shared_plan
        if shared is not None and not all(
            key in shared.plan.metrics for each in metrics for key in collect_keys(each.table_metrics)
        ):
            shared = None
        if shared is not None and not self._plans:
            return shared
        keys = collect_keys(metrics)
        with self._lock:
            found = self._plans.get(keys)
        if found is None:
            found = shared or self._keep_plan(keys, self._compile_plan(metrics))
        return found

    def query_metrics(
        self, metrics: Sequence[Metric], query: MetricQuery, context: RequestContext
    ) -> dict[str, WidgetAnswer]:
        """The answers for metrics over the catalog's tables, hidden ones too, from one plan.

        Raises WarehouseUnavailable.
        """
        compiled = self.get_plan(metrics)
        try:
            return self._build_answers(metrics, compiled, query, context)
        except WarehouseUnavailable:
            if compiled is not self._shared_plan or context.offline:
                raise
            self.warehouse.ping()
        # The warehouse is there: what it refuses may be what another metric needs of the same scan.
        alone = self._compile_plan(metrics)
        answers = self._build_answers(metrics, alone, query, context)
        self._keep_plan(collect_keys(metrics), alone)
        return answers

    def _build_answers(
        self, metrics: Sequence[Metric], compiled: CompiledPlan, query: MetricQuery, context: RequestContext
    ) -> dict[str, WidgetAnswer]:
        active = context.connected if query.sources is None else context.connected & query.sources
        dialect = self.warehouse.dialect
        buckets = build_period_buckets(query.start, query.end, query.grain, query.compare, dialect)
        fetcher = ScanFetcher(
            warehouse=self.warehouse,
            cache=self.cache,
            catalog=self.catalog.version,
            compiled=compiled,
            query=query,
            buckets=buckets,
            context=context,
        )
        plans = {
            part.key: compiled.plan.metrics[part.key]
            for metric in metrics
            for part in metric.table_metrics
            if part.table.source in active
        }
        results = {
            key: aggregate_metric(each, fetcher.fetch_metric_rows(each), buckets, dialect)
            for key, each in plans.items()
        }
        items = {
            key: fetcher.fetch_items(each.items, mixed=results[key].currency == MIXED)
            for key, each in plans.items()
            if each.items is not None
        }
        table_results = TableResults(results, items, buckets)
        is_down = self.cache is not None and (context.offline or self._is_warehouse_down(fetcher.cached_rows.values()))
        answers = {}
        for metric in metrics:
            answer = build_body(metric, build_result(metric, table_results), query, buckets, active)
            used = [part.key for part in metric.table_metrics if part.key in plans]
            made_of = tuple([results[key] for key in used])
            if self.cache is None:
                answers[metric.key] = WidgetAnswer(answer, is_cached=False, stale_seconds=None, results=made_of)
                continue
            found = [fetcher.cached_rows[scan] for key in used for scan in iter_scans(plans[key])]
            answers[metric.key] = self._build_cached_answer(answer, found, is_down, made_of)
        return answers

    def _build_cached_answer(
        self, answer: Body, found: Sequence[CachedRows], is_down: bool, made_of: tuple[MetricResult, ...]
    ) -> WidgetAnswer:
        cached = all(each.is_cached for each in found)
        if not is_down and not any(each.is_stale for each in found):
            return WidgetAnswer(answer, cached, None, made_of)
        answer["meta"]["stale"] = True
        return WidgetAnswer(answer, cached, max((each.age for each in found), default=0.0), made_of)

    def _is_warehouse_down(self, found: Collection[CachedRows]) -> bool:
        """Whether the warehouse is away while everything was found in the cache."""
        return bool(found) and all(each.is_cached for each in found) and not self._health.is_up()

    def _compile_plan(self, metrics: Sequence[Metric]) -> CompiledPlan:
        return CompiledPlan(plan(metrics), self.statements)

    def _keep_plan(self, keys: tuple[str, ...], compiled: CompiledPlan) -> CompiledPlan:
        with self._lock:
            self._plans[keys] = compiled
        return compiled


def collect_keys(metrics: Iterable[Metric]) -> tuple[str, ...]:
    return tuple([metric.key for metric in metrics])


def iter_scans(plan: MetricPlan) -> Iterator[Scan | ItemsScan]:
    yield plan.whole.scan
    if plan.members is not None:
        yield plan.members.scan
    if plan.items is not None:
        yield plan.items
