"""Rows of an items statement → the items of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from metric_engine.engine.arithmetic import Evaluate
from metric_engine.engine.metrics import Series
from metric_engine.engine.plan import ItemsScan
from metric_engine.engine.sql import item_aggregates


def item_list(scan: ItemsScan, rows: Iterable[Sequence[Any]], *, mixed: bool) -> list[dict[str, Any]]:
    """The items in order: {id, the shown columns, values}. Money is None where the currencies are `mixed`."""
    values = evaluators(scan)
    first_shown = 1 + len(item_aggregates(scan))
    kinds = [scan.table.columns[name].type for name in scan.items.show]
    return [
        {
            "id": row[0],
            **{name: shown(row[first_shown + index], kinds[index]) for index, name in enumerate(scan.items.show)},
            "values": {series.name: valued(series, evaluate, row, mixed) for series, evaluate in values},
        }
        for row in rows
    ]


@lru_cache(maxsize=1024)
def evaluators(scan: ItemsScan) -> tuple[tuple[Series, Evaluate], ...]:
    positions = {aggregate: 1 + index for index, aggregate in enumerate(item_aggregates(scan))}
    return tuple((series, series.expression.evaluator(positions)) for series in scan.items.values)


def valued(series: Series, evaluate: Evaluate, row: Sequence[Any], mixed: bool) -> float | None:
    if mixed and series.expression.money:
        return None
    value: float | None = evaluate(row)
    if value != value:
        return None
    return 0 if value is None and series.expression.additive else value


def shown(value: Any, type_name: str) -> Any:
    """A column's value as JSON has it: dates as ISO text, numbers as numbers."""
    match value:
        case bool() | None:
            return value
        case datetime():
            return moment(value, type_name)
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case int() if type_name == "boolean":
            return bool(value)
        case str() if type_name in ("timestamp", "timestamptz"):
            return moment(read, type_name) if (read := read_moment(value)) else value
    return value


def read_moment(text: str) -> datetime | None:
    """A moment that is kept as text; None where it is none, which no type keeps out of SQLite."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def moment(value: datetime, type_name: str) -> str:
    """A moment in UTC, whichever zone the driver gives it in; a time without a zone as it is."""
    if type_name == "timestamp":
        return value.replace(tzinfo=None).isoformat()
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
