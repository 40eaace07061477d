"""Caches beside the databases: scan rows, as the settings say, and each user's last tenant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from urllib.parse import urlsplit

from cachetools import TTLCache

from engine import (
    MAX_STALE_SECONDS,
    AccountReads,
    Cache,
    CacheStore,
    DataNote,
    InvalidSetting,
    MemoryStore,
    install_command,
)
from runtime.settings import Settings
from state.tenants import Tenant

MAX_TENANTS = 50_000
# An account becomes late without any change of the data.
KNOWLEDGE_SECONDS = 60


def open_cache(settings: Settings, installation_id: str) -> Cache | None:
    """Open the cache of scan rows; None where CACHE_TTL_SECONDS is 0. Raises InvalidSetting."""
    ttl = settings.cache_ttl_seconds
    return Cache(open_store(settings, installation_id, max(ttl, MAX_STALE_SECONDS)), ttl=ttl) if ttl else None


def open_store(settings: Settings, installation_id: str, seconds: int) -> CacheStore:
    """Open Redis where REDIS_URL names it, otherwise the memory of this process.

    Raises InvalidSetting.
    """
    if settings.redis_url is None:
        return MemoryStore(seconds=seconds)
    try:
        from engine import RedisStore
    except ImportError:
        message = f"REDIS_URL is set and its driver is missing: {install_command('redis')}"
        raise InvalidSetting(message) from None
    namespace = build_namespace(settings, installation_id)
    return RedisStore(settings.redis_url.get_secret_value(), seconds=seconds, namespace=namespace)


def build_namespace(settings: Settings, installation_id: str) -> str:
    """Build the part of every key in Redis that is this installation's and its warehouse's alone.

    The warehouse is told by a digest of its URL without the password. That URL alone would not do: a relative path
    and `localhost` name another database on each machine.
    """
    parts = urlsplit(settings.facts_url.get_secret_value())
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"
    return f"{installation_id}:{blake2b(address.encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of a tenant's tables beside their rows: how far they have been read, and notes on some days.

    It is read again after `expires_at`, by `time.monotonic`.
    """

    reads: AccountReads = field(default_factory=dict)
    notes: Sequence[DataNote] = ()
    expires_at: float = -math.inf


class TenantCache:
    """The tenant last read for each user, for an hour, and what is known of its tables, for a minute. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tenants: TTLCache[str, Tenant] = TTLCache(MAX_TENANTS, MAX_STALE_SECONDS)
        self._knowledge: TTLCache[tuple[str, Tenant], Knowledge] = TTLCache(MAX_TENANTS, KNOWLEDGE_SECONDS)
        self._last_knowledge: TTLCache[str, Knowledge] = TTLCache(MAX_TENANTS, MAX_STALE_SECONDS)

    def get(self, user: str) -> Tenant | None:
        with self._lock:
            return self._tenants.get(user)

    def put(self, user: str, tenant: Tenant) -> None:
        with self._lock:
            self._tenants[user] = tenant

    def get_knowledge(self, user: str, tenant: Tenant) -> Knowledge | None:
        """Return what is known of just this tenant: after a sync, or with other sources, it is read again."""
        with self._lock:
            return self._knowledge.get((user, tenant))

    def get_last_knowledge(self, user: str) -> Knowledge:
        """Return what was last known, while a database is down."""
        with self._lock:
            return self._last_knowledge.get(user, Knowledge())

    def put_knowledge(self, user: str, tenant: Tenant, knowledge: Knowledge) -> None:
        with self._lock:
            self._knowledge[user, tenant] = self._last_knowledge[user] = knowledge
