from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.calendar import Window
from engine.sources import SOURCES
from engine.warehouse.warehouse import Warehouse
from state import State
from state.credentials import Credentials
from state.jobs.queue import ClaimedJob
from sync.errors import ProviderError
from sync.provider import Account
from sync.providers import ga4_reports, instagram_days, instagram_media, meta
from sync.report import AccountReport
from sync.sink import WarehouseSink
from sync.turns import FairSemaphore
from tests.conftest import TENANT
from tests.support.shipped import load_shipped_catalog

TABLES = load_shipped_catalog().tables
DAY = Window(date(2025, 1, 1), date(2025, 1, 1))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State.open(f"sqlite:///{tmp_path / 'state.db'}")
    yield state
    state.close()


def test_the_table_of_sources_names_the_tables_that_the_providers_fill() -> None:
    assert {name: source.synced_tables for name, source in SOURCES.items()} == {
        "ga4": tuple(report.table for report in ga4_reports.REPORTS),
        "instagram": (instagram_days.TABLE, instagram_media.TABLE),
        "meta": (meta.TABLE,),
    }


def test_a_table_that_does_not_tell_its_account_is_not_filled(state: State) -> None:
    """Without an account, a slice would be the rows of every account."""
    now = datetime(2025, 1, 2, tzinfo=UTC)
    table = replace(TABLES["ga4_daily"], account=None)
    warehouse = Warehouse("sqlite://")
    sink = WarehouseSink(
        work=ClaimedJob("1", "worker", TENANT, None, (), {}, 1),
        account=Account("ga4", "1", Credentials({}), now, {}),
        report=AccountReport(),
        state=state,
        warehouse=warehouse,
        declared={table.name: table},
        turns=FairSemaphore(1),
        clock=lambda: now,
    )
    with pytest.raises(
        ProviderError, match="table ga4_daily does not say which column names the account; add `account:`"
    ):
        asyncio.run(sink.get_cursor(table.name))
    with pytest.raises(ProviderError, match="does not say which column names the account"):
        asyncio.run(sink.get_rows(table.name, DAY))
    warehouse.close()
