"""The shapes of syncs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

SyncStatus = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
# An account whose rows come from elsewhere is skipped.
SyncPartStatus = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled", "skipped"]


class SyncStarted(BaseModel):
    """The job that is running now."""

    job_id: UUID


class SyncRun(BaseModel):
    """The run of a local date; `started` unless all users were in it already."""

    run_id: UUID
    date: date
    started: bool


class SyncAccount(BaseModel):
    """One account of a job: its rows, what was passed over by reason, and notes on the rows."""

    status: SyncPartStatus
    rows: int
    error: str | None
    skipped: dict[str, int]
    notes: list[str] = Field(default_factory=list)


class SyncSource(BaseModel):
    """One source of a job; `error` is a sentence for the user."""

    status: SyncPartStatus
    rows: int
    error: str | None
    accounts: dict[str, SyncAccount]


class SyncJob(BaseModel):
    """A sync; `detail` is what there is to say of the whole."""

    id: UUID
    status: SyncStatus
    progress: float = Field(ge=0, le=1)
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    sources: dict[str, SyncSource]
    detail: str | None
