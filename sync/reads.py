"""What the syncs of a tenant have read: for each account, up to which day and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from engine import Table, Warehouse
from state import State
from state.connections import EXTERNAL


@dataclass(frozen=True, slots=True)
class AccountRead:
    """What has been read of one account.

    `tables` maps each table that its syncs have filled to the last complete day read, rows or not. `read_at` is the
    last sync that succeeded; None before the first.
    """

    tables: Mapping[str, date]
    read_at: datetime | None

    @property
    def through(self) -> date | None:
        """The last complete day that has been read in all of its tables; None before the first sync."""
        return min(self.tables.values(), default=None)


def list_account_reads(
    state: State, warehouse: Warehouse, declared: Mapping[str, Table], user: str
) -> dict[str, dict[str, AccountRead]]:
    """List what has been read of the accounts that a sync reads, by source and account.

    An account counts while it is connected with credentials, whatever its status. One without a read has no tables.
    Raises StateUnavailable or WarehouseUnavailable.
    """
    cursors = warehouse.get_cursors(user)
    reads: dict[str, dict[str, AccountRead]] = {}
    for connection in state.connections.list_connections(user):
        if connection.status != EXTERNAL:
            tables = {
                table: days.end
                for (table, account), days in cursors.items()
                if account == connection.account_id
                and table in declared
                and declared[table].source == connection.source
            }
            of_source = reads.setdefault(connection.source, {})
            of_source[connection.account_id] = AccountRead(tables, connection.last_success_at)
    return reads
