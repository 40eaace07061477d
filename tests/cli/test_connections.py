"""Clients that read nothing of their answer, and clients of a server that stops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cli import connections
from cli.connections import TimedProtocol
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

READING_SECONDS = 1.5
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# No test waits for so long.
FOREVER = 10 * PATIENCE
CONFIGURATION: dict[str, Any] = {"log_config": None, "lifespan": "off", "timeout_keep_alive": int(FOREVER)}
# More than the kernel holds for a reader that takes nothing.
PARTS, PART = 500, b"x" * 65_536


async def send_much(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def read_and_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()
    await PlainTextResponse("here")(scope, receive, send)


def count_bytes(port: int, pause: float) -> int:
    """Ask, read a little, read nothing for a while, and count what can be read then."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(pause)
        count = 0
        try:
            while part := connection.recv(1_000_000):
                count += len(part)
        except ConnectionError:
            pass
        return count


@contextmanager
def run_server(application: ASGIApp) -> Iterator[tuple[uvicorn.Server, int]]:
    """A server in a thread, and its port; at the end it stops."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application, http=TimedProtocol, **CONFIGURATION))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield server, listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
        assert not thread.is_alive()


def test_who_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_SECONDS", READING_SECONDS)
    with run_server(send_much) as (_, port):
        assert count_bytes(port, 0) > PARTS * len(PART)
        assert count_bytes(port, 4 * READING_SECONDS) < PARTS * len(PART)


def ask_first(connection: socket.socket) -> None:
    """Ask, read the answer, and keep the connection."""
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"here"):
        answer += connection.recv(65_536)
    assert b"connection: close" not in answer.lower()


def read_to_end(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def stop(server: uvicorn.Server, expected: int) -> None:
    """Let a server stop that has so many connections, and wait until each has been told."""
    deadline = time.monotonic() + PATIENCE
    while len(server.server_state.connections) != expected:
        assert time.monotonic() < deadline, "not every connection is accepted"
    server.should_exit = True
    while not all(isinstance(each, TimedProtocol) and each.is_last for each in server.server_state.connections):
        assert time.monotonic() < deadline, "the server does not stop"


def test_what_was_sent_before_a_server_stops_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LAST_SECONDS", PATIENCE)
    with run_server(read_and_answer) as (server, port), ExitStack() as opened:
        asked, fresh, begun, posting = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) for _ in range(4)
        ]
        ask_first(asked)
        begun.sendall(b"GET / HTTP/1.1\r\nHo")
        posting.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
        stop(server, 4)
        for connection, rest in ((asked, REQUEST), (fresh, REQUEST), (begun, b"st: x\r\n\r\n"), (posting, b"{}")):
            connection.sendall(rest)
            answer = read_to_end(connection)
            assert answer.startswith("HTTP/1.1 200")
            assert "connection: close" in answer.lower()
            assert answer.endswith("here")


def test_requests_that_come_at_once_to_a_server_that_stops_are_all_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LAST_SECONDS", PATIENCE)
    with (
        run_server(read_and_answer) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection,
    ):
        ask_first(connection)
        stop(server, 1)
        connection.sendall(3 * REQUEST)
        answers = read_to_end(connection)
        assert answers.count("HTTP/1.1 200") == answers.count("here") == 3
        assert answers.lower().count("connection: close") == 1


def test_who_sends_nothing_or_half_a_head_keeps_no_server_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", FOREVER)
    with (
        run_server(read_and_answer) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as silent,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as asked,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as begun,
    ):
        ask_first(asked)
        begun.sendall(b"GET / HTTP/1.1\r\nHo")
        stop(server, 3)
        assert [read_to_end(each) for each in (silent, asked, begun)] == ["", "", ""]
