"""Cache of scan rows: fresh within the TTL, stale for an hour while the warehouse is down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from datetime import date
from hashlib import blake2b
from operator import attrgetter, itemgetter
from sys import getsizeof
from threading import Lock
from typing import Any, NamedTuple, Protocol

from cachetools import TTLCache

from engine.calendar import Compare, Grain, Window
from engine.errors import WarehouseUnavailable
from engine.query import DimensionFilter

Rows = Sequence[Sequence[Any]]

# The greatest age, in seconds, of rows that are served because the warehouse is down.
MAX_STALE_SECONDS = 3_600
MAX_CACHE_BYTES = 16 * 2**20
# How many rows of an entry are measured: measuring all takes as long as reading them from SQLite.
SAMPLED_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheKey:
    """Everything that a statement's rows depend on: a missing input would leak a tenant's rows.

    `statement` is the digest of the SQL text, and `days` are the windows that it reads. `slots` is how a scan of slots
    divides them: start, end, grain, compare, its start, the last known day of an unfinished window. `mixed` is the
    parameter of a list of items that is ranked by money.
    """

    tenant: str
    dialect: str
    catalog: str
    statement: str
    days: tuple[Window, ...]
    slots: tuple[date, date, Grain, Compare, date | None, date | None] | None = None
    mixed: bool | None = None
    filters: tuple[DimensionFilter, ...] = ()
    data_version: int

    @property
    def store_key(self) -> str:
        """The digest under which the store keeps the rows.

        It leaves the data version out, so that an entry of a newer version replaces the older one.
        """
        return hash_text(repr(get_stored_fields(self)))


get_stored_fields = attrgetter(*(each.name for each in fields(CacheKey) if each.name != "data_version"))


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Rows as read at `read_at`, in seconds since 1970.

    Many answers share them, so that neither the sequence nor a row may change.
    """

    rows: Rows
    read_at: float
    data_version: int


class CachedRows(NamedTuple):
    """Rows, their age in seconds, whether they come from the cache, and whether they are stale."""

    rows: Rows
    is_cached: bool = False
    is_stale: bool = False
    age: float = 0


class CacheStore(Protocol):
    """A store of entries by key."""

    def get(self, store_key: str) -> CacheEntry | None: ...

    def put(self, store_key: str, entry: CacheEntry) -> None: ...

    def lock_entry(self, store_key: str) -> AbstractContextManager[CacheEntry | None]:
        """Wait while another process that shares the store fills the entry, then make others wait.

        Enters with the entry as it is by then, if any.
        """

    def close(self) -> None: ...


class Cache:
    """Rows that are fresh for `ttl` seconds, and kept for an hour in case the warehouse fails.

    Thread-safe; equal misses at the same time make one query.
    """

    def __init__(self, store: CacheStore, *, ttl: float, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.ttl = ttl
        self._clock = clock
        self._lock = Lock()
        # By the key under which the store keeps the rows, and their data version.
        self._flights: dict[tuple[str, int], Future[CachedRows]] = {}

    def get_or_fetch(self, key: CacheKey, fetch_rows: Callable[[], Rows]) -> CachedRows:
        """Return the fresh rows under the key, or fetch and store them.

        Where `fetch_rows` raises WarehouseUnavailable: return rows up to an hour old, of any data version. Raises it
        where there are none.
        """
        store_key = key.store_key
        kept = self._select_fresh(self.store.get(store_key), key)
        return self._fetch_in_flight(store_key, key, fetch_rows) if kept is None else kept

    def put(self, key: CacheKey, rows: Rows) -> CachedRows:
        """Store rows that have just been read."""
        return self._store_rows(key.store_key, key, rows, self._clock())

    def _fetch_in_flight(self, store_key: str, key: CacheKey, fetch_rows: Callable[[], Rows]) -> CachedRows:
        """Fetch and store rows, or wait for whoever does."""
        flight_key = (store_key, key.data_version)
        with self._lock:
            flight = self._flights.get(flight_key)
            if is_first := flight is None:
                flight = self._flights[flight_key] = Future()
        if not is_first:
            return flight.result()
        try:
            found = self._fetch_in_turn(store_key, key, fetch_rows)
        except BaseException as error:
            self._end_flight(flight_key)
            flight.set_exception(error)
            raise
        self._end_flight(flight_key)
        flight.set_result(found)
        return found

    def get_stale(self, key: CacheKey) -> CachedRows | None:
        """Return rows up to an hour old, of any data version."""
        entry = self.store.get(key.store_key)
        return (
            None
            if entry is None or self._get_age(entry) > MAX_STALE_SECONDS
            else self._build_cached_rows(entry, stale=True)
        )

    def close(self) -> None:
        self.store.close()

    def _fetch_in_turn(self, store_key: str, key: CacheKey, fetch_rows: Callable[[], Rows]) -> CachedRows:
        # Another thread, or process, may have stored them since they were looked for.
        with self.store.lock_entry(store_key) as entry:
            return self._select_fresh(entry, key) or self._fetch_and_store(store_key, key, fetch_rows)

    def _fetch_and_store(self, store_key: str, key: CacheKey, fetch_rows: Callable[[], Rows]) -> CachedRows:
        read_at = self._clock()
        try:
            rows = fetch_rows()
        except WarehouseUnavailable:
            if (found := self.get_stale(key)) is None:
                raise
            return found
        return self._store_rows(store_key, key, rows, read_at)

    def _store_rows(self, store_key: str, key: CacheKey, rows: Rows, read_at: float) -> CachedRows:
        shared = tuple(map(tuple, rows))
        self.store.put(store_key, CacheEntry(shared, read_at, key.data_version))
        return CachedRows(shared)

    def _select_fresh(self, entry: CacheEntry | None, key: CacheKey) -> CachedRows | None:
        if entry is None or entry.data_version != key.data_version or self._get_age(entry) >= self.ttl:
            return None
        return self._build_cached_rows(entry, stale=False)

    def _build_cached_rows(self, entry: CacheEntry, *, stale: bool) -> CachedRows:
        return CachedRows(entry.rows, is_cached=True, is_stale=stale, age=self._get_age(entry))

    def _get_age(self, entry: CacheEntry) -> float:
        # Another machine's clock may be ahead of this one's.
        return max(0.0, self._clock() - entry.read_at)

    def _end_flight(self, flight_key: tuple[str, int]) -> None:
        with self._lock:
            del self._flights[flight_key]


class MemoryStore:
    """Entries of this process; the least recently used go first beyond `max_bytes`."""

    def __init__(self, *, seconds: float, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._lock = Lock()
        self._entries: TTLCache[str, tuple[int, CacheEntry]] = TTLCache(max_bytes, ttl=seconds, getsizeof=itemgetter(0))

    def get(self, store_key: str) -> CacheEntry | None:
        with self._lock:
            sized = self._entries.get(store_key)
        return None if sized is None else sized[1]

    def put(self, store_key: str, entry: CacheEntry) -> None:
        size = estimate_size(entry.rows)
        if size <= self._entries.maxsize:
            with self._lock:
                self._entries[store_key] = (size, entry)

    def lock_entry(self, store_key: str) -> AbstractContextManager[CacheEntry | None]:
        return nullcontext(self.get(store_key))

    def close(self) -> None:
        with self._lock:
            self._entries.clear()


def hash_text(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def estimate_size(rows: Rows) -> int:
    """Estimate the bytes that rows take, from a sample of them."""
    sample = rows[:: len(rows) // SAMPLED_ROWS + 1]
    sample_bytes = sum(getsizeof(row) + sum(map(getsizeof, row)) for row in sample)
    return getsizeof(rows) + sample_bytes * len(rows) // max(len(sample), 1)
