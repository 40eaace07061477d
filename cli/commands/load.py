"""`metric-engine load`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.counts import format_count
from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import CsvRows, Table, did_you_mean, find_nearest_names
from runtime.services import Services


@click.command()
@click.argument("table")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@user_option
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=HEADER",
    help="A column of the table that the file calls otherwise; may be given several times.",
)
@click.option(
    "--account",
    metavar="ID",
    help="The account that the rows are from, where no column of the file tells; empty unless said.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="HEADER",
    help="A header of the file to pass over; may be given several times.",
)
@metrics_option
def load(
    table: str,
    file: Path,
    user: str,
    mapped: tuple[str, ...],
    account: str | None,
    ignored: tuple[str, ...],
    metrics: Path,
) -> None:
    """Load rows from a CSV file.

    FILE is UTF-8 with a header. A row takes the place of one with the same key, of which it keeps the columns that the
    file lacks; either all rows are loaded or none.
    What is wrong is named as file:line:column, where the column is the number of the field. Dates are 2025-01-31 or
    20250131, numbers have no thousands separators, an empty field is no value. The table's source then counts as
    connected for the user.

    \b
    Examples:
      metric-engine load ga4_daily users.csv --user UUID
      metric-engine load ga4_daily users.csv --user UUID --map sessions=visits --account 318204557
    """
    with open_services(metrics) as services:
        target = get_table(services, table)
        rows = CsvRows(
            file, target, user, headers=parse_mappings(mapped, target), account=account or "", ignored=ignored
        )
        column = rows.table.account_column
        if account is not None and (column is None or column.name not in rows.fixed_values):
            lack = (
                f"the file has a column for {column.name} of its own" if column else "the table has no account column"
            )
            raise click.UsageError(f"--account: {lack}")
        count, accounts = load_rows(services, rows)
        for each in sorted(accounts):
            services.state.connections.mark_external(user, target.source, each)
        services.state.tenants.advance_data_version(user)
    click.echo(f"{format_count(count, 'row')} loaded into {table}")


def load_rows(services: Services, rows: CsvRows) -> tuple[int, set[str]]:
    """Check the whole file, then load it; returns the number of rows, and their accounts."""
    column = rows.table.account_column
    accounts: set[str] = set()
    count = 0
    for row in rows:
        count += 1
        accounts.add(row[column.name] if column else "")
    with click.progressbar(rows, length=count, label="Loading", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        services.warehouse.upsert(rows.table, bar)
    return count, accounts


def get_table(services: Services, name: str) -> Table:
    tables = services.catalog.tables
    if name not in tables:
        physical = sorted(each for each, table in tables.items() if table.query is None)
        hint = did_you_mean(find_nearest_names(name, physical)) or f"; there are {', '.join(physical)}"
        raise click.UsageError(f"no table {name!r}{hint}")
    return tables[name]


def parse_mappings(mapped: Sequence[str], table: Table) -> dict[str, str]:
    """Parse the values of --map: the file's header by the table's column. Raises UsageError."""
    headers: dict[str, str] = {}
    for text in mapped:
        column, separator, header = text.partition("=")
        if not separator or not header:
            raise click.UsageError(f"--map {text}: write the table's column, =, and the file's header")
        if column not in table.columns or column == table.tenant:
            columns = [name for name in table.columns if name != table.tenant]
            hint = did_you_mean(find_nearest_names(column, columns)) or f"; it has {', '.join(columns)}"
            raise click.UsageError(f"--map {text}: {table.name} has no column {column!r} to fill{hint}")
        if column in headers:
            raise click.UsageError(f"--map {text}: {column!r} is mapped twice")
        headers[column] = header
    return headers
