"""Rows of an items statement → the items of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
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
            return value.isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case int() if type_name == "boolean":
            return bool(value)
    return value
