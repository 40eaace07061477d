"""Scheduled runs: once a local date, a job for every user who has something to sync."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Exists, case, exists, select, update

from state.connections import ACTIVE_STATUS as ACTIVE_CONNECTION
from state.database import StateDatabase
from state.jobs.jobs import ACTIVE_STATUSES
from state.tables import connections, sync_jobs


class ScheduledRuns:
    """The runs of every day, each the row of `sync_jobs` that its jobs name in `run_id`."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def open_run(self, day: date) -> tuple[str, bool]:
        """The run of this local date, and whether it is new: then every user with an account to read has a job in it.

        A user whose own job is active has none. All of it is committed when this returns, by one of all processes.
        """
        found = self.get_run_id(day)
        if found is not None:
            return found, False
        now = datetime.now(UTC)
        run = {"id": str(uuid.uuid4()), "schedule_key": day.isoformat(), "status": "running"}
        opened = self._database.insert(sync_jobs, run | {"created_at": now, "started_at": now})
        with self._database.begin_transaction() as connection:
            statement = opened.on_conflict_do_nothing().returning(sync_jobs.c.id)
            if connection.execute(statement).scalar() is not None:
                self._add_jobs(connection, run["id"], now)
                return run["id"], True
        # Another process was quicker, and has committed.
        found = self.get_run_id(day)
        assert found is not None
        return found, False

    def add_missing_jobs(self, run: str) -> int:
        """Add a job for every user who has an account to read and no job in the run yet; how many.

        It may have been opened before they connected anything.
        """
        reopened = update(sync_jobs).where(sync_jobs.c.id == run).values(status="running", finished_at=None)
        with self._database.begin_transaction() as connection:
            added = self._add_jobs(connection, run, datetime.now(UTC))
            if added:
                connection.execute(reopened)
        return added

    def _add_jobs(self, connection: Connection, run: str, now: datetime) -> int:
        users = select(connections.c.user_id).where(connections.c.status == ACTIVE_CONNECTION).distinct()
        added = 0
        for user in connection.execute(users).scalars().all():
            job = {"id": str(uuid.uuid4()), "user_id": user, "run_id": run, "created_at": now}
            added += connection.execute(self._database.insert(sync_jobs, job).on_conflict_do_nothing()).rowcount
        return added

    def get_run_id(self, day: date) -> str | None:
        """The id of the run of this local date; None where there was none so far."""
        statement = select(sync_jobs.c.id).where(sync_jobs.c.schedule_key == day.isoformat())
        with self._database.connect() as connection:
            found: str | None = connection.execute(statement).scalar()
            return found

    def close_ended_runs(self) -> int:
        """End the runs whose jobs have all ended; how many. A run is `succeeded`, `failed` or `partial` as they are."""
        job = sync_jobs.alias("job")
        jobs = select(job.c.id).where(job.c.run_id == sync_jobs.c.id)

        def any_job(statuses: Iterable[str]) -> Exists:
            return exists(jobs.where(job.c.status.in_([*statuses])))

        status = case(
            (~any_job(("partial", "failed", "cancelled")), "succeeded"),
            (any_job(("succeeded", "partial")), "partial"),
            else_="failed",
        )
        statement = (
            update(sync_jobs)
            .where(sync_jobs.c.schedule_key.is_not(None), sync_jobs.c.status == "running", ~any_job(ACTIVE_STATUSES))
            .values(status=status, finished_at=datetime.now(UTC), progress=1.0)
        )
        with self._database.connect() as connection:
            return connection.execute(statement).rowcount
