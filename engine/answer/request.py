"""One request: the widgets that it asks for, from rows that it reads once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine.answer.aggregate import MetricResult, SeriesBuilder, aggregate_metric
from engine.answer.combine import WidgetBuilder, WidgetResult
from engine.answer.extent import Extent
from engine.answer.fetch import Filters, ScanFetcher, StatementRead
from engine.answer.freshness import find_freshness, list_notes, make_known_test
from engine.answer.receipts.receipt import Receipt, digest_question, get_owner, make_receipt
from engine.answer.response import Body, build_body, build_frame
from engine.answer.tables import MemberTableBuilder
from engine.answer.target import TargetGoal, TargetValues, build_constant_goal, is_projectable, measure_progress
from engine.answer.values.series import MIXED, SeriesValues
from engine.answer.windows import build_period_buckets
from engine.calendar import Axis, Lookback, Window
from engine.catalog.metrics import Metric, MetricTarget, TableMetric
from engine.compiler.builder import OTHER
from engine.language.function_values import Row
from engine.query import NOT_SET
from engine.tables import Table

# A metric's key, the filters that apply, the day up to which its part counts, and the days that a point looks back to.
ResultKey = tuple[str, Filters, date | None, Lookback | None]


@dataclass(slots=True, eq=False)
class TableResult:
    """The result of a metric over a table, and what was read for it."""

    result: MetricResult
    reads: Sequence[StatementRead]


@dataclass(slots=True, eq=False)
class BuiltWidget:
    """A widget's body, the results that it was built from, and what was read for it."""

    body: Body
    receipt: Receipt
    results: tuple[MetricResult, ...]
    reads: Sequence[StatementRead]
    extents: Mapping[Table, Extent | None]


class WidgetRequest:
    """Builds the widgets of one request; what several of them need is computed once."""

    def __init__(self, fetcher: ScanFetcher, definitions: Mapping[str, Metric]) -> None:
        """Build from what is fetched; `definitions` are the metrics as defined, not as a request breaks them down."""
        self.fetcher = fetcher
        self.definitions = definitions
        self.query = fetcher.query
        context = fetcher.context
        self.active = context.connected if self.query.sources is None else context.connected & self.query.sources
        self._results: dict[ResultKey, TableResult] = {}

    def fetch_unknown_days(self, metric: Metric, filters: Filters) -> None:
        """Fetch first what brings the first and last days of tables too, where these are unknown."""
        if not metric.is_answerable(self.active):
            return
        applied = metric.select_filters(filters)
        if isinstance(metric, TableMetric) and self.fetcher.list_unknown_tables(metric.table):
            scan = self.fetcher.compiled.plan.metrics[metric.key].days
            if scan is not None:
                self.fetcher.fetch_days(scan, applied, metric.lookback)
        for part in metric.parts:
            self.fetch_unknown_days(part, applied)

    def build_widget(self, metric: Metric) -> BuiltWidget:
        """Build a widget, with its receipt."""
        query, context, period = self.query, self.fetcher.context, self.fetcher.period
        dialect = self.fetcher.warehouse.dialect
        self.fetch_unknown_days(metric, query.filters)
        freshness = find_freshness(metric, period, self.active, self.fetcher.fetch_extent, context.reads)
        buckets = build_period_buckets(period, dialect, freshness.to_date)
        used: dict[TableResult, None] = {}
        aimed: dict[TableResult, None] = {}
        result = self.make_builder(freshness.to_date, used).build(metric, query.filters)
        target = None
        if metric.target is not None and result is not None:
            target = self.build_target(metric, metric.target, result, freshness.through, aimed)
        notes = list_notes(metric, period, self.active, context.reads, context.notes)
        frame = build_frame(metric, query, self.active)
        body = build_body(frame, result, buckets, freshness, notes, target)
        receipt = make_receipt(
            digest_question(frame, self.definitions.get(metric.key, metric), dialect.name),
            body,
            result.series if result else (),
            owner=get_owner(context.tenant, metric.key),
            through=freshness.through if result else None,
            data_version=context.data_version,
        )
        body["meta"]["receipt"] = receipt.id
        return BuiltWidget(
            body=body,
            receipt=receipt,
            results=tuple([each.result for each in used]),
            # Several parts may share a read.
            reads=list(dict.fromkeys([read for each in used | aimed for read in each.reads])),
            extents={
                table: self.fetcher.fetch_extent(table)
                for table in metric.tables
                if self.active.issuperset(table.sources)
            },
        )

    def make_builder(
        self, to_date: date | None, used: dict[TableResult, None], *, windowed_as: Metric | None = None
    ) -> WidgetBuilder:
        """Make a builder of results with their part up to `to_date`; it notes in `used` what it rests on.

        All of them look back as `windowed_as` does, if it is given.
        """

        def get_result(part: TableMetric, filters: Filters) -> MetricResult | None:
            if not self.active.issuperset(part.sources):
                return None
            found = self.get_table_result(part, filters, to_date, (windowed_as or part).lookback)
            used[found] = None
            return found.result

        period = self.fetcher.period
        axes: list[Axis] = [period.current] if period.comparison is None else [period.current, period.comparison]
        return WidgetBuilder(get_result, self.list_extents, self.has_known_days, axes)

    def build_target(
        self,
        metric: Metric,
        target: MetricTarget,
        result: WidgetResult,
        through: date | None,
        used: dict[TableResult, None],
    ) -> TargetValues | None:
        """Build the target of a widget that has a result; None where it is of other rows or another currency."""
        applied = metric.select_filters(self.query.filters)
        builder = self.make_builder(through, used, windowed_as=metric)
        if target.metric is None:
            if applied:
                return None
            goal = build_constant_goal(target, self.fetcher.period.current, through, metric.lookback)
        else:
            found = builder.build(target.metric, applied)
            if found is None or target.metric.select_filters(applied) != applied:
                return None
            if result.currency and found.currency and result.currency != found.currency:
                return None
            (series,) = found.series
            goal = TargetGoal(series.points, series.stats.value, series.stats.to_date if through else None)
        own = builder.build(metric, applied) if through and is_projectable(metric) else None
        return measure_progress(goal, result.stats.value, own.stats.to_date if own else None)

    def list_extents(self, metric: Metric) -> list[Extent | None]:
        return [self.fetcher.fetch_extent(table) for table in metric.list_tables(self.active)]

    def has_known_days(self, metric: Metric, window: Window) -> bool:
        return metric.has_known_days(self.active, make_known_test(self.fetcher.fetch_extent, window))

    def get_table_result(
        self, metric: TableMetric, filters: Filters, to_date: date | None, lookback: Lookback | None
    ) -> TableResult:
        """Compute the result of a metric over one table; the same arguments return the same object."""
        identity = (metric.key, filters, to_date, lookback)
        found = self._results.get(identity)
        if found is None:
            found = self._results[identity] = self.compute_table_result(metric, filters, to_date, lookback)
        return found

    def compute_table_result(
        self, metric: TableMetric, filters: Filters, to_date: date | None, lookback: Lookback | None
    ) -> TableResult:
        fetcher, plan = self.fetcher, self.fetcher.compiled.plan.metrics[metric.key]
        dialect = fetcher.warehouse.dialect
        buckets = build_period_buckets(fetcher.period, dialect, to_date)
        reads = [fetcher.fetch_scan(scan, filters, buckets, to_date, lookback) for scan in plan.scans]
        rows = {scan: read.rows.rows for scan, read in zip(plan.scans, reads, strict=True)}
        extent = fetcher.fetch_extent(metric.table)
        result = aggregate_metric(plan, rows, buckets, extent, dialect, lookback)
        if plan.labels is not None:
            read = fetcher.fetch_labels(plan.labels, filters, fetcher.period.get_ranges(lookback))
            label_members(result.series, find_labels(read.rows.rows))
            reads.append(read)
        if plan.rows is not None:
            builder = MemberTableBuilder(plan.rows, SeriesBuilder(metric, buckets, extent, dialect), rows)
            result.table = builder.build(result, self.query)
            # The columns' totals stand in the table; the widget's line is the first one's.
            result.series[:] = result.table.columns[:1]
            result.stats = result.series[0].stats
        if metric.by is not None and metric.is_ordered_by_name:
            has_numbers = metric.by.label is None and metric.table.columns[metric.by.column].value_type == "whole"
            sort_by_name(result.series, has_numbers=has_numbers)
        if plan.items is not None:
            read, result.items = fetcher.fetch_items(plan.items, filters, mixed=result.currency == MIXED)
            reads.append(read)
        return TableResult(result, reads)


def find_labels(rows: Sequence[Row]) -> Mapping[str, str]:
    """Find the latest label of each member; of several on one day, the greatest."""
    labels = {member: label for member, label, _ in sorted(rows, key=lambda row: (row[2], row[1]))}
    labels.pop(NOT_SET, None)
    return labels


def sort_by_name(series: list[SeriesValues], *, has_numbers: bool) -> None:
    """Sort members by their names, and whole numbers by their size; Other stays last."""

    def get_place(each: SeriesValues) -> tuple[bool, bool, int, str, str]:
        member = str(each.id)
        is_number = has_numbers and member not in (OTHER, NOT_SET)
        return member == OTHER, not is_number, int(member) if is_number else 0, each.name, member

    series.sort(key=get_place)


def label_members(series: Sequence[SeriesValues], labels: Mapping[str, str]) -> None:
    for each in series:
        if each.id is not None and each.id != OTHER:
            each.name = labels.get(each.id, each.name)
