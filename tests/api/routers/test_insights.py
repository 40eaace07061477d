"""GET /v1/insights over the shipped metrics and a shop to which much happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.schemas.insights import InsightList
from engine.answer.engine import Engine
from engine.errors import InvalidSetting
from engine.warehouse.warehouse import Warehouse
from insights.config.load import load_catalog
from insights.llm import LanguageModel
from insights.narrate import MOST_WAITING, Narrator
from runtime.services import Services
from runtime.shipped import get_shipped_folder
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings
from tests.insights import fake as answers
from tests.insights.conftest import EVENTFUL
from tests.insights.fake import Fake, arrange, bullets, choose, serve_model
from tests.insights.worlds import END, history
from tests.support.patience import LONG
from tests.support.shipped import load_shipped_catalog

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:Item:UserWarning", "ignore::DeprecationWarning:litellm.*"),
]

PERIOD = {"start": str(END - timedelta(days=27)), "end": str(END)}
TOLD = {"Traffic": ["{c2}. Look at {c2.member} first."], "Ads": ["{c1}; {c3}."]}
SHOWN = {
    "Traffic": [
        "Sessions are down 23% against the previous 28 days, from 29,263 to 22,403. Look at Organic Search first.",
    ],
    "Ads": ["Return on ad spend is down 26%, from 3.02 to 2.25; conversions from ads are down 25%, from 659 to 492."],
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a warehouse in which much happened to Alice, and a little to Bob."""
    url = f"sqlite:///{tmp_path_factory.mktemp('facts')}/facts.db"
    warehouse, catalog = Warehouse(url), load_shipped_catalog()
    warehouse.create_tables(catalog.tables.values())
    for user, plant in ((ALICE, EVENTFUL), (BOB, replace(EVENTFUL, channel={"Direct": 0.3}))):
        for table, rows in history(1, plant, days=28).items():
            warehouse.upsert(catalog.tables[table], [{"user_id": user, **row} for row in rows])
    warehouse.close()
    return url


@pytest.fixture
def open_app(facts: str, state: State) -> Callable[..., FastAPI]:
    """Make an app with these settings; Alice has connected all three sources, and Bob Google Analytics."""
    for source in ("ga4", "meta", "instagram"):
        state.connections.put(ALICE, source, "act_1" if source == "meta" else "1")
    state.connections.put(BOB, "ga4", "1")

    def make(folder: Path | None = None, **given: str) -> FastAPI:
        catalog = load_catalog(folder or get_shipped_folder())
        named = {"METRICS_DIR": str(folder)} if folder else {}
        return create_app(Services(Engine(catalog, Warehouse(facts)), state, make_settings(**named, **given)))

    return make


@pytest.fixture
def client(open_app: Callable[..., FastAPI]) -> Iterator[TestClient]:
    with TestClient(open_app(), headers=make_bearer_headers(ALICE)) as opened:
        yield opened


def get_insights(client: TestClient, **parameters: str) -> dict[str, Any]:
    response = client.get("/v1/insights", params=PERIOD | parameters)
    assert response.status_code == 200, response.text
    InsightList.model_validate(response.json())
    found: dict[str, Any] = response.json()
    return found


def list_bullets(found: dict[str, Any]) -> list[str]:
    return [bullet for item in found["items"] for bullet in item["bullets"]]


def test_the_rules_tell_what_happened(client: TestClient) -> None:
    found = get_insights(client)
    said = list_bullets(found)
    assert found["meta"] == {
        "generated_by": "rules",
        "dropped": {},
        "start": PERIOD["start"],
        "end": PERIOD["end"],
        "compare": "previous_period",
        "sources": ["ga4", "instagram", "meta"],
    }
    assert {item["group"] for item in found["items"]} >= {"Ads", "Traffic", "Content"}
    assert any("Organic Search (-6,931)" in text for text in said)
    assert any("“Retargeting” itself" in text for text in said)
    assert any("“The wool throw is back”" in text for text in said)
    assert all(0 < len(text) <= 240 for text in said)


def test_the_figures_are_the_widgets(client: TestClient) -> None:
    widget = client.get("/v1/widgets/ga4.sessions", params=PERIOD | {"compare": "previous_period"}).json()
    stats = widget["stats"]
    expected = f"Sessions are down {abs(stats['delta']):.0%}, from {stats['previous']:,.0f} to {stats['value']:,.0f}"
    assert any(text.startswith(expected) for text in list_bullets(get_insights(client)))


def test_only_connected_and_switched_on_sources_are_cited(client: TestClient) -> None:
    found = get_insights(client, sources="ga4")
    assert {item["group"] for item in found["items"]} == {"Traffic"}
    assert found["meta"]["sources"] == ["ga4"]
    assert get_insights(client, sources="")["items"] == []
    bob = client.get("/v1/insights", params=PERIOD, headers=make_bearer_headers(BOB)).json()
    assert {item["group"] for item in bob["items"]} == {"Traffic"}
    assert any("Direct" in text for text in list_bullets(bob))


def test_without_data_nothing_is_told(client: TestClient) -> None:
    assert get_insights(client, start="2020-01-01", end="2020-01-28")["items"] == []
    nobody = client.get("/v1/insights", headers=make_bearer_headers("00000000-0000-4000-8000-00000000000c")).json()
    assert nobody["items"] == []


def test_a_folder_without_insights_has_none(open_app: Callable[..., FastAPI], folder: Path) -> None:
    with TestClient(open_app(folder), headers=make_bearer_headers(ALICE)) as client:
        found = get_insights(client)
    assert (found["items"], found["meta"]["generated_by"]) == ([], "rules")


def test_an_answer_is_kept_and_known_by_its_tag(client: TestClient) -> None:
    first = client.get("/v1/insights", params=PERIOD)
    second = client.get("/v1/insights", params=PERIOD)
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["ETag"] == second.headers["ETag"]
    known = client.get("/v1/insights", params=PERIOD, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_what_the_insights_read_the_widgets_need_not(client: TestClient) -> None:
    get_insights(client)
    for key in ("ga4.sessions", "ga4.landing_pages", "meta.roas", "ig.content_perf"):
        widget = client.get(f"/v1/widgets/{key}", params=PERIOD | {"compare": "previous_period"})
        assert widget.headers["X-Cache"] == "hit"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("grain=week", "'grain' is not a parameter"),
        ("compere=off", "did you mean 'compare' or 'compare_start'?"),
        (
            "compare=yesterday",
            "is not one of off, previous_period, previous_year, previous_year_weekday, previous_month, custom",
        ),
        ("start=2025-01-01", "is missing"),
        ("start=2025-02-01&end=2025-01-01", "must not be after end"),
        ("sources=tiktok", "is not one of ga4, instagram, meta"),
        ("compare=off&compare=off", "is given more than once"),
        ("start=%00&end=%00", "NUL"),
    ],
)
def test_wrong_parameters_are_named(client: TestClient, query: str, said: str) -> None:
    response = client.get(f"/v1/insights?{query}")
    assert response.status_code == 422
    assert said in response.json()["detail"]


def test_it_needs_a_token(open_app: Callable[..., FastAPI]) -> None:
    with TestClient(open_app()) as anonymous:
        assert anonymous.get("/v1/insights").status_code == 401


def test_a_reload_brings_new_rules(open_app: Callable[..., FastAPI], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in get_shipped_folder().glob("*.yaml"):
        (mine / path.name).write_text(path.read_text())
    app = open_app(mine)
    held: Services = app.state.services
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        (mine / "insights.yaml").write_text(
            "facts: {s: {change: ga4.sessions}}\n"
            "rules: {r: {group: Traffic, importance: 1, about: [s], say: 'Sessions are {{ s.words }}.'}}\n"
        )
        held.reload_catalog()
        assert list_bullets(get_insights(client)) == ["Sessions are down 23%."]
        (mine / "insights.yaml").write_text("facts: {s: {change: ga4.sesions}}\n")
        held.reload_catalog()
        assert list_bullets(get_insights(client)) == ["Sessions are down 23%."]
        assert client.get("/readyz").json()["checks"]["catalog"]["problems"] == {"unknown-metric": 1}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    from insights.llm import import_litellm

    import_litellm()
    with serve_model() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        server.says(bullets(**TOLD))
        yield server


def test_the_model_tells_what_the_data_bears_out(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    with TestClient(open_app(LLM_MODEL="openai/fake"), headers=make_bearer_headers(ALICE)) as client:
        found = get_insights(client)
        assert found["items"] == [{"group": group, "bullets": said} for group, said in SHOWN.items()]
        assert found["meta"]["generated_by"] == "llm"
        again = client.get("/v1/insights", params=PERIOD)
        assert again.headers["X-Cache"] == "hit"
        assert len(fake.requests) == 1
        bob = client.get("/v1/insights", params=PERIOD, headers=make_bearer_headers(BOB)).json()
        assert not any("22,403" in text or "Return" in text for text in list_bullets(bob))


def test_a_model_that_types_its_own_sentences_is_not_shown(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    fake.says(bullets(**SHOWN))
    with TestClient(open_app(LLM_MODEL="openai/fake"), headers=make_bearer_headers(ALICE)) as client:
        found = get_insights(client)
    assert (found["meta"]["generated_by"], found["meta"]["fallback"]) == ("rules", "ungrounded")


def test_insights_speak_the_language_of_the_settings(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    with TestClient(open_app(INSIGHTS_LANGUAGE="de"), headers=make_bearer_headers(ALICE)) as client:
        found = get_insights(client)
    assert {item["group"] for item in found["items"]} == {"Ads", "Traffic", "Content"}
    assert any(
        text.startswith("Die Sitzungen sind um 23 % gefallen, von 29.263 auf 22.403") for text in list_bullets(found)
    )
    fake.says(choose(arrange))
    app = open_app(INSIGHTS_LANGUAGE="de", LLM_MODEL="openai/fake")
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        assert sorted(list_bullets(get_insights(client))) == sorted(list_bullets(found))
    with pytest.raises(InvalidSetting, match="INSIGHTS_LANGUAGE: 'xx' is not a language of the insights"):
        open_app(INSIGHTS_LANGUAGE="xx")


def test_new_facts_are_told_anew(open_app: Callable[..., FastAPI], fake: Fake, state: State) -> None:
    with TestClient(open_app(LLM_MODEL="openai/fake"), headers=make_bearer_headers(ALICE)) as client:
        get_insights(client)
        state.tenants.advance_data_version(ALICE)
        get_insights(client)
    assert len(fake.requests) == 2


def test_a_budget_is_a_users_own(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    app = open_app(LLM_MODEL="openai/fake", LLM_DAILY_BUDGET="2", CACHE_TTL_SECONDS="0")
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        authors = [get_insights(client)["meta"]["generated_by"] for _ in range(3)]
        assert authors == ["llm", "llm", "rules"]
        assert get_insights(client)["meta"]["fallback"] == "budget"
        assert len(fake.requests) == 2
        client.get("/v1/insights", params=PERIOD, headers=make_bearer_headers(BOB))
        assert len(fake.requests) == 3


def test_a_hanging_model_does_not_hold_the_answer(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    app = open_app(LLM_MODEL="openai/fake")
    app.state.services.narrator = Narrator(LanguageModel("openai/fake", call=0.3, whole=1.0, pause=0.01))
    fake.says(answers.hangs)
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        began = time.monotonic()
        found = get_insights(client)
    assert time.monotonic() - began < 20
    assert (found["meta"]["generated_by"], found["meta"]["fallback"]) == ("rules", "timeout")
    assert len(list_bullets(found)) >= 6


def test_widgets_are_answered_while_many_insights_wait(open_app: Callable[..., FastAPI], fake: Fake) -> None:
    """More of them than the server has threads for its requests: none of those may be taken by who waits."""
    app = open_app(LLM_MODEL="openai/fake")
    app.state.services.narrator = Narrator(LanguageModel("openai/fake", call=LONG, whole=2 * LONG))
    app.state.services.narrator.places = BoundedSemaphore(1_000)
    released = threading.Event()

    def hangs(exchange: answers.ModelExchange) -> None:
        released.wait(LONG)
        bullets(**TOLD)(exchange)

    fake.says(hangs)
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:

        def ask(back: int) -> dict[str, Any]:
            end = END - timedelta(days=back % 4)
            return get_insights(client, start=str(end - timedelta(days=8 + back // 4)), end=str(end))

        with ThreadPoolExecutor(60) as pool:
            asked = [pool.submit(ask, back) for back in range(60)]
            while len(fake.requests) < MOST_WAITING:
                time.sleep(0.01)
            widget = client.get("/v1/widgets/ga4.sessions", params=PERIOD, headers=make_bearer_headers(BOB))
            waiting = sum(not each.done() for each in asked)
            released.set()
            found = [each.result() for each in asked]
    assert widget.status_code == 200
    assert waiting >= MOST_WAITING
    assert len(found) == 60


def test_a_model_without_litellm_stops_the_start(
    open_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insights.llm.find_spec", lambda name: None)
    with pytest.raises(InvalidSetting, match=r"LLM_MODEL.*pip install litellm=="):
        open_app(LLM_MODEL="openai/fake")
