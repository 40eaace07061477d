"""Names and conditions that engines read differently: aliases called like columns, and what stands inside an IF."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, load_files, make_file, query_engine

FIRST, LAST = date(2025, 1, 1), date(2025, 1, 2)
# id, day, s, n, i; the sums below are worked out from these by hand.
ROWS: list[tuple[Any, ...]] = [
    ("a", 1, "A", 1, 10),
    ("b", 1, "a", 5, 1),
    ("c", 2, "A", 7, None),
    ("d", 2, "b", 3, 2),
    ("e", 2, "a", 0, 4),
]
FACTS = {
    "time": "date",
    "key": ["user_id", "date", "id"],
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "id": "text",
        "s": "text",
        "n": {"type": "bigint", "column": "physical_n"},
        "i": "bigint",
    },
}
# What is selected and the condition, the value, and what it is.
QUERIES: list[tuple[str, str, str, float]] = [
    ("i AS n", "n > 2", "sum(n)", 3),
    ("i * 10 AS n", "n > 2", "sum(n)", 30),
    ("lower(s) AS s, n", "s = 'A'", "sum(n)", 8),
    ("1 AS n", "n > 2", "sum(n)", 3),
    ("i AS n, n AS k", "n >= 0", "sum(k)", 16),
    ("coalesce(i, 5) AS i", "i IS NULL", "count(*)", 1),
]
VALUES: list[tuple[str, float]] = [
    ("sum(if(n > 2, n, 0))", 15),
    ("sum(if(n >= 0, i / n, 0))", 10 + 1 / 5 + 2 / 3),
    ("sum(if(s like 'a%', 1, 0))", 2),
    ("sum(if(n > 2, if(i / n > 0.5, n, i), 0))", 1 + 3),
    ("if(count(*) > 2, sum(n) / sum(i), 0)", 16 / 17),
]


def make_query_table(selected: str, condition: str) -> dict[str, Any]:
    names = [part.split(" AS ")[-1].strip() for part in selected.split(", ") if not part.endswith("5)")]
    columns = {name: "text" if name == "s" else "bigint" for name in names if name in ("n", "i", "k", "s")}
    sql = f"SELECT user_id, date, {selected} FROM {{{{ table('facts') }}}} WHERE {condition}"
    return {"time": "date", "sql": sql, "columns": {"user_id": "uuid", "date": "date", **columns}}


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    tables = {f"q{index}": make_query_table(*each[:2]) for index, each in enumerate(QUERIES)}
    metrics = {f"q{index}": {"table": f"q{index}", "value": each[2]} for index, each in enumerate(QUERIES)}
    metrics |= {f"v{index}": {"table": "facts", "value": value} for index, (value, _) in enumerate(VALUES)}
    metrics["w"] = {"table": "facts", "value": "count(*)", "where": "if(n / i > 0.5, true, false)"}
    catalog = load_files(make_file(metrics, {"facts": FACTS, **tables}))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    columns = ("id", "date", "s", "n", "i")
    rows = [
        {"user_id": ME} | dict(zip(columns, (key, date(2025, 1, day), s, n, i), strict=True))
        for key, day, s, n, i in ROWS
    ]
    warehouse.upsert(catalog.tables["facts"], rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_a_condition_means_the_column_and_an_if_is_written_whole(engine: Engine) -> None:
    expected = {f"q{index}": each[3] for index, each in enumerate(QUERIES)}
    expected |= {f"v{index}": value for index, (_, value) in enumerate(VALUES)} | {"w": 2}
    found = {key: query_engine(engine, key, FIRST, LAST)["stats"]["value"] for key in expected}
    assert found == {key: pytest.approx(value) for key, value in expected.items()}
