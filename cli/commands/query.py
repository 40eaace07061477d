"""`metric-engine query`."""

from __future__ import annotations

import csv
import io
from itertools import zip_longest
from pathlib import Path

import click
from pydantic_core import to_json

from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import Body, Compare, Grain, parse_metric_query


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
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="json: the API's own answer; csv: a line for each series and bucket.",
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
        connected = services.get_context(user).connected
        body = services.engine.query_body(key, metric_query, tenant=user, connected=connected)
    if shape == "json":
        click.echo(to_json(body, indent=2, inf_nan_mode="null"))
    elif shape == "csv":
        click.echo(as_csv(body), nl=False)
    else:
        from cli.output import print_answer

        print_answer(metric, body)


def as_csv(body: Body) -> str:
    """Format a line for each series and bucket, beside the compared bucket if there is one."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    comparison = body.get("comparison")
    if comparison is None:
        writer.writerow(("series", "t", "value"))
    else:
        writer.writerow(("series", "t", "value", "previous_t", "previous"))
    for index, series in enumerate(body["series"]):
        compared = comparison["series"][index]["points"] if comparison else []
        for now, then in zip_longest(series["points"], compared):
            writer.writerow((series["name"], now["t"], now["v"], *((then["t"], then["v"]) if then else ())))
    return output.getvalue()
