"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

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
