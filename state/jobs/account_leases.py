"""Accounts under way: one sync at a time for each, in whichever process."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, not_, or_, select

from state.database import StateDatabase
from state.jobs.queue import ClaimedJob
from state.tables import account_leases, sync_jobs


class AccountLeases:
    """The accounts that jobs read at the moment; two users may have connected the same one.

    A lease is an attempt's of a job. It is free once the job has ended, was taken up by another attempt, or is silent.
    """

    __slots__ = ("_database",)

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def acquire(self, work: ClaimedJob, source: str, account_id: str, *, now: datetime, lease: timedelta) -> bool:
        """Take the account for this attempt; False while another job reads it."""
        holder, job = account_leases.c, sync_jobs.c
        is_read = exists(
            select(job.id).where(
                job.id == holder.job_id,
                job.attempts == holder.attempt,
                job.status == "running",
                job.heartbeat_at >= now - lease,
            )
        )
        own = {"job_id": work.id, "attempt": work.attempts}
        statement = (
            self._database.insert(account_leases, {"source": source, "account_id": account_id, **own})
            .on_conflict_do_update(
                index_elements=["source", "account_id"],
                set_=own,
                where=or_(not_(is_read), _is_held_by(work)),
            )
            .returning(holder.source)
        )
        with self._database.connect() as connection:
            return connection.execute(statement).scalar() is not None

    def is_held(self, work: ClaimedJob, source: str, account_id: str) -> bool:
        """Whether no other attempt has taken the account since."""
        statement = select(account_leases.c.source).where(_match_account(source, account_id), _is_held_by(work))
        with self._database.connect() as connection:
            return connection.execute(statement).scalar() is not None

    def release(self, work: ClaimedJob, source: str, account_id: str) -> None:
        """Give the account back, if this attempt still has it."""
        with self._database.connect() as connection:
            connection.execute(delete(account_leases).where(_match_account(source, account_id), _is_held_by(work)))


def _match_account(source: str, account_id: str) -> ColumnElement[bool]:
    return and_(account_leases.c.source == source, account_leases.c.account_id == account_id)


def _is_held_by(work: ClaimedJob) -> ColumnElement[bool]:
    return and_(account_leases.c.job_id == work.id, account_leases.c.attempt == work.attempts)
