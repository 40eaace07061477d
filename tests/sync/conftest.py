"""An installation to sync: a state on each database, the shipped tables, and a provider that does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.calendar import Window
from engine.warehouse.warehouse import Warehouse
from state import State
from sync.job import JobLimits, SyncContext
from sync.provider import Account, Provider, Sink
from tests.support.shipped import load_shipped_catalog

ENCRYPTION_KEY = "ZmVybmV0LWtleS1vZi10aGlydHktdHdvLWJ5dGVzISE="
NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
YESTERDAY = date(2026, 3, 13)
# A lease runs out within a test, or outlasts one on any machine.
QUICK = JobLimits(lease=1.0, beat=0.02, poll=0.02)
PATIENT = replace(QUICK, lease=60)
CATALOG = load_shipped_catalog()
TABLES = {"ga4": "ga4_daily", "meta": "meta_ads_daily", "instagram": "ig_account_daily"}

Script = Callable[[Account, Sink], Awaitable[None]]


@dataclass
class ScriptedProvider:
    """A provider of a team's own, which does with each account what it is told; unless told, it brings three days."""

    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[Account] = field(default_factory=list)

    async def sync(self, account: Account, sink: Sink) -> None:
        self.seen.append(account)
        await self.scripts.get(account.id, restate_days)(account, sink)


async def restate_days(account: Account, sink: Sink, *, sessions: int = 1) -> None:
    """Three days of one row each."""
    days = Window(YESTERDAY - timedelta(days=2), YESTERDAY)
    columns: dict[str, dict[str, Any]] = {"ga4": {"sessions": sessions}, "meta": {"campaign_id": "1"}}
    rows = [{"date": day, **columns.get(account.source, {})} for day in days]
    await sink.restate(TABLES[account.source], days, rows)
    sink.report_progress(1.0)


async def hang_after_restate(account: Account, sink: Sink) -> None:
    """Bring three days, and never come to an end."""
    await restate_days(account, sink)
    await asyncio.sleep(600)


@dataclass
class RecordingObserver:
    """Counts what syncs come to."""

    accounts: list[tuple[str, str, int]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def count_account(self, source: str, status: str, rows: int, seconds: float) -> None:
        self.accounts.append((source, status, rows))

    def count_job(self, status: str) -> None:
        self.jobs.append(status)


@pytest.fixture
def state(state_url: str) -> Iterator[State]:
    state = State.open(state_url, encryption_key=ENCRYPTION_KEY)
    yield state
    state.close()


@pytest.fixture
def warehouse(state_url: str, tmp_path: Path) -> Iterator[Warehouse]:
    """Beside the state where that is PostgreSQL, and in a file of its own where it is SQLite."""
    warehouse = Warehouse(f"sqlite:///{tmp_path}/facts.db" if state_url.startswith("sqlite") else state_url)
    warehouse.create_tables(CATALOG.tables.values())
    yield warehouse
    warehouse.close()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def counts() -> RecordingObserver:
    return RecordingObserver()


def connect_accounts(state: State, user: str, *accounts: tuple[str, str]) -> None:
    for source, account in accounts:
        state.connections.put(user, source, account, {"access_token": f"token-of-{account}"})


def make_sync_context(
    state: State,
    warehouse: Warehouse,
    provider: Provider,
    counts: RecordingObserver,
    bounds: JobLimits = QUICK,
    **more: Any,
) -> SyncContext:
    @asynccontextmanager
    async def providers() -> AsyncIterator[Mapping[str, Provider]]:
        yield dict.fromkeys(TABLES, provider)

    return SyncContext(state, warehouse, lambda: CATALOG.tables, providers, counts, bounds, **more)


@pytest.fixture
def means(state: State, warehouse: Warehouse, provider: ScriptedProvider, counts: RecordingObserver) -> SyncContext:
    return make_sync_context(state, warehouse, provider, counts, PATIENT)
