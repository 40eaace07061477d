"""Whatever one tenant waits for, another does not; and every answer comes in the time that is promised."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.middleware.admission import MAX_SHARE
from tests.support.attacked_server import A, AttackedServer, B, TimedAnswer, run_attacked
from tests.support.frozen_proxy import open_freezing_proxy
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

LAYOUT = {"widgets": [{"id": "ga4.sessions"}]}
WIDGET = "/v1/widgets/ga4.sessions?start=2026-11-01&end=2026-11-{:02}"


@contextmanager
def ask_many(ask: Callable[[int], TimedAnswer], count: int) -> Iterator[list[Future[TimedAnswer]]]:
    """Send so many requests at once; each is answered at the end of the block."""
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(ask, index) for index in range(count)]
        time.sleep(1)
        yield waiting


def connect_sources(server: AttackedServer) -> None:
    for user in (A, B):
        for source, account in (("ga4", "1"), ("meta", "act_1")):
            assert server.ask(f"/v1/connections/{source}", user=user, method="PUT", json={"account_id": account})


@contextmanager
def lock_tables(url: str, *tables: str) -> Iterator[None]:
    with psycopg.connect(url) as holder:
        for table in tables:
            holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def wait_for_refusals(waiting: list[Future[TimedAnswer]]) -> None:
    """Wait until all are answered but those that a tenant's share of the places lets through."""
    for _ in islice(as_completed(waiting, PATIENCE), len(waiting) - MAX_SHARE):
        pass


def assert_refused_politely(waiting: list[Future[TimedAnswer]]) -> None:
    answers = [each.result() for each in waiting]
    refused = [each for each in answers if each.status == 503]
    assert refused
    assert {each.status for each in answers} <= {200, 503}
    assert all(int(each.headers["retry-after"]) > 0 for each in refused)
    assert all(each.headers["content-type"] == "application/problem+json" for each in refused)


def test_a_locked_sqlite_file_keeps_the_writers_waiting_and_no_reader(tmp_path: Path) -> None:
    with run_attacked(tmp_path) as server:
        connect_sources(server)
        holder = sqlite3.connect(tmp_path / "all.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")

        def save(_: int) -> TimedAnswer:
            return server.ask("/v1/dashboard/layout", method="POST", json=LAYOUT)

        with ask_many(save, 80) as saves:
            reads = [server.ask(WIDGET.format(day), user=B) for day in (1, 2, 3)]
            reads += [server.ask("/v1/dashboard/layout", user=B), server.ask("/v1/connections", user=B)]
            wait_for_refusals(saves)
            holder.execute("ROLLBACK")
    assert [each.status for each in reads] == [200] * 5
    assert_refused_politely(saves)


def test_a_locked_table_keeps_its_readers_waiting_and_nobody_else(tmp_path: Path, postgres_url: str) -> None:
    with run_attacked(tmp_path, environment={"DATABASE_URL": postgres_url}) as server:
        connect_sources(server)

        def read(index: int) -> TimedAnswer:
            return server.ask(WIDGET.format(1 + index % 25))

        with lock_tables(postgres_url, "ga4_daily"), ask_many(read, 60) as reads:
            others = [server.ask(path, user=B) for path in ("/v1/connections", "/v1/widgets/meta.roas")]
            ready = server.ask("/readyz", user=None)
            wait_for_refusals(reads)
            # The block of the lock ends last, so that no answer waits for it.
            cancel_waiting(postgres_url)
    assert [each.status for each in (*others, ready)] == [200] * 3
    assert_refused_politely(reads)


def cancel_waiting(url: str) -> None:
    """End whatever waits for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND relation = 'ga4_daily'::regclass"
        )


def test_promised_times_hold_while_a_table_is_locked(tmp_path: Path, postgres_url: str) -> None:
    with run_attacked(tmp_path, environment={"DATABASE_URL": postgres_url}) as server:
        connect_sources(server)

        def look(index: int) -> TimedAnswer:
            if index == 0:
                return server.ask(WIDGET.format(7), user=B)
            return server.ask(f"/v1/insights?start=2026-11-{index:02}&end=2026-11-28")

        with lock_tables(postgres_url, "ga4_daily"), ask_many(look, 10) as looks:
            pass
    # All were answered while the table was locked.
    assert_refused_politely(looks)


def test_readyz_says_no_soon_after_the_freezing_of_a_frozen_database(tmp_path: Path, postgres_url: str) -> None:
    with (
        open_freezing_proxy(postgres_url) as proxy,
        run_attacked(tmp_path, environment={"DATABASE_URL": proxy.url}) as server,
    ):
        assert server.ask("/readyz", user=None).status == 200
        proxy.freeze()
        time.sleep(0.3)
        with ThreadPoolExecutor(3) as pool:
            answers: list[Any] = list(pool.map(lambda _: server.ask("/readyz", user=None), range(3)))
        last = server.ask("/readyz", user=None)
        assert server.ask("/healthz", user=None).status == 200
    # The driver itself waits for twenty seconds.
    assert max(each.seconds for each in (*answers, last)) < 15
    assert last.status == 503
    assert last.body["checks"]["warehouse"]["status"] == last.body["checks"]["state"]["status"] == "unavailable"
