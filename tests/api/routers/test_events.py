"""The events of real server processes: what changes is told, each user's own, and nothing is missed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.event_feed import MAX_SHARE
from api.tokens import create_token
from state import State
from state.tables import sync_jobs
from tests.api.conftest import GA4
from tests.support.attacked_server import SECRET, A, AttackedServer, B, run_attacked, sign_for
from tests.support.patience import LONG
from tests.support.plain_http import NO_AUTHORITIES

pytestmark = pytest.mark.server

# Seconds; one look a second, and a machine that does other things.
SOON = 60.0
BROKEN = "source: ga4\ntable: ga4_daily\nmetrics:\n  ga4.wrong: sum(sesions)\n"


class EventReader:
    """What a client of the stream reads."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()
        self.last_id = ""

    def read(self) -> tuple[str, Any]:
        """Read the next event's name and data."""
        fields: dict[str, str] = {}
        for line in self.lines:
            if not line and "event" in fields:
                self.last_id = fields["id"]
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value
        raise EOFError

    def read_until(self, name: str) -> Any:
        while True:
            found, data = self.read()
            if found == name:
                return data

    def read_to_end(self) -> list[str]:
        """Read until the server ends the stream; return what is no comment."""
        return [line for line in self.lines if line and not line.startswith(":")]


@contextmanager
def follow(
    server: AttackedServer, user: str, *, headers: Mapping[str, str] = {}, token: str | None = None
) -> Iterator[EventReader]:
    given = {"Authorization": f"Bearer {token or sign_for(user)}", "Accept-Encoding": "gzip"} | dict(headers)
    with httpx.stream(
        "GET", f"{server.address}/v1/events", headers=given, timeout=SOON, verify=NO_AUTHORITIES
    ) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        yield EventReader(response)


def has_new_widget(server: AttackedServer, last_id: str) -> bool:
    """Whether a client that comes back is told of the new widget; a worker that ends sends it away, or hangs up."""
    headers = {"Authorization": f"Bearer {sign_for(A)}", "Last-Event-ID": last_id}
    address = f"{server.address}/v1/events"
    try:
        with httpx.stream("GET", address, headers=headers, timeout=SOON, verify=NO_AUTHORITIES) as response:
            if response.status_code == 503:
                return False
            found = EventReader(response).read_until("catalog")
    except (EOFError, httpx.RemoteProtocolError):
        return False
    return found["diagnostics"] == [] and "ga4.wrong" in found["hashes"]


def open_state(folder: Path) -> State:
    return State.open(f"sqlite:///{folder}/all.db", encryption_key=None)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = open_state(tmp_path)
    yield state
    state.close()


@pytest.fixture
def server(tmp_path: Path, folder: Path, state: State) -> Iterator[AttackedServer]:
    # It would wait for minutes for streams that do not end by themselves.
    limits = {"cli.commands.serve.GRACE_SECONDS": int(LONG)}
    with run_attacked(tmp_path, "--metrics", str(folder), "--reload", limits=limits) as server:
        yield server


def set_job(state: State, job_id: str, **values: Any) -> None:
    with state.database.connect() as connection:
        connection.execute(sync_jobs.update().where(sync_jobs.c.id == job_id).values(**values))


def test_each_user_is_told_of_the_own_data_and_syncs(server: AttackedServer, state: State) -> None:
    with follow(server, A) as hers, follow(server, B) as his:
        for reader in (hers, his):
            name, catalog = reader.read()
            assert (name, catalog["complete"], catalog["diagnostics"]) == ("catalog", True, [])
            assert catalog["hashes"].keys() == {"ga4.sessions", "ga4.conv_rate"}
            assert reader.read() == ("data", {"version": 0})

        state.tenants.advance_data_version(A)
        assert hers.read() == ("data", {"version": 1})

        # No account is connected: the job ends as soon as it is taken up, maybe between two looks.
        job_id = server.ask("/v1/sync/all/run", method="POST").body["job_id"]
        while not (job := hers.read_until("sync"))["finished_at"]:
            assert job["id"] == job_id
        assert job == server.ask(f"/v1/sync/job/{job_id}").body

        # What is his comes first on his stream: nothing of hers has been before it.
        state.tenants.advance_data_version(B)
        assert his.read() == ("data", {"version": 1})


def test_a_changed_and_a_broken_file_are_told(server: AttackedServer, folder: Path) -> None:
    with follow(server, A) as reader:
        before = reader.read_until("catalog")
        reader.read_until("data")
        (folder / "wrong.yaml").write_text(BROKEN)
        broken = reader.read_until("catalog")
        place = {"code": "unknown-column", "count": 1, "file": "wrong.yaml", "line": 4}
        assert broken == {
            "version": before["version"],
            "hashes": {},
            "complete": False,
            "diagnostics": [place],
        }
        (folder / "wrong.yaml").unlink()
        assert reader.read_until("catalog")["diagnostics"] == []

        (folder / "ga4.yaml").write_text(
            GA4.replace("value: sum(sessions), format", "value: 2 * sum(sessions), format")
        )
        changed = reader.read_until("catalog")
        assert changed["version"] != before["version"]
        assert changed["hashes"].keys() == {"ga4.sessions"}
        assert changed["hashes"]["ga4.sessions"] != before["hashes"]["ga4.sessions"]


def test_a_client_that_returns_misses_nothing(server: AttackedServer, state: State, folder: Path) -> None:
    with follow(server, A) as reader:
        reader.read_until("data")
        last_id = reader.last_id
    with follow(server, A, headers={"Last-Event-ID": last_id}) as reader:
        assert reader.read_until("catalog")["hashes"] == {}
    (folder / "ga4.yaml").write_text(GA4.replace("  ga4.conv_rate", "  ga4.rate"))
    state.tenants.advance_data_version(A)
    job_id = server.ask("/v1/sync/all/run", method="POST").body["job_id"]
    with follow(server, B) as other:
        while "ga4.rate" not in other.read_until("catalog")["hashes"]:
            pass
    with follow(server, A, headers={"Last-Event-ID": last_id}) as reader:
        hashes = reader.read_until("catalog")["hashes"]
        assert hashes.keys() == {"ga4.conv_rate", "ga4.rate"}
        assert hashes["ga4.conv_rate"] is None
        assert reader.read() == ("data", {"version": 1})
        assert reader.read_until("sync")["id"] == job_id
    # An id that says nothing is no reason to miss something.
    with follow(server, A, headers={"Last-Event-ID": "nonsense"}) as reader:
        assert reader.read_until("catalog")["complete"]


def test_a_long_job_is_told_to_its_end(server: AttackedServer, state: State) -> None:
    job_id, now = "10b00000-0000-4000-8000-000000000001", datetime.now(UTC)
    with state.database.connect() as connection:
        connection.execute(
            sync_jobs.insert().values(
                id=job_id, user_id=A, status="running", created_at=now - timedelta(hours=1), heartbeat_at=now
            )
        )
    with follow(server, A) as reader:
        assert reader.read_until("sync")["progress"] == 0
        set_job(state, job_id, progress=0.5)
        assert reader.read_until("sync")["progress"] == 0.5
        set_job(state, job_id, status="partial", progress=1.0)
        assert reader.read_until("sync")["status"] == "partial"
    with follow(server, A) as reader:
        assert reader.read_until("sync")["status"] == "partial"


def test_a_token_that_expires_ends_the_stream(server: AttackedServer) -> None:
    token = create_token(A, secret=SecretStr(SECRET), lifetime=timedelta(seconds=3))
    with follow(server, A, token=token) as reader:
        reader.read_until("data")
        assert reader.read_to_end() == []


def test_a_user_has_so_many_streams_and_no_more(server: AttackedServer) -> None:
    with ExitStack() as opened:
        readers = [opened.enter_context(follow(server, A)) for _ in range(MAX_SHARE)]
        refused = server.ask("/v1/events")
        assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
        assert refused.headers["retry-after"]
        with follow(server, B) as other:
            other.read_until("data")
        # Streams take no places: her widgets are answered.
        assert server.ask("/v1/widgets/ga4.sessions").status == 200
        assert [reader.read_until("data") for reader in readers] == [{"version": 0}] * MAX_SHARE
    deadline = time.monotonic() + SOON
    while not can_follow(server, A):
        # Whoever has gone is noticed in a moment.
        assert time.monotonic() < deadline
        time.sleep(0.1)


def can_follow(server: AttackedServer, user: str) -> bool:
    headers = {"Authorization": f"Bearer {sign_for(user)}"}
    with httpx.stream(
        "GET", f"{server.address}/v1/events", headers=headers, timeout=SOON, verify=NO_AUTHORITIES
    ) as response:
        return response.status_code == 200


def test_the_end_of_the_server_ends_the_streams(server: AttackedServer) -> None:
    with follow(server, A) as reader:
        reader.read_until("data")
        server.process.send_signal(signal.SIGTERM)
        assert reader.read_to_end() == []
        server.process.wait(SOON)


def test_each_of_several_workers_tells_of_all(tmp_path: Path, folder: Path, state: State) -> None:
    with run_attacked(tmp_path, "--metrics", str(folder), "--workers", "2") as server:
        with follow(server, A) as first, follow(server, A) as second, follow(server, B) as third:
            for reader in (first, second, third):
                reader.read_until("data")
            state.tenants.advance_data_version(A)
            assert [reader.read_until("data") for reader in (first, second)] == [{"version": 1}] * 2
            (folder / "wrong.yaml").write_text(BROKEN)
            server.process.send_signal(signal.SIGHUP)
            for reader in (first, second, third):
                assert reader.read_until("catalog")["diagnostics"][0]["file"] == "wrong.yaml"
            (folder / "wrong.yaml").write_text(BROKEN.replace("sesions", "sessions"))
            server.process.send_signal(signal.SIGHUP)
            # The workers are replaced; one may tell before its end that nothing is rejected any longer.
            for reader in (first, second, third):
                assert "event: sync" not in reader.read_to_end()
        deadline = time.monotonic() + SOON
        while not has_new_widget(server, first.last_id):
            assert time.monotonic() < deadline, "the new worker does not tell of the new widget"
            time.sleep(0.2)
