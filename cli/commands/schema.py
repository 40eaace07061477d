"""`metric-engine schema`."""

from __future__ import annotations

import json
from typing import Any

import click
from pydantic.json_schema import GenerateJsonSchema

from cli.options import unread_metrics_option
from engine import FileDefinition
from insights.config.definitions import InsightsDefinition, LanguageDefinition


@click.command()
@click.option("--insights", is_flag=True, help="The schema of insights.yaml instead.")
@click.option("--language", is_flag=True, help="The schema of a language of it, such as insights.de.yaml.")
@unread_metrics_option
def schema(insights: bool, language: bool) -> None:
    """Print the JSON Schema of a metric file.

    An editor that knows it completes and explains the keys of a metric file. Name it in the file's first line:
    `# yaml-language-server: $schema=schema.json`.

    \b
    Examples:
      metric-engine schema > my-metrics/schema.json
      metric-engine schema --insights > my-metrics/insights.schema.json
      metric-engine schema --language > my-metrics/language.schema.json
    """
    chosen = language_schema() if language else build_insights_schema() if insights else build_file_schema()
    click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))


def build_insights_schema() -> dict[str, Any]:
    """Build the JSON Schema of insights.yaml (draft 2020-12)."""
    written = remove_titles(InsightsDefinition.model_json_schema())
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "insights.yaml", **written}


def language_schema() -> dict[str, Any]:
    """The schema of insights.de.yaml and the like (draft 2020-12)."""
    written = remove_titles(LanguageDefinition.model_json_schema())
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "A language of insights.yaml", **written}


def build_file_schema() -> dict[str, Any]:
    """Build the JSON Schema of a metric file, including shorthands (draft 2020-12)."""
    written = remove_titles(FileDefinition.model_json_schema())
    definitions = written["$defs"]
    metrics, columns = written["properties"]["metrics"], definitions["TableDefinition"]["properties"]["columns"]
    # The models convert a bare text to a mapping before validation, which pydantic's schema does not show.
    allow_shorthand(metrics, definitions["MetricDefinition"]["properties"]["value"]["anyOf"][0], "The value alone.")
    allow_shorthand(
        columns, {"type": "string", "enum": definitions["ColumnDefinition"]["properties"]["type"]["enum"]}, "The type."
    )
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "A metric file", **written}


def allow_shorthand(members: dict[str, Any], shorthand: dict[str, Any], description: str) -> None:
    """Allow `shorthand` as an alternative for the members of a mapping."""
    members["additionalProperties"] = {
        "anyOf": [{**shorthand, "description": description}, members["additionalProperties"]]
    }


def remove_titles(part: Any) -> Any:
    """Remove pydantic's titles; a property named title is a mapping and stays."""
    if isinstance(part, dict):
        return {
            name: remove_titles(value)
            for name, value in part.items()
            if not (name == "title" and isinstance(value, str))
        }
    return [remove_titles(each) for each in part] if isinstance(part, list) else part
