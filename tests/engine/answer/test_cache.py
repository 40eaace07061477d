from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from engine.answer.cache import MOST_STALE, Cache, Entry, Found, Key, MemoryStore, Rows
from engine.calendar import Window
from engine.errors import WarehouseUnavailable
from tests.conftest import TENANT

KEY = Key(
    tenant=TENANT,
    dialect="sqlite",
    catalog="c1",
    statement="s1",
    days=(Window(date(2025, 1, 1), date(2025, 1, 28)),),
    data_version=3,
)
ROWS = (("2025-01-01", 1.0), ("2025-01-02", None))
NEWER = (("2025-01-01", 2.0),)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return Cache(MemoryStore(seconds=MOST_STALE), ttl=90, clock=clock)


def answering(rows: Rows) -> Callable[[], Rows]:
    return lambda: rows


def away() -> Rows:
    raise WarehouseUnavailable("the warehouse is away")


def never() -> Rows:
    raise AssertionError("the rows were kept")


def test_rows_are_read_once_while_they_are_fresh(cache: Cache, clock: Clock) -> None:
    assert cache.read(KEY, answering(ROWS)) == Found(ROWS)
    clock.now += 89
    assert cache.read(KEY, never) == Found(ROWS, cached=True, age=89)
    clock.now += 1
    assert cache.read(KEY, answering(NEWER)) == Found(NEWER)


def test_rows_cannot_be_changed(cache: Cache) -> None:
    found = cache.read(KEY, answering([["2025-01-01", 1.0]]))
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
    cache.read(KEY, answering(ROWS))
    assert cache.read(replace(KEY, **other), answering(NEWER)) == Found(NEWER)  # type: ignore[arg-type]


def test_a_newer_data_version_takes_the_place_of_the_older(cache: Cache) -> None:
    cache.read(KEY, answering(ROWS))
    newer = replace(KEY, data_version=4)
    cache.read(newer, answering(NEWER))
    assert cache.read(newer, never).rows == NEWER
    assert cache.read(KEY, answering(ROWS)) == Found(ROWS)


def test_old_rows_stand_in_for_an_hour_when_the_warehouse_is_away(cache: Cache, clock: Clock) -> None:
    cache.read(KEY, answering(ROWS))
    clock.now += MOST_STALE
    assert cache.read(KEY, away) == Found(ROWS, cached=True, stale=True, age=MOST_STALE)
    assert cache.reserve(KEY) == Found(ROWS, cached=True, stale=True, age=MOST_STALE)
    clock.now += 1
    assert cache.reserve(KEY) is None
    with pytest.raises(WarehouseUnavailable):
        cache.read(KEY, away)


def test_rows_of_an_older_data_version_stand_in_too(cache: Cache) -> None:
    cache.read(KEY, answering(ROWS))
    assert cache.read(replace(KEY, data_version=4), away).stale
    assert cache.read(replace(KEY, data_version=4), answering(NEWER)) == Found(NEWER)


def test_errors_are_not_kept(cache: Cache) -> None:
    with pytest.raises(WarehouseUnavailable):
        cache.read(KEY, away)
    assert cache.read(KEY, answering(ROWS)) == Found(ROWS)


def test_rows_from_a_clock_that_is_ahead_have_no_age(cache: Cache, clock: Clock) -> None:
    cache.read(KEY, answering(ROWS))
    clock.now -= 30
    assert cache.read(KEY, never).age == 0


class Stampede:
    """Many equal questions at once: no query is answered before all have been asked."""

    def __init__(self, cache: Cache, callers: int) -> None:
        self.cache = cache
        self.callers = callers
        self.queries = 0
        self._asked = itertools.count(1)
        self._all_asked = threading.Event()

    def run(self, query: Callable[[], Rows]) -> list[Found | Exception]:
        with ThreadPoolExecutor(self.callers) as threads:
            return list(threads.map(lambda _: self.call(query), range(self.callers)))

    def call(self, query: Callable[[], Rows]) -> Found | Exception:
        if next(self._asked) == self.callers:
            self._all_asked.set()
        try:
            return self.cache.read(KEY, lambda: self.slow(query))
        except WarehouseUnavailable as error:
            return error

    def slow(self, query: Callable[[], Rows]) -> Rows:
        self.queries += 1
        assert self._all_asked.wait(10)
        return query()


def test_a_hundred_equal_misses_at_once_make_one_query(cache: Cache) -> None:
    stampede = Stampede(cache, 100)
    found = stampede.run(answering(ROWS))
    assert stampede.queries == 1
    assert {each.rows for each in found if isinstance(each, Found)} == {ROWS}
    assert len(found) == 100


def test_all_who_wait_learn_of_an_error_and_the_next_one_asks_again(cache: Cache) -> None:
    stampede = Stampede(cache, 10)
    # Whoever comes after the error has landed asks for itself, and is told the same.
    assert {type(each) for each in stampede.run(away)} == {WarehouseUnavailable}
    assert cache.read(KEY, answering(ROWS)) == Found(ROWS)


def test_memory_is_bounded_by_the_size_of_the_rows() -> None:
    store = MemoryStore(seconds=60, most_bytes=100_000)
    entry = Entry(tuple(("text" * 1_000, index) for index in range(10)), 0, 0)
    for index in range(100):
        store.put(str(index), entry)
        # What is read stays.
        assert store.get("0") is entry
    assert store.get("99") is entry
    assert store.get("1") is None
    assert sum(store.get(str(index)) is not None for index in range(100)) <= 3


def test_rows_larger_than_the_memory_are_not_kept() -> None:
    cache = Cache(MemoryStore(seconds=60, most_bytes=1_000), ttl=60)
    large = (("text" * 1_000,),)
    assert cache.read(KEY, answering(large)).rows == large
    assert not cache.read(KEY, answering(large)).cached


def test_nothing_is_kept_after_closing(cache: Cache) -> None:
    cache.read(KEY, answering(ROWS))
    cache.close()
    assert cache.reserve(KEY) is None
