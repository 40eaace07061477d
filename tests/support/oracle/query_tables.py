"""Random query tables: aliases that hide columns, joins, groups, WITH, nesting."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.support.oracle.conditions import make_condition, make_number

PROPERTIES = ("p-1", "p-3")
CHANNELS = ("Direct", "Other")
# Columns whose sums are exact, even of rows that a join repeats.
NUMBERS = ("sessions", "engaged", "conversions")
# Sums of what a join repeats, of quotients and of amounts in any currency are what is asked for here.
NUMBER: Mapping[str, Any] = {"type": "double", "additive": True, "money": False}
Document = dict[str, Any]


def make_query_file(rng: Random) -> Document:
    """Make a metric file whose tables are queries over those of ga4."""
    makers = (
        alias_columns,
        group_channels,
        join_tables,
        outer_join,
        join_using,
        nest_queries,
        read_query,
        select_distinct,
    )
    tables = {f"query_{maker.__name__}": maker(rng) for maker in makers}
    metrics: Document = {}
    for name, table in tables.items():
        texts = [column for column, kind in table["columns"].items() if kind == "text"]
        for index in range(2):
            metrics[f"ga4.{name}_{index}"] = {"table": name, **make_metric(rng, table["columns"], texts)}
    return {"source": "ga4", "tables": tables, "metrics": metrics}


def make_metric(rng: Random, columns: Document, texts: list[str]) -> Document:
    """Make a metric over a query's columns."""
    numbers = [column for column, kind in columns.items() if kind == NUMBER]
    names = PROPERTIES if texts[0] == "property_id" else CHANNELS
    one, other = rng.choice(numbers), rng.choice(numbers)
    values = [
        f"sum({one})",
        f"sum({one}) - count({other})",
        f"sum({one}) / count(*)",
        f"sum({make_number(rng, numbers, texts[0], names)})",
        f"count(distinct {texts[0]})",
        f"min({one}) + max({other})",
        f"if(sum({one}) > 10, count(*), sum({other}))",
        f"case when count({one}) in (1, 2, null) then 1 end",
    ]
    if "busy" in columns:
        values.append(f"sum(if(busy, {one}, 0))")
    entry: Document = {"value": rng.choice(values), "total": rng.choice(["period", "period", "average", "last"])}
    if rng.random() < 0.5:
        entry["where"] = make_condition(rng, numbers, texts[0], names)
    if rng.random() < 0.3:
        entry |= {"by": texts[0], "top": rng.randint(1, 4)}
    return {"format": "decimal", "better": "up", **entry}


def make_query_table(sql: str, time: str, text: str, *numbers: str, **more: str) -> Document:
    columns = {"user_id": "uuid", time: "date", text: "text", **dict.fromkeys(numbers, NUMBER), **more}
    return {"time": time, "sql": sql, "columns": columns}


def make_daily_condition(rng: Random, prefix: str = "") -> str:
    """Make a condition over rows of `ga4_daily`."""
    return make_condition(rng, [prefix + each for each in NUMBERS], f"{prefix}property_id", PROPERTIES)


def alias_columns(rng: Random) -> Document:
    first, second, third = rng.sample(NUMBERS, 3)
    made = make_number(rng, NUMBERS, "property_id", PROPERTIES)
    sql = (
        f"SELECT user_id, date, property_id, {first} AS {second}, {second} * 2 AS {first}, {made} AS {third}\n"
        f"FROM {{{{ table('ga4_daily') }}}}\nWHERE {make_daily_condition(rng)}"
    )
    return make_query_table(sql, "date", "property_id", *NUMBERS)


def group_channels(rng: Random) -> Document:
    key, named = rng.choice(
        [
            ("coalesce(channel, 'none') AS channel", "channel"),
            ("coalesce(channel, 'none') AS channel", "coalesce(channel, 'none')"),
            ("if(engaged > 3, 'Direct', channel) AS kind", "kind"),
            ("if(engaged > 3, 'Direct', channel) AS kind", "3"),
            ("'Other' AS kind", "kind"),
        ]
    )
    having = rng.choice(["", "\nHAVING count(*) > 1", "\nHAVING sum(engaged) > 3 or max(revenue) is null"])
    where = make_condition(rng, ["engaged", "revenue"], "channel", CHANNELS)
    sql = (
        f"SELECT user_id, day, {key}, sum(engaged) AS engaged, count(revenue) AS n, max(revenue) AS most\n"
        f"FROM {{{{ table('channel_days') }}}}\nWHERE {where}\nGROUP BY user_id, day, {named}{having}"
    )
    return make_query_table(sql, "day", key.rpartition(" ")[2], "engaged", "n", "most")


def join_tables(rng: Random) -> Document:
    side = rng.choice(["", "INNER ", "LEFT ", "LEFT OUTER "]).replace("OUTER ", "")
    more = rng.choice(["", " AND c.engaged > 2", f" AND {make_daily_condition(rng, 'g.')}"])
    where = rng.choice(
        ["", "", "\nWHERE c.user_id IS NULL OR g.engaged > c.engaged", f"\nWHERE {make_daily_condition(rng, 'g.')}"]
    )
    sql = (
        "SELECT g.user_id, g.date, c.channel, g.engaged, c.engaged AS reached, "
        "c.revenue - g.conversions AS conversions\n"
        f"FROM {{{{ table('ga4_daily') }}}} AS g {side}JOIN {{{{ table('channel_days') }}}} AS c\n"
        f"ON g.date = c.day AND g.user_id = c.user_id AND g.line = c.line{more}{where}"
    )
    return make_query_table(sql, "date", "channel", "engaged", "reached", "conversions")


def outer_join(rng: Random) -> Document:
    side = rng.choice(["RIGHT", "FULL"])
    more = rng.choice(["", " AND c.engaged > 2", " AND g.engaged <> c.engaged"])
    sql = (
        "SELECT coalesce(c.user_id, g.user_id) AS user_id, coalesce(c.day, g.date) AS date, "
        "coalesce(c.channel, g.property_id) AS channel, g.engaged, c.engaged AS reached\n"
        f"FROM {{{{ table('ga4_daily') }}}} AS g {side} JOIN {{{{ table('channel_days') }}}} AS c\n"
        f"ON g.date = c.day AND g.line = c.line{more}"
    )
    return make_query_table(sql, "date", "channel", "engaged", "reached")


def join_using(rng: Random) -> Document:
    side = rng.choice(["", "LEFT ", "RIGHT ", "FULL "])
    sql = (
        f"SELECT user_id, date, property_id, g.engaged, h.n, h.engaged AS most\n"
        f"FROM {{{{ table('ga4_daily') }}}} AS g {side}JOIN (\n"
        "  SELECT user_id, date, property_id, count(*) AS n, max(engaged) AS engaged\n"
        f"  FROM {{{{ table('ga4_daily') }}}} WHERE {make_daily_condition(rng)} GROUP BY user_id, date, property_id\n"
        ") AS h USING (user_id, property_id, date)"
    )
    return make_query_table(sql, "date", "property_id", "engaged", "n", "most")


def nest_queries(rng: Random) -> Document:
    cross = rng.choice([",", " CROSS JOIN"])
    sql = (
        "WITH days AS (\n"
        "  SELECT user_id, date, property_id, sum(engaged) AS engaged, count(*) AS n\n"
        f"  FROM {{{{ table('ga4_daily') }}}} WHERE {make_daily_condition(rng)} GROUP BY user_id, date, property_id\n"
        "), tops AS (SELECT max(engaged) AS most, min(n) AS n, count(*) AS days FROM days)\n"
        f"SELECT d.user_id, d.date, d.property_id, d.engaged, t.most, t.n AS n, d.n + t.days AS more\n"
        f"FROM days AS d{cross} tops AS t\nWHERE {rng.choice(['d.engaged > t.most / 4', 'd.n >= t.n', 't.days > 3'])}"
    )
    return make_query_table(sql, "date", "property_id", "engaged", "most", "n", "more")


def read_query(rng: Random) -> Document:
    sql = (
        "SELECT user_id, date, property_id, x.engaged + 1 AS engaged, "
        f"{make_number(rng, NUMBERS, 'property_id', PROPERTIES)} AS sessions\n"
        "FROM (SELECT user_id, date, property_id, sessions AS engaged, engaged AS conversions, "
        "conversions AS sessions\n"
        f"  FROM {{{{ table('query_alias_columns') }}}} WHERE {make_daily_condition(rng)}) AS x\n"
        f"WHERE {make_daily_condition(rng)}"
    )
    return make_query_table(sql, "date", "property_id", "engaged", "sessions")


def select_distinct(rng: Random) -> Document:
    sql = (
        "SELECT DISTINCT user_id, date, property_id, nullif(engaged, 0) AS engaged, "
        f"{make_daily_condition(rng)} AS busy\nFROM {{{{ table('ga4_daily') }}}}"
    )
    return make_query_table(sql, "date", "property_id", "engaged", busy="boolean")
