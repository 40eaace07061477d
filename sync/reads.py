"""What the syncs of a tenant have read: for each table and account, up to which day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine import AccountRead, Table, Warehouse
from state import State
from state.connections import EXTERNAL

# An account that has not been read for so long is late: its table is known without it.
LATE_AFTER = timedelta(days=14)


def list_account_reads(
    state: State, warehouse: Warehouse, declared: Mapping[str, Table], user: str, *, now: datetime
) -> dict[str, dict[str, AccountRead]]:
    """List up to which day each table has been read, by table and account, rows or not.

    An account counts while it is connected with credentials, whatever its status, from its first sync that succeeded
    on. One that is connected no more is listed too, where another one counts. Raises StateUnavailable or
    WarehouseUnavailable.
    """
    connections = state.connections.list_connections(user)
    synced = {
        (connection.source, connection.account_id): now - connection.last_success_at > LATE_AFTER
        for connection in connections
        if connection.status != EXTERNAL and connection.last_success_at is not None
    }
    if not synced:
        return {}
    connected = {(connection.source, connection.account_id) for connection in connections}
    reads: dict[str, dict[str, AccountRead]] = {}
    for (name, account), days in warehouse.get_cursors(user).items():
        table = declared.get(name)
        if table is None:
            continue
        place = (table.source, account)
        if place in synced or place not in connected:
            read = AccountRead(days.end, synced.get(place, False), place in connected)
            reads.setdefault(name, {})[account] = read
    return reads
