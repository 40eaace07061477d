"""The rows of scans, kept: fresh for a while, and then in reserve for when the warehouse is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from operator import itemgetter
from sys import getsizeof
from threading import Lock
from typing import Any, Protocol

from cachetools import TTLCache

from engine.calendar import Compare, Grain, Window
from engine.errors import WarehouseUnavailable

Rows = Sequence[Sequence[Any]]

# How old, in seconds, an answer may be that is given because there is no newer one.
MOST_STALE = 3_600
MOST_BYTES = 64 * 2**20
# How many rows of an entry are weighed: to weigh all takes as long as to read them from SQLite.
ROWS_WEIGHED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """All that the rows of a statement depend on: leave one thing out, and somebody reads another's numbers.

    `statement` is the digest of its text and `days` what it reads; `slots` is how a scan of slots cuts them (start,
    end, grain, compare), and `mixed` what a list of items ranked by money was told of its currencies.
    """

    tenant: str
    dialect: str
    catalog: str
    statement: str
    days: tuple[Window, ...]
    slots: tuple[date, date, Grain, Compare] | None = None
    mixed: bool | None = None
    data_version: int

    @property
    def place(self) -> str:
        """Where its rows are kept, a digest: an entry of a newer data version takes the older one's place."""
        return digest(repr(replace(self, data_version=0)))


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows as they were at `read_at`, in seconds since 1970. Many answers share them: neither they nor a row change."""

    rows: Rows
    read_at: float
    data_version: int


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, whether they were kept, their age in seconds, and whether they are older than they should be."""

    rows: Rows
    cached: bool = False
    stale: bool = False
    age: float = 0


class Store(Protocol):
    """Where entries are kept, by place."""

    def get(self, place: str) -> Entry | None: ...

    def put(self, place: str, entry: Entry) -> None: ...

    def turn(self, place: str) -> AbstractContextManager[Entry | None]:
        """Wait while another process that shares the store fills the place, then keep others waiting.

        Enters with what it has put there.
        """

    def close(self) -> None: ...


class Cache:
    """Keeps rows for `ttl` seconds, and for an hour in reserve. Thread-safe; equal misses at once make one query."""

    def __init__(self, store: Store, *, ttl: float, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.ttl = ttl
        self._clock = clock
        self._lock = Lock()
        self._flights: dict[Key, Future[Found]] = {}

    def read(self, key: Key, query: Callable[[], Rows]) -> Found:
        """The rows under the key, or else those that `query` brings.

        Where it raises WarehouseUnavailable: the rows of up to an hour ago, whatever their data version. Raises it
        where there are none.
        """
        with self._lock:
            flight = self._flights.get(key)
            if leads := flight is None:
                flight = self._flights[key] = Future()
        if not leads:
            return flight.result()
        try:
            found = self._read(key, query)
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(found)
        return found

    def reserve(self, key: Key) -> Found | None:
        """The rows of up to an hour ago, whatever their data version."""
        entry = self.store.get(key.place)
        return None if entry is None or self._age(entry) > MOST_STALE else self._found(entry, stale=True)

    def close(self) -> None:
        self.store.close()

    def _read(self, key: Key, query: Callable[[], Rows]) -> Found:
        place = key.place
        found = self._fresh(self.store.get(place), key)
        if found is not None:
            return found
        with self.store.turn(place) as entry:
            return self._fresh(entry, key) or self._query(place, key, query)

    def _query(self, place: str, key: Key, query: Callable[[], Rows]) -> Found:
        read_at = self._clock()
        try:
            rows = tuple(map(tuple, query()))
        except WarehouseUnavailable:
            if (found := self.reserve(key)) is None:
                raise
            return found
        self.store.put(place, Entry(rows, read_at, key.data_version))
        return Found(rows)

    def _fresh(self, entry: Entry | None, key: Key) -> Found | None:
        if entry is None or entry.data_version != key.data_version or self._age(entry) >= self.ttl:
            return None
        return self._found(entry, stale=False)

    def _found(self, entry: Entry, *, stale: bool) -> Found:
        return Found(entry.rows, cached=True, stale=stale, age=self._age(entry))

    def _age(self, entry: Entry) -> float:
        # Another machine's clock may be ahead of this one's.
        return max(0.0, self._clock() - entry.read_at)

    def _land(self, key: Key) -> None:
        with self._lock:
            del self._flights[key]


class MemoryStore:
    """Entries of this process: what was not read for longest goes first, once they take more than `most_bytes`."""

    def __init__(self, *, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._lock = Lock()
        self._sized: TTLCache[str, tuple[int, Entry]] = TTLCache(most_bytes, ttl=seconds, getsizeof=itemgetter(0))

    def get(self, place: str) -> Entry | None:
        with self._lock:
            sized = self._sized.get(place)
        return None if sized is None else sized[1]

    def put(self, place: str, entry: Entry) -> None:
        size = size_of(entry.rows)
        if size <= self._sized.maxsize:
            with self._lock:
                self._sized[place] = (size, entry)

    def turn(self, place: str) -> AbstractContextManager[Entry | None]:
        return nullcontext()

    def close(self) -> None:
        with self._lock:
            self._sized.clear()


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def size_of(rows: Rows) -> int:
    """The bytes that rows take, judged by some of them."""
    some = rows[:: len(rows) // ROWS_WEIGHED + 1]
    weight = sum(getsizeof(row) + sum(map(getsizeof, row)) for row in some)
    return getsizeof(rows) + weight * len(rows) // max(len(some), 1)
