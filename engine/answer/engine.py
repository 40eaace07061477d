"""The engine: answers metric queries from a catalog and a warehouse."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from time import monotonic
from typing import TypeAlias

from engine.answer.aggregate import MetricResult
from engine.answer.breakdown import break_down, describe_dimensions, list_members_of, select_members
from engine.answer.cache import Cache, CachedRows
from engine.answer.fetch import RequestContext, RowDaysCache, ScanFetcher
from engine.answer.receipts.explanation import build_explanation
from engine.answer.receipts.receipt import Receipt
from engine.answer.request import BuiltWidget, WidgetRequest
from engine.answer.response import Body
from engine.answer.tables import check_rows
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import Metric, TableMetric
from engine.compiler.planner import plan
from engine.compiler.statements import CompiledPlan, StatementCompiler
from engine.errors import InvalidQuery, UnknownMetric, WarehouseTimeout, WarehouseUnavailable
from engine.query import MetricQuery, check_dimensions
from engine.warehouse.health import HealthCheck
from engine.warehouse.warehouse import Warehouse

# More than one plan for each widget: a dashboard queries many widgets in one batch.
MAX_PLANS = 2_000
# A plan may avoid a scan that failed; after these seconds that scan is tried again.
FALLBACK_PLAN_SECONDS = 600

Metrics = tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class WidgetAnswer:
    """The answer of GET /v1/widgets/{key}, and where it came from.

    `metric` is the widget, broken down as the request says. `is_cached` tells that nothing had to be read.
    `stale_seconds` is the age of the oldest rows where the answer is stale because a database is down, and None
    otherwise; the body says so too, in `meta.stale`. Until `expires_at`, by `time.monotonic`, the same question has the
    same answer, unless the catalog, the tenant or its data changes.
    """

    metric: Metric
    built: BuiltWidget
    is_cached: bool
    stale_seconds: float | None
    expires_at: float = -math.inf

    @property
    def body(self) -> Body:
        return self.built.body

    @property
    def results(self) -> tuple[MetricResult, ...]:
        """The results of the metrics over tables that the answer is built from."""
        return self.built.results


# What one of several keys comes to.
AnswerOrError: TypeAlias = WidgetAnswer | UnknownMetric | InvalidQuery | WarehouseUnavailable


class Engine:
    """Answers metric queries. What does not depend on the query is computed once. Thread-safe.

    With a cache, a scan has what all metrics of the catalog need of it, so that the first query pays for the others.
    Without one, a scan has only what the query needs.
    """

    def __init__(self, catalog: Catalog, warehouse: Warehouse, cache: Cache | None = None) -> None:
        self.catalog = catalog
        self.warehouse = warehouse
        self.cache = cache
        self.statements = StatementCompiler(warehouse.dialect, catalog.tables.values())
        self._shared_plan = None if cache is None else CompiledPlan(plan(catalog.metrics.values()), self.statements)
        # A plan for each set of metrics, and those without the scans that failed, which are few.
        self._find_plan = lru_cache(MAX_PLANS)(self._plan_metrics)
        self._fallback_plans: dict[Metrics, tuple[float, CompiledPlan]] = {}
        # Kept for as long as the rows of a scan, but in this process: every answer needs them.
        self._row_days = None if cache is None else RowDaysCache(cache.ttl)
        self.health = HealthCheck(warehouse)

    def query_body(
        self, key: str, query: MetricQuery, *, tenant: str, connected: frozenset[str], data_version: int = 0
    ) -> Body:
        """Return the body of GET /v1/widgets/{key} for this tenant and its connected sources.

        Raises UnknownMetric, WarehouseUnavailable.
        """
        return self.query(
            key, query, RequestContext(tenant=tenant, connected=connected, data_version=data_version)
        ).body

    def query(self, key: str, query: MetricQuery, context: RequestContext) -> WidgetAnswer:
        """Return the answer for one key. Raises UnknownMetric, InvalidQuery, WarehouseUnavailable."""
        metric = break_down(self.catalog.get_widget(key), query)
        return self.query_metrics([metric], query, context)[key]

    def query_many(self, keys: Sequence[str], query: MetricQuery, context: RequestContext) -> dict[str, AnswerOrError]:
        """Return the answers for several keys, from one plan; an unknown key gets its error.

        So does a widget that lacks what the query says of breakdowns and tables, and one that the warehouse refuses
        while it answers others. Raises InvalidQuery for a filter by what is no dimension, and WarehouseUnavailable.
        """
        metrics: dict[str, Metric] = {}
        found: dict[str, AnswerOrError] = {}
        for key in keys:
            try:
                metric = break_down(self.catalog.get_widget(key), query)
                check_rows(query, [metric])
                metrics[key] = metric
            except (UnknownMetric, InvalidQuery) as error:
                found[key] = error
        found |= self.query_each(list(metrics.values()), query, context)
        return {key: found[key] for key in keys}

    def query_each(
        self, metrics: Sequence[Metric], query: MetricQuery, context: RequestContext
    ) -> Mapping[str, WidgetAnswer | WarehouseUnavailable]:
        """Answer metrics from one plan; where some of them cannot be answered, these have their error.

        Raises InvalidQuery as `query_metrics` does, and WarehouseUnavailable where there is no answer at all or the
        time is up.
        """
        try:
            return self.query_metrics(metrics, query, context)
        except WarehouseTimeout:
            raise
        except WarehouseUnavailable:
            if len(metrics) == 1:
                raise
            # Without a warehouse, the cache may still answer some.
            context = replace(context, offline=context.offline or not self._is_up())
            found = {metric.key: self._query_or_refuse(metric, query, context) for metric in metrics}
            if not any(isinstance(each, WidgetAnswer) for each in found.values()):
                raise
        return found

    def _is_up(self) -> bool:
        try:
            self.warehouse.ping()
        except WarehouseUnavailable:
            return False
        return True

    def _query_or_refuse(
        self, metric: Metric, query: MetricQuery, context: RequestContext
    ) -> WidgetAnswer | WarehouseUnavailable:
        try:
            return self.query_metrics([metric], query, context)[metric.key]
        except WarehouseTimeout:
            raise
        except WarehouseUnavailable as unavailable:
            return unavailable

    def query_members(
        self, key: str, dimension: str, query: MetricQuery, context: RequestContext, *, search: str, limit: int
    ) -> tuple[list[Body], WidgetAnswer | None]:
        """Return the largest members of a widget's dimension, and the answer that tells them, if its source is on.

        A filter by the dimension itself does not apply. Raises UnknownMetric, InvalidQuery, WarehouseUnavailable.
        """
        active = context.connected if query.sources is None else context.connected & query.sources
        metric = list_members_of(self.catalog.get_widget(key), dimension, active)
        check_dimensions(query, self.catalog.dimensions, describe_dimensions(self.catalog.get_widget(key)))
        if metric is None:
            return [], None
        filters = tuple(each for each in query.filters if each.dimension != dimension)
        answer = self.query_metrics([metric], replace(query, filters=filters), context)[metric.key]
        return select_members(answer.body["table"]["rows"], search, limit), answer

    def explain(
        self, key: str, query: MetricQuery, context: RequestContext, before: Receipt | None = None
    ) -> tuple[Body, WidgetAnswer]:
        """Return what the answer for one key rests on, and the answer; `before` is a receipt to compare with.

        Raises UnknownMetric, InvalidQuery, WarehouseUnavailable.
        """
        answer = self.query(key, query, context)
        return build_explanation(answer.metric, answer.built, self.catalog, query, before), answer

    def get_plan(self, metrics: Sequence[Metric]) -> CompiledPlan:
        """Return the compiled plan that answers these metrics; those outside of the catalog's plan are added to it."""
        asked = tuple(metrics)
        if self._fallback_plans and (fallback := self._fallback_plans.get(asked)) is not None:
            if fallback[0] > monotonic():
                return fallback[1]
            self._fallback_plans.pop(asked, None)
        return self._find_plan(asked)

    def _plan_metrics(self, metrics: Metrics) -> CompiledPlan:
        shared = self._shared_plan
        if shared is None:
            return self._compile_plan(metrics)
        parts = {part.key: part for each in metrics for part in each.planned_metrics}
        others = [part for part in parts.values() if not is_planned(part, shared)]
        if not others:
            return shared
        if len(others) == len(parts):
            return self._compile_plan(metrics)
        return CompiledPlan(shared.plan.join(plan(others)), self.statements)

    def query_metrics(
        self, metrics: Sequence[Metric], query: MetricQuery, context: RequestContext
    ) -> dict[str, WidgetAnswer]:
        """Answer metrics over the catalog's tables, hidden ones too, from one plan.

        Raises InvalidQuery for a filter by what is no dimension or an order by what is no column, and
        WarehouseUnavailable.
        """
        if query.filters:
            own = describe_dimensions(metrics[0]) if len(metrics) == 1 else ""
            check_dimensions(query, self.catalog.dimensions, own)
        check_rows(query, metrics)
        compiled = self.get_plan(metrics)
        try:
            return self._build_answers(metrics, compiled, query, context)
        except WarehouseTimeout:
            raise
        except WarehouseUnavailable:
            needed = {part.key for each in metrics for part in each.planned_metrics}
            if context.offline or compiled.plan.metrics.keys() <= needed:
                raise
            self.warehouse.ping()
        # The warehouse is up: it may have refused what another metric needs of the same scan.
        alone = self._compile_plan(metrics)
        answers = self._build_answers(metrics, alone, query, context)
        if len(self._fallback_plans) >= MAX_PLANS:
            self._fallback_plans.clear()
        self._fallback_plans[tuple(metrics)] = (monotonic() + FALLBACK_PLAN_SECONDS, alone)
        return answers

    def _build_answers(
        self, metrics: Sequence[Metric], compiled: CompiledPlan, query: MetricQuery, context: RequestContext
    ) -> dict[str, WidgetAnswer]:
        fetcher = ScanFetcher(
            warehouse=self.warehouse,
            cache=self.cache,
            catalog=self.catalog.version,
            compiled=compiled,
            query=query,
            context=context,
            row_days=self._row_days,
        )
        request = WidgetRequest(fetcher, self.catalog.metrics)
        found = {metric: request.build_widget(metric) for metric in metrics}
        is_down = self.cache is not None and (context.offline or self._is_warehouse_down(fetcher.cached_rows))
        if self.cache is None:
            return {
                metric.key: WidgetAnswer(metric, built, is_cached=False, stale_seconds=None)
                for metric, built in found.items()
            }
        expiry = -math.inf if is_down else fetcher.get_expiry()
        return {
            metric.key: self._build_cached_answer(metric, built, is_down, expiry) for metric, built in found.items()
        }

    def _build_cached_answer(
        self, metric: Metric, built: BuiltWidget, is_down: bool, expires_at: float
    ) -> WidgetAnswer:
        cached_rows = [each.rows for each in built.reads]
        cached = all(each.is_cached for each in cached_rows)
        if not is_down and not any(each.is_stale for each in cached_rows):
            return WidgetAnswer(metric, built, cached, None, expires_at)
        built.body["meta"]["stale"] = True
        return WidgetAnswer(metric, built, cached, max((each.age for each in cached_rows), default=0.0))

    def _is_warehouse_down(self, cached_rows: Collection[CachedRows]) -> bool:
        """Whether the warehouse is down although the cache had everything."""
        return bool(cached_rows) and all(each.is_cached for each in cached_rows) and not self.health.is_up()

    def _compile_plan(self, metrics: Sequence[Metric]) -> CompiledPlan:
        return CompiledPlan(plan(metrics), self.statements)


def is_planned(metric: TableMetric, compiled: CompiledPlan) -> bool:
    """Whether a plan has just this metric, and not the same one broken down otherwise."""
    planned = compiled.plan.metrics.get(metric.key)
    return planned is not None and planned.metric is metric
