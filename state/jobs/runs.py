"""Scheduled runs: one per local date, with a job for every user who has accounts to sync."""

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
    """The runs, one per date, each the row of `sync_jobs` that its jobs name in `run_id`."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def open_run(self, day: date) -> tuple[str, bool]:
        """Open the run of this local date; returns its id, and whether it is new.

        A new run has a job for every user with an account to read, except those with an active job. One of all
        processes creates it, and it is committed when this returns.
        """
        run_id = self.get_run_id(day)
        if run_id is not None:
            return run_id, False
        now = datetime.now(UTC)
        run = {"id": str(uuid.uuid4()), "schedule_key": day.isoformat(), "status": "running"}
        opened = self._database.insert(sync_jobs, run | {"created_at": now, "started_at": now})
        with self._database.begin_transaction() as connection:
            statement = opened.on_conflict_do_nothing().returning(sync_jobs.c.id)
            if connection.execute(statement).scalar() is not None:
                self._add_jobs(connection, run["id"], now)
                return run["id"], True
        # Another process was faster and has committed.
        run_id = self.get_run_id(day)
        assert run_id is not None
        return run_id, False

    def add_missing_jobs(self, run: str) -> int:
        """Add a job for every user with an account to read and none in the run; returns the number.

        These users may have connected their first account after the run was opened.
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
        """Return the id of the run of this local date; None if there is none yet."""
        statement = select(sync_jobs.c.id).where(sync_jobs.c.schedule_key == day.isoformat())
        with self._database.connect() as connection:
            run_id: str | None = connection.execute(statement).scalar()
            return run_id

    def close_ended_runs(self) -> int:
        """End the runs whose jobs have all ended, and return their number.

        A run is `succeeded` if all its jobs are, `failed` if none is even in part, otherwise `partial`.
        """
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
