"""The extent of a table: the days that are known of it for a tenant, with rows or without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from engine.calendar import Window
from engine.tables import Table


@dataclass(frozen=True, slots=True)
class AccountRead:
    """The last complete day up to which a sync has read an account.

    One that has not been read for two weeks is late, and one may have been disconnected since: its table is known
    without it.
    """

    through: date
    is_late: bool = False
    is_connected: bool = True

    @property
    def end_code(self) -> str | None:
        """The code of the note that says why the account counts no longer; None where it counts."""
        if not self.is_connected:
            return "disconnected"
        return "late" if self.is_late else None


# By table's name and account.
AccountReads = Mapping[str, Mapping[str, AccountRead]]


class Extent(NamedTuple):
    """The known days of a table, from its first row's to the last that has been read."""

    first: date
    through: date

    def find_last_day(self, window: Window) -> date | None:
        """Return the last day of a window that is known; None where none of its days is."""
        return min(self.through, window.end) if self.first <= window.end and window.start <= self.through else None

    def intersect(self, window: Window) -> Window | None:
        """Return the days of a window that are known; None where there are none."""
        start, end = max(self.first, window.start), min(self.through, window.end)
        return Window(start, end) if start <= end else None


def find_extent(
    table: Table, get_row_days: Callable[[Table], tuple[date, date] | None], reads: AccountReads
) -> Extent | None:
    """Find the extent of a table, or of the tables that a query reads; None where none of them has rows.

    `get_row_days` returns the first and the last day with rows of a physical table.
    """
    found = [
        Extent(days[0], (find_read_day(reads[each.name]) if each.name in reads else None) or days[1])
        for each in table.list_physical_tables()
        if (days := get_row_days(each)) is not None
    ]
    if len(found) < 2:
        return found[0] if found else None
    return Extent(min(each.first for each in found), min(each.through for each in found))


def find_read_day(accounts: Mapping[str, AccountRead]) -> date | None:
    """Return the day up to which all accounts that count have been read; None without any."""
    return min((account.through for account in accounts.values() if account.end_code is None), default=None)


def iter_ended_accounts(
    tables: Iterable[Table], reads: AccountReads, window: Window, end_code: str
) -> Iterable[tuple[str, str, date]]:
    """Yield the source, account and last read day of each account that ended so before the window's end."""
    if not reads:
        return
    accounts: dict[tuple[str, str], date] = {}
    for table in dict.fromkeys(physical for each in tables for physical in each.list_physical_tables()):
        for account, read in reads.get(table.name, {}).items():
            if read.end_code == end_code and read.through < window.end:
                key = (table.source, account)
                accounts[key] = min(read.through, accounts.get(key, read.through))
    for (source, account), through in sorted(accounts.items()):
        yield source, account, through
