"""All state of an installation, opened together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Self

from state.app_settings import AppSettings
from state.connections import Connections, Rotation
from state.credentials import Keyring
from state.data_notes import DataNotes
from state.database import StateDatabase, open_database
from state.jobs.account_leases import AccountLeases
from state.jobs.jobs import Jobs
from state.jobs.queue import JobQueue
from state.jobs.runs import ScheduledRuns
from state.layouts import Layouts
from state.migrations import migrate
from state.tenants import Tenants

logger = logging.getLogger("metric_engine.state.store")


@dataclass(frozen=True, slots=True)
class State:
    """One object per kind of state, all on one database. Safe to share between threads.

    `installation_id` tells the database from every other one.
    """

    installation_id: str
    database: StateDatabase
    tenants: Tenants
    layouts: Layouts
    connections: Connections
    app_settings: AppSettings
    jobs: Jobs
    queue: JobQueue
    runs: ScheduledRuns
    data_notes: DataNotes
    account_leases: AccountLeases

    @classmethod
    def open(cls, url: str, *, encryption_key: str | None = None) -> Self:
        """Open the database at `url` and bring its tables to the newest revision.

        Credentials under a former key of a list are encrypted anew under the first.
        Raises `InvalidSetting` for a malformed URL or key, `StateUnavailable` if the database does not answer.
        """
        keyring = Keyring.parse(encryption_key)
        database = open_database(url)
        app_settings, connections = AppSettings(database), Connections(database, keyring)
        try:
            migrate(database)
            if connections.has_former_keys:
                report_rotation(connections.rotate())
            installation_id = app_settings.get_installation_id()
        except BaseException:
            database.close()
            raise
        return cls(
            installation_id=installation_id,
            database=database,
            tenants=Tenants(database),
            layouts=Layouts(database),
            connections=connections,
            app_settings=app_settings,
            jobs=Jobs(database),
            queue=JobQueue(database),
            runs=ScheduledRuns(database),
            data_notes=DataNotes(database),
            account_leases=AccountLeases(database),
        )

    def close(self) -> None:
        """Close the idle connections."""
        self.database.close()


def report_rotation(rotation: Rotation) -> None:
    """Log what a rotation came to, where it found something to do."""
    if rotation.rotated:
        logger.info(
            "ENCRYPTION_KEY: accounts whose credentials are under its first key since now: %d", rotation.rotated
        )
    if rotation.unreadable:
        logger.warning("ENCRYPTION_KEY: accounts whose credentials no key decrypts: %d", rotation.unreadable)
