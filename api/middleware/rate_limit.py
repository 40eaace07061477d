"""Rate limits: a number of requests in a span of time, for each user."""

from __future__ import annotations

import math
import time
from threading import Lock
from typing import TYPE_CHECKING

from cachetools import TTLCache
from starlette.concurrency import run_in_threadpool

from engine import InvalidSetting
from runtime.settings import Settings

if TYPE_CHECKING:
    from limits.strategies import RateLimiter

# Seconds for one count in Redis; a request does not wait longer for it.
TIMEOUT_SECONDS = 0.5
MAX_GUESSES = 10
GUESS_SECONDS = 60
MAX_ADDRESSES = 10_000


def open_rate_limit(settings: Settings, installation_id: str) -> RateLimit | None:
    """Open the limit that the settings describe; None without RATE_LIMIT. Raises InvalidSetting."""
    if settings.rate_limit is None:
        return None
    redis = settings.redis_url
    shared = None if redis is None else SharedLimiter(redis.get_secret_value(), installation_id)
    return RateLimit(settings.rate_limit, shared)


class RateLimit:
    """A limit such as `100/minute` for each user. Thread-safe.

    Processes that share a Redis count together. Without Redis, and while it is down, each process counts alone.
    """

    def __init__(self, text: str, shared: SharedLimiter | None = None) -> None:
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self.item = parse(text)
        self.local_limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.shared = shared

    @property
    def is_blocking(self) -> bool:
        """Whether counting calls another process."""
        return self.shared is not None

    def count_request(self, user: str) -> int:
        """Count a request of `user`; return 0 if it may pass, else whole seconds until one may."""
        if self.shared is not None and self.shared.breaker.can_try():
            from limits.errors import StorageError

            try:
                seconds = self.hit_limiter(self.shared.limiter, user)
            except StorageError:
                self.shared.breaker.trip()
            else:
                self.shared.breaker.reset()
                return seconds
        return self.hit_limiter(self.local_limiter, user)

    def hit_limiter(self, limiter: RateLimiter, user: str) -> int:
        if limiter.hit(self.item, user):
            return 0
        reset = limiter.get_window_stats(self.item, user).reset_time
        return max(1, math.ceil(reset - time.time()))


async def count_request(limit: RateLimit | None, user: str) -> int:
    """Count a request; return the seconds until the user may try again, 0 for now."""
    if limit is None:
        return 0
    return await run_in_threadpool(limit.count_request, user) if limit.is_blocking else limit.count_request(user)


class GuessLimit:
    """A limit of wrong secrets: ten from one address, then none for a minute, in each process. Thread-safe.

    Beyond it even the right one is refused, or guessing would go on.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.wrong: TTLCache[str, int] = TTLCache(MAX_ADDRESSES, ttl=GUESS_SECONDS)

    def get_seconds(self, address: str) -> int:
        """Return the seconds after which the address may try again, 0 for now."""
        with self.lock:
            return GUESS_SECONDS if self.wrong.get(address, 0) >= MAX_GUESSES else 0

    def count_wrong(self, address: str) -> None:
        with self.lock:
            self.wrong[address] = self.wrong.get(address, 0) + 1


class SharedLimiter:
    """A limiter that counts an installation's requests in Redis, and the circuit breaker for when Redis is down."""

    def __init__(self, url: str, installation_id: str) -> None:
        """Prepare without connecting. Raises InvalidSetting for a URL that is not of Redis."""
        from limits.storage import RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        from engine import CircuitBreaker

        try:
            storage = RedisStorage(
                url,
                key_prefix=f"metric-engine:rate:{installation_id}",
                wrap_exceptions=True,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
            )
        except ValueError:
            raise InvalidSetting("REDIS_URL is not a URL of Redis; write redis://host:6379/0, for example") from None
        self.limiter = SlidingWindowCounterRateLimiter(storage)
        self.breaker = CircuitBreaker()
