"""`metric-engine query`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from pydantic_core import to_json

from cli.options import metrics_option, query_options, user_option
from cli.services import open_services
from engine import FORMS, encode_answer, parse_metric_query


@click.command()
@click.argument("key")
@user_option
@query_options
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
    shape: str,
    metrics: Path,
    **parameters: Any,
) -> None:
    """Ask a metric a question.

    Answers from the warehouse as GET /v1/widgets/KEY does: over the sources that the user has connected.

    \b
    Examples:
      metric-engine query ga4.sessions --user UUID
      metric-engine query meta.roas --user UUID --start 2025-01-01 --end 2025-01-31 --compare previous_year
      metric-engine query ga4.traffic_channels --user UUID --grain week --format csv
      metric-engine query ga4.traffic_channels --user UUID --filter channel=Email --filter channel=Direct
    """
    with open_services(metrics) as services:
        metric = services.catalog.get_widget(key)
        metric_query = parse_metric_query(
            today=services.get_today(), known_sources=services.catalog.sources, **parameters
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
