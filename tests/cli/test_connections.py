"""A client that reads nothing of its answer."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from cli import connections
from cli.connections import TimedProtocol
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

READING_SECONDS = 1.5
# More than the kernel holds for a reader that takes nothing.
PARTS, PART = 500, b"x" * 65_536


async def send_much(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


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


def test_who_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_SECONDS", READING_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(send_much, http=TimedProtocol, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        port = listening.getsockname()[1]
        assert count_bytes(port, 0) > PARTS * len(PART)
        assert count_bytes(port, 4 * READING_SECONDS) < PARTS * len(PART)
        server.should_exit = True
        thread.join()
