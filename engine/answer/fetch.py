"""Scans → rows, from the cache or the warehouse; a query reads each scan once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from operator import itemgetter
from threading import Lock
from time import monotonic
from typing import Any

from cachetools import LRUCache

from engine.answer.cache import Cache, CachedRows, CacheKey, hash_text
from engine.answer.extent import AccountReads, Extent, find_extent
from engine.answer.freshness import DataNote
from engine.answer.items import build_items
from engine.answer.windows import PeriodBuckets
from engine.calendar import Lookback, Window
from engine.compiler.builder import SCANNED
from engine.compiler.dialects.base import Dialect
from engine.compiler.filters import bind_filters, get_filter_shapes
from engine.compiler.plan import ItemsScan, LabelScan, Scan, Shape
from engine.compiler.statements import CompiledPlan
from engine.errors import LayoutMismatch, WarehouseUnavailable
from engine.language.function_values import Row
from engine.query import DimensionFilter, MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse

Filters = tuple[DimensionFilter, ...]
# The first and the last day with rows; nothing without rows.
RowDays = tuple[date, date] | tuple[()]
# A table, a tenant and the version of its data.
RowDaysKey = tuple[Table, str, int]
MAX_ROW_DAYS = 100_000
# Few texts make most answers: each is digested once.
hash_statement = lru_cache(1_024)(hash_text)
QueryTable = Callable[[Table, str, Mapping[str, Any]], Sequence[Row]]
BindParameters = Callable[[], dict[str, Any]]
# It is true of the first and last days that come with a scan's rows.
get_end_mark = itemgetter(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """The caller's tenant, its connected sources and the version of its facts.

    `reads` tells how far each connected account of a table has been read by syncs, and `notes` what is to be known of
    some days; it has to be told anew at `expires_at`, by `time.monotonic`. With `offline` only the cache may answer.
    """

    tenant: str
    connected: frozenset[str]
    data_version: int = 0
    reads: AccountReads = field(default_factory=dict)
    notes: Sequence[DataNote] = ()
    expires_at: float = math.inf
    offline: bool = False


class RowDaysCache:
    """The first and last days of tables, for `ttl` seconds from when they were read, in this process. Thread-safe.

    Every answer needs them, so that they are worth more than a place in the cache of rows.
    """

    def __init__(self, ttl: float) -> None:
        self.ttl = ttl
        self._lock = Lock()
        self._kept: LRUCache[RowDaysKey, tuple[float, RowDays]] = LRUCache(MAX_ROW_DAYS)

    def get(self, key: RowDaysKey) -> tuple[float, RowDays] | None:
        """Return when the days expire, and the days; None where they are not kept."""
        with self._lock:
            found = self._kept.get(key)
        return found if found is not None and found[0] > monotonic() else None

    def put(self, key: RowDaysKey, days: RowDays, *, age: float) -> None:
        with self._lock:
            self._kept[key] = (monotonic() + self.ttl - age, days)


@dataclass(slots=True, eq=False)
class StatementRead:
    """A statement, what it binds, and the rows that it came to; `bind` makes the parameters anew."""

    table: Table
    sql: str
    bind: BindParameters
    rows: CachedRows


class ScanFetcher:
    """Fetches the rows that one query needs, each once."""

    def __init__(
        self,
        *,
        warehouse: Warehouse,
        cache: Cache | None,
        catalog: str,
        compiled: CompiledPlan,
        query: MetricQuery,
        context: RequestContext,
        row_days: RowDaysCache | None = None,
    ) -> None:
        self.warehouse = warehouse
        self.cache = cache
        self.catalog = catalog
        self.compiled = compiled
        self.query = query
        # Looked up once: an answer needs it a dozen times.
        self.period = query.period
        self.context = context
        self.extents: dict[Table, Extent | None] = {}
        # The first and last days of physical tables, as far as they are known.
        self._row_days_cache = row_days
        self._row_days: dict[Table, RowDays] = {}
        self._began_at, self._expires_at = monotonic(), context.expires_at
        self._reads: dict[Hashable, StatementRead] = {}
        # What has come through the cache so far.
        self.cached_rows: list[CachedRows] = []

    def get_expiry(self) -> float:
        """Return until when the cache would give what has been fetched so far, by `time.monotonic`."""
        if self.cache is None or any(rows.is_stale for rows in self.cached_rows):
            return -math.inf
        oldest = max((rows.age for rows in self.cached_rows), default=0.0)
        return min(self._expires_at, self._began_at + self.cache.ttl - oldest)

    def fetch_extent(self, table: Table) -> Extent | None:
        """Return the known days of a table; None where it has no rows."""
        if table not in self.extents:
            self.extents[table] = find_extent(table, self.fetch_row_days, self.context.reads)
        return self.extents[table]

    def fetch_row_days(self, table: Table) -> tuple[date, date] | None:
        """Return the first and the last day of which a physical table has rows."""
        found = self.find_row_days(table)
        if found is None:
            sql, bind = self.compiled.statements.get_row_days_sql(table), self.bind_later(())
            rows = self.fetch_through_cache(
                lambda: self.query_table(table, sql, bind()), lambda: self.build_cache_key(sql, ())
            )
            found = self.keep_row_days(table, rows)
        return found or None

    def store_row_days(self, table: Table, rows: Sequence[Row]) -> CachedRows:
        """Store the first and the last day of a table, as they have just been read, in the cache."""
        if self.cache is None:
            return CachedRows(rows)
        key = self.build_cache_key(self.compiled.statements.get_row_days_sql(table), ())
        return self.cache.put(key, rows)

    def keep_row_days(self, table: Table, rows: CachedRows) -> RowDays:
        """Keep the first and the last day of a table for this request, and for others of this process."""
        format_day = self.warehouse.dialect.format_day
        days = sorted([date.fromisoformat(format_day(row[0])) for row in rows.rows])
        found = self._row_days[table] = (days[0], days[-1]) if days else ()
        if self._row_days_cache is not None and not rows.is_stale:
            self._row_days_cache.put(self.get_row_days_key(table), found, age=rows.age)
        return found

    def find_row_days(self, table: Table) -> RowDays | None:
        """Return the first and the last day of a physical table as far as they are known without a statement."""
        found = self._row_days.get(table)
        if found is None and self._row_days_cache is not None:
            kept = self._row_days_cache.get(self.get_row_days_key(table))
            if kept is not None:
                self._expires_at = min(self._expires_at, kept[0])
                found = self._row_days[table] = kept[1]
        return found

    def get_row_days_key(self, table: Table) -> RowDaysKey:
        return table, self.context.tenant, self.context.data_version

    def list_unknown_tables(self, table: Table) -> tuple[Table, ...]:
        """List the physical tables that a table is read from whose first and last days are unknown."""
        return tuple([each for each in table.list_physical_tables() if self.find_row_days(each) is None])

    def fetch_scan(
        self,
        scan: Scan,
        filters: Filters,
        buckets: PeriodBuckets,
        to_date: date | None,
        lookback: Lookback | None = None,
    ) -> StatementRead:
        """Read a scan; the rows of slots depend on the day up to which an unfinished window is known."""
        if scan.shape is Shape.DAYS:
            return self.fetch_days(scan, filters, lookback)
        if scan.shape is Shape.WINDOWS:
            # A window that is unfinished is read once more, up to the day to which it is known.
            windows = tuple([index.axis.window for index in buckets.list_all()])
            sql = self.compiled.get_scan_sql(scan, len(windows), get_filter_shapes(filters))
            bind = self.bind_later(windows, filters)
            return self.fetch_once((scan, filters, windows), scan.table, sql, bind, windows, filters=filters)
        query, ranges = self.query, self.period.get_ranges(lookback)
        sql = self.compiled.get_scan_sql(scan, len(ranges), get_filter_shapes(filters))
        slots = (query.start, query.end, query.grain, query.compare, query.compare_start, to_date)
        bind = self.bind_later(ranges if scan.breakdown is not None else (), filters, buckets=buckets)
        return self.fetch_once((scan, filters, to_date), scan.table, sql, bind, ranges, slots=slots, filters=filters)

    def fetch_days(self, scan: Scan, filters: Filters, lookback: Lookback | None) -> StatementRead:
        """Read a scan of days, whose statement brings the first and last days of its tables too, unless known.

        What points look back to is read in a statement of its own, so that no other metric reads more days.
        """
        identity = (scan, filters, lookback)
        found = self._reads.get(identity)
        if found is not None:
            return found
        ranges = self.period.get_ranges(lookback)
        shapes, query = get_filter_shapes(filters), self.query_table
        sql = self.compiled.get_scan_sql(scan, len(ranges), shapes)
        if scan.member is None and (unknown := self.list_unknown_tables(scan.table)):
            longer = self.compiled.get_scan_sql(scan, len(ranges), shapes, unknown)
            query = partial(self.query_with_row_days, longer, unknown)
        bind = self.bind_later(ranges, filters)
        return self.fetch_once(identity, scan.table, sql, bind, ranges, query, filters=filters)

    def query_with_row_days(
        self, longer: str, unknown: Sequence[Table], table: Table, sql: str, parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Query a scan by the longer statement, which brings the first and last days of unknown tables too."""
        rows = sorted(self.query_table(table, longer, parameters), key=get_end_mark)
        scanned = bisect_right(rows, SCANNED, key=get_end_mark)
        ends = rows[scanned:]
        del rows[scanned:]
        for place, each in enumerate(unknown, SCANNED + 1):
            days = [row[:1] for row in ends if row[-1] == place]
            # They are kept before the rows are, so that whoever waits for these finds them.
            self.keep_row_days(each, self.store_row_days(each, days))
        # Rows that are kept have the same columns whichever statement brings them; otherwise nobody reads the mark.
        return rows if self.cache is None else [row[:-1] for row in rows]

    def fetch_labels(self, scan: LabelScan, filters: Filters, ranges: tuple[Window, ...]) -> StatementRead:
        """Read each label of each member, and its last day."""
        sql = self.compiled.get_labels_sql(scan, len(ranges), get_filter_shapes(filters))
        bind = self.bind_later(ranges, filters)
        return self.fetch_once((scan, filters, ranges), scan.table, sql, bind, ranges, filters=filters)

    def fetch_items(
        self, scan: ItemsScan, filters: Filters, *, mixed: bool
    ) -> tuple[StatementRead, list[dict[str, Any]]]:
        """Read a list, and return its items too."""
        sql = self.compiled.get_items_sql(scan, get_filter_shapes(filters))
        window = (Window(self.query.start, self.query.end),)
        extent = self.fetch_extent(scan.table)
        is_known = extent is not None and extent.find_last_day(window[0]) is not None
        given = mixed if scan.items.order.expression.money else None
        bind = self.bind_later(window, filters, mixed=given)
        read = self.fetch_once((scan, filters, given), scan.table, sql, bind, window, mixed=given, filters=filters)
        return read, build_items(scan, read.rows.rows, mixed=mixed, is_known=is_known)

    def build_cache_key(self, sql: str, days: tuple[Window, ...], **more: Any) -> CacheKey:
        return CacheKey(
            tenant=self.context.tenant,
            dialect=self.warehouse.dialect.name,
            catalog=self.catalog,
            statement=hash_statement(sql),
            days=days,
            data_version=self.context.data_version,
            **more,
        )

    def fetch_once(
        self,
        identity: tuple[Hashable, ...],
        table: Table,
        sql: str,
        bind: BindParameters,
        days: tuple[Window, ...],
        query: QueryTable | None = None,
        **more: Any,
    ) -> StatementRead:
        """Read a statement's rows, once for each identity; `days` and `more` go into the cache key.

        `query` is what queries it, if it is not to be queried alone.

        Raises WarehouseUnavailable.
        """
        found = self._reads.get(identity)
        if found is None:
            run = query or self.query_table
            rows = self.fetch_through_cache(
                lambda: run(table, sql, bind()), lambda: self.build_cache_key(sql, days, **more)
            )
            found = self._reads[identity] = StatementRead(table, sql, bind, rows)
        return found

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
        found = (
            self.cache.get_stale(build_key())
            if self.context.offline
            else self.cache.get_or_fetch(build_key(), fetch_rows)
        )
        if found is None:
            raise WarehouseUnavailable("the cache holds no answer")
        self.cached_rows.append(found)
        return found

    def bind_later(
        self,
        windows: Sequence[Window],
        filters: Filters = (),
        *,
        buckets: PeriodBuckets | None = None,
        mixed: bool | None = None,
    ) -> BindParameters:
        """Return what binds a statement's parameters; it holds nothing of this request, which is freed at once."""
        dialect = self.warehouse.dialect
        return partial(bind_parameters, dialect, self.context.tenant, windows, filters, buckets=buckets, mixed=mixed)


def bind_parameters(
    dialect: Dialect,
    tenant: str,
    windows: Sequence[Window],
    filters: Filters,
    *,
    buckets: PeriodBuckets | None,
    mixed: bool | None,
) -> dict[str, Any]:
    """Bind the tenant, the days to read, the members and what else a statement needs, in the driver's form."""
    parameters: dict[str, Any] = {"tenant": dialect.bind_tenant_id(tenant)}
    for index, window in enumerate(windows):
        parameters[f"start{index}"] = dialect.bind_day(window.start)
        parameters[f"end{index}"] = dialect.bind_day(window.end)
    if filters:
        parameters |= bind_filters(filters)
    if buckets is not None:
        parameters["slots"] = dialect.bind_slots(buckets.slot_days)
    if mixed is not None:
        parameters["mixed"] = int(mixed)
    return parameters
