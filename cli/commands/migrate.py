"""`metric-engine migrate`."""

from __future__ import annotations

import click

from cli.options import unread_metrics_option
from runtime.settings import Settings
from state.database import open_database
from state.migrations import HEAD_REVISION
from state.migrations import migrate as migrate_database


@click.command()
@unread_metrics_option
def migrate() -> None:
    """Bring the state tables up to date.

    Makes or changes the tables of layouts, settings, connections and jobs in the database at DATABASE_URL, and
    keeps their rows. `serve` does the same when it starts; run this first where several servers start at once.

    \b
    Example:
      DATABASE_URL=postgresql://user@host/name metric-engine migrate
    """
    settings = Settings.from_environment()
    database = open_database(settings.database_url.get_secret_value())
    try:
        changed = migrate_database(database)
    finally:
        database.close()
    click.echo(f"the state tables {'are now' if changed else 'were already'} at revision {HEAD_REVISION}")
