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

from tests.support.oracle.definitions import Catalog, Definitions, Measure
from tests.support.oracle.expressions import Row, number, passes, scalar
from tests.support.oracle.measuring import Line, Number, View, breakdown, items, line
from tests.support.oracle.syntax import parse
from tests.support.oracle.windows import Bucket, Window, buckets, compared, compared_buckets

Rows = Mapping[str, Sequence[Row]]


def answer(
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
    catalog = Catalog(definitions)
    catalog.served(key)
    active = frozenset(connected if sources is None else set(connected) & set(sources))
    asked = Asked(catalog, rows, tenant, Window(start, end), compare, grain, active)
    return asked.body(key)


@dataclass(frozen=True, slots=True)
class Answer:
    """A widget before it is written as JSON; `headline` gives its stats."""

    lines: Sequence[Line]
    headline: Line
    items: Sequence[dict[str, Any]] = ()


NOTHING = Line("", None)


class Asked:
    """One question to one tenant's rows."""

    def __init__(
        self,
        catalog: Catalog,
        rows: Rows,
        tenant: str,
        window: Window,
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
        self.prior = compared(window, compare)
        self.buckets = buckets(window, grain)
        self.prior_buckets = compared_buckets(window, grain, compare)

    def views(self, key: str) -> tuple[View, View | None]:
        """The rows of a metric's table in both windows."""
        table = self.catalog.table(key)
        rows = self.rows.get(table.name, ())
        now = View.of(table, rows, self.tenant, self.window, self.buckets)
        if self.prior is None:
            return now, None
        return now, View.of(table, rows, self.tenant, self.prior, self.prior_buckets)

    def currency(self, key: str) -> str | None:
        """The one currency of the money that the widget shows in either window, or `mixed`."""
        found = set()
        for leaf in self.catalog.leaves(key, self.active):
            column = self.catalog.table(leaf).currency
            measures = [*self.catalog.measures(leaf), *self.catalog.item_values(leaf)]
            if column is None or not any(measure.money for measure in measures):
                continue
            views = [view for view in self.views(leaf) if view is not None]
            found |= {row[column] for view in views for row in view.rows} - {None}
        if len(found) > 1:
            return "mixed"
        return next(iter(found), None)

    def measured(self, key: str, *, mixed: bool) -> Answer:
        """A metric on a table."""
        metric, where = self.catalog.metrics[key], self.catalog.where(key)
        now, before = self.views(key)

        def series(measure: Measure) -> Line:
            return line(measure.name, measure, now, before, lambda row: passes(where, row), mixed=mixed)

        lines = [series(measure) for measure in self.catalog.measures(key)]
        headline = next(one for one in lines if one.name == metric.get("headline", lines[0].name))
        if "by" in metric:
            measure = self.catalog.measures(key)[0]
            lines = breakdown(measure, where, metric, now, before, mixed=mixed)
        listed = (
            items(self.catalog.item_values(key), metric["items"], where, now, mixed=mixed) if "items" in metric else []
        )
        return Answer(lines, headline, listed)

    def derived(self, key: str, *, mixed: bool) -> Answer:
        """Arithmetic between metrics: points from points, totals from totals."""
        node = parse(str(self.catalog.metrics[key]["derive"]))
        parts = {part: self.shown(part, mixed=mixed).headline for part in self.catalog.parts(key)}

        def at(values: Mapping[str, Number]) -> Number:
            return number(scalar(node, values))

        made = Line(
            self.catalog.title(key),
            at({name: one.value for name, one in parts.items()}),
            at({name: one.previous for name, one in parts.items()}),
            [at({name: one.points[i] for name, one in parts.items()}) for i in range(len(self.buckets))],
            [at({name: one.prior[i] for name, one in parts.items()}) for i in range(len(self.prior_buckets))],
        )
        return Answer([made], made)

    def combined(self, key: str, *, mixed: bool) -> Answer:
        parts = self.catalog.parts(key)
        left = [part for part in parts if self.catalog.answerable(part, self.active)]
        lines = [replace(self.shown(part, mixed=mixed).headline, name=self.catalog.title(part)) for part in left]
        if self.catalog.metrics[key].get("stat") != "correlation":
            return Answer(lines, lines[0])
        if left != parts:
            return Answer(lines, NOTHING)
        first, second = lines
        return Answer(
            lines,
            Line("", correlation(first.points, second.points), correlation(first.prior, second.prior)),
        )

    def shown(self, key: str, *, mixed: bool) -> Answer:
        metric = self.catalog.metrics[key]
        if not self.catalog.answerable(key, self.active):
            return Answer([], NOTHING)
        if "combine" in metric:
            return self.combined(key, mixed=mixed)
        if "derive" in metric:
            return self.derived(key, mixed=mixed)
        return self.measured(key, mixed=mixed)

    def body(self, key: str) -> dict[str, Any]:
        metric, currency = self.catalog.metrics[key], self.currency(key)
        shown = self.shown(key, mixed=currency == "mixed")

        def own(name: str) -> str:
            """How the delta of a series is made: a combined metric's parts keep their own way."""
            parts = {self.catalog.title(part): part for part in self.catalog.parts(key)}
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
                    "points": points(self.buckets, one.points),
                    "stats": stats(one, own(one.name)),
                }
                for one in shown.lines
            ],
            "stats": stats(shown.headline, headline),
            "items": [listed(item) for item in shown.items],
            "meta": self.meta(key, currency),
        }
        if self.prior is not None:
            body["comparison"] = {
                "start": self.prior.start.isoformat(),
                "end": self.prior.end.isoformat(),
                "series": [{"name": one.name, "points": points(self.prior_buckets, one.prior)} for one in shown.lines],
            }
        return body

    def meta(self, key: str, currency: str | None) -> dict[str, Any]:
        metric, sources = self.catalog.metrics[key], self.catalog.sources(key)
        through, prior_through, provisional = self.freshness(key)
        return {
            "key": key,
            "title": self.catalog.title(key),
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
            "data_through": written(through),
            "comparison_through": written(prior_through),
            "provisional_from": written(provisional),
        }

    def freshness(self, key: str) -> tuple[date | None, date | None, date | None]:
        """The last days of the spans, and the first day that a source may still restate."""
        now: list[date | None] = []
        before: list[date | None] = []
        provisional = []
        for leaf in self.catalog.leaves(key, self.active):
            current, prior = self.views(leaf)
            now.append(last_day(current))
            before.append(last_day(prior))
            restates = self.catalog.table(leaf).restates
            if current.span is not None and restates:
                provisional.append(current.span.end - timedelta(days=restates - 1))
        return earliest(now), earliest(before), min(provisional, default=None)


def stats(one: Line, delta: str) -> dict[str, float | None]:
    value, previous = one.value, one.previous
    change: Number = None
    if value is not None and previous is not None:
        if delta == "absolute":
            change = value - previous
        elif previous != 0:
            change = (value - previous) / abs(previous)
    return {"value": plain(value), "previous": plain(previous), "delta": plain(change)}


def last_day(view: View | None) -> date | None:
    return None if view is None or view.span is None else view.span.end


def earliest(days: Sequence[date | None]) -> date | None:
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def correlation(left: Sequence[Number], right: Sequence[Number]) -> Number:
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


def points(places: Sequence[Bucket], values: Sequence[Number]) -> list[dict[str, Any]]:
    return [{"t": place.t.isoformat(), "v": plain(value)} for place, value in zip(places, values, strict=True)]


def listed(item: dict[str, Any]) -> dict[str, Any]:
    values = {name: plain(value) for name, value in item["values"].items()}
    return {**{name: written(value) for name, value in item.items()}, "values": values}


def written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def plain(value: Number) -> float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
