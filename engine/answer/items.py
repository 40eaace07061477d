"""Rows of an items statement → the items of an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from engine.catalog.metrics import MetricSeries
from engine.compiler.builder import collect_item_aggregates
from engine.compiler.plan import ItemsScan
from engine.language.function_values import Evaluator
from engine.tables import TIMESTAMP_TYPES, VALUE_TYPES, ValueType


def build_items(scan: ItemsScan, rows: Iterable[Sequence[Any]], *, mixed: bool) -> list[dict[str, Any]]:
    """The items in order: {id, the shown columns, values}. Money is None where the currencies are `mixed`."""
    values = get_value_evaluators(scan)
    first_shown = 1 + len(collect_item_aggregates(scan))
    kinds = [scan.table.columns[name].type for name in scan.items.show]
    return [
        {
            "id": row[0],
            **{
                name: encode_value(row[first_shown + index], kinds[index]) for index, name in enumerate(scan.items.show)
            },
            "values": {series.name: evaluate_value(series, evaluate, row, mixed) for series, evaluate in values},
        }
        for row in rows
    ]


@lru_cache(maxsize=1024)
def get_value_evaluators(scan: ItemsScan) -> tuple[tuple[MetricSeries, Evaluator], ...]:
    positions = {aggregate: 1 + index for index, aggregate in enumerate(collect_item_aggregates(scan))}
    return tuple((series, series.expression.compile_evaluator(positions)) for series in scan.items.values)


def evaluate_value(series: MetricSeries, evaluate: Evaluator, row: Sequence[Any], mixed: bool) -> float | None:
    if mixed and series.expression.money:
        return None
    value: float | None = evaluate(row)
    if value != value:
        return None
    return 0 if value is None and series.expression.additive else value


def encode_value(value: Any, type_name: str) -> Any:
    """A column's value as JSON has it, whatever the driver makes of it.

    Dates and moments are ISO text. What is declared whole has no point, what is declared double or numeric has one;
    a number that JSON cannot hold is None.
    """
    match value:
        case None:
            return None
        case bool() | int() | float() | Decimal():
            return encode_number(value, VALUE_TYPES.get(type_name))
        case datetime():
            return encode_moment(value, type_name)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case str() if type_name in TIMESTAMP_TYPES:
            return encode_moment(read, type_name) if (read := parse_stored_moment(value)) else value
    return value


def encode_number(value: bool | float | Decimal, kind: ValueType | None) -> bool | float | None:
    if kind == "boolean":
        return bool(value)
    if not math.isfinite(value):
        return None
    return int(value) if kind == "whole" and value == int(value) else float(value)


def parse_stored_moment(text: str) -> datetime | None:
    """A moment that is kept as text; None where it is none, which no type keeps out of SQLite."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def encode_moment(value: datetime, type_name: str) -> str:
    """A moment in UTC, whichever zone the driver gives it in; a time without a zone as it is."""
    if type_name == "timestamp":
        return value.replace(tzinfo=None).isoformat()
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
