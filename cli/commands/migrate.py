"""`metric-engine migrate`."""

from __future__ import annotations

import click

from cli.counts import format_count
from cli.options import unread_metrics_option
from runtime.settings import Settings
from state.connections import Connections
from state.credentials import Keyring
from state.database import StateDatabase, open_database
from state.migrations import HEAD_REVISION
from state.migrations import migrate as migrate_database


@click.command()
@unread_metrics_option
def migrate() -> None:
    """Bring the state tables up to date.

    Makes or changes the tables of layouts, settings, connections and jobs in the database at DATABASE_URL, and
    keeps their rows. Where ENCRYPTION_KEY lists several keys, encrypts all credentials under the first one, so that
    the others can leave it. `serve` does the same when it starts; run this first where several servers start at once.

    \b
    Example:
      DATABASE_URL=postgresql://user@host/name metric-engine migrate
    """
    settings = Settings.from_environment()
    keyring = Keyring.parse(None if settings.encryption_key is None else settings.encryption_key.get_secret_value())
    database = open_database(settings.database_url.get_secret_value())
    try:
        changed = migrate_database(database)
        click.echo(f"the state tables {'are now' if changed else 'were already'} at revision {HEAD_REVISION}")
        if keyring.has_former_keys:
            rotate_credentials(database, keyring)
    finally:
        database.close()


def rotate_credentials(database: StateDatabase, keyring: Keyring) -> None:
    """Encrypt all credentials under the first key, and tell what that came to."""
    rotation = Connections(database, keyring).rotate()
    click.echo(
        f"all credentials are under the first key of ENCRYPTION_KEY, {rotation.rotated} of them since now; "
        "once every process has it first in its list, the other keys can leave"
    )
    if rotation.unreadable:
        accounts = format_count(rotation.unreadable, "account")
        click.echo(f"except those of {accounts}, which no key decrypts: connect them again", err=True)
