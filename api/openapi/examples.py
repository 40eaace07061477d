"""Example answers of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine import (
    Compare,
    Grain,
    Metric,
    TableMetric,
)

EXAMPLE_RECEIPT = "r1q83vASNFZ4mrze8AC1"
EXAMPLE_DAYS = ("2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02")
# A value and the compared period's.
EXAMPLES: Mapping[str, tuple[float, float]] = {
    "integer": (123, 110),
    "decimal": (3.2, 2.9),
    "percent": (0.034, 0.031),
    "currency": (1234.5, 1180.0),
    "duration": (95.0, 90.0),
}


def build_example(metric: Metric) -> dict[str, Any]:
    """Build an example answer over two days, in the metric's own format."""
    value, previous = EXAMPLES[metric.format]
    change = value - previous
    stats = {
        "value": value,
        "previous": previous,
        "delta": round(change if metric.delta == "absolute" else change / previous, 4),
        "to_date": None,
    }
    currency = "USD" if metric.format == "currency" else None
    series = {
        "name": metric.title,
        "key": metric.key,
        "format": metric.format,
        "decimals": metric.decimals,
        "better": metric.better,
        "currency": currency,
        "points": build_points(EXAMPLE_DAYS[2:], value),
        "stats": stats,
    }
    table = build_example_table(metric, stats) if isinstance(metric, TableMetric) and metric.rows else {}
    return {
        "series": [series],
        "stats": stats,
        "comparison": {
            "start": EXAMPLE_DAYS[0],
            "end": EXAMPLE_DAYS[1],
            "series": [{"name": metric.title, "points": build_points(EXAMPLE_DAYS[:2], previous)}],
        },
        "items": [],
        **table,
        "meta": {
            "key": metric.key,
            "title": metric.title,
            "format": metric.format,
            "decimals": metric.decimals,
            "better": metric.better,
            "delta": metric.delta,
            "grain": Grain.DAY,
            "start": EXAMPLE_DAYS[2],
            "end": EXAMPLE_DAYS[3],
            "compare": Compare.PREVIOUS_PERIOD,
            "total": "period",
            "currency": currency,
            "sources": list(metric.sources),
            "missing_sources": [],
            "data_through": EXAMPLE_DAYS[3],
            "comparison_through": EXAMPLE_DAYS[1],
            "provisional_from": None,
            "filters": {"applied": [], "ignored": []},
            "notes": [],
            "receipt": EXAMPLE_RECEIPT,
        },
    }


def build_example_table(metric: TableMetric, stats: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {
            "name": each.name,
            "format": each.format or metric.format,
            "decimals": metric.get_decimals(each),
            "better": each.better or metric.better,
            "currency": "USD" if each.is_money else None,
        }
        for each in metric.series
    ]
    cells = {each.name: stats for each in metric.series}
    currency = next((column["currency"] for column in columns if column["currency"]), None)
    rows = [{"id": "42", "label": "Spring", "currency": currency, "values": cells}]
    return {"table": {"columns": columns, "rows": rows, "total": cells, "count": 1}}


def build_points(days: Sequence[str], value: float) -> list[dict[str, Any]]:
    return [{"t": day, "v": value} for day in days]
