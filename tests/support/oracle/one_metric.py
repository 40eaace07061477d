"""One metric on hand-written rows, for the tests of the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tests.support.oracle.definitions import Definitions, merge_files
from tests.support.oracle.oracle import compute_answer
from tests.support.oracle.queries import fill_query_tables

ME = "00000000-0000-4000-8000-000000000001"
YOU = "00000000-0000-4000-8000-000000000002"
Row = dict[str, Any]

DAYS = {
    "time": "date",
    "restates": 3,
    "currency": "currency",
    "columns": {
        "user_id": "uuid",
        "date": "date",
        "who": "text",
        "x": "bigint",
        "y": "double",
        "users": {"type": "bigint", "additive": False},
        "currency": "text",
        "spend": {"type": "numeric", "money": True},
    },
}


def make_row(day: str, **cells: Any) -> Row:
    blank = {"user_id": ME, "who": None, "x": None, "y": None, "users": None, "spend": None, "currency": None}
    return {**blank, "date": date.fromisoformat(day), **cells}


def make_definitions(
    metric: Any,
    days: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Definitions:
    """Define `a.metric` over tables with equal columns: `days` (of ga4) and `ads` (of meta).

    `days` adds to the definition of the first, `tables` and `metrics` to its file.
    """
    files = [
        {
            "source": "ga4",
            "table": "days",
            "tables": {"days": {**DAYS, **(days or {})}, **(tables or {})},
            "metrics": {"g.x": "sum(x)", "g.spend": "sum(spend)", **(metrics or {}), "a.metric": metric},
        },
        {
            "source": "meta",
            "table": "ads",
            "tables": {"ads": DAYS},
            "metrics": {"m.x": "sum(x)", "m.spend": "sum(spend)", "m.users": {"value": "sum(users)"}},
        },
    ]
    return merge_files(files)


def query_oracle(
    metric: Any,
    rows: list[Row] | dict[str, list[Row]],
    start: str,
    end: str | None = None,
    *,
    days: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Query `a.metric`, defined as by `make_definitions`."""
    definitions = make_definitions(metric, days, tables, metrics)
    rows_by_table = {"days": [], "ads": [], **rows} if isinstance(rows, dict) else {"days": rows, "ads": []}
    query = {"tenant": ME, "start": date.fromisoformat(start), "end": date.fromisoformat(end or start)}
    return compute_answer(definitions, "a.metric", fill_query_tables(definitions, rows_by_table), **{**query, **more})


def list_values(body: dict[str, Any], name: str | None = None) -> list[Any]:
    series = {one["name"]: one for one in body["series"]}
    return [point["v"] for point in (series[name] if name else body["series"][0])["points"]]


def list_prior_points(body: dict[str, Any], index: int = 0) -> list[tuple[str, Any]]:
    return [(point["t"], point["v"]) for point in body["comparison"]["series"][index]["points"]]


def get_totals(body: dict[str, Any]) -> tuple[Any, Any, Any]:
    stats = body["stats"]
    return stats["value"], stats["previous"], stats["delta"]


GAP = [make_row("2025-01-02", x=3, y=1.0, users=5), make_row("2025-01-04", x=4, y=0.0, users=7)]
