"""A whole installation against the stand-ins: killed in the middle, and with many users of whom some are in trouble."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from engine.warehouse.warehouse import Warehouse
from state import State
from state.tables import metadata, sync_jobs
from sync.worker import Worker
from tests.support.patience import LONG
from tests.support.processes import CommandProcess
from tests.support.sync.crowds import Crowd, is_dead, make_sync_context, make_user_id
from tests.sync.conftest import CATALOG, ENCRYPTION_KEY, PATIENT, QUICK, RecordingObserver
from tests.sync.test_worker import wait_for_job, wait_until

pytestmark = pytest.mark.server

PHYSICAL = [table.physical for table in CATALOG.tables.values() if table.query is None]
NOON = datetime(2026, 3, 13, 20, tzinfo=UTC)
YESTERDAY = date(2026, 3, 12)


def read_contents(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every fact table."""
    found = {}
    for table in (*PHYSICAL, "sync_cursors"):
        found[table] = sorted(tuple(map(str, row)) for row in warehouse.query(f"SELECT * FROM {table}", {}))
    return found


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(
    state: State, warehouse: Warehouse, state_url: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    crowd = Crowd.of(1, now)
    [user] = crowd.users
    crowd.connect_accounts(state)
    facts = f"sqlite:///{tmp_path}/facts.db" if state_url.startswith("sqlite") else state_url
    # So that there is a middle.
    for stand_in in crowd.stand_ins.all:
        stand_in.latency = 0.01
    with crowd.stand_ins as providers:
        environment = {
            "DATABASE_URL": state_url,
            "WAREHOUSE_URL": facts,
            "ENCRYPTION_KEY": ENCRYPTION_KEY,
            **providers.build_environment(),
        }
        process = CommandProcess("sync", "--user", make_user_id(user), folder=tmp_path, environment=environment)
        job_id = None

        def is_half_done() -> bool:
            nonlocal job_id
            job_id = job_id or find_job_id(state, make_user_id(user))
            if job_id is None:
                return False
            job = state.jobs.get(make_user_id(user), job_id)
            assert job is not None
            assert not job.has_ended, "it was too quick to be killed"
            return job.progress > 0.3

        wait_until(is_half_done, what="it does not begin", seconds=LONG)
        process.kill()
        assert job_id is not None
        job = state.jobs.get(make_user_id(user), job_id)
        assert job is not None
        assert job.status == "running"
        for stand_in in providers.all:
            stand_in.latency = 0
        means = make_sync_context(providers, state, warehouse, now=now, history=400, bounds=PATIENT)
        # By this clock the killed one's lease is over.
        with Worker(replace(means, clock=lambda: datetime.now(UTC) + 2 * timedelta(seconds=PATIENT.lease))):
            job = wait_for_job(state, job_id, make_user_id(user))
        assert job.status == "succeeded", job.sources
        killed = read_contents(warehouse)
        assert len(killed["ga4_daily"]) == 400
        assert len(killed["meta_ads_daily"]) == 400
        assert len(killed["ig_account_daily"]) == 400
        for table, rows in killed.items():
            assert len(rows) == len(set(rows)), table
    yesterday = now.astimezone(ZoneInfo("America/Los_Angeles")).date() - timedelta(days=1)
    sessions = sum(100 + (yesterday - timedelta(days=back)).day for back in range(400))
    for table, column, total in (
        ("ga4_daily", "sessions", sessions),
        ("ga4_channels_daily", "sessions", sessions),
        ("ga4_landing_pages_daily", "sessions", sessions),
        ("meta_ads_daily", "spend", 400 * 100.25),
        ("ig_account_daily", "reach", 400 * 100),
        ("ig_media", "interactions", 103 + 104 + 105),
    ):
        assert float(warehouse.query(f"SELECT SUM({column}) FROM {table}", {})[0][0]) == total, table
    assert crowd.stand_ins.leaks == []


def find_job_id(state: State, user: str) -> str | None:
    """The id of the user's job, once there is one."""
    with state.database.connect() as connection:
        found: str | None = connection.execute(select(sync_jobs.c.id).where(sync_jobs.c.user_id == user)).scalar()
    return found


SIZE = 20
HISTORY = 3


def test_a_crowd_in_trouble(
    state: State, warehouse: Warehouse, state_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    crowd = Crowd.of(SIZE, NOON)
    crowd.connect_accounts(state)
    crowd.make_trouble()
    counts = RecordingObserver()
    bounds = replace(QUICK, jobs=32, lease=600, writers=1 if state_url.startswith("sqlite") else 8)
    with crowd.stand_ins as providers:
        means = make_sync_context(providers, state, warehouse, now=NOON, history=HISTORY, bounds=bounds, counts=counts)
        state.runs.open_run(YESTERDAY)
        with Worker(means):
            wait_until(lambda: len(counts.jobs) == SIZE, what="the run does not end", seconds=LONG)
        assert providers.leaks == []
    dead = sum(map(is_dead, crowd.users))
    assert sorted(counts.jobs) == ["failed"] * dead + ["succeeded"] * (SIZE - dead)
    for user in crowd.users:
        statuses = {each.status for each in state.connections.list_connections(make_user_id(user))}
        assert statuses == ({"needs_reauth"} if is_dead(user) else {"active"})
    days = [YESTERDAY - timedelta(days=back) for back in range(HISTORY)]
    found = warehouse.query("SELECT user_id, sum(sessions) FROM ga4_daily GROUP BY user_id", {})
    assert {str(user): int(total) for user, total in found} == {
        make_user_id(user): sum(100 + user.number + day.day for day in days)
        for user in crowd.users
        if not is_dead(user)
    }
    found = warehouse.query("SELECT user_id, sum(spend), sum(conversions) FROM meta_ads_daily GROUP BY user_id", {})
    assert {str(user): (float(spend), float(sold)) for user, spend, sold in found} == {
        make_user_id(user): (HISTORY * (100.25 + user.number), float(HISTORY))
        for user in crowd.users
        if not is_dead(user)
    }
    told = caplog.text + dump_state(state)
    for user in crowd.users:
        for secret in (user.refresh_token, user.meta_token, user.instagram_token):
            assert secret not in told


def dump_state(state: State) -> str:
    """The state database as text."""
    with state.database.connect() as connection:
        return "\n".join(str(connection.execute(select(table)).all()) for table in metadata.sorted_tables)
