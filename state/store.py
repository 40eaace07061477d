"""All state of an installation, opened together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from state.app_settings import AppSettings
from state.connections import Connections
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


@dataclass(frozen=True, slots=True)
class State:
    """One object per kind of state, all on one database. Safe to share between threads."""

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

        Raises `InvalidSetting` for a malformed URL or key, `StateUnavailable` if the database does not answer.
        """
        keyring = Keyring.parse(encryption_key)
        database = open_database(url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(
            database=database,
            tenants=Tenants(database),
            layouts=Layouts(database),
            connections=Connections(database, keyring),
            app_settings=AppSettings(database),
            jobs=Jobs(database),
            queue=JobQueue(database),
            runs=ScheduledRuns(database),
            data_notes=DataNotes(database),
            account_leases=AccountLeases(database),
        )

    def close(self) -> None:
        """Close the idle connections."""
        self.database.close()
