"""`metric-engine export`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from cli.commands.exchange.written_files import check_free_names, write_text
from cli.options import metrics_option, unread_metrics_option
from engine import export_ossie, render_yaml


@click.group("export")
@unread_metrics_option
def export() -> None:
    """Write the metric files in another format.

    \b
    Example:
      metric-engine export ossie --metrics my-metrics --out model.yaml
    """


@export.command()
@click.option("--name", metavar="NAME", help="The model's name; that of the folder unless said.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The file to write to.")
@click.option("--format", "shape", type=click.Choice(["yaml", "json"]), help="As the file's name ends; yaml.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@metrics_option
def ossie(name: str | None, out: Path | None, shape: str | None, force: bool, metrics: Path) -> None:
    """Export an Apache Ossie document.

    Writes one semantic model of the core specification 0.2.0.dev0: tables as datasets, metrics with standard SQL over
    them. What has no place there goes into `custom_extensions`, from which `import ossie` brings it back. insights.yaml
    is not exported.

    \b
    Example:
      metric-engine export ossie --metrics my-metrics --out model.yaml
    """
    document = export_ossie(metrics, name or re.sub(r"\W+", "_", metrics.resolve().name, flags=re.ASCII) or "metrics")
    if shape is None:
        shape = "json" if out is not None and out.suffix == ".json" else "yaml"
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n" if shape == "json" else render_yaml(document)
    if out is None:
        click.echo(text, nl=False)
        return
    if not force:
        check_free_names(out.parent, [out.name])
    click.echo(write_text(out, text))
