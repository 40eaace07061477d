"""What an expression may hold means the same on every engine, also where engines do not agree by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.errors import WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, list_points, load_files, make_file, query_engine

TABLE = {
    "time": "date",
    "key": ["user_id", "date"],
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "who": "text",
        "x": "bigint",
        "y": "double",
        "z": "numeric",
        "flag": "boolean",
        "at": "timestamptz",
    },
}
MOST = 2**63 - 1
# One row a day: max(expression) by day is then the expression's value on each of them.
ROWS: list[dict[str, Any]] = [
    {
        "who": "Ab'Ü😀%_\\",
        "x": 7,
        "y": 2.5,
        "z": Decimal("0.125"),
        "flag": True,
        "at": datetime(2025, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2))),
    },
    {
        "who": "",
        "x": -3,
        "y": -2.5,
        "z": Decimal("-0.375"),
        "flag": False,
        "at": datetime(2025, 3, 2, tzinfo=UTC),
    },
    {"who": None, "x": None, "y": None, "z": None, "flag": None, "at": None},
    {"who": "b c ", "x": MOST, "y": 0.0, "z": Decimal(1_000_000), "flag": True, "at": datetime(2025, 3, 4, tzinfo=UTC)},
]
FIRST = date(2025, 3, 1)

NUMBERS: dict[str, list[float | None]] = {
    "x + 1": [8, -2, None, 2.0**63],
    "x * x": [49, 9, None, 2.0**126],
    "x - z": [6.875, -2.625, None, 2.0**63],
    "-x": [-7, 3, None, -(2.0**63)],
    "x / 2": [3.5, -1.5, None, 2.0**62],
    "1 / y": [0.4, -0.4, None, None],
    "x / 0": [None] * 4,
    "(x + y) * (z - 1) / 2": [-4.15625, 3.78125, None, 2.0**63 * 999_999 / 2],
    "abs(y)": [2.5, 2.5, None, 0],
    "round(y)": [3, -3, None, 0],
    "round(z, 2)": [0.13, -0.38, None, 1_000_000],
    "round(x, -1)": [10, 0, None, 2.0**63],
    "round(z, -6)": [0, 0, None, 1_000_000],
    "round(1238.5 + y, -2)": [1200, 1200, None, 1200],
    "round(2.675 + y * 0, 2)": [2.68, 2.68, None, 2.68],
    "floor(y)": [2, -3, None, 0],
    "floor(y * 1e300)": [2.5e300, -2.5e300, None, 0],
    "abs(-9223372036854775807 - 1 + y * 0)": [2.0**63, 2.0**63, None, 2.0**63],
    "ceil(y)": [3, -2, None, 0],
    "sqrt(y)": [2.5**0.5, None, None, 0],
    "ln(y)": [0.9162907318741551, None, None, None],
    "exp(y)": [12.182493960703473, 0.0820849986238988, None, 1],
    "pow(y, 2)": [6.25, 6.25, None, 0],
    "power(y, 0.5)": [2.5**0.5, None, None, 0],
    "pow(y, -1)": [0.4, -0.4, None, None],
    "pow(y, 0)": [1, 1, None, 1],
    "pow(y, 1000)": [None, None, None, 0],
    "pow(y / 1000, 1000)": [0, 0, None, 0],
    "pow(y, z)": [2.5**0.125, None, None, 0],
    "exp(x)": [1096.6331584284585, 0.049787068367863944, None, None],
    "exp(-x)": [0.0009118819655545162, 20.085536923187668, None, 0],
    "cast(y as int)": [2, -2, None, 0],
    "cast(x * 2 as bigint)": [14, -6, None, None],
    "cast(flag as double) / 2": [0.5, 0, None, 0.5],
    "cast(y as bigint)": [2, -2, None, 0],
    "cast(flag as int)": [1, 0, None, 1],
    "cast(y > 0 as int)": [1, 0, None, 0],
    "cast(z as decimal(10, 2))": [0.125, -0.375, None, 1_000_000],
    "cast('12.5' as double) + y": [15, 10, None, 12.5],
    "cast('12' as int)": [12, 12, 12, 12],
    "coalesce(x, 0.5)": [7, -3, 0.5, 2.0**63],
    "coalesce(y, x, 1)": [2.5, -2.5, 1, 0],
    "nullif(y, 0)": [2.5, -2.5, None, None],
    "greatest(x, y, 1.5)": [7, 1.5, 1.5, 2.0**63],
    "least(y, z)": [0.125, -2.5, None, 0],
    "if(flag, x, y)": [7, -2.5, None, 2.0**63],
    "if(y > 0, 1)": [1, None, None, None],
    "case when y > 0 then x when y < 0 then 0.25 else -1 end": [7, 0.25, -1, -1],
    "case who when '' then 1 when 'b c ' then 2 end": [None, 1, None, 2],
    "length(who)": [8, 0, None, 4],
    "length(trim(who))": [8, 0, None, 3],
    "length(concat(who, 'Ü', x))": [10, 3, None, 24],
    "length(who || 'Ü')": [9, 1, None, 5],
    "length(replace(who, 'b', ''))": [7, 0, None, 3],
    "length(substring(who, 2, 4))": [4, 0, None, 3],
    "length(substr(who, 4))": [5, 0, None, 1],
    "length(substring(who, x - 9, 2))": [2, 0, None, 0],
    "length(substring(who, 2, x - 6))": [1, 0, None, 3],
    "case x when null then 1 when y then 2 when 7 then 3 end": [3, None, None, None],
    "nullif(x, y)": [7, -3, None, 2.0**63],
}
CONDITIONS: dict[str, list[int]] = {
    "who like 'A%'": [1, 0, 0, 0],
    "who like 'a%'": [0, 0, 0, 0],
    "who not like 'A%'": [0, 1, 0, 1],
    "not who like 'A%'": [0, 1, 0, 1],
    r"who like '%\'": [1, 0, 0, 0],
    r"who like '%\%'": [1, 0, 0, 0],
    "who like '___Ü____'": [1, 0, 0, 0],
    "who like concat('%', ' ')": [0, 0, 0, 1],
    "lower(who) = 'ab''Ü😀%_\\'": [1, 0, 0, 0],
    "upper(who) = 'B C '": [0, 0, 0, 1],
    "substring(who, 4, 2) = 'Ü😀'": [1, 0, 0, 0],
    "who > 'Z'": [0, 0, 0, 1],
    "who < 'a'": [1, 1, 0, 0],
    "who between 'A' and 'b'": [1, 0, 0, 0],
    "who in ('', 'b c ', 'none')": [0, 1, 0, 1],
    "who not in ('', 'b c ')": [1, 0, 0, 0],
    "who = ''": [0, 1, 0, 0],
    "who is null": [0, 0, 1, 0],
    "who is not null": [1, 1, 0, 1],
    "flag": [1, 0, 0, 1],
    "not flag": [0, 1, 0, 0],
    "flag = true": [1, 0, 0, 1],
    "flag is true": [1, 0, 0, 1],
    "flag is not true": [0, 1, 1, 0],
    "flag and y > 0": [1, 0, 0, 0],
    "flag or x < 0": [1, 1, 0, 1],
    "z > 0.1": [1, 0, 0, 1],
    "x = 9223372036854775807": [0, 0, 0, 1],
    "y in (0, 2.5)": [1, 0, 0, 1],
    "date >= '2025-03-02'": [0, 1, 1, 1],
    "date between '2025-03-01' and '2025-03-02'": [1, 1, 0, 0],
    "date = cast('2025-03-04' as date)": [0, 0, 0, 1],
    "date(at) = '2025-03-02'": [1, 1, 0, 0],
    "cast(at as date) > date": [1, 0, 0, 0],
    "cast(x as text) = '7'": [1, 0, 0, 0],
    "cast(flag as text) = 'true'": [1, 0, 0, 1],
    "concat(flag, '/', x, '/', date) = 'false/-3/2025-03-02'": [0, 1, 0, 0],
    "(y > 0) || '' = 'false'": [0, 1, 0, 1],
    "trim(concat(' \u00a0', who, '\t ')) like '\u00a0%\t'": [1, 1, 0, 1],
    "replace(who, '', 'x') = who": [1, 1, 0, 1],
    "lower('ÀB') = 'Àb' and upper('éb') = 'éB'": [1, 1, 1, 1],
    "x between 7 and nullif(x, 7)": [0, 0, 0, 1],
    "not (x between 8 and nullif(x, x))": [1, 1, 0, 0],
    "who between '' and upper(who)": [0, 1, 0, 0],
    "-y in (0, 2.5)": [0, 1, 0, 1],
    "greatest(date, date(at)) = '2025-03-02'": [1, 1, 0, 0],
    "cast(date as text) = '2025-03-02'": [0, 1, 0, 0],
}


def make_value(condition: str) -> str:
    return f"max(case when {condition} then 1 else 0 end)"


SHOWN = ["who", "x", "y", "z", "flag", "at", "date"]
ITEMS = {
    "value": "count(*)",
    "items": {"by": "date", "show": SHOWN, "values": {"n": "sum(y)"}, "order": "n", "limit": 10},
}
METRICS: dict[str, Any] = {
    f"m{index}": {"value": f"max({text})", "fill": "null"} for index, text in enumerate(NUMBERS)
} | {f"c{index}": {"value": make_value(text), "fill": "null"} for index, text in enumerate(CONDITIONS)}
METRICS["items"] = ITEMS


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    catalog = load_files(make_file(METRICS, {"facts": TABLE}))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    rows = [{"user_id": ME, "date": FIRST + timedelta(days=index), **row} for index, row in enumerate(ROWS)]
    assert warehouse.upsert(catalog.tables["facts"], rows) == len(rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_every_function_and_operator_means_the_same(engine: Engine) -> None:
    differing = []
    expected: dict[str, Mapping[str, Sequence[float | None]]] = {"m": NUMBERS, "c": CONDITIONS}
    for prefix, cases in expected.items():
        for index, (text, values) in enumerate(cases.items()):
            found: list[Any] | WarehouseUnavailable
            try:
                found = list_points(
                    query_engine(engine, f"{prefix}{index}", FIRST, FIRST + timedelta(days=len(ROWS) - 1))
                )
            except WarehouseUnavailable as error:
                found = error
            wanted = [value if value is None else pytest.approx(value, rel=1e-9, abs=1e-12) for value in values]
            if found != wanted:
                differing.append(f"{text}: {found} instead of {values}")
    assert not differing, "\n".join(differing)


def test_columns_are_shown_alike(engine: Engine) -> None:
    found = query_engine(engine, "items", FIRST, FIRST + timedelta(days=len(ROWS) - 1))["items"]
    assert [[item["id"], *(item[name] for name in SHOWN)] for item in found] == [
        ["2025-03-01", ROWS[0]["who"], 7, 2.5, 0.125, True, "2025-03-02T01:30:00+00:00", "2025-03-01"],
        ["2025-03-03", None, None, None, None, None, None, "2025-03-03"],
        ["2025-03-04", "b c ", MOST, 0.0, 1_000_000, True, "2025-03-04T00:00:00+00:00", "2025-03-04"],
        ["2025-03-02", "", -3, -2.5, -0.375, False, "2025-03-02T00:00:00+00:00", "2025-03-02"],
    ]
