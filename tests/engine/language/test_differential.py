"""Expressions at random on every engine, against the meaning that docs/metrics.md gives their functions.

`DIFFERENTIAL_SEED=7 DIFFERENTIAL_PIECES=240 pytest tests/engine/language/test_differential.py` asks other ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.errors import WarehouseUnavailable
from engine.language.functions import AGGREGATE_NAMES, FUNCTION_NAMES
from engine.warehouse.warehouse import Warehouse
from tests.support.oracle.functions import BeyondDouble
from tests.support.random_expressions import Author, Piece
from tests.support.worlds import ME, list_points, load_files, make_file, query_engine

SEED = int(os.environ.get("DIFFERENTIAL_SEED", "1"))
PIECES = int(os.environ.get("DIFFERENTIAL_PIECES", "80"))
# How many a statement evaluates.
TOGETHER = 40
DEPTH = 4

TYPES = {"whole": "bigint", "double": "double", "text": "text", "boolean": "boolean", "date": "date"}
TABLE = {
    "time": "date",
    "key": ["user_id", "date", "id"],
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "id": "text",
        "x": "bigint",
        "k": "integer",
        "y": "double",
        "w": "double",
        "z": "numeric",
        "s": "text",
        "t": "text",
        "flag": "boolean",
        "d": "date",
        "at": "timestamptz",
        "ts": "timestamp",
    },
}
NBSP, WEST = "\N{NO-BREAK SPACE}", timezone(timedelta(hours=-9))
COLUMNS = ("x", "k", "y", "w", "z", "s", "t", "flag", "d", "at", "ts")
# One row a day, so that an aggregate by day is the value of its row.
CELLS: list[tuple[Any, ...]] = [
    (0, 1, 0.0, 0.5, Decimal("0.125"), "", "a", True, date(2024, 2, 29), "2024-02-29 23:30:00", "2024-02-29 23:30:00"),
    (7, -1, 2.5, -2.5, Decimal("-0.375"), "a", "A", False, date(1999, 12, 31), "2025-01-01", "2025-01-01"),
    (-3, 12, -0.1, 0.3, Decimal(1_000_000), " b c ", "b", True, date(2025, 1, 1), "1999-12-31 12:00:00.5", None),
    (2**63 - 1, 0, 1e15 + 0.5, 1e-9, Decimal(0), "Ab'Ü😀%_\\", "%", None, None, None, "2025-03-01 00:00:00.000001"),
    (-(2**63), 3, 1e300, -1e300, Decimal("0.000000001"), None, "_%", False, date(1970, 1, 1), None, None),
    (
        2**53 + 1,
        None,
        2.0**53,
        1e-300,
        Decimal("-12345678901.5"),
        f"{NBSP}a{NBSP}",
        "É",
        True,
        None,
        "2024-02-29",
        None,
    ),
    (None, 2, None, 0.1, None, "\ta\n", None, None, date(2025, 12, 31), None, "2024-12-31 23:59:59"),
    (15, 2, 709.9, -800.0, Decimal("2.675"), "true", "1", False, date(2100, 3, 1), "2025-03-09", "2025-03-09 02:30:00"),
]
FIRST = date(2025, 3, 1)
LAST = FIRST + timedelta(days=len(CELLS) - 1)


def parse_moment(text: str | None, zone: timezone) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=zone)


def make_rows() -> list[dict[str, Any]]:
    found = [dict(zip(COLUMNS, cells, strict=True)) for cells in CELLS]
    for row in found:
        row["at"] = parse_moment(row["at"], WEST)
        row["ts"] = None if row["ts"] is None else datetime.fromisoformat(row["ts"])
    return found


# What an expression sees: a decimal is a double.
SEEN = [row | {"z": None if row["z"] is None else float(row["z"])} for row in make_rows()]


@lru_cache
def make_pieces(kinds: tuple[str, ...], count: int, *, above: bool = False) -> list[tuple[Piece, list[Any]]]:
    """Expressions of these kinds in turn, each with its values on the rows; worked out once for all engines."""
    random = Random(f"{SEED} {kinds} {above}")
    author = Author(random, above=above)
    found: list[tuple[Piece, list[Any]]] = []
    while len(found) < count:
        piece = author.write(kinds[len(found) % len(kinds)], random.randint(1, DEPTH))
        if above and "max(" not in piece.text:
            continue
        try:
            found.append((piece, [piece.value(row) for row in SEEN]))
        except BeyondDouble:
            continue
    return found


def split_batches(found: Sequence[tuple[Piece, list[Any]]]) -> list[Sequence[tuple[Piece, list[Any]]]]:
    return [found[start : start + TOGETHER] for start in range(0, len(found), TOGETHER)]


def make_inside_pieces() -> list[tuple[Piece, list[Any]]]:
    return make_pieces(("whole", "double"), PIECES)


def make_above_pieces() -> list[tuple[Piece, list[Any]]]:
    return make_pieces(("whole", "double"), PIECES // 2, above=True)


def make_queried_pieces() -> list[tuple[Piece, list[Any]]]:
    return make_pieces(tuple(TYPES), PIECES)


def make_filter_pieces() -> list[tuple[Piece, list[Any]]]:
    return make_pieces(("boolean",), PIECES // 4)


def make_metrics() -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics and the `sql:` tables that evaluate all of them."""
    found: dict[str, Any] = {}
    tables: dict[str, Any] = {"facts": TABLE}
    for index, batch in enumerate(split_batches(make_inside_pieces())):
        found[f"inside{index}"] = {"series": {f"e{n}": f"max({piece.text})" for n, (piece, _) in enumerate(batch)}}
    for index, batch in enumerate(split_batches(make_above_pieces())):
        found[f"above{index}"] = {"series": {f"e{n}": piece.text for n, (piece, _) in enumerate(batch)}}
    for index, (piece, _) in enumerate(make_filter_pieces()):
        found[f"filtered{index}"] = {"value": "count(*)", "where": piece.text}
    for index, batch in enumerate(split_batches(make_queried_pieces())):
        selected = ", ".join(f"{piece.text} AS e{n}" for n, (piece, _) in enumerate(batch))
        names = {f"e{n}": {"type": TYPES[piece.kind], "additive": True} for n, (piece, _) in enumerate(batch)}
        tables[f"query{index}"] = {
            "time": "date",
            "key": ["user_id", "date", "id"],
            "sql": f"SELECT user_id, date, id, {selected} FROM {{{{ table('facts') }}}}",
            "columns": {"user_id": "uuid", "date": "date", "id": "text", **names},
        }
        found[f"queried{index}"] = {
            "table": f"query{index}",
            "value": "count(*)",
            "items": {"by": "id", "show": list(names), "values": {"n": "count(*)"}, "limit": len(CELLS)},
        }
    for metric in found.values():
        metric["fill"] = "null"
    return found, tables


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    catalog = load_files(make_file(*make_metrics()))
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    listed = [
        {"user_id": ME, "date": FIRST + timedelta(days=index), "id": f"row{index}", **row}
        for index, row in enumerate(make_rows())
    ]
    warehouse.upsert(catalog.tables["facts"], listed)
    yield Engine(catalog, warehouse)
    warehouse.close()


def is_same(found: Any, wanted: Any) -> bool:
    """Whether both are written alike as JSON, but for the last digits of a double; a whole one needs no point."""
    if type(found) is int and isinstance(wanted, float):
        found = float(found)
    if type(found) is not type(wanted):
        return False
    return bool(found == (pytest.approx(wanted, rel=1e-9, abs=1e-300) if isinstance(wanted, float) else wanted))


def iter_differences(batch: Sequence[tuple[Piece, list[Any]]], found: Mapping[int, Sequence[Any]]) -> Iterator[str]:
    for n, (piece, wanted) in enumerate(batch):
        for index, (value, right) in enumerate(zip(found[n], wanted, strict=True)):
            if not is_same(value, right):
                yield f"{piece.text}: {value!r} instead of {right!r} on row {index}"
                break


def read_series(engine: Engine, key: str, batch: Sequence[tuple[Piece, list[Any]]]) -> Mapping[int, Sequence[Any]]:
    body = query_engine(engine, key, FIRST, LAST)
    return {n: list_points(body, f"e{n}") for n in range(len(batch))}


def read_value(engine: Engine, key: str, batch: Sequence[tuple[Piece, list[Any]]]) -> Mapping[int, Sequence[Any]]:
    return {0: list_points(query_engine(engine, key, FIRST, LAST))}


def read_columns(engine: Engine, key: str, batch: Sequence[tuple[Piece, list[Any]]]) -> Mapping[int, Sequence[Any]]:
    items = sorted(query_engine(engine, key, FIRST, LAST)["items"], key=lambda item: str(item["id"]))
    return {n: [item[f"e{n}"] for item in items] for n in range(len(batch))}


def convert_to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.slow
def test_expressions_are_worth_the_same_everywhere(engine: Engine) -> None:
    asked = [(f"inside{n}", batch, read_series) for n, batch in enumerate(split_batches(make_inside_pieces()))]
    asked += [(f"above{n}", batch, read_series) for n, batch in enumerate(split_batches(make_above_pieces()))]
    for n, batch in enumerate(split_batches(make_queried_pieces())):
        asked.append(
            (f"queried{n}", [(piece, [*map(convert_to_json, values)]) for piece, values in batch], read_columns)
        )
    for n, (piece, values) in enumerate(make_filter_pieces()):
        passing = [1 if value is True else None for value in values]
        asked.append((f"filtered{n}", [(piece, passing)], read_value))
    differing: list[str] = []
    for key, batch, answers in asked:
        try:
            differing += [f"{key}: {each}" for each in iter_differences(batch, answers(engine, key, batch))]
        except WarehouseUnavailable as error:
            differing.append(f"{key}: {error}, of {batch[0][0].text} and {len(batch) - 1} more")
    assert not differing, f"{len(differing)} differ:\n" + "\n".join(differing[:40])


def test_every_function_is_among_them() -> None:
    texts = " ".join(
        piece.text
        for listed in (make_inside_pieces(), make_above_pieces(), make_queried_pieces(), make_filter_pieces())
        for piece, _ in listed
    )
    assert {name for name in FUNCTION_NAMES if name not in AGGREGATE_NAMES and f"{name}(" not in texts} == set()
