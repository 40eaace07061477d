"""Sources that metric files declare, and queries over several: the engine against the oracle, on rows at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from random import Random
from typing import Any

import pytest
import yaml

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.calendar import Compare, Grain
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.oracle.definitions import Definitions, merge_files
from tests.support.oracle.differences import find_differences
from tests.support.oracle.oracle import compute_answer
from tests.support.oracle.queries import fill_query_tables
from tests.support.worlds import ME, YOU, load_files
from tests.test_declared_sources import FOLDER

FIRST, DAYS = date(2025, 1, 1), 20
SOURCES = ("google_ads", "meta", "shopify")
KEYS = ("google_ads.cost", "ads.roas", "meta.blended_spend", "ads.cost_per_order", "ads.any_spend", "shopify.orders")
MORE = """\
metrics:
  ads.any_spend:
    derive: coalesce(google_ads.cost, 0) + coalesce(meta.blended_spend, 0) + coalesce(shopify.orders, 0)
"""
Rows = Mapping[str, Sequence[dict[str, Any]]]


def make_rows(seed: int) -> Rows:
    """Rows of two tenants: money of one currency or of two, days without rows, amounts that are NULL."""
    chance = Random(seed)
    currencies = chance.choice((["EUR"], ["EUR"], ["EUR", "USD"]))

    def make_table(day: str, key: Mapping[str, str], numbers: Sequence[str]) -> list[dict[str, Any]]:
        first, last = chance.randrange(8), chance.randrange(8, DAYS)
        return [
            {
                "user_id": user,
                day: FIRST + timedelta(days=offset),
                "currency": chance.choice(currencies),
                **{name: f"{prefix}{offset}-{number}" for name, prefix in key.items()},
                **{name: chance.choice((None, chance.randrange(90))) for name in numbers},
            }
            for user in (ME, YOU)
            for offset in range(first, last)
            for number in range(chance.randrange(4))
        ]

    return {
        "google_ads_daily": make_table(
            "date", {"customer_id": "a", "campaign_id": "c"}, ["clicks", "cost", "conversions_value"]
        ),
        "meta_ads_daily": make_table("date", {"account_id": "a", "campaign_id": "c"}, ["spend", "conversion_value"]),
        "shopify_orders": make_table("day", {"order_id": "o"}, ["total"]),
    }


@pytest.fixture
def definitions() -> Definitions:
    return merge_files([yaml.safe_load(text) for text in (*FOLDER.values(), MORE)])


@pytest.fixture(params=range(3))
def rows(request: pytest.FixtureRequest) -> Rows:
    return make_rows(request.param)


@pytest.fixture
def engine(rows: Rows, sqlite_url: str) -> Iterator[Engine]:
    catalog, warehouse = load_files(*FOLDER.values(), MORE), Warehouse(sqlite_url)
    warehouse.create_tables(catalog.tables.values())
    for name, listed in rows.items():
        warehouse.upsert(catalog.tables[name], listed)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_every_answer_is_the_oracles_whatever_is_connected(
    engine: Engine, rows: Rows, definitions: Definitions
) -> None:
    filled = fill_query_tables(definitions, rows)
    windows = [(FIRST + timedelta(days=5), FIRST + timedelta(days=11)), (FIRST, FIRST + timedelta(days=DAYS + 3))]
    for count in range(len(SOURCES) + 1):
        for connected in combinations(SOURCES, count):
            for key in KEYS:
                for start, end in windows:
                    query = MetricQuery(start, end, Compare.PREVIOUS_PERIOD, Grain.WEEK)
                    context = RequestContext(tenant=ME, connected=frozenset(connected))
                    expected = compute_answer(
                        definitions,
                        key,
                        filled,
                        tenant=ME,
                        start=start,
                        end=end,
                        compare="previous_period",
                        grain="week",
                        connected=connected,
                    )
                    differing = find_differences(expected, engine.query(key, query, context).body)
                    assert not differing, f"{key} of {connected}: {differing[:5]}"
