"""Slices restated: what is replaced, what is left alone, and the cursor that moves with the rows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from engine.calendar import Window
from engine.catalog.catalog import load_catalog
from engine.errors import WarehouseUnavailable
from engine.slices import Slice
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import shipped_metrics
from tests.conftest import OTHER_TENANT, TENANT

CHANNELS = load_catalog(shipped_metrics()).tables["ga4_channels_daily"]


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables([CHANNELS])
    yield warehouse
    warehouse.close()


def day(of_march: int) -> date:
    return date(2025, 3, of_march)


def slice_of(first: int, last: int, *, tenant: str = TENANT, account: str = "1", table: Table = CHANNELS) -> Slice:
    return Slice(table, tenant, account, Window(day(first), day(last)))


def row(of_march: int, channel: str = "Direct", sessions: int = 1) -> dict[str, Any]:
    return {"date": day(of_march), "channel": channel, "sessions": sessions}


def held(warehouse: Warehouse, *, tenant: str = TENANT, account: str = "1") -> list[tuple[int, str, int]]:
    rows = warehouse.held(slice_of(1, 31, tenant=tenant, account=account))
    return sorted((each["date"].day, each["channel"], each["sessions"]) for each in rows)


def test_a_slice_is_replaced_and_its_neighbours_are_not(warehouse: Warehouse) -> None:
    for tenant, account in ((TENANT, "1"), (TENANT, "2"), (OTHER_TENANT, "1")):
        warehouse.restate(slice_of(1, 4, tenant=tenant, account=account), [row(each) for each in (1, 2, 3, 4)])
    assert warehouse.restate(slice_of(2, 3), [row(3, "Email", 7), row(3, "Direct", 5)]) == 2
    assert held(warehouse) == [(1, "Direct", 1), (3, "Direct", 5), (3, "Email", 7), (4, "Direct", 1)]
    untouched = [(each, "Direct", 1) for each in (1, 2, 3, 4)]
    assert held(warehouse, account="2") == untouched
    assert held(warehouse, tenant=OTHER_TENANT) == untouched


def test_the_same_again_changes_nothing(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.restate(slice_of(1, 2), [row(1), row(2)])
    assert held(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]
    assert warehouse.restate(slice_of(1, 31), warehouse.held(slice_of(1, 31))) == 2
    assert held(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]


def test_no_rows_are_the_last_word_too(warehouse: Warehouse) -> None:
    warehouse.restate(slice_of(1, 2), [row(1), row(2)])
    assert warehouse.restate(slice_of(2, 2), []) == 0
    assert held(warehouse) == [(1, "Direct", 1)]


def test_a_slice_says_whose_its_rows_are(warehouse: Warehouse) -> None:
    theirs = {"user_id": OTHER_TENANT, "property_id": "2"}
    warehouse.restate(slice_of(1, 1), [row(1) | theirs])
    assert held(warehouse) == [(1, "Direct", 1)]
    assert held(warehouse, tenant=OTHER_TENANT, account="2") == []


def test_the_cursor_grows_and_never_shrinks(warehouse: Warehouse) -> None:
    assert warehouse.cursor(CHANNELS, TENANT, "1") is None
    for first, last in ((10, 12), (8, 9), (11, 13), (12, 12)):
        warehouse.restate(slice_of(first, last), [])
    assert warehouse.cursor(CHANNELS, TENANT, "1") == Window(day(8), day(13))
    assert warehouse.cursor(CHANNELS, TENANT, "2") is None
    assert warehouse.cursor(CHANNELS, OTHER_TENANT, "1") is None


def test_a_failure_leaves_rows_and_cursor_as_they_were(warehouse: Warehouse) -> None:
    warehouse.restate(slice_of(1, 2), [row(1), row(2)])
    with pytest.raises(ValueError, match="lies outside"):
        warehouse.restate(slice_of(1, 5), [row(1, sessions=9), row(6)])
    with pytest.raises(WarehouseUnavailable):
        warehouse.restate(slice_of(1, 5), [row(1, sessions=9), row(2) | {"sessions": [9]}])
    assert held(warehouse) == [(1, "Direct", 1), (2, "Direct", 1)]
    assert warehouse.cursor(CHANNELS, TENANT, "1") == Window(day(1), day(2))


def test_rows_on_their_way_are_not_seen(warehouse: Warehouse) -> None:
    warehouse.restate(slice_of(1, 2), [row(1), row(2)])
    seen: list[list[tuple[int, str, int]]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for each in (1, 2):
            seen.append(held(warehouse))
            yield row(each, "Email")

    warehouse.restate(slice_of(1, 2), rows())
    assert seen == [[(1, "Direct", 1), (2, "Direct", 1)]] * 2
    assert held(warehouse) == [(1, "Email", 1), (2, "Email", 1)]


def test_a_reader_never_sees_a_slice_half_done(warehouse: Warehouse) -> None:
    """Every state has one number of sessions on all of its days, and other channels than the one before."""

    def restate(version: int) -> None:
        rows = [row(each, f"{version} {channel}", version) for each in range(1, 29) for channel in range(version % 7)]
        warehouse.restate(slice_of(1, 28), rows)

    restate(1)
    with ThreadPoolExecutor(1) as writer:
        written = [writer.submit(restate, version) for version in range(2, 30)]
        while not written[-1].done():
            found = held(warehouse)
            versions = {sessions for _, _, sessions in found}
            assert len(versions) <= 1
            assert len(found) == 28 * (sum(versions) % 7)
        for each in written:
            each.result()
    assert held(warehouse) == [(each, "29 0", 29) for each in range(1, 29)]
