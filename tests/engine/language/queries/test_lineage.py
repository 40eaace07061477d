"""What a query makes of money, of sums and of rows is never silent, and a key that is derived is one."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import product
from typing import Any

import pytest

from engine.compiler.builder import StatementBuilder
from engine.compiler.dialects.sqlite import SQLite
from engine.errors import InvalidCatalog
from tests.support.worlds import ME, load_files, make_file, open_warehouse

MONEY = {"type": "numeric", "money": True}
TABLES: dict[str, Any] = {
    "ads": {
        "time": "date",
        "currency": "currency",
        "key": ["user_id", "date", "campaign"],
        "columns": {
            "user_id": "uuid",
            "date": "date",
            "campaign": "text",
            "currency": "text",
            "clicks": "bigint",
            "spend": MONEY,
            "reach": {"type": "bigint", "additive": False},
        },
    },
    "site": {
        "time": "day",
        "currency": "coin",
        "key": ["day", "user_id", "page"],
        "columns": {
            "user_id": "uuid",
            "day": "date",
            "page": "text",
            "coin": "text",
            "visits": "bigint",
            "revenue": MONEY,
            "date": "date",
        },
    },
    "keyless": {"time": "date", "columns": {"user_id": "uuid", "date": "date", "n": "bigint"}},
}
KEYED = {"ads": ("campaign", "currency"), "site": ("page", "coin")}
DAYS_OF_ADS = "(SELECT user_id, date, sum(clicks) AS clicks FROM ADS GROUP BY user_id, date)"
DAYS_OF_SITE = "(SELECT user_id, day AS date, sum(visits) AS visits FROM SITE GROUP BY user_id, day)"


def make_query(sql: str, columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    for name in TABLES:
        sql = sql.replace(name.upper(), f"{{{{ table('{name}') }}}}")
    shape = {"user_id": "uuid", "date": "date", **columns}
    return make_file({}, {**TABLES, "q": {"time": "date", "sql": sql, "columns": shape, **more}})


def list_codes(file: dict[str, Any]) -> list[str]:
    try:
        load_files(file)
    except InvalidCatalog as invalid:
        return [each.code for each in invalid.diagnostics]
    return []


def find_codes(sql: str, columns: dict[str, Any], **more: Any) -> list[str]:
    return list_codes(make_query(sql, columns, **more))


# A value over ADS, and what its column has to say.
VALUES = {
    "clicks": "",
    "sum(clicks)": "",
    "count(*)": "",
    "count(spend)": "",
    "count(reach)": "",
    "2 * clicks + 1": "",
    "coalesce(clicks, 0)": "",
    "if(spend > 5, clicks, 0)": "",
    "case when reach > 5 then 1 else 0 end": "",
    "sum(case when spend / clicks > 2 then clicks end)": "",
    "count(case when avg_of = 1 then 1 end)": "",
    "spend": "money",
    "sum(spend)": "money",
    "-spend": "money",
    "round(spend * 1.1, 2)": "money",
    "coalesce(spend, 0)": "money",
    "if(clicks > 5, spend, 0)": "money",
    "cast(spend as double)": "money",
    "sum(spend * clicks)": "money",
    "reach": "additive",
    "sum(reach)": "additive",
    "sum(coalesce(reach, 0)) + sum(clicks)": "additive",
    "avg(clicks)": "additive",
    "min(clicks)": "additive",
    "max(clicks) - min(clicks)": "additive",
    "count(distinct campaign)": "additive",
    "sum(distinct clicks)": "additive",
    "sum(clicks) / count(*)": "additive",
    "clicks / 2": "additive",
    "1 + round(clicks / 2)": "additive",
    "year(max(date))": "additive",
    "spend / clicks": "both",
    "sum(spend) / sum(clicks)": "both",
    "sum(spend) / sum(spend)": "both",
    "max(spend)": "both",
    "spend + reach": "both",
}
PASSES = (
    "SELECT user_id, date, {value} AS x FROM ADS{group}",
    "SELECT q.user_id, q.date, q.x FROM (SELECT user_id, date, {value} AS x FROM ADS{group}) AS q",
    (
        "WITH q AS (SELECT user_id, date, {value} AS y FROM ADS{group}), "
        "r AS (SELECT user_id, date, 2 * y AS x FROM q) SELECT user_id, date, x FROM r"
    ),
    (
        "SELECT a.user_id, date, a.x FROM (SELECT user_id, date, {value} AS x FROM ADS{group}) AS a "
        f"JOIN {DAYS_OF_SITE} AS s USING (date)"
    ),
)


@pytest.mark.parametrize(("value", "says"), VALUES.items())
def test_a_number_says_what_it_is_made_of(value: str, says: str) -> None:
    aggregated = any(word in value for word in ("sum(", "count(", "avg(", "min(", "max("))
    value = value.replace("avg_of", "clicks")
    for query in PASSES:
        sql = query.format(value=value, group=" GROUP BY user_id, date" if aggregated else "")
        needed = {"": {}, "money": {"money": False}, "additive": {"additive": False}}.get(
            says, {"money": False, "additive": True}
        )
        codes = ["money-lost"] * (says in ("money", "both")) or ["additivity-lost"] * (says == "additive")
        assert find_codes(sql, {"x": "double"}) == codes, sql
        assert find_codes(sql, {"x": {"type": "double", **needed}}) == [], sql
        if says == "both":
            assert find_codes(sql, {"x": {"type": "double", "money": False}}) == ["additivity-lost"], sql
            assert find_codes(sql, {"x": {"type": "double", "additive": False}}) == ["money-lost"], sql


PAIRED = "FROM ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign"
# Money as x and a column c, which is said to be its currency.
CURRENCIES: dict[str, bool] = {
    "SELECT user_id, date, spend AS x, currency AS c FROM ADS": True,
    "SELECT user_id, date, spend AS x, (currency) AS c FROM ADS": True,
    "SELECT user_id, date, sum(spend) AS x, currency AS c FROM ADS GROUP BY user_id, date, currency": True,
    "SELECT user_id, date, sum(spend) AS x, currency AS c FROM ADS GROUP BY 1, 2, 4": True,
    "SELECT user_id, date, spend * 1.1 AS x, 'USD' AS c FROM ADS": True,
    "SELECT user_id, date, x, c FROM (SELECT user_id, date, sum(spend) AS x, 'EUR' AS c FROM ADS GROUP BY 1, 2)": True,
    "WITH q AS (SELECT user_id, date, spend AS x, currency AS k FROM ADS) SELECT user_id, date, x, k AS c FROM q": True,
    f"SELECT a.user_id, a.date, a.spend AS x, a.currency AS c {PAIRED}": True,
    f"SELECT a.user_id, a.date, s.revenue AS x, s.coin AS c {PAIRED}": True,
    f"SELECT a.user_id, a.date, s.revenue - a.spend AS x, s.coin AS c {PAIRED} AND s.coin = a.currency": True,
    f"SELECT a.user_id, a.date, s.revenue - a.spend AS x, s.coin AS c {PAIRED} WHERE s.coin = a.currency": True,
    f"SELECT a.user_id, a.date, s.revenue - a.spend AS x, 'USD' AS c {PAIRED}": True,
    # A literal that is no money of any table.
    "SELECT user_id, date, clicks * 0.5 AS x, 'USD' AS c FROM ADS": True,
    "SELECT user_id, date, clicks * 0.5 AS x, currency AS c FROM ADS": True,
    "SELECT user_id, date, sum(spend) AS x, max(currency) AS c FROM ADS GROUP BY user_id, date": False,
    "SELECT user_id, date, spend AS x, upper(currency) AS c FROM ADS": False,
    "SELECT user_id, date, spend AS x, campaign AS c FROM ADS": False,
    "SELECT user_id, date, spend AS x, coalesce(currency, 'USD') AS c FROM ADS": False,
    "SELECT user_id, date, spend AS x, if(clicks > 1, 'USD', 'EUR') AS c FROM ADS": False,
    "SELECT user_id, date, clicks * 0.5 AS x, campaign AS c FROM ADS": False,
    "WITH q AS (SELECT user_id, date, sum(spend) AS s, min(currency) AS k FROM ADS GROUP BY 1, 2) "
    "SELECT user_id, date, s AS x, k AS c FROM q": False,
    f"SELECT a.user_id, a.date, a.spend AS x, s.coin AS c {PAIRED}": False,
    f"SELECT a.user_id, a.date, s.revenue - a.spend AS x, s.coin AS c {PAIRED}": False,
    f"SELECT a.user_id, a.date, s.revenue - a.spend AS x, s.coin AS c {PAIRED} AND s.coin = a.campaign": False,
}


@pytest.mark.parametrize(("sql", "held"), CURRENCIES.items())
def test_money_has_its_own_currency(sql: str, held: bool) -> None:
    columns = {"x": {**MONEY, "additive": True}, "c": "text"}
    assert find_codes(sql, columns, currency="c") == ([] if held else ["wrong-currency"])
    assert find_codes(sql, columns) == ["missing-currency"]


def test_what_a_table_says_of_its_money_is_what_a_query_over_it_reads() -> None:
    tables = {
        **TABLES,
        "converted": {
            "time": "date",
            "currency": "c",
            "sql": "SELECT user_id, date, spend * 2 AS spend, 'USD' AS c FROM {{ table('ads') }}",
            "columns": {"user_id": "uuid", "date": "date", "spend": MONEY, "c": "text"},
        },
        "said": {
            "time": "date",
            "sql": "SELECT user_id, date, spend, reach FROM {{ table('ads') }}",
            "columns": {
                "user_id": "uuid",
                "date": "date",
                "spend": {"type": "numeric", "money": False},
                "reach": {"type": "bigint", "additive": True},
            },
        },
    }

    def find_codes_over(name: str, sql: str, columns: dict[str, Any], **more: Any) -> list[str]:
        query = {"time": "date", "sql": sql, "columns": {"user_id": "uuid", "date": "date", **columns}, **more}
        return list_codes(make_file({}, {**tables, name: query}))

    over = "SELECT user_id, date, spend, c FROM {{ table('converted') }}"
    assert find_codes_over("q", over, {"spend": "double", "c": "text"}) == ["money-lost"]
    assert find_codes_over("q", over, {"spend": MONEY, "c": "text"}, currency="c") == []
    over = "SELECT user_id, date, spend, reach FROM {{ table('said') }}"
    assert find_codes_over("q", over, {"spend": "double", "reach": "bigint"}) == []


# A join; the codes that it gives when x and y say nothing. x is of what stands before it, y of what is joined.
JOINS: dict[str, list[str]] = {
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign": [],
    "ADS AS a JOIN SITE AS s ON a.date = s.day AND (a.campaign = s.page) AND a.user_id = s.user_id": [],
    "ADS AS a LEFT JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign AND s.visits > 3": [],
    "ADS AS a RIGHT JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign": [],
    "ADS AS a FULL JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign": [],
    "ADS AS a, SITE AS s WHERE s.day = a.date AND s.page = a.campaign": [],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = lower(a.campaign)": ["additivity-lost"],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = 'x'": ["additivity-lost"],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = 'x' WHERE a.campaign = 'y'": [],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = 'x' AND a.campaign = lower(s.page)": [],
    "ADS AS a JOIN SITE AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a JOIN SITE AS s ON s.page = a.campaign": ["fan-out"],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = s.coin": ["fan-out"],
    "ADS AS a JOIN SITE AS s ON s.day >= a.date AND s.page = a.campaign": ["fan-out"],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND (s.page = a.campaign OR s.visits > 3)": ["fan-out"],
    "ADS AS a JOIN SITE AS s ON s.date = a.date AND s.page = a.campaign": ["fan-out"],
    "ADS AS a LEFT JOIN SITE AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a RIGHT JOIN SITE AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a FULL JOIN SITE AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a CROSS JOIN SITE AS s": ["fan-out"],
    "ADS AS a, SITE AS s": ["fan-out"],
    # A query's key is what it is grouped by.
    f"{DAYS_OF_ADS} AS a JOIN {DAYS_OF_SITE} AS s USING (date)": [],
    f"{DAYS_OF_ADS} AS a FULL JOIN {DAYS_OF_SITE} AS s USING (user_id, date)": [],
    f"ADS AS a JOIN {DAYS_OF_SITE} AS s ON s.date = a.date": ["additivity-lost"],
    f"ADS AS a LEFT JOIN {DAYS_OF_SITE} AS s USING (date)": ["additivity-lost"],
    f"ADS AS a RIGHT JOIN {DAYS_OF_SITE} AS s USING (date)": ["additivity-lost"],
    f"{DAYS_OF_ADS} AS a JOIN SITE AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a, (SELECT sum(visits) AS visits FROM SITE) AS s": ["additivity-lost"],
    "(SELECT user_id, min(date) AS date, sum(clicks) AS clicks FROM ADS GROUP BY user_id) AS a, "
    "(SELECT sum(visits) AS visits FROM SITE) AS s": [],
    "ADS AS a JOIN (SELECT user_id, day, page AS p, visits FROM SITE) AS s ON s.day = a.date AND s.p = a.campaign": [],
    "ADS AS a JOIN (SELECT day, visits FROM SITE WHERE page = 'x') AS s ON s.day = a.date": ["additivity-lost"],
    "ADS AS a JOIN (SELECT day, visits FROM SITE) AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a JOIN (SELECT lower(page) AS p, day, visits FROM SITE) AS s ON s.day = a.date AND s.p = a.campaign": [
        "fan-out"
    ],
    "ADS AS a JOIN (SELECT lower(page) AS p, day, sum(visits) AS visits FROM SITE GROUP BY day, p) AS s "
    "ON s.day = a.date AND s.p = a.campaign": [],
    "ADS AS a JOIN (SELECT lower(page) AS p, day, sum(visits) AS visits FROM SITE AS t GROUP BY 2, lower(t.page)) AS s "
    "ON s.day = a.date AND s.p = a.campaign": [],
    "ADS AS a JOIN (SELECT DISTINCT day, visits FROM SITE) AS s ON s.day = a.date": ["fan-out"],
    "ADS AS a JOIN (SELECT DISTINCT day, visits FROM SITE) AS s ON s.day = a.date AND s.visits = 256 * a.clicks": [
        "additivity-lost"
    ],
    # Without a key, never.
    "ADS AS a JOIN (SELECT date, n AS visits FROM KEYLESS) AS s ON s.date = a.date": ["fan-out"],
    "ADS AS a JOIN (SELECT date, sum(n) AS visits FROM KEYLESS GROUP BY date) AS s ON s.date = a.date": [
        "additivity-lost"
    ],
    "(SELECT user_id, date, n AS clicks FROM KEYLESS) AS a JOIN (SELECT date, sum(n) AS visits FROM KEYLESS "
    "GROUP BY date) AS s ON s.date = a.date": ["additivity-lost"],
    # Three in a row.
    f"ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign JOIN {DAYS_OF_SITE} AS d ON d.date = s.day": [],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign "
    "JOIN SITE AS d ON d.day = s.day AND d.page = s.page": [],
    "ADS AS a JOIN SITE AS s ON s.day = a.date AND s.page = a.campaign JOIN SITE AS d ON d.day = s.day": ["fan-out"],
    "ADS AS a LEFT JOIN SITE AS d ON d.day = a.date AND d.page = a.campaign "
    "JOIN SITE AS s ON s.day = d.day AND s.page = d.page": ["additivity-lost"],
}


@pytest.mark.parametrize(("joined", "codes"), JOINS.items())
def test_a_join_repeats_nothing_in_silence(joined: str, codes: list[str]) -> None:
    sql = f"SELECT a.user_id, a.date, a.clicks AS x, s.visits AS y FROM {joined}"
    x: dict[str, Any] = {"x": "bigint"}
    assert find_codes(sql, {**x, "y": "bigint"}) == codes
    if codes == ["additivity-lost"]:
        assert find_codes(sql, {**x, "y": {"type": "bigint", "additive": False}}) == []


@pytest.mark.parametrize("joined", [joined for joined, codes in JOINS.items() if codes != ["fan-out"]])
def test_no_row_is_counted_twice(joined: str) -> None:
    """Of what stands before a join no row comes twice, and of what is joined none unless the column has to say so."""
    is_silent = not JOINS[joined]
    many = 2 if "KEYLESS" in joined else 1
    sql = f"SELECT a.user_id, a.date, a.clicks AS x, s.visits AS y FROM {joined}"
    columns = {name: {"type": "bigint", "additive": True} for name in ("x", "y")}
    catalog = load_files(make_query(sql, columns))
    numbers = iter(2**index for index in range(60))
    days = (date(2025, 1, 1), date(2025, 1, 2))
    rows = {
        "ads": [
            {"user_id": ME, "date": day, "campaign": name, "clicks": next(numbers)}
            for day, name in product(days, ("x", "y", "Y", "z"))
        ],
        "site": [
            {"user_id": ME, "day": day, "date": days[0], "page": name, "visits": next(numbers)}
            for day, name in product(days, ("x", "y", "Y", "w"))
        ],
        "keyless": [{"user_id": ME, "date": day, "n": next(numbers)} for day in days * 2],
    }
    source = StatementBuilder(SQLite()).emit_source(catalog.tables["q"])
    with open_warehouse(catalog, rows) as warehouse:
        found = warehouse.query(f"SELECT x, y FROM {source}", {"tenant": ME})
    # Each row's number is a power of two, so that a sum tells which rows are in it.
    for index, is_checked in ((0, True), (1, is_silent)):
        bits = Counter(bit for row in found for bit in range(60) if int(row[index] or 0) >> bit & 1)
        assert not is_checked or max(bits.values(), default=0) <= many, (index, bits)
    assert found
