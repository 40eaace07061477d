"""The providers' tests: a sink that records its calls, and a sync into it from a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from demo.providers.server import StandIn
from demo.providers.world import ProviderWorld
from engine.calendar import Window
from engine.slices import Slice
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from state.credentials import Credentials
from sync.http import ProviderClient
from sync.limits import CallLimits
from sync.provider import Account, Row
from sync.providers.graph_version import GRAPH_VERSION
from sync.providers.registry import Addresses, Applications, open_providers
from tests.conftest import TENANT
from tests.support.shipped import load_shipped_catalog

TABLES = load_shipped_catalog().tables
# A Friday, 10:00 in Los Angeles.
NOW = datetime(2026, 3, 13, 17, 0, tzinfo=UTC)
EVER = Window(date(2000, 1, 1), date(2100, 1, 1))
HISTORY = 40
QUICK = CallLimits(
    backoff=0.001, max_backoff=0.002, throttled=10, guessing=180, patience=180, silence=20, call=30, poll=1
)
# Short timeouts, for answers that never come.
HASTY = replace(QUICK, silence=0.6, call=1.2)

CLIENT = "client-of-the-tests"
CLIENT_SECRET = "client-secret-of-the-tests"
META_APP = "4711"
META_SECRET = "meta-secret-of-the-tests"
APPLICATIONS = Applications(CLIENT, SecretStr(CLIENT_SECRET), META_APP, SecretStr(META_SECRET))


def subtract_days(days: int) -> date:
    """Return the day that is `days` before yesterday in Los Angeles."""
    return date(2026, 3, 12) - timedelta(days=days)


def make_world(now: datetime = NOW) -> ProviderWorld:
    world = ProviderWorld(lambda: now)
    world.google.register(CLIENT, CLIENT_SECRET)
    world.apps[META_APP] = META_SECRET
    return world


@dataclass
class RecordingSink:
    """A sink into a warehouse that records its other calls."""

    warehouse: Warehouse
    source: str
    account: str
    clock: datetime = NOW
    tables: Collection[str] = ()
    fractions: list[float] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)
    renewed: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    notes: dict[tuple[str, str], list[Window]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    windows: list[tuple[str, Window]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tables = self.tables or [name for name, table in TABLES.items() if table.source == self.source]

    def now(self) -> datetime:
        return self.clock

    async def get_cursor(self, table: str) -> Window | None:
        return self.warehouse.get_cursor(TABLES[table], TENANT, self.account)

    async def get_rows(self, table: str, days: Window) -> Sequence[Row]:
        return self.warehouse.get_rows(self.make_slice(table, days))

    async def restate(self, table: str, days: Window, rows: Sequence[Row]) -> None:
        self.windows.append((table, days))
        self.warehouse.restate(self.make_slice(table, days), rows)

    def report_progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def skip(self, count: int, reason: str) -> None:
        if count:
            self.skipped.append((count, reason))

    async def replace_notes(self, table: str, days: Window, notes: Mapping[str, Sequence[Window]]) -> None:
        for code, windows in notes.items():
            self.notes.setdefault((table, code), []).extend(windows)

    def add_remark(self, text: str) -> None:
        self.remarks.append(text)

    async def renew_credentials(self, credentials: Mapping[str, Any]) -> None:
        self.renewed.append(dict(credentials))

    async def add_options(self, options: Mapping[str, Any]) -> None:
        self.options.update(options)

    def make_slice(self, table: str, days: Window) -> Slice:
        return Slice(TABLES[table], TENANT, self.account, days)

    def read_sorted_rows(self, table: str) -> list[dict[str, Any]]:
        """Return the account's rows of a table, sorted by key."""
        declared: Table = TABLES[table]
        key = [name for name in declared.key if name not in ("user_id", "property_id", "account_id", "ig_user_id")]
        rows = self.warehouse.get_rows(self.make_slice(table, EVER))
        return sorted(rows, key=lambda row: [row[name] for name in key])


@contextmanager
def open_sink(url: str, source: str, account: str, **more: Any) -> Iterator[RecordingSink]:
    """Open the sink of an account, into a warehouse with all tables."""
    warehouse = Warehouse(url)
    warehouse.create_tables(TABLES.values())
    yield RecordingSink(warehouse, source, account, **more)
    warehouse.close()


class Naps:
    """A replacement of `asyncio.sleep` that records the seconds and does not wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def sync_account(
    sink: RecordingSink,
    stand_in: StandIn,
    credentials: Mapping[str, Any],
    *,
    age: timedelta = timedelta(days=1),
    applications: Applications = APPLICATIONS,
    pace: CallLimits = QUICK,
    history: int = HISTORY,
    version: str = GRAPH_VERSION,
    facebook: StandIn | None = None,
) -> Naps:
    """Sync the sink's account once, and return the waits. Raises as the provider does.

    `facebook` stands at Facebook's address, if it is another than the provider's.
    """
    naps = Naps()
    account = Account(sink.source, sink.account, Credentials(credentials), sink.clock - age, dict(sink.options))
    addresses = Addresses(
        ga4_base_url=f"{stand_in.url}/",
        google_token_url=f"{stand_in.url}/token",
        meta_base_url=f"{(facebook or stand_in).url}/",
        instagram_base_url=stand_in.url,
        meta_api_version=version,
    )

    async def sync_once() -> None:
        async with ProviderClient(pace, sleep=naps) as client:
            providers = open_providers(client, addresses, applications, history=history)
            await providers[sink.source].sync(account, sink)

    asyncio.run(sync_once())
    return naps
