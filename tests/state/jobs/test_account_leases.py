"""Accounts under way: one job at a time has each, until it ends, falls silent or is taken up by another attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from state import State
from state.jobs.queue import ClaimedJob
from tests.conftest import OTHER_TENANT, TENANT

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
LEASE = timedelta(seconds=30)
ACCOUNT = ("meta", "act_1")


def claim_job(state: State, user: str, now: datetime = NOW) -> ClaimedJob:
    state.jobs.start(user)
    work = state.queue.claim(f"worker-of-{user}", now=now, lease=LEASE)
    assert work is not None
    assert work.user == user
    return work


def acquire(state: State, work: ClaimedJob, now: datetime = NOW, account: tuple[str, str] = ACCOUNT) -> bool:
    return state.account_leases.acquire(work, *account, now=now, lease=LEASE)


def test_one_job_at_a_time_has_an_account(state: State) -> None:
    one, other = claim_job(state, TENANT), claim_job(state, OTHER_TENANT)
    assert acquire(state, one)
    assert not acquire(state, other)
    # The same again is no other, and neither is another account another one's.
    assert acquire(state, one)
    assert acquire(state, other, account=("meta", "act_2"))
    assert acquire(state, other, account=("ga4", "act_1"))
    assert state.account_leases.is_held(one, *ACCOUNT)
    assert not state.account_leases.is_held(other, *ACCOUNT)
    # What it has not, it cannot give back.
    state.account_leases.release(other, *ACCOUNT)
    assert not acquire(state, other)
    state.account_leases.release(one, *ACCOUNT)
    assert acquire(state, other)


def test_a_job_that_ended_or_is_silent_holds_nothing(state: State) -> None:
    one = claim_job(state, TENANT)
    assert acquire(state, one)
    late = NOW + LEASE + timedelta(seconds=1)
    # The first comes up first: its lease is over.
    again = state.queue.claim("another-worker", now=late, lease=LEASE)
    assert again is not None
    assert (again.id, again.attempts) == (one.id, 2)
    other = claim_job(state, OTHER_TENANT, late)
    assert acquire(state, other, late)
    assert not acquire(state, again, late)
    assert not state.account_leases.is_held(one, *ACCOUNT)


def test_another_attempt_of_a_job_takes_the_account_from_one_that_was_paused(state: State) -> None:
    one = claim_job(state, TENANT)
    assert acquire(state, one)
    again = state.queue.claim("another-worker", now=NOW + 2 * LEASE, lease=LEASE)
    assert again is not None
    assert acquire(state, again, NOW + 2 * LEASE)
    assert not state.account_leases.is_held(one, *ACCOUNT)
    state.account_leases.release(one, *ACCOUNT)
    assert state.account_leases.is_held(again, *ACCOUNT)


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_account_that_was_not_given_back_is_free_after_its_job(state: State, status: str) -> None:
    one, other = claim_job(state, TENANT), claim_job(state, OTHER_TENANT)
    assert acquire(state, one)
    assert state.queue.end(one, now=NOW, status=status, sources={})
    assert acquire(state, other)
