from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from engine.answer.cache import MAX_STALE_SECONDS, Cache, CachedRows, CacheEntry, CacheKey, MemoryStore, Rows
from engine.calendar import Window
from engine.errors import WarehouseUnavailable
from tests.conftest import TENANT
from tests.support.patience import LONG

KEY = CacheKey(
    tenant=TENANT,
    dialect="sqlite",
    catalog="c1",
    statement="s1",
    days=(Window(date(2025, 1, 1), date(2025, 1, 28)),),
    data_version=3,
)
ROWS = (("2025-01-01", 1.0), ("2025-01-02", None))
NEWER = (("2025-01-01", 2.0),)


class FakeSeconds:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeSeconds:
    return FakeSeconds()


@pytest.fixture
def cache(clock: FakeSeconds) -> Cache:
    return Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90, clock=clock)


def make_answer(rows: Rows) -> Callable[[], Rows]:
    return lambda: rows


def raise_unavailable() -> Rows:
    raise WarehouseUnavailable("the warehouse is away")


def fail_if_called() -> Rows:
    raise AssertionError("the rows were kept")


def test_rows_are_read_once_while_they_are_fresh(cache: Cache, clock: FakeSeconds) -> None:
    assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)
    clock.now += 89
    assert cache.get_or_fetch(KEY, fail_if_called) == CachedRows(ROWS, is_cached=True, age=89)
    clock.now += 1
    assert cache.get_or_fetch(KEY, make_answer(NEWER)) == CachedRows(NEWER)


def test_rows_cannot_be_changed(cache: Cache) -> None:
    found = cache.get_or_fetch(KEY, make_answer([["2025-01-01", 1.0]]))
    assert found.rows == (("2025-01-01", 1.0),)


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "22222222-2222-4222-8222-222222222222"},
        {"dialect": "postgres"},
        {"catalog": "c2"},
        {"statement": "s2"},
        {"days": (Window(date(2025, 1, 1), date(2025, 1, 29)),)},
        {"days": (*KEY.days, *KEY.days)},
        {"mixed": False},
        {"data_version": 4},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_differs_in_the_key_is_read_for_itself(cache: Cache, other: dict[str, object]) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    assert cache.get_or_fetch(replace(KEY, **other), make_answer(NEWER)) == CachedRows(NEWER)  # type: ignore[arg-type]


def test_a_newer_data_version_takes_the_place_of_the_older(cache: Cache) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    newer = replace(KEY, data_version=4)
    cache.get_or_fetch(newer, make_answer(NEWER))
    assert cache.get_or_fetch(newer, fail_if_called).rows == NEWER
    assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)


def test_old_rows_stand_in_for_an_hour_when_the_warehouse_is_away(cache: Cache, clock: FakeSeconds) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    clock.now += MAX_STALE_SECONDS
    assert cache.get_or_fetch(KEY, raise_unavailable) == CachedRows(
        ROWS, is_cached=True, is_stale=True, age=MAX_STALE_SECONDS
    )
    assert cache.get_stale(KEY) == CachedRows(ROWS, is_cached=True, is_stale=True, age=MAX_STALE_SECONDS)
    clock.now += 1
    assert cache.get_stale(KEY) is None
    with pytest.raises(WarehouseUnavailable):
        cache.get_or_fetch(KEY, raise_unavailable)


def test_rows_of_an_older_data_version_stand_in_too(cache: Cache) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    assert cache.get_or_fetch(replace(KEY, data_version=4), raise_unavailable).is_stale
    assert cache.get_or_fetch(replace(KEY, data_version=4), make_answer(NEWER)) == CachedRows(NEWER)


def test_errors_are_not_kept(cache: Cache) -> None:
    with pytest.raises(WarehouseUnavailable):
        cache.get_or_fetch(KEY, raise_unavailable)
    assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)


def test_rows_from_a_clock_that_is_ahead_have_no_age(cache: Cache, clock: FakeSeconds) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    clock.now -= 30
    assert cache.get_or_fetch(KEY, fail_if_called).age == 0


class QueryStampede:
    """Many equal questions at once: no query is answered before all have been asked."""

    def __init__(self, cache: Cache, callers: int) -> None:
        self.cache = cache
        self.callers = callers
        self.queries = 0
        self._asked = itertools.count(1)
        self._all_asked = threading.Event()

    def run(self, query: Callable[[], Rows]) -> list[CachedRows | Exception]:
        with ThreadPoolExecutor(self.callers) as threads:
            return list(threads.map(lambda _: self.call_once(query), range(self.callers)))

    def call_once(self, query: Callable[[], Rows]) -> CachedRows | Exception:
        if next(self._asked) == self.callers:
            self._all_asked.set()
        try:
            return self.cache.get_or_fetch(KEY, lambda: self.answer_slowly(query))
        except WarehouseUnavailable as error:
            return error

    def answer_slowly(self, query: Callable[[], Rows]) -> Rows:
        self.queries += 1
        assert self._all_asked.wait(LONG)
        return query()


def test_a_hundred_equal_misses_at_once_make_one_query(cache: Cache) -> None:
    stampede = QueryStampede(cache, 100)
    found = stampede.run(make_answer(ROWS))
    assert stampede.queries == 1
    assert {each.rows for each in found if isinstance(each, CachedRows)} == {ROWS}
    assert len(found) == 100


def test_all_who_wait_learn_of_an_error_and_the_next_one_asks_again(cache: Cache) -> None:
    stampede = QueryStampede(cache, 10)
    # Whoever comes after the error has landed asks for itself, and is told the same.
    assert {type(each) for each in stampede.run(raise_unavailable)} == {WarehouseUnavailable}
    assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)


def test_memory_is_bounded_by_the_size_of_the_rows() -> None:
    store = MemoryStore(seconds=60, max_bytes=100_000)
    entry = CacheEntry(tuple(("text" * 1_000, index) for index in range(10)), 0, 0)
    for index in range(100):
        store.put(str(index), entry)
        # What is read stays.
        assert store.get("0") is entry
    assert store.get("99") is entry
    assert store.get("1") is None
    assert sum(store.get(str(index)) is not None for index in range(100)) <= 3


def test_rows_larger_than_the_memory_are_not_kept() -> None:
    cache = Cache(MemoryStore(seconds=60, max_bytes=1_000), ttl=60)
    large = (("text" * 1_000,),)
    assert cache.get_or_fetch(KEY, make_answer(large)).rows == large
    assert not cache.get_or_fetch(KEY, make_answer(large)).is_cached


def test_nothing_is_kept_after_closing(cache: Cache) -> None:
    cache.get_or_fetch(KEY, make_answer(ROWS))
    cache.close()
    assert cache.get_stale(KEY) is None
