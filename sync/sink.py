"""The sink of one account: rows go to the warehouse, credentials and options to the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import Slice, Table, Warehouse, Window
from state import State
from state.jobs.queue import ClaimedJob
from sync.errors import ProviderError
from sync.provider import Account, Row
from sync.report import AccountReport
from sync.turns import FairSemaphore, hold_places

TAKEN_OVER = "another process reads the account by now"
DISCONNECTED = "the account was disconnected meanwhile"


@dataclass(slots=True)
class WarehouseSink:
    """A `Sink` into this installation's databases: used in threads, written to in turns."""

    work: ClaimedJob
    account: Account
    report: AccountReport
    state: State
    warehouse: Warehouse
    declared: Mapping[str, Table]
    turns: FairSemaphore
    clock: Callable[[], datetime]
    credentials_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.credentials_at = self.account.credentials_at

    @property
    def user(self) -> str:
        return self.work.user

    @property
    def tables(self) -> Collection[str]:
        return frozenset(
            name for name, table in self.declared.items() if table.query is None and table.source == self.account.source
        )

    def now(self) -> datetime:
        return self.clock()

    async def get_cursor(self, table: str) -> Window | None:
        return await asyncio.to_thread(self.warehouse.get_cursor, self.get_table(table), self.user, self.account.id)

    async def get_rows(self, table: str, days: Window) -> Sequence[Row]:
        return await asyncio.to_thread(self.warehouse.get_rows, self.get_slice(table, days))

    async def restate(self, table: str, days: Window, rows: Sequence[Row]) -> None:
        columns = self.declared[table].columns
        known_rows = [{name: value for name, value in row.items() if name in columns} for row in rows]
        async with hold_places(self.turns):
            if not await asyncio.to_thread(self.is_connected):
                raise ProviderError(DISCONNECTED)
            if not await asyncio.to_thread(self.is_in_charge):
                raise ProviderError(TAKEN_OVER)
            self.report.rows += await asyncio.to_thread(self.warehouse.restate, self.get_slice(table, days), known_rows)

    def report_progress(self, fraction: float) -> None:
        self.report.fraction = min(1.0, max(self.report.fraction, fraction))

    def skip(self, count: int, reason: str) -> None:
        if count:
            self.report.skipped[reason] = self.report.skipped.get(reason, 0) + count

    async def replace_notes(self, table: str, days: Window, notes: Mapping[str, Sequence[Window]]) -> None:
        source, account = self.account.source, self.account.id
        await asyncio.to_thread(self.state.data_notes.replace_notes, self.user, source, account, table, days, notes)
        for code, windows in notes.items():
            for window in windows:
                self.report.add_note(table, code, window)

    def add_remark(self, text: str) -> None:
        self.report.remarks[text] = None

    async def renew_credentials(self, credentials: Mapping[str, Any]) -> None:
        self.credentials_at = await asyncio.to_thread(
            self.state.connections.renew_credentials,
            self.user,
            self.account.source,
            self.account.id,
            credentials,
            credentials_at=self.credentials_at,
        )

    async def add_options(self, options: Mapping[str, Any]) -> None:
        connections = self.state.connections
        await asyncio.to_thread(connections.add_options, self.user, self.account.source, self.account.id, options)

    def is_connected(self) -> bool:
        return self.state.connections.is_synced(self.user, self.account.source, self.account.id)

    def is_in_charge(self) -> bool:
        """Whether no other process has taken the account over, as from one that was paused."""
        return self.state.account_leases.is_held(self.work, self.account.source, self.account.id)

    def get_slice(self, table: str, days: Window) -> Slice:
        return Slice(self.get_table(table), self.user, self.account.id, days)

    def get_table(self, name: str) -> Table:
        """Return a table whose rows tell their account, so that no account replaces another's.

        Raises ProviderError.
        """
        table = self.declared[name]
        if table.account is None:
            raise ProviderError(f"table {name} does not say which column names the account; add `account:` to it")
        return table
