"""An answer → what it rests on, from the YAML to the rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from engine.answer.fetch import StatementRead
from engine.answer.receipts.comparison import is_same_number, list_changes
from engine.answer.receipts.receipt import Receipt
from engine.answer.request import BuiltWidget
from engine.answer.response import Body, format_day
from engine.catalog.catalog import Catalog
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import Metric
from engine.query import MetricQuery


def build_explanation(
    metric: Metric, built: BuiltWidget, catalog: Catalog, query: MetricQuery, before: Receipt | None
) -> Body:
    """Build the body of GET /v1/widgets/{key}/explain; `before` is the receipt to compare with."""
    meta = built.body["meta"]
    explained: Body = {
        "id": built.receipt.id,
        "key": metric.key,
        "title": metric.title,
        "stats": built.body["stats"],
        "definition": {
            **describe_place(catalog, "metrics", metric.key),
            "hash": hash_metric(catalog.metrics[metric.key]),
        },
        "uses": [
            *({"metric": each.key, **describe_place(catalog, "metrics", each.key)} for each in iter_parts(metric)),
            *({"table": each.name, **describe_place(catalog, "tables", each.name)} for each in metric.tables),
        ],
        "query": {
            "start": query.start.isoformat(),
            "end": query.end.isoformat(),
            "compare": query.compare.value,
            "compare_start": format_day(query.compare_start),
            "grain": query.grain.value,
            "sources": [source for source in metric.sources if source not in meta["missing_sources"]],
            "by": query.by,
            "top": query.top,
        },
        "filters": meta["filters"],
        "statements": [describe_read(read) for read in built.reads],
        "extent": [
            {
                "table": table.name,
                "first": None if extent is None else extent.first.isoformat(),
                "through": None if extent is None else extent.through.isoformat(),
            }
            for table, extent in built.extents.items()
        ],
        "data_through": meta["data_through"],
        "data_version": built.receipt.data_version,
    }
    if before is not None:
        explained["receipt"] = {
            "id": before.id,
            "same": is_same_number(before, built.receipt),
            "changed": [{"what": each.what, "detail": each.detail} for each in list_changes(before, built.receipt)],
        }
    return explained


def iter_parts(metric: Metric) -> Iterable[Metric]:
    """Yield the metrics that a metric is made of, and theirs."""
    for part in metric.parts:
        yield part
        yield from iter_parts(part)


def describe_place(catalog: Catalog, section: str, name: str) -> Body:
    place = catalog.places.get((section, name))
    return {"file": None, "line": None, "text": None} if place is None else place.as_body()


def describe_read(read: StatementRead) -> Body:
    rows = read.rows
    state = "stale" if rows.is_stale else "hit" if rows.is_cached else "miss"
    return {
        "table": read.table.name,
        "statement": read.sql,
        "parameters": {name: encode_parameter(value) for name, value in read.bind().items()},
        "cache": {"state": state, "age_seconds": round(rows.age)},
    }


def encode_parameter(value: Any) -> Any:
    """Encode a value that a driver binds for JSON."""
    match value:
        case date() | datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes():
            return value.hex()
        case list() | tuple():
            return [encode_parameter(each) for each in value]
    return value
