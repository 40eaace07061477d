"""`metric-engine purge`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.counts import format_count
from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import SOURCES, Table, suggest_name
from runtime.services import Services


@click.command()
@user_option
@click.option("--source", required=True, metavar="SOURCE", help="Whose rows, such as ga4.")
@click.option(
    "--account", metavar="ID", help="The account; '' are the rows without one. All of the source's unless said."
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@metrics_option
def purge(user: str, source: str, account: str | None, yes: bool, metrics: Path) -> None:
    """Delete an account's rows.

    Deletes the rows of the source's tables, what is noted of them, and what is known of how far the account was read: a
    sync of an account that is still connected begins anew. Connections stay as they are.

    \b
    Examples:
      metric-engine purge --user UUID --source ga4 --account 318204557
      metric-engine purge --user UUID --source meta --account ''
    """
    with open_services(metrics) as services:
        tables = list_tables(services, source)
        accounts = None if account is None else list_spellings(source, account)
        # Two declarations may be of one table.
        counts = {table.physical: services.warehouse.count_rows(table, user, accounts) for table in tables}
        for name, count in counts.items():
            click.echo(f"{name}: {format_count(count, 'row')}")
        total = format_count(sum(counts.values()), "row")
        if not yes:
            click.confirm(f"Delete the {total} of {describe_account(source, account)} for good?", abort=True)
        services.warehouse.delete_accounts(tables, user, accounts)
        services.state.data_notes.delete_notes(user, source, accounts)
        services.state.tenants.advance_data_version(user)
        synced = [
            each.account_id
            for each in services.state.connections.list_synced_accounts(user)
            if each.source == source and (accounts is None or each.account_id in accounts)
        ]
    click.echo(f"{total} deleted")
    for each in synced:
        click.echo(
            f"{each} is still connected: the next sync reads it from the beginning, "
            f"unless DELETE /v1/connections/{source}?account_id={each} removes it"
        )


def list_tables(services: Services, source: str) -> list[Table]:
    """List the physical tables of a source. Raises UsageError for an unknown source."""
    if source not in (sources := services.catalog.sources):
        raise click.UsageError(f"--source {source}: there is no such source{suggest_name(source, sources)}")
    return [table for table in services.catalog.tables.values() if table.query is None and table.source == source]


def list_spellings(source: str, account: str) -> list[str]:
    """Return an account's id as it is given, and as connections write it."""
    known = SOURCES.get(source)
    return sorted({account, account if known is None else known.add_account_prefix(account)})


def describe_account(source: str, account: str | None) -> str:
    if account is None:
        return f"all accounts of {source}"
    return f"account {account} of {source}" if account else f"{source} that have no account"
