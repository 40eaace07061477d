"""PostgreSQL connections that do not wait for ever.

A server that is frozen, and not gone, neither answers nor closes its connections.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
import sqlalchemy
from psycopg.abc import PQGen

Result = TypeVar("Result")

# A connection is dead that gets no acknowledgement for so long: an unplugged cable, a lost machine.
NETWORK_OPTIONS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "25000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}


class ServerUnresponsive(psycopg.OperationalError):
    """The server has not answered in time; the connection is closed."""


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered for `limit` seconds."""

    limit: float

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        limit = self.limit if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise ServerUnresponsive(f"the server has not answered for {limit:g} s") from None


def set_response_timeout(engine: sqlalchemy.Engine, seconds: float) -> None:
    """Limit the seconds that every connection of an engine waits for its server."""
    connection_class: type[TimeoutConnection] = type("LimitedConnection", (TimeoutConnection,), {"limit": seconds})

    def connect(_dialect: object, _record: object, arguments: list[Any], keywords: dict[str, Any]) -> TimeoutConnection:
        return connection_class.connect(*arguments, **keywords)

    sqlalchemy.event.listen(engine, "do_connect", connect)
