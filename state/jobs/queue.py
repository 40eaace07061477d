"""Sync jobs for workers: claimed under a lease, kept alive by heartbeats, ended once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update

from state.database import StateDatabase
from state.tables import app_settings, sync_jobs
from state.types import Timestamp

LAST_SYNC = "last_sync"
# A heartbeat further ahead than so many leases is one of a clock that was wrong, and tells nothing.
MAX_LEASES_AHEAD = 10


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A claimed job: its user, its sources (empty: all), and what earlier attempts have done.

    `lease_owner` names this attempt, and no other of the same worker.
    """

    id: str
    lease_owner: str
    user: str
    run: str | None
    wanted: tuple[str, ...]
    sources: dict[str, Any]
    attempts: int


class Lease(Enum):
    """The state of a lease: still held, to be cancelled, or lost to another worker."""

    HELD = "held"
    CANCELLED = "cancelled"
    LOST = "lost"


class JobQueue:
    """The queue of jobs, for processes on any number of machines."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def claim(
        self, worker: str, *, now: datetime, lease: timedelta, running: Collection[str] = ()
    ) -> ClaimedJob | None:
        """Claim a queued job, or one whose owner has been silent for a lease; None if there is none.

        A user's own job comes before those of a scheduled run. `running` are the ids of the jobs that this worker does
        at the moment: after a pause of its process their leases look abandoned.
        """
        columns = sync_jobs.c
        silent = or_(columns.heartbeat_at < now - lease, columns.heartbeat_at > now + MAX_LEASES_AHEAD * lease)
        abandoned = and_(columns.status == "running", silent)
        waiting = (
            select(columns.id)
            .where(columns.user_id.is_not(None), or_(columns.status == "queued", abandoned))
            .where(columns.id.not_in(running))
            .order_by(columns.run_id.is_not(None), columns.created_at)
            .limit(1)
        )
        lease_owner = f"{worker}:{token_hex(4)}"
        taken = (
            update(sync_jobs)
            .where(columns.id == waiting.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                status="running",
                lease_owner=lease_owner,
                heartbeat_at=now,
                attempts=columns.attempts + 1,
                started_at=func.coalesce(columns.started_at, literal(now, Timestamp)),
            )
            .returning(columns.id, columns.user_id, columns.run_id, columns.wanted, columns.sources, columns.attempts)
        )
        with self._database.connect() as connection:
            # Read first, which takes no lock: most of the time there is no job.
            if connection.execute(waiting).scalar() is None:
                return None
            row = connection.execute(taken).one_or_none()
        return None if row is None else ClaimedJob(row[0], lease_owner, row[1], row[2], tuple(row[3]), row[4], row[5])

    def renew_lease(self, work: ClaimedJob, *, now: datetime, progress: float, sources: Mapping[str, Any]) -> Lease:
        """Renew the lease and save the job's progress; returns what has become of the lease."""
        statement = (
            update(sync_jobs)
            .where(_holds_lease(work))
            .values(heartbeat_at=now, progress=progress, sources=dict(sources))
            .returning(sync_jobs.c.cancel_requested_at)
        )
        with self._database.connect() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return Lease.LOST
        return Lease.HELD if row[0] is None else Lease.CANCELLED

    def release(self, work: ClaimedJob, *, progress: float, sources: Mapping[str, Any]) -> None:
        """Return the job to the queue for another worker; this attempt does not count."""
        columns = sync_jobs.c
        values = {"status": "queued", "lease_owner": None, "attempts": columns.attempts - 1, "progress": progress}
        with self._database.connect() as connection:
            connection.execute(update(sync_jobs).where(_holds_lease(work)).values(**values, sources=dict(sources)))

    def end(
        self,
        work: ClaimedJob,
        *,
        now: datetime,
        status: str,
        sources: Mapping[str, Any],
        detail: str | None = None,
    ) -> bool:
        """End the job; False if the lease is lost. A success becomes the installation's last sync."""
        progress = {} if status == "cancelled" else {"progress": 1.0}
        statement = (
            update(sync_jobs)
            .where(_holds_lease(work))
            .values(status=status, finished_at=now, lease_owner=None, detail=detail, sources=dict(sources), **progress)
        )
        last = {"value": {"at": now.isoformat(), "job_id": work.id}, "updated_at": now}
        with self._database.begin_transaction() as connection:
            ended = connection.execute(statement).rowcount > 0
            if ended and status == "succeeded":
                connection.execute(self._database.upsert(app_settings, key={"key": LAST_SYNC}, values=last))
        return ended


def _holds_lease(work: ClaimedJob) -> ColumnElement[bool]:
    columns = sync_jobs.c
    return and_(columns.id == work.id, columns.status == "running", columns.lease_owner == work.lease_owner)
