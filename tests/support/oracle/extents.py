"""What is known of a table for one tenant: from its first row to the day up to which it has been read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.support.oracle.expressions import Row
from tests.support.oracle.windows import OracleWindow

READ_TABLE = re.compile(r"\{\{\s*table\(\s*['\"](\w+)['\"]\s*\)\s*\}\}")


@dataclass(frozen=True, slots=True)
class AccountRead:
    """The last complete day that the syncs of a connected account have covered, and whether that is too long ago."""

    through: date
    is_late: bool = False
    is_connected: bool = True


# By table and account: the accounts of one tenant that a sync reads and that are connected.
Reads = Mapping[str, Mapping[str, AccountRead]]


@dataclass(frozen=True, slots=True)
class KnownTables:
    """One tenant's rows by table, and how far its accounts were read."""

    tables: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Sequence[Row]]
    reads: Reads

    def find_extent(self, name: str) -> OracleWindow | None:
        """Find the days of which a table's rows are known; None without a row.

        A query table reaches from the earliest first row of the tables that it reads to the earliest day up to which
        one of them is read. The contract does not say what a read table without rows and accounts does; here it does
        not matter, as an account's does not that was never read.
        """
        bases = list_base_tables(self.tables, name)
        firsts = [day for base in bases for day in self.list_days(base)]
        throughs = [through for base in bases if (through := self.find_through(base)) is not None]
        if not firsts or min(throughs) < min(firsts):
            return None
        return OracleWindow(min(firsts), min(throughs))

    def list_days(self, base: str) -> list[date]:
        return [row[self.tables[base]["time"]] for row in self.rows.get(base, ())]

    def find_through(self, base: str) -> date | None:
        counting = [
            read.through for read in self.reads.get(base, {}).values() if read.is_connected and not read.is_late
        ]
        return min(counting) if counting else max(self.list_days(base), default=None)

    def iter_ended_accounts(self, names: Iterable[str], *, is_connected: bool) -> Iterator[tuple[str, str, date]]:
        """Yield source, account and last day of each account that counts no longer, the earliest of its tables.

        They are the late ones of those connected, or those that are connected no more.
        """
        found: dict[tuple[str, str], date] = {}
        for base in dict.fromkeys(base for name in names for base in list_base_tables(self.tables, name)):
            for account, read in self.reads.get(base, {}).items():
                if read.is_connected == is_connected and (read.is_late or not is_connected):
                    place = (self.tables[base]["source"], account)
                    found[place] = min(read.through, found.get(place, read.through))
        for (source, account), through in sorted(found.items()):
            yield source, account, through


def list_base_tables(tables: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """List the tables with rows of their own that a table is or reads, in order of first use."""
    if "sql" not in tables[name]:
        return [name]
    read = READ_TABLE.findall(tables[name]["sql"])
    return list(dict.fromkeys(base for each in read for base in list_base_tables(tables, each)))
