"""Slices restated: what is replaced, what is left alone, and the cursor that moves with the rows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.calendar import Window
from engine.errors import WarehouseUnavailable
from engine.slices import DayTotals, Slice
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.shipped import load_shipped_catalog

CHANNELS = load_shipped_catalog().tables["ga4_channels_daily"]


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables([CHANNELS])
    yield warehouse
    warehouse.close()


def make_day(of_march: int) -> date:
    return date(2025, 3, of_march)


def make_slice(first: int, last: int, *, tenant: str = TENANT, account: str = "1", table: Table = CHANNELS) -> Slice:
    return Slice(table, tenant, account, Window(make_day(first), make_day(last)))


def make_restated_row(of_march: int, channel: str = "Direct", sessions: int = 1) -> dict[str, Any]:
    return {"date": make_day(of_march), "channel": channel, "sessions": sessions}


def list_held_rows(warehouse: Warehouse, *, tenant: str = TENANT, account: str = "1") -> list[tuple[int, str, int]]:
    rows = warehouse.get_rows(make_slice(1, 31, tenant=tenant, account=account))
    return sorted((each["date"].day, each["channel"], each["sessions"]) for each in rows)


def test_a_slice_is_replaced_and_its_neighbours_are_not(warehouse: Warehouse) -> None:
    for tenant, account in ((TENANT, "1"), (TENANT, "2"), (OTHER_TENANT, "1")):
        warehouse.restate(
            make_slice(1, 4, tenant=tenant, account=account), [make_restated_row(each) for each in (1, 2, 3, 4)]
        )
    assert (
        warehouse.restate(make_slice(2, 3), [make_restated_row(3, "Email", 7), make_restated_row(3, "Direct", 5)]) == 2
    )
    assert list_held_rows(warehouse) == [(1, "Direct", 1), (3, "Direct", 5), (3, "Email", 7), (4, "Direct", 1)]
    untouched = [(each, "Direct", 1) for each in (1, 2, 3, 4)]
    assert list_held_rows(warehouse, account="2") == untouched
    assert list_held_rows(warehouse, tenant=OTHER_TENANT) == untouched


def test_the_same_again_changes_nothing(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.restate(make_slice(1, 2), [make_restated_row(1), make_restated_row(2)])
    assert list_held_rows(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]
    assert warehouse.restate(make_slice(1, 31), warehouse.get_rows(make_slice(1, 31))) == 2
    assert list_held_rows(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]


def test_no_rows_are_the_last_word_too(warehouse: Warehouse) -> None:
    warehouse.restate(make_slice(1, 2), [make_restated_row(1), make_restated_row(2)])
    assert warehouse.restate(make_slice(2, 2), []) == 0
    assert list_held_rows(warehouse) == [(1, "Direct", 1)]


def test_a_slice_says_whose_its_rows_are(warehouse: Warehouse) -> None:
    theirs = {"user_id": OTHER_TENANT, "property_id": "2"}
    warehouse.restate(make_slice(1, 1), [make_restated_row(1) | theirs])
    assert list_held_rows(warehouse) == [(1, "Direct", 1)]
    assert list_held_rows(warehouse, tenant=OTHER_TENANT, account="2") == []


def test_the_cursor_grows_and_never_shrinks(warehouse: Warehouse) -> None:
    assert warehouse.get_cursor(CHANNELS, TENANT, "1") is None
    for first, last in ((10, 12), (8, 9), (11, 13), (12, 12)):
        warehouse.restate(make_slice(first, last), [])
    assert warehouse.get_cursor(CHANNELS, TENANT, "1") == Window(make_day(8), make_day(13))
    assert warehouse.get_cursor(CHANNELS, TENANT, "2") is None
    assert warehouse.get_cursor(CHANNELS, OTHER_TENANT, "1") is None


def test_a_failure_leaves_rows_and_cursor_as_they_were(warehouse: Warehouse) -> None:
    warehouse.restate(make_slice(1, 2), [make_restated_row(1), make_restated_row(2)])
    with pytest.raises(ValueError, match="lies outside"):
        warehouse.restate(make_slice(1, 5), [make_restated_row(1, sessions=9), make_restated_row(6)])
    with pytest.raises(WarehouseUnavailable):
        warehouse.restate(
            make_slice(1, 5), [make_restated_row(1, sessions=9), make_restated_row(2) | {"sessions": [9]}]
        )
    assert list_held_rows(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]
    assert warehouse.get_cursor(CHANNELS, TENANT, "1") == Window(make_day(1), make_day(2))


def test_rows_on_their_way_are_not_seen(warehouse: Warehouse) -> None:
    warehouse.restate(make_slice(1, 2), [make_restated_row(1), make_restated_row(2)])
    seen: list[list[tuple[int, str, int]]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for each in (1, 2):
            seen.append(list_held_rows(warehouse))
            yield make_restated_row(each, "Email")

    warehouse.restate(make_slice(1, 2), rows())
    assert seen == [[(1, "Direct", 1), (2, "Direct", 1)]] * 2
    assert list_held_rows(warehouse) == [(1, "Email", 1), (2, "Email", 1)]


def test_a_reader_never_sees_a_slice_half_done(warehouse: Warehouse) -> None:
    """Every state has one number of sessions on all of its days, and other channels than the one before."""

    def restate(version: int) -> None:
        rows = [
            make_restated_row(each, f"{version} {channel}", version)
            for each in range(1, 29)
            for channel in range(version % 7)
        ]
        warehouse.restate(make_slice(1, 28), rows)

    restate(1)
    with ThreadPoolExecutor(1) as writer:
        written = [writer.submit(restate, version) for version in range(2, 30)]
        while not written[-1].done():
            found = list_held_rows(warehouse)
            versions = {sessions for _, _, sessions in found}
            assert len(versions) <= 1
            assert len(found) == 28 * (sum(versions) % 7)
        for each in written:
            each.result()
    assert list_held_rows(warehouse) == [(each, "29 0", 29) for each in range(1, 29)]


def test_an_account_is_deleted_with_its_cursor_and_no_other(warehouse: Warehouse) -> None:
    places = [(TENANT, "1"), (TENANT, "2"), (TENANT, ""), (OTHER_TENANT, "1")]
    for tenant, account in places:
        warehouse.restate(make_slice(1, 2, tenant=tenant, account=account), [make_restated_row(1)])

    def list_places() -> list[tuple[str, str]]:
        held = [each for each in places if list_held_rows(warehouse, tenant=each[0], account=each[1])]
        assert held == [each for each in places if warehouse.get_cursor(CHANNELS, *each)]
        assert held == [each for each in places if warehouse.has_rows(CHANNELS, each[0], account=each[1])]
        return held

    assert list_places() == places
    assert [warehouse.count_rows(CHANNELS, TENANT, each) for each in (None, ["1"], ["1", "2"], ["3"])] == [3, 1, 2, 0]
    warehouse.delete_accounts([CHANNELS], TENANT, ["1", "3"])
    assert list_places() == places[1:]
    warehouse.delete_accounts([CHANNELS], TENANT, [""])
    assert list_places() == [places[1], places[3]]
    warehouse.restate(make_slice(2, 2), [make_restated_row(2)])
    assert warehouse.get_cursor(CHANNELS, TENANT, "1") == Window(make_day(2), make_day(2))
    warehouse.delete_accounts([CHANNELS], TENANT)
    assert list_places() == [places[3]]


def test_nothing_is_deleted_where_there_is_no_table(warehouse_url: str) -> None:
    warehouse = Warehouse(warehouse_url)
    warehouse.delete_accounts([CHANNELS], TENANT)
    assert warehouse.count_rows(CHANNELS, TENANT) == 0
    assert not warehouse.has_rows(CHANNELS, TENANT, account="")
    warehouse.close()


def test_nothing_is_held_where_there_is_no_table(warehouse_url: str) -> None:
    warehouse = Warehouse(warehouse_url)
    assert list_held_rows(warehouse) == []
    assert warehouse.get_cursor(CHANNELS, TENANT, "1") is None
    # The first write makes the table.
    warehouse.restate(make_slice(1, 2), [make_restated_row(2, "Email", 5)])
    assert list_held_rows(warehouse) == [(2, "Email", 5)]
    warehouse.close()


def test_days_are_summed_by_account(warehouse: Warehouse) -> None:
    euros = {"currency": "EUR", "revenue": 2}
    rows = [make_restated_row(1) | dict.fromkeys(euros), make_restated_row(1, "Email", 4) | euros]
    for tenant, account in ((TENANT, "1"), (TENANT, "2"), (OTHER_TENANT, "1")):
        warehouse.restate(make_slice(1, 3, tenant=tenant, account=account), [*rows, make_restated_row(3) | euros])
    found = sorted(warehouse.sum_days(CHANNELS, TENANT, make_slice(1, 2).days, ("sessions", "revenue", "users")))
    totals = DayTotals(2, 1, [5.0, 2.0, None])
    assert found == [("1", make_day(1), totals), ("2", make_day(1), totals)]
    unowned = replace(CHANNELS, account=None, currency=None)
    ((account, _, both),) = warehouse.sum_days(unowned, TENANT, make_slice(1, 2).days, ())
    assert (account, both) == ("", DayTotals(4, 4, []))
