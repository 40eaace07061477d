"""What members and items are called, and how items are shown: the same text, and the same JSON, on every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from engine.answer.engine import Engine
from engine.answer.extent import AccountRead
from engine.answer.fetch import RequestContext
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, list_series_names, load_files, make_file, make_row, query_engine

DAY = date(2025, 3, 1)
ITEM = "00000000-0000-4000-8000-0000000000aa"
FACTS = {
    "time": "date",
    "key": ["user_id", "date", "id"],
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "id": "integer",
        "item": "uuid",
        "visits": "bigint",
        "paid": "boolean",
        "since": "date",
        "price": "numeric",
        "rate": "double",
        "at": "timestamptz",
        "local": "timestamp",
    },
}
# Its booleans, whole numbers and doubles are computed.
COMPUTED = {
    "time": "date",
    "key": ["user_id", "date", "id"],
    "sql": "SELECT user_id, date, id, max(visits) AS visits, sum(visits) AS total, count(*) AS n, "
    "max(cast(paid as int)) = 1 AS paid, max(cast(price as int)) AS whole, max(date(at)) AS day, "
    "min(concat(paid, visits, since)) AS name FROM {{ table('facts') }} GROUP BY user_id, date, id",
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "id": "integer",
        "visits": {"type": "bigint", "additive": True},
        "total": "bigint",
        "n": "integer",
        "paid": "boolean",
        "whole": {"type": "bigint", "additive": True},
        "day": "date",
        "name": "text",
    },
}
ROWS: list[dict[str, Any]] = [
    {
        "id": 2,
        "item": ITEM,
        "visits": 5,
        "paid": True,
        "since": date(2024, 2, 29),
        "price": Decimal(7),
        "rate": 1.0,
        "at": datetime(2025, 1, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2))),
        "local": datetime.fromisoformat("2025-01-01 23:30:00.0005"),
    },
    {
        "id": -10,
        "item": None,
        "visits": 3,
        "paid": False,
        "since": date(1999, 12, 31),
        "price": Decimal("0.5"),
        "rate": 1e20,
        "at": datetime(2025, 1, 2, tzinfo=UTC),
        "local": datetime.fromisoformat("2025-01-02"),
    },
    {
        "id": 10,
        "item": None,
        "visits": 1,
        "paid": None,
        "since": None,
        "price": None,
        "rate": None,
        "at": None,
        "local": None,
    },
]
SHOWN = ["item", "visits", "paid", "since", "price", "rate", "at", "local", "user_id", "date"]
EVERYTHING = ["visits", "total", "n", "paid", "whole", "day", "name"]
MEMBERS = {
    "id": ["2", "-10", "10"],
    "visits": ["5", "3", "1"],
    "paid": ["true", "false", "(not set)"],
    "since": ["2024-02-29", "1999-12-31", "(not set)"],
    "item": [ITEM, "(not set)"],
    "date": ["2025-03-01"],
}


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    metrics: dict[str, Any] = {f"by_{name}": {"value": "sum(visits)", "by": name} for name in MEMBERS}
    metrics |= {
        f"items_{name}": {"value": "count(*)", "items": {"by": name, "show": SHOWN, "values": {"v": "sum(visits)"}}}
        for name in MEMBERS
    }
    for name in ("n", "paid", "whole", "day"):
        metrics[f"computed_{name}"] = {"table": "computed", "value": "sum(visits)", "by": name}
    items = {"by": "id", "show": EVERYTHING, "values": {"v": "sum(total)"}}
    metrics["computed_items"] = {"table": "computed", "value": "count(*)", "items": items}
    catalog = load_files(make_file(metrics, {"facts": FACTS, "computed": COMPUTED}))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(catalog.tables["facts"], [{"user_id": ME, "date": DAY, **row} for row in ROWS])
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_members_have_the_same_names(engine: Engine) -> None:
    assert {name: list_series_names(query_engine(engine, f"by_{name}", DAY)) for name in MEMBERS} == MEMBERS
    assert list_series_names(query_engine(engine, "computed_n", DAY)) == ["1"]
    assert list_series_names(query_engine(engine, "computed_paid", DAY)) == ["true", "false", "(not set)"]
    assert list_series_names(query_engine(engine, "computed_whole", DAY)) == ["7", "0", "(not set)"]
    assert list_series_names(query_engine(engine, "computed_day", DAY)) == ["2025-01-02", "(not set)"]


def test_items_have_the_same_ids(engine: Engine) -> None:
    for name, members in MEMBERS.items():
        found = query_engine(engine, f"items_{name}", DAY)["items"]
        assert [item["id"] for item in found] == [member for member in members if member != "(not set)"]


def test_items_are_the_same_json(engine: Engine) -> None:
    found = [[item[name] for name in SHOWN] for item in query_engine(engine, "items_id", DAY)["items"]]
    assert json.dumps(found) == json.dumps(
        [
            [
                *(ITEM, 5, True, "2024-02-29", 7.0, 1.0, "2025-01-02T01:30:00+00:00", "2025-01-01T23:30:00.000500"),
                *(ME, "2025-03-01"),
            ],
            [
                *(None, 3, False, "1999-12-31", 0.5, 1e20, "2025-01-02T00:00:00+00:00", "2025-01-02T00:00:00"),
                *(ME, "2025-03-01"),
            ],
            [None, 1, None, None, None, None, None, None, ME, "2025-03-01"],
        ]
    )


def test_what_a_query_computes_is_the_same_json(engine: Engine) -> None:
    found = [[item[name] for name in EVERYTHING] for item in query_engine(engine, "computed_items", DAY)["items"]]
    assert json.dumps(found) == json.dumps(
        [
            [5, 5.0, 1, True, 7, "2025-01-02", "true52024-02-29"],
            [3, 3.0, 1, False, 0, "2025-01-02", "false31999-12-31"],
            [1, 1.0, 1, None, None, None, None],
        ]
    )


@pytest.mark.parametrize(("read", "expected"), [(None, 0), (date(2025, 3, 1), 0), (date(2025, 2, 27), None)])
def test_a_sum_of_nothing_is_zero_only_where_the_window_is_known(
    sqlite_url: str, read: date | None, expected: int | None
) -> None:
    items = {"by": "who", "values": {"y": "sum(y)", "x": "sum(x)"}}
    catalog, warehouse = load_files(make_file({"m": {"value": "sum(y)", "items": items}})), Warehouse(sqlite_url)
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(catalog.tables["days"], [make_row("2025-02-26", x=1), make_row("2025-03-01", who="a", y=2.0)])
    reads = {} if read is None else {"days": {"1": AccountRead(read, is_late=False)}}
    context = RequestContext(tenant=ME, connected=frozenset(("ga4",)), reads=reads)
    body = Engine(catalog, warehouse).query("m", MetricQuery(DAY, DAY), context).body
    warehouse.close()
    assert [item["values"] for item in body["items"]] == [{"y": 2.0, "x": expected}]


def test_a_database_of_another_custom_writes_dates_alike(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET DateStyle = 'German'".encode())
    metrics = {"m": {"value": "count(*)", "by": "since", "where": "concat(since) = '2024-02-29'"}}
    catalog = load_files(make_file(metrics, {"facts": FACTS}))
    warehouse = Warehouse(postgres_url)
    warehouse.create_tables(catalog.tables.values())
    warehouse.upsert(catalog.tables["facts"], [{"user_id": ME, "date": DAY, **row} for row in ROWS])
    assert list_series_names(query_engine(Engine(catalog, warehouse), "m", DAY)) == ["2024-02-29"]
    warehouse.close()
