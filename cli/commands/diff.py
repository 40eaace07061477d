"""`metric-engine diff`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from cli.dialects import dialect_option
from cli.diff_report import DiffReport, locate_metrics, render_diff
from cli.options import FOLDER, metrics_option, uuid_to_text
from cli.revisions import load_base_catalog
from cli.services import open_services
from engine import (
    DIALECTS,
    Compare,
    Grain,
    LiveQuestion,
    UnknownMetric,
    compare_catalogs,
    load_catalog,
    parse_metric_query,
)


@click.command()
@click.argument("base")
@click.argument("folder", metavar="[DIR]", type=FOLDER, required=False)
@click.option(
    "--allow",
    "allowed",
    metavar="KEY",
    multiple=True,
    help="A metric whose numbers are meant to change; may be repeated.",
)
@click.option(
    "--user",
    type=click.UUID,
    metavar="UUID",
    callback=uuid_to_text,
    help="Ask the warehouse too, over this user's rows.",
)
@click.option("--start", metavar="DATE", help="With --user, the first day; otherwise the last 28 complete days.")
@click.option("--end", metavar="DATE", help="With --user, the last day.")
@click.option(
    "--compare",
    type=click.Choice([each.value for each in Compare if each is not Compare.CUSTOM]),
    help="With --user, what to compare with.",
)
@click.option("--grain", type=click.Choice([each.value for each in Grain]), help="With --user, a bucket's width.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "markdown", "json", "github"]),
    default="text",
    show_default=True,
    help="markdown: a comment of a pull request; json: everything; github: annotations.",
)
@dialect_option
@metrics_option
@click.pass_context
def diff(
    context: click.Context,
    base: str,
    folder: Path | None,
    allowed: tuple[str, ...],
    user: str | None,
    start: str | None,
    end: str | None,
    compare: str | None,
    grain: str | None,
    shape: str,
    dialect: str,
    metrics: Path,
) -> None:
    """Show what a change of the metric files does to their numbers.

    Compares DIR with BASE: another folder, or DIR in a git revision, which is not checked out. Shows the metrics that
    are added, removed, renamed or changed, how definitions and SQL differ, and each number before and after: on the
    rows of both sides' own tests and, with --user, on the warehouse. The exit status is 1 where a number changes or is
    no longer served, unless --allow names its metric, and 0 otherwise.

    \b
    Examples:
      metric-engine diff main
      metric-engine diff HEAD~1 my-metrics --allow ga4.conv_rate
      metric-engine diff origin/main metrics --format markdown
      metric-engine diff ../metrics-before metrics --user UUID --start 2025-01-01 --end 2025-01-31
    """
    if user is None and any((start, end, compare, grain)):
        raise click.UsageError("--start, --end, --compare and --grain are of a question to a warehouse: add --user")
    folder = folder or metrics
    head = load_catalog(folder)
    before = load_base_catalog(base, folder)
    known = {*before.metrics, *head.metrics}
    for key in allowed:
        if key not in known:
            raise UnknownMetric(key, known)
    with ExitStack() as stack:
        live = None
        if user is not None:
            services = stack.enter_context(open_services(folder))
            query = parse_metric_query(today=services.get_today(), start=start, end=end, compare=compare, grain=grain)
            live = LiveQuestion(services.warehouse, query, services.get_context(user))
        change = compare_catalogs(before, head, dialect=DIALECTS[dialect](), live=live)
    report = DiffReport(base, change, frozenset(allowed), locate_metrics(folder) if shape == "github" else {})
    if rendered := render_diff(report, shape):
        click.echo(rendered)
    if report.undeclared_keys:
        context.exit(1)
