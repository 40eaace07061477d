"""`metric-engine query`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from pydantic_core import to_json

from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import FORMS, Compare, Grain, encode_answer, parse_metric_query


@click.command()
@click.argument("key")
@user_option
@click.option("--start", metavar="DATE", help="The first day; without --start and --end the last 28 complete days.")
@click.option("--end", metavar="DATE", help="The last day.")
@click.option(
    "--compare", type=click.Choice([each.value for each in Compare]), help="What to compare with; off unless said."
)
@click.option("--compare-start", metavar="DATE", help="The first day of the comparison, with --compare custom.")
@click.option(
    "--sources", metavar="LIST", help="A comma list of sources, such as ga4,meta; every connected one unless said."
)
@click.option(
    "--grain", type=click.Choice([each.value for each in Grain]), help="The width of a bucket; day unless said."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "json", *FORMS]),
    default="table",
    show_default=True,
    help="json: the API's own answer; csv, arrow, parquet: a row for each bucket, a column for each series.",
)
@metrics_option
def query(
    key: str,
    user: str,
    start: str | None,
    end: str | None,
    compare: str | None,
    compare_start: str | None,
    sources: str | None,
    grain: str | None,
    shape: str,
    metrics: Path,
) -> None:
    """Ask a metric a question.

    Answers from the warehouse as GET /v1/widgets/KEY does: over the sources that the user has connected.

    \b
    Examples:
      metric-engine query ga4.sessions --user UUID
      metric-engine query meta.roas --user UUID --start 2025-01-01 --end 2025-01-31 --compare previous_year
      metric-engine query ga4.traffic_channels --user UUID --grain week --format csv
    """
    with open_services(metrics) as services:
        metric = services.catalog.get_widget(key)
        metric_query = parse_metric_query(
            today=services.get_today(),
            start=start,
            end=end,
            compare=compare,
            compare_start=compare_start,
            grain=grain,
            sources=sources,
            known_sources=services.catalog.sources,
        )
        answer = services.engine.query(key, metric_query, services.get_context(user))
    if shape == "json":
        click.echo(to_json(answer.body, indent=2, inf_nan_mode="null"))
    elif shape in FORMS:
        if shape != "csv" and sys.stdout.isatty():
            raise click.UsageError(f"{shape} is binary: send it to a file, as in `… --format {shape} > FILE`")
        click.echo(encode_answer(answer, shape), nl=False)
    else:
        from cli.output import print_answer

        print_answer(metric, answer.body)
