"""The first and the last days of tables: the scans bring them, on every engine, and no answer is another for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.answer.cache import Cache, CacheEntry, MemoryStore
from engine.answer.engine import Engine, WidgetAnswer
from engine.answer.fetch import RequestContext
from engine.calendar import Compare
from engine.errors import LayoutMismatch
from engine.query import DimensionFilter, MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import DAYS, ME, load_files, make_file, make_row

METRICS = {
    "m.days": {"table": "days", "value": "sum(x)"},
    "m.empty": {"table": "empty", "value": "sum(x)"},
    # Its rows are of members, of two tables.
    "m.who": {"table": "both", "value": "sum(x)", "by": "who", "top": 1},
    # Its rows have texts.
    "m.spend": {"table": "others", "value": "sum(spend)", "format": "currency", "total": "last"},
    # It has no scan of days.
    "m.whose": {"table": "others", "value": "count(distinct who)"},
}
KEYS = tuple(METRICS)
BOTH = {
    "time": "date",
    "sql": "SELECT user_id, date, who, x FROM {{ table('days') }} UNION ALL "
    "SELECT user_id, date, who, x FROM {{ table('others') }}",
    "columns": {"user_id": "uuid", "date": "date", "who": "text", "x": "bigint"},
}
WEEK = MetricQuery(date(2025, 1, 1), date(2025, 1, 8), Compare.PREVIOUS_PERIOD)
# Windows that touch, and windows with a gap.
QUERIES = (WEEK, replace(WEEK, compare=Compare.PREVIOUS_YEAR))
EXPECTED_THROUGH = {
    "m.days": "2025-01-06",
    "m.empty": None,
    "m.who": "2025-01-04",
    "m.spend": "2025-01-04",
    "m.whose": "2025-01-04",
}
EXPECTED_VALUES = {"m.days": 3, "m.empty": None, "m.who": 15, "m.spend": 5, "m.whose": 2}
CONTEXT = RequestContext(tenant=ME, connected=frozenset(("ga4",)))


class ListeningWarehouse(Warehouse):
    """A warehouse that keeps the texts of its statements."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.texts: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        # Without pings.
        self.texts += [sql] if sql != "SELECT 1" else []
        return super().query(sql, parameters)


@contextmanager
def open_engine(url: str, *, cached: bool) -> Iterator[Engine]:
    days = {**DAYS, "dimensions": {"who": "who"}}
    tables = {"days": days, "others": {**DAYS, "account": "who"}, "empty": DAYS, "both": BOTH}
    catalog, warehouse = load_files(make_file(METRICS, tables)), ListeningWarehouse(url)
    warehouse.create_tables(catalog.tables.values())
    rows = [make_row("2025-01-02", x=1, who="a"), make_row("2025-01-05", x=2, who="b"), make_row("2024-01-05", x=7)]
    others = [make_row("2025-01-03", x=4, who="a", spend=2), make_row("2025-01-04", x=8, who="b", spend=3)]
    # A day of which nothing has a value is a day with rows.
    warehouse.upsert(catalog.tables["days"], [*rows, make_row("2025-01-06")])
    warehouse.upsert(catalog.tables["others"], others)
    yield Engine(catalog, warehouse, make_cache() if cached else None)
    warehouse.close()


def make_cache() -> Cache:
    return Cache(MemoryStore(seconds=60), ttl=60)


def query_bodies(engine: Engine, query: MetricQuery, keys: Sequence[str] = KEYS) -> dict[str, Any]:
    found = engine.query_many(keys, query, CONTEXT)
    return {key: each.body for key, each in found.items() if isinstance(each, WidgetAnswer)}


@pytest.mark.parametrize("cached", [True, False])
def test_scans_of_days_bring_the_first_and_last_days_of_their_tables(warehouse_url: str, cached: bool) -> None:
    with open_engine(warehouse_url, cached=cached) as engine:
        warehouse = engine.warehouse
        assert isinstance(warehouse, ListeningWarehouse)
        for query in QUERIES:
            warehouse.texts.clear()
            together = query_bodies(engine, query)
            # A statement for each scan.
            assert len(warehouse.texts) == len(KEYS)
            warehouse.texts.clear()
            assert query_bodies(engine, query) == together
            assert (warehouse.texts == []) is cached
            single = Engine(engine.catalog, warehouse, make_cache() if cached else None)
            assert {key: query_bodies(single, query, [key])[key] for key in KEYS} == together
            through = {key: together[key]["meta"]["data_through"] for key in KEYS}
            assert through == EXPECTED_THROUGH
            assert {key: together[key]["stats"]["value"] for key in KEYS} == EXPECTED_VALUES
        assert together["m.days"]["stats"]["previous"] == 7
        assert [each["name"] for each in together["m.who"]["series"]] == ["b", "Other"]


class LoggingStore(MemoryStore):
    """A store in memory that writes down which entries are locked and put."""

    def __init__(self) -> None:
        super().__init__(seconds=60)
        self.locked: list[str] = []
        self.put_rows: list[int] = []

    def lock_entry(self, store_key: str) -> AbstractContextManager[CacheEntry | None]:
        self.locked.append(store_key)
        return super().lock_entry(store_key)

    def put(self, store_key: str, entry: CacheEntry) -> None:
        self.put_rows.append(len(entry.rows))
        super().put(store_key, entry)


def test_what_a_scan_brings_of_its_table_is_stored_without_a_lock_and_found_by_another_process(sqlite_url: str) -> None:
    with open_engine(sqlite_url, cached=False) as plain:
        store = LoggingStore()
        bodies = []
        for _ in range(2):
            bodies.append(query_bodies(Engine(plain.catalog, plain.warehouse, Cache(store, ttl=60)), WEEK, ["m.days"]))
            # The days first, then the rows of the scan; the second engine finds both.
            assert store.put_rows == [2, 3]
            assert len(store.locked) == 1
        assert bodies[0] == bodies[1] == query_bodies(plain, WEEK, ["m.days"])


def test_a_filter_takes_nothing_from_the_first_and_last_days(sqlite_url: str) -> None:
    with open_engine(sqlite_url, cached=False) as engine:
        query = replace(WEEK, filters=(DimensionFilter("who", ("a",)),))
        body = query_bodies(engine, query)["m.days"]
        assert body["stats"]["value"] == 1
        assert body["meta"]["data_through"] == EXPECTED_THROUGH["m.days"]


def test_a_table_that_cannot_be_read_is_named_and_keeps_no_other_from_its_answer(sqlite_url: str) -> None:
    with open_engine(sqlite_url, cached=True) as engine:
        engine.warehouse.drop_tables([engine.catalog.tables["others"]])
        with pytest.raises(LayoutMismatch, match="'others'"):
            query_bodies(engine, WEEK, ["m.spend"])
        assert query_bodies(engine, WEEK, ["m.days", "m.spend"])["m.days"]["stats"]["value"] == 3
