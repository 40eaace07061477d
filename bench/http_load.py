"""The load of the HTTP bench: requests over kept-open connections, from one thread that does little else.

It is the bench's own, so that nothing has to be installed: one loop over epoll sends some forty thousand requests a
second from one core, which is more than any of the servers answers.
"""

from __future__ import annotations

import re
import select
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
RECEIVED_BYTES = 1 << 18
PATIENCE = 30.0


class FailedRequest(Exception):
    """A server has answered with another status than 200."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did: requests a second, and the seconds that each took."""

    rate: float
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def slowest(self) -> float:
        """The 99th percentile."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100]


@dataclass(slots=True)
class Client:
    """One connection, and the request that is under way on it."""

    connection: socket.socket
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.began = time.perf_counter()
        self.connection.sendall(request)

    def receive(self) -> bool:
        """Take what has come; whether the response is complete. Raises FailedRequest."""
        part = self.connection.recv(RECEIVED_BYTES)
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if separator else None
        if not part or (length and not head.startswith(b"HTTP/1.1 200")):
            raise FailedRequest(bytes(self.received[:300]).decode(errors="replace"))
        return length is not None and len(body) >= int(length[1])


def send_load(port: int, make_request: Callable[[int], bytes], *, clients: int, seconds: float, most: int) -> Load:
    """Send requests for so many seconds, and at most so many; each client waits for its answer.

    `make_request` gets the number of the request.
    """
    poll = select.epoll()
    opened = {}
    for _ in range(clients):
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened[connection.fileno()] = Client(connection)
        poll.register(connection.fileno(), select.EPOLLIN)
    sent, taken = 0, list[float]()
    began = time.perf_counter()
    try:
        for client in opened.values():
            client.send(make_request(sent))
            sent += 1
        while len(taken) < sent:
            ready = poll.poll(PATIENCE)
            if not ready:
                raise FailedRequest(f"no answer for {PATIENCE:g} s")
            for descriptor, _ in ready:
                client = opened[descriptor]
                if client.receive():
                    now = time.perf_counter()
                    taken.append(now - client.began)
                    if now - began < seconds and sent < most:
                        client.send(make_request(sent))
                        sent += 1
        ended = time.perf_counter()
    finally:
        poll.close()
        for client in opened.values():
            client.connection.close()
    return Load(len(taken) / (ended - began), taken)
