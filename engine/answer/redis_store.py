"""Cache entries in Redis, shared by all processes.

Redis may fail at any time: then nothing is cached, and no request waits.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from secrets import token_hex
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from engine.answer.cache import CacheEntry, Rows
from engine.errors import InvalidSetting

TIMEOUT_SECONDS = 0.5
# How long Redis is left alone after a failure.
PAUSE_SECONDS = 5.0
# How often another process's lock is looked at, and how long a request waits for it.
POLL_SECONDS = 0.01
MAX_WAIT_SECONDS = 5.0
# When the lock of a process that died expires.
LOCK_SECONDS = 10.0

# Part of every name: versions that encode entries differently do not read each other's.
NAME_FORMAT = "metric-engine:1"
RELEASE_SCRIPT = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"

logger = logging.getLogger("metric_engine.engine.answer.redis_store")

CommandResult = TypeVar("CommandResult")


class RedisStore:
    """Entries that expire after `seconds`. Thread-safe; a failure of Redis is never raised.

    Installations with different namespaces do not see each other's entries.
    """

    def __init__(self, url: str, *, seconds: float, namespace: str) -> None:
        """Prepare a client without connecting. Raises InvalidSetting for a URL that is not of Redis."""
        try:
            self._redis = Redis.from_url(
                url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:
            raise InvalidSetting("REDIS_URL is not a URL of Redis; write redis://host:6379/0, for example") from None
        self._milliseconds = int(seconds * 1_000)
        self._prefix = f"{NAME_FORMAT}:{namespace}"
        self._breaker = CircuitBreaker()
        self._release = self._redis.register_script(RELEASE_SCRIPT)

    def get(self, store_key: str) -> CacheEntry | None:
        return decode_entry(self._try_command(lambda: self._redis.get(self._build_name(store_key)), None))

    def put(self, store_key: str, entry: CacheEntry) -> None:
        written = encode_entry(entry)
        if written is not None:
            self._try_command(
                lambda: self._redis.set(self._build_name(store_key), written, px=self._milliseconds), None
            )

    @contextmanager
    def lock_entry(self, store_key: str) -> Iterator[CacheEntry | None]:
        """Hold the entry's lock; continue without it after a long wait or without Redis."""
        lock, token = f"{self._build_name(store_key)}:lock", token_hex(16)
        held, written = self._acquire_lock(store_key, lock, token)
        try:
            yield decode_entry(written)
        finally:
            if held:
                self._try_command(lambda: self._release(keys=[lock], args=[token]), None)

    def close(self) -> None:
        self._redis.close()

    def _acquire_lock(self, store_key: str, lock: str, token: str) -> tuple[bool, Any]:
        """Return whether the lock is held in the end, and the entry's bytes at that time."""

        def try_lock() -> tuple[bool, Any]:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(lock, token, nx=True, px=int(LOCK_SECONDS * 1_000))
                pipeline.get(self._build_name(store_key))
                held, written = pipeline.execute()
            return bool(held), written

        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while (found := self._try_command(try_lock, None)) is not None:
            if found[0] or time.monotonic() > deadline:
                return found
            time.sleep(POLL_SECONDS)
        return False, None

    def _build_name(self, store_key: str) -> str:
        return f"{self._prefix}:{store_key}"

    def _try_command(self, command: Callable[[], CommandResult], default: CommandResult) -> CommandResult:
        """Return the result of a command, or `default` while Redis is down."""
        if not self._breaker.can_try():
            return default
        try:
            answer = command()
        except (RedisError, OSError) as error:
            self._breaker.trip()
            # The error's message may contain an address, so that only its class is logged.
            logger.warning(
                "REDIS_URL: Redis fails (%s), nothing is cached for %d s", type(error).__name__, PAUSE_SECONDS
            )
            return default
        self._breaker.reset()
        return answer


class CircuitBreaker:
    """Opens at a failure, lets one attempt through after a pause, and closes once that succeeds.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._open_until: float | None = None

    def can_try(self) -> bool:
        """Whether an attempt may be made now."""
        if self._open_until is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._open_until is not None and now < self._open_until:
                return False
            self._open_until = now + PAUSE_SECONDS
            return True

    def trip(self) -> None:
        with self._lock:
            self._open_until = time.monotonic() + PAUSE_SECONDS

    def reset(self) -> None:
        if self._open_until is not None:
            with self._lock:
                self._open_until = None


def encode_entry(entry: CacheEntry) -> bytes | None:
    """Encode an entry as bytes; None where a value has a type that cannot be encoded."""
    try:
        text = json.dumps([entry.data_version, entry.read_at, entry.rows], default=encode_scalar, separators=(",", ":"))
    except TypeError:
        return None
    return zlib.compress(text.encode(), 1)


def decode_entry(written: Any) -> CacheEntry | None:
    """Decode an entry; None for anything else."""
    if not isinstance(written, bytes):
        return None
    try:
        data_version, read_at, rows = json.loads(zlib.decompress(written), object_hook=decode_scalar)
        cached_rows: Rows = tuple(map(tuple, rows))
    except (zlib.error, ValueError, TypeError, KeyError):
        return None
    return CacheEntry(cached_rows, read_at, data_version)


def encode_scalar(value: Any) -> dict[str, str]:
    """Encode a value that JSON has no type for, under a letter for its type."""
    match value:
        case datetime():
            return {"t": value.isoformat()}
        case date():
            return {"d": value.isoformat()}
        case Decimal():
            return {"n": str(value)}
        case UUID():
            return {"u": str(value)}
    raise TypeError(f"no JSON for {type(value).__name__}")


def decode_scalar(found: dict[str, str]) -> Any:
    ((tag, text),) = found.items()
    return DECODERS[tag](text)


DECODERS: dict[str, Callable[[str], Any]] = {
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "n": Decimal,
    "u": UUID,
}
