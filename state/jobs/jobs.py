"""Sync jobs for their users: start one, read it, cancel it; one is active at a time."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_, update

from state.database import StateDatabase
from state.tables import sync_jobs

ACTIVE_STATUSES = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """A user's sync job.

    `progress` is 0 to 1. `sources` maps a source to `{"status", "rows", "error", "accounts"}`. `detail` is a message
    about the whole job, or None.
    """

    id: str
    status: str
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    sources: dict[str, Any]
    detail: str | None

    @property
    def has_ended(self) -> bool:
        return self.status not in ACTIVE_STATUSES


JOB_COLUMNS = tuple(sync_jobs.c[name] for name in Job.__slots__)


class Jobs:
    """The sync jobs of every user."""

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def get(self, user: str, job_id: str) -> Job | None:
        """Return the user's job; None for an unknown or invalid id, and for another user's job."""
        stored_id = parse_job_id(job_id)
        if stored_id is None:
            return None
        columns = sync_jobs.c
        statement = select(*JOB_COLUMNS).where(columns.id == stored_id, columns.user_id == user)
        with self._database.connect() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Job(*row)

    def list_newest(self, users: Collection[str]) -> dict[str, list[Job]]:
        """Return the newest job of each of these users, where there is one."""
        columns = sync_jobs.c
        newest = (
            select(columns.user_id, func.max(columns.created_at))
            .where(columns.user_id.in_(users))
            .group_by(columns.user_id)
        )
        return self._list_jobs(tuple_(columns.user_id, columns.created_at).in_(newest))

    def list_changing(self, users: Collection[str], job_ids: Collection[str], since: datetime) -> dict[str, list[Job]]:
        """Return these users' active jobs, those begun since then, and those of these ids; each user's by age."""
        columns = sync_jobs.c
        is_active = columns.status.in_(ACTIVE_STATUSES)
        is_changing = or_(is_active, columns.created_at >= since, columns.id.in_(job_ids))
        return self._list_jobs(and_(columns.user_id.in_(users), is_changing))

    def _list_jobs(self, condition: ColumnElement[bool]) -> dict[str, list[Job]]:
        columns = sync_jobs.c
        statement = select(columns.user_id, *JOB_COLUMNS).where(condition).order_by(columns.created_at, columns.id)
        found: dict[str, list[Job]] = defaultdict(list)
        with self._database.connect() as connection:
            for user, *values in connection.execute(statement).all():
                found[user.lower()].append(Job(*values))
        return found

    def start(self, user: str, wanted: Collection[str] = ()) -> str:
        """Queue a sync of these sources, or of all, and return the job's id.

        If the user has an active job already, its id is returned instead. The job is committed when this returns.
        """
        new = {"id": str(uuid.uuid4()), "user_id": user, "wanted": sorted(wanted), "created_at": datetime.now(UTC)}
        statement = self._database.insert(sync_jobs, new).on_conflict_do_nothing().returning(sync_jobs.c.id)
        columns = sync_jobs.c
        active = select(columns.id).where(columns.user_id == user, columns.status.in_(ACTIVE_STATUSES))
        with self._database.connect() as connection:
            while True:
                # The active job that prevented the insert may have ended between the two statements.
                stored_id = connection.execute(statement).scalar() or connection.execute(active).scalar()
                if stored_id is not None:
                    return str(stored_id)

    def cancel(self, user: str, job_id: str) -> bool:
        """Request the job's end; a queued one is cancelled at once. False for an unknown job."""
        stored_id = parse_job_id(job_id)
        if stored_id is None:
            return False
        columns = sync_jobs.c
        now = datetime.now(UTC)
        queued = columns.status == "queued"
        statement = (
            update(sync_jobs)
            .where(columns.id == stored_id, columns.user_id == user, columns.status.in_(ACTIVE_STATUSES))
            .values(
                status=case((queued, "cancelled"), else_=columns.status),
                finished_at=case((queued, now), else_=columns.finished_at),
                cancel_requested_at=now,
            )
        )
        with self._database.connect() as connection:
            if connection.execute(statement).rowcount:
                return True
        return self.get(user, stored_id) is not None

    def get_last_success_at(self, user: str) -> datetime | None:
        """Return when the user's newest successful job finished, or None."""
        columns = sync_jobs.c
        statement = (
            select(columns.finished_at)
            .where(columns.user_id == user, columns.status == "succeeded")
            .order_by(columns.finished_at.desc())
            .limit(1)
        )
        with self._database.connect() as connection:
            finished: datetime | None = connection.execute(statement).scalar()
            return finished


def parse_job_id(text: str) -> str | None:
    """Return a job's id as it is stored; None for an invalid one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
