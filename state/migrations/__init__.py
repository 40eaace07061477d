"""Migrations of the state tables: one Alembic revision per file of `versions/`.

Alembic is imported only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from engine import StateUnavailable
from state.database import StateDatabase

HEAD_REVISION = "0006"

# Not Alembic's default name: another application in the same database may use that one.
VERSION_TABLE = "metric_engine_version"

# Any number serves, if every process uses the same.
ADVISORY_LOCK = 0x6D_65_74_72_69_63


def migrate(database: StateDatabase) -> bool:
    """Bring the state tables to the newest revision; True if anything has changed.

    Safe in any number of processes at once: one migrates, the others wait for it.
    Existing tables and rows are kept.
    Raises `StateUnavailable`, also for a database that a newer release has migrated.
    """
    with database.connect() as connection:
        if read_revision(connection) == HEAD_REVISION:
            return False
    with database.begin_transaction() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        current = read_revision(connection)
        if current == HEAD_REVISION:
            return False
        _upgrade(connection, current)
        return True


def read_revision(connection: Connection) -> str | None:
    """Return the database's revision, or None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return revision


def _upgrade(connection: Connection, current: str | None) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.script.revision import ResolutionError

    script = ScriptDirectory(str(Path(__file__).parent))
    try:
        revisions = [*script.iterate_revisions(HEAD_REVISION, current or "base")]
    except ResolutionError:
        raise StateUnavailable(
            f"the state database is at revision {current}, which this release does not know: "
            "upgrade metric-engine, or check DATABASE_URL"
        ) from None
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    with Operations.context(context):
        for revision in reversed(revisions):
            revision.module.upgrade()
    context.stamp(script, HEAD_REVISION)
