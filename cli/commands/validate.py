"""`metric-engine validate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.counts import format_count
from cli.options import FOLDER, metrics_option
from engine import Catalog, Diagnostic, InvalidCatalog, render_github, render_json, render_text
from insights.config.load import load_catalog


@click.command()
@click.argument("folder", metavar="[DIR]", type=FOLDER, required=False)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="json: a list of problems; github: annotations for a pull request.",
)
@click.option("--strict", is_flag=True, help="Warnings are fatal too.")
@click.option("--database", is_flag=True, help="Hold the tables against those of the warehouse (WAREHOUSE_URL) too.")
@metrics_option
@click.pass_context
def validate(
    context: click.Context, folder: Path | None, shape: str, strict: bool, database: bool, metrics: Path
) -> None:
    """Check the metric files.

    Reads every *.yaml file of DIR and prints all that is wrong with them, each problem with its file, line and
    column. Needs no database, unless told to look into it: then tables and columns that are missing there, types that
    do not fit and missing indexes are problems too, and a text that a metric looks for and no row has is a warning.
    What is legal but doubtful is a warning. The exit status is 0 when nothing is wrong, and 1 otherwise; with --strict
    a warning is wrong too.

    \b
    Examples:
      metric-engine validate
      metric-engine validate my-metrics
      metric-engine validate my-metrics --format github
      metric-engine validate --database
    """
    folder = folder or metrics
    problems: tuple[Diagnostic, ...] = ()
    summary = ""
    try:
        catalog = load_catalog(folder)
        problems = catalog.warnings
        files = len(list(folder.glob("*.yaml")))
        summary = f"{format_count(len(catalog.metrics), 'metric')} in {format_count(files, 'file')}: "
        if database:
            problems = (*problems, *check_database(folder, catalog))
    except InvalidCatalog as invalid:
        problems, summary = (*problems, *invalid.diagnostics), ""
    click.echo(format_report(problems, shape, summary))
    if any(strict or problem.severity == "error" for problem in problems):
        context.exit(1)


def check_database(folder: Path, catalog: Catalog) -> tuple[Diagnostic, ...]:
    """Compare the folder with the tables of the warehouse, and return the warnings. Raises InvalidCatalog."""
    # Imported here, because the check starts in half the time without a database.
    from engine import Warehouse, check_live_tables, find_missing_texts
    from runtime.settings import Settings

    settings = Settings.from_environment()
    warehouse = Warehouse(settings.facts_url.get_secret_value(), setting=settings.facts_setting)
    try:
        if not warehouse.driver.embedded:
            # The warehouse's own connection gives up an unreachable server sooner than the check's would.
            warehouse.ping()
        check_live_tables(
            folder,
            catalog.tables,
            warehouse.engine,
            setting=settings.facts_setting,
            reason=warehouse.driver.explain_error,
        )
        return find_missing_texts(folder, catalog.tables, warehouse.engine)
    finally:
        warehouse.close()


def format_report(problems: Sequence[Diagnostic], shape: str, summary: str) -> str:
    """Format all problems in the requested format: text, json or github.

    `summary` says what a folder without errors has, for the last line of a text.
    """
    if shape == "json":
        return render_json(problems)
    if not problems:
        return f"{summary}no problems"
    if shape == "github":
        return render_github(problems)
    lines = {file: read_lines(Path(file)) for file in {problem.file for problem in problems}}
    return f"{render_text(problems, lines)}\n{summary}{format_summary(problems)}"


def format_summary(problems: Sequence[Diagnostic]) -> str:
    """Format how many problems there are, such as `1 problem and 2 warnings in 1 file`."""
    warnings = sum(problem.severity == "warning" for problem in problems)
    errors = len(problems) - warnings
    counts = [format_count(errors, "problem")] if errors else []
    counts += [format_count(warnings, "warning")] if warnings else []
    return f"{' and '.join(counts)} in {format_count(len({problem.file for problem in problems}), 'file')}"


def read_lines(path: Path) -> list[str]:
    """Read the lines of a file for an excerpt; none of one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError:
        return []
