from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from demo.database import DemoDatabase
from demo.tenants import EVERYTHING, TENANTS
from engine.catalog.catalog import Catalog
from engine.tables import Column
from engine.warehouse.warehouse import Warehouse
from state import State
from tests.support.paths import METRICS
from tests.support.shipped import load_shipped_catalog

SHIPPED = METRICS
USER = "0ddba110-0000-4000-8000-00000000000a"
DAY, NEXT_DAY = date(2025, 3, 1), date(2025, 3, 2)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_shipped_catalog()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(f"sqlite:///{tmp_path}/demo.db", encryption_key=Fernet.generate_key().decode())
    yield opened
    opened.close()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse(f"sqlite:///{tmp_path}/demo.db")
    yield opened
    opened.close()


def read_last_day(warehouse: Warehouse) -> str:
    return str(
        warehouse.query("SELECT MAX(date) FROM ga4_daily WHERE user_id = :user", {"user": EVERYTHING.user_id})[0][0]
    )


def test_it_follows_the_days_and_keeps_what_users_change(state: State, warehouse: Warehouse, catalog: Catalog) -> None:
    database = DemoDatabase(state, warehouse, catalog, days=40)
    assert not database.is_current(DAY)
    assert tuple(database.fill(DAY)) == TENANTS
    assert database.is_current(DAY)
    assert read_last_day(warehouse) == DAY.isoformat()
    for tenant in TENANTS:
        assert state.tenants.get(tenant.user_id).sources == frozenset(tenant.sources)

    state.connections.delete(EVERYTHING.user_id, "meta")
    version = state.tenants.get(EVERYTHING.user_id).data_version
    assert not database.is_current(NEXT_DAY)
    list(database.fill(NEXT_DAY))
    assert read_last_day(warehouse) == NEXT_DAY.isoformat()
    assert state.tenants.get(EVERYTHING.user_id).sources == {"ga4", "instagram"}
    assert state.tenants.get(EVERYTHING.user_id).data_version > version


def test_stopped_half_way_it_is_done_again(state: State, warehouse: Warehouse, catalog: Catalog) -> None:
    database = DemoDatabase(state, warehouse, catalog, days=40)
    next(database.fill(DAY))
    assert not database.is_current(DAY)
    list(database.fill(DAY))
    assert database.is_current(DAY)
    assert all(state.tenants.get(tenant.user_id).sources == frozenset(tenant.sources) for tenant in TENANTS)


def test_a_new_column_makes_its_table_anew_and_keeps_what_was_loaded(
    state: State, warehouse: Warehouse, catalog: Catalog
) -> None:
    list(DemoDatabase(state, warehouse, catalog, days=40).fill(DAY))
    daily, channels = catalog.tables["ga4_daily"], catalog.tables["ga4_channels_daily"]
    bounces = {"bounces": Column("bounces", "bigint", "bounces")}
    wider = replace(daily, columns={**daily.columns, **bounces})
    own = replace(channels, name="orders", physical="orders")
    loaded = [{"user_id": USER, "date": DAY, "property_id": "1", "channel": "Email", "sessions": 7}]
    for table in (own, channels):
        warehouse.upsert(table, loaded)
    tables = {**catalog.tables, "ga4_daily": wider, "orders": own}
    for declared in (tables, {**tables, "orders": replace(own, columns={**own.columns, **bounces})}):
        database = DemoDatabase(state, warehouse, replace(catalog, tables=declared), days=40)
        assert not database.is_current(DAY)
        list(database.fill(DAY))
        assert database.is_current(DAY)
    assert warehouse.query("SELECT COUNT(bounces) FROM ga4_daily", {})[0][0] == 0
    for name in ("orders", "ga4_channels_daily"):
        found = warehouse.query(f"SELECT SUM(sessions) FROM {name} WHERE user_id = :user", {"user": USER})
        assert found[0][0] == 7
