"""Sync jobs, as their user may see them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from metric_engine.state.database import Database
from metric_engine.state.tables import sync_jobs


@dataclass(frozen=True, slots=True)
class Job:
    """A user's sync: `progress` is 0 to 1, `sources` maps a source to `{"status", "rows", "error"}`."""

    id: str
    status: str
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    sources: dict[str, Any]


class Jobs:
    """The sync jobs of every user."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user: str, job_id: str) -> Job | None:
        """The user's job of that id; None for another user's, an unknown one, and text that is no id."""
        try:
            known = str(uuid.UUID(job_id))
        except ValueError:
            return None
        columns = sync_jobs.c
        statement = select(
            columns.id,
            columns.status,
            columns.progress,
            columns.created_at,
            columns.started_at,
            columns.finished_at,
            columns.sources,
        ).where(columns.id == known, columns.user_id == user)
        with self._database.connect() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Job(*row)

    def last_success_at(self, user: str) -> datetime | None:
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
