"""Queries as tables: a name, a join and NULL mean the same on every engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pytest

from engine.answer.engine import Engine
from engine.errors import WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, YOU, list_series_names, load_files, make_file, query_engine

DAYS = (date(2025, 1, 1), date(2025, 1, 2))
TABLES: Mapping[str, Any] = {
    "facts": {
        "time": "date",
        "key": ["user_id", "date", "id"],
        "columns": {
            "user_id": "uuid",
            "date": "date",
            "id": "text",
            "s": "text",
            # Under another name in the database.
            "n": {"type": "bigint", "column": "physical_n"},
            "i": "bigint",
            "y": "double",
            "f": "boolean",
            "at": "timestamptz",
        },
    },
    "uses": {
        "time": "day",
        "key": ["user_id", "day", "id"],
        "columns": {"user_id": "uuid", "day": "date", "id": "text", "n": "bigint", "w": "text"},
    },
    # A join of these may repeat rows: what it says of its key is not true.
    "many": {
        "time": "day",
        "key": ["user_id"],
        "sql": "SELECT user_id, day, id, n, w FROM {{ table('uses') }}",
        "columns": {"user_id": "uuid", "day": "date", "id": "text", "n": "bigint", "w": "text"},
    },
}
# id, day, s, n, i, y, f: what is expected below is worked out from these by hand.
FACTS: list[tuple[Any, ...]] = [
    ("a", 1, "A", 1, 10, 0.5, True),
    ("b", 1, "a", 5, 1, None, False),
    ("c", 2, "A", 7, None, 2.5, None),
    ("d", 2, "b", 3, 2, -1.5, True),
    ("e", 2, "a", 0, 4, 0.0, False),
    ("g", 2, None, None, None, None, None),
]
# id, day, n, w
USES: list[tuple[Any, ...]] = [("a", 1, 100, "x"), ("c", 1, 400, "y"), ("c", 2, 200, None), ("z", 2, 300, "z")]


class SelectCase(NamedTuple):
    """A query, the value over it and what that is over both days. FACTS, USES and MANY stand for the tables."""

    sql: str
    value: str
    expected: float | None


HEAD = "SELECT user_id, date, "
PAIR = "SELECT f.user_id, f.date, {} FROM FACTS AS f {} USES AS u ON f.user_id = u.user_id AND f.date = u.day {}"
MANY = PAIR.replace("USES", "MANY")
RIGHT = "SELECT u.user_id, u.day AS date, {} FROM FACTS AS f {} USES AS u {}"
NAMES = [
    # A name is the column's in every clause, whatever the query gives under it.
    SelectCase(HEAD + "i AS n FROM FACTS WHERE n > 2", "sum(n)", 1 + 2),
    SelectCase(HEAD + "n + 1 AS n FROM FACTS WHERE n > 2 AND n < 7", "sum(n)", 6 + 4),
    SelectCase(HEAD + "n, n + 1 AS k, n + 2 AS j FROM FACTS", "sum(k) + sum(j)", 21 + 26),
    SelectCase(
        HEAD + 'n AS "order", i AS "select", n AS day FROM FACTS', 'sum("order") + sum("select") + sum(day)', 49
    ),
    SelectCase(HEAD + "n AS a0, i AS slot, n AS t FROM FACTS", "sum(a0) + sum(slot) + sum(t)", 16 + 17 + 16),
    SelectCase(HEAD + "n AS k FROM (SELECT user_id, date, i AS n FROM FACTS WHERE n > 2)", "sum(k)", 1 + 2),
    SelectCase("SELECT FACTS.user_id, facts.date, FACTS.n AS k FROM FACTS WHERE FACTS.n > 1", "sum(k)", 15),
    # GROUP BY takes a result where no column is called so, or its number.
    SelectCase(HEAD + "lower(s) AS low, max(n) AS k FROM FACTS GROUP BY user_id, date, low", "sum(k)", 5 + 7 + 3),
    SelectCase(HEAD + "lower(s) AS low, max(n) AS k FROM FACTS GROUP BY 1, 2, 3", "sum(k)", 5 + 7 + 3),
    SelectCase(HEAD + "lower(s) AS s, max(n) AS k FROM FACTS GROUP BY user_id, date, s", "sum(k)", 1 + 5 + 7 + 3 + 0),
    SelectCase(HEAD + "lower(s) AS s, max(n) AS k FROM FACTS GROUP BY user_id, date, lower(s)", "sum(k)", 5 + 7 + 3),
    SelectCase(
        HEAD + "'x' AS x, 7 AS j, max(n) AS k FROM FACTS GROUP BY user_id, date, x, j", "sum(k) + sum(j)", 12 + 14
    ),
    SelectCase(HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date HAVING sum(n) > 7", "sum(k)", 10),
    SelectCase(HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date, f HAVING f", "sum(k)", 1 + 3),
    SelectCase("SELECT DISTINCT user_id, date, lower(s) AS s FROM FACTS", "count(*)", 1 + 3),
]
JOINS = [
    SelectCase(PAIR.format("u.n", "JOIN", "AND f.id = u.id"), "sum(n)", 100 + 200),
    SelectCase(MANY.format("u.n, f.n AS m", ",", "").replace(" ON ", " WHERE "), "sum(n) + sum(m)", 500 * 6 + 2 * 16),
    SelectCase(PAIR.format("u.n", "LEFT JOIN", "AND f.id = u.id"), "count(*) + count(n)", 6 + 2),
    SelectCase(PAIR.format("coalesce(u.w, 'none') AS w", "LEFT JOIN", "AND f.id = u.id"), "count(distinct w)", 2),
    SelectCase(PAIR.format("u.w", "LEFT JOIN", "AND f.id = u.id WHERE u.id IS NULL"), "count(*)", 4),
    SelectCase(MANY.format("f.n * u.n AS n", "JOIN", "AND (f.id = u.id OR f.n > 6)"), "sum(n)", 100 + 1400 + 2100),
    SelectCase(MANY.format("u.n", "JOIN", "AND f.n * 40 > u.n"), "sum(n)", 100 + 200),
    SelectCase(RIGHT.format("f.n", "RIGHT JOIN", "ON f.id = u.id AND f.date = u.day"), "count(*) + sum(n)", 4 + 1 + 7),
    SelectCase(RIGHT.format("f.n", "FULL JOIN", "ON f.id = u.id AND f.date = u.day"), "count(*) + sum(n)", 4 + 1 + 7),
    SelectCase(
        RIGHT.replace("USES", "MANY").format("id, f.n", "RIGHT JOIN", "USING (user_id, id)"),
        "count(distinct id) + sum(n)",
        3 + 1 + 7 + 7,
    ),
    SelectCase(
        "SELECT coalesce(f.user_id, u.user_id) AS user_id, coalesce(f.date, u.day) AS date, id, u.n "
        "FROM FACTS AS f FULL JOIN MANY AS u USING (user_id, id)",
        "count(*) + count(distinct id) + sum(n)",
        8 + 7 + 1000,
    ),
    SelectCase(
        "SELECT user_id, f.date, id, sum(u.n) AS n FROM FACTS AS f LEFT JOIN MANY AS u USING (user_id, id) "
        "GROUP BY user_id, f.date, id",
        "count(*) + sum(n)",
        6 + 700,
    ),
    # A whole number is joined with what was computed.
    SelectCase(MANY.format("u.n", "LEFT JOIN", "AND f.n * 100 = u.n"), "count(*) + sum(n)", 6 + 100 + 300),
    SelectCase(MANY.format("u.n", "JOIN", "AND f.y * 80 = u.n"), "sum(n)", 200),
    SelectCase(PAIR.format("u.n", "JOIN", "AND date(f.at) = u.day AND f.id = u.id"), "sum(n)", 100),
    SelectCase("SELECT f.user_id, f.date, u.n FROM FACTS AS f CROSS JOIN MANY AS u", "sum(n)", 6000),
    SelectCase(
        "SELECT f.user_id, f.date, u.n FROM FACTS AS f, MANY AS u LEFT JOIN MANY AS v ON v.id = f.id", "count(*)", 28
    ),
]
NESTED = [
    SelectCase(
        "WITH a AS (SELECT user_id, date, n FROM FACTS WHERE n > 1), "
        "b AS (SELECT user_id, date, max(n) AS top FROM a GROUP BY user_id, date) "
        "SELECT a.user_id, a.date, a.n / b.top AS n FROM a JOIN b ON a.date = b.date",
        "sum(n)",
        1 + 1 + 3 / 7,
    ),
    # An aggregate of no rows is NULL, a count of none is 0.
    SelectCase(
        "WITH none AS (SELECT max(s) AS s, min(date) AS d, sum(n) AS n, count(*) AS c FROM FACTS WHERE n > 99) "
        "SELECT f.user_id, f.date, none.s, none.d, none.n, none.c FROM FACTS AS f, none",
        "count(s) + count(d) + count(n) + sum(c)",
        0,
    ),
    SelectCase(
        "WITH a AS (SELECT user_id, date, i AS n FROM FACTS) SELECT user_id, date, n FROM "
        "(WITH b AS (SELECT user_id, date, n * 10 AS n FROM a WHERE n > 1) SELECT user_id, date, n FROM b) AS x",
        "sum(n)",
        160,
    ),
    # Whole numbers that become too large, means, and conditions as columns.
    SelectCase(HEAD + "sum(9223372036854775807) AS n FROM FACTS GROUP BY user_id, date", "sum(n)", 6 * 2.0**63),
    SelectCase(
        HEAD + "avg(n) AS n, avg(distinct f2) AS m FROM (SELECT user_id, date, n, cast(f as int) AS f2 FROM FACTS) "
        "GROUP BY user_id, date",
        "sum(n) + sum(m)",
        3 + 10 / 3 + 0.5 + 0.5,
    ),
    SelectCase(
        HEAD + "n > 2 AS big, f IS TRUE AS g FROM FACTS", "sum(if(big and g, 1, 0)) + sum(cast(big as int))", 1 + 3
    ),
    SelectCase(HEAD + "cast(b as int) AS n FROM (SELECT user_id, date, n > 2 AS b FROM FACTS)", "sum(n)", 3),
    SelectCase(HEAD + "coalesce(i, 0.5) AS n FROM FACTS", "sum(n)", 18),
    SelectCase(HEAD + "case when n > 2 then 1 end AS n FROM FACTS", "sum(n) + count(n)", 3 + 3),
    SelectCase(
        HEAD + "cast(null as bigint) AS n, cast(null as date) AS d FROM FACTS", "count(*) + count(n) + count(d)", 6
    ),
    # Numbers and texts of several SELECTs, each with its own rows.
    SelectCase(HEAD + "n FROM FACTS UNION ALL SELECT user_id, day, n FROM USES", "sum(n) + count(*)", 16 + 1000 + 10),
    SelectCase(
        HEAD + "n, s AS w FROM FACTS UNION ALL SELECT user_id, day, 0.5, 'x' FROM USES "
        "UNION ALL SELECT user_id, date, count(*), max(s) FROM FACTS GROUP BY user_id, date",
        "sum(n) + count(distinct w)",
        16 + 2 + 6 + 4,
    ),
    SelectCase(
        "WITH q AS (SELECT user_id, date, i AS n FROM FACTS) SELECT user_id, date, n FROM q WHERE n > 1 "
        "UNION ALL SELECT user_id, date, n * 100 FROM q WHERE n < 2",
        "sum(n)",
        16 + 100,
    ),
    SelectCase(
        HEAD + "sum(n) AS n FROM (SELECT user_id, date, y AS n FROM FACTS UNION ALL SELECT user_id, day, n FROM USES) "
        "GROUP BY user_id, date",
        "sum(n)",
        1.5 + 1000,
    ),
    SelectCase(f"SELECT '{YOU}' AS user_id, date, n FROM FACTS WHERE user_id = '{ME}'", "sum(n)", 16),
]
# What rows a condition keeps: NULL is neither true nor false.
CONDITIONS: dict[str, str] = {
    "n in (1, NULL)": "a",
    "n not in (2, NULL)": "",
    "n not in (2, 3)": "abce",
    "n in (i, 5)": "b",
    "n not in (i, 5)": "ade",
    "n not in (-i, 5)": "ade",
    "s not in ('A', lower(s))": "",
    "s in ('b', NULL)": "d",
    "f in (n > 2, i > 2)": "abde",
    "not (n > 2 and i > 1)": "abe",
    "not (n > 2 or NULL)": "",
    "n > 2 or NULL": "bcd",
    "n = NULL": "",
    "not n <> NULL": "",
    "n between NULL and 3": "",
    "n not between NULL and 3": "bc",
    "s like NULL": "",
    "s not like NULL": "",
    "if(NULL, true, n > 5)": "c",
    "case when NULL then true else n > 5 end": "c",
    "(n > 2) is not true": "aeg",
    "(n > 2) is null": "g",
    "nullif(n, NULL) > 5": "c",
    "greatest(n, NULL, 3) = 3": "adeg",
    "coalesce(f, n > 6)": "acd",
    "(n > 2) = (i > 1)": "d",
    "date in ('2025-01-01', NULL)": "ab",
    "at >= '2025-01-02' and at < '2025-01-03'": "de",
    f"user_id in ('{ME}') and user_id <> '{YOU}'": "abcdeg",
}


# Of what type a name is where a value uses it.
TYPES = {
    **dict.fromkeys(("n", "k", "j", "m", "a0", "slot", "t", "order", "select", "day", "y", "c"), "double"),
    **dict.fromkeys(("s", "w", "id"), "text"),
    **dict.fromkeys(("big", "g"), "boolean"),
    "d": "date",
}
CASES = {f"q{index}": case for index, case in enumerate((*NAMES, *JOINS, *NESTED))}


def make_query_table(case: SelectCase) -> dict[str, Any]:
    """A query as a table, with the columns that its value uses."""
    sql = (
        case.sql.replace("FACTS", "{{ table('facts') }}")
        .replace("USES", "{{ table('uses') }}")
        .replace("MANY", "{{ table('many') }}")
    )
    columns = {
        name: {"type": kind, "additive": True} for name, kind in TYPES.items() if re.search(rf"\b{name}\b", case.value)
    }
    return {"time": "date", "sql": sql, "columns": {"user_id": "uuid", "date": "date", **columns}}


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    metrics: dict[str, Any] = {name: {"table": name, "value": case.value} for name, case in CASES.items()}
    for index, condition in enumerate(CONDITIONS):
        metrics[f"c{index}"] = {"table": "facts", "value": "count(*)", "where": condition, "by": "id", "top": 9}
    catalog = load_files(
        make_file(metrics, {**TABLES, **{name: make_query_table(case) for name, case in CASES.items()}})
    )
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    columns = ("id", "date", "s", "n", "i", "y", "f")
    facts: list[dict[str, Any]] = [
        {"user_id": ME} | dict(zip(columns, (row[0], DAYS[row[1] - 1], *row[2:]), strict=True)) for row in FACTS
    ]
    for row in facts:
        row["at"] = None if row["f"] is None else datetime(2025, 1, row["date"].day, 5, tzinfo=UTC)
    uses = [{"user_id": ME, "id": key, "day": DAYS[day - 1], "n": n, "w": w} for key, day, n, w in USES]
    warehouse.upsert(catalog.tables["facts"], facts)
    warehouse.upsert(catalog.tables["uses"], uses)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_a_query_means_the_same(engine: Engine) -> None:
    differing = []
    for name, case in CASES.items():
        found: float | WarehouseUnavailable | None
        try:
            found = query_engine(engine, name, *DAYS)["stats"]["value"]
        except WarehouseUnavailable as error:
            found = error
        if found != pytest.approx(case.expected):
            differing.append(f"{case.sql}: {case.value} is {found} instead of {case.expected}")
    assert not differing, "\n".join(differing)


def test_null_is_neither_true_nor_false(engine: Engine) -> None:
    found = {
        condition: "".join(sorted(list_series_names(query_engine(engine, f"c{index}", *DAYS))))
        for index, condition in enumerate(CONDITIONS)
    }
    assert found == CONDITIONS
