"""Sources that metric files declare: Google Ads, Search Console and Shopify, by YAML and CSV alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from api.tokens import create_token
from cli.services import open_services
from tests.cli.conftest import ALICE, SECRET, Run
from tests.cli.conftest import run as run

GOOGLE_ADS = """\
source: google_ads
sources: {google_ads: {title: Google Ads}, search_console: Search Console}
tables:
  google_ads_daily:
    time: date
    currency: currency
    key: [user_id, date, customer_id, campaign_id]
    account: customer_id
    columns:
      {user_id: uuid, date: date, customer_id: text, campaign_id: text, clicks: bigint, currency: text,
       cost: {type: numeric, money: true}, conversions_value: {type: numeric, money: true}}
metrics:
  google_ads.cost: {table: google_ads_daily, value: sum(cost), format: currency}
"""
SEARCH_CONSOLE = """\
source: search_console
tables:
  search_console_daily:
    time: date
    key: [user_id, date, site, query]
    account: site
    columns: {user_id: uuid, date: date, site: text, query: text, clicks: bigint, impressions: bigint}
metrics:
  search_console.ctr: {table: search_console_daily, value: sum(clicks) / sum(impressions), format: percent}
"""
SHOPIFY = """\
sources: {shopify: {}}
source: shopify
tables:
  shopify_orders:
    time: day
    currency: currency
    key: [user_id, order_id]
    columns: {user_id: uuid, day: date, order_id: text, currency: text, total: {type: numeric, money: true}}
metrics:
  shopify.orders: {table: shopify_orders, value: count(*)}
"""
META = """\
source: meta
tables:
  meta_ads_daily:
    time: date
    currency: currency
    key: [user_id, date, account_id, campaign_id]
    account: account_id
    columns:
      {user_id: uuid, date: date, account_id: text, campaign_id: text, currency: text,
       spend: {type: numeric, money: true}, conversion_value: {type: numeric, money: true}}
"""
BLENDED = """\
tables:
  ads_daily:
    time: date
    currency: currency
    sql: |
      SELECT user_id, date, currency, spend, conversion_value AS value FROM {{ table('meta_ads_daily') }}
      UNION ALL
      SELECT user_id, date, currency, cost AS spend, conversions_value AS value FROM {{ table('google_ads_daily') }}
    columns:
      {user_id: uuid, date: date, currency: text,
       spend: {type: numeric, money: true}, value: {type: numeric, money: true}}
metrics:
  ads.roas:
    table: ads_daily
    value: sum(value) / sum(spend)
    tests:
      - name: both of one day
        rows:
          meta_ads_daily: [{date: 2025-01-01, spend: 10, conversion_value: 30, currency: EUR}]
          google_ads_daily: [{date: 2025-01-01, cost: 30, conversions_value: 50, currency: EUR}]
        start: 2025-01-01
        end: 2025-01-01
        expect: {stats: {value: 2}, meta: {currency: EUR}}
  meta.blended_spend: {table: ads_daily, value: sum(spend), format: currency}
  ads.cost_per_order: {derive: meta.blended_spend / shopify.orders}
"""
FOLDER = {
    "google_ads.yaml": GOOGLE_ADS,
    "search_console.yaml": SEARCH_CONSOLE,
    "shopify.yaml": SHOPIFY,
    "meta.yaml": META,
    "ads.yaml": BLENDED,
}
EXPORTS = {
    "google_ads_daily": "date,customer id,campaign id,clicks,currency,cost,conversions value\n"
    "2025-01-01,555-1,c1,10,EUR,30.00,50.00\n2025-01-02,555-1,c1,5,EUR,10.00,10.00\n",
    "search_console_daily": "date,site,query,clicks,impressions\n2025-01-01,shop.example,shoes,3,60\n",
    "shopify_orders": "day,order id,currency,total\n2025-01-01,o1,EUR,20\n2025-01-02,o2,EUR,30\n",
    "meta_ads_daily": "date,account id,campaign id,currency,spend,conversion value\n"
    "2025-01-01,77,m1,EUR,10,30\n2025-01-02,77,m1,EUR,10,30\n",
}
DAYS = {"start": "2025-01-01", "end": "2025-01-02"}


@pytest.fixture
def client(run: Run, tmp_path: Path) -> Iterator[TestClient]:
    """The API of an installation into which all the exports but Meta's are loaded for Alice."""
    (tmp_path / "mine").mkdir()
    for name, text in FOLDER.items():
        (tmp_path / "mine" / name).write_text(text)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JWT_SECRET", SECRET)
        for table in EXPORTS.keys() - {"meta_ads_daily"}:
            assert load(run, table).exit_code == 0
        with open_services(tmp_path / "mine") as services:
            bearer = f"Bearer {create_token(ALICE, secret=SecretStr(SECRET), lifetime=timedelta(hours=1))}"
            with TestClient(create_app(services), headers={"Authorization": bearer}) as opened:
                yield opened


def load(run: Run, table: str) -> Any:
    Path(f"{table}.csv").write_text(EXPORTS[table])
    return run("load", table, f"{table}.csv", "--user", ALICE, "--metrics", "mine")


def query_value(client: TestClient, key: str, **given: str) -> Any:
    return client.get(f"/v1/widgets/{key}", params=DAYS | given).json()["stats"]["value"]


def test_the_folder_is_sound_and_its_tests_pass(client: TestClient, run: Run) -> None:
    assert run("validate", "mine").exit_code == 0
    assert run("test", "mine").exit_code == 0


def test_loaded_sources_are_connected_and_answered(client: TestClient) -> None:
    assert client.get("/v1/dashboard/meta").json()["connected_sources"] == {
        "ga4": False,
        "google_ads": True,
        "instagram": False,
        "meta": False,
        "search_console": True,
        "shopify": True,
    }
    listed = client.get("/v1/widgets").json()
    assert {"name": "google_ads", "title": "Google Ads"} in listed["sources"]
    assert {"name": "search_console", "title": "Search Console"} in listed["sources"]
    assert {"name": "shopify", "title": "Shopify"} in listed["sources"]
    assert query_value(client, "google_ads.cost") == 40
    assert query_value(client, "search_console.ctr") == 0.05
    assert query_value(client, "shopify.orders") == 2
    accounts = [(each["source"], each["account_id"]) for each in client.get("/v1/connections").json()["connections"]]
    assert accounts == [("google_ads", "555-1"), ("search_console", "shop.example"), ("shopify", "")]


def test_a_blended_ratio_needs_both_of_its_sources(client: TestClient, run: Run) -> None:
    lacking = client.get("/v1/widgets/ads.roas", params=DAYS).json()
    assert lacking["series"] == []
    assert lacking["meta"]["sources"] == ["google_ads", "meta"]
    assert lacking["meta"]["missing_sources"] == ["meta"]
    assert load(run, "meta_ads_daily").exit_code == 0
    whole = client.get("/v1/widgets/ads.roas", params=DAYS).json()
    # 60 + 60 of 40 + 20, and never the mean of the two ratios.
    assert whole["stats"]["value"] == 2.0
    assert [point["v"] for point in whole["series"][0]["points"]] == [2.0, 2.0]
    assert whole["meta"]["currency"] == "EUR"
    assert query_value(client, "ads.cost_per_order") == 30
    assert query_value(client, "ads.roas", sources="meta") is None
    assert query_value(client, "ads.roas", sources="google_ads,meta") == 2.0


def test_toggles_know_declared_sources(client: TestClient, run: Run) -> None:
    off = client.get("/v1/widgets/google_ads.cost", params=DAYS | {"sources": "shopify"}).json()
    assert off["meta"]["missing_sources"] == ["google_ads"]
    assert query_value(client, "google_ads.cost", sources="google_ads,shopify") == 40
    body = {"keys": ["google_ads.cost"], "sources": "google_ads", **DAYS}
    assert client.post("/v1/widgets/batch", json=body).json()["widgets"]["google_ads.cost"]["stats"]["value"] == 40
    for answer in (
        client.get("/v1/widgets/google_ads.cost", params={"sources": "google_add"}),
        client.post("/v1/widgets/batch", json=body | {"sources": "google_add"}),
        client.get("/v1/insights", params={"sources": "google_add"}),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "sources"
        assert "did you mean 'google_ads'?" in answer.json()["errors"][0]["detail"]
    assert client.get("/v1/insights", params=DAYS | {"sources": "google_ads"}).json()["meta"]["sources"] == [
        "google_ads"
    ]
    options = ("--user", ALICE, "--start", "2025-01-01", "--end", "2025-01-02", "--metrics", "mine")
    told = run("query", "google_ads.cost", *options, "--sources", "google_ads", "--format", "json")
    assert json.loads(told.stdout)["stats"]["value"] == 40
    assert "did you mean 'google_ads'?" in run("query", "google_ads.cost", *options, "--sources", "google_add").stderr


@pytest.mark.parametrize("account", ["123-456-7890", "Filiale Köln / Nord", "x" * 200])
def test_a_declared_source_is_connected_without_credentials(client: TestClient, account: str) -> None:
    path = "/v1/connections/google_ads"
    answer = client.put(path, json={"account_id": account, "options": {}})
    assert (answer.status_code, answer.json()["status"]) == (200, "external")
    assert account in {each["account_id"] for each in client.get("/v1/connections").json()["connections"]}
    assert client.delete(path, params={"account_id": account}).status_code == 204
    assert client.delete(path).status_code == 204
    assert client.get("/v1/dashboard/meta").json()["connected_sources"]["google_ads"] is False


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"account_id": "1", "credentials": {"access_token": "secret-word"}}, "#/credentials"),
        ({"account_id": "1", "options": {"time_zone": "Europe/Berlin"}}, "#/options/time_zone"),
        ({"account_id": "x" * 201}, "#/account_id"),
        ({"account_id": ""}, "#/account_id"),
        ({"account_id": "a\0b"}, None),
        ({"account_id": "\ud800"}, None),
    ],
)
def test_what_no_declared_source_takes_is_422(client: TestClient, body: Any, pointer: str | None) -> None:
    answer = client.put(
        "/v1/connections/google_ads", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert "secret-word" not in answer.text
    assert pointer is None or answer.json()["errors"][0]["pointer"] == pointer


def test_an_unknown_source_of_a_path_is_404(client: TestClient) -> None:
    answer = client.put("/v1/connections/google_add", json={"account_id": "1"})
    assert answer.status_code == 404
    assert "did you mean 'google_ads'?" in answer.json()["detail"]


def test_the_document_names_the_sources_of_the_catalog(client: TestClient) -> None:
    names = ["ga4", "google_ads", "instagram", "meta", "search_console", "shopify"]
    document = client.get("/openapi.json").json()
    (source,) = (
        each for each in document["paths"]["/v1/connections/{source}"]["put"]["parameters"] if each["name"] == "source"
    )
    assert source["schema"]["enum"] == names
    listed = f"^(({'|'.join(names)})(,({'|'.join(names)}))*)?$"
    assert document["components"]["schemas"]["BatchQuestion"]["properties"]["sources"]["pattern"] == listed
    for path in ("/v1/widgets/{key}", "/v1/widgets/google_ads.cost", "/v1/insights"):
        (sources,) = (each for each in document["paths"][path]["get"]["parameters"] if each["name"] == "sources")
        assert sources["schema"]["pattern"] == listed


def test_a_layout_and_a_purge_know_declared_sources(client: TestClient, run: Run) -> None:
    assert client.post("/v1/dashboard/layout", json={"widgets": [{"id": "shopify.orders"}]}).status_code == 200
    options = ("--user", ALICE, "--metrics", "mine", "--yes")
    assert "2 rows deleted" in run("purge", *options, "--source", "shopify").stdout
    assert query_value(client, "shopify.orders") is None
    assert "did you mean 'shopify'?" in run("purge", *options, "--source", "shopfy").stderr


def test_an_account_that_no_connection_could_have_is_not_loaded(client: TestClient, run: Run) -> None:
    Path("long.csv").write_text(f"date,site,query,clicks\n2025-01-01,{'x' * 201},shoes,1\n")
    refused = run("load", "search_console_daily", "long.csv", "--user", ALICE, "--metrics", "mine")
    assert refused.exit_code == 1
    assert "longer than the 200 characters of an account id" in refused.stderr
