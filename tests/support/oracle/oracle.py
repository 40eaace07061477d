"""The correct answer of a widget, computed from plain rows in plain Python.

It shares nothing with the engine: no SQL, no parser, no calendar. It is slow, exact (fractions) and simple, so that a
reader can tell which of two different answers is incorrect.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.support.oracle.definitions import Definitions, OracleCatalog
from tests.support.oracle.expressions import Row, evaluate_row, meets_predicate, require_number
from tests.support.oracle.extents import KnownTables, Reads
from tests.support.oracle.series import (
    Number,
    OracleSeries,
    SideValues,
    TableRows,
    build_breakdown,
    build_items,
    build_series,
    list_both_rows,
)
from tests.support.oracle.syntax import parse_expression
from tests.support.oracle.windows import (
    OracleBucket,
    OracleSide,
    OracleWindow,
    get_compared_window,
    get_days_opposite,
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
) -> dict[str, Any]:
    """Compute the body of `GET /v1/widgets/{key}`; `sources` None means every connected one.

    `reads` says how far the tenant's accounts were read, by table and account: those that a sync reads. Raises KeyError
    for a key that is unknown or hidden.
    """
    catalog = OracleCatalog(definitions)
    catalog.get_served(key)
    window = OracleWindow(start, end)
    prior = get_compared_window(window, compare, compare_start)
    own = {
        name: [row for row in table_rows if row[definitions["tables"][name].get("tenant", "user_id")] == tenant]
        for name, table_rows in rows.items()
    }
    query = OracleQuery(
        catalog,
        KnownTables(definitions["tables"], own, reads or {}),
        compare,
        grain,
        frozenset(connected if sources is None else set(connected) & set(sources)),
        OracleSide(window, list_buckets(window, grain)),
        OracleSide(prior, list_compared_buckets(window, grain, compare, compare_start)) if prior else None,
    )
    return query.build_body(key)


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """A widget's answer before it is written as JSON; its stats are those of `headline`."""

    series: Sequence[OracleSeries]
    headline: OracleSeries
    items: Sequence[dict[str, Any]] = ()


NOTHING = OracleSeries("")


@dataclass(frozen=True, slots=True)
class OracleQuery:
    """One query of one tenant's rows."""

    catalog: OracleCatalog
    known: KnownTables
    compare: str
    grain: str
    active: frozenset[str]
    now: OracleSide
    before: OracleSide | None

    def read_rows(self, key: str) -> TableRows:
        """Return the rows of a metric's table."""
        table = self.catalog.get_table(key)
        return TableRows.of(table, self.known.find_extent(table.name), self.known.rows.get(table.name, ()))

    def list_leaf_tables(self, key: str) -> list[str]:
        """List the tables that the widget's answer consists of."""
        return [self.catalog.get_table(leaf).name for leaf in self.catalog.list_leaves(key, self.active)]

    def find_currency(self, key: str) -> str | None:
        """Find the currency of the widget's money in both windows; `mixed` if there are several."""
        currencies = set()
        for leaf in self.catalog.list_leaves(key, self.active):
            column = self.catalog.get_table(leaf).currency
            measures = [*self.catalog.list_measures(leaf), *self.catalog.list_item_values(leaf)]
            if column is None or not any(measure.money for measure in measures):
                continue
            currencies |= {row[column] for row in list_both_rows(self.read_rows(leaf), self.now, self.before)} - {None}
        if len(currencies) > 1:
            return "mixed"
        return next(iter(currencies), None)

    def answer_table(self, key: str, *, mixed: bool) -> OracleAnswer:
        """Answer a metric on a table."""
        metric, where = self.catalog.metrics[key], self.catalog.parse_where(key)
        rows = self.read_rows(key).select(lambda row: meets_predicate(where, row))
        measures = self.catalog.list_measures(key)
        series = [build_series(measure.name, measure, rows, self.now, self.before, mixed=mixed) for measure in measures]
        headline = next(one for one in series if one.name == metric.get("headline", series[0].name))
        if "by" in metric:
            series = build_breakdown(measures[0], metric, rows, self.now, self.before, mixed=mixed)
        items = (
            build_items(self.catalog.list_item_values(key), metric["items"], rows, self.now, mixed=mixed)
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

        def derive_side(values: Mapping[str, SideValues], side: OracleSide | None) -> SideValues:
            if side is None:
                return SideValues()
            return SideValues(
                derive({name: one.total for name, one in values.items()}),
                [derive({name: one.points[i] for name, one in values.items()}) for i in range(len(side.buckets))],
                derive({name: one.to_date for name, one in values.items()}),
            )

        derived = OracleSeries(
            self.catalog.get_title(key),
            derive_side({name: one.now for name, one in parts.items()}, self.now),
            derive_side({name: one.before for name, one in parts.items()}, self.before),
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
        correlation = OracleSeries(
            "",
            SideValues(self.correlate(key, self.now, first.now.points, second.now.points)),
            SideValues(self.correlate(key, self.before, first.before.points, second.before.points)),
        )
        return OracleAnswer(series, correlation)

    def correlate(self, key: str, side: OracleSide | None, left: Sequence[Number], right: Sequence[Number]) -> Number:
        """Compute the correlation over the buckets that neither the window nor an extent cuts.

        A bucket that lies outside an extent altogether is not cut; it counts if rows give it a value.
        """
        if side is None:
            return None
        extents = [extent for name in self.list_leaf_tables(key) if (extent := self.known.find_extent(name))]
        whole = [
            i
            for i, bucket in enumerate(side.buckets)
            if not bucket.is_partial
            and all(extent.covers(bucket.window) or not extent.overlaps(bucket.window) for extent in extents)
        ]
        return compute_correlation([left[i] for i in whole], [right[i] for i in whole])

    def answer_metric(self, key: str, *, mixed: bool) -> OracleAnswer:
        metric = self.catalog.metrics[key]
        if not self.catalog.is_answerable(key, self.active):
            return OracleAnswer([], NOTHING)
        if "combine" in metric:
            return self.answer_combined(key, mixed=mixed)
        if "derive" in metric:
            return self.answer_derived(key, mixed=mixed)
        return self.answer_table(key, mixed=mixed)

    def find_to_date(self, key: str) -> date | None:
        """Find the last day that a comparison can be fair to; None if the window is finished, or not compared.

        That is the last known day, or that of an account that was not read for long, if it lies within the window: the
        contract says that `to_date` still reaches to it "in windows that go beyond it". A window that begins after it
        has no such days.
        """
        through, window = self.find_through(key, self.now), self.now.window
        if self.before is None or through is None:
            return None
        late = [day for _, _, day in self.known.iter_late_accounts(self.list_leaf_tables(key)) if day in window]
        last = min([through, *late])
        return last if last < window.end else None

    def cut_to_date(self, through: date | None) -> OracleQuery:
        if self.before is None or through is None:
            return self
        now, before = self.now, self.before
        opposite = get_days_opposite(now.window, before.window, self.compare, through)
        return replace(
            self,
            now=replace(now, to_date=OracleWindow(now.window.start, through)),
            before=replace(before, to_date=opposite),
        )

    def build_body(self, key: str) -> dict[str, Any]:
        metric, currency = self.catalog.metrics[key], self.find_currency(key)
        through = self.find_to_date(key)
        answer = self.cut_to_date(through).answer_metric(key, mixed=currency == "mixed")
        is_correlation = metric.get("stat") == "correlation"

        def get_delta(name: str) -> str:
            """Return the kind of a series' delta; a combined metric's parts keep their own."""
            parts = {self.catalog.get_title(part): part for part in self.catalog.list_parts(key)}
            source = parts[name] if "combine" in metric else key
            return str(self.catalog.metrics[source].get("delta", "relative"))

        headline = metric.get("delta", "relative")
        if "combine" in metric:
            headline = get_delta(answer.series[0].name) if answer.series else headline
        if is_correlation:
            headline = "absolute"
        body: dict[str, Any] = {
            "series": [
                {
                    "name": one.name,
                    "points": format_points(self.now.buckets, one.now.points),
                    "stats": compute_stats(one, get_delta(one.name), through),
                }
                for one in answer.series
            ],
            "stats": compute_stats(answer.headline, headline, None if is_correlation else through),
            "items": [format_item(item) for item in answer.items],
            "meta": self.build_meta(key, currency),
        }
        before = self.before
        if before is not None:
            body["comparison"] = {
                "start": before.window.start.isoformat(),
                "end": before.window.end.isoformat(),
                "series": [
                    {"name": one.name, "points": format_points(before.buckets, one.before.points)}
                    for one in answer.series
                ],
            }
        return body

    def build_meta(self, key: str, currency: str | None) -> dict[str, Any]:
        metric, sources = self.catalog.metrics[key], self.catalog.list_sources(key)
        return {
            "key": key,
            "title": self.catalog.get_title(key),
            "format": metric.get("format", "decimal"),
            "better": metric.get("better", "up"),
            "grain": self.grain,
            "start": self.now.window.start.isoformat(),
            "end": self.now.window.end.isoformat(),
            "compare": self.compare,
            "total": metric.get("total", "period"),
            "currency": currency,
            "sources": sources,
            "missing_sources": [source for source in sources if source not in self.active],
            "data_through": format_date(self.find_through(key, self.now)),
            "comparison_through": format_date(self.find_through(key, self.before)),
            "provisional_from": format_date(self.find_provisional(key)),
            "notes": list(self.iter_notes(key)),
        }

    def find_through(self, key: str, side: OracleSide | None) -> date | None:
        """Find the last known day of a window, the earliest of the parts'; None if any part has none."""
        if side is None or not self.catalog.is_answerable(key, self.active):
            return None
        if "table" in self.catalog.metrics[key]:
            extent = self.known.find_extent(self.catalog.get_table(key).name)
            return extent.cut(side.window).end if extent is not None and extent.overlaps(side.window) else None
        parts = [part for part in self.catalog.list_parts(key) if self.catalog.is_answerable(part, self.active)]
        return find_earliest([self.find_through(part, side) for part in parts])

    def find_provisional(self, key: str) -> date | None:
        """Find the first day that a source may still restate, the earliest of the parts'.

        A query table says `restates` itself.
        """
        found = []
        for leaf in self.catalog.list_leaves(key, self.active):
            table = self.catalog.get_table(leaf)
            extent, through = self.known.find_extent(table.name), self.find_through(leaf, self.now)
            if extent is None or through is None or not table.restates:
                continue
            first = max(self.now.window.start, extent.end - timedelta(days=table.restates - 1))
            if first <= through:
                found.append(first)
        return min(found, default=None)

    def iter_notes(self, key: str) -> Iterator[dict[str, Any]]:
        """Yield what is to be known of the asked days: those of an account that was not read for 14 days.

        The contract does not say which days `from` and `to` are; here they are those of the window that were not read.
        """
        window = self.now.window
        for source, account, through in self.known.iter_late_accounts(self.list_leaf_tables(key)):
            if through < window.end:
                first = max(window.start, through + timedelta(days=1))
                yield {
                    "code": "late",
                    "source": source,
                    "account": account,
                    "from": format_date(first),
                    "to": format_date(window.end),
                }


def compute_stats(one: OracleSeries, delta: str, through: date | None) -> dict[str, Any]:
    """Compute the numbers of a series; `through` is the last day of `to_date`."""
    to_date = None
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
