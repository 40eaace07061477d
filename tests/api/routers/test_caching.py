"""What the cache does to the API's answers; the databases are real, and are really taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.schemas.answer import Widget
from api.schemas.widgets import Batch
from engine.answer.cache import Cache, MemoryStore
from engine.answer.engine import Engine
from engine.answer.redis_store import RedisStore
from engine.errors import InvalidSetting
from engine.warehouse.health import CHECK_TTL_SECONDS
from engine.warehouse.warehouse import Warehouse
from runtime.caches import build_namespace, open_cache
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings
from tests.conftest import RedisServer

PERIOD = {"start": "2025-01-01", "end": "2025-01-10"}
URL = "/v1/widgets/ga4.sessions"
WARNING = '110 - "Response is Stale"'


class Outage:
    """A database file that cannot be read for a while."""

    def __init__(self, file: Path, database: Warehouse | State) -> None:
        self.file = file
        self.database = database

    def __enter__(self) -> None:
        self.database.close()
        self.whole = self.file.read_bytes()
        self.file.write_bytes(b"no database" * 1_000)
        time.sleep(CHECK_TTL_SECONDS)

    def __exit__(self, *error: object) -> None:
        self.database.close()
        self.file.write_bytes(self.whole)
        time.sleep(CHECK_TTL_SECONDS)


@pytest.fixture
def warehouse_outage(tmp_path: Path, engine: Engine) -> Outage:
    return Outage(tmp_path / "facts.db", engine.warehouse)


@pytest.fixture
def state_outage(tmp_path: Path, state: State) -> Outage:
    return Outage(tmp_path / "state.db", state)


def change_first_day(services: Services, sessions: int) -> None:
    """Change ALICE's first day, as a sync or a load does."""
    row = {
        "user_id": ALICE,
        "property_id": "1",
        "date": date(2025, 1, 1),
        "sessions": sessions,
        "converting_sessions": 1.0,
    }
    services.engine.warehouse.upsert(services.engine.catalog.tables["ga4_daily"], [row])
    services.state.tenants.advance_data_version(ALICE)


def test_the_second_of_two_equal_requests_is_a_hit(client: TestClient) -> None:
    first, second = (client.get(URL, params=PERIOD) for _ in range(2))
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert not {"Age", "Warning"} & {name.title() for name in second.headers}


def test_widgets_of_one_table_share_and_tenants_do_not(client: TestClient, state: State) -> None:
    state.connections.put(BOB, "ga4", "1")
    client.get(URL, params=PERIOD)
    weekly = client.get("/v1/widgets/ga4.conv_rate", params=PERIOD | {"grain": "week"})
    assert weekly.headers["X-Cache"] == "hit"
    others = client.get(URL, params=PERIOD, headers=make_bearer_headers(BOB))
    assert others.headers["X-Cache"] == "miss"
    assert others.json()["stats"]["value"] is None


def test_a_batch_is_a_hit_where_all_of_it_is(client: TestClient) -> None:
    asked = {"keys": ["ga4.sessions", "ga4.conv_rate", "ga4.nothing"], **PERIOD}
    found = [client.post("/v1/widgets/batch", json=asked) for _ in range(2)]
    assert [each.headers["X-Cache"] for each in found] == ["miss", "hit"]
    assert found[0].content == found[1].content


def test_loaded_rows_are_in_the_next_answer(client: TestClient, services: Services) -> None:
    assert client.get(URL, params=PERIOD).json()["stats"]["value"] == 55
    change_first_day(services, sessions=1_000)
    fresh = client.get(URL, params=PERIOD)
    assert fresh.headers["X-Cache"] == "miss"
    assert fresh.json()["stats"]["value"] == 1_054


def test_a_catalog_reloaded_does_not_read_the_former_ones_entries(
    client: TestClient, services: Services, folder: Path
) -> None:
    client.get(URL, params=PERIOD)
    file = folder / "ga4.yaml"
    file.write_text(file.read_text().replace("value: sum(sessions), format", "value: 2 * sum(sessions), format"))
    services.reload_catalog()
    doubled = client.get(URL, params=PERIOD)
    assert doubled.headers["X-Cache"] == "miss"
    assert doubled.json()["stats"]["value"] == 110
    assert client.get(URL, params=PERIOD).headers["X-Cache"] == "hit"


def test_a_stale_answer_stands_in_for_the_warehouse(
    client: TestClient, services: Services, warehouse_outage: Outage
) -> None:
    client.get(URL, params=PERIOD)
    services.state.tenants.advance_data_version(ALICE)
    with warehouse_outage:
        stale = client.get(URL, params=PERIOD)
        other = client.get(URL, params={"start": "2025-01-02", "end": "2025-01-10"})
        batch = client.post("/v1/widgets/batch", json={"keys": ["ga4.conv_rate"], **PERIOD})
    assert stale.status_code == 200
    assert stale.json()["meta"]["stale"] is True
    assert stale.json()["stats"]["value"] == 55
    assert (stale.headers["X-Cache"], stale.headers["Warning"]) == ("hit", WARNING)
    assert 0 <= int(stale.headers["Age"]) < 60
    Widget.model_validate(stale.json())
    assert other.status_code == 503
    assert int(other.headers["Retry-After"]) > 0
    assert batch.headers["Warning"] == WARNING
    assert batch.json()["widgets"]["ga4.conv_rate"]["meta"]["stale"] is True
    Batch.model_validate(batch.json())
    healed = client.get(URL, params=PERIOD)
    assert (healed.status_code, healed.headers["X-Cache"], "stale" in healed.json()["meta"]) == (200, "miss", False)


def test_a_fresh_answer_says_that_the_warehouse_is_away(client: TestClient, warehouse_outage: Outage) -> None:
    client.get(URL, params=PERIOD)
    with warehouse_outage:
        assert client.get(URL, params=PERIOD).json()["meta"]["stale"] is True
    assert "stale" not in client.get(URL, params=PERIOD).json()["meta"]


def test_a_stale_answer_that_the_client_holds_is_304(client: TestClient, warehouse_outage: Outage) -> None:
    client.get(URL, params=PERIOD)
    with warehouse_outage:
        etag = client.get(URL, params=PERIOD).headers["ETag"]
        held = client.get(URL, params=PERIOD, headers={"If-None-Match": etag})
    assert (held.status_code, held.headers["Warning"]) == (304, WARNING)


def test_a_stale_answer_survives_the_state_database(
    client: TestClient, state_outage: Outage, warehouse_outage: Outage
) -> None:
    client.get(URL, params=PERIOD)
    with state_outage:
        without_state = client.get(URL, params=PERIOD)
        unread = client.get(URL, params={"start": "2025-01-02", "end": "2025-01-10"})
        stranger = client.get(URL, params=PERIOD, headers=make_bearer_headers(BOB))
        with warehouse_outage:
            without_both = client.get(URL, params=PERIOD)
    for stale in (without_state, without_both):
        assert stale.status_code == 200
        assert stale.json()["meta"]["stale"] is True
        assert stale.headers["Warning"] == WARNING
    assert [unread.status_code, stranger.status_code] == [503, 503]
    assert "state" in unread.json()["detail"]
    healed = client.get(URL, params=PERIOD)
    assert (healed.headers["X-Cache"], "stale" in healed.json()["meta"]) == ("hit", False)


@pytest.fixture
def redis_client(redis_server: RedisServer, engine: Engine, state: State) -> Iterator[TestClient]:
    app = create_app(Services(engine, state, make_settings(REDIS_URL=redis_server.url)))
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        yield client
    app.state.services.engine.cache.close()


def test_redis_holds_the_cache_and_its_loss_loses_nothing_else(
    redis_client: TestClient, redis_server: RedisServer
) -> None:
    first, second = (redis_client.get(URL, params=PERIOD) for _ in range(2))
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    redis_server.stop()
    # Another question of the same rows, as this one's answer is kept beside Redis.
    third = redis_client.get(URL, params={**PERIOD, "grain": "day"})
    assert (third.status_code, third.headers["X-Cache"]) == (200, "miss")
    assert first.content == second.content == third.content


def test_redis_stands_in_for_the_warehouse(redis_client: TestClient, warehouse_outage: Outage) -> None:
    redis_client.get(URL, params=PERIOD)
    with warehouse_outage:
        assert redis_client.get(URL, params=PERIOD).json()["meta"]["stale"] is True


def test_no_time_to_live_is_no_cache(engine: Engine, state: State) -> None:
    app = create_app(Services(engine, state, make_settings(CACHE_TTL_SECONDS="0")))
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        assert [client.get(URL, params=PERIOD).headers["X-Cache"] for _ in range(2)] == ["miss", "miss"]


def test_the_settings_choose_the_store(redis_server: RedisServer) -> None:
    in_process, shared = (
        open_cache(make_settings(**given), "an-installation") for given in ({}, {"REDIS_URL": redis_server.url})
    )
    assert isinstance(in_process, Cache)
    assert isinstance(in_process.store, MemoryStore)
    assert isinstance(shared, Cache)
    assert isinstance(shared.store, RedisStore)
    assert open_cache(make_settings(CACHE_TTL_SECONDS="0", REDIS_URL=redis_server.url), "an-installation") is None


def test_a_redis_url_of_something_else_stops_the_start() -> None:
    with pytest.raises(InvalidSetting, match=r"^REDIS_URL"):
        open_cache(make_settings(REDIS_URL="http://host"), "an-installation")


def test_installation_and_warehouse_name_the_space_in_redis_and_a_password_does_not() -> None:
    urls = ("postgresql://u:one@h/facts", "postgresql://u:two@h/facts", "postgresql://u:one@h/others")
    first, second, third = (build_namespace(make_settings(WAREHOUSE_URL=url), "one") for url in urls)
    assert first == second != third
    assert build_namespace(make_settings(WAREHOUSE_URL=urls[0]), "another") != first
