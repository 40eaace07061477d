"""The correct answer of a widget, computed from plain rows in plain Python.

It shares nothing with the engine: no SQL, no parser, no calendar. It is slow, exact (fractions) and simple, so that a
reader can tell which of two different answers is incorrect.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.support.oracle.definitions import Definitions, OracleCatalog, OracleMeasure
from tests.support.oracle.expressions import Row, evaluate_row, meets_predicate, require_number
from tests.support.oracle.series import Number, OracleSeries, TenantRows, build_breakdown, build_items, build_series
from tests.support.oracle.syntax import parse_expression
from tests.support.oracle.windows import (
    OracleBucket,
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
) -> dict[str, Any]:
    """Compute the body of `GET /v1/widgets/{key}`; `sources` None means every connected one.

    Raises KeyError for a key that is unknown or hidden.
    """
    catalog = OracleCatalog(definitions)
    catalog.get_served(key)
    active = frozenset(connected if sources is None else set(connected) & set(sources))
    query = OracleQuery(catalog, rows, tenant, OracleWindow(start, end), compare, grain, active, compare_start)
    return query.build_body(key)


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """A widget's answer before it is written as JSON; its stats are those of `headline`."""

    series: Sequence[OracleSeries]
    headline: OracleSeries
    items: Sequence[dict[str, Any]] = ()


NOTHING = OracleSeries("", None)


class OracleQuery:
    """One query of one tenant's rows."""

    def __init__(
        self,
        catalog: OracleCatalog,
        rows: Rows,
        tenant: str,
        window: OracleWindow,
        compare: str,
        grain: str,
        active: frozenset[str],
        compare_start: date | None = None,
    ) -> None:
        self.catalog = catalog
        self.rows = rows
        self.tenant = tenant
        self.window = window
        self.compare = compare
        self.grain = grain
        self.active = active
        self.prior = get_compared_window(window, compare, compare_start)
        self.buckets = list_buckets(window, grain)
        self.prior_buckets = list_compared_buckets(window, grain, compare, compare_start)

    def read_windows(self, key: str) -> tuple[TenantRows, TenantRows | None]:
        """Return the rows of a metric's table in both windows."""
        table = self.catalog.get_table(key)
        rows = self.rows.get(table.name, ())
        now = TenantRows.of(table, rows, self.tenant, self.window, self.buckets)
        if self.prior is None:
            return now, None
        return now, TenantRows.of(table, rows, self.tenant, self.prior, self.prior_buckets)

    def find_currency(self, key: str) -> str | None:
        """Find the currency of the widget's money in both windows; `mixed` if there are several."""
        currencies = set()
        for leaf in self.catalog.list_leaves(key, self.active):
            column = self.catalog.get_table(leaf).currency
            measures = [*self.catalog.list_measures(leaf), *self.catalog.list_item_values(leaf)]
            if column is None or not any(measure.money for measure in measures):
                continue
            windows = [window for window in self.read_windows(leaf) if window is not None]
            currencies |= {row[column] for window in windows for row in window.rows} - {None}
        if len(currencies) > 1:
            return "mixed"
        return next(iter(currencies), None)

    def answer_table(self, key: str, *, mixed: bool) -> OracleAnswer:
        """Answer a metric on a table."""
        metric, where = self.catalog.metrics[key], self.catalog.parse_where(key)
        now, before = self.read_windows(key)

        def build(measure: OracleMeasure) -> OracleSeries:
            return build_series(
                measure.name, measure, now, before, lambda row: meets_predicate(where, row), mixed=mixed
            )

        series = [build(measure) for measure in self.catalog.list_measures(key)]
        headline = next(one for one in series if one.name == metric.get("headline", series[0].name))
        if "by" in metric:
            measure = self.catalog.list_measures(key)[0]
            series = build_breakdown(measure, where, metric, now, before, mixed=mixed)
        items = (
            build_items(self.catalog.list_item_values(key), metric["items"], where, now, mixed=mixed)
            if "items" in metric
            else []
        )
        return OracleAnswer(series, headline, items)

    def answer_derived(self, key: str, *, mixed: bool) -> OracleAnswer:
        """Answer a derived metric: points from points, totals from totals."""
        node = parse_expression(str(self.catalog.metrics[key]["derive"]))
        parts = {part: self.answer_metric(part, mixed=mixed).headline for part in self.catalog.list_parts(key)}

        def derive(values: Mapping[str, Number]) -> Number:
            return require_number(evaluate_row(node, values))

        derived = OracleSeries(
            self.catalog.get_title(key),
            derive({name: one.value for name, one in parts.items()}),
            derive({name: one.previous for name, one in parts.items()}),
            [derive({name: one.points[i] for name, one in parts.items()}) for i in range(len(self.buckets))],
            [derive({name: one.prior[i] for name, one in parts.items()}) for i in range(len(self.prior_buckets))],
        )
        return OracleAnswer([derived], derived)

    def answer_combined(self, key: str, *, mixed: bool) -> OracleAnswer:
        parts = self.catalog.list_parts(key)
        answerable = [part for part in parts if self.catalog.is_answerable(part, self.active)]
        series = [
            replace(self.answer_metric(part, mixed=mixed).headline, name=self.catalog.get_title(part))
            for part in answerable
        ]
        if self.catalog.metrics[key].get("stat") != "correlation":
            return OracleAnswer(series, series[0])
        if answerable != parts:
            return OracleAnswer(series, NOTHING)
        first, second = series
        return OracleAnswer(
            series,
            OracleSeries(
                "", compute_correlation(first.points, second.points), compute_correlation(first.prior, second.prior)
            ),
        )

    def answer_metric(self, key: str, *, mixed: bool) -> OracleAnswer:
        metric = self.catalog.metrics[key]
        if not self.catalog.is_answerable(key, self.active):
            return OracleAnswer([], NOTHING)
        if "combine" in metric:
            return self.answer_combined(key, mixed=mixed)
        if "derive" in metric:
            return self.answer_derived(key, mixed=mixed)
        return self.answer_table(key, mixed=mixed)

    def build_body(self, key: str) -> dict[str, Any]:
        metric, currency = self.catalog.metrics[key], self.find_currency(key)
        answer = self.answer_metric(key, mixed=currency == "mixed")

        def get_delta(name: str) -> str:
            """Return the kind of a series' delta; a combined metric's parts keep their own."""
            parts = {self.catalog.get_title(part): part for part in self.catalog.list_parts(key)}
            source = parts[name] if "combine" in metric else key
            return str(self.catalog.metrics[source].get("delta", "relative"))

        headline = metric.get("delta", "relative")
        if "combine" in metric:
            headline = get_delta(answer.series[0].name) if answer.series else headline
        if metric.get("stat") == "correlation":
            headline = "absolute"
        body: dict[str, Any] = {
            "series": [
                {
                    "name": one.name,
                    "points": format_points(self.buckets, one.points),
                    "stats": compute_stats(one, get_delta(one.name)),
                }
                for one in answer.series
            ],
            "stats": compute_stats(answer.headline, headline),
            "items": [format_item(item) for item in answer.items],
            "meta": self.build_meta(key, currency),
        }
        if self.prior is not None:
            body["comparison"] = {
                "start": self.prior.start.isoformat(),
                "end": self.prior.end.isoformat(),
                "series": [
                    {"name": one.name, "points": format_points(self.prior_buckets, one.prior)} for one in answer.series
                ],
            }
        return body

    def build_meta(self, key: str, currency: str | None) -> dict[str, Any]:
        metric, sources = self.catalog.metrics[key], self.catalog.list_sources(key)
        through, prior_through, provisional = self.compute_freshness(key)
        return {
            "key": key,
            "title": self.catalog.get_title(key),
            "format": metric.get("format", "decimal"),
            "better": metric.get("better", "up"),
            "grain": self.grain,
            "start": self.window.start.isoformat(),
            "end": self.window.end.isoformat(),
            "compare": self.compare,
            "total": metric.get("total", "period"),
            "currency": currency,
            "sources": sources,
            "missing_sources": [source for source in sources if source not in self.active],
            "data_through": format_date(through),
            "comparison_through": format_date(prior_through),
            "provisional_from": format_date(provisional),
        }

    def compute_freshness(self, key: str) -> tuple[date | None, date | None, date | None]:
        """Return the last days of both windows' rows, and the first day that may still be restated."""
        now: list[date | None] = []
        before: list[date | None] = []
        provisional = []
        for leaf in self.catalog.list_leaves(key, self.active):
            current, prior = self.read_windows(leaf)
            now.append(find_last_day(current))
            before.append(find_last_day(prior))
            restates = self.catalog.get_table(leaf).restates
            if current.span is not None and restates:
                provisional.append(current.span.end - timedelta(days=restates - 1))
        return find_earliest(now), find_earliest(before), min(provisional, default=None)


def compute_stats(one: OracleSeries, delta: str) -> dict[str, float | None]:
    value, previous = one.value, one.previous
    change: Number = None
    if value is not None and previous is not None:
        if delta == "absolute":
            change = value - previous
        elif previous != 0:
            change = (value - previous) / abs(previous)
    return {"value": format_number(value), "previous": format_number(previous), "delta": format_number(change)}


def find_last_day(rows: TenantRows | None) -> date | None:
    return None if rows is None or rows.span is None else rows.span.end


def find_earliest(days: Sequence[date | None]) -> date | None:
    present = [day for day in days if day is not None]
    return min(present) if present and len(present) == len(days) else None


def compute_correlation(left: Sequence[Number], right: Sequence[Number]) -> Number:
    """Compute Pearson's r over the points where both series have a value."""
    pairs = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    if len(pairs) < 3:
        return None
    count = len(pairs)
    mean_a = sum((a for a, _ in pairs), Fraction(0)) / count
    mean_b = sum((b for _, b in pairs), Fraction(0)) / count
    varied = sum(((a - mean_a) ** 2 for a, _ in pairs), Fraction(0)) * sum(
        ((b - mean_b) ** 2 for _, b in pairs), Fraction(0)
    )
    if varied == 0:
        return None
    shared = sum(((a - mean_a) * (b - mean_b) for a, b in pairs), Fraction(0))
    size = Fraction(math.sqrt(shared * shared / varied))
    return -size if shared < 0 else size


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
