"""The first and the last days of the tables that a batch needs: one statement, on every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from engine.answer.cache import Cache, MemoryStore
from engine.answer.engine import Engine, WidgetAnswer
from engine.answer.fetch import RequestContext
from engine.calendar import Compare
from engine.errors import LayoutMismatch
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import DAYS, ME, load_files, make_file, make_row

TABLES = ("days", "others", "empty")
KEYS = tuple(f"m.{name}" for name in TABLES)
QUERY = MetricQuery(date(2025, 1, 1), date(2025, 1, 8), Compare.PREVIOUS_PERIOD)
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
    tables = dict.fromkeys(TABLES, DAYS)
    metrics = {f"m.{name}": {"table": name, "value": "sum(x)"} for name in TABLES}
    catalog, warehouse = load_files(make_file(metrics, tables)), ListeningWarehouse(url)
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(catalog.tables["days"], [make_row("2025-01-02", x=1), make_row("2025-01-05", x=2)])
    warehouse.upsert(catalog.tables["others"], [make_row("2025-01-03", x=4), make_row("2025-01-04", x=8)])
    yield Engine(catalog, warehouse, Cache(MemoryStore(seconds=60), ttl=60) if cached else None)
    warehouse.close()


def query_bodies(engine: Engine, keys: Sequence[str] = KEYS) -> dict[str, Any]:
    found = engine.query_many(keys, QUERY, CONTEXT)
    return {key: each.body for key, each in found.items() if isinstance(each, WidgetAnswer)}


@pytest.mark.parametrize("cached", [True, False])
def test_a_batch_asks_for_the_days_of_its_tables_at_once(warehouse_url: str, cached: bool) -> None:
    with open_engine(warehouse_url, cached=cached) as engine:
        warehouse = engine.warehouse
        assert isinstance(warehouse, ListeningWarehouse)
        warehouse.texts.clear()
        together = query_bodies(engine)
        # The days, and a scan of each table.
        assert len(warehouse.texts) == 1 + len(TABLES)
        warehouse.texts.clear()
        assert query_bodies(engine) == together
        assert (warehouse.texts == []) is cached
        alone = Engine(engine.catalog, warehouse)
        assert together == {key: query_bodies(alone, [key])[key] for key in KEYS}
    assert [together[key]["meta"]["data_through"] for key in KEYS] == ["2025-01-05", "2025-01-04", None]
    assert [together[key]["stats"]["value"] for key in KEYS] == [3, 12, None]


def test_a_table_that_cannot_be_read_is_named_and_keeps_no_other_from_its_answer(sqlite_url: str) -> None:
    with open_engine(sqlite_url, cached=True) as engine:
        engine.warehouse.drop_tables([engine.catalog.tables["others"]])
        with pytest.raises(LayoutMismatch, match="'others'"):
            query_bodies(engine)
        assert query_bodies(engine, ["m.days"])["m.days"]["stats"]["value"] == 3
