"""`metric-engine validate`."""

from __future__ import annotations

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
@click.option("--database", is_flag=True, help="Hold the tables against those of the warehouse (WAREHOUSE_URL) too.")
@metrics_option
@click.pass_context
def validate(context: click.Context, folder: Path | None, shape: str, database: bool, metrics: Path) -> None:
    """Check the metric files.

    Reads every *.yaml file of DIR and prints all that is wrong with them, each problem with its file, line and
    column. Needs no database, unless told to look into it: then tables and columns that are missing there, types that
    do not fit and missing indexes are problems too. The exit status is 0 when nothing is wrong, and 1 otherwise.

    \b
    Examples:
      metric-engine validate
      metric-engine validate my-metrics
      metric-engine validate my-metrics --format github
      metric-engine validate --database
    """
    folder = folder or metrics
    try:
        catalog = load_catalog(folder)
        if database:
            check_database(folder, catalog)
    except InvalidCatalog as invalid:
        click.echo(format_report(invalid, shape))
        context.exit(1)
    if shape == "json":
        click.echo(render_json(()))
    else:
        files = len(list(folder.glob("*.yaml")))
        click.echo(f"{format_count(len(catalog.metrics), 'metric')} in {format_count(files, 'file')}: no problems")


def check_database(folder: Path, catalog: Catalog) -> None:
    """Compare the declared tables with those of the warehouse. Raises InvalidCatalog."""
    # Imported here, because the check starts in half the time without a database.
    from engine import Warehouse, check_live_tables
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
    finally:
        warehouse.close()


def format_report(invalid: InvalidCatalog, shape: str) -> str:
    """Format all problems in the requested format: text, json or github."""
    problems = invalid.diagnostics
    if shape == "json":
        return render_json(problems)
    if shape == "github":
        return render_github(problems)
    return f"{render_text(problems, invalid.texts)}\n{format_summary(problems)}"


def format_summary(problems: tuple[Diagnostic, ...]) -> str:
    files = {each.file for each in problems}
    return f"{format_count(len(problems), 'problem')} in {format_count(len(files), 'file')}"
