"""Jobs: what a user sees of them, and what the tables themselves make impossible."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from state import State
from state.tables import JOB_STATUSES, sync_jobs
from tests.conftest import OTHER_TENANT, TENANT

NOON = datetime(2025, 3, 9, 12, tzinfo=UTC)


def add_job(state: State, **values: Any) -> str:
    job_id = str(uuid.uuid4())
    owner = {} if "schedule_key" in values else {"user_id": TENANT}
    with state.database.connect() as connection:
        connection.execute(insert(sync_jobs).values({"id": job_id, **owner, **values}))
    return job_id


def test_a_user_sees_the_own_job(state: State) -> None:
    sources = {"ga4": {"status": "running", "rows": 3, "error": None}}
    job_id = add_job(state, status="running", progress=0.25, started_at=NOON, sources=sources)
    job = state.jobs.get(TENANT, job_id.upper())
    assert job is not None
    assert (job.id, job.status, job.progress, job.sources) == (job_id, "running", 0.25, sources)
    assert (job.started_at, job.finished_at) == (NOON, None)
    assert abs(datetime.now(UTC) - job.created_at) < timedelta(minutes=1)


def test_a_new_job_is_queued(state: State) -> None:
    job = state.jobs.get(TENANT, add_job(state))
    assert job is not None
    assert (job.status, job.progress, job.sources) == ("queued", 0.0, {})


@pytest.mark.parametrize("job_id", ["", "1", "' OR 1=1 --", "\0", "ä", "8c0e5f1e-0b7c-4f0c-9d1c-5a2b3c4d5e6f"])
def test_an_unknown_job_is_none(state: State, job_id: str) -> None:
    add_job(state)
    assert state.jobs.get(TENANT, job_id) is None


def test_another_users_job_is_none(state: State) -> None:
    assert state.jobs.get(OTHER_TENANT, add_job(state)) is None


def test_the_newest_success_is_the_last(state: State) -> None:
    assert state.jobs.get_last_success_at(TENANT) is None
    add_job(state, status="succeeded", finished_at=NOON)
    add_job(state, status="succeeded", finished_at=NOON.astimezone() - timedelta(hours=1))
    add_job(state, status="partial", finished_at=NOON + timedelta(hours=1))
    add_job(state, status="failed", finished_at=NOON + timedelta(hours=2))
    add_job(state, status="succeeded", finished_at=NOON + timedelta(hours=3), user_id=OTHER_TENANT)
    assert state.jobs.get_last_success_at(TENANT) == NOON


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_user_has_one_active_job(state: State, status: str) -> None:
    for ended in set(JOB_STATUSES) - {"queued", "running"}:
        add_job(state, status=ended)
    add_job(state, status=status)
    add_job(state, status=status, user_id=OTHER_TENANT)
    with pytest.raises(IntegrityError):
        add_job(state, status="queued")


def test_a_day_is_run_once_and_each_user_once_in_it(state: State) -> None:
    run_id = add_job(state, schedule_key="2025-03-09")
    add_job(state, schedule_key="2025-03-10")
    with pytest.raises(IntegrityError):
        add_job(state, schedule_key="2025-03-09")
    add_job(state, run_id=run_id, status="succeeded")
    add_job(state, run_id=run_id, user_id=OTHER_TENANT)
    with pytest.raises(IntegrityError):
        add_job(state, run_id=run_id)


@pytest.mark.parametrize(
    "values",
    [{"status": "hung"}, {"user_id": None}, {"run_id": "8c0e5f1e-0b7c-4f0c-9d1c-5a2b3c4d5e6f"}],
    ids=["unknown status", "nobody's", "unknown run"],
)
def test_impossible_jobs_are_refused(state: State, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        add_job(state, **values)


def test_a_timestamp_needs_a_time_zone(state: State) -> None:
    with pytest.raises(Exception, match="needs a time zone"):
        add_job(state, finished_at=NOON.replace(tzinfo=None))


def test_changing_jobs_are_active_recent_or_asked_for(state: State) -> None:
    hour = timedelta(hours=1)
    ended, awaited = (
        add_job(state, status="failed", created_at=NOON - age, finished_at=NOON) for age in (3 * hour, 2 * hour)
    )
    active = add_job(state, status="running", created_at=NOON - hour)
    recent = add_job(state, status="succeeded", created_at=NOON, finished_at=NOON)
    other = add_job(state, status="running", created_at=NOON, user_id=OTHER_TENANT)
    found = state.jobs.list_changing([TENANT], [awaited], NOON)
    assert {user: [job.id for job in jobs] for user, jobs in found.items()} == {TENANT: [awaited, active, recent]}
    newest = state.jobs.list_newest([TENANT, OTHER_TENANT])
    assert {user: [job.id for job in jobs] for user, jobs in newest.items()} == {
        TENANT: [recent],
        OTHER_TENANT: [other],
    }
    assert ended not in str(found)
