"""Connections over which a client sends too slowly, or too many of them, are cut off.

uvicorn limits neither: a head or a body that never ends holds a descriptor for ever, and without descriptors nobody is
answered. Its parser in C lets through three times as many requests as the one in Python; that it limits no head is made
good for here.
uvloop would accept a crowd before any of it can be cut off, so that the loop is asyncio's.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import build_problem, build_problem_response
from engine import MAX_FILTER_LENGTH, MAX_FILTER_VALUES

# Seconds for a request's head, and for its body.
REQUEST_SECONDS = 10.0
# Seconds without a byte read by a client that has an answer coming.
READING_SECONDS = 30.0
# Seconds for a request that was sent before its client could know that the server stops.
LAST_SECONDS = 0.25
# A filter may name 50 members of 500 characters; a letter with an accent takes six bytes of an address.
MAX_HEAD_BYTES = 16_384 + 6 * MAX_FILTER_VALUES * MAX_FILTER_LENGTH
LONG_BYTES = 16_384
# The parser takes no address that is longer.
MAX_PARSED_BYTES = 65_535
# Requests on one connection that wait for the answer to the one before.
MAX_PIPELINED = 32
MAX_CONNECTIONS = 4_096
# Accepted at once, before any of them can be cut off; others wait in the kernel's queue.
MAX_ACCEPTED = 8
MAX_QUEUED = 2_048
TOO_LONG = "the head of the request is too long; POST /v1/widgets/batch takes long filters in its body"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class OverlongHead(Exception):
    """A head that is complete is too long; the parser makes a 400 of it."""


class TimedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a time for each head, body and reader, and a length for each head.

    Of too many connections the one is cut off that has kept us waiting for the longest.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Since when the client is to send or to read something; None while we are at work for it.
        self.waits_since: float | None = None
        self.timer: asyncio.TimerHandle | None = None
        # Whether a head has begun that is not complete, and whether anything of its request is still to come.
        self.is_in_head = self.is_receiving = False
        self.is_body_timed = False
        self.head_bytes = 0
        self.is_overlong = False
        # Whether a head that is complete now may be too long: it came in parts, or with much else.
        self.is_long = False
        # Whether the server stops, so that this connection's next answer is its last.
        self.is_last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.await_client(REQUEST_SECONDS)
        if len(self.connections) > limit_connections():
            self.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self.is_in_head
        self.is_long = was_in_head or len(data) > LONG_BYTES
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.is_last and self.is_answering:
            # Of several requests that came at once, the last one's.
            self.cycle.keep_alive = False
        if was_in_head and self.is_in_head:
            # The parser itself takes a head of any length.
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES:
                self.is_overlong = True
                self.send_400_response("")
        if not self.flow.write_paused:
            self.time_request()

    def time_request(self) -> None:
        """Time what the client has still to send; what comes at once is not timed."""
        if self.is_in_head or self.is_idle:
            # Empty lines before a request begin none, and have ended uvicorn's wait for one.
            if self.timer is None:
                self.await_client(REQUEST_SECONDS)
        elif not self.is_receiving:
            self.end_wait()
        elif not self.is_body_timed:
            self.is_body_timed = True
            self.await_client(REQUEST_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.is_in_head = self.is_receiving = True
        self.is_body_timed, self.head_bytes = False, 0

    def on_headers_complete(self) -> None:
        self.is_in_head = False
        if (
            self.is_long
            and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES
        ):
            self.is_overlong = True
            raise OverlongHead
        query: bytes | None = None
        if len(self.url) > MAX_PARSED_BYTES:
            self.url, _, query = self.url.partition(b"#")[0].partition(b"?")
        super().on_headers_complete()
        if query is not None:
            # The application runs only after this.
            self.scope["query_string"] = query
        if len(self.pipeline) > MAX_PIPELINED:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request with a problem, as the application does."""
        response = build_problem_response(
            build_problem(400, TOO_LONG if self.is_overlong else msg), headers={"Connection": "close"}
        )
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in response.raw_headers)]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()

    def on_message_complete(self) -> None:
        self.is_receiving = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_idle and not self.transport.is_closing():
            # Between two requests uvicorn's own timer runs.
            self.waits_since = monotonic()

    def shutdown(self) -> None:
        """Answer what is under way and what is sent as yet, and close the connection."""
        self.is_last = True
        if self.is_answering:
            super().shutdown()
        else:
            self.loop.call_later(LAST_SECONDS, self.close_unless_answering)

    def close_unless_answering(self) -> None:
        if not self.is_answering:
            self.transport.close()

    @property
    def is_answering(self) -> bool:
        """Whether there is a request of which all but its body has come, and whose answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, neither its sending nor its answer."""
        return not self.is_receiving and not self.is_answering

    def pause_writing(self) -> None:
        super().pause_writing()
        self.await_client(READING_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.end_wait()
        self.is_body_timed = False
        self.time_request()

    def await_client(self, seconds: float) -> None:
        self.end_wait()
        self.waits_since = monotonic()
        self.timer = self.loop.call_later(seconds, self.transport.abort)

    def end_wait(self) -> None:
        self.waits_since = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def make_room(self) -> None:
        """Cut off the connection that has waited for its client for the longest, or this one where there is none."""
        others = [
            each for each in self.connections if isinstance(each, TimedProtocol) and each is not self and each.waits
        ]
        if others:
            min(others, key=lambda each: each.waits_since or 0).transport.abort()
        else:
            self.transport.write(FULL)
            self.transport.close()

    @property
    def waits(self) -> bool:
        return self.waits_since is not None and not self.transport.is_closing()


def limit_connections() -> int:
    """Return how many connections may be open: the other half of the descriptors is for databases and files."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class ServerLoop(asyncio.SelectorEventLoop):
    """asyncio's loop; it accepts few connections at once, so that a crowd does not take the last descriptor."""

    async def create_server(self, *arguments: Any, **named: Any) -> asyncio.Server:
        server = await super().create_server(*arguments, **(named | {"backlog": MAX_ACCEPTED}))
        # asyncio has made the kernel's queue as short.
        named["sock"].listen(MAX_QUEUED)
        return server
