"""The answer that a widget must give, worked out from plain rows in plain Python.

It shares nothing with the engine: no SQL, no parser, no calendar. Slow, exact (fractions) and simple,
so that where the two agree, both are right, and where they do not, a reader can tell which is wrong.
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
    grain: str = "day",
    sources: Collection[str] | None = None,
    connected: Collection[str] = ("ga4", "instagram", "meta"),
) -> dict[str, Any]:
    """The body of `GET /v1/widgets/{key}`; `sources` None means every connected one.

    Raises KeyError for a key that is unknown or hidden.
    """
    catalog = OracleCatalog(definitions)
    catalog.get_served(key)
    active = frozenset(connected if sources is None else set(connected) & set(sources))
    asked = OracleQuery(catalog, rows, tenant, OracleWindow(start, end), compare, grain, active)
    return asked.build_body(key)


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """A widget before it is written as JSON; `headline` gives its stats."""

    lines: Sequence[OracleSeries]
    headline: OracleSeries
    items: Sequence[dict[str, Any]] = ()


NOTHING = OracleSeries("", None)


class OracleQuery:
    """One question to one tenant's rows."""

    def __init__(
        self,
        catalog: OracleCatalog,
        rows: Rows,
        tenant: str,
        window: OracleWindow,
        compare: str,
        grain: str,
        active: frozenset[str],
    ) -> None:
        self.catalog = catalog
        self.rows = rows
        self.tenant = tenant
        self.window = window
        self.compare = compare
        self.grain = grain
        self.active = active
        self.prior = get_compared_window(window, compare)
        self.buckets = list_buckets(window, grain)
        self.prior_buckets = list_compared_buckets(window, grain, compare)

    def read_views(self, key: str) -> tuple[TenantRows, TenantRows | None]:
        """The rows of a metric's table in both windows."""
        table = self.catalog.get_table(key)
        rows = self.rows.get(table.name, ())
        now = TenantRows.of(table, rows, self.tenant, self.window, self.buckets)
        if self.prior is None:
            return now, None
        return now, TenantRows.of(table, rows, self.tenant, self.prior, self.prior_buckets)

    def find_currency(self, key: str) -> str | None:
        """The one currency of the money that the widget shows in either window, or `mixed`."""
        found = set()
        for leaf in self.catalog.list_leaves(key, self.active):
            column = self.catalog.get_table(leaf).currency
            measures = [*self.catalog.list_measures(leaf), *self.catalog.list_item_values(leaf)]
            if column is None or not any(measure.money for measure in measures):
                continue
            views = [view for view in self.read_views(leaf) if view is not None]
            found |= {row[column] for view in views for row in view.rows} - {None}
        if len(found) > 1:
            return "mixed"
        return next(iter(found), None)

    def answer_table(self, key: str, *, mixed: bool) -> OracleAnswer:
        """A metric on a table."""
        metric, where = self.catalog.metrics[key], self.catalog.parse_where(key)
        now, before = self.read_views(key)

        def series(measure: OracleMeasure) -> OracleSeries:
            return build_series(
                measure.name, measure, now, before, lambda row: meets_predicate(where, row), mixed=mixed
            )

        lines = [series(measure) for measure in self.catalog.list_measures(key)]
        headline = next(one for one in lines if one.name == metric.get("headline", lines[0].name))
        if "by" in metric:
            measure = self.catalog.list_measures(key)[0]
            lines = build_breakdown(measure, where, metric, now, before, mixed=mixed)
        listed = (
            build_items(self.catalog.list_item_values(key), metric["items"], where, now, mixed=mixed)
            if "items" in metric
            else []
        )
        return OracleAnswer(lines, headline, listed)

    def answer_derived(self, key: str, *, mixed: bool) -> OracleAnswer:
        """Arithmetic between metrics: points from points, totals from totals."""
        node = parse_expression(str(self.catalog.metrics[key]["derive"]))
        parts = {part: self.answer_metric(part, mixed=mixed).headline for part in self.catalog.list_parts(key)}

        def at(values: Mapping[str, Number]) -> Number:
            return require_number(evaluate_row(node, values))

        made = OracleSeries(
            self.catalog.get_title(key),
            at({name: one.value for name, one in parts.items()}),
            at({name: one.previous for name, one in parts.items()}),
            [at({name: one.points[i] for name, one in parts.items()}) for i in range(len(self.buckets))],
            [at({name: one.prior[i] for name, one in parts.items()}) for i in range(len(self.prior_buckets))],
        )
        return OracleAnswer([made], made)

    def answer_combined(self, key: str, *, mixed: bool) -> OracleAnswer:
        parts = self.catalog.list_parts(key)
        left = [part for part in parts if self.catalog.is_answerable(part, self.active)]
        lines = [
            replace(self.answer_metric(part, mixed=mixed).headline, name=self.catalog.get_title(part)) for part in left
        ]
        if self.catalog.metrics[key].get("stat") != "correlation":
            return OracleAnswer(lines, lines[0])
        if left != parts:
            return OracleAnswer(lines, NOTHING)
        first, second = lines
        return OracleAnswer(
            lines,
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
        shown = self.answer_metric(key, mixed=currency == "mixed")

        def own(name: str) -> str:
            """How the delta of a series is made: a combined metric's parts keep their own way."""
            parts = {self.catalog.get_title(part): part for part in self.catalog.list_parts(key)}
            source = parts[name] if "combine" in metric else key
            return str(self.catalog.metrics[source].get("delta", "relative"))

        headline = metric.get("delta", "relative")
        if "combine" in metric:
            headline = own(shown.lines[0].name) if shown.lines else headline
        if metric.get("stat") == "correlation":
            headline = "absolute"
        body: dict[str, Any] = {
            "series": [
                {
                    "name": one.name,
                    "points": format_points(self.buckets, one.points),
                    "stats": compute_stats(one, own(one.name)),
                }
                for one in shown.lines
            ],
            "stats": compute_stats(shown.headline, headline),
            "items": [format_item(item) for item in shown.items],
            "meta": self.build_meta(key, currency),
        }
        if self.prior is not None:
            body["comparison"] = {
                "start": self.prior.start.isoformat(),
                "end": self.prior.end.isoformat(),
                "series": [
                    {"name": one.name, "points": format_points(self.prior_buckets, one.prior)} for one in shown.lines
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
        """The last days of the spans, and the first day that a source may still restate."""
        now: list[date | None] = []
        before: list[date | None] = []
        provisional = []
        for leaf in self.catalog.list_leaves(key, self.active):
            current, prior = self.read_views(leaf)
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


def find_last_day(view: TenantRows | None) -> date | None:
    return None if view is None or view.span is None else view.span.end


def find_earliest(days: Sequence[date | None]) -> date | None:
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def compute_correlation(left: Sequence[Number], right: Sequence[Number]) -> Number:
    """Pearson's r over the points at which both have a value."""
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


def format_points(places: Sequence[OracleBucket], values: Sequence[Number]) -> list[dict[str, Any]]:
    return [{"t": place.t.isoformat(), "v": format_number(value)} for place, value in zip(places, values, strict=True)]


def format_item(item: dict[str, Any]) -> dict[str, Any]:
    values = {name: format_number(value) for name, value in item["values"].items()}
    return {**{name: format_date(value) for name, value in item.items()}, "values": values}


def format_date(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def format_number(value: Number) -> float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
