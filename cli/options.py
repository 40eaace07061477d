"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from engine import MAX_TOP, Compare, Grain
from runtime.shipped import get_shipped_folder

FOLDER = click.Path(path_type=Path)

metrics_option = click.option(
    "--metrics",
    type=FOLDER,
    metavar="DIR",
    default=get_shipped_folder,
    show_default="the shipped ones",
    envvar="METRICS_DIR",
    show_envvar=True,
    help="The folder of metric files.",
)

# Commands that do not read the metric files accept the option too, so that a script can pass it to every command.
unread_metrics_option = click.option(
    "--metrics", type=FOLDER, metavar="DIR", expose_value=False, help="Not read by this command."
)


def uuid_to_text(context: click.Context, parameter: click.Parameter, user: UUID | None) -> str | None:
    return None if user is None else str(user)


user_option = click.option(
    "--user",
    type=click.UUID,
    required=True,
    metavar="UUID",
    callback=uuid_to_text,
    help="Whose data: the user's UUID, as in the token's subject.",
)


def group_members(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, list[str]]:
    """Group DIMENSION=VALUE texts by dimension."""
    members: dict[str, list[str]] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"{text!r} is not DIMENSION=VALUE")
        members.setdefault(name, []).append(value)
    return members


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make a metric query; they have the names that `parse_metric_query` takes."""
    options = (
        click.option(
            "--start", metavar="DATE", help="The first day; without --start and --end the last 28 complete days."
        ),
        click.option("--end", metavar="DATE", help="The last day."),
        click.option(
            "--compare",
            type=click.Choice([each.value for each in Compare]),
            help="What to compare with; off unless said.",
        ),
        click.option("--compare-start", metavar="DATE", help="The first day of the comparison, with --compare custom."),
        click.option(
            "--sources",
            metavar="LIST",
            help="A comma list of sources, such as ga4,meta; every connected one unless said.",
        ),
        click.option(
            "--grain",
            type=click.Choice([each.value for each in Grain]),
            help="The width of a bucket; day unless said.",
        ),
        click.option(
            "--filter",
            "include",
            multiple=True,
            metavar="DIMENSION=VALUE",
            callback=group_members,
            help="Only rows of this member; repeat it for several.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="DIMENSION=VALUE",
            callback=group_members,
            help="No rows of this member; repeat it for several.",
        ),
        click.option("--by", metavar="DIMENSION", help="The dimension to break down by, of a metric of one series."),
        click.option("--top", metavar="N", help=f"How many members to show, at most {MAX_TOP}."),
    )
    for option in reversed(options):
        command = option(command)
    return command
