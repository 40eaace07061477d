"""The server as a process of its own, as a newcomer starts it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.routers.studio import is_loopback
from cli.commands.serve import has_studio
from tests.cli.conftest import SHIPPED, Run

pytestmark = pytest.mark.server

PROGRAM = (sys.executable, "-m", "cli", "serve")
PATIENCE = 60
ASKED = 12


@pytest.fixture
def environment() -> dict[str, str]:
    """Nothing but what a process needs; the demo needs no more."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(SHIPPED.parent), "DATABASE_URL": "sqlite:////nowhere/x.db"}


Serve = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(environment: dict[str, str], tmp_path: Path) -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        with (tmp_path / "log").open("w") as log:
            server = subprocess.Popen(
                (*PROGRAM, *arguments),
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        started.append(server)
        return server

    yield start
    for server in started:
        # Its workers, which it cannot end any longer, would keep its output open.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


def read_curl_line(server: subprocess.Popen[str]) -> list[str]:
    """The curl line that the server prints; the words of it."""
    assert server.stdout is not None
    return shlex.split(next(line for line in server.stdout if line.startswith("curl ")))


def call_curl(words: list[str], path: str = "", body: Any = None) -> Any:
    """Do what the curl line does, at once; at another path, and with a body to post, where they are given."""
    name, _, text = words[words.index("-H") + 1].partition(": ")
    address = re.sub("/v1/.*", path, words[-1]) if path else words[-1]
    headers = {name: text} | ({"Content-Type": "application/json"} if body else {})
    request = urllib.request.Request(address, headers=headers, data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def count_health_answers(words: list[str]) -> int:
    """The answers of `/healthz` that the server tells of, whichever of its workers gave them."""
    with urllib.request.urlopen(re.sub("/v1/.*", "/metrics", words[-1]), timeout=PATIENCE) as answer:
        found = re.search(r'requests_total\{endpoint="healthz",status="2xx"\} (\d+)', answer.read().decode())
    return int(found[1]) if found else 0


def test_the_demo_answers_the_line_that_it_prints(serve: Serve, tmp_path: Path) -> None:
    server = serve("--demo", "--port", "0")
    words = read_curl_line(server)
    body = call_curl(words)
    yesterday = datetime.now(ZoneInfo("America/Los_Angeles")).date() - timedelta(days=1)
    assert body["meta"]["end"] == yesterday.isoformat()
    assert body["stats"]["delta"] is not None
    for widget in call_curl(words, "/v1/widgets")["widgets"]:
        answer = call_curl(words, f"/v1/widgets/{widget['key']}?compare=previous_year")
        assert answer["series"], widget["key"]
        assert answer["stats"]["value"] is not None, widget["key"]
    assert "studio" not in call_curl(words, "/v1/dashboard")
    kept = tmp_path / ".metric-engine"
    for secret in ("jwt-secret", "encryption-key"):
        assert (kept / secret).stat().st_mode & 0o777 == 0o600
        assert (kept / secret).read_text() not in (tmp_path / "log").read_text()

    server.send_signal(signal.SIGINT)
    assert server.wait(PATIENCE) == 0
    made = (kept / "demo.db").stat().st_ino
    again = read_curl_line(serve("--demo", "--port", "0", "--reload"))
    # A sync may have restated the last days meanwhile, on which the receipt rests.
    assert call_curl(again)["meta"] | {"receipt": None} == body["meta"] | {"receipt": None}
    assert call_curl(again, "/v1/dashboard")["studio"] is True
    assert "ga4.yaml" in [each["name"] for each in call_curl(again, "/v1/studio")["files"]]
    assert "Demo data" not in (tmp_path / "log").read_text()
    assert (kept / "demo.db").stat().st_ino == made


def test_the_demo_may_be_on_postgresql(serve: Serve, environment: dict[str, str], postgres_url: str) -> None:
    environment["DEMO_DATABASE_URL"] = postgres_url
    server = serve("--demo", "--port", "0")
    words = read_curl_line(server)
    assert call_curl(words)["stats"]["delta"] is not None
    layout = {"widgets": [{"id": "ga4.sessions", "size": "l"}]}
    call_curl(words, "/v1/dashboard/layout", layout)
    server.send_signal(signal.SIGTERM)
    server.wait(PATIENCE)
    again = read_curl_line(serve("--demo", "--port", "0", "--workers", "2"))
    for _ in range(ASKED):
        call_curl(again, "/healthz")
        # Whichever of the workers is asked.
        assert call_curl(again, "/v1/dashboard/layout") == layout | {"version": 1}
    assert call_curl(again)["stats"]["delta"] is not None
    deadline = time.monotonic() + PATIENCE
    while (counted := count_health_answers(again)) != ASKED:
        assert time.monotonic() < deadline, f"the workers have counted {counted} answers of {ASKED}"


def test_the_studio_is_for_reloading_servers_on_this_machine_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as own, socket.create_server(("0.0.0.0", 0)) as open_to_all:  # noqa: S104
        assert has_studio(own, reload=True)
        assert not has_studio(own, reload=False)
        assert not has_studio(open_to_all, reload=True)


def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--demo", "--port", str(port))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; choose another --host or --port\n"
    )


def test_the_demo_is_for_this_machine_only(run: Run, tmp_path: Path) -> None:
    done = run("serve", "--demo", "--host", "0.0.0.0")  # noqa: S104
    assert done.exit_code == 2
    assert "--host 0.0.0.0: the demo's token" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_missing_secret_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/x.db"
    done = subprocess.run((*PROGRAM, "--port", "0"), cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: JWT_SECRET: is not set")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_addresses(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
