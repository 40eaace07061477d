"""`metric-engine new source` and `new table`: new metric files, checked with the folder before they are written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click

from cli.options import metrics_option
from engine import (
    MACROS_FILE,
    NAME_PATTERN,
    SOURCE_PATTERN,
    Catalog,
    InvalidCatalog,
    TableDraft,
    make_title_from_name,
    render_scalar,
    suggest_source,
)
from insights.config.load import load_catalog


@click.command("source")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What it is called; made from the name unless said.")
@metrics_option
def new_source(name: str, title: str | None, metrics: Path) -> None:
    """Declare a source.

    Writes NAME.yaml, which declares the source; `new table` adds tables to it.

    \b
    Example:
      metric-engine new source google_ads --title 'Google Ads' --metrics my-metrics
    """
    if not re.fullmatch(SOURCE_PATTERN, name, re.ASCII):
        raise click.BadParameter("use small letters, digits and _, such as google_ads", param_hint="NAME")
    written = render_scalar(title or make_title_from_name(name))
    path = add_file(metrics, f"{name}.yaml", f"sources:\n  {name}:\n    title: {written}\n")
    click.echo(f"added the source {name}: {path}")
    click.echo(f"next: metric-engine new table {name}_daily FILE.csv --source {name} --metrics {metrics}")


@click.command("table")
@click.argument("name")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, metavar="SOURCE", help="The source that the rows are from.")
@click.option(
    "--dates",
    type=click.Choice(["ymd", "mdy", "dmy"]),
    help="The order of dates such as 11/12/2026, where the file does not tell: `mdy` is November.",
)
@metrics_option
def new_table(name: str, file: Path, source: str, dates: Literal["ymd", "mdy", "dmy"] | None, metrics: Path) -> None:
    """Draft a table from an export.

    Writes NAME.yaml with a table for the rows of FILE: types, key, account, currency and dimensions are guessed from
    its header and its first rows, and shown to be checked.

    \b
    Example:
      metric-engine new table google_ads_daily export.csv --source google_ads --metrics my-metrics
    """
    if not NAME_PATTERN.fullmatch(name):
        raise click.BadParameter("use letters, digits and _, such as google_ads_daily", param_hint="NAME")
    sources = load_catalog(metrics).sources
    if source not in sources:
        hint = f"{suggest_source(source, sources)}; metric-engine new source {source} declares it"
        raise click.UsageError(f"--source {source}: there is no such source{hint}")
    draft = TableDraft(name, file, dates)
    text = draft.render(source)
    path = add_file(metrics, f"{name}.yaml", text)
    click.echo(text)
    click.echo(f"added the table {name}: {path}. What is guessed stands above: correct it, then")
    click.echo(f"  {draft.render_load()} --metrics {metrics}")
    click.echo(f"  {draft.render_first_metric(source)} --metrics {metrics}")


def add_file(folder: Path, name: str, text: str) -> Path:
    """Write a new metric file. Raises InvalidCatalog, or ClickException where the file exists."""
    path = folder / name
    load_changed_catalog(folder, {name: text.encode()})
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{path} exists already; rename it, or write into it:\n{text}") from None
    return path


def load_changed_catalog(folder: Path, changed: Mapping[str, bytes]) -> Catalog:
    """Load the folder with these texts as the files of these names. Raises InvalidCatalog, naming the real files."""
    with TemporaryDirectory() as scratch:
        for path in (*folder.glob("*.yaml"), *folder.glob(MACROS_FILE)):
            shutil.copyfile(path, Path(scratch, path.name))
        for name, text in changed.items():
            Path(scratch, name).write_bytes(text)
        try:
            return load_catalog(Path(scratch))
        except InvalidCatalog as invalid:
            diagnostics = [replace(each, file=str(folder / Path(each.file).name)) for each in invalid.diagnostics]
            texts = {str(folder / Path(path).name): each for path, each in invalid.texts.items()}
            raise InvalidCatalog(diagnostics, texts) from None
