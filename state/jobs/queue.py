"""Sync jobs, as those who do them see them: taken up under a lease, kept alive by heartbeats, ended once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update

from state.database import StateDatabase
from state.tables import app_settings, sync_jobs
from state.types import Timestamp

LAST_SYNC = "last_sync"


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that was taken up: whose it is, which sources it is for (none: all), and what was done of it before."""

    id: str
    user: str
    run: str | None
    wanted: tuple[str, ...]
    sources: dict[str, Any]
    attempts: int


class Lease(Enum):
    """What a heartbeat finds: the job is still one's own, is to be cancelled, or is no longer one's own."""

    HELD = "held"
    CANCELLED = "cancelled"
    LOST = "lost"


class JobQueue:
    """The jobs that wait for somebody, for processes on any number of machines."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def claim(self, owner: str, *, now: datetime, lease: timedelta) -> ClaimedJob | None:
        """Take up a queued job, or one whose owner has not been heard of for as long as a lease; None if there is none.

        A job that somebody waits for comes before those of a scheduled run.
        """
        columns = sync_jobs.c
        abandoned = and_(columns.status == "running", columns.heartbeat_at < now - lease)
        waiting = (
            select(columns.id)
            .where(columns.user_id.is_not(None), or_(columns.status == "queued", abandoned))
            .order_by(columns.run_id.is_not(None), columns.created_at)
            .limit(1)
        )
        taken = (
            update(sync_jobs)
            .where(columns.id == waiting.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                status="running",
                lease_owner=owner,
                heartbeat_at=now,
                attempts=columns.attempts + 1,
                started_at=func.coalesce(columns.started_at, literal(now, Timestamp)),
            )
            .returning(columns.id, columns.user_id, columns.run_id, columns.wanted, columns.sources, columns.attempts)
        )
        with self._database.connect() as connection:
            # To look first takes no lock: most of the time there is nothing to do.
            if connection.execute(waiting).scalar() is None:
                return None
            row = connection.execute(taken).one_or_none()
        return None if row is None else ClaimedJob(row[0], row[1], row[2], tuple(row[3]), row[4], row[5])

    def renew_lease(
        self, work: ClaimedJob, owner: str, *, now: datetime, progress: float, sources: Mapping[str, Any]
    ) -> Lease:
        """Say that the job is being done, and how far it is."""
        statement = (
            update(sync_jobs)
            .where(_holds_lease(work, owner))
            .values(heartbeat_at=now, progress=progress, sources=dict(sources))
            .returning(sync_jobs.c.cancel_requested_at)
        )
        with self._database.connect() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return Lease.LOST
        return Lease.HELD if row[0] is None else Lease.CANCELLED

    def release(self, work: ClaimedJob, owner: str, *, progress: float, sources: Mapping[str, Any]) -> None:
        """Give the job back as it is, for another to go on with at once: this attempt does not count."""
        columns = sync_jobs.c
        values = {"status": "queued", "lease_owner": None, "attempts": columns.attempts - 1, "progress": progress}
        with self._database.connect() as connection:
            connection.execute(
                update(sync_jobs).where(_holds_lease(work, owner)).values(**values, sources=dict(sources))
            )

    def end(
        self,
        work: ClaimedJob,
        owner: str,
        *,
        now: datetime,
        status: str,
        sources: Mapping[str, Any],
        detail: str | None = None,
    ) -> bool:
        """End the job; False if it is no longer one's own. A success is the installation's last sync from then on."""
        progress = {} if status == "cancelled" else {"progress": 1.0}
        statement = (
            update(sync_jobs)
            .where(_holds_lease(work, owner))
            .values(status=status, finished_at=now, lease_owner=None, detail=detail, sources=dict(sources), **progress)
        )
        last = {"value": {"at": now.isoformat(), "job_id": work.id}, "updated_at": now}
        with self._database.begin_transaction() as connection:
            ended = connection.execute(statement).rowcount > 0
            if ended and status == "succeeded":
                connection.execute(self._database.upsert(app_settings, key={"key": LAST_SYNC}, values=last))
        return ended


def _holds_lease(work: ClaimedJob, owner: str) -> ColumnElement[bool]:
    columns = sync_jobs.c
    return and_(columns.id == work.id, columns.status == "running", columns.lease_owner == owner)
