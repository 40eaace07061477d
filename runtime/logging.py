"""Structured logs: one JSON object a line, with the request's id and without personal data."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonFormatter(logging.Formatter):
    """Writes `at, level, logger, message`, the request's id inside a request, and the record's own `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return to_json(line).decode()


def configure_logging() -> None:
    """Send the process's logs to standard error as JSON lines: our own from INFO on, the libraries' warnings."""
    output = logging.StreamHandler()
    output.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    logging.getLogger("metric_engine").setLevel(logging.INFO)
