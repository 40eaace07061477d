"""Assistants ask over HTTP with the official SDK's client, and get what a GET answers."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp_types import CallToolResult
from starlette.testclient import TestClient

from api.answers import open_narrate_pool
from api.app import create_app
from api.mcp.resource_metadata import METADATA_PATH
from api.mcp.tools import ToolRunner
from api.middleware import admission
from api.middleware.admission import Places
from demo.tenants import EVERYTHING, TWO_CURRENCIES
from engine import answer_deadline
from runtime.services import Services
from tests.api.conftest import make_bearer_headers, make_settings, run_app, sign_token
from tests.support.assistants import SECRET, TODAY, get_body, iter_unmarked_texts, open_demo, use_client

pytestmark = pytest.mark.server

MONTH = {"start": "2026-11-01", "end": "2026-11-30", "compare": "previous_month"}
OVER = {"start": "2026-10-01", "end": "2026-10-31"}
PROSPECTING = "12026894912576492"
ANA, ZOE = EVERYTHING.user_id, TWO_CURRENCIES.user_id


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Services, "get_today", lambda _: TODAY)
        with open_demo(tmp_path_factory.mktemp("demo")) as services:
            yield services


@pytest.fixture(scope="module")
def address(services: Services) -> Iterator[str]:
    """One server for all tests of this file; the services are closed by it."""
    with run_app(create_app(services)) as address:
        yield address


def call_tools(address: str, *calls: tuple[str, dict[str, Any]], user: str = ANA, mode: str = "auto") -> list[Any]:
    """Call tools in one connection; returns the bodies and whether each is an error."""

    async def call_each(client: Client) -> list[CallToolResult]:
        return [await client.call_tool(name, arguments) for name, arguments in calls]

    results = use_client(address, sign_token(user), call_each, mode=mode)
    for result in results:
        # Clients that know no structured content read the same text.
        assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    return [(get_body(result), result.is_error) for result in results]


def query_metrics(address: str, user: str = ANA, **arguments: Any) -> Any:
    ((body, is_error),) = call_tools(address, ("query_metrics", arguments), user=user)
    assert not is_error, body
    return body["widgets"]


def get_json(address: str, path: str, params: Any = (), user: str = ANA) -> Any:
    request = urllib.request.Request(f"{address}{path}?{urlencode(params)}", headers=make_bearer_headers(user))
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return json.load(refused)


def without_through(stats: dict[str, Any]) -> dict[str, Any]:
    to_date = {name: value for name, value in (stats["to_date"] or {}).items() if name != "through"}
    return {name: value for name, value in stats.items() if name != "to_date"} | (
        {"to_date": to_date} if to_date else {}
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_there_are_a_few_tools_and_all_only_read(address: str, mode: str) -> None:
    async def look(client: Client) -> Any:
        return client.instructions, (await client.list_tools()).tools

    instructions, tools = use_client(address, sign_token(ANA), look, mode=mode)
    assert "data_through" in instructions
    assert [tool.name for tool in tools] == [
        "list_metrics",
        "query_metrics",
        "list_members",
        "explain_number",
        "get_insights",
    ]
    for tool in tools:
        Draft202012Validator.check_schema(tool.input_schema)
        assert all(each["description"] for each in tool.input_schema["properties"].values())
        assert tool.annotations.read_only_hint


def test_a_search_finds_metrics_by_what_they_are_called(address: str) -> None:
    words = ("return on ad spend", "campaign roas", "ROAZ", "channel Instagram", "")
    bodies = [body for body, _ in call_tools(address, *(("list_metrics", {"search": each}) for each in words))]
    keys = [[metric["key"] for metric in body["metrics"]] for body in bodies]
    assert keys[0] == ["meta.roas"]
    assert keys[1] == ["meta.campaign_table", "meta.roas"]
    assert "meta.roas" in keys[2]
    assert any(each.startswith("ig.") for each in keys[3])
    assert keys[4] == [each["key"] for each in get_json(address, "/v1/widgets")["widgets"]]
    assert bodies[0]["today"] == TODAY.isoformat()
    assert bodies[0]["metrics"][0]["dimensions"] == ["ad_account", "campaign"]
    ((others, _),) = call_tools(address, ("list_metrics", {"search": "posts", "limit": 1}), user=ZOE)
    assert others["metrics"][0]["missing_sources"] == ["instagram"]


def test_the_numbers_are_those_of_a_get(address: str) -> None:
    keys = ["meta.roas", "ga4.users", "meta.cost_metrics", "ga4.traffic_channels", "corr.spend_vs_sessions"]
    widgets = query_metrics(address, keys=keys, grain="week", points=True, **MONTH)
    for key in keys:
        whole = get_json(address, f"/v1/widgets/{key}", {**MONTH, "grain": "week"})
        short = widgets[key]
        assert short["stats"] == without_through(whole["stats"])
        assert [each["points"] for each in short["series"]] == [each["points"] for each in whole["series"]]
        assert [each["compared_points"] for each in short["series"]] == [
            each["points"] for each in whole["comparison"]["series"]
        ]
        for name in ("data_through", "provisional_from", "notes", "receipt", "start", "end"):
            assert short["meta"][name] == whole["meta"][name]
    assert widgets["meta.roas"]["meta"]["provisional_days"] == 27
    assert widgets["ga4.users"]["meta"]["total"] == "average"


def test_totals_come_first_and_alone(address: str) -> None:
    widgets = query_metrics(address, keys=["ga4.sessions", "meta.campaign_table", "ga4.landing_page_table"], **OVER)
    whole = get_json(address, "/v1/widgets/meta.campaign_table", OVER)["table"]
    assert "series" not in widgets["ga4.sessions"]
    assert list(widgets["ga4.sessions"]["stats"]) == ["value"]
    assert "points" not in json.dumps(widgets)
    table = widgets["meta.campaign_table"]["table"]
    assert table["total"] == {name: {"value": cell["value"]} for name, cell in whole["total"].items()}
    assert [row["values"] for row in table["rows"]] == [
        {name: {"value": cell["value"]} for name, cell in row["values"].items()} for row in whole["rows"]
    ]
    pages = widgets["ga4.landing_page_table"]["table"]
    assert pages["count"] > len(pages["rows"]) == 10
    more = query_metrics(address, keys=["ga4.landing_page_table"], limit=12, offset=1, sort="Sessions", **OVER)
    assert len(more["ga4.landing_page_table"]["table"]["rows"]) == min(12, pages["count"] - 1)


def test_filters_breakdowns_and_members_are_those_of_a_get(address: str) -> None:
    filters = {"campaign": [PROSPECTING]}
    (one, _), (rest, _), (by, _), (members, _) = call_tools(
        address,
        ("query_metrics", {"keys": ["meta.spend"], "filter": filters, **OVER}),
        ("query_metrics", {"keys": ["meta.spend"], "exclude": filters, **OVER}),
        ("query_metrics", {"keys": ["meta.spend"], "by": "campaign", "top": "2", "sources": ["meta"], **OVER}),
        ("list_members", {"key": "meta.spend", "dimension": "campaign", "limit": 3, "search": "lookalike", **OVER}),
    )
    spend = get_json(address, "/v1/widgets/meta.spend", OVER)["stats"]["value"]
    only, without = (each["widgets"]["meta.spend"]["stats"]["value"] for each in (one, rest))
    assert (
        only == get_json(address, "/v1/widgets/meta.spend", {**OVER, "filter.campaign": PROSPECTING})["stats"]["value"]
    )
    assert only + without == pytest.approx(spend)
    assert one["widgets"]["meta.spend"]["meta"]["filters"]["applied"][0]["filter"] == [PROSPECTING]
    series = by["widgets"]["meta.spend"]["series"]
    assert [each["id"]["data"] for each in series] == [PROSPECTING, series[1]["id"]["data"], "Other"]
    assert series[0]["stats"]["value"] == pytest.approx(only)
    assert members["members"] == [
        {"id": {"data": PROSPECTING}, "label": {"data": "Prospecting | Lookalike 2%"}, "value": pytest.approx(only)}
    ]


def test_an_error_is_the_apis_and_names_what_is_right(address: str) -> None:
    (unknown, _), (several, _), (mixed, _), (tool, _), (forms, _) = found = call_tools(
        address,
        ("query_metrics", {"keys": ["meta.roass"]}),
        ("query_metrics", {"keys": ["meta.roas"], "comparee": "x", "grain": "dayly"}),
        ("query_metrics", {"keys": ["meta.roass", "meta.roas"]}),
        ("query_metric", {"keys": ["meta.roas"]}),
        ("query_metrics", {"filter": {"campaign": 3}, "points": "yes", "top": 1.5, "keys": None}),
    )
    assert [is_error for _, is_error in found] == [True, True, False, True, True]
    assert unknown == get_json(address, "/v1/widgets/meta.roass")
    assert "did you mean 'compare'" in several["errors"][0]["detail"]
    assert several["errors"][1] == get_json(address, "/v1/widgets/meta.roas", {"grain": "dayly"})["errors"][0]
    assert mixed["widgets"]["meta.roass"] == unknown
    assert mixed["widgets"]["meta.roas"]["stats"]["value"] is not None
    assert "did you mean 'query_metrics'" in tool["detail"]
    assert {each["parameter"] for each in forms["errors"]} == {"filter", "points", "top", "keys"}
    bad = {"key": "meta.roas", "dimension": "campain", "filter": {"campain": ["a"]}, "limit": 0}
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("list_members", bad),
        ("list_members", bad | {"limit": 1}),
        ("list_members", {}),
        ("explain_number", {}),
    )
    bodies = [body for body, _ in call_tools(address, *calls, ("get_insights", {"grain": "day"}))]
    assert [body["status"] for body in bodies] == [422] * 5
    assert "did you mean 'campaign'" in bodies[1]["detail"]
    assert [each["parameter"] for each in bodies[2]["errors"]] == ["key", "dimension"]


def test_texts_of_outsiders_are_marked_as_data(address: str) -> None:
    bodies = call_tools(
        address,
        ("query_metrics", {"keys": ["meta.campaign_table", "ig.content_perf", "meta.campaigns"], **OVER}),
        ("query_metrics", {"keys": ["meta.spend"], "by": "campaign", "points": True, **MONTH}),
        ("list_members", {"key": "meta.spend", "dimension": "campaign", **OVER}),
        ("get_insights", MONTH),
    )
    members = get_json(address, "/v1/widgets/meta.spend/members/campaign", OVER)["members"]
    items = get_json(address, "/v1/widgets/ig.content_perf", OVER)["items"]
    outside = [member["label"] for member in members] + [item["caption"] for item in items if item["caption"]]
    assert len(outside) > 10
    for body, is_error in bodies:
        assert not is_error
        assert body["warning"]
        text = "\n".join(iter_unmarked_texts(body))
        assert [each for each in outside if each in text] == []
    assert outside[0] in json.dumps(bodies[0][0], ensure_ascii=False)


def test_a_receipt_leads_back_and_is_its_owners_alone(address: str) -> None:
    roas = query_metrics(address, keys=["meta.roas"], filter={"campaign": [PROSPECTING]}, **MONTH)["meta.roas"]
    asked = {"key": "meta.roas", "receipt": roas["meta"]["receipt"], "compare": "previous_month"}
    filtered = asked | {"filter": {"campaign": [PROSPECTING]}}
    (same, _), (other, _), (whole, _) = call_tools(
        address,
        ("explain_number", filtered),
        ("explain_number", asked),
        ("explain_number", filtered | {"statements": True}),
    )
    assert same["receipt"] == {"id": roas["meta"]["receipt"], "same": True, "changed": []}
    assert (same["query"]["start"], same["stats"]) == (MONTH["start"], roas["stats"])
    assert same["definition"]["file"] == "meta.yaml"
    assert same["provisional_days"] == 27
    assert [each["what"] for each in other["receipt"]["changed"]] == ["filters"]
    assert "statements" not in same
    assert "SELECT" in whole["statements"][0]["statement"]
    ((refused, is_error),) = call_tools(address, ("explain_number", filtered), user=ZOE)
    assert is_error
    assert "is not a receipt of this user's meta.roas" in refused["detail"]


def test_two_tenants_see_their_own(address: str) -> None:
    ana, zoe = (query_metrics(address, user, keys=["ga4.sessions"], **OVER)["ga4.sessions"] for user in (ANA, ZOE))
    for user, answer in ((ANA, ana), (ZOE, zoe)):
        assert answer["stats"]["value"] == get_json(address, "/v1/widgets/ga4.sessions", OVER, user)["stats"]["value"]
    assert ana["stats"] != zoe["stats"]
    hers = {"keys": ["meta.spend"], "filter": {"campaign": [PROSPECTING]}, **OVER}
    (filtered, _), (members, _), (insights, _) = call_tools(
        address,
        ("query_metrics", hers),
        ("list_members", {"key": "meta.spend", "dimension": "campaign", **OVER}),
        ("get_insights", MONTH),
        user=ZOE,
    )
    assert filtered["widgets"]["meta.spend"]["stats"]["value"] in (None, 0)
    assert PROSPECTING not in json.dumps(members)
    assert insights["meta"]["sources"] == ["ga4", "meta"]


def test_insights_are_those_of_a_get(address: str) -> None:
    ((told, _),) = call_tools(address, ("get_insights", MONTH))
    items = get_json(address, "/v1/insights", MONTH)["items"]
    assert items
    marked = [{**each, "bullets": [{"data": bullet} for bullet in each["bullets"]]} for each in items]
    assert told["items"] == marked


def test_without_a_token_an_oauth_client_finds_the_issuer(services: Services) -> None:
    issuer = "https://login.example.com/"
    settings = make_settings(JWT_ISSUER=issuer, JWT_SECRET=SECRET, RATE_LIMIT="3/hour")
    # Without its lifespan, which would close the services.
    client = TestClient(create_app(replace_settings(services, settings)), base_url="https://numbers.example.com")
    refused = client.post("/v1/mcp", json={})
    address = f"https://numbers.example.com{METADATA_PATH}"
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == f'Bearer resource_metadata="{address}"'
    wrong = client.post("/v1/mcp", json={}, headers={"Authorization": "Bearer no"})
    assert wrong.headers["www-authenticate"] == f'Bearer error="invalid_token", resource_metadata="{address}"'
    assert client.get("/v1/widgets").headers["www-authenticate"] == "Bearer"
    assert client.post("/v1/mcp", json={}, headers={"Host": 'a", x="'}).headers["www-authenticate"] == "Bearer"
    assert client.get(address).json() == {
        "resource": "https://numbers.example.com/v1/mcp",
        "resource_name": "metric-engine",
        "bearer_methods_supported": ["header"],
        "authorization_servers": [issuer],
    }


def replace_settings(services: Services, settings: Any) -> Services:
    return Services(services.engine, services.state, settings)


def test_calls_count_and_wait_as_requests_do(address: str, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAIT_SECONDS", 0.01)
    seen: list[float | None] = []

    async def crowd() -> list[Any]:
        places = Places(total=1)
        runner = ToolRunner(services, places, open_narrate_pool())
        async with places.hold_place(ANA):
            names = ("list_metrics", "query_metrics", "get_insights")
            arguments: list[dict[str, Any]] = [{}, {"keys": ["ga4.sessions"]}, {}]
            return [await runner.call_tool(*call, ZOE) for call in zip(names, arguments, strict=True)]

    results = asyncio.run(crowd())
    assert [(each.is_error, each.body["status"], each.body["type"]) for each in results] == [
        (True, 503, "/problems/no-free-place")
    ] * 3
    # Whatever the protocol's era, the thread knows by when the request must be answered.
    run = Services.query_many

    def note_deadline(*given: Any, **named: Any) -> Any:
        seen.append(answer_deadline.get())
        return run(*given, **named)

    monkeypatch.setattr(Services, "query_many", note_deadline)
    for mode in ("auto", "legacy"):
        call_tools(address, ("query_metrics", {"keys": ["ga4.sessions"]}), mode=mode)
    assert len(seen) == 2
    assert None not in seen


def test_it_takes_posts_alone_and_few_of_them_where_there_is_a_limit(services: Services) -> None:
    client = TestClient(
        create_app(replace_settings(services, make_settings(JWT_SECRET=SECRET, RATE_LIMIT="2/hour"))),
        headers=make_bearer_headers(ANA),
    )
    wrong = client.get("/v1/mcp")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert client.post("/v1/mcp", json={}).status_code in (400, 406)
    limited = client.post("/v1/mcp", json={})
    assert (limited.status_code, limited.json()["type"]) == (429, "/problems/too-many-requests")


def test_without_the_package_it_says_what_to_install(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    client = TestClient(create_app(services), headers=make_bearer_headers(ANA))
    answer = client.post("/v1/mcp", json={})
    assert (answer.status_code, answer.json()["type"]) == (501, "/problems/not-installed")
    assert answer.json()["detail"].endswith("pip install mcp (the extra 'mcp')")
