"""`metric-engine schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli.options import FOLDER
from engine import Diagnostics, read_folder
from runtime.file_schemas import add_names, build_file_schema, build_insights_schema, build_language_schema


@click.command()
@click.option("--insights", is_flag=True, help="The schema of insights.yaml instead.")
@click.option("--language", is_flag=True, help="The schema of a language of it, such as insights.de.yaml.")
@click.option("--metrics", type=FOLDER, metavar="DIR", help="Complete the names of this folder too.")
def schema(insights: bool, language: bool, metrics: Path | None) -> None:
    """Print the JSON Schema of a metric file.

    An editor that knows it completes and explains the keys of a metric file. Name it in the file's first line:
    `# yaml-language-server: $schema=schema.json`. With --metrics it knows the names of that folder, and marks all
    others: write it again after a table, a column or a key is new.

    \b
    Examples:
      metric-engine schema > my-metrics/schema.json
      metric-engine schema --metrics my-metrics > my-metrics/schema.json
      metric-engine schema --insights > my-metrics/insights.schema.json
      metric-engine schema --language > my-metrics/language.schema.json
    """
    if language or insights:
        chosen = build_language_schema() if language else build_insights_schema()
    else:
        chosen = build_file_schema()
        if metrics is not None:
            add_names(chosen, read_folder(metrics, Diagnostics()).files)
    click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))
