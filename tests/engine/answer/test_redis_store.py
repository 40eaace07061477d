from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from redis import Redis

from engine.answer.cache import Cache, CachedRows, CacheEntry, Rows
from engine.answer.redis_store import RedisStore
from engine.errors import InvalidSetting
from tests.conftest import RedisServer
from tests.engine.answer.test_cache import KEY, NEWER, ROWS, fail_if_called, make_answer, raise_unavailable
from tests.support.patience import LONG, wait_patiently
from tests.support.processes import FORKS

PROCESSES = 3


def open_store(url: str, *, seconds: float = 3_600, namespace: str = "n") -> RedisStore:
    return RedisStore(url, seconds=seconds, namespace=namespace)


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    opened = open_store(redis_server.url)
    yield opened
    opened.close()


def test_rows_come_back_as_they_went(store: RedisStore) -> None:
    rows = (
        (date(2025, 1, 1), 1, 2.5, None, True, 10**30, float("inf"), "", "\ud800 \0 ✓"),
        (
            datetime(2025, 1, 1, 23, 59, 59, 5, UTC),
            datetime.fromisoformat("2025-01-01"),
            Decimal("1.10"),
            UUID(KEY.tenant),
        ),
        (datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=-8))), 0.1 + 0.2),
    )
    store.put("a", CacheEntry(rows, 1.5, 7))
    assert store.get("a") == CacheEntry(rows, 1.5, 7)
    assert repr(store.get("a")) == repr(CacheEntry(rows, 1.5, 7))


def test_rows_without_a_written_form_are_not_kept(store: RedisStore) -> None:
    store.put("a", CacheEntry(((object(),),), 0, 0))
    assert store.get("a") is None


@pytest.mark.parametrize(
    "bytes_found", [b"", b"junk", b"x\x9c\x03\x00\x00\x00\x00\x01", b"x\x9c\x8b\x8e\x05\x00\x01\x15\x00\xb9"]
)
def test_what_is_not_an_entry_is_none(store: RedisStore, redis_server: RedisServer, bytes_found: bytes) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("metric-engine:1:n:a", bytes_found)
    assert store.get("a") is None


def test_entries_go_by_themselves(redis_server: RedisServer) -> None:
    store = open_store(redis_server.url, seconds=0.05)
    store.put("a", CacheEntry(ROWS, 0, 0))
    assert store.get("a") is not None
    time.sleep(0.1)
    assert store.get("a") is None
    store.close()


def test_namespaces_are_apart(store: RedisStore, redis_server: RedisServer) -> None:
    store.put("a", CacheEntry(ROWS, 0, 0))
    other = open_store(redis_server.url, namespace="m")
    assert other.get("a") is None
    other.close()


def test_no_key_tells_whose_rows_it_holds(store: RedisStore, redis_server: RedisServer) -> None:
    Cache(store, ttl=90).get_or_fetch(KEY, make_answer(ROWS))
    with Redis.from_url(redis_server.url) as client:
        (name,) = client.keys()
    assert KEY.tenant not in name.decode()


def test_processes_read_what_another_has_read(redis_server: RedisServer) -> None:
    first, second = (Cache(open_store(redis_server.url), ttl=90) for _ in range(2))
    assert first.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)
    found = second.get_or_fetch(KEY, fail_if_called)
    assert found.is_cached
    assert found.rows == ROWS
    first.close()
    second.close()


def test_equal_misses_of_many_at_once_make_one_query(redis_server: RedisServer) -> None:
    """Each with a cache of its own, as processes have."""
    callers = 20
    barrier = threading.Barrier(callers)
    queries: list[int] = []

    def call(number: int) -> CachedRows:
        cache = Cache(open_store(redis_server.url), ttl=90)
        barrier.wait()
        found = cache.get_or_fetch(KEY, lambda: slow(number))
        cache.close()
        return found

    def slow(number: int) -> Rows:
        queries.append(number)
        time.sleep(0.1)
        return ROWS

    with ThreadPoolExecutor(callers) as threads:
        found = list(threads.map(call, range(callers)))
    assert len(queries) == 1
    assert [each.rows for each in found] == [ROWS] * callers


def ask_in_process(url: str, ready: threading.Barrier) -> None:
    wait_patiently()
    cache = Cache(open_store(url), ttl=90)
    with Redis.from_url(url) as client:

        def query() -> Rows:
            client.incr("queries")
            time.sleep(0.2)
            return ROWS

        ready.wait()
        with ThreadPoolExecutor(10) as threads:
            assert [each.rows for each in threads.map(lambda _: cache.get_or_fetch(KEY, query), range(10))] == [
                ROWS
            ] * 10
    cache.close()


def test_processes_make_one_query_together(redis_server: RedisServer) -> None:
    ready = FORKS.Barrier(PROCESSES)
    processes = [FORKS.Process(target=ask_in_process, args=(redis_server.url, ready)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    with Redis.from_url(redis_server.url) as client:
        assert client.get("queries") == b"1"


def test_a_lock_whose_holder_has_died_is_waited_for_only_so_long(
    store: RedisStore, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.answer.redis_store.MAX_WAIT_SECONDS", 0.1)
    with Redis.from_url(redis_server.url) as client:
        lock = f"metric-engine:1:n:{KEY.store_key}:lock"
        client.set(lock, "somebody else's")
        assert Cache(store, ttl=90).get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)
        assert client.get(lock) == b"somebody else's"


def test_a_lock_goes_with_its_holder(store: RedisStore, redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as client:
        with store.lock_entry("a"):
            assert 0 < client.pttl("metric-engine:1:n:a:lock") <= LONG * 1_000
        assert client.keys() == []


def test_without_redis_there_is_no_cache_and_no_delay(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(open_store(redis_server.url), ttl=90)
    redis_server.stop()
    for _ in range(50):
        assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)
    assert cache.get_stale(KEY) is None
    assert len(caplog.messages) == 1
    assert redis_server.url not in caplog.text


def test_a_redis_that_does_not_answer_delays_one_command_only(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.answer.redis_store.TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr("engine.answer.redis_store.PAUSE_SECONDS", LONG)
    cache = Cache(open_store(redis_server.url), ttl=90)
    cache.get_or_fetch(KEY, make_answer(ROWS))
    with Redis.from_url(redis_server.url) as client:
        client.client_pause(int(LONG * 1_000))
    began = time.monotonic()
    for _ in range(50):
        assert cache.get_or_fetch(KEY, make_answer(NEWER)) == CachedRows(NEWER)
    # Fifty that wait, one after the other, would take almost a minute.
    assert time.monotonic() - began < 40
    cache.close()


def test_redis_is_used_again_once_it_is_back(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.answer.redis_store.PAUSE_SECONDS", 0.05)
    cache = Cache(open_store(redis_server.url), ttl=90)
    redis_server.stop()
    cache.get_or_fetch(KEY, make_answer(ROWS))
    redis_server.start()
    time.sleep(0.1)
    assert cache.get_or_fetch(KEY, make_answer(ROWS)) == CachedRows(ROWS)
    assert cache.get_or_fetch(KEY, fail_if_called).is_cached
    assert cache.get_stale(KEY) is not None
    cache.close()


def test_rows_in_redis_stand_in_for_the_warehouse(store: RedisStore) -> None:
    Cache(store, ttl=90, clock=lambda: time.time() - 100).get_or_fetch(KEY, make_answer(ROWS))
    found = Cache(store, ttl=90).get_or_fetch(KEY, raise_unavailable)
    assert found.is_stale
    assert 100 <= found.age < 100 + LONG


def test_a_url_of_something_else_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidSetting, match=r"^REDIS_URL") as refused:
        open_store("http://user:password@host")
    assert "password" not in str(refused.value)
