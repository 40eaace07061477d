"""How far a widget's numbers are known: the last days of its windows, restated days, late accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.support.oracle.definitions import OracleCatalog
from tests.support.oracle.extents import KnownTables
from tests.support.oracle.windows import OracleSide, OracleWindow


@dataclass(frozen=True, slots=True)
class OracleFreshness:
    """What is known of the tables of metrics, whose sources are `active`."""

    catalog: OracleCatalog
    known: KnownTables
    active: frozenset[str]

    def list_leaf_tables(self, key: str) -> list[str]:
        """List the tables that the widget's answer consists of."""
        return [self.catalog.get_table(leaf).name for leaf in self.catalog.list_leaves(key, self.active)]

    def list_extents(self, key: str) -> list[OracleWindow]:
        return [extent for name in self.list_leaf_tables(key) if (extent := self.known.find_extent(name))]

    def find_through(self, key: str, window: OracleWindow | None) -> date | None:
        """Find the last known day of a window, the earliest of the parts'; None if any part has none.

        An operand that may be missing does not count where it is.
        """
        if window is None or not self.catalog.is_answerable(key, self.active):
            return None
        if "table" in self.catalog.metrics[key]:
            extent = self.known.find_extent(self.catalog.get_table(key).name)
            return extent.cut(window).end if extent is not None and extent.overlaps(window) else None
        parts = [part for part in self.catalog.list_parts(key) if self.catalog.is_answerable(part, self.active)]
        days = {part: self.find_through(part, window) for part in parts}
        if "derive" in self.catalog.metrics[key]:
            required = self.catalog.list_required_parts(key)
            days = {part: day for part, day in days.items() if part in required or day is not None}
        return find_earliest(list(days.values()))

    def find_to_date(self, key: str, now: OracleSide, before: OracleSide | None) -> date | None:
        """Find the last day that a comparison can be fair to; None if the window is finished, or not compared.

        That is the last known day, or that of an account that was not read for long, if it lies within the window: the
        contract says that `to_date` still reaches to it "in windows that go beyond it". A window that begins after it
        has no such days.
        """
        through = self.find_through(key, now.window)
        if before is None or through is None:
            return None
        ended = self.known.iter_ended_accounts(self.list_leaf_tables(key), is_connected=True)
        late = [day for _, _, day in ended if day in now.window]
        last = min([through, *late])
        return last if last < now.window.end else None

    def find_provisional(self, key: str, window: OracleWindow) -> date | None:
        """Find the first day that a source may still restate, the earliest of the parts'.

        A query table says `restates` itself.
        """
        found = []
        for leaf in self.catalog.list_leaves(key, self.active):
            table = self.catalog.get_table(leaf)
            extent, through = self.known.find_extent(table.name), self.find_through(leaf, window)
            if extent is None or through is None or not table.restates:
                continue
            first = max(window.start, extent.end - timedelta(days=table.restates - 1))
            if first <= through:
                found.append(first)
        return min(found, default=None)

    def iter_notes(self, key: str, window: OracleWindow, first_day: date) -> Iterator[dict[str, Any]]:
        """Yield what is to be known of the asked days: those of an account that was not read for 14 days.

        Those of an account that was disconnected too, if the windows have days of it; `first_day` is the first of the
        comparison, or of the window. The contract does not say which days `from` and `to` are; here they are those of
        the window that were not read.
        """
        for code in ("late", "disconnected"):
            accounts = self.known.iter_ended_accounts(self.list_leaf_tables(key), is_connected=code == "late")
            for source, account, through in accounts:
                if through < window.end and (code == "late" or through >= min(window.start, first_day)):
                    first = max(window.start, through + timedelta(days=1))
                    days = {"from": first.isoformat(), "to": window.end.isoformat()}
                    yield {"code": code, "source": source, "account": account, **days}


def find_earliest(days: Sequence[date | None]) -> date | None:
    present = [day for day in days if day is not None]
    return min(present) if present and len(present) == len(days) else None
