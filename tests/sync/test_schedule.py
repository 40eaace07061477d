"""The daily run: at 00:15 in Los Angeles, each day, once, whoever is there to begin it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from state import State
from state.tables import sync_jobs
from sync.job import SyncContext
from sync.schedule import LOOK_SECONDS, MIN_LOOK_SECONDS, Schedule, get_due_date, get_run_start, get_seconds_to_look
from sync.worker import Worker
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.contenders import StandingClock, live_through_days
from tests.support.processes import FORKS
from tests.sync.conftest import ScriptedProvider, connect_accounts
from tests.sync.test_worker import wait_until

PROCESSES = 8
FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
DAYS = [FIRST + timedelta(days=offset) for offset in range((LAST - FIRST).days + 1)]
# Summer time begins within these.
SPRING = DAYS[31:120]
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
# A quarter past midnight is eight hours behind UTC, and seven while summer time is on.
SUMMER = ((date(2026, 3, 9), date(2026, 11, 1)), (date(2027, 3, 15), date(2027, 11, 7)))


def find_quarter_past(day: date) -> datetime:
    """00:15 in Los Angeles, by the calendar of its summer time and nothing else."""
    hours = 7 if any(first <= day <= last for first, last in SUMMER) else 8
    return datetime(day.year, day.month, day.day, hours, 15, tzinfo=UTC)


def test_every_day_has_its_moment() -> None:
    for day in DAYS:
        begins = find_quarter_past(day)
        assert get_run_start(day) == begins
        assert get_due_date(begins) == day
        assert get_due_date(begins - timedelta(seconds=1)) == day - timedelta(days=1)


def test_the_timer_wakes_at_the_same_moments() -> None:
    chance = random.Random(1)
    for day in DAYS:
        begins = find_quarter_past(day)
        now = begins - timedelta(seconds=chance.uniform(0.5, 200))
        while now < begins:
            pause = get_seconds_to_look(now)
            assert 0 < pause <= LOOK_SECONDS
            now += timedelta(seconds=pause)
        assert now - begins <= timedelta(seconds=MIN_LOOK_SECONDS)


@pytest.mark.server
def test_eight_processes_open_each_days_run_once(state_url: str) -> None:
    State.open(state_url).close()
    start, opened = FORKS.Barrier(PROCESSES), FORKS.Queue()
    moments = [find_quarter_past(day) for day in SPRING]
    processes = [
        FORKS.Process(target=live_through_days, args=(state_url, moments, seed, start, opened))
        for seed in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = Counter(opened.get(timeout=120) for _ in SPRING)
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert opened.empty()
    opened.close()
    assert found == dict.fromkeys(SPRING, 1)
    state = State.open(state_url)
    with state.database.connect() as connection:
        keys = connection.execute(select(sync_jobs.c.schedule_key)).scalars().all()
    state.close()
    assert sorted(keys) == [day.isoformat() for day in SPRING]


def test_what_was_missed_is_made_good_once(state: State) -> None:
    clock = StandingClock(find_quarter_past(date(2026, 6, 1)))
    assert Schedule(state.runs, clock).open_due_run()
    clock.now += timedelta(days=10, hours=3)
    after_a_pause = Schedule(state.runs, clock)
    assert [after_a_pause.open_due_run() for _ in range(3)] == [True, False, False]
    assert state.runs.get_run_id(date(2026, 6, 11)) is not None
    assert state.runs.get_run_id(date(2026, 6, 10)) is None


def test_a_clock_that_is_set_back_brings_no_second_run(state: State) -> None:
    clock = StandingClock(find_quarter_past(date(2026, 6, 1)))
    schedule = Schedule(state.runs, clock)
    assert schedule.open_due_run()
    clock.now += timedelta(days=1)
    assert schedule.open_due_run()
    clock.now -= timedelta(hours=2)
    assert not schedule.open_due_run()
    clock.now += timedelta(hours=2)
    assert not schedule.open_due_run()


def test_a_clock_that_was_years_ahead_costs_no_later_day(state: State) -> None:
    clock = StandingClock(find_quarter_past(date(2036, 2, 7)))
    schedule = Schedule(state.runs, clock)
    assert schedule.open_due_run()
    for day in (date(2026, 11, 28), date(2026, 11, 29), date(2026, 12, 24)):
        clock.now = find_quarter_past(day)
        assert [schedule.open_due_run() for _ in range(2)] == [True, False]
        assert schedule.get_next_start() == find_quarter_past(day + timedelta(days=1))


def test_a_running_timer_follows_a_clock_that_is_set_right(
    state: State, means: SyncContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.schedule.LOOK_SECONDS", 0.05)
    clock = StandingClock(find_quarter_past(date(2036, 2, 7)))
    with Worker(means, Schedule(state.runs, clock)):
        for day in (date(2036, 2, 7), date(2026, 11, 28), date(2026, 11, 29)):
            clock.now = find_quarter_past(day)
            wait_until(lambda day=day: state.runs.get_run_id(day) is not None, what=f"{day} has no run")  # type: ignore[misc]


def test_what_is_announced_is_what_will_happen(state: State) -> None:
    clock = StandingClock(find_quarter_past(date(2026, 3, 8)))
    schedule = Schedule(state.runs, clock)
    schedule.open_due_run()
    assert schedule.get_next_start() == find_quarter_past(date(2026, 3, 9))
    clock.now = find_quarter_past(date(2026, 3, 9)) - timedelta(minutes=5)
    assert schedule.get_next_start() == find_quarter_past(date(2026, 3, 9))
    # Somebody asks for the new date's run between midnight and a quarter past.
    state.runs.open_run(date(2026, 3, 9))
    assert schedule.get_next_start() == find_quarter_past(date(2026, 3, 10))
    clock.now += timedelta(minutes=5)
    assert not schedule.open_due_run()


def test_a_run_has_a_job_for_each_user_with_something_to_read(state: State) -> None:
    connect_accounts(state, TENANT, ("ga4", "1"), ("meta", "act_2"))
    connect_accounts(state, OTHER_TENANT, ("ga4", "3"))
    state.connections.put("33333333-3333-4333-8333-333333333333", "ga4", "4")
    own = state.jobs.start(OTHER_TENANT)
    run, new = state.runs.open_run(date(2026, 6, 1))
    assert new
    assert state.runs.open_run(date(2026, 6, 1)) == (run, False)
    with state.database.connect() as connection:
        jobs = connection.execute(
            select(sync_jobs.c.user_id, sync_jobs.c.run_id).where(sync_jobs.c.user_id.is_not(None))
        )
        assert {tuple(row) for row in jobs} == {(TENANT, run), (OTHER_TENANT, None)}
    assert state.jobs.start(OTHER_TENANT) == own


def test_a_run_is_opened_done_and_closed(state: State, provider: ScriptedProvider, means: SyncContext) -> None:
    connect_accounts(state, TENANT, ("ga4", "1"))
    connect_accounts(state, OTHER_TENANT, ("meta", "act_3"))

    async def fail(*_: object) -> None:
        await asyncio.sleep(0)
        raise RuntimeError

    provider.scripts = {"act_3": fail}
    day = get_due_date(datetime.now(UTC))

    def run() -> tuple[str, float] | None:
        columns = sync_jobs.c
        with state.database.connect() as connection:
            row = connection.execute(
                select(columns.status, columns.progress).where(columns.schedule_key == day.isoformat())
            ).one_or_none()
        return None if row is None else (row[0], row[1])

    with Worker(means, Schedule(state.runs)):
        wait_until(lambda: run() == ("partial", 1.0), what="the run is not closed")
    assert state.jobs.get_last_success_at(TENANT) is not None
    assert state.jobs.get_last_success_at(OTHER_TENANT) is None


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "succeeded"),
        (["succeeded", "succeeded"], "succeeded"),
        (["succeeded", "failed"], "partial"),
        (["partial"], "partial"),
        (["failed", "cancelled"], "failed"),
        (["succeeded", "running"], "running"),
        (["queued"], "running"),
    ],
)
def test_a_run_ends_as_its_jobs_do(state: State, statuses: list[str], expected: str) -> None:
    run, _ = state.runs.open_run(date(2026, 6, 1))
    with state.database.connect() as connection:
        for number, status in enumerate(statuses):
            user = f"00000000-0000-4000-8000-{number:012d}"
            job = {"id": user, "user_id": user, "run_id": run, "status": status}
            connection.execute(sync_jobs.insert().values(job))
        state.runs.close_ended_runs()
        assert connection.execute(select(sync_jobs.c.status).where(sync_jobs.c.id == run)).scalar() == expected
