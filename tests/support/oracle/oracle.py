"""The correct answer of a widget, computed from plain rows in plain Python.

It shares nothing with the engine: no SQL, no parser, no calendar. It is slow, exact (fractions) and simple, so that a
reader can tell which of two different answers is incorrect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from tests.support.oracle.answers import NOTHING, OracleAnswer, OracleParameters, OracleQuery
from tests.support.oracle.definitions import Definitions, OracleCatalog
from tests.support.oracle.expressions import Row
from tests.support.oracle.extents import KnownTables, Reads
from tests.support.oracle.filters import FilterReport, Filters, apply_filters, check_dimensions
from tests.support.oracle.member_tables import Cells, OracleMemberTable
from tests.support.oracle.series import Number, OracleSeries
from tests.support.oracle.targets import OracleTarget, build_target
from tests.support.oracle.windows import (
    OracleBucket,
    OracleSide,
    OracleWindow,
    get_compared_window,
    list_buckets,
    list_compared_buckets,
)

Rows = Mapping[str, Sequence[Row]]


def compute_answer(
    definitions: Definitions,
    key: str,
    rows: Rows,
    *,
    tenant: str,
    start: date,
    end: date,
    compare: str = "off",
    compare_start: date | None = None,
    grain: str = "day",
    sources: Collection[str] | None = None,
    connected: Collection[str] = ("ga4", "instagram", "meta"),
    reads: Reads | None = None,
    filters: Filters | None = None,
    by: str | None = None,
    top: int | None = None,
    sort: str | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> dict[str, Any]:
    """Compute the body of `GET /v1/widgets/{key}`; a parameter that is None is missing.

    `reads` says how far the tenant's accounts were read, by table and account: those that a sync reads. Raises KeyError
    for a key that is unknown or hidden, ValueError for parameters that this widget does not take.
    """
    query = make_query(
        definitions,
        rows,
        tenant=tenant,
        start=start,
        end=end,
        compare=compare,
        compare_start=compare_start,
        sources=sources,
        connected=connected,
        reads=reads,
        parameters=OracleParameters(compare, grain, by, top, sort, limit, offset),
    )
    query.catalog.get_served(key)
    chosen = {name: values for name, values in (filters or {}).items() if any(values.values())}
    check_dimensions(query.catalog, chosen)
    check_parameters(query.catalog, key, query.parameters)
    return build_body(query, key, chosen)


def make_query(
    definitions: Definitions,
    rows: Rows,
    *,
    tenant: str,
    start: date,
    end: date,
    compare: str = "off",
    compare_start: date | None = None,
    sources: Collection[str] | None,
    connected: Collection[str],
    reads: Reads | None,
    parameters: OracleParameters | None = None,
) -> OracleQuery:
    """Make the query of one tenant's rows."""
    asked = parameters or OracleParameters(compare, "day")
    window = OracleWindow(start, end)
    prior = get_compared_window(window, compare, compare_start)
    own = {
        name: [row for row in table_rows if row[definitions["tables"][name].get("tenant", "user_id")] == tenant]
        for name, table_rows in rows.items()
    }
    return OracleQuery(
        OracleCatalog(definitions),
        KnownTables(definitions["tables"], own, reads or {}),
        asked,
        frozenset(connected if sources is None else set(connected) & set(sources)),
        OracleSide(window, list_buckets(window, asked.grain)),
        OracleSide(prior, list_compared_buckets(window, asked.grain, compare, compare_start)) if prior else None,
    )


def check_parameters(catalog: OracleCatalog, key: str, parameters: OracleParameters) -> None:
    """Raise ValueError for a breakdown that the widget cannot have."""
    metric = catalog.metrics[key]
    has_one_series = "table" in metric and "value" in metric
    if parameters.by is not None and not (has_one_series and parameters.by in catalog.get_table(key).dimensions):
        raise ValueError(f"{key} cannot be broken down by {parameters.by}")
    if parameters.top is not None and not (has_one_series and (parameters.by or "by" in metric)):
        raise ValueError(f"{key} has no breakdown")
    asked = (parameters.sort, parameters.limit, parameters.offset)
    columns = metric.get("columns", {})
    if any(value is not None for value in asked) and not columns:
        raise ValueError(f"{key} has no table")
    if parameters.sort is not None and parameters.sort.removeprefix("-") not in columns:
        raise ValueError(f"{key} has no column {parameters.sort}")


def build_body(query: OracleQuery, key: str, filters: Filters) -> dict[str, Any]:
    """Build the body of a widget's answer."""
    currency = query.find_currency(key, filters)
    through = query.freshness.find_to_date(key, query.now, query.before)
    query = replace(query, is_mixed=currency == "mixed")
    answer = query.cut_to_date(through).answer_metric(key, filters)
    is_correlation = query.catalog.metrics[key].get("stat") == "correlation"
    applied = apply_filters(query.catalog, key, filters)
    report = FilterReport(applied, [name for name in filters if name not in applied])
    body: dict[str, Any] = {
        "series": [format_series(one, query.now.buckets, through) for one in answer.series],
        "stats": compute_stats(answer.headline, None if is_correlation else through),
        "items": [format_item(item) for item in answer.items],
        "meta": build_meta(query, key, currency, get_delta_kind(query, key, answer), report),
    }
    if answer.table is not None:
        body["table"] = format_table(answer.table, through)
    if "target" in query.catalog.metrics[key]:
        target = build_target(query, key, filters)
        body["target"] = None if target is None else format_target(target, query.now.buckets)
    before = query.before
    if before is not None:
        body["comparison"] = {
            "start": before.window.start.isoformat(),
            "end": before.window.end.isoformat(),
            "series": [
                {"name": one.head.name, "points": format_points(before.buckets, one.before.points)}
                for one in answer.series
            ],
        }
    return body


def get_delta_kind(query: OracleQuery, key: str, answer: OracleAnswer) -> str:
    """Return the kind of the widget's delta: that of its headline, if it has one."""
    if answer.headline is not NOTHING:
        return answer.headline.head.delta
    metric = query.catalog.metrics[key]
    return "absolute" if metric.get("stat") == "correlation" else str(metric.get("delta", "relative"))


def build_meta(query: OracleQuery, key: str, currency: str | None, delta: str, report: FilterReport) -> dict[str, Any]:
    metric, sources = query.catalog.metrics[key], query.catalog.list_sources(key)
    window, freshness = query.now.window, query.freshness
    return {
        "key": key,
        "title": query.catalog.get_title(key),
        "format": metric.get("format", "decimal"),
        "better": metric.get("better", "up"),
        "delta": delta,
        "grain": query.parameters.grain,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "compare": query.parameters.compare,
        "total": metric.get("total", "period"),
        "currency": currency,
        "sources": sources,
        "missing_sources": [source for source in sources if source not in query.active],
        "data_through": format_date(freshness.find_through(key, window)),
        "comparison_through": format_date(freshness.find_through(key, query.before.window if query.before else None)),
        "provisional_from": format_date(freshness.find_provisional(key, window)),
        "filters": report.build_body(),
        "notes": sorted(
            freshness.iter_notes(key, window, query.before.window.start if query.before else window.start),
            key=lambda note: (note["source"], note["account"], note["from"], note["code"]),
        ),
    }


def compute_stats(one: OracleSeries, through: date | None) -> dict[str, Any]:
    """Compute the numbers of a series; `through` is the last day of `to_date`."""
    to_date, delta = None, one.head.delta
    if through is not None:
        to_date = {"through": format_date(through), **compare_values(one.now.to_date, one.before.to_date, delta)}
    return {**compare_values(one.now.total, one.before.total, delta), "to_date": to_date}


def compare_values(value: Number, previous: Number, delta: str) -> dict[str, float | None]:
    change: Number = None
    if value is not None and previous is not None:
        if delta == "absolute":
            change = value - previous
        elif previous != 0:
            change = (value - previous) / abs(previous)
    return {"value": format_number(value), "previous": format_number(previous), "delta": format_number(change)}


def format_series(one: OracleSeries, buckets: Sequence[OracleBucket], through: date | None) -> dict[str, Any]:
    head = one.head
    body: dict[str, Any] = {
        "name": head.name,
        "key": head.key,
        "format": head.format,
        "better": head.better,
        "currency": head.currency,
        "points": format_points(buckets, one.now.points),
        "stats": compute_stats(one, through),
    }
    if head.id is not None:
        body["id"] = head.id
    if not head.is_filtered:
        body["filtered"] = False
    return body


def format_table(table: OracleMemberTable, through: date | None) -> dict[str, Any]:
    def format_cells(cells: Cells) -> dict[str, Any]:
        return {name: compute_stats(one, through) for name, one in cells.items()}

    return {
        "columns": [
            {"name": head.name, "format": head.format, "better": head.better, "currency": head.currency}
            for head in table.columns
        ],
        "rows": [
            {"id": row.id, "label": row.label, "currency": row.currency, "values": format_cells(row.cells)}
            for row in table.rows
        ],
        "total": format_cells(table.total),
        "count": table.count,
    }


def format_target(target: OracleTarget, buckets: Sequence[OracleBucket]) -> dict[str, Any]:
    return {
        "series": format_points(buckets, target.goal.points),
        "value": format_number(target.goal.total),
        "due": format_number(target.goal.to_date),
        "progress": format_number(target.progress),
        "projected": format_number(target.projected),
    }


def format_points(buckets: Sequence[OracleBucket], values: Sequence[Number]) -> list[dict[str, Any]]:
    return [
        {"t": bucket.t.isoformat(), "v": format_number(value)} | ({"partial": True} if bucket.is_partial else {})
        for bucket, value in zip(buckets, values, strict=True)
    ]


def format_item(item: dict[str, Any]) -> dict[str, Any]:
    values = {name: format_number(value) for name, value in item["values"].items()}
    return {**{name: format_date(value) for name, value in item.items()}, "values": values}


def format_date(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def format_number(value: Number) -> float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
