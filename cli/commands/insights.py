"""`metric-engine insights`."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic_core import to_json

from cli.options import metrics_option, user_option
from cli.services import open_services
from engine import Compare, parse_metric_query
from insights.claims import group_bullets
from insights.collect_facts import CollectedFacts, collect_facts
from insights.narrate import Narration
from runtime.narrator import budget, describe_narration


@click.command()
@user_option
@click.option("--start", metavar="DATE", help="The first day; without --start and --end the last 28 complete days.")
@click.option("--end", metavar="DATE", help="The last day.")
@click.option(
    "--compare",
    type=click.Choice([each.value for each in Compare]),
    default=Compare.PREVIOUS_PERIOD.value,
    show_default=True,
    help="What to compare with.",
)
@click.option("--compare-start", metavar="DATE", help="The first day of the comparison, with --compare custom.")
@click.option(
    "--sources", metavar="LIST", help="A comma list of sources, such as ga4,meta; every connected one unless said."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: the API's own answer.",
)
@metrics_option
def insights(
    user: str,
    start: str | None,
    end: str | None,
    compare: str,
    compare_start: str | None,
    sources: str | None,
    shape: str,
    metrics: Path,
) -> None:
    """Tell what happened.

    Says in a few sentences what changed for the user, as GET /v1/insights does: over the sources that are connected,
    by the rules of insights.yaml, or by the language model that LLM_MODEL names.

    \b
    Examples:
      metric-engine insights --user UUID
      metric-engine insights --user UUID --start 2025-01-01 --end 2025-01-31 --compare previous_year
    """
    with open_services(metrics) as services:
        today = services.get_today()
        question = parse_metric_query(
            today=today,
            start=start,
            end=end,
            compare=compare,
            compare_start=compare_start,
            sources=sources,
            known_sources=services.catalog.sources,
        )
        language = services.settings.insights_language
        gathered = collect_facts(services.engine, question, services.get_context(user), today=today, language=language)
        spend = budget(services.state, services.settings, user, today)
        told = services.narrator.narrate(gathered, spend=spend)
    if shape == "json":
        click.echo(to_json(describe_narration(gathered, told), indent=2, inf_nan_mode="null"))
    else:
        click.echo(as_text(gathered, told))


def as_text(gathered: CollectedFacts, told: Narration) -> str:
    """The period, and the bullets below their headings."""
    window, compared = gathered.span.window, gathered.span.compare is not Compare.OFF
    lines = [f"{window.start} to {window.end}" + (f", against {gathered.span.comparison_text}" if compared else "")]
    for item in group_bullets(told.bullets):
        lines += ["", item["group"], *(f"  • {bullet}" for bullet in item["bullets"])]
    if not told.bullets:
        lines += ["", "Nothing to tell: no source is connected, nothing stood out, or too little is known."]
    return "\n".join(lines)
