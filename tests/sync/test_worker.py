"""What a sync job owes its user."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from engine.calendar import Window
from engine.warehouse.warehouse import Warehouse
from state import State
from state.jobs.jobs import Job
from state.jobs.queue import Lease
from state.tables import sync_jobs
from sync.errors import NeedsReauth, NotPermitted, Throttled
from sync.job import OWN_FAULT, TABLES_DIFFER, SyncContext
from sync.provider import Account, Sink
from sync.report import NOTE_TEXTS, NOTHING_TO_READ
from sync.sink import TAKEN_OVER, WarehouseSink
from sync.worker import INTERRUPTED, TOO_LONG, Worker
from tests.conftest import OTHER_TENANT, TENANT
from tests.sync.conftest import (
    PATIENT,
    QUICK,
    YESTERDAY,
    RecordingObserver,
    ScriptedProvider,
    connect_accounts,
    hang_after_restate,
    make_sync_context,
    restate_days,
)

GA4, META, INSTAGRAM = ("ga4", "1"), ("meta", "act_2"), ("instagram", "3")
LEASE = timedelta(seconds=QUICK.lease)


def wait_until(found: Callable[[], bool], *, what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def wait_for_job(state: State, job_id: str, user: str = TENANT) -> Job:
    """The job, once it has ended."""

    def look() -> Job:
        job = state.jobs.get(user, job_id)
        assert job is not None
        return job

    wait_until(lambda: look().has_ended, what="the job hangs")
    return look()


def read_status(state: State, source: str, user: str = TENANT) -> tuple[str, str | None]:
    [found] = [each for each in state.connections.list_connections(user) if each.source == source]
    return found.status, found.last_error


def sync_once(means: SyncContext, user: str = TENANT) -> Job:
    job_id = means.state.jobs.start(user)
    with Worker(means):
        return wait_for_job(means.state, job_id, user)


def read_rows(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in warehouse.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3", {})]


def test_a_sync_brings_every_source(
    state: State, warehouse: Warehouse, means: SyncContext, counts: RecordingObserver
) -> None:
    connect_accounts(state, TENANT, GA4, META, INSTAGRAM)
    before = state.tenants.get(TENANT).data_version
    job = sync_once(means)
    assert (job.status, job.progress, job.detail) == ("succeeded", 1.0, None)
    assert {source: (part["status"], part["rows"], part["error"]) for source, part in job.sources.items()} == {
        "ga4": ("succeeded", 3, None),
        "instagram": ("succeeded", 3, None),
        "meta": ("succeeded", 3, None),
    }
    assert state.jobs.get_last_success_at(TENANT) == job.finished_at
    assert job.finished_at is not None
    assert state.app_settings.get("last_sync") == {"at": job.finished_at.isoformat(), "job_id": job.id}
    assert state.tenants.get(TENANT).data_version > before
    assert all(each.last_success_at is not None for each in state.connections.list_connections(TENANT))
    assert sorted(counts.accounts) == [(source, "succeeded", 3) for source in ("ga4", "instagram", "meta")]
    assert counts.jobs == ["succeeded"]
    assert [str(row[0]) for row in read_rows(warehouse, "ga4_daily")] == [TENANT] * 3


def test_notes_and_remarks_are_kept_and_shown_in_the_job(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    days = Window(YESTERDAY - timedelta(days=1), YESTERDAY)

    async def note_days(account: Account, sink: Sink) -> None:
        await sink.replace_notes("ga4_daily", days, {"sampled": [days], "truncated": [Window(YESTERDAY, YESTERDAY)]})
        sink.add_remark("Something else.")

    connect_accounts(state, TENANT, GA4)
    provider.scripts["1"] = note_days
    job = sync_once(means)
    assert job.sources["ga4"]["accounts"]["1"]["notes"] == [
        "Something else.",
        "ga4_daily, 2026-03-12 to 2026-03-13: the provider estimated these days from a sample",
        f"ga4_daily, 2026-03-13: {NOTE_TEXTS['truncated']}",
    ]
    assert [(note.code, note.days) for note in state.data_notes.list_notes(TENANT)] == [
        ("sampled", days),
        ("truncated", Window(YESTERDAY, YESTERDAY)),
    ]
    assert state.data_notes.list_notes(OTHER_TENANT) == ()


def test_a_second_sync_changes_no_row(state: State, warehouse: Warehouse, means: SyncContext) -> None:
    connect_accounts(state, TENANT, GA4, META)
    sync_once(means)
    before = (
        read_rows(warehouse, "ga4_daily"),
        read_rows(warehouse, "meta_ads_daily"),
        read_rows(warehouse, "sync_cursors"),
    )
    sync_once(means)
    after = (
        read_rows(warehouse, "ga4_daily"),
        read_rows(warehouse, "meta_ads_daily"),
        read_rows(warehouse, "sync_cursors"),
    )
    assert after == before


def test_nothing_connected_succeeds_at_once_and_says_so(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    job = sync_once(means)
    assert (job.status, job.progress, job.sources, job.detail) == ("succeeded", 1.0, {}, NOTHING_TO_READ)
    state.connections.put(TENANT, "ga4", "9")
    job = sync_once(means)
    assert (job.status, job.detail) == ("succeeded", NOTHING_TO_READ)
    assert job.sources["ga4"]["status"] == "skipped"
    assert provider.seen == []


def test_one_source_that_fails_fails_no_other(
    state: State, means: SyncContext, provider: ScriptedProvider, warehouse: Warehouse
) -> None:
    async def break_down(account: Account, sink: Sink) -> None:
        raise ZeroDivisionError

    async def refuse(account: Account, sink: Sink) -> None:
        raise NotPermitted("Meta does not let this sign-in read the account")

    connect_accounts(state, TENANT, GA4, META, INSTAGRAM, ("meta", "act_5"))
    provider.scripts = {"3": break_down, "act_2": refuse}
    job = sync_once(means)
    assert job.status == "partial"
    assert {source: (part["status"], part["rows"], part["error"]) for source, part in job.sources.items()} == {
        "ga4": ("succeeded", 3, None),
        "instagram": ("failed", 0, OWN_FAULT),
        "meta": ("partial", 3, "account act_2: Meta does not let this sign-in read the account"),
    }
    assert state.jobs.get_last_success_at(TENANT) is None
    assert state.app_settings.get("last_sync") is None
    assert len(read_rows(warehouse, "ga4_daily")) == 3


def test_a_table_that_is_not_as_declared_is_told_as_that(
    state: State, means: SyncContext, warehouse: Warehouse
) -> None:
    connect_accounts(state, TENANT, GA4)
    warehouse.driver.run(["ALTER TABLE ga4_daily RENAME COLUMN sessions TO visits"])
    job = sync_once(means)
    assert (job.status, job.sources["ga4"]["error"]) == ("failed", TABLES_DIFFER)


def test_what_a_failed_account_brought_stays_and_is_shown(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    async def half(account: Account, sink: Sink) -> None:
        await restate_days(account, sink)
        raise Throttled("Google limits the calls; the next sync goes on from here", seconds=3600)

    connect_accounts(state, TENANT, GA4)
    provider.scripts = {"1": half}
    before = state.tenants.get(TENANT).data_version
    job = sync_once(means)
    assert (job.status, job.sources["ga4"]["rows"]) == ("failed", 3)
    assert state.tenants.get(TENANT).data_version > before
    assert read_status(state, "ga4") == ("active", "Google limits the calls; the next sync goes on from here")


def test_dead_credentials_are_tried_once(state: State, means: SyncContext, provider: ScriptedProvider) -> None:
    async def dead(account: Account, sink: Sink) -> None:
        raise NeedsReauth("Meta no longer accepts the sign-in; connect the account again")

    connect_accounts(state, TENANT, META, GA4)
    provider.scripts = {"act_2": dead}
    job = sync_once(means)
    assert job.sources["meta"]["error"] == "Meta no longer accepts the sign-in; connect the account again"
    assert read_status(state, "meta") == (
        "needs_reauth",
        "Meta no longer accepts the sign-in; connect the account again",
    )
    provider.seen.clear()
    assert sync_once(means).status == "partial"
    assert [account.source for account in provider.seen] == ["ga4"]
    connect_accounts(state, TENANT, META)
    provider.scripts = {}
    assert sync_once(means).status == "succeeded"
    assert read_status(state, "meta") == ("active", None)


def test_an_account_that_is_disconnected_meanwhile_gets_no_more_rows(
    state: State, means: SyncContext, provider: ScriptedProvider, warehouse: Warehouse
) -> None:
    async def disconnect_account(account: Account, sink: Sink) -> None:
        await asyncio.to_thread(state.connections.delete, TENANT, "ga4")
        await restate_days(account, sink)

    connect_accounts(state, TENANT, GA4)
    provider.scripts = {"1": disconnect_account}
    job = sync_once(means)
    assert (job.status, job.sources["ga4"]["error"]) == ("failed", "the account was disconnected meanwhile")
    assert read_rows(warehouse, "ga4_daily") == []


def test_new_credentials_are_not_blamed_for_the_old(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    async def dead_meanwhile(account: Account, sink: Sink) -> None:
        await asyncio.to_thread(connect_accounts, state, TENANT, META)
        raise NeedsReauth("the old ones are dead")

    connect_accounts(state, TENANT, META)
    provider.scripts = {"act_2": dead_meanwhile}
    assert sync_once(means).status == "failed"
    assert read_status(state, "meta") == ("active", None)


def test_renewed_credentials_are_kept_unless_the_user_gave_others(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    async def renew(account: Account, sink: Sink) -> None:
        await sink.renew_credentials({"access_token": "renewed"})
        await sink.add_options({"time_zone": "Pacific/Auckland"})

    async def renew_too_late(account: Account, sink: Sink) -> None:
        await asyncio.to_thread(connect_accounts, state, TENANT, META)
        await sink.renew_credentials({"access_token": "renewed too late"})

    def token() -> object:
        credentials = state.connections.get_credentials(TENANT, *META)
        return credentials and credentials["access_token"]

    connect_accounts(state, TENANT, META)
    provider.scripts = {"act_2": renew}
    sync_once(means)
    assert token() == "renewed"
    assert state.connections.list_synced_accounts(TENANT)[0].options == {"time_zone": "Pacific/Auckland"}
    provider.scripts = {"act_2": renew_too_late}
    sync_once(means)
    assert token() == "token-of-act_2"
    assert provider.seen[-1].options == {"time_zone": "Pacific/Auckland"}


def test_a_job_is_one_however_often_it_is_asked_for(state: State) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: state.jobs.start(TENANT), range(32)))
    assert len(ids) == 1
    assert state.jobs.start(OTHER_TENANT) not in ids


def test_progress_is_seen_while_it_runs_and_a_cancel_ends_it(
    state: State, means: SyncContext, provider: ScriptedProvider, warehouse: Warehouse
) -> None:
    connect_accounts(state, TENANT, GA4, META)
    provider.scripts = {"1": hang_after_restate}
    job_id = state.jobs.start(TENANT)
    with Worker(means) as worker:
        worker.kick()

        def is_half() -> bool:
            job = state.jobs.get(TENANT, job_id)
            return job is not None and job.sources.get("meta", {}).get("status") == "succeeded"

        wait_until(is_half, what="no progress")
        job = state.jobs.get(TENANT, job_id)
        assert job is not None
        assert job.status == "running"
        assert job.progress >= 0.5
        assert job.sources["ga4"]["status"] == "running"
        assert state.jobs.start(TENANT) == job_id
        assert not state.jobs.cancel(OTHER_TENANT, job_id)
        assert state.jobs.cancel(TENANT, job_id)
        job = wait_for_job(state, job_id)
    assert (job.status, job.sources["ga4"]["status"]) == ("cancelled", "cancelled")
    assert job.sources["meta"]["status"] == "succeeded"
    assert len(read_rows(warehouse, "ga4_daily")) == 3
    assert state.jobs.get_last_success_at(TENANT) is None


def test_a_queued_job_is_cancelled_at_once(state: State, means: SyncContext, provider: ScriptedProvider) -> None:
    connect_accounts(state, TENANT, GA4)
    job_id = state.jobs.start(TENANT)
    assert state.jobs.cancel(TENANT, job_id)
    job = state.jobs.get(TENANT, job_id)
    assert job is not None
    assert job.status == "cancelled"
    assert job.finished_at is not None
    assert sync_once(means).id != job_id
    assert state.jobs.cancel(TENANT, job_id)
    assert wait_for_job(state, job_id).status == "cancelled"


def test_an_account_and_a_job_have_their_time(
    state: State, warehouse: Warehouse, provider: ScriptedProvider, counts: RecordingObserver
) -> None:
    connect_accounts(state, TENANT, GA4, META)
    provider.scripts = {"1": hang_after_restate}
    job = sync_once(make_sync_context(state, warehouse, provider, counts, replace(PATIENT, account_seconds=2.0)))
    assert job.status == "partial"
    assert "took longer than" in job.sources["ga4"]["error"]
    job = sync_once(make_sync_context(state, warehouse, provider, counts, replace(PATIENT, job_seconds=2.0)))
    assert (job.status, job.detail) == ("partial", TOO_LONG)
    assert job.sources["ga4"] | {"accounts": None} == {
        "status": "failed",
        "rows": 3,
        "error": TOO_LONG,
        "accounts": None,
    }


def test_a_job_whose_process_died_goes_on(state: State, means: SyncContext, provider: ScriptedProvider) -> None:
    connect_accounts(state, TENANT, GA4, META)
    job_id = state.jobs.start(TENANT)
    # So long ago that its lease is over by now.
    now = datetime.now(UTC) - timedelta(hours=1)
    dead = state.queue.claim("the dead", now=now, lease=LEASE)
    assert dead is not None
    part = {"status": "succeeded", "rows": 7, "error": None, "skipped": {}}
    done = {"ga4": {"status": "succeeded", "rows": 7, "error": None, "accounts": {"1": part}}}
    assert state.queue.renew_lease(dead, now=now, progress=0.5, sources=done) is Lease.HELD
    assert state.queue.claim("the hasty", now=now, lease=LEASE) is None
    with Worker(means):
        job = wait_for_job(state, job_id)
    assert job.status == "succeeded"
    assert [account.source for account in provider.seen] == ["meta"]
    assert {source: part["rows"] for source, part in job.sources.items()} == {"ga4": 7, "meta": 3}
    # Should the dead one have been asleep only, it finds the job to be another's.
    assert state.queue.renew_lease(dead, now=datetime.now(UTC), progress=0.6, sources=done) is Lease.LOST
    assert not state.queue.end(dead, now=datetime.now(UTC), status="failed", sources={})
    assert wait_for_job(state, job_id).status == "succeeded"


def test_a_process_that_was_paused_does_not_take_its_own_job_up_again(
    state: State, warehouse: Warehouse, provider: ScriptedProvider, counts: RecordingObserver
) -> None:
    ahead, goes_on = timedelta(), threading.Event()

    async def wait(account: Account, sink: Sink) -> None:
        await asyncio.to_thread(goes_on.wait, 90)
        await restate_days(account, sink)

    connect_accounts(state, TENANT, GA4)
    provider.scripts = {"1": wait}
    # It looks for jobs more often than it says that it lives, so that it finds its own lease run out after each pause.
    bounds = replace(PATIENT, lease=50, beat=0.3)
    means = make_sync_context(state, warehouse, provider, counts, bounds, clock=lambda: datetime.now(UTC) + ahead)
    job_id = state.jobs.start(TENANT)
    with Worker(means) as worker:
        wait_until(lambda: len(provider.seen) == 1, what="not taken up")
        for _ in range(bounds.attempts + 1):
            ahead += timedelta(minutes=1)
            time.sleep(0.4)
            assert [*worker.running_tasks] == [job_id]
        goes_on.set()
        assert wait_for_job(state, job_id).status == "succeeded"
    assert len(provider.seen) == 1
    with state.database.connect() as connection:
        assert connection.execute(select(sync_jobs.c.attempts)).scalars().all() == [1]


def test_each_attempt_holds_a_lease_of_its_own(state: State) -> None:
    now = datetime.now(UTC)
    job_id = state.jobs.start(TENANT)
    first = state.queue.claim("one worker", now=now, lease=LEASE)
    assert first is not None
    later = now + timedelta(minutes=1)
    assert state.queue.claim("one worker", now=later, lease=LEASE, running=[job_id]) is None
    second = state.queue.claim("one worker", now=later, lease=LEASE)
    assert second is not None
    assert second.lease_owner != first.lease_owner
    assert state.queue.renew_lease(first, now=later, progress=0.1, sources={}) is Lease.LOST
    assert state.queue.renew_lease(second, now=later, progress=0.1, sources={}) is Lease.HELD
    state.queue.release(first, progress=0, sources={})
    assert state.queue.end(second, now=later, status="succeeded", sources={})


def test_a_heartbeat_of_a_clock_that_was_wrong_holds_no_job(state: State) -> None:
    now = datetime.now(UTC)
    state.jobs.start(TENANT)
    assert state.queue.claim("years ahead", now=now + timedelta(days=3_650), lease=LEASE) is not None
    assert state.queue.claim("with the right time", now=now, lease=LEASE) is not None
    assert state.queue.claim("with the right time", now=now, lease=LEASE) is None


def test_a_job_that_kills_its_processes_ends(state: State, means: SyncContext, provider: ScriptedProvider) -> None:
    connect_accounts(state, TENANT, GA4)
    job_id = state.jobs.start(TENANT)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    for attempt in range(QUICK.attempts):
        work = state.queue.claim("killed", now=long_ago + timedelta(minutes=attempt), lease=LEASE)
        assert work is not None
        assert work.attempts == attempt + 1
    with Worker(means):
        job = wait_for_job(state, job_id)
    assert (job.status, job.detail, job.sources["ga4"]["error"]) == ("failed", INTERRUPTED, INTERRUPTED)
    assert provider.seen == []


def test_a_process_that_stops_gives_its_job_back(state: State, means: SyncContext, provider: ScriptedProvider) -> None:
    connect_accounts(state, TENANT, GA4, META)
    provider.scripts = {"1": hang_after_restate}
    job_id = state.jobs.start(TENANT)
    for _ in range(QUICK.attempts + 2):
        provider.seen.clear()
        with Worker(means):
            wait_until(lambda: "1" in {account.id for account in provider.seen}, what="not taken up")
        job = state.jobs.get(TENANT, job_id)
        assert job is not None
        assert job.status == "queued"
    provider.scripts = {}
    with Worker(means):
        assert wait_for_job(state, job_id).status == "succeeded"


def test_many_workers_do_each_job_once(
    state: State, means: SyncContext, provider: ScriptedProvider, counts: RecordingObserver
) -> None:
    users = [f"00000000-0000-4000-8000-{number:012d}" for number in range(24)]
    for user in users:
        connect_accounts(state, user, ("ga4", user[-3:]))
    ids = {user: state.jobs.start(user) for user in users}
    workers = [Worker(means) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        assert {wait_for_job(state, job_id, user).status for user, job_id in ids.items()} == {"succeeded"}
    finally:
        for worker in workers:
            worker.stop()
    assert sorted(account.id for account in provider.seen) == sorted(user[-3:] for user in users)
    assert counts.jobs == ["succeeded"] * len(users)


def test_one_sync_at_a_time_reads_an_account_of_two_users(
    state: State, means: SyncContext, provider: ScriptedProvider
) -> None:
    under_way: list[int] = []
    peaks: list[int] = []

    async def count_syncs(account: Account, sink: Sink) -> None:
        under_way.append(1)
        peaks.append(len(under_way))
        await asyncio.sleep(0.2)
        await restate_days(account, sink)
        under_way.pop()

    provider.scripts["1"] = count_syncs
    users = (TENANT, OTHER_TENANT)
    for user in users:
        connect_accounts(state, user, GA4)
    ids = {user: state.jobs.start(user) for user in users}
    # As two processes would, each worker has a runner of its own.
    with Worker(means), Worker(means):
        assert {wait_for_job(state, job_id, user).status for user, job_id in ids.items()} == {"succeeded"}
    assert peaks == [1, 1]


def test_a_process_that_was_paused_writes_nothing_into_an_account_that_was_taken_over(
    state: State, warehouse: Warehouse, means: SyncContext, provider: ScriptedProvider
) -> None:
    async def take_over(account: Account, sink: Sink) -> None:
        assert isinstance(sink, WarehouseSink)
        await restate_days(account, sink)
        again = replace(sink.work, attempts=sink.work.attempts + 1)
        with state.database.connect() as connection:
            connection.execute(update(sync_jobs).where(sync_jobs.c.id == again.id).values(attempts=again.attempts))
        assert state.account_leases.acquire(again, *GA4, now=means.clock(), lease=LEASE)
        await restate_days(account, sink, sessions=99)

    provider.scripts["1"] = take_over
    connect_accounts(state, TENANT, GA4)
    assert sync_once(means).sources["ga4"]["error"] == TAKEN_OVER
    assert {row[0] for row in warehouse.query("SELECT sessions FROM ga4_daily", {})} == {1}


def test_somebody_who_waits_comes_before_the_days_run(state: State) -> None:
    for user in (TENANT, OTHER_TENANT):
        connect_accounts(state, user, GA4)
    state.runs.open_run(datetime.now(UTC).date())
    waiting = "33333333-3333-4333-8333-333333333333"
    state.jobs.start(waiting)
    order = [state.queue.claim("one", now=datetime.now(UTC), lease=LEASE) for _ in range(3)]
    assert order[0] is not None
    assert order[0].user == waiting
    assert {work.user for work in order if work} == {waiting, TENANT, OTHER_TENANT}


@pytest.mark.parametrize("wanted", [("meta",), ("ga4", "instagram")])
def test_a_sync_of_some_sources_leaves_the_others(
    state: State, means: SyncContext, provider: ScriptedProvider, wanted: tuple[str, ...]
) -> None:
    connect_accounts(state, TENANT, GA4, META, INSTAGRAM)
    job_id = state.jobs.start(TENANT, wanted)
    with Worker(means):
        job = wait_for_job(state, job_id)
    assert job.sources.keys() == set(wanted)
    assert {account.source for account in provider.seen} == set(wanted)
