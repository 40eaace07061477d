"""Connections over which a client sends too slowly, or too many of them, are cut off.

uvicorn limits neither: a head or a body that never ends holds a descriptor for ever, and without descriptors nobody is
answered.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds for a request's head, and for its body.
REQUEST_SECONDS = 10.0
# Seconds without a byte read by a client that has an answer coming.
READING_SECONDS = 30.0
MAX_CONNECTIONS = 4_096
# Accepted at once, before any of them can be cut off; others wait in the kernel's queue.
MAX_ACCEPTED = 8
MAX_QUEUED = 2_048
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class TimedProtocol(H11Protocol):
    """HTTP/1.1 with a time for each head, body and reader.

    Of too many connections the one is cut off that has kept us waiting for the longest.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Since when the client is to send or to read something; None while we are at work for it.
        self.waits_since: float | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.await_client(REQUEST_SECONDS)
        if len(self.connections) > limit_connections():
            self.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end_wait()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.transport.is_closing() or self.flow.write_paused:
            return
        is_idle = self.conn.their_state is h11.IDLE
        if self.conn.their_state is h11.SEND_BODY or (is_idle and self.conn.trailing_data[0]):
            if self.timer is None:
                self.await_client(REQUEST_SECONDS)
        else:
            self.end_wait()
            # Between two requests uvicorn's own timer runs.
            self.waits_since = monotonic() if is_idle else None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.await_client(READING_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.end_wait()

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
