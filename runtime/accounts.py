"""Loaded rows beside synced ones: what would count twice is refused, with the ways out."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from engine import SOURCES, MetricEngineError, Table
from runtime.services import Services


class AccountConflict(MetricEngineError):
    """The same facts would be there twice: from a file, and from a sync."""


def check_connectable(services: Services, user: str, source: str, account: str) -> None:
    """Check that no rows without an account stand where a sync is to put this account's.

    Raises AccountConflict, StateUnavailable or WarehouseUnavailable.
    """
    if services.state.connections.is_synced(user, source, account):
        return
    held = [
        table.name
        for table in list_synced_tables(services, source)
        if services.warehouse.has_rows(table, user, account="")
    ]
    if held:
        purge = shlex.join(("metric-engine", "purge", "--user", user, "--source", source, "--account", ""))
        raise AccountConflict(
            f"{' and '.join(held)} {'has' if len(held) == 1 else 'have'} loaded rows without an account; those of "
            f"{account} would count beside them. Delete them ({purge}), connect the account, and load with --account "
            "what is older than the sync reads; or connect it without credentials, and load its rows as before"
        )


def check_loadable(services: Services, user: str, table: Table, accounts: Collection[str]) -> None:
    """Check that no sync reads the accounts of these rows.

    Raises AccountConflict, StateUnavailable or WarehouseUnavailable.
    """
    synced = [
        each.account_id
        for each in services.state.connections.list_synced_accounts(user)
        if each.source == table.source and fills_table(services, user, table, each.account_id)
    ]
    if synced and (table.account is None or "" in accounts):
        raise AccountConflict(
            f"a sync reads {format_accounts(synced, table)} into {table.name}; rows without an account would count "
            f"beside them. Say whose the rows are with --account, or {describe_removal(table.source, synced)}"
        )
    doubled = [account for account in synced if account in accounts]
    if doubled:
        raise AccountConflict(
            f"a sync reads {format_accounts(doubled, table)} into {table.name}, and would replace the rows. "
            f"Leave them to it (metric-engine sync), or {describe_removal(table.source, doubled)}"
        )


def list_synced_tables(services: Services, source: str) -> list[Table]:
    """List the tables of the metric files that syncs of a source fill."""
    names = SOURCES[source].synced_tables if source in SOURCES else ()
    return [
        table
        for table in services.catalog.tables.values()
        if table.query is None and table.source == source and table.name in names
    ]


def fills_table(services: Services, user: str, table: Table, account: str) -> bool:
    """Whether a sync of this account fills the table: the provider does, or one of one's own has."""
    if table in list_synced_tables(services, table.source):
        return True
    return services.warehouse.get_cursor(table, user, account) is not None


def format_accounts(accounts: Sequence[str], table: Table) -> str:
    return f"account{'' if len(accounts) == 1 else 's'} {', '.join(accounts)} of {table.source}"


def describe_removal(source: str, accounts: Sequence[str]) -> str:
    """Describe how accounts are disconnected, so that their rows can be loaded."""
    paths = " and ".join(f"DELETE /v1/connections/{source}?account_id={account}" for account in accounts)
    return f"disconnect it first ({paths})" if len(accounts) == 1 else f"disconnect them first ({paths})"
