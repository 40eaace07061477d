"""An installation to sync: a state on each database, the shipped tables, and a provider that does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.calendar import Window
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import shipped_metrics
from state import State
from sync.job import Bounds, Means
from sync.provider import Account, Intake, Provider

ENCRYPTION_KEY = "ZmVybmV0LWtleS1vZi10aGlydHktdHdvLWJ5dGVzISE="
NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
YESTERDAY = date(2026, 3, 13)
QUICK = Bounds(lease=1.0, beat=0.02, poll=0.02)
CATALOG = load_catalog(shipped_metrics())
TABLES = {"ga4": "ga4_daily", "meta": "meta_ads_daily", "instagram": "ig_account_daily"}

Script = Callable[[Account, Intake], Awaitable[None]]


@dataclass
class Told:
    """A provider of a team's own, which does with each account what it is told; unless told, it brings three days."""

    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[Account] = field(default_factory=list)

    async def sync(self, account: Account, intake: Intake) -> None:
        self.seen.append(account)
        await self.scripts.get(account.id, bring)(account, intake)


async def bring(account: Account, intake: Intake, *, sessions: int = 1) -> None:
    """Three days of one row each."""
    days = Window(YESTERDAY - timedelta(days=2), YESTERDAY)
    columns: dict[str, dict[str, Any]] = {"ga4": {"sessions": sessions}, "meta": {"campaign_id": "1"}}
    rows = [{"date": day, **columns.get(account.source, {})} for day in days]
    await intake.restate(TABLES[account.source], days, rows)
    intake.progress(1.0)


async def hang(account: Account, intake: Intake) -> None:
    """Bring three days, and never come to an end."""
    await bring(account, intake)
    await asyncio.sleep(600)


@dataclass
class Counts:
    """Counts what syncs come to."""

    accounts: list[tuple[str, str, int]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def account(self, source: str, status: str, rows: int, seconds: float) -> None:
        self.accounts.append((source, status, rows))

    def job(self, status: str) -> None:
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
def told() -> Told:
    return Told()


@pytest.fixture
def counts() -> Counts:
    return Counts()


def connect(state: State, user: str, *accounts: tuple[str, str]) -> None:
    for source, account in accounts:
        state.connections.put(user, source, account, {"access_token": f"token-of-{account}"})


def means_of(
    state: State, warehouse: Warehouse, provider: Provider, counts: Counts, bounds: Bounds = QUICK, **more: Any
) -> Means:
    @asynccontextmanager
    async def providers() -> AsyncIterator[Mapping[str, Provider]]:
        yield dict.fromkeys(TABLES, provider)

    return Means(state, warehouse, lambda: CATALOG.tables, providers, counts, bounds, **more)


@pytest.fixture
def means(state: State, warehouse: Warehouse, told: Told, counts: Counts) -> Means:
    return means_of(state, warehouse, told, counts)
