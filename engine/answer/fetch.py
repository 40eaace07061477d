"""Scans → rows, from the cache or the warehouse; a query reads each scan once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.answer.aggregate import PeriodBuckets, Row
from engine.answer.cache import Cache, CachedRows, CacheKey, hash_text
from engine.answer.items import build_items
from engine.answer.response import Body
from engine.calendar import Window
from engine.compiler.plan import ItemsScan, MetricPlan, Scan, Shape
from engine.compiler.statements import CompiledPlan
from engine.errors import LayoutMismatch, WarehouseUnavailable
from engine.query import MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """The caller's tenant, its connected sources and the version of its facts.

    With `offline` only the cache may answer.
    """

    tenant: str
    connected: frozenset[str]
    data_version: int = 0
    offline: bool = False


class ScanFetcher:
    """Fetches the rows that one query needs; `cached_rows` has those of each scan so far."""

    def __init__(
        self,
        *,
        warehouse: Warehouse,
        cache: Cache | None,
        catalog: str,
        compiled: CompiledPlan,
        query: MetricQuery,
        buckets: PeriodBuckets,
        context: RequestContext,
    ) -> None:
        self.warehouse = warehouse
        self.cache = cache
        self.catalog = catalog
        self.compiled = compiled
        self.query = query
        self.buckets = buckets
        self.context = context
        self.ranges = query.period.ranges
        self.cached_rows: dict[Scan | ItemsScan, CachedRows] = {}

    def fetch_metric_rows(self, plan: MetricPlan) -> Mapping[Scan, Sequence[Row]]:
        """Return the rows of each scan of the metric."""
        scans = [projection.scan for projection in (plan.whole, plan.members) if projection is not None]
        return {scan: self.fetch_scan(scan) for scan in scans}

    def fetch_scan(self, scan: Scan) -> Sequence[Row]:
        sql = self.compiled.get_scan_sql(scan, len(self.ranges))
        if scan.shape is Shape.DAYS:
            return self.fetch_once(scan, sql, lambda: self.bind_parameters(self.ranges), self.ranges)
        query = self.query
        slots = (query.start, query.end, query.grain, query.compare)

        def parameters() -> dict[str, Any]:
            bound = self.bind_parameters(self.ranges if scan.breakdown is not None else ())
            return bound | {"slots": self.warehouse.dialect.bind_slots(self.buckets.slot_days)}

        return self.fetch_once(scan, sql, parameters, self.ranges, slots=slots)

    def fetch_items(self, scan: ItemsScan, *, mixed: bool) -> list[Body]:
        sql = self.compiled.get_items_sql(scan)
        window = (Window(self.query.start, self.query.end),)
        ranked_by_money = scan.items.order.expression.money

        def parameters() -> dict[str, Any]:
            return self.bind_parameters(window) | ({"mixed": int(mixed)} if ranked_by_money else {})

        rows = self.fetch_once(scan, sql, parameters, window, mixed=mixed if ranked_by_money else None)
        return build_items(scan, rows, mixed=mixed)

    def build_cache_key(self, sql: str, days: tuple[Window, ...], **more: Any) -> CacheKey:
        return CacheKey(
            tenant=self.context.tenant,
            dialect=self.warehouse.dialect.name,
            catalog=self.catalog,
            statement=hash_text(sql),
            days=days,
            data_version=self.context.data_version,
            **more,
        )

    def fetch_once(
        self,
        scan: Scan | ItemsScan,
        sql: str,
        parameters: Callable[[], dict[str, Any]],
        days: tuple[Window, ...],
        **more: Any,
    ) -> Sequence[Row]:
        """Fetch the rows of a scan's statement, once; `days` and `more` go into the cache key.

        Raises WarehouseUnavailable.
        """
        found = self.cached_rows.get(scan)
        if found is None:
            found = self.cached_rows[scan] = self.fetch_through_cache(
                lambda: self.query_table(scan.table, sql, parameters()),
                lambda: self.build_cache_key(sql, days, **more),
            )
        return found.rows

    def query_table(self, table: Table, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Query the warehouse; a mismatch names the declared table. Raises WarehouseUnavailable."""
        try:
            return self.warehouse.query(sql, parameters)
        except LayoutMismatch as mismatch:
            raise LayoutMismatch(f"{mismatch} (read for the declared table {table.name!r})") from mismatch

    def fetch_through_cache(
        self, fetch_rows: Callable[[], Sequence[Row]], build_key: Callable[[], CacheKey]
    ) -> CachedRows:
        if self.cache is None:
            return CachedRows(fetch_rows())
        if not self.context.offline:
            return self.cache.get_or_fetch(build_key(), fetch_rows)
        stale = self.cache.get_stale(build_key())
        if stale is None:
            raise WarehouseUnavailable("the cache holds no answer")
        return stale

    def bind_parameters(self, windows: Sequence[Window]) -> dict[str, Any]:
        """Bind the tenant and the days to read, in the driver's form."""
        dialect = self.warehouse.dialect
        parameters: dict[str, Any] = {"tenant": dialect.bind_tenant_id(self.context.tenant)}
        for index, window in enumerate(windows):
            parameters[f"start{index}"], parameters[f"end{index}"] = (
                dialect.bind_day(window.start),
                dialect.bind_day(window.end),
            )
        return parameters
