"""Whether a database is there, for answers that did not need it."""

from __future__ import annotations

import time
from threading import Lock
from typing import Protocol

from engine.errors import StateUnavailable, WarehouseUnavailable

# Seconds for which an answer to a ping stands.
STANDS = 0.2


class Database(Protocol):
    """What can be asked whether it answers: it raises WarehouseUnavailable or StateUnavailable where it does not."""

    def ping(self) -> None: ...


class Pulse:
    """Asks a database now and then, one caller at a time: the others go by what is known. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = Lock()
        self._asked = float("-inf")
        self._beats = True

    def beats(self) -> bool:
        if time.monotonic() - self._asked >= STANDS and self._asking.acquire(blocking=False):
            try:
                self._beats = self._ping()
                self._asked = time.monotonic()
            finally:
                self._asking.release()
        return self._beats

    def _ping(self) -> bool:
        try:
            self._database.ping()
        except (StateUnavailable, WarehouseUnavailable):
            return False
        return True
