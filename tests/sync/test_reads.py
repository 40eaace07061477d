"""What a tenant's syncs have read, by account."""

from __future__ import annotations

from datetime import date, timedelta

from engine.calendar import Window
from engine.slices import Slice
from engine.warehouse.warehouse import Warehouse
from state import State
from sync.reads import AccountRead, list_account_reads
from tests.conftest import OTHER_TENANT, TENANT
from tests.sync.conftest import CATALOG, NOW, YESTERDAY, connect_accounts


def restate_empty(warehouse: Warehouse, table: str, account: str, through: date, user: str = TENANT) -> None:
    days = Window(through - timedelta(days=2), through)
    warehouse.restate(Slice(CATALOG.tables[table], user, account, days), [])


def list_reads(state: State, warehouse: Warehouse, user: str = TENANT) -> dict[str, dict[str, AccountRead]]:
    return list_account_reads(state, warehouse, CATALOG.tables, user)


def test_days_without_rows_are_read_too(state: State, warehouse: Warehouse) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"), ("ga4", "1"), ("ga4", "2"))
    assert list_reads(state, warehouse)["meta"] == {"act_2": AccountRead({}, None)}
    late = YESTERDAY - timedelta(days=1)
    restate_empty(warehouse, "meta_ads_daily", "act_2", YESTERDAY)
    restate_empty(warehouse, "ga4_daily", "1", YESTERDAY)
    restate_empty(warehouse, "ga4_channels_daily", "1", late)
    state.connections.mark_succeeded(TENANT, "ga4", "1", NOW)
    found = list_reads(state, warehouse)
    assert found["meta"]["act_2"].through == YESTERDAY
    assert found["ga4"]["1"] == AccountRead({"ga4_daily": YESTERDAY, "ga4_channels_daily": late}, NOW)
    assert (found["ga4"]["1"].through, found["ga4"]["2"].through) == (late, None)


def test_a_refused_account_stays_and_a_later_failure_takes_nothing_back(state: State, warehouse: Warehouse) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"))
    restate_empty(warehouse, "meta_ads_daily", "act_2", YESTERDAY)
    [account] = state.connections.list_synced_accounts(TENANT)
    state.connections.mark_refused(TENANT, "meta", "act_2", "dead", credentials_at=account.credentials_at)
    assert list_reads(state, warehouse)["meta"]["act_2"].through == YESTERDAY


def test_external_disconnected_and_foreign_accounts_are_not_listed(state: State, warehouse: Warehouse) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"), ("meta", "act_3"))
    state.connections.mark_external(TENANT, "ga4")
    for account in ("act_2", "act_3"):
        restate_empty(warehouse, "meta_ads_daily", account, YESTERDAY)
    restate_empty(warehouse, "meta_ads_daily", "act_2", NOW.date(), user=OTHER_TENANT)
    state.connections.delete(TENANT, "meta", "act_3")
    assert {source: [*accounts] for source, accounts in list_reads(state, warehouse).items()} == {"meta": ["act_2"]}
    assert list_reads(state, warehouse)["meta"]["act_2"].through == YESTERDAY
    assert list_reads(state, warehouse, OTHER_TENANT) == {}
