"""The engine with its cache: fewer statements, the same answers, and answers while the warehouse is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier

import pytest

from demo.tenants import EVERYTHING
from engine.answer.cache import MAX_STALE_SECONDS, Cache, MemoryStore
from engine.answer.engine import Engine, WidgetAnswer
from engine.answer.fetch import RequestContext
from engine.calendar import Compare, Grain
from engine.catalog.catalog import Catalog, load_catalog
from engine.catalog.metrics import TableMetric
from engine.errors import LayoutMismatch, UnknownMetric, WarehouseUnavailable
from engine.query import DimensionFilter, MetricQuery
from engine.sources import SOURCES
from engine.tables import Dimension
from engine.warehouse.health import CHECK_TTL_SECONDS
from engine.warehouse.warehouse import Warehouse
from tests.conftest import OTHER_TENANT, TENANT
from tests.engine.answer.test_cache import FakeSeconds
from tests.engine.conftest import NINE, CountingWarehouse

JUNE = MetricQuery(date(2025, 6, 3), date(2025, 6, 30), Compare.PREVIOUS_PERIOD)
ASKER = RequestContext(tenant=EVERYTHING.user_id, connected=frozenset(SOURCES), data_version=1)

ORDERS = """\
source: ga4
table: orders
tables:
  orders:
    time: date
    key: [user_id, date, order_id]
    columns: {user_id: uuid, date: date, order_id: text, buyer: text, amount: double, refund: double}
metrics:
  ga4.amount: sum(amount)
  ga4.refunds: sum(refund)
  ga4.largest: max(refund)
  ga4.buyers: count(distinct buyer)
  ga4.orders: count(distinct order_id)
"""
CAMPAIGNS = """\
source: meta
tables:
  campaigns:
    time: date
    currency: currency
    key: [user_id, date, campaign_id]
    columns:
      {user_id: uuid, date: date, campaign_id: text, spend: {type: numeric, money: true}, currency: text}
metrics:
  meta.campaigns:
    table: campaigns
    value: sum(spend)
    items: {by: campaign_id, values: {spend: sum(spend)}, order: spend, limit: 10}
"""
DAYS = MetricQuery(date(2025, 1, 1), date(2025, 1, 31))


def make_cache(*, ttl: float = 90) -> Cache:
    return Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=ttl)


@pytest.fixture
def engine(shipped_catalog: Catalog, demo: CountingWarehouse) -> Engine:
    return Engine(shipped_catalog, demo, make_cache())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def orders(tmp_path: Path, file: Path) -> Iterator[Engine]:
    """Two orders of one buyer in January, of TENANT, at data version 0."""
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "orders.yaml").write_text(ORDERS)
    catalog = load_catalog(folder)
    warehouse = CountingWarehouse(f"sqlite:///{file}")
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(
        catalog.tables["orders"],
        [
            {"user_id": TENANT, "date": day, "order_id": f"{day}", "buyer": "b", "amount": 2.0, "refund": 1.0}
            for day in (date(2025, 1, 1), date(2025, 1, 31))
        ],
    )
    yield Engine(catalog, warehouse, make_cache())
    warehouse.close()


def make_context(**given: object) -> RequestContext:
    return replace(RequestContext(tenant=TENANT, connected=frozenset(SOURCES)), **given)  # type: ignore[arg-type]


def get_total(found: object) -> float | None:
    assert isinstance(found, WidgetAnswer)
    total: float | None = found.body["stats"]["value"]
    return total


def count_statements(engine: Engine) -> int:
    """How many there have been since the last time, without pings."""
    warehouse = engine.warehouse
    assert isinstance(warehouse, CountingWarehouse)
    count = sum(sql != "SELECT 1" for sql in warehouse.statements)
    warehouse.statements.clear()
    return count


def break_file(warehouse: Warehouse, file: Path) -> bytes:
    """Make it unreadable; the bytes that repair it."""
    warehouse.close()
    whole = file.read_bytes()
    file.write_bytes(b"no database" * 1_000)
    return whole


def repair_file(warehouse: Warehouse, file: Path, whole: bytes) -> None:
    warehouse.close()
    file.write_bytes(whole)


def test_nine_widgets_make_six_statements_as_one_batch_one_by_one_and_at_once_filtered_or_not(
    shipped_catalog: Catalog, demo: CountingWarehouse
) -> None:
    email = (DimensionFilter("channel", ("Email",)),)
    for query in (replace(JUNE, compare=Compare.PREVIOUS_YEAR), replace(JUNE, filters=email)):
        batch, single, at_once = (Engine(shipped_catalog, demo, make_cache()) for _ in range(3))
        demo.statements.clear()
        together = batch.query_many(NINE, query, ASKER)
        assert count_statements(batch) == 6
        alone = {key: single.query(key, query, ASKER) for key in NINE}
        assert count_statements(single) == 6
        with ThreadPoolExecutor(len(NINE)) as threads:
            calls = {key: threads.submit(at_once.query, key, query, ASKER) for key in NINE}
        crowded = {key: call.result() for key, call in calls.items()}
        assert count_statements(at_once) == 6
        assert all(single.query(key, query, ASKER).is_cached for key in NINE)
        assert count_statements(single) == 0
        for key, answer in together.items():
            assert isinstance(answer, WidgetAnswer)
            assert answer.body == alone[key].body == crowded[key].body


def test_what_is_no_metric_of_the_catalog_is_read_beside_the_scans_that_the_others_share(engine: Engine) -> None:
    """Nothing is read again: the metric of its own key has a statement, and the catalog's come from the cache."""
    sessions = engine.catalog.metrics["ga4.sessions"]
    assert isinstance(sessions, TableMetric)
    own = replace(sessions, key="ga4.sessions by property_id", by=Dimension("property_id", "property_id", "Property"))
    engine.query("ga4.sessions", JUNE, ASKER)
    count_statements(engine)
    found = engine.query_metrics([sessions, own], JUNE, ASKER)
    assert count_statements(engine) == 1
    assert found["ga4.sessions"].is_cached
    alone = Engine(engine.catalog, engine.warehouse).query_metrics([own], JUNE, ASKER)
    assert found[own.key].body["series"] == alone[own.key].body["series"]


def test_a_hundred_equal_questions_at_once_make_one_statement(engine: Engine) -> None:
    callers = 100
    barrier = Barrier(callers)

    def ask(_: int) -> WidgetAnswer:
        barrier.wait()
        return engine.query("ga4.sessions", JUNE, ASKER)

    with ThreadPoolExecutor(callers) as threads:
        bodies = [answer.body for answer in threads.map(ask, range(callers))]
    assert count_statements(engine) == 1
    assert bodies == [bodies[0]] * callers


def test_without_a_cache_a_widget_reads_what_it_needs(shipped_catalog: Catalog, demo: CountingWarehouse) -> None:
    engine = Engine(shipped_catalog, demo)
    assert not engine.query("ga4.sessions", JUNE, ASKER).is_cached
    assert "revenue" not in demo.statements[-1]
    for key in NINE:
        engine.query(key, JUNE, ASKER)
    assert count_statements(engine) > 6


@pytest.mark.slow
def test_answers_are_the_same_with_a_cache_and_without(
    shipped_catalog: Catalog, demo: CountingWarehouse, engine: Engine
) -> None:
    plain = Engine(shipped_catalog, demo)
    for grain in Grain:
        for compare in Compare:
            start = date(2025, 5, 1) if compare is Compare.CUSTOM else None
            question = replace(JUNE, grain=grain, compare=compare, compare_start=start)
            for key in shipped_catalog.widgets:
                assert engine.query(key, question, ASKER).body == plain.query(key, question, ASKER).body


def test_every_grain_reads_the_same_days(engine: Engine) -> None:
    engine.query_many(NINE, JUNE, ASKER)
    for grain in Grain:
        found = engine.query_many(NINE, replace(JUNE, grain=grain), ASKER)
        assert all(isinstance(each, WidgetAnswer) and each.is_cached for each in found.values())


def test_what_does_not_merge_is_read_for_every_grain(orders: Engine) -> None:
    orders.query("ga4.buyers", DAYS, make_context())
    assert orders.query("ga4.orders", DAYS, make_context()).is_cached
    month = orders.query("ga4.buyers", replace(DAYS, grain=Grain.MONTH), make_context())
    assert not month.is_cached
    assert month.body["series"][0]["points"] == [{"t": "2025-01-01", "v": 1}]


def test_items_ranked_by_money_are_read_again_where_the_currencies_are_mixed(tmp_path: Path) -> None:
    (tmp_path / "meta.yaml").write_text(CAMPAIGNS)
    catalog = load_catalog(tmp_path)
    warehouse = Warehouse("sqlite://")
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(
        catalog.tables["campaigns"],
        [
            {"user_id": TENANT, "date": date(2025, 1, 1), "campaign_id": "a", "spend": 1.0, "currency": "USD"},
            {"user_id": TENANT, "date": date(2025, 1, 1), "campaign_id": "b", "spend": 2.0, "currency": "USD"},
            {"user_id": TENANT, "date": date(2024, 12, 31), "campaign_id": "c", "spend": 3.0, "currency": "EUR"},
        ],
    )
    engine = Engine(catalog, warehouse, make_cache())
    day = MetricQuery(date(2025, 1, 1), date(2025, 1, 1))
    compared = replace(day, compare=Compare.PREVIOUS_PERIOD)
    for question, order in ((day, ["b", "a"]), (compared, ["a", "b"]), (day, ["b", "a"])):
        items = engine.query("meta.campaigns", question, make_context()).body["items"]
        assert [item["id"] for item in items] == order
    warehouse.close()


def test_a_batch_is_cached_where_all_of_it_is(engine: Engine) -> None:
    engine.query("ga4.sessions", JUNE, ASKER)
    found = engine.query_many(["ga4.users", "meta.roas", "ga4.nothing"], JUNE, ASKER)
    cached = {key: each.is_cached for key, each in found.items() if isinstance(each, WidgetAnswer)}
    assert cached == {"ga4.users": True, "meta.roas": False}
    assert isinstance(found["ga4.nothing"], UnknownMetric)


def test_a_data_version_that_has_moved_makes_the_next_answer_fresh(orders: Engine) -> None:
    assert orders.query_body("ga4.amount", DAYS, tenant=TENANT, connected=frozenset(SOURCES))["stats"]["value"] == 4
    row = {"user_id": TENANT, "date": date(2025, 1, 2), "order_id": "new", "buyer": "c", "amount": 3.0, "refund": 0.0}
    orders.warehouse.upsert(orders.catalog.tables["orders"], [row])
    assert orders.query("ga4.amount", DAYS, make_context()).body["stats"]["value"] == 4
    assert orders.query("ga4.amount", DAYS, make_context(data_version=1)).body["stats"]["value"] == 7


def test_tenants_share_nothing(orders: Engine) -> None:
    orders.query("ga4.amount", DAYS, make_context())
    other = orders.query("ga4.amount", DAYS, make_context(tenant=OTHER_TENANT))
    assert not other.is_cached
    assert other.body["stats"]["value"] is None


def test_a_warehouse_that_is_away_is_stood_in_for(orders: Engine, file: Path) -> None:
    clock = FakeSeconds()
    engine = Engine(
        orders.catalog, orders.warehouse, Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90, clock=clock)
    )
    fresh = engine.query("ga4.amount", DAYS, make_context())
    assert (fresh.is_cached, fresh.stale_seconds, "stale" in fresh.body["meta"]) == (False, None, False)
    whole = break_file(engine.warehouse, file)
    clock.now += 600
    stale = engine.query("ga4.refunds", DAYS, make_context(data_version=1))
    assert (stale.is_cached, stale.stale_seconds, stale.body["meta"]["stale"]) == (True, 600, True)
    assert stale.body["stats"]["value"] == 2
    with pytest.raises(WarehouseUnavailable):
        engine.query("ga4.buyers", DAYS, make_context())
    some = engine.query_many(["ga4.buyers", "ga4.amount"], DAYS, make_context())
    assert get_total(some["ga4.amount"]) == 4
    assert isinstance(some["ga4.buyers"], WarehouseUnavailable)
    clock.now += MAX_STALE_SECONDS
    with pytest.raises(WarehouseUnavailable):
        engine.query("ga4.amount", DAYS, make_context())
    repair_file(engine.warehouse, file, whole)
    healed = engine.query("ga4.amount", DAYS, make_context(data_version=1))
    assert (healed.is_cached, healed.stale_seconds) == (False, None)


def test_fresh_rows_are_called_stale_too_while_the_warehouse_is_away(orders: Engine, file: Path) -> None:
    orders.query("ga4.amount", DAYS, make_context())
    assert orders.query("ga4.amount", DAYS, make_context()).stale_seconds is None
    whole = break_file(orders.warehouse, file)
    time.sleep(CHECK_TTL_SECONDS)
    stale = orders.query("ga4.amount", DAYS, make_context())
    assert stale.is_cached
    assert stale.body["meta"]["stale"]
    repair_file(orders.warehouse, file, whole)
    time.sleep(CHECK_TTL_SECONDS)
    assert orders.query("ga4.amount", DAYS, make_context()).stale_seconds is None


def test_offline_only_the_cache_answers(orders: Engine) -> None:
    with pytest.raises(WarehouseUnavailable):
        orders.query("ga4.amount", DAYS, make_context(offline=True))
    orders.query("ga4.amount", DAYS, make_context())
    count_statements(orders)
    offline = orders.query("ga4.amount", DAYS, make_context(offline=True, data_version=9))
    assert offline.is_cached
    assert offline.body["meta"]["stale"]
    assert count_statements(orders) == 0


def test_a_metric_that_the_warehouse_refuses_takes_no_other_down(orders: Engine) -> None:
    with orders.warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE orders DROP COLUMN refund")
    assert orders.query("ga4.amount", DAYS, make_context()).body["stats"]["value"] == 4
    assert orders.query("ga4.buyers", DAYS, make_context()).body["stats"]["value"] == 1
    with pytest.raises(WarehouseUnavailable):
        orders.query("ga4.refunds", DAYS, make_context())
    found = orders.query_many(["ga4.refunds", "ga4.amount", "ga4.nothing"], DAYS, make_context())
    assert get_total(found["ga4.amount"]) == 4
    assert isinstance(found["ga4.refunds"], LayoutMismatch)
    assert isinstance(found["ga4.nothing"], UnknownMetric)
    with pytest.raises(LayoutMismatch):
        orders.query_many(["ga4.refunds", "ga4.largest"], DAYS, make_context())
    count_statements(orders)
    # It is not tried every time.
    assert orders.query("ga4.amount", DAYS, make_context()).is_cached
    assert count_statements(orders) == 0


def test_a_time_to_live_of_nothing_keeps_nothing_fresh(orders: Engine) -> None:
    engine = Engine(orders.catalog, orders.warehouse, make_cache(ttl=0))
    assert not any(engine.query("ga4.amount", DAYS, make_context()).is_cached for _ in range(2))
