"""`metric-engine import`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.commands.exchange.written_files import check_free_names, write_checked_files
from cli.counts import format_count
from cli.options import FOLDER, unread_metrics_option
from engine import (
    SOURCE_PATTERN,
    SOURCES,
    Diagnostics,
    ImportedFiles,
    import_dbt_manifest,
    import_ossie_document,
    read_folder,
)

DEFAULT_SOURCE = "dbt"
SOURCES_FILE = "sources.yaml"


def check_source(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if not re.fullmatch(SOURCE_PATTERN, name, re.ASCII):
        raise click.BadParameter("use small letters, digits and _, such as google_ads")
    return name


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all formats share."""
    options = (
        click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
        click.option("--out", "folder", type=FOLDER, required=True, metavar="DIR", help="The folder to write to."),
        click.option("--force", is_flag=True, help="Overwrite files of the same names."),
        click.option(
            "--tenant",
            metavar="COLUMN",
            default="user_id",
            show_default=True,
            help="The uuid column of the tables that says whose a row is.",
        ),
        unread_metrics_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group("import")
@unread_metrics_option
def import_() -> None:
    """Write metric files from another format.

    What metric files cannot say is named with its place in the file that is read, and left out. The written files are
    checked with all that the folder has before anything is written; no file is overwritten without --force.

    \b
    Examples:
      metric-engine import dbt target/semantic_manifest.json --out my-metrics
      metric-engine import ossie model.yaml --out my-metrics
    """


@import_.command()
@import_options
@click.option(
    "--source",
    metavar="NAME",
    default=DEFAULT_SOURCE,
    show_default=True,
    callback=check_source,
    help="The source that the tables belong to; declared unless the folder has it.",
)
def dbt(file: Path, folder: Path, force: bool, tenant: str, source: str) -> None:
    """Import a dbt semantic manifest.

    FILE is `target/semantic_manifest.json`, which `dbt parse` writes. Semantic models become tables, a file each;
    simple and cumulative metrics stand beside their table, ratios and derived metrics in derived.yaml. The tables
    must have a column that says whose a row is, which no manifest knows: --tenant.

    \b
    Example:
      metric-engine import dbt target/semantic_manifest.json --out my-metrics --source shop --tenant account_id
    """
    is_new = source not in SOURCES and not has_source(folder, source)
    content = file.read_bytes()
    imported = import_dbt_manifest(str(file), content, source=source, tenant=tenant, is_new_source=is_new)
    write_imported_files(folder, imported, force)


@import_.command()
@import_options
@click.option(
    "--source",
    metavar="NAME",
    default="ossie",
    show_default=True,
    callback=check_source,
    help="The source of what no export of metric files wrote; declared unless the folder has it.",
)
def ossie(file: Path, folder: Path, force: bool, tenant: str, source: str) -> None:
    """Import an Apache Ossie document.

    FILE is a document of the core specification 0.2.0.dev0, YAML or JSON. What `export ossie` wrote comes back as it
    was, but for what has been changed since. Datasets of other tools become tables, metrics over one dataset metrics;
    the tables must have a column that says whose a row is: --tenant.

    \b
    Example:
      metric-engine import ossie model.yaml --out my-metrics
    """
    is_new = source not in SOURCES and not has_source(folder, source)
    content = file.read_bytes()
    imported = import_ossie_document(str(file), content, source=source, tenant=tenant, is_new_source=is_new)
    write_imported_files(folder, imported, force)


def has_source(folder: Path, source: str) -> bool:
    """Whether another file of the folder declares the source."""
    if not any(folder.glob("*.yaml")):
        return False
    files = read_folder(folder, Diagnostics()).files
    return any(source in each.definition.sources for each in files if Path(each.name).name != SOURCES_FILE)


def write_imported_files(folder: Path, imported: ImportedFiles, force: bool) -> None:
    """Write the files, and say what is in them and what is not."""
    if not force:
        check_free_names(folder, imported.texts)
    for each in imported.omissions:
        click.echo(str(each), err=True)
    for path in write_checked_files(folder, imported.texts):
        click.echo(path)
    tables = format_count(imported.table_count, "table")
    click.echo(f"{tables} and {format_count(imported.metric_count, 'metric')} written", err=True)
    if imported.omissions:
        click.echo(f"{format_count(len(imported.omissions), 'construct')} not carried over, named above", err=True)
