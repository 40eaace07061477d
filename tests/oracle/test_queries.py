"""The oracle's queries, against rows that are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.oracle.queries import Relation, evaluate_query, fill_query_tables, parse_query

A = Relation(("k", "n"), [{"k": "x", "n": 1}, {"k": "x", "n": 5}, {"k": "y", "n": None}, {"k": None, "n": 7}])
B = Relation(("k", "m"), [{"k": "x", "m": 10}, {"k": "z", "m": 20}, {"k": None, "m": 30}])
EMPTY = Relation(("k", "m"), [])
TABLES = {"a": A, "b": B, "empty": EMPTY}
CASES: dict[str, list[tuple[Any, ...]]] = {
    "SELECT n * 2 AS n FROM a WHERE n > 2": [(10,), (14,)],
    "SELECT DISTINCT k FROM a WHERE k IS NOT NULL": [("x",), ("y",)],
    "SELECT k, sum(n) AS n, count(*) AS rows FROM a GROUP BY k": [("x", 6, 2), ("y", None, 1), (None, 7, 1)],
    "SELECT k, max(n) AS n FROM a GROUP BY k HAVING count(*) > 1": [("x", 5)],
    "SELECT coalesce(k, 'x') AS q, sum(n) AS n FROM a GROUP BY q": [("x", 13), ("y", None)],
    "SELECT coalesce(k, 'x') AS q, sum(n) AS n FROM a GROUP BY 1": [("x", 13), ("y", None)],
    # A column goes before a result that is called like it.
    "SELECT if(n > 1, 'x', 'y') AS k, count(*) AS n FROM a GROUP BY k, n": [("y", 1), ("x", 1), ("y", 1), ("x", 1)],
    "SELECT max(m) AS m, count(*) AS n FROM b WHERE m > 99": [(None, 0)],
    "SELECT a.n, b.m FROM a AS a JOIN b AS b ON a.k = b.k": [(1, 10), (5, 10)],
    "SELECT a.n, b.m FROM a LEFT JOIN b ON a.k = b.k": [(1, 10), (5, 10), (None, None), (7, None)],
    "SELECT a.n, b.m FROM a LEFT JOIN b ON a.k = b.k AND a.n > 1": [(1, None), (5, 10), (None, None), (7, None)],
    "SELECT a.n, b.m FROM a LEFT JOIN empty AS b ON a.k = b.k WHERE a.n > 4": [(5, None), (7, None)],
    "SELECT a.n, b.m FROM a RIGHT JOIN b ON a.k = b.k": [(1, 10), (5, 10), (None, 20), (None, 30)],
    "SELECT k, a.n, b.m FROM a FULL JOIN b USING (k)": [
        *[("x", 1, 10), ("x", 5, 10), ("y", None, None), (None, 7, None), ("z", None, 20), (None, None, 30)],
    ],
    "SELECT a.n, b.m FROM a, b WHERE a.n = 5": [(5, 10), (5, 20), (5, 30)],
    "SELECT k, n FROM a WHERE n > 1 UNION ALL SELECT k, m FROM b UNION ALL SELECT k, m FROM empty": [
        *[("x", 5), (None, 7), ("x", 10), ("z", 20), (None, 30)],
    ],
    "SELECT x.n FROM (SELECT n + 1 AS n FROM a WHERE n > 1) AS x WHERE x.n < 8": [(6,)],
    "WITH c AS (SELECT k, sum(n) AS n FROM a GROUP BY k), d AS (SELECT max(n) AS n FROM c) "
    "SELECT c.k, d.n FROM c CROSS JOIN d WHERE c.n = d.n": [(None, 7)],
}


@pytest.mark.parametrize("text", CASES)
def test_a_query_gives_these_rows(text: str) -> None:
    assert [tuple(row.values()) for row in evaluate_query(parse_query(text), TABLES).rows] == CASES[text]


def test_a_query_sees_the_rows_of_one_tenant_at_a_time() -> None:
    text = "SELECT user_id, max(n) AS n FROM {{ table('days') }} GROUP BY user_id"
    more = "SELECT d.user_id, d.n, m.n AS most FROM {{ table('days') }} AS d, {{ table('tops') }} AS m"
    columns = {"user_id": "uuid", "n": "bigint"}
    tables = {"days": {"columns": columns}, "tops": {"sql": text}, "both": {"sql": more}}
    rows = [{"user_id": "me", "n": 1}, {"user_id": "me", "n": 2}, {"user_id": "you", "n": 9}]
    found = fill_query_tables({"tables": tables}, {"days": rows})
    assert found["tops"] == [{"user_id": "me", "n": 2}, {"user_id": "you", "n": 9}]
    assert [tuple(row.values()) for row in found["both"]] == [("me", 1, 2), ("me", 2, 2), ("you", 9, 9)]
