"""The option that names the database which SQL is written for."""

from __future__ import annotations

import click

from engine import DIALECTS, WRITTEN_DIALECTS

dialect_option = click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default="sqlite",
    show_default=True,
    help=f"The database to write for; {', '.join(each.name for each in WRITTEN_DIALECTS)} are written and never run.",
)
