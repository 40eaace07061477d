"""The server as processes: their start, their end, several behind one socket."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.commands.serve import GRACE_SECONDS, open_socket
from tests.api.conftest import ALICE, SECRET, make_bearer_headers
from tests.cli.conftest import SHIPPED, Run
from tests.support.processes import PATIENCE, CommandProcess

pytestmark = pytest.mark.server

LOCKS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'user_dashboard_layouts'::regclass"


class ServeProcess:
    """A running `metric-engine serve`."""

    def __init__(self, process: CommandProcess) -> None:
        self.process = process
        self.address = process.wait_for_address()

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers=make_bearer_headers(ALICE))
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()

    def post(self, path: str, body: Any) -> Any:
        headers = make_bearer_headers(ALICE) | {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def wait_ready(self) -> None:
        assert self.get("/readyz")[0] == 200

    def stop(self, by: signal.Signals = signal.SIGTERM) -> float:
        """Tell it to stop; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(by)
        self.process.wait()
        return time.monotonic() - began


Serve = Callable[..., ServeProcess]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[CommandProcess] = []

    def start(
        *arguments: str, database: str = f"sqlite:///{tmp_path}/all.db", grace: float = GRACE_SECONDS
    ) -> ServeProcess:
        environment = {
            "DATABASE_URL": database,
            "WAREHOUSE_URL": f"sqlite:///{tmp_path}/facts.db",
            "JWT_SECRET": SECRET.get_secret_value(),
        }
        limits = {"cli.commands.serve.GRACE_SECONDS": int(grace)}
        started.append(
            CommandProcess("serve", "--port", "0", *arguments, folder=tmp_path, environment=environment, limits=limits)
        )
        return ServeProcess(started[-1])

    yield start
    for process in started:
        process.kill()


def count_health_answers(server: ServeProcess) -> int:
    """The answers of `/healthz` that `/metrics` tells of."""
    text = server.get("/metrics")[1]
    found = re.search(r'requests_total\{endpoint="healthz",status="2xx"\} (\d+)', text)
    return int(found[1]) if found else 0


def test_workers_share_the_socket_and_count_as_one(serve: Serve, tmp_path: Path) -> None:
    metrics = shutil.copytree(SHIPPED, tmp_path / "mine")
    server = serve("--workers", "2", "--metrics", "mine")
    server.wait_ready()
    with ThreadPoolExecutor(8) as pool:
        assert [status for status, _ in pool.map(server.get, ["/healthz"] * 60)] == [200] * 60
    # An answer counts once it has been sent, so that who has it may ask before.
    deadline = time.monotonic() + PATIENCE
    while count_health_answers(server) != 60:
        assert time.monotonic() < deadline, "the workers have not counted every answer"
    # Whichever of them is asked.
    assert {count_health_answers(server) for _ in range(6)} == {60}
    first = server.process.workers
    assert len(first) == 2

    os.kill(min(first), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while len(server.process.workers - first) != 1:
        assert time.monotonic() < deadline, "no new worker took the place of the one that died"
        time.sleep(0.1)
    server.get("/healthz")
    while count_health_answers(server) != 61:
        assert time.monotonic() < deadline, "the answer of before was forgotten, or that of now not counted"

    (metrics / "new.yaml").write_text(NEW)
    hang_up_until(server, lambda: serves_new(server), replaced=True)
    check_broken_files(server, metrics)

    assert server.stop() < GRACE_SECONDS
    assert server.process.returncode == 0
    assert not list(tmp_path.glob("metric-engine-*")), "the counters' folder was left behind"
    assert "Traceback" not in (tmp_path / "log").read_text()


def list_served_keys(server: ServeProcess) -> set[str]:
    return {each["key"] for each in json.loads(server.get("/v1/widgets")[1])["widgets"]}


def serves_new(server: ServeProcess) -> bool:
    """Whether the new metric is served, asked often enough to reach each of two workers."""
    return all("ga4.new" in list_served_keys(server) for _ in range(8))


def hang_up_until(server: ServeProcess, done: Callable[[], bool], *, replaced: bool) -> None:
    """Send SIGHUP, and wait until it has had its effect, in every worker if these are to be replaced."""
    before = server.process.workers if replaced else set()
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while server.process.workers & before or not done():
        assert server.get("/healthz")[0] == 200
        assert time.monotonic() < deadline, "not every worker was replaced, or the files had no effect"
        time.sleep(0.05)


NEW = "source: ga4\nmetrics:\n  ga4.new: {table: ga4_daily, value: sum(new_users)}\n"
BROKEN = "source: ga4\nmetrics:\n  ga4.worse: {table: ga4_daily, value: sum(}\n"


def check_broken_files(server: ServeProcess, metrics: Path) -> None:
    """A hangup that finds a broken file says so, and the last good ones are served on."""
    (metrics / "worse.yaml").write_text(BROKEN)
    hang_up_until(server, lambda: "worse.yaml" in (metrics.parent / "log").read_text(), replaced=False)
    assert serves_new(server)
    assert server.process.returncode is None


def test_a_hangup_takes_valid_files_into_service_and_no_others(serve: Serve, tmp_path: Path) -> None:
    metrics = shutil.copytree(SHIPPED, tmp_path / "mine")
    server = serve("--metrics", "mine")
    (metrics / "new.yaml").write_text(NEW)
    hang_up_until(server, lambda: serves_new(server), replaced=False)
    check_broken_files(server, metrics)
    (metrics / "worse.yaml").unlink()
    (metrics / "new.yaml").unlink()
    hang_up_until(server, lambda: not serves_new(server), replaced=False)


def test_a_saved_layout_survives_a_restart(serve: Serve) -> None:
    """On PostgreSQL the demo's does, in tests/cli/commands/test_serve.py."""
    widgets = [{"id": "ga4.sessions", "size": {"w": 2, "h": 1.5}, "note": "ünï 😀"}]
    first = serve()
    saved = first.post("/v1/dashboard/layout", {"widgets": widgets, "version": 0})
    first.stop()
    again = serve()
    assert json.loads(again.get("/v1/dashboard/layout")[1]) == saved == {"widgets": widgets, "version": 1}


def test_a_connection_waits_for_no_acknowledgement() -> None:
    """An answer's last part is sent at once, and not 40 ms later."""
    with (
        open_socket("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as served,
    ):
        assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_reloading_is_for_one_process(run: Run) -> None:
    refused = run("serve", "--reload", "--workers", "2")
    assert refused.exit_code == 2
    assert "--reload" in refused.output


@contextmanager
def lock_layouts(url: str) -> Iterator[Callable[[], int]]:
    """No layout can be read meanwhile; gives how many requests wait for one."""
    with psycopg.connect(url) as locking, psycopg.connect(url, autocommit=True) as looking:
        locking.execute("LOCK TABLE user_dashboard_layouts IN ACCESS EXCLUSIVE MODE")
        yield lambda: int((looking.execute(LOCKS).fetchone() or (0,))[0])


@contextmanager
def hold_request(server: ServeProcess, url: str) -> Iterator[Any]:
    """A request for the layout is under way, and waits until the block ends."""
    with ThreadPoolExecutor(1) as pool, lock_layouts(url) as waiters:
        answer = pool.submit(server.get, "/v1/dashboard/layout")
        deadline = time.monotonic() + PATIENCE
        while not waiters():
            assert time.monotonic() < deadline, "the request does not wait"
            time.sleep(0.02)
        yield answer


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_under_way_is_answered_before_the_end(serve: Serve, postgres_url: str, workers: str) -> None:
    server = serve("--workers", workers, database=postgres_url, grace=PATIENCE)
    server.wait_ready()
    with hold_request(server, postgres_url) as answer:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert server.process.returncode is None
        with pytest.raises(urllib.error.URLError):
            server.get("/healthz")
    assert json.loads(answer.result(PATIENCE)[1]) == {"widgets": []}
    server.process.wait()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_what_never_ends_does_not_keep_the_server(serve: Serve, postgres_url: str, by: signal.Signals) -> None:
    server = serve(database=postgres_url)
    server.wait_ready()
    with hold_request(server, postgres_url) as answer:
        assert server.stop(by) > GRACE_SECONDS - 1
    assert answer.exception(PATIENCE) is not None
