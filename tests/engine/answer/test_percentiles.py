"""Medians and percentiles on every engine, against Python's own over the same rows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.calendar import Compare, Grain
from engine.query import DimensionFilter, MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, YOU, load_files, make_file

FIRST = date(2025, 1, 6)
ORDERS = {
    "time": "day",
    "key": ["user_id", "day", "id"],
    "dimensions": {"shop": {}},
    "columns": {"user_id": "uuid", "day": "date", "id": "text", "shop": "text", "total": "numeric", "items": "bigint"},
}
BY_DAY = {
    "time": "day",
    "sql": "SELECT user_id, day, median(total) AS middle, percentile(items, 0.9) AS most FROM {{ table('orders') }} "
    "GROUP BY user_id, day",
    "columns": {
        "user_id": "uuid",
        "day": "date",
        "middle": {"type": "double", "additive": True},
        "most": {"type": "double", "additive": True},
    },
}
METRICS: dict[str, Any] = {
    "median": "median(total)",
    "p90": {"value": "percentile(items, 0.9) - median(items)", "where": "total > 20"},
    "extremes": {"value": "percentile(total, 1) - percentile(total, 0)"},
    "shops": {"value": "median(total)", "by": "shop", "top": 2},
    "table": {"rows": "shop", "columns": {"Median": "median(total)", "P25": "quantile(items, 0.25)"}},
    "listed": {"value": "median(total)", "items": {"by": "shop", "values": {"middle": "median(total)"}, "limit": 2}},
    "days": {"table": "by_day", "value": "sum(middle) + sum(most)"},
}
Row = dict[str, Any]


def make_rows() -> list[Row]:
    chance = Random(3)
    return [
        {
            "user_id": user,
            "day": FIRST + timedelta(days=offset),
            "id": f"{offset}-{number}",
            "shop": chance.choice(["a", "b", "c", "d"]),
            "total": chance.choice([None, chance.randrange(10_000) / 100, chance.randrange(10_000) / 100]),
            "items": chance.randrange(40),
        }
        for user in (ME, YOU)
        for offset in range(21)
        for number in range(chance.randrange(7))
    ]


ROWS = make_rows()
MINE = [row for row in ROWS if row["user_id"] == ME]


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    catalog = load_files(make_file(METRICS, {"orders": ORDERS, "by_day": BY_DAY}))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(catalog.tables["orders"], ROWS)
    yield Engine(catalog, warehouse)
    warehouse.close()


def ask(engine: Engine, key: str, **more: Any) -> dict[str, Any]:
    """Ask for the last two weeks by week, against the two weeks before, of which only one has rows."""
    query = MetricQuery(
        FIRST + timedelta(days=7), FIRST + timedelta(days=20), Compare.PREVIOUS_PERIOD, Grain.WEEK, **more
    )
    body: dict[str, Any] = engine.query(key, query, RequestContext(tenant=ME, connected=frozenset(("ga4",)))).body
    return body


def pick(first: int, last: int, **cells: Any) -> list[Row]:
    days = [FIRST + timedelta(days=offset) for offset in range(first, last + 1)]
    return [row for row in MINE if row["day"] in days and all(row[name] == value for name, value in cells.items())]


def find_percentile(rows: Sequence[Row], column: str, hundredth: int) -> float:
    values = [row[column] for row in rows if row[column] is not None]
    return float(statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1])


def find_median(rows: Sequence[Row]) -> float:
    return float(statistics.median(row["total"] for row in rows if row["total"] is not None))


def find_spread(rows: Sequence[Row]) -> float:
    passing = [row for row in rows if row["total"] is not None and row["total"] > 20]
    return find_percentile(passing, "items", 90) - find_percentile(passing, "items", 50)


def find_range(rows: Sequence[Row]) -> float:
    values = [row["total"] for row in rows if row["total"] is not None]
    return float(max(values) - min(values))


@pytest.mark.parametrize(("key", "compute"), [("median", find_median), ("p90", find_spread), ("extremes", find_range)])
def test_buckets_and_totals_are_of_all_their_rows(
    engine: Engine, key: str, compute: Callable[[Sequence[Row]], float]
) -> None:
    body = ask(engine, key)
    points = [point["v"] for point in body["series"][0]["points"]]
    assert points == [pytest.approx(compute(pick(7, 13))), pytest.approx(compute(pick(14, 20)))]
    assert body["stats"]["value"] == pytest.approx(compute(pick(7, 20)))
    assert body["stats"]["previous"] == pytest.approx(compute(pick(-7, 6)))


def test_filters_and_no_rows(engine: Engine) -> None:
    only = ask(engine, "median", filters=(DimensionFilter("shop", ("a",)),))
    assert only["stats"]["value"] == pytest.approx(find_median(pick(7, 20, shop="a")))
    none = ask(engine, "median", filters=(DimensionFilter("shop", ("nowhere",)),))
    assert none["stats"] == {"value": None, "previous": None, "delta": None, "to_date": None}


def test_members_and_the_rest_have_their_own(engine: Engine) -> None:
    body = ask(engine, "shops")
    middles = {shop: find_median(pick(-7, 20, shop=shop)) for shop in "abcd"}
    largest = sorted(middles, key=lambda shop: -middles[shop])[:2]
    rest = [row for row in pick(7, 20) if row["shop"] not in largest]
    wanted = [*(find_median(pick(7, 20, shop=shop)) for shop in largest), find_median(rest)]
    assert [series["name"] for series in body["series"]] == [*largest, "Other"]
    assert [series["stats"]["value"] for series in body["series"]] == [pytest.approx(value) for value in wanted]
    assert body["stats"]["value"] == pytest.approx(find_median(pick(7, 20)))


def test_tables_and_lists_have_them(engine: Engine) -> None:
    table = ask(engine, "table")["table"]
    found = {row["id"]: (row["values"]["Median"]["value"], row["values"]["P25"]["previous"]) for row in table["rows"]}
    assert found == {
        shop: (
            pytest.approx(find_median(pick(7, 20, shop=shop))),
            pytest.approx(find_percentile(pick(-7, 6, shop=shop), "items", 25)),
        )
        for shop in "abcd"
    }
    assert table["total"]["P25"]["value"] == pytest.approx(find_percentile(pick(7, 20), "items", 25))
    best = sorted((find_median(pick(7, 20, shop=shop)) for shop in "abcd"), reverse=True)
    listed = [item["values"]["middle"] for item in ask(engine, "listed")["items"]]
    assert listed == [pytest.approx(value) for value in best[:2]]


def test_a_query_has_them_by_group(engine: Engine) -> None:
    def add_days(first: int, last: int) -> float:
        whole = 0.0
        for offset in range(first, last + 1):
            rows = pick(offset, offset)
            totals = [row["total"] for row in rows if row["total"] is not None]
            most = [row["items"] for row in rows]
            whole += statistics.median(totals) if totals else 0
            whole += most[0] if len(most) == 1 else find_percentile(rows, "items", 90) if most else 0
        return whole

    assert ask(engine, "days")["stats"]["value"] == pytest.approx(add_days(7, 20))
