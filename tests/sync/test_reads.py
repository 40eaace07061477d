"""What a tenant's syncs have read, by account."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from engine.answer.extent import AccountRead
from engine.calendar import Window
from engine.slices import Slice
from engine.warehouse.warehouse import Warehouse
from state import State
from sync.reads import list_account_reads
from tests.conftest import OTHER_TENANT, TENANT
from tests.sync.conftest import CATALOG, NOW, YESTERDAY, connect_accounts


def restate_empty(warehouse: Warehouse, table: str, account: str, through: date, user: str = TENANT) -> None:
    days = Window(through - timedelta(days=2), through)
    warehouse.restate(Slice(CATALOG.tables[table], user, account, days), [])


def list_reads(
    state: State, warehouse: Warehouse, user: str = TENANT, now: datetime = NOW
) -> dict[str, dict[str, AccountRead]]:
    return list_account_reads(state, warehouse, CATALOG.tables, user, now=now)


def mark_read(state: State, warehouse: Warehouse, source: str, account: str, **tables: date) -> None:
    for table, through in tables.items():
        restate_empty(warehouse, table, account, through)
    state.connections.mark_succeeded(TENANT, source, account, NOW)


def test_days_without_rows_are_read_too(state: State, warehouse: Warehouse) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"), ("ga4", "1"), ("ga4", "2"))
    assert list_reads(state, warehouse) == {}
    late = YESTERDAY - timedelta(days=1)
    mark_read(state, warehouse, "meta", "act_2", meta_ads_daily=YESTERDAY)
    mark_read(state, warehouse, "ga4", "1", ga4_daily=YESTERDAY, ga4_channels_daily=late)
    # Another account's first sync has not succeeded yet.
    restate_empty(warehouse, "ga4_daily", "2", late)
    assert list_reads(state, warehouse) == {
        "meta_ads_daily": {"act_2": AccountRead(YESTERDAY)},
        "ga4_daily": {"1": AccountRead(YESTERDAY)},
        "ga4_channels_daily": {"1": AccountRead(late)},
    }


def test_a_refused_account_counts_until_it_has_not_been_read_for_two_weeks(state: State, warehouse: Warehouse) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"))
    mark_read(state, warehouse, "meta", "act_2", meta_ads_daily=YESTERDAY)
    [account] = state.connections.list_synced_accounts(TENANT)
    state.connections.mark_refused(TENANT, "meta", "act_2", "dead", credentials_at=account.credentials_at)
    in_time, too_late = (NOW + timedelta(days=14, seconds=seconds) for seconds in (0, 1))
    assert list_reads(state, warehouse, now=in_time)["meta_ads_daily"] == {"act_2": AccountRead(YESTERDAY)}
    assert list_reads(state, warehouse, now=too_late)["meta_ads_daily"] == {"act_2": AccountRead(YESTERDAY, True)}


def test_external_and_foreign_accounts_are_not_listed_and_disconnected_ones_count_no_more(
    state: State, warehouse: Warehouse
) -> None:
    connect_accounts(state, TENANT, ("meta", "act_2"), ("meta", "act_3"))
    state.connections.mark_external(TENANT, "ga4")
    for account in ("act_2", "act_3"):
        mark_read(state, warehouse, "meta", account, meta_ads_daily=YESTERDAY)
    restate_empty(warehouse, "meta_ads_daily", "act_2", NOW.date(), user=OTHER_TENANT)
    state.connections.delete(TENANT, "meta", "act_3")
    gone = AccountRead(YESTERDAY, is_connected=False)
    assert list_reads(state, warehouse) == {"meta_ads_daily": {"act_2": AccountRead(YESTERDAY), "act_3": gone}}
    assert list_reads(state, warehouse, OTHER_TENANT) == {}
