"""Sync jobs, as their user may see them: one at a time, asked for, looked at, cancelled."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, select, update

from state.database import StateDatabase
from state.tables import sync_jobs

ACTIVE_STATUSES = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """A user's sync: `progress` is 0 to 1, `sources` maps a source to `{"status", "rows", "error", "accounts"}`.

    `detail` is what there is to say of the whole, or None.
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
        """The user's job of that id; None for another user's, an unknown one, and text that is no id."""
        known = parse_job_id(job_id)
        if known is None:
            return None
        columns = sync_jobs.c
        statement = select(*JOB_COLUMNS).where(columns.id == known, columns.user_id == user)
        with self._database.connect() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Job(*row)

    def start(self, user: str, wanted: Collection[str] = ()) -> str:
        """Queue a sync of these sources, or of all; the id of the user's job that is active already, if there is one.

        The job is committed when this returns.
        """
        new = {"id": str(uuid.uuid4()), "user_id": user, "wanted": sorted(wanted), "created_at": datetime.now(UTC)}
        statement = self._database.insert(sync_jobs, new).on_conflict_do_nothing().returning(sync_jobs.c.id)
        columns = sync_jobs.c
        active = select(columns.id).where(columns.user_id == user, columns.status.in_(ACTIVE_STATUSES))
        with self._database.connect() as connection:
            while True:
                # The one that stood in the way may have ended between the two statements.
                found = connection.execute(statement).scalar() or connection.execute(active).scalar()
                if found is not None:
                    return str(found)

    def cancel(self, user: str, job_id: str) -> bool:
        """Ask for the job to end: a queued one is cancelled at once. False for a job that the user does not have."""
        known = parse_job_id(job_id)
        if known is None:
            return False
        columns = sync_jobs.c
        now = datetime.now(UTC)
        queued = columns.status == "queued"
        statement = (
            update(sync_jobs)
            .where(columns.id == known, columns.user_id == user, columns.status.in_(ACTIVE_STATUSES))
            .values(
                status=case((queued, "cancelled"), else_=columns.status),
                finished_at=case((queued, now), else_=columns.finished_at),
                cancel_requested_at=now,
            )
        )
        with self._database.connect() as connection:
            if connection.execute(statement).rowcount:
                return True
        return self.get(user, known) is not None

    def get_last_success_at(self, user: str) -> datetime | None:
        """When the user's newest job that succeeded finished."""
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
    """A job's id as it is stored; None for text that is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
