"""`metric-engine explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic_core import to_json

from cli.options import metrics_option, query_options, user_option
from cli.services import open_services
from engine import Body, parse_metric_query, parse_receipt


@click.command()
@click.argument("key")
@user_option
@query_options
@click.option("--receipt", metavar="ID", help="A `meta.receipt` of before: is the number still that?")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: as GET /v1/widgets/KEY/explain gives it.",
)
@metrics_option
def explain(
    key: str,
    user: str,
    receipt: str | None,
    shape: str,
    metrics: Path,
    **parameters: Any,
) -> None:
    """Tell what a number rests on.

    Shows the definition and its place in the metric files, the statements with what is bound to them, the days that
    are known, and the number's receipt. With --receipt it says whether the number is still that, or what changed, and
    exits with 1 where it is another; without --start and --end the receipt's own days are asked again.

    \b
    Examples:
      metric-engine explain ga4.sessions --user UUID --start 2025-01-01 --end 2025-01-31
      metric-engine explain ga4.sessions --user UUID --receipt r1…
    """
    with open_services(metrics) as services:
        services.catalog.get_widget(key)
        before = None if receipt is None else parse_receipt(receipt, tenant=user, key=key)
        if before is not None and parameters["start"] is None and parameters["end"] is None:
            parameters |= zip(("start", "end"), map(str, before.window), strict=True)
        query = parse_metric_query(today=services.get_today(), known_sources=services.catalog.sources, **parameters)
        explanation, _ = services.engine.explain(key, query, services.get_context(user), before)
    click.echo(
        to_json(explanation, indent=2, inf_nan_mode="null") if shape == "json" else "\n".join(iter_lines(explanation))
    )
    if "receipt" in explanation and not explanation["receipt"]["same"]:
        raise click.exceptions.Exit(1)


def iter_lines(explanation: Body) -> Iterator[str]:
    """Yield the lines of an explanation: the verdict, the number, and all that it rests on."""
    if "receipt" in explanation:
        yield from iter_verdict_lines(explanation["receipt"])
    from cli.output import to_printable

    asked, stats = explanation["query"], explanation["stats"]
    yield f"{explanation['title']}  {explanation['key']}"
    yield f"  value     {format_number(stats['value'])}"
    if asked["compare"] != "off":
        yield f"  previous  {format_number(stats['previous'])}"
    yield f"  days      {asked['start']} to {asked['end']}, by {asked['grain']}, compare {asked['compare']}"
    yield f"  sources   {', '.join(asked['sources']) or 'none'}"
    for applied in explanation["filters"]["applied"]:
        yield f"  filter    {applied['dimension']}: {to_printable(format_members(applied))}"
    for extent in explanation["extent"]:
        known = f"{extent['first']} to {extent['through']}" if extent["first"] else "no rows"
        yield f"  known     {extent['table']}: {known}"
    yield f"  receipt   {explanation['id']}"
    yield from iter_definition_lines(explanation["definition"])
    for used in explanation["uses"]:
        yield from iter_definition_lines(used)
    for read in explanation["statements"]:
        yield ""
        yield f"-- {read['table']}: {describe_rows(read['cache'])}"
        yield from (f"-- {name} = {to_printable(str(value))}" for name, value in read["parameters"].items())
        yield read["statement"]


def iter_verdict_lines(receipt: Mapping[str, Any]) -> Iterator[str]:
    yield "The number is still that." if receipt["same"] else "The number is not that any more."
    yield from (f"  {change['what']}: {change['detail']}" for change in receipt["changed"])
    yield ""


def iter_definition_lines(definition: Mapping[str, Any]) -> Iterator[str]:
    if definition["file"] is not None:
        yield ""
        yield f"# {definition['file']}:{definition['line']}"
        yield definition["text"]


def format_number(value: float | None) -> str:
    return "none" if value is None else f"{value:,}"


def format_members(applied: Mapping[str, Any]) -> str:
    parts = [
        f"{word} {', '.join(applied[name])}"
        for word, name in (("any of", "filter"), ("none of", "exclude"))
        if applied[name]
    ]
    return "; ".join(parts)


def describe_rows(cache: Mapping[str, Any]) -> str:
    if cache["state"] == "miss":
        return "read now"
    return f"from the cache, {cache['age_seconds']} s old{', stale' if cache['state'] == 'stale' else ''}"
