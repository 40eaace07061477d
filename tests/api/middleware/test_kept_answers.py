"""Kept answers: the same bytes as the long way gives, and none that something has changed for.

Two applications stand on one state and one warehouse, as two processes do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import jwt
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from api.middleware import kept_answers
from api.middleware.kept_answers import ENTRY_BYTES, AnswerStore, KeptAnswers
from api.tokens import SharedSecret
from api.widget_query import PARAMETERS
from demo.history import generate_history
from demo.tenants import EVERYTHING
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from runtime.shipped import get_shipped_folder
from state import State
from tests.api.conftest import ALICE, BOB, GA4, SECRET, make_bearer_headers, make_settings, sign_token
from tests.conftest import RedisServer
from tests.support.examples import try_examples
from tests.support.processes import PATIENCE
from tests.support.shipped import load_shipped_catalog

pytestmark = pytest.mark.server

URL = "/v1/widgets/ga4.sessions"
PERIOD = {"start": "2025-01-01", "end": "2025-01-10"}
BATCH = {"keys": ["ga4.sessions", "ga4.conv_rate", "ga4.nothing"], **PERIOD}
LAST = date(2025, 6, 30)
USER = EVERYTHING.user_id


def find_kept_answers(app: FastAPI) -> KeptAnswers:
    """Find the middleware of an app that has answered something."""
    found: Any = app.middleware_stack
    while not isinstance(found, KeptAnswers):
        found = found.app
    return found


@dataclass(frozen=True, slots=True)
class Process:
    """An application with services of its own, and a client of it."""

    app: FastAPI
    client: TestClient

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def ask(self, **params: str) -> Any:
        return self.client.get(URL, params=PERIOD | params)

    def ask_batch(self) -> Any:
        return self.client.post("/v1/widgets/batch", json=BATCH)

    def is_kept(self, ask: Callable[[], Any]) -> bool:
        """Whether the answer comes without a look at the engine."""
        asked = []
        original = Services.query_with_basis

        def count_and_query(*given: Any, **named: Any) -> Any:
            asked.append(named)
            return original(*given, **named)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Services, "query_with_basis", count_and_query)
            answer = ask()
        assert answer.status_code in (200, 304)
        assert asked or answer.headers["X-Cache"] == "hit"
        return not asked

    def keep(self) -> None:
        """Ask until both answers are kept."""
        for ask in (self.ask, self.ask_batch):
            # The first one makes the token known.
            for _ in range(2):
                ask()
            assert self.is_kept(ask)


Installation = tuple[Process, Process]


def open_process(opened: ExitStack, state_url: str, facts_url: str, folder: Path, **given: str) -> Process:
    state = State.open(state_url)
    opened.callback(state.close)
    warehouse = Warehouse(facts_url)
    opened.callback(warehouse.close)
    services = Services(Engine(load_catalog(folder), warehouse), state, make_settings(METRICS_DIR=str(folder), **given))
    app = create_app(services)
    return Process(app, opened.enter_context(TestClient(app, headers=make_bearer_headers(ALICE))))


@pytest.fixture(params=["sqlite", "postgresql", "sqlite and redis"])
def processes(request: pytest.FixtureRequest, engine: Engine, folder: Path, tmp_path: Path) -> Iterator[Installation]:
    state_url: str = request.getfixturevalue("postgres_url" if request.param == "postgresql" else "sqlite_url")
    given = {}
    if "redis" in request.param:
        redis: RedisServer = request.getfixturevalue("redis_server")
        given["REDIS_URL"] = redis.url
    state = State.open(state_url)
    for user in (ALICE, BOB):
        state.connections.put(user, "ga4", "1")
    state.close()
    with ExitStack() as opened:
        first, second = (
            open_process(opened, state_url, f"sqlite:///{tmp_path / 'facts.db'}", folder, **given) for _ in range(2)
        )
        first.keep()
        second.keep()
        yield first, second


def test_a_source_that_is_switched_off_changes_the_next_answers(processes: Installation) -> None:
    first, second = processes
    assert first.client.delete("/v1/connections/ga4").status_code == 204
    for process in (second, first):
        assert process.ask().json()["meta"]["missing_sources"] == ["ga4"]
        assert process.ask_batch().json()["widgets"]["ga4.conv_rate"]["series"] == []
    assert first.client.put("/v1/connections/ga4", json={"account_id": "1"}).status_code == 200
    for process in (second, first):
        assert process.ask().json()["stats"]["value"] == 55


def test_a_sync_that_ends_changes_the_next_answers(processes: Installation) -> None:
    first, second = processes
    services = first.services
    row = {"user_id": ALICE, "property_id": "1", "date": date(2025, 1, 1), "sessions": 0, "converting_sessions": 1.0}
    for sessions in range(2, 6):
        services.warehouse.upsert(services.catalog.tables["ga4_daily"], [row | {"sessions": sessions}])
        # As a sync does at its end, in whichever process.
        services.state.tenants.advance_data_version(ALICE)
        for process in (second, first):
            assert process.ask().json()["stats"]["value"] == 54 + sessions
            assert process.ask_batch().json()["widgets"]["ga4.sessions"]["stats"]["value"] == 54 + sessions


def test_a_reload_changes_the_next_answers(processes: Installation, folder: Path) -> None:
    (folder / "ga4.yaml").write_text(GA4.replace("value: sum(sessions), format", "value: 2 * sum(sessions), format"))
    for process in processes:
        process.services.reload_catalog()
        assert process.ask().json()["stats"]["value"] == 110
        assert process.ask_batch().json()["widgets"]["ga4.sessions"]["stats"]["value"] == 110


def test_a_day_that_turns_changes_the_next_answers(processes: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = processes

    def ask_one() -> str:
        return str(first.client.get(URL).json()["meta"]["end"])

    def ask_batch() -> str:
        found = first.client.post("/v1/widgets/batch", json={"keys": ["ga4.sessions"]}).json()
        return str(found["widgets"]["ga4.sessions"]["meta"]["end"])

    today = first.services.get_today()
    for ask in (ask_one, ask_batch):
        for _ in range(2):
            assert ask() == str(today - timedelta(days=1))
        monkeypatch.setattr(Services, "get_today", lambda _: today + timedelta(days=1))
        assert ask() == str(today)
        monkeypatch.undo()
        assert ask() == str(today - timedelta(days=1))


def test_what_is_known_for_a_while_only_is_asked_again(
    processes: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = processes
    for ask in (first.ask, first.ask_batch):
        monkeypatch.setattr(kept_answers, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 61))
        assert not first.is_kept(ask)
        monkeypatch.undo()
        assert first.is_kept(ask)


def test_a_key_that_rotates_and_a_token_that_expires(processes: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = processes
    authenticator = find_kept_answers(first.app).authenticator
    other = SecretStr("another secret of at least thirty-two bytes")
    authenticator.keys = SharedSecret(other)
    # A verified token is remembered for a minute at most.
    authenticator.identities.clear()
    for ask in (first.ask, first.ask_batch):
        assert ask().status_code == 401
    claims = {"sub": ALICE.upper(), "exp": int(time.time()) + 3_600}
    renewed = {"Authorization": f"Bearer {jwt.encode(claims, other.get_secret_value())}"}
    found = [first.client.get(URL, params=PERIOD, headers=renewed) for _ in range(2)]
    assert [(each.status_code, each.headers["X-Cache"]) for each in found] == [(200, "hit")] * 2

    authenticator.keys = SharedSecret(SECRET)
    monkeypatch.setattr("api.tokens.LEEWAY", timedelta(0))
    short = make_short_token()
    assert first.client.get(URL, params=PERIOD, headers=short).status_code == 200
    deadline = time.monotonic() + PATIENCE
    while first.client.get(URL, params=PERIOD, headers=short).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Whoever has a token that is good finds the answer still kept.
    first.ask()
    assert first.is_kept(first.ask)


def make_short_token() -> dict[str, str]:
    """Make the headers of a token that is good for some seconds."""
    return {"Authorization": f"Bearer {sign_token(ALICE, timedelta(seconds=4))}"}


def test_two_tenants_share_no_bytes(processes: Installation) -> None:
    first, _ = processes
    bob = make_bearer_headers(BOB)
    for _ in range(3):
        found = first.client.get(URL, params=PERIOD, headers=bob)
        assert found.json()["stats"]["value"] is None
        assert first.ask().json()["stats"]["value"] == 55


def test_a_kept_answer_counts_like_any_other(engine: Engine, state: State, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Services(engine, state, make_settings(RATE_LIMIT="6/minute")))
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        process = Process(app, client)
        with caplog.at_level("INFO", logger="metric_engine.access"):
            for _ in range(3):
                process.ask()
            assert process.is_kept(process.ask)
            assert [process.ask().status_code for _ in range(4)] == [200, 200, 429, 429]
        lines = [record.fields for record in caplog.records if record.message == "request"]  # type: ignore[attr-defined]
        assert [(line["endpoint"], line["status"]) for line in lines] == [("widget", 200)] * 6 + [(None, 429)] * 2
        exposed = client.get("/metrics").text
    assert 'metric_engine_requests_total{endpoint="widget",status="2xx"} 6.0' in exposed
    assert 'metric_engine_answers_total{endpoint="widget",origin="hit"} 5.0' in exposed


def test_the_store_is_bounded_and_of_one_catalog(engine: Engine) -> None:
    store = AnswerStore(max_bytes=20 * ENTRY_BYTES)
    basis: Any = SimpleNamespace(engine=engine)

    def put(number: int, size: int = ENTRY_BYTES) -> Any:
        key: Any = number
        store.put(key, kept_answers.KeptAnswer(basis, 200, [], b"", None, size))
        return key

    store.clear(engine)
    keys = [put(number) for number in range(20)]
    assert store.get(keys[0], engine) is not None
    put(20)
    # The least recently used one has gone.
    assert store.get(keys[1], engine) is None
    assert store.get(keys[0], engine) is not None
    assert store.get(put(21, store.max_bytes), engine) is None
    assert store.total == sum(answer.size for answer in store.kept.values()) <= store.max_bytes
    assert store.get(keys[0], Engine(engine.catalog, engine.warehouse)) is None
    assert store.total == len(store.kept) == 0
    put(22)
    assert not store.kept


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Process]]:
    """Two processes that serve the shipped metrics; the second one keeps no answers."""
    folder = tmp_path_factory.mktemp("shipped")
    state_url, facts_url = f"sqlite:///{folder / 'state.db'}", f"sqlite:///{folder / 'facts.db'}"
    catalog, warehouse = load_shipped_catalog(), Warehouse(facts_url)
    warehouse.create_tables(catalog.tables.values())
    for name, rows in generate_history(EVERYTHING, until=LAST, days=60).items():
        warehouse.upsert(catalog.tables[name], rows)
    warehouse.close()
    state = State.open(state_url)
    for source, account in (("ga4", "1"), ("meta", "act_1"), ("instagram", "1")):
        state.connections.put(USER, source, account)
    state.close()
    with ExitStack() as opened:
        pair = [open_process(opened, state_url, facts_url, get_shipped_folder()) for _ in range(2)]
        for process in pair:
            process.client.headers.update(make_bearer_headers(USER))
            process.ask()
        find_kept_answers(pair[1].app).store.max_bytes = 0
        yield pair[0], pair[1]


WIDGETS = sorted(load_shipped_catalog().widgets)
DAYS = st.integers(0, 70).map(lambda offset: LAST - timedelta(days=offset))
CHOICES = {
    "compare": st.sampled_from(["previous_period", "previous_year", "previous_month", "off", "custom", "nonsense"]),
    "grain": st.sampled_from(["day", "week", "month", "year"]),
    "sources": st.sampled_from(["ga4", "meta,ga4", "", "instagram"]),
    "filter.channel": st.sampled_from(["Email", "Direct", "(not set)", ""]),
    "exclude.campaign": st.sampled_from(["1", "Other"]),
    "sort": st.sampled_from(["Spend", "-CPA", "nothing"]),
    "limit": st.sampled_from(["3", "0"]),
    "top": st.sampled_from(["2"]),
    "by": st.sampled_from(["channel", "campaign"]),
}
HEADERS = {
    "Accept": st.sampled_from(
        ["text/csv", "application/json", "text/csv;q=0.5, */*", "image/png", "application/vnd.apache.arrow.stream"]
    ),
    "Accept-Encoding": st.sampled_from(["gzip", "identity", "gzip;q=0", "br, gzip;q=0.5"]),
}
# Of the ETag of the first answer.
CONDITIONS = st.sampled_from([None, "{}", "W/{}", '"other", {}', "*", '"other"'])


@st.composite
def make_question(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    given = draw(st.fixed_dictionaries({}, optional=CHOICES))
    first, last = sorted((draw(DAYS), draw(DAYS)))
    given |= {"start": str(first), "end": str(last)} if draw(st.booleans()) else {}
    headers = draw(st.fixed_dictionaries({}, optional=HEADERS))
    if draw(st.integers(0, 3)):
        return f"/v1/widgets/{draw(st.sampled_from(WIDGETS))}", {"method": "GET", "params": given, "headers": headers}
    body: dict[str, Any] = {name: text for name, text in given.items() if name in PARAMETERS}
    keys = draw(st.lists(st.sampled_from([*WIDGETS, "ga4.nothing"]), min_size=1, max_size=5, unique=True))
    return "/v1/widgets/batch", {"method": "POST", "json": {**body, "keys": keys}, "headers": headers}


NOTHING_KNOWN = ("/v1/widgets/batch", {"method": "POST", "json": {"keys": ["ga4.nothing"]}, "headers": {}})


def describe_response(response: httpx2.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [header for header in response.headers.multi_items() if header[0] != "x-request-id"]
    return response.status_code, headers, response.content


@try_examples(60, suppress_health_check=[HealthCheck.too_slow])
@given(question=make_question(), condition=CONDITIONS)
@example(question=NOTHING_KNOWN, condition=None)
def test_a_kept_answer_is_the_answer_byte_for_byte(
    shipped: tuple[Process, Process], question: tuple[str, dict[str, Any]], condition: str | None
) -> None:
    path, request = question
    with_store, without = shipped

    def ask(process: Process) -> httpx2.Response:
        found: httpx2.Response = process.client.request(url=path, **request)
        return found

    first = ask(without)
    if condition is not None and "etag" in first.headers:
        request["headers"] = request["headers"] | {"If-None-Match": condition.format(first.headers["etag"])}
    expected = [ask(without) for _ in range(2)][1]
    ask(with_store)
    # Not even its order of headers differs.
    assert describe_response(ask(with_store)) == describe_response(expected)
    if expected.status_code in (200, 304):
        assert with_store.is_kept(lambda: ask(with_store))
        assert not without.is_kept(lambda: ask(without))
