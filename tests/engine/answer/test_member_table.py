"""Tables of members, on every engine: which rows they have, in which order, and what stands in a cell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.calendar import Compare
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, load_files, make_file

ADS = {
    "time": "date",
    "key": ["user_id", "date", "account", "ad"],
    "account": "account",
    "currency": "currency",
    "dimensions": {"ad": {"column": "ad", "label": "name"}},
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "account": "text",
        "ad": "text",
        "name": "text",
        "spend": {"type": "numeric", "money": True},
        "clicks": "bigint",
        "number": "integer",
        "people": {"type": "bigint", "additive": False},
        "currency": "text",
    },
}
METRICS: dict[str, Any] = {
    "plain": {"rows": "ad", "columns": {"Clicks": "sum(clicks)", "CPC": "sum(spend) / sum(clicks)"}},
    "having": {"rows": "ad", "columns": {"Clicks": "sum(clicks)"}, "having": "sum(clicks) > 2", "limit": 1},
    "money": {"rows": "ad", "columns": {"Spend": "sum(spend)"}, "having": "sum(spend) > 1"},
    "last": {"rows": "ad", "columns": {"People": {"value": "sum(people)", "total": "last"}}},
    "shares": {
        "rows": "ad",
        "columns": {
            "Share": {"value": "sum(clicks)", "share": True, "decimals": 1},
            "Clicks": "sum(clicks)",
            "Spend": {"value": "sum(spend)", "share": True},
        },
        "decimals": 3,
        "order": {"Share": "asc"},
    },
    "shares_by": {"value": "sum(clicks)", "by": "ad", "top": 1, "share": True, "where": "clicks > 0"},
    "days": {"value": "count(*)", "by": "number", "order": "name"},
    "distinct": {"rows": "ad", "columns": {"Days": "count(distinct clicks)"}, "where": "clicks > 1"},
}
# Account, ad, its name, day of January, spend, clicks, people, currency.
ROWS = [
    ("1", "a", "Old", 1, 1, 2, 5, "USD"),
    ("1", "a", "New", 3, 3, 2, 7, "USD"),
    ("2", "a", "", 4, 4, 4, 9, "USD"),
    ("1", "b", "New", 4, 2, 1, 1, "EUR"),
    ("1", "", "Nameless", 4, 2, 0, 2, "EUR"),
    ("1", "c", "Gone", 2, 8, 8, 8, "EUR"),
]


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    catalog = load_files(make_file({key: {"table": "ads", **each} for key, each in METRICS.items()}, {"ads": ADS}))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    names = ("account", "ad", "name", "date", "spend", "clicks", "people", "currency")
    warehouse.upsert(
        catalog.tables["ads"],
        [
            {"user_id": ME, **dict(zip(names, row, strict=True)), "date": date(2025, 1, row[3]), "number": 4 * row[3]}
            for row in ROWS
        ],
    )
    yield Engine(catalog, warehouse)
    warehouse.close()


def query_table(engine: Engine, key: str, compare: Compare = Compare.PREVIOUS_PERIOD) -> dict[str, Any]:
    """Ask for 3 and 4 January; the compared window is 1 and 2 January."""
    query = MetricQuery(date(2025, 1, 3), date(2025, 1, 4), compare)
    sources = frozenset(engine.catalog.metrics[key].sources)
    table: dict[str, Any] = engine.query(key, query, RequestContext(tenant=ME, connected=sources)).body["table"]
    return table


def list_cells(table: dict[str, Any], column: str) -> list[tuple[Any, ...]]:
    cells = [(row["id"], row["values"][column]) for row in table["rows"]]
    return [(member, cell["value"], cell["previous"]) for member, cell in cells]


def test_a_member_is_a_row_of_the_asked_window(engine: Engine) -> None:
    table = query_table(engine, "plain")
    assert list_cells(table, "Clicks") == [("a", 6, 2), ("b", 1, 0), ("(not set)", 0, 0)]
    assert [row["label"] for row in table["rows"]] == ["New", "New", "(not set)"]
    assert table["total"]["Clicks"] == {"value": 7, "previous": 10, "delta": pytest.approx(-0.3), "to_date": None}


def test_amounts_have_the_currency_of_their_row(engine: Engine) -> None:
    table = query_table(engine, "plain")
    assert [row["currency"] for row in table["rows"]] == ["USD", "EUR", "EUR"]
    assert [value for _, value, _ in list_cells(table, "CPC")] == [pytest.approx(7 / 6), 2, None]
    assert table["columns"][1]["currency"] == "mixed"
    assert table["total"]["CPC"]["value"] is None


def test_having_chooses_rows_and_no_totals(engine: Engine) -> None:
    table = query_table(engine, "having", Compare.OFF)
    assert (list_cells(table, "Clicks"), table["count"]) == ([("a", 6, None)], 1)
    assert table["total"]["Clicks"]["value"] == 7


def test_mixed_amounts_stand_in_the_order_of_ids(engine: Engine) -> None:
    assert list_cells(query_table(engine, "money"), "Spend") == [("(not set)", 2, 0), ("a", 7, 1), ("b", 2, 0)]


def test_the_last_day_is_that_of_each_account(engine: Engine) -> None:
    assert list_cells(query_table(engine, "last"), "People") == [("a", 16, 5), ("(not set)", 2, None), ("b", 1, None)]


def test_distinct_values_are_counted_over_the_whole_window(engine: Engine) -> None:
    assert list_cells(query_table(engine, "distinct"), "Days") == [("a", 2, 1)]


def test_a_share_is_of_the_total_of_its_window(engine: Engine) -> None:
    table = query_table(engine, "shares")
    assert list_cells(table, "Share") == [("(not set)", 0, 0), ("b", 1 / 7, 0), ("a", 6 / 7, 0.2)]
    assert {name: total["value"] for name, total in table["total"].items()} == {"Share": 1, "Clicks": 7, "Spend": None}
    # Amounts in several currencies have no whole.
    assert [value for _, value, _ in list_cells(table, "Spend")] == [None, None, None]
    assert [column["format"] for column in table["columns"]] == ["percent", "decimal", "percent"]
    assert [column["currency"] for column in table["columns"]] == [None, None, None]
    # The number of decimals of the metric is that of its own format.
    assert [column["decimals"] for column in table["columns"]] == [1, 3, None]


def test_the_shares_of_members_come_to_the_whole_in_every_bucket(engine: Engine) -> None:
    query = MetricQuery(date(2025, 1, 1), date(2025, 1, 4), Compare.OFF)
    context = RequestContext(tenant=ME, connected=frozenset(engine.catalog.metrics["shares_by"].sources))
    body = engine.query("shares_by", query, context).body
    shares = {series["name"]: [point["v"] for point in series["points"]] for series in body["series"]}
    # By day 2, 8, 2 and 5 clicks: `a` has those of the first, the third and four of the last.
    assert shares == {"New": [1, 0, 1, 0.8], "Other": [0, 1, 0, pytest.approx(0.2)]}
    assert [series["stats"]["value"] for series in body["series"]] == [8 / 17, 9 / 17]
    assert (body["stats"]["value"], body["meta"]["format"]) == (1, "percent")


def test_members_that_are_numbers_stand_by_their_size(engine: Engine) -> None:
    query = MetricQuery(date(2025, 1, 1), date(2025, 1, 4), Compare.OFF)
    context = RequestContext(tenant=ME, connected=frozenset(engine.catalog.metrics["days"].sources))
    assert [series["name"] for series in engine.query("days", query, context).body["series"]] == ["4", "8", "12", "16"]
