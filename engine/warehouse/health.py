"""Whether a database is up, for answers that did not need it."""

from __future__ import annotations

import time
from threading import Lock
from typing import Protocol

from engine.errors import StateUnavailable, WarehouseUnavailable

# Seconds for which the result of a ping is valid.
CHECK_TTL_SECONDS = 0.2


class Pingable(Protocol):
    """A database whose `ping` raises WarehouseUnavailable or StateUnavailable when it is down."""

    def ping(self) -> None: ...


class HealthCheck:
    """Pings a database now and then, one caller at a time; the others get the last result.

    Thread-safe.
    """

    def __init__(self, database: Pingable) -> None:
        self._database = database
        self._check_lock = Lock()
        self._checked_at = float("-inf")
        self._last_result = True

    def is_up(self) -> bool:
        if time.monotonic() - self._checked_at >= CHECK_TTL_SECONDS and self._check_lock.acquire(blocking=False):
            try:
                self._last_result = self._ping()
                self._checked_at = time.monotonic()
            finally:
                self._check_lock.release()
        return self._last_result

    def _ping(self) -> bool:
        try:
            self._database.ping()
        except (StateUnavailable, WarehouseUnavailable):
            return False
        return True
