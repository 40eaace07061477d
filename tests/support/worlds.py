"""Metric files with rows in an embedded warehouse, and queries, for the engine's tests."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.calendar import Compare, Grain
from engine.catalog.catalog import Catalog, load_catalog
from engine.diagnostics import Diagnostic
from engine.errors import InvalidCatalog
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.support.paths import METRICS

SHIPPED = METRICS
ME = "00000000-0000-4000-8000-000000000001"
YOU = "00000000-0000-4000-8000-000000000002"
EVERY_SOURCE = frozenset(("ga4", "instagram", "meta"))

Row = dict[str, Any]
Body = dict[str, Any]

COLUMNS: Mapping[str, Any] = {
    "user_id": "uuid",
    "date": "date",
    "who": "text",
    "x": "bigint",
    "y": "double",
    "users": {"type": "bigint", "additive": False},
    "currency": "text",
    "spend": {"type": "numeric", "money": True},
}
DAYS: Mapping[str, Any] = {"time": "date", "currency": "currency", "columns": COLUMNS}


def make_file(
    metrics: Mapping[str, Any], tables: Mapping[str, Any] | None = None, *, source: str = "ga4", **more: Any
) -> dict[str, Any]:
    """Make a metric file as plain data, with the table `days` unless other tables are given."""
    declared = {"days": DAYS} if tables is None else tables
    return {"source": source, "table": next(iter(declared), "days"), "tables": declared, "metrics": metrics, **more}


def load_files(*files: Mapping[str, Any] | str, macros: str = "") -> Catalog:
    """Load the catalog of files given as data or as YAML text. Raises InvalidCatalog."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, each in enumerate(files):
            # JSON is valid YAML and, unlike a YAML writer's output, has no aliases.
            text = each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)
            (folder / f"{index}.yaml").write_text(text, encoding="utf-8")
        if macros:
            (folder / "macros.j2").write_text(macros, encoding="utf-8")
        return load_catalog(folder)


def collect_diagnostics(*files: Mapping[str, Any] | str, macros: str = "") -> Sequence[Diagnostic]:
    """Return the diagnostics of files that must not load."""
    with pytest.raises(InvalidCatalog) as caught:
        load_files(*files, macros=macros)
    return caught.value.diagnostics


def make_row(day: str, **cells: Any) -> Row:
    """Make a row of `days`, of the tenant ME unless `user_id` is given."""
    blank = {"user_id": ME, "who": None, "x": None, "y": None, "users": None, "spend": None, "currency": None}
    return {**blank, "date": date.fromisoformat(day), **cells}


def query_engine(
    engine: Engine,
    key: str,
    start: str | date,
    end: str | date | None = None,
    *,
    compare: str = "off",
    grain: str = "day",
    tenant: str = ME,
    connected: frozenset[str] = EVERY_SOURCE,
) -> Body:
    """Query a metric for these days; without `end`, for the day `start`."""
    first, last = (date.fromisoformat(str(day)) for day in (start, end or start))
    query = MetricQuery(first, last, Compare(compare), Grain(grain))
    return engine.query_body(key, query, tenant=tenant, connected=connected)


@contextmanager
def open_warehouse(catalog: Catalog, rows: Mapping[str, Sequence[Row]]) -> Iterator[Warehouse]:
    """Open an embedded warehouse with the catalog's tables and these rows by table."""
    warehouse = Warehouse("sqlite://")
    warehouse.create_tables(catalog.tables.values())
    for name, table_rows in rows.items():
        warehouse.upsert(catalog.tables[name], table_rows)
    try:
        yield warehouse
    finally:
        warehouse.close()


def answer_metric(
    metric: Any, rows: Sequence[Row] | Mapping[str, Sequence[Row]], start: str, end: str | None = None, **options: Any
) -> Body:
    """Query one metric over `days`, or the metric `m` of a list of whole files."""
    files = metric if isinstance(metric, list) else [make_file({"m": metric})]
    catalog = load_files(*files)
    rows_by_table = rows if isinstance(rows, Mapping) else {"days": rows}
    with open_warehouse(catalog, rows_by_table) as warehouse:
        return query_engine(Engine(catalog, warehouse), "m", start, end, **options)


def index_series(body: Body) -> dict[str, Any]:
    return {each["name"]: each for each in body["series"]}


def list_series_names(body: Body) -> list[str]:
    return [each["name"] for each in body["series"]]


def list_points(body: Body, name: str | None = None) -> list[Any]:
    """List the values of a series, the first one unless named."""
    series = index_series(body)[name] if name is not None else body["series"][0]
    return [point["v"] for point in series["points"]]


def list_compared_points(body: Body, name: str | None = None) -> list[tuple[str, Any]]:
    """List the points of a compared series as (t, value), the first one unless named."""
    compared = body["comparison"]["series"]
    series = next(each for each in compared if each["name"] == name) if name is not None else compared[0]
    return [(point["t"], point["v"]) for point in series["points"]]


def get_stats(body: Body, name: str | None = None) -> tuple[Any, Any, Any]:
    """Return (value, previous, delta) of the widget, or of one series."""
    stats = index_series(body)[name]["stats"] if name is not None else body["stats"]
    return stats["value"], stats["previous"], stats["delta"]
