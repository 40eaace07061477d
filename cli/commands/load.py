"""`metric-engine load`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
from click.core import ParameterSource

from cli.counts import format_count
from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import (
    PRESETS,
    SOURCES,
    CsvOptions,
    CsvRows,
    InvalidRows,
    LoadedDays,
    Table,
    WarehouseUnavailable,
    did_you_mean,
    find_nearest_names,
)
from runtime.accounts import check_loadable
from runtime.services import Services

DASH, STANDARD_INPUT = Path("-"), Path("/dev/stdin")


@click.command()
@click.argument("table")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    callback=lambda _context, _parameter, files: tuple(STANDARD_INPUT if file == DASH else file for file in files),
)
@user_option
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=HEADER",
    help="A column of the table that the file calls otherwise; may be given several times.",
)
@click.option(
    "--set",
    "fixed",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="A column that the file lacks, and its value in all rows; may be given several times.",
)
@click.option(
    "--account",
    metavar="ID",
    help="The account that the rows are from; required where the table has accounts and the file does not tell them.",
)
@click.option(
    "--preset",
    type=click.Choice(sorted(PRESETS)),
    help="Whose export it is: its headers are known, and numbers may have commas.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="HEADER",
    help="A header of the file to pass over; may be given several times.",
)
@click.option("--ignore-rest", is_flag=True, help="Pass over every header that fills no column.")
@click.option("--skip-totals", is_flag=True, help="Leave out the rows that sum up others.")
@click.option("--thousands", is_flag=True, help="Read 1,200 as 1200.")
@click.option(
    "--decimal",
    type=click.Choice(["comma", "point"]),
    help="What stands before decimals: `comma` reads 1.200,50 as 1200.5; needed where the numbers do not tell.",
)
@click.option(
    "--dates",
    type=click.Choice(["ymd", "mdy", "dmy"]),
    help="The order of dates such as 11/22/2026 (`mdy`) or `22 Nov 2026` (`dmy`); a time of day behind is left out.",
)
@click.option(
    "--number",
    metavar="COLUMN",
    help="A whole-number column of the key that counts the rows which are equal in the rest of it: an order's lines.",
)
@metrics_option
def load(
    table: str,
    files: tuple[Path, ...],
    user: str,
    mapped: tuple[str, ...],
    fixed: tuple[str, ...],
    account: str | None,
    preset: str | None,
    ignored: tuple[str, ...],
    ignore_rest: bool,
    skip_totals: bool,
    thousands: bool,
    decimal: Literal["comma", "point"] | None,
    dates: Literal["ymd", "mdy", "dmy"] | None,
    number: str | None,
    metrics: Path,
) -> None:
    """Load rows from exports.

    A FILE has a header, and commas, semicolons or tabs between its fields; it is UTF-8 or UTF-16; - is the standard
    input. Headers are matched to the table's columns blind to case and blanks. A row takes the place of one with the
    same key, of which it keeps the columns that the file lacks; either all rows of all files are loaded or none.
    What is wrong is named as file:line:column, where the column is the number of the field. Rows that sum up others are
    refused, and so are rows over several days. Dates are 2025-01-31 or 20250131, others with --dates; an empty field is
    no value. The table's source then counts as connected for the user.

    \b
    Examples:
      metric-engine load ga4_daily users.csv --user UUID --account 318204557
      metric-engine load meta_ads_daily jan.csv feb.csv --user UUID --preset meta --account act_77 --skip-totals
      metric-engine load ga4_channels_daily channels.csv --user UUID --map sessions=visits --set date=2025-01-31
    """
    with open_services(metrics) as services:
        target = get_table(services, table)
        options = CsvOptions(
            headers=parse_assignments("--map", mapped, target, "the file's header"),
            fixed=parse_assignments("--set", fixed, target, "its value"),
            account=account,
            preset=None if preset is None else PRESETS[preset],
            ignored=ignored,
            ignore_rest=ignore_rest,
            skip_totals=skip_totals,
            thousands=thousands,
            decimal=decimal,
            dates=dates,
            number=number,
        )
        check_options(options, target)
        try:
            rows = CsvRows(files, target, user, options)
            if account is not None and rows.has_account_column():
                raise click.UsageError(f"--account: the file has a column for {target.account} of its own")
            loaded = load_rows(services, rows, user)
        except InvalidRows as error:
            raise InvalidRows(f"{error}{format_remedy(error)}") from None
        count = loaded.counts.total()
        doubts = [*rows.doubts.values(), *find_doubts(services, loaded)]
    if rows.skipped_count:
        verb = "sums" if rows.skipped_count == 1 else "sum"
        click.echo(f"{format_count(rows.skipped_count, 'row')} that {verb} up others left out", err=True)
    if not count:
        click.echo("warning: there are no rows below the header", err=True)
    for doubt in doubts:
        click.echo(f"warning: {doubt}", err=True)
    click.echo(f"{format_count(count, 'row')} loaded into {table}")


def load_rows(services: Services, rows: CsvRows, user: str) -> LoadedDays:
    """Check all of the files, then load them; returns what was loaded. Raises AccountConflict."""
    table = rows.table
    loaded = LoadedDays(table, user)
    for row in rows:
        loaded.add(row)
    check_loadable(services, user, table, loaded.accounts)
    count = loaded.counts.total()
    with click.progressbar(rows, length=count, label="Loading", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        services.warehouse.upsert(table, bar)
    for each in loaded.accounts:
        services.state.connections.mark_external(user, table.source, each)
    services.state.tenants.advance_data_version(user)
    return loaded


def find_doubts(services: Services, loaded: LoadedDays) -> list[str]:
    """Find what is doubtful of rows that were loaded."""
    if not loaded.counts:
        return []
    table = loaded.table
    columns = loaded.list_summed_columns()
    try:
        found = services.warehouse.sum_days(table, loaded.user, loaded.window, columns)
        stored = {(account, day): totals for account, day, totals in found}
    except WarehouseUnavailable as error:
        # The rows are there, and a failure would say that they are not.
        return [f"the rows are loaded, and could not be looked at: {error}"]
    return list(loaded.describe_doubts(stored, services.get_today()))


def get_table(services: Services, name: str) -> Table:
    tables = services.catalog.tables
    if name not in tables:
        physical = sorted(each for each, table in tables.items() if table.query is None)
        hint = did_you_mean(find_nearest_names(name, physical)) or f"; there are {', '.join(physical)}"
        raise click.UsageError(f"no table {name!r}{hint}")
    return tables[name]


def parse_assignments(option: str, texts: Sequence[str], table: Table, value: str) -> dict[str, str]:
    """Parse the values of --map and --set: what follows `=`, by the table's column. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        column, separator, given = text.partition("=")
        if not separator or (not given and option == "--map"):
            raise click.UsageError(f"{option} {text}: write the table's column, =, and {value}")
        if column not in table.columns or column == table.tenant:
            columns = [name for name in table.columns if name != table.tenant]
            hint = did_you_mean(find_nearest_names(column, columns)) or f"; it has {', '.join(columns)}"
            raise click.UsageError(f"{option} {text}: {table.name} has no column {column!r} to fill{hint}")
        if column in found:
            raise click.UsageError(f"{option} {text}: {column!r} is given twice")
        found[column] = given
    return found


def check_options(options: CsvOptions, table: Table) -> None:
    """Check that the options agree with each other and with the table. Raises UsageError."""
    for column in sorted(options.headers.keys() & options.fixed.keys()):
        raise click.UsageError(f"--set {column}: --map fills it from the file")
    if options.account is not None and table.account is None:
        raise click.UsageError("--account: the table has no account column")
    if options.account is not None and table.account in (*options.fixed, *options.headers):
        raise click.UsageError(f"--account: {table.account!r} is given twice")
    if options.thousands and options.decimal == "comma":
        raise click.UsageError("--thousands: with --decimal comma a comma stands before decimals")
    check_number(options.number, table)
    preset = options.preset
    if preset is not None and table.source in SOURCES and preset.name != table.source:
        raise click.UsageError(f"--preset {preset.name}: {table.name} is a table of {table.source}")


def check_number(name: str | None, table: Table) -> None:
    """Check the column that numbers rows. Raises UsageError."""
    whole = [each for each in table.key if table.columns[each].type in ("integer", "bigint")]
    if name is not None and name not in whole:
        hint = f"it has {', '.join(whole)}" if whole else "add one to it, such as `line: integer`"
        raise click.UsageError(f"--number {name}: is no whole-number column of the key of {table.name}; {hint}")


def format_remedy(error: InvalidRows) -> str:
    """Return the command that was called with the options that mend it, to be pasted; empty if there are none."""
    if not error.remedies:
        return ""
    remedies = (word for words in error.remedies for word in words)
    command = shlex.join((*list_given_words(click.get_current_context()), *remedies))
    return f"\nif that is what you mean, call:\n  {command}"


def list_given_words(context: click.Context) -> list[str]:
    """Return the words of the command as it was called."""
    arguments, options = ["metric-engine", "load"], []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter, click.Argument):
            arguments += map(str, values)
        elif context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            options += [
                word for each in values for word in ((parameter.opts[0],) + (() if each is True else (str(each),)))
            ]
    return [*arguments, *options]
