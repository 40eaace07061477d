"""Structured logs: one JSON object a line, with the request's id and without personal data."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON: `at, level, logger, message`, and the record's own `fields`.

    Inside a request it adds the request's id.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            entry["request_id"] = current
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return to_json(entry).decode()


def configure_logging() -> None:
    """Log to standard error as JSON lines: our loggers from INFO, the libraries' from WARNING."""
    output = logging.StreamHandler()
    output.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    logging.getLogger("metric_engine").setLevel(logging.INFO)
