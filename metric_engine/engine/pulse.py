"""Whether the warehouse is there, for answers that did not need it."""

from __future__ import annotations

import time
from threading import Lock

from metric_engine.engine.errors import WarehouseUnavailable
from metric_engine.engine.warehouse import Warehouse

# Seconds for which an answer to a ping stands.
STANDS = 0.2


class Pulse:
    """Asks the warehouse now and then, one caller at a time: the others go by what is known. Thread-safe."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
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
            self._warehouse.ping()
        except WarehouseUnavailable:
            return False
        return True
