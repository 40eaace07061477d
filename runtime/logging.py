"""Structured logs: one JSON object a line, with the request's id and without personal data."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Any, TextIO

from cachetools import LRUCache, TTLCache
from pydantic_core import to_json

# Lines that are remembered, to tell whether one is a repetition.
MAX_LINES = 1_000

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON: `at, level, logger, message`, and the record's own `fields`.

    Inside a request it adds the request's id.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": f"{format_second(int(record.created))}.{int(record.created % 1 * 1000):03}+00:00",
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


@lru_cache(2)
def format_second(second: int) -> str:
    """Format a second since 1970, in UTC without its zone; the lines of one second share it."""
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()


class EventRecord(logging.LogRecord):
    """The record of a line with fields; it does not look for its thread, its process or its place in the source.

    No line tells these, and looking for them takes half the time of a line.
    """

    COMMON = vars(logging.makeLogRecord({"levelno": logging.INFO, "levelname": "INFO"}))

    def __init__(self, name: str, message: str, fields: Mapping[str, object]) -> None:
        vars(self).update(self.COMMON)
        self.name, self.msg, self.fields = name, message, fields
        self.created = time.time()
        self.msecs = self.created % 1 * 1000


def log_event(logger: logging.Logger, message: str, fields: Mapping[str, object]) -> None:
    """Log a line with fields, at INFO."""
    if logger.isEnabledFor(logging.INFO):
        logger.handle(EventRecord(logger.name, message, fields))


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes each record as a line, and leaves it to the stream, which is buffered by lines, to flush it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - no request fails since its line cannot be written
            self.handleError(record)


class RepetitionFilter(logging.Filter):
    """Lets a line through once a second; the next one counts those that were held back as `repeated`.

    Lines with fields of their own, such as a request's, are no repetitions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.repetition_lock = Lock()
        self.recent: TTLCache[tuple[object, ...], bool] = TTLCache(MAX_LINES, ttl=1)
        self.counts: LRUCache[tuple[object, ...], int] = LRUCache(MAX_LINES)

    def filter(self, record: logging.LogRecord) -> bool:
        if hasattr(record, "fields"):
            return True
        error = record.exc_info[1] if record.exc_info else None
        line = (record.name, record.levelno, record.getMessage(), type(error), str(error))
        with self.repetition_lock:
            if line in self.recent:
                self.counts[line] = self.counts.get(line, 0) + 1
                return False
            self.recent[line] = True
            repeated = self.counts.pop(line, 0)
        if repeated:
            record.fields = {"repeated": repeated}
        return True


def configure_logging() -> None:
    """Log to standard error as JSON lines: our loggers from INFO, the libraries' from WARNING."""
    # No line tells its thread, process or place in the source, so that none of them is looked for.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    output = LineHandler()
    output.setFormatter(JsonFormatter())
    output.addFilter(RepetitionFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    logging.getLogger("metric_engine").setLevel(logging.INFO)
