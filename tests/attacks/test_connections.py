"""Clients that send half a head or half a body: the others are answered, and the log stays short."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from select import select
from urllib.parse import urlencode

import pytest

from cli.connections import MAX_HEAD_BYTES, REQUEST_SECONDS
from engine import MAX_FILTER_LENGTH, MAX_FILTER_VALUES
from tests.support.attacked_server import A, AttackedServer, run_attacked, sign_for
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

# Seconds within which a server cuts off at once, or answers who waits for nobody: well before the half-sent requests
# are cut off for their time.
SOON = REQUEST_SECONDS / 2
DESCRIPTORS = 256
CRON = b"POST /v1/sync/cron HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HALVES = {
    "nothing": b"",
    "head": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
    "body": CRON + b"Content-Length: 2\r\n\r\n{",
    "chunks": CRON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "second head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nX: ",
    "empty lines": b"\r\n\r\n",
    "empty lines after an answer": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n",
    "body that nobody waits for": b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
}


@contextmanager
def open_many(server: AttackedServer, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as opened:
        yield [send_part(opened.enter_context(server.open_connection()), sent) for _ in range(count)]


def send_part(connection: socket.socket, sent: bytes) -> socket.socket:
    connection.sendall(sent)
    return connection


def is_cut_off(connection: socket.socket) -> bool:
    """Whether the server ends the connection at once, after whatever it has answered."""
    connection.settimeout(SOON)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_half_sent_requests_do_not_stop_the_server(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with run_attacked(tmp_path, *arguments, descriptors=DESCRIPTORS) as server:
        before = len(server.log)
        with open_many(server, 456, HALVES["head"]):
            answers = [server.ask("/healthz", user=None) for _ in range(5)]
            assert server.ask("/v1/connections").status == 200
        assert server.process.returncode is None
        written = server.log[before:]
    assert [each.status for each in answers] == [200] * 5
    assert max(each.seconds for each in answers) < SOON
    assert len(written) < 50_000


def drip_until_cut_off(connection: socket.socket) -> None:
    deadline = time.monotonic() + PATIENCE
    with suppress(ConnectionError):
        while not select([connection], [], [], 0.5)[0] or connection.recv(65_536):
            assert time.monotonic() < deadline, "a byte now and then keeps the connection"
            connection.sendall(b"x")


def test_what_is_not_sent_in_ten_seconds_is_cut_off(tmp_path: Path) -> None:
    with run_attacked(tmp_path) as server, ExitStack() as opened:
        halves = {
            name: send_part(opened.enter_context(server.open_connection()), sent) for name, sent in HALVES.items()
        }
        # A byte now and then changes nothing.
        dripping = send_part(opened.enter_context(server.open_connection()), HALVES["head"])
        drip_until_cut_off(dripping)
        assert {name for name, each in halves.items() if not is_cut_off(each)} == set()
        assert server.ask("/healthz", user=None).status == 200


def test_a_head_without_an_end_is_refused_by_its_length(tmp_path: Path) -> None:
    with run_attacked(tmp_path) as server:
        for begun in (HALVES["head"], HALVES["second head"], b"GET /healthz?"):
            with server.open_connection() as connection:
                connection.sendall(begun)
                with suppress(ConnectionError):
                    for _ in range(8):
                        connection.sendall(b"x" * MAX_HEAD_BYTES)
                # By its time it would be ten seconds later.
                assert is_cut_off(connection)
        # As long as any request may be.
        assert server.ask("/healthz", user=None, headers={"X": "x" * 100_000}).status == 200


def test_a_filter_in_the_address_may_have_all_its_values(tmp_path: Path) -> None:
    values = [f"{number:02}" + "é" * (MAX_FILTER_LENGTH - 2) for number in range(MAX_FILTER_VALUES)]
    path = "/v1/widgets/ga4.sessions?" + urlencode([("filter.property", value) for value in values])
    with run_attacked(tmp_path) as server:
        found = ask_raw(server, path)
        assert found.startswith("HTTP/1.1 200 ")
        assert json.loads(found.partition("\r\n\r\n")[2])["meta"]["filters"]["applied"][0]["filter"] == values
        for wrong, detail in (
            (path + "&x=" + "x" * 20_000, "too long; POST /v1/widgets/batch"),
            ("/" + "x" * 70_000, "Invalid"),
            (" no request", "Invalid"),
        ):
            head, _, body = ask_raw(server, wrong).partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 400 ")
            assert "content-type: application/problem+json" in head
            assert detail in json.loads(body)["detail"]


def ask_raw(server: AttackedServer, path: str) -> str:
    """Send a request whose address may be longer than clients let it be, and read what comes until the end."""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {sign_for(A)}\r\n\r\n"
    with server.open_connection() as connection:
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def test_requests_that_come_all_at_once_are_answered_in_order_or_cut_off(tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with run_attacked(tmp_path) as server:
        with server.open_connection() as connection:
            connection.sendall(request * 8)
            received = b""
            while received.count(b'{"status":"ok"}') < 8:
                received += connection.recv(65_536)
        with server.open_connection() as connection:
            connection.sendall(request * 3_000)
            assert is_cut_off(connection)
        assert server.ask("/healthz", user=None).status == 200


def test_a_whole_request_in_pieces_is_answered(tmp_path: Path) -> None:
    with run_attacked(tmp_path) as server, server.open_connection() as connection:
        for _ in range(2):
            for piece in (b"GET /healthz HTTP/1.1\r\n", b"Host: x\r\nX: y", b"\r\n\r\n"):
                connection.sendall(piece)
                time.sleep(0.2)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_equal_log_lines_come_once_a_second(tmp_path: Path) -> None:
    with run_attacked(tmp_path) as server:
        before = len(server.log.splitlines())
        began = time.monotonic()
        for _ in range(300):
            with server.open_connection() as connection:
                connection.sendall(b"\x00\r\n\r\n")
                connection.recv(1_000)
        seconds = time.monotonic() - began
        lines = Counter(
            line.partition('"level"')[2].partition('"repeated"')[0] for line in server.log.splitlines()[before:]
        )
    assert lines
    assert max(lines.values()) <= seconds + 2
