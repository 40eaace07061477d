"""The values of a widget over one tenant's rows: metrics on tables, and metrics of metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from tests.support.oracle.breakdowns import OracleBreakdown, build_breakdown
from tests.support.oracle.definitions import OracleCatalog, OracleMeasure
from tests.support.oracle.expressions import evaluate_row, meets_predicate, require_number
from tests.support.oracle.extents import KnownTables
from tests.support.oracle.filters import Filters, apply_filters, make_row_filter
from tests.support.oracle.freshness import OracleFreshness
from tests.support.oracle.member_tables import OracleMemberTable, TableBuilder, TableShape, make_empty_table
from tests.support.oracle.series import (
    Number,
    OracleSeries,
    SeriesHead,
    SideValues,
    TableRows,
    build_items,
    build_series,
    divide_series,
    find_currency,
    make_blank_values,
)
from tests.support.oracle.syntax import parse_expression
from tests.support.oracle.windows import OracleLookback, OracleSide, OracleWindow, find_read_days, get_days_opposite


@dataclass(frozen=True, slots=True)
class OracleParameters:
    """What a request says of the widget as a whole; None is a parameter that is missing."""

    compare: str
    grain: str
    by: str | None = None
    top: int | None = None
    sort: str | None = None
    limit: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """A widget's answer before it is written as JSON; its stats are those of `headline`."""

    series: Sequence[OracleSeries]
    headline: OracleSeries
    items: Sequence[dict[str, Any]] = ()
    table: OracleMemberTable | None = None


NOTHING = OracleSeries(SeriesHead(""))


@dataclass(frozen=True, slots=True)
class OracleQuery:
    """One query of one tenant's rows; `is_mixed` says that the widget's money is of several currencies.

    Every metric is rolling or to date as `windowed_like` is, if that is set: a target, as its widget.
    """

    catalog: OracleCatalog
    known: KnownTables
    parameters: OracleParameters
    active: frozenset[str]
    now: OracleSide
    before: OracleSide | None
    is_mixed: bool = False
    windowed_like: str | None = None

    @property
    def freshness(self) -> OracleFreshness:
        return OracleFreshness(self.catalog, self.known, self.active)

    def get_lookback(self, key: str) -> OracleLookback | None:
        return self.catalog.get_lookback(self.windowed_like or key)

    def list_windows(self, key: str) -> list[OracleWindow]:
        """List the days that are read of both windows."""
        sides = [side for side in (self.now, self.before) if side is not None]
        return [find_read_days(side.window, self.get_lookback(key)) for side in sides]

    def cut_to_date(self, through: date | None) -> OracleQuery:
        """Return the query with the days of `to_date`, which are up to `through`."""
        if self.before is None or through is None:
            return self
        now, before = self.now, self.before
        opposite = get_days_opposite(now.window, before.window, self.parameters.compare, through)
        return replace(
            self,
            now=replace(now, to_date=OracleWindow(now.window.start, through)),
            before=replace(before, to_date=opposite),
        )

    def read_rows(self, key: str, filters: Filters) -> TableRows:
        """Return the rows of a metric's table that pass the filters."""
        table = self.catalog.get_table(key)
        rows = filter(make_row_filter(table, filters), self.known.rows.get(table.name, ()))
        return TableRows.of(table, self.known.find_extent(table.name), rows)

    def find_currency(self, key: str, filters: Filters) -> str | None:
        """Find the currency of a metric's money in both windows; `mixed` if there are several.

        It is that of the rows that pass the filters, whatever `where` says; None for what shows and ranks no money.
        """
        if not self.catalog.is_answerable(key, self.active):
            return None
        applied = apply_filters(self.catalog, key, filters)
        if "table" in self.catalog.metrics[key]:
            read = self.read_rows(key, applied)
            if not self.catalog.has_money(key):
                return None
            return find_currency(read.pick(self.list_windows(key)), read.table.currency)
        parts = [self.find_currency(part, applied) for part in self.catalog.list_parts(key)]
        found = set(parts) - {None}
        return "mixed" if len(found) > 1 else next(iter(found), None)

    def make_head(self, key: str, measure: OracleMeasure, currency: str | None) -> SeriesHead:
        return SeriesHead(
            measure.name,
            key,
            measure.format,
            measure.better,
            self.catalog.metrics[key].get("delta", "relative"),
            currency if measure.money and not measure.share else None,
        )

    def answer_table(self, key: str, filters: Filters) -> OracleAnswer:
        """Answer a metric on a table."""
        metric, where = self.catalog.metrics[key], self.catalog.parse_where(key)
        read = self.read_rows(key, filters)
        rows = read.select(lambda row: meets_predicate(where, row))
        measures, currency = self.catalog.list_measures(key), self.find_currency(key, filters)
        series = [
            build_series(
                self.make_head(key, measure, currency),
                measure,
                rows,
                self.now,
                self.before,
                lookback=self.get_lookback(key),
                is_hidden=self.is_mixed and measure.money,
            )
            for measure in measures
        ]
        headline = next(one for one in series if one.head.name == metric.get("headline", series[0].head.name))
        if by := self.parameters.by or metric.get("by"):
            breakdown = OracleBreakdown(
                dimension=read.table.get_dimension(by),
                order=self.catalog.parse_order(key) or measures[0],
                is_by_name=metric.get("order") == "name",
                top=self.parameters.top or metric.get("top", 10),
                has_other=metric.get("other", True),
            )
            series = build_breakdown(
                breakdown,
                headline.head,
                measures[0],
                read,
                rows,
                self.list_windows(key),
                self.now,
                self.before,
                lookback=self.get_lookback(key),
                mixed=self.is_mixed,
            )
            if measures[0].share:
                series = [divide_series(one, headline) for one in series]
                headline = divide_series(headline, headline)
        items = (
            build_items(self.catalog.list_item_values(key), metric["items"], rows, self.now, mixed=self.is_mixed)
            if "items" in metric
            else []
        )
        return OracleAnswer(series, headline, items)

    def answer_columns(self, key: str, filters: Filters) -> OracleAnswer:
        """Answer a widget with columns: its series is the first column's total."""
        where, read = self.catalog.parse_where(key), self.read_rows(key, filters)
        rows = read.select(lambda row: meets_predicate(where, row))
        measures, currency = self.catalog.list_measures(key), self.find_currency(key, filters)
        heads = [self.make_head(key, measure, currency) for measure in measures]
        first = build_series(
            heads[0], measures[0], rows, self.now, self.before, is_hidden=self.is_mixed and measures[0].money
        )
        first = divide_series(first, first) if measures[0].share else first
        builder = TableBuilder(heads, measures, self.now, self.before, self.is_mixed)
        return OracleAnswer([first], first, table=builder.build(self.make_table_shape(key), read, rows))

    def make_table_shape(self, key: str) -> TableShape:
        metric, having = self.catalog.metrics[key], self.catalog.parse_having(key)
        order = metric.get("order", next(iter(metric["columns"])))
        sort, direction = next(iter(order.items())) if isinstance(order, Mapping) else (order, "desc")
        if self.parameters.sort is not None:
            sort = self.parameters.sort.removeprefix("-")
            direction = "desc" if self.parameters.sort.startswith("-") else "asc"
        return TableShape(
            dimension=self.catalog.get_table(key).get_dimension(metric["rows"]),
            having=having,
            having_money=self.catalog.is_money(key, having),
            sort=sort,
            is_descending=direction == "desc",
            limit=self.parameters.limit or metric.get("limit", 50),
            offset=self.parameters.offset or 0,
        )

    def answer_derived(self, key: str, filters: Filters) -> OracleAnswer:
        """Answer a derived metric: points from points, totals from totals.

        An operand that may be missing has no values where its source is off, or where nothing is known of a window.
        """
        metric = self.catalog.metrics[key]
        node = parse_expression(str(metric["derive"]))
        parts = {part: self.answer_metric(part, filters).headline for part in self.catalog.list_parts(key)}
        required = self.catalog.list_required_parts(key)

        def derive(values: Mapping[str, Number]) -> Number:
            return require_number(evaluate_row(node, values))

        def derive_side(values: dict[str, SideValues], side: OracleSide | None) -> SideValues:
            if side is None:
                return SideValues()
            for part in values.keys() - set(required):
                if self.freshness.find_through(part, side.window) is None:
                    values[part] = make_blank_values(side)
            return SideValues(
                derive({name: one.total for name, one in values.items()}),
                [derive({name: one.points[i] for name, one in values.items()}) for i in range(len(side.buckets))],
                derive({name: one.to_date for name, one in values.items()}),
            )

        derived = OracleSeries(
            SeriesHead(
                self.catalog.get_title(key),
                key,
                metric.get("format", "decimal"),
                metric.get("better", "up"),
                metric.get("delta", "relative"),
                self.find_currency(key, filters),
            ),
            derive_side({name: one.now for name, one in parts.items()}, self.now),
            derive_side({name: one.before for name, one in parts.items()}, self.before),
        )
        return OracleAnswer([derived], derived)

    def answer_combined(self, key: str, filters: Filters) -> OracleAnswer:
        """Answer a combined metric: each part with the filters that apply to it."""
        parts = self.catalog.list_parts(key)
        answerable = [part for part in parts if self.catalog.is_answerable(part, self.active)]
        series = []
        for part in answerable:
            one = self.answer_metric(part, filters).headline
            is_filtered = apply_filters(self.catalog, part, filters).keys() == filters.keys()
            head = replace(one.head, name=self.catalog.get_title(part), is_filtered=is_filtered)
            series.append(replace(one, head=head))
        if self.catalog.metrics[key].get("stat") != "correlation":
            return OracleAnswer(series, series[0])
        nothing = replace(NOTHING, head=SeriesHead("", delta="absolute"))
        if answerable != parts:
            return OracleAnswer(series, nothing)
        first, second = series
        correlation = replace(
            nothing,
            now=SideValues(self.correlate(key, self.now, first.now, second.now)),
            before=SideValues(self.correlate(key, self.before, first.before, second.before)),
        )
        return OracleAnswer(series, correlation)

    def correlate(self, key: str, side: OracleSide | None, left: SideValues, right: SideValues) -> Number:
        """Compute the correlation over the buckets that neither the window nor an extent cuts.

        A bucket that lies outside an extent altogether is not cut; it counts if rows give it a value.
        """
        if side is None:
            return None
        extents = self.freshness.list_extents(key)
        whole = [
            i
            for i, bucket in enumerate(side.buckets)
            if not bucket.is_partial
            and all(extent.covers(bucket.window) or not extent.overlaps(bucket.window) for extent in extents)
        ]
        return compute_correlation([left.points[i] for i in whole], [right.points[i] for i in whole])

    def make_table_of_nothing(self, key: str) -> OracleMemberTable | None:
        if "columns" not in self.catalog.metrics[key]:
            return None
        return make_empty_table([self.make_head(key, measure, None) for measure in self.catalog.list_measures(key)])

    def answer_metric(self, key: str, filters: Filters) -> OracleAnswer:
        """Answer a metric, with those of the filters that apply to it."""
        metric = self.catalog.metrics[key]
        if not self.catalog.is_answerable(key, self.active):
            return OracleAnswer([], NOTHING, table=self.make_table_of_nothing(key))
        applied = apply_filters(self.catalog, key, filters)
        if "combine" in metric:
            return self.answer_combined(key, applied)
        if "derive" in metric:
            return self.answer_derived(key, applied)
        if "columns" in metric:
            return self.answer_columns(key, applied)
        return self.answer_table(key, applied)


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
