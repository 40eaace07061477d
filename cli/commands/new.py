"""`metric-engine new`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import click

from cli.new_files import load_changed_catalog, new_source, new_table
from cli.options import metrics_option
from engine import (
    KEY_PATTERN,
    Catalog,
    Diagnostics,
    EntryLine,
    Expression,
    Format,
    InvalidCatalog,
    MetricDefinition,
    MetricEntry,
    MetricFile,
    Reporter,
    Table,
    TableMetric,
    TextFaults,
    Total,
    add_entry,
    did_you_mean,
    draft_test,
    find_nearest_names,
    is_template,
    make_title,
    read_folder,
    resolve_expression,
    run_tests,
)
from insights.config.load import load_catalog

FORMATS, TOTALS = get_args(Format), get_args(Total)
DEFAULT_FORMAT = "decimal"


class NewGroup(click.Group):
    """The commands of `new`; what is none of them is a metric's key, with its options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "", new_metric, args

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show a metric's options above the other commands."""
        new_metric.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(
    cls=NewGroup,
    commands=[new_source, new_table],
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="KEY | source | table …",
)
def new() -> None:
    """Add a metric, a source or a table.

    With a KEY, writes a metric at the end of the file that declares its table, with a test on two small days, checks
    the files and runs the test. On a terminal it asks for what is not given: --table, --value, --format, --title,
    --total. When something is wrong, nothing is written.

    \b
    Examples:
      metric-engine new ga4.engagement_rate
      metric-engine new ga4.engagement_rate --table ga4_daily --value 'sum(engaged_sessions) / sum(sessions)'
      metric-engine new source google_ads --title 'Google Ads'
      metric-engine new table google_ads_daily export.csv --source google_ads
    """


@click.command("new")
@click.argument("key")
@click.option("--table", metavar="NAME", help="The table that the metric reads.")
@click.option("--value", metavar="SQL", help="An aggregate expression over the table's columns.")
@click.option("--format", "shape", metavar="FORMAT", help=f"{', '.join(FORMATS)}; {DEFAULT_FORMAT} unless said.")
@click.option("--title", metavar="TEXT", help="The widget's title; made from the key unless said.")
@click.option("--total", metavar="TOTAL", help=f"{', '.join(TOTALS)}: wanted where days may not be added up.")
@metrics_option
def new_metric(
    key: str,
    table: str | None,
    value: str | None,
    shape: str | None,
    title: str | None,
    total: str | None,
    metrics: Path,
) -> None:
    """Add a metric.

    Writes an entry at the end of the file that declares the table, with a test on two small days, checks the files
    and runs the test. On a terminal it asks for what is not given. When something is wrong, nothing is written.

    \b
    Examples:
      metric-engine new ga4.engagement_rate
      metric-engine new ga4.engagement_rate --table ga4_daily --value 'sum(engaged_sessions) / sum(sessions)'
    """
    catalog = load_catalog(metrics)
    files = read_folder(metrics, Diagnostics()).files
    check_key(key, files)
    default_title = make_title(key, MetricDefinition())
    if sys.stdin.isatty():
        table = table or ask_table(catalog)
        value = value or ask_value(catalog.tables.get(table))
        total = total or ask_total(catalog.tables.get(table), value)
        shape = shape or ask_choice("Format", FORMATS, "format", default=DEFAULT_FORMAT)
        title = title or click.prompt("Title", default=default_title)
    if table is None or value is None:
        missing = " and ".join(f"--{name}" for name, given in (("table", table), ("value", value)) if given is None)
        raise click.UsageError(f"{missing} missing; the tables are {', '.join(catalog.tables)}")
    file = choose_file(key, table, files)
    draft = MetricDraft(
        key, file, build_lines(file, table, value, total, shape or DEFAULT_FORMAT, title or default_title)
    )
    draft.add(metrics)
    place = f"{file.name}, line {get_line_number(file, key)}"
    click.echo(f"added {key} to {place}; its test passes. Look at the test's numbers: they are the engine's own.")


class MetricDraft:
    """A new entry, checked on a copy of the folder before it is written."""

    def __init__(self, key: str, file: MetricFile, lines: list[EntryLine]) -> None:
        self.key = key
        self.path = Path(file.name)
        self.lines = lines
        self.before = self.path.read_bytes()

    def add(self, folder: Path) -> None:
        """Write the entry with a test. Raises InvalidCatalog or ClickException."""
        catalog = load_changed_catalog(folder, {self.path.name: self.render_file()})
        metric = catalog.metrics[self.key]
        assert isinstance(metric, TableMetric)
        test = draft_test(catalog, metric)
        self.lines.append(
            EntryLine("tests", [test], "Small enough to check by hand: a change of the value shows here.")
        )
        text = self.render_file()
        catalog = load_changed_catalog(folder, {self.path.name: text})
        failed = [result for result in run_tests(catalog, [catalog.metrics[self.key]]) if not result.has_passed]
        if failed:
            raise click.ClickException(
                f"the test of {self.key} does not pass: {failed[0].error or failed[0].mismatches}"
            )
        self.write_file(text)

    def render_file(self) -> bytes:
        """Render the file with the entry. Raises ClickException."""
        entry = MetricEntry(self.key, "Say in `description:` what it shows, in a sentence.", self.lines)
        text = add_entry(self.before, entry)
        if text is None:
            block = "\n".join(entry.render_block("  "))
            raise click.ClickException(f"{self.path} is written in a form to which nothing can be added:\n{block}")
        return text

    def write_file(self, text: bytes) -> None:
        """Replace the file atomically. Raises ClickException if it has been changed meanwhile."""
        target = self.path.resolve()
        if target.read_bytes() != self.before:
            raise click.ClickException(f"{self.path} has changed meanwhile; try again")
        beside = target.with_name(f"{target.name}.new")
        beside.write_bytes(text)
        shutil.copymode(target, beside)
        beside.replace(target)


def check_key(key: str, files: Iterable[MetricFile]) -> None:
    """Check a new key. Raises BadParameter if it is invalid, InvalidCatalog if it exists."""
    if not KEY_PATTERN.fullmatch(key):
        raise click.BadParameter("use letters, digits, _ and dots, such as ga4.sessions", param_hint="KEY")
    for file in files:
        if key in file.definition.metrics:
            diagnostics = Diagnostics()
            reporter = Reporter(file, ("metrics", key), diagnostics, key)
            reporter.report_at_key("duplicate-metric", f"the key {key!r} is given here already; choose another one")
            text = Path(file.name).read_text(encoding="utf-8-sig")
            raise InvalidCatalog(diagnostics.list_in_file_order(), {file.name: text.split("\n")})


def choose_file(key: str, table: str, files: Iterable[MetricFile]) -> MetricFile:
    """Choose the file that declares the table, else the one with most metrics of the group."""
    group = key.partition(".")[0]
    return max(
        files,
        key=lambda file: (
            table in file.definition.tables,
            sum(other.partition(".")[0] == group for other in file.definition.metrics),
        ),
    )


def build_lines(file: MetricFile, table: str, value: str, total: str | None, shape: str, title: str) -> list[EntryLine]:
    """Build the entry's lines, without its tests."""
    lines = [EntryLine("title", title)]
    if file.definition.table != table:
        lines.append(EntryLine("table", table))
    lines.append(EntryLine("value", value))
    if total is not None:
        lines.append(EntryLine("total", total))
    return [*lines, EntryLine("format", shape)]


def get_line_number(file: MetricFile, key: str) -> int:
    (current,) = (each for each in read_folder(Path(file.name).parent, Diagnostics()).files if each.name == file.name)
    return current.document.locate_key(("metrics", key)).line


def ask_table(catalog: Catalog) -> str:
    return ask_choice("Table", tuple(catalog.tables), "table")


def ask_value(table: Table | None) -> str:
    """Prompt for an expression that is valid over the table's columns."""

    def check_value(text: str) -> str:
        if table is not None and not is_template(text):
            resolve_value(text, table)
        return text

    if table is not None:
        click.echo(f"Columns: {', '.join(table.columns)}")
    return prompt_until_valid("Value, such as sum(column)", check_value)


def ask_total(table: Table | None, value: str) -> str | None:
    """Prompt for the period's total where the days may not be added up; otherwise None."""
    if table is None or is_template(value) or not (columns := resolve_value(value, table).non_additive):
        return None
    click.echo(f"{columns[0][0]} may not be added up over days: state what a period shows.")
    return ask_choice("Total", TOTALS, "total", default="average")


def resolve_value(text: str, table: Table) -> Expression:
    try:
        return resolve_expression(text, table)
    except TextFaults as faults:
        raise click.BadParameter(str(faults)) from None


def ask_choice(label: str, choices: tuple[str, ...], noun: str, default: str | None = None) -> str:
    """Prompt for one of the choices."""

    def check_choice(text: str) -> str:
        if text not in choices:
            raise click.BadParameter(f"{text!r} is no {noun}{did_you_mean(find_nearest_names(text, choices, limit=1))}")
        return text

    return prompt_until_valid(f"{label} ({', '.join(choices)})", check_choice, default)


def prompt_until_valid(label: str, check: Callable[[str], str], default: str | None = None) -> str:
    """Prompt until `check` accepts the answer."""
    answer: str = click.prompt(label, default=default, value_proc=check)
    return answer
