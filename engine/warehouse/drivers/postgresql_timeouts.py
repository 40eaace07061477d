"""PostgreSQL connections that do not wait for ever: a server that is frozen, and not gone, answers nothing at all."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
import sqlalchemy
from psycopg.abc import PQGen

Result = TypeVar("Result")

# A connection on which nothing is acknowledged for so long is dead: a cable pulled, a machine gone.
NETWORK_OPTIONS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "25000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}


class ServerUnresponsive(psycopg.OperationalError):
    """The server has kept silent for too long; the connection is closed."""


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server has kept silent for `patience` seconds."""

    patience: float

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        limit = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise ServerUnresponsive(f"the server has not answered for {limit:g} s") from None


def set_response_timeout(engine: sqlalchemy.Engine, seconds: float) -> None:
    """Let every connection of an engine wait for its server for so long and no longer."""
    kind: type[TimeoutConnection] = type("PatientConnection", (TimeoutConnection,), {"patience": seconds})

    def connect(_dialect: object, _record: object, arguments: list[Any], keywords: dict[str, Any]) -> TimeoutConnection:
        return kind.connect(*arguments, **keywords)

    sqlalchemy.event.listen(engine, "do_connect", connect)
