"""The sync of a thousand users, some with errors, by a real server against stand-ins."""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from sqlalchemy import select

from api.tokens import create_token
from engine import CURSORS, Warehouse, Window, load_catalog
from runtime.settings import Settings
from runtime.shipped import get_shipped_folder
from state import State
from state.jobs.jobs import ACTIVE_STATUSES
from state.tables import sync_jobs
from tests.support.environment import read_settings
from tests.support.sync.crowds import Crowd, make_user_id

USERS = 1_000
LOOK_SECONDS = 0.25
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def main(users: int = USERS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/engine.db"
        now = datetime.now(UTC)
        crowd = Crowd.of(users, now)
        key, secret = Fernet.generate_key().decode(), secrets.token_urlsafe(48)
        state = State.open(url, encryption_key=key)
        crowd.connect_accounts(state)
        pretend_history(crowd, url, now)
        crowd.make_trouble(seconds=1)
        with crowd.stand_ins as providers:
            environment = {
                "PATH": os.environ["PATH"],
                "DATABASE_URL": url,
                "ENCRYPTION_KEY": key,
                "JWT_SECRET": secret,
                **providers.build_environment(),
            }
            with run_server(environment) as (process, address):
                measure_sync(state, process, address, read_settings({"JWT_SECRET": secret}), crowd)
            calls = providers.calls
        state.close()
        statuses = Counter(call.status for call in calls)
        print(f"  calls {len(calls):,}: {dict(sorted(statuses.items()))}")


def measure_sync(
    state: State, process: subprocess.Popen[bytes], address: str, settings: Settings, crowd: Crowd
) -> None:
    """Time the missed run that the server opens at its start, and requests for a job meanwhile."""
    user = make_user_id(crowd.users[-1])
    assert settings.jwt_secret is not None
    token = create_token(user, secret=settings.jwt_secret, lifetime=timedelta(hours=1))
    began = time.perf_counter()
    job_id = wait_for_job(state, user)
    request = Request(f"{address}/v1/sync/job/{job_id}", headers={"Authorization": f"Bearer {token}"})
    latencies, peak = [], 0
    while has_active_jobs(state):
        requested = time.perf_counter()
        with urlopen(request, timeout=60) as answer:
            answer.read()
        latencies.append(time.perf_counter() - requested)
        peak = max(peak, read_resident_bytes(process.pid))
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - began
    with state.database.connect() as connection:
        jobs = select(sync_jobs.c.status).where(sync_jobs.c.user_id.is_not(None))
        statuses = connection.execute(jobs).scalars().all()
    print(f"\na day's sync of {len(crowd.users):,} users, three accounts each, SQLite")
    print(f"  jobs {dict(Counter(statuses))} in {seconds:.1f} s, at most {peak / 2**20:.0f} MB")
    slow = statistics.quantiles(latencies, n=20)[-1]
    print(f"  GET …/job/{{id}} meanwhile: {statistics.median(latencies) * 1e3:.1f} ms (p95 {slow * 1e3:.1f})")


def pretend_history(crowd: Crowd, url: str, now: datetime) -> None:
    """Set every cursor to the day before yesterday, as on any day but an account's first."""
    catalog = load_catalog(get_shipped_folder())
    warehouse = Warehouse(url)
    warehouse.create_tables(catalog.tables.values())
    yesterday = now.astimezone(LOS_ANGELES).date() - timedelta(days=1)
    done = Window(yesterday - timedelta(days=420), yesterday - timedelta(days=1))
    rows = [
        {
            "user_id": make_user_id(user),
            "table_name": table.name,
            "account_id": account,
            "first_day": done.start,
            "last_day": done.end,
        }
        for user in crowd.users
        for table in catalog.tables.values()
        for source, account in (
            ("ga4", user.property_id),
            ("meta", user.ad_account_id),
            ("instagram", user.profile_id),
        )
        if table.source == source
    ]
    warehouse.upsert(CURSORS, rows)
    warehouse.close()


def wait_for_job(state: State, user: str) -> str:
    while True:
        with state.database.connect() as connection:
            job_id = connection.execute(select(sync_jobs.c.id).where(sync_jobs.c.user_id == user)).scalar()
        if job_id is not None:
            return str(job_id)
        time.sleep(0.01)


def has_active_jobs(state: State) -> bool:
    with state.database.connect() as connection:
        waiting = select(sync_jobs.c.id).where(
            sync_jobs.c.user_id.is_not(None), sync_jobs.c.status.in_(ACTIVE_STATUSES)
        )
        return connection.execute(waiting.limit(1)).scalar() is not None


def read_resident_bytes(process: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def pin_process(process: int, cores: frozenset[int]) -> None:
    """Let a process that has just begun, and all that it starts, have these cores alone."""
    if cores:
        os.sched_setaffinity(process, cores)


@contextmanager
def run_server(
    environment: dict[str, str], *arguments: str, cores: frozenset[int] = frozenset()
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a server in a process of its own, on these cores if any are named; yields the process and its address."""
    command = [sys.executable, "-m", "cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        pin_process(process.pid, cores)
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        try:
            yield process, line.split(": ")[1].strip().rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
