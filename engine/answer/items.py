"""Rows of an items statement → the items of an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from engine.answer.values.numbers import narrow_number
from engine.catalog.metrics import MetricSeries
from engine.compiler.builder import collect_item_aggregates
from engine.compiler.plan import ItemsScan
from engine.language.function_values import Evaluator
from engine.tables import TIMESTAMP_TYPES, VALUE_TYPES, ValueType


def build_items(scan: ItemsScan, rows: Iterable[Sequence[Any]], *, mixed: bool, is_known: bool) -> list[dict[str, Any]]:
    """Build the items in order: {id, the shown columns, values}.

    Money is None where the currencies are `mixed`. `is_known` is whether a day of the window is known: a sum of nothing
    is 0 then, and otherwise None.
    """
    values = get_value_evaluators(scan)
    first_shown = 1 + len(collect_item_aggregates(scan))
    type_names = [scan.table.columns[name].type for name in scan.items.show]
    return [
        {
            "id": row[0],
            **{
                name: encode_value(row[first_shown + index], type_names[index])
                for index, name in enumerate(scan.items.show)
            },
            "values": {
                series.name: evaluate_value(series, evaluate, row, mixed=mixed, is_known=is_known)
                for series, evaluate in values
            },
        }
        for row in rows
    ]


@lru_cache(maxsize=1024)
def get_value_evaluators(scan: ItemsScan) -> tuple[tuple[MetricSeries, Evaluator], ...]:
    positions = {aggregate: 1 + index for index, aggregate in enumerate(collect_item_aggregates(scan))}
    return tuple((series, series.expression.compile_evaluator(positions)) for series in scan.items.values)


def evaluate_value(
    series: MetricSeries, evaluate: Evaluator, row: Sequence[Any], *, mixed: bool, is_known: bool
) -> float | None:
    if mixed and series.expression.money:
        return None
    value: float | None = evaluate(row)
    if value != value:
        return None
    if value is None:
        return 0 if is_known and series.expression.additive else None
    return narrow_number(value) if series.expression.whole else value


def encode_value(value: Any, type_name: str) -> Any:
    """Encode a column's value for JSON, whatever type the driver returns.

    Dates and timestamps become ISO text. An integer type has no decimal point; a double or numeric type has one. A
    number that JSON cannot hold becomes None.
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
            return encode_moment(moment, type_name) if (moment := parse_stored_moment(value)) else value
    return value


def encode_number(value: bool | float | Decimal, value_type: ValueType | None) -> bool | float | None:
    if value_type == "boolean":
        return bool(value)
    if not math.isfinite(value):
        return None
    return int(value) if value_type == "whole" and value == int(value) else float(value)


def parse_stored_moment(text: str) -> datetime | None:
    """Parse a timestamp that is stored as text; None for other text.

    SQLite enforces no types, so that such a column may hold any text.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def encode_moment(value: datetime, type_name: str) -> str:
    """Encode a timestamp in UTC, whatever its zone; one without a zone stays as it is."""
    if type_name == "timestamp":
        return value.replace(tzinfo=None).isoformat()
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
