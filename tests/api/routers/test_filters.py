"""Filters, breakdowns and comparisons over HTTP: what they answer, and that no value of one reaches anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings

FILES = {
    "ga4.yaml": """\
source: ga4
tables:
  channels:
    time: date
    key: [user_id, date, channel, page]
    dimensions: {channel: {title: Channel}, landing_page: {column: page, label: headline}}
    columns: {user_id: uuid, date: date, channel: text, page: text, headline: text, sessions: bigint, people: bigint}
metrics:
  ga4.visits: {table: channels, value: sum(sessions), format: integer}
  ga4.emails: {table: channels, value: sum(sessions), where: channel = 'Email'}
  ga4.people: {table: channels, value: count(distinct people)}
  ga4.pages: {table: channels, value: sum(sessions), by: landing_page, top: 2}
  ga4.both: {table: channels, series: {Sessions: sum(sessions), People: sum(people)}}
""",
    "meta.yaml": """\
source: meta
tables:
  ads:
    time: date
    dimensions: {campaign: {}}
    columns: {user_id: uuid, date: date, campaign: text, spend: double}
metrics:
  meta.cost: {table: ads, value: sum(spend)}
  corr.side_by_side: {combine: [ga4.visits, meta.cost]}
  corr.per_visit: {derive: meta.cost / ga4.visits}
""",
}
DAY = date(2025, 1, 2)
WINDOW = {"start": "2025-01-01", "end": "2025-01-03"}
SECRET = "only-bob's page"
ROWS = [
    (ALICE, "Email", "/a", "Apples", 1, 7),
    (ALICE, "Direct", "/b", "Pears", 10, 7),
    (ALICE, "", "/c", "", 1_000, 9),
    (ALICE, "100%", "/d_", "Other", 10_000, 9),
    (BOB, "Email", SECRET, SECRET, 1_000_000, 1),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("metrics")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    catalog, warehouse = load_catalog(folder), Warehouse(f"sqlite:///{folder}/facts.db")
    state = State.open(f"sqlite:///{folder}/state.db")
    warehouse.create_tables(catalog.tables.values())
    names = ("user_id", "channel", "page", "headline", "sessions", "people")
    rows = [dict(zip(names, row, strict=True)) | {"date": DAY} for row in ROWS]
    warehouse.upsert(catalog.tables["channels"], rows)
    warehouse.upsert(catalog.tables["ads"], [{"user_id": ALICE, "date": DAY, "campaign": "Spring", "spend": 5.0}])
    for user in (ALICE, BOB):
        for source in ("ga4", "meta"):
            state.connections.mark_external(user, source)
    services = Services(Engine(catalog, warehouse), state, make_settings(METRICS_DIR=str(folder)))
    with TestClient(create_app(services)) as opened:
        yield opened
    services.close()


def get(client: TestClient, key: str, /, **params: Any) -> Any:
    """Ask as Alice, unless another `user` is given; the answer must have the `status`, 200 unless given."""
    status, user = params.pop("status", 200), params.pop("user", ALICE)
    response = client.get(f"/v1/widgets/{key}", params=WINDOW | params, headers=make_bearer_headers(user))
    assert response.status_code == status, response.text
    return response.json()


def get_value(client: TestClient, key: str = "ga4.visits", /, **params: Any) -> Any:
    return get(client, key, **params)["stats"]["value"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 11_011),
        ({"filter.channel": "Email"}, 1),
        ({"filter.channel": ["Email", "Direct"]}, 11),
        ({"exclude.channel": "100%"}, 1_011),
        # An empty text is the member that is not set; an exclusion keeps it unless it names it.
        ({"filter.channel": "(not set)"}, 1_000),
        ({"filter.channel": ""}, 1_000),
        ({"exclude.channel": "(not set)"}, 10_011),
        ({"filter.channel": ["Email", "Direct"], "exclude.channel": "Email"}, 10),
        ({"filter.channel": "Email", "filter.landing_page": "/a"}, 1),
        ({"filter.channel": "Email", "filter.landing_page": "/b"}, 0),
        # Compared exactly: no case, no pattern.
        ({"filter.channel": "email"}, 0),
        ({"filter.channel": "%"}, 0),
        ({"filter.landing_page": "/d_"}, 10_000),
        ({"filter.landing_page": "/__"}, 0),
    ],
)
def test_a_filter_lets_through_just_its_members(client: TestClient, params: dict[str, Any], expected: int) -> None:
    assert get_value(client, **params) == expected


def test_a_filter_is_what_where_would_be(client: TestClient) -> None:
    filtered, own = get(client, "ga4.visits", **{"filter.channel": "Email"}), get(client, "ga4.emails")
    assert filtered["stats"] == own["stats"]
    assert filtered["series"][0]["points"] == own["series"][0]["points"]


def test_a_distinct_count_is_filtered_too(client: TestClient) -> None:
    assert get_value(client, "ga4.people") == 2
    assert get_value(client, "ga4.people", **{"filter.channel": ["Email", "Direct"]}) == 1


def test_the_answer_tells_which_filters_apply(client: TestClient) -> None:
    params = {"filter.channel": ["Email", "Direct"], "exclude.campaign": "Spring"}
    meta = get(client, "ga4.visits", **params)["meta"]
    assert meta["filters"] == {
        "applied": [{"dimension": "channel", "filter": ["Email", "Direct"], "exclude": []}],
        "ignored": ["campaign"],
    }
    combined = get(client, "corr.side_by_side", **{"filter.channel": "Email"})
    assert [series.get("filtered") for series in combined["series"]] == [None, False]
    assert [series["stats"]["value"] for series in combined["series"]] == [1, 5]
    # Not all its operands have the dimension.
    derived = get(client, "corr.per_visit", **{"filter.channel": "Email"})
    assert derived["meta"]["filters"] == {"applied": [], "ignored": ["channel"]}
    assert derived["stats"]["value"] == 5 / 11_011


def test_a_breakdown_by_request_has_labels_and_the_rest(client: TestClient) -> None:
    body = get(client, "ga4.visits", by="landing_page", top=2)
    assert [(series["id"], series["name"], series["stats"]["value"]) for series in body["series"]] == [
        ("/d_", "Other", 10_000),
        ("/c", "/c", 1_000),
        ("Other", "Other", 11),
    ]
    assert [series["id"] for series in get(client, "ga4.pages", top=1)["series"]] == ["/d_", "Other"]
    filtered = get(client, "ga4.pages", by="channel", **{"exclude.channel": "100%"})
    assert [series["name"] for series in filtered["series"]] == ["(not set)", "Direct", "Other"]


@pytest.mark.parametrize(
    ("key", "params", "parameter", "said"),
    [
        ("ga4.visits", {"filter.chanel": "Email"}, "filter.chanel", "'channel'? ga4.visits has channel, landing_page"),
        ("ga4.visits", {"exclude.country": "DE"}, "exclude.country", "; ga4.visits has channel, landing_page"),
        ("ga4.visits", {"filter.channel": ["x"] * 51}, "filter.channel", "at most 50"),
        ("ga4.visits", {"filter.channel": "x" * 501}, "filter.channel", "500"),
        ("ga4.visits", {"filter.channel": "a\x00b"}, "filter.channel", "NUL"),
        ("ga4.visits", {"channel": "Email"}, "channel", "; write filter.channel"),
        ("ga4.visits", {"Exclude.Channel": "Email"}, "Exclude.Channel", "; write exclude.channel"),
        ("ga4.visits", {"account": "1"}, "account", "filter.<dimension>"),
        ("ga4.visits", {"by": "campaign"}, "by", "channel, landing_page"),
        ("ga4.visits", {"by": "chanel"}, "by", "did you mean 'channel'?"),
        ("ga4.visits", {"top": "3"}, "top", "needs `by`"),
        ("ga4.visits", {"by": "channel", "top": "0"}, "top", "from 1 to 50"),
        ("ga4.visits", {"by": "channel", "top": "51"}, "top", "from 1 to 50"),
        ("ga4.both", {"by": "channel"}, "by", "several series"),
        ("corr.per_visit", {"by": "channel"}, "by", "made of other metrics"),
        ("ga4.visits", {"compare_start": "2024-01-01"}, "compare_start", "custom"),
        ("ga4.visits", {"compare": "custom"}, "compare_start", "is missing"),
    ],
)
def test_what_cannot_be_asked_is_told(
    client: TestClient, key: str, params: dict[str, Any], parameter: str, said: str
) -> None:
    problem = get(client, key, status=422, **params)
    [fault] = [each for each in problem["errors"] if each["parameter"] == parameter]
    assert said in fault["detail"]


@pytest.mark.parametrize(
    "value",
    ["' OR 1=1 --", "Email') OR user_id <> ('", SECRET, "%", "\\", '"; DROP TABLE channels; --', "Email\n", "💥" * 250],
)
def test_no_value_of_a_filter_reaches_another_tenants_rows(client: TestClient, value: str) -> None:
    for parameter in ("filter.channel", "filter.landing_page"):
        assert get_value(client, **{parameter: value}) == 0
    # An exclusion lets through one's own rows, all of them, and no other's.
    assert get_value(client, **{"exclude.landing_page": value}) == 11_011
    shown = get(client, "ga4.pages", **{"exclude.channel": value})["series"]
    assert {series["id"] for series in shown} <= {"/a", "/b", "/c", "/d_", "Other"}
    assert get_value(client, user=BOB) == 1_000_000


def test_as_many_and_as_long_values_as_are_allowed(client: TestClient) -> None:
    values = [f"{index:03}" + "x" * 497 for index in range(49)]
    assert get_value(client, **{"filter.channel": [*values, "Email"]}) == 1
    assert get_value(client, **{"exclude.channel": [*values, "Email"]}) == 11_010


def test_a_batch_takes_the_same_filters(client: TestClient) -> None:
    body = {
        "keys": ["ga4.visits", "meta.cost"],
        "filter": {"channel": ["Email"]},
        "exclude": {"landing_page": ["/b"]},
        **WINDOW,
    }
    response = client.post("/v1/widgets/batch", json=body, headers=make_bearer_headers(ALICE))
    widgets = response.json()["widgets"]
    assert widgets["ga4.visits"]["stats"]["value"] == 1
    assert widgets["meta.cost"]["meta"]["filters"] == {"applied": [], "ignored": ["channel", "landing_page"]}
    for wrong, said in (
        ({"filter": {"chanel": ["Email"]}}, "did you mean 'channel'?"),
        ({"filter": {"channel": ["\ud800"]}}, "not valid JSON"),
        ({"filter": {"channel": "Email"}}, "#/filter/channel: must be an array"),
        ({"filter": ["channel"]}, "#/filter: must be an object"),
        ({"filter.channel": ["Email"]}, 'write "filter": {"channel": […]}'),
        ({"keys": ["ga4.visits"] * 51}, "#/keys: must have at most 50 items, not 51"),
    ):
        content = json.dumps(body | wrong).encode()
        headers = make_bearer_headers(ALICE) | {"Content-Type": "application/json"}
        refused = client.post("/v1/widgets/batch", content=content, headers=headers)
        assert refused.status_code == 422
        assert said in refused.json()["detail"]


def get_members(client: TestClient, key: str, dimension: str, /, **params: Any) -> list[tuple[str, str, Any]]:
    body = get(client, f"{key}/members/{dimension}", **params)
    return [(each["id"], each["label"], each["value"]) for each in body["members"]]


def test_the_members_of_a_dimension(client: TestClient) -> None:
    assert get_members(client, "ga4.visits", "landing_page") == [
        ("/d_", "Other", 10_000),
        ("/c", "/c", 1_000),
        ("/b", "Pears", 10),
        ("/a", "Apples", 1),
    ]
    # The filters of the other dimensions apply, and its own does not.
    chosen = {"filter.channel": ["Email", "Direct"], "filter.landing_page": "/a"}
    assert get_members(client, "ga4.visits", "landing_page", **chosen) == [("/b", "Pears", 10), ("/a", "Apples", 1)]
    assert [each[0] for each in get_members(client, "ga4.visits", "landing_page", limit=2)] == ["/d_", "/c"]
    # A part of the id or of the label, blind to case, and no pattern.
    assert [each[0] for each in get_members(client, "ga4.visits", "landing_page", search="PEA")] == ["/b"]
    assert get_members(client, "ga4.visits", "landing_page", search="/_") == []
    # Only rows that pass `where` make a member; of a derived widget it is the first operand's that has the dimension.
    assert get_members(client, "ga4.emails", "channel") == [("Email", "Email", 1)]
    assert get_members(client, "corr.side_by_side", "campaign") == [("Spring", "Spring", 5)]
    assert get_members(client, "corr.side_by_side", "campaign", sources="ga4") == []
    assert get_members(client, "ga4.visits", "landing_page", user=BOB) == [(SECRET, SECRET, 1_000_000)]


def test_members_that_cannot_be_listed(client: TestClient) -> None:
    assert "campaign" in get(client, "meta.cost/members/channel", status=422)["detail"]
    assert "from 1 to 200" in get(client, "ga4.visits/members/channel", status=422, limit="201")["detail"]
    assert "is not a parameter" in get(client, "ga4.visits/members/channel", status=422, compare="off")["detail"]
    assert "ga4.visits" in get(client, "ga4.visit/members/channel", status=404)["detail"]


def test_the_catalog_tells_what_a_filter_bar_needs(client: TestClient) -> None:
    entries = client.get("/v1/widgets", headers=make_bearer_headers(ALICE)).json()["widgets"]
    dimensions = {entry["key"]: [each["name"] for each in entry["dimensions"]] for entry in entries}
    assert dimensions["ga4.visits"] == ["channel", "landing_page"]
    assert dimensions["corr.side_by_side"] == ["channel", "landing_page", "campaign"]
    assert dimensions["corr.per_visit"] == []
    breakdowns = {entry["key"]: entry["breakdowns"] for entry in entries}
    others = ("ga4.both", "corr.side_by_side", "corr.per_visit")
    assert [breakdowns.pop(key) for key in others] == [[], [], []]
    assert breakdowns.pop("meta.cost") == ["campaign"]
    assert set(map(tuple, breakdowns.values())) == {("channel", "landing_page")}
    titles = {each["name"]: each["title"] for entry in entries for each in entry["dimensions"]}
    assert titles == {"channel": "Channel", "landing_page": "Landing page", "campaign": "Campaign"}


@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "%FF", "x%C3"])
def test_what_is_no_text_is_no_parameter(client: TestClient, text: str) -> None:
    alice = make_bearer_headers(ALICE)
    for path, parameter in (
        ("ga4.visits", "filter.channel"),
        ("ga4.visits", "exclude.channel"),
        ("ga4.visits", "sources"),
        ("ga4.visits/explain", "receipt"),
        ("ga4.visits/members/channel", "search"),
        ("ga4.visits/members/channel", "filter.landing_page"),
    ):
        answer = client.get(f"/v1/widgets/{path}?start=2025-01-01&end=2025-01-03&{parameter}=a{text}", headers=alice)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert [each["parameter"] for each in answer.json()["errors"]] == [parameter]
    named = client.get(f"/v1/widgets/ga4.visits?filter.a{text}=x", headers=alice).json()["errors"]
    assert [each["detail"] for each in named] == ["has a character that no text has: NUL, or half a surrogate"]
    for whole in ("%EF%BF%BD", "%F0%9F%8D%BA", "%C3%A4"):
        assert client.get(f"/v1/widgets/ga4.visits/members/channel?search={whole}", headers=alice).status_code == 200
