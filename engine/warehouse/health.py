"""Whether a database is up, for answers that did not need it."""

from __future__ import annotations

import time
from threading import Event, Lock, Thread
from typing import Protocol

from engine.errors import StateUnavailable, WarehouseUnavailable

# Seconds for which the result of a ping is valid.
CHECK_TTL_SECONDS = 0.2
# Seconds after which a database that has not answered counts as down: two of them in a row are told within five.
MAX_PING_SECONDS = 2.0


class Pingable(Protocol):
    """A database whose `ping` raises WarehouseUnavailable or StateUnavailable when it is down."""

    def ping(self) -> None: ...


class HealthCheck:
    """Pings a database now and then, one caller at a time; the others get the last result.

    A frozen database answers no ping, and its driver waits for long: a thread pings, which nobody waits for longer than
    two seconds. Thread-safe.
    """

    def __init__(self, database: Pingable) -> None:
        self._database = database
        self._lock = Lock()
        self._is_pinging = False
        self._began_at = float("-inf")
        self._ended_at = float("-inf")
        self._last_result = True

    def is_up(self) -> bool:
        ended = self._begin_ping()
        if ended is not None:
            ended.wait(MAX_PING_SECONDS)
        if self._is_pinging and time.monotonic() - self._began_at >= MAX_PING_SECONDS:
            return False
        return self._last_result

    def peek(self) -> bool | None:
        """Return what `is_up` would return at once; None where it would ping. Never blocks."""
        now = time.monotonic()
        if self._is_pinging:
            return self._last_result and now - self._began_at < MAX_PING_SECONDS
        return self._last_result if now - self._ended_at < CHECK_TTL_SECONDS else None

    def _begin_ping(self) -> Event | None:
        """Return the event that ends a new ping; None while one is under way or its result is new."""
        with self._lock:
            if self._is_pinging or time.monotonic() - self._ended_at < CHECK_TTL_SECONDS:
                return None
            self._is_pinging, self._began_at = True, time.monotonic()
        ended = Event()
        Thread(target=self._ping, args=(ended,), name="ping", daemon=True).start()
        return ended

    def _ping(self, ended: Event) -> None:
        is_up = False
        try:
            self._database.ping()
            is_up = True
        except (StateUnavailable, WarehouseUnavailable):
            pass
        finally:
            # A ping that came back too late has found a database that is slow, or was frozen until now.
            self._last_result, self._ended_at, self._is_pinging = is_up, time.monotonic(), False
            ended.set()
