"""Resolution of metrics over a table: their expressions, breakdowns, items and rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sqlglot import exp

from engine.catalog.definition_resolver import DefinitionResolver
from engine.catalog.dimensions import resolve_breakdown
from engine.catalog.metric_fields import build_common_fields, make_lookback, make_title
from engine.catalog.metrics import (
    AMOUNT,
    DEFAULT_ROWS,
    DEFAULT_TOP,
    MemberRows,
    Metric,
    MetricSeries,
    RankedItems,
    TableMetric,
)
from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.catalog.rules import get_content_keys, get_sort_column
from engine.catalog.table_resolver import TableResolver, format_sources
from engine.diagnostics import Position
from engine.faults import TextFault, raise_if_any
from engine.files.document import KeyPath
from engine.files.metric_definitions import ItemsDefinition, MetricDefinition, SeriesDefinition
from engine.language.expression_checks import describe_unknown_column, find_percent_factors
from engine.language.expressions import (
    Expression,
    count_passing_rows,
    guard_argument,
    resolve_expression,
    resolve_predicate,
)
from engine.language.functions import AGGREGATES, RANKS
from engine.language.jinja import RenderedText
from engine.language.parser import locate_node, parse_expression
from engine.sources import Source, find_source_of_key
from engine.tables import Dimension, Table

NOT_MONEY = "format: currency is for money, which this is not; say `money: true` at the column if it is"
NO_AMOUNT = "format: currency is for an amount; a count or a ratio of amounts, or a number alone, is none; leave it out"
SHARE_NOT_MONEY = "a share is no amount; leave its format out"
NO_SHARE = "a share is of what adds up over members: sums and counts, with `total: period`"
# The order of members by their names.
BY_NAME = "name"
# What replaces a `metric()` with errors, so that the rest of the expression is checked.
PLACEHOLDER_EXPRESSION = "(count(*))"


def explain_wrong_currency(*, is_share: bool, is_money: bool) -> str:
    """Explain why a value that is no amount has no currency."""
    return SHARE_NOT_MONEY if is_share else NO_AMOUNT if is_money else NOT_MONEY


class TableMetricResolver:
    """Resolver of metrics over a table; `resolver` knows the metrics that they name by `metric()`."""

    def __init__(
        self,
        resolver: DefinitionResolver[MetricDefinition, Metric],
        tables: TableResolver,
        sources: Mapping[str, Source],
    ) -> None:
        self.resolver = resolver
        self.tables = tables
        self.sources = sources
        self.other_tables = tuple(tables.resolve_all().values())

    def resolve_table_metric(self, reporter: Reporter, definition: MetricDefinition) -> TableMetric:
        table = self.resolve_metric_table(reporter, definition)
        errors, where, by, ranking, items, rows = CollectErrors(), None, None, None, None, None
        series: tuple[MetricSeries, ...] = ()
        with errors:
            where = self.resolve_where(reporter, definition, table)
        definitions: dict[str, tuple[KeyPath, SeriesDefinition]] = {
            name: ((key, name), each)
            for key, listed in (("series", definition.series), ("columns", definition.columns))
            for name, each in (listed or {}).items()
        }
        if definition.value is not None:
            only = SeriesDefinition(value=definition.value, share=definition.share)
            definitions[make_title(reporter.name, definition)] = (("value",), only)
        with errors:
            series = self.resolve_series(reporter, definitions, table, where, owner=definition)
        if definition.by is not None:
            with errors:
                by = self.resolve_breakdown(reporter, table, definition.by, "by")
        if definition.columns is not None:
            with errors:
                rows = self.resolve_rows(reporter, definition, table, where)
        elif isinstance(definition.order, str) and definition.order != BY_NAME:
            with errors:
                ranking = self.resolve_ranking(reporter, definition.order, table, where)
        if definition.items is not None:
            with errors:
                items = self.resolve_items(reporter, definition.items, table, where)
        errors.raise_if_failed()
        names = [each.name for each in series]
        return TableMetric(
            **build_common_fields(reporter.name, definition),
            table=table,
            series=series,
            headline=names.index(definition.headline) if definition.headline in names else 0,
            where=where,
            passing=count_passing_rows(where),
            by=by,
            top=definition.top or DEFAULT_TOP,
            other=definition.other is not False,
            ranking=ranking,
            is_ordered_by_name=definition.columns is None and definition.order == BY_NAME,
            items=items,
            rows=rows,
            total=definition.total or "period",
            fill=definition.fill,
            lookback=make_lookback(definition),
        )

    def resolve_metric_table(self, reporter: Reporter, definition: MetricDefinition) -> Table:
        """Return the metric's own table, or its file's. Raises AlreadyReported."""
        name = definition.table or reporter.file.definition.table
        # An error of the default table is reported at the head of the file, once for all metrics that use it.
        table_reporter = (
            reporter.descend("table") if definition.table else Reporter(reporter.file, ("table",), reporter.diagnostics)
        )
        if name is None:
            several = len(get_content_keys(definition)) > 1
            if not several and "table" not in reporter.file.document.data and "table" not in reporter.list_keys():
                reporter.report_at_key(
                    "missing-table", "no table: give the metric `table:`, or the file one for all its metrics"
                )
            raise AlreadyReported
        self.tables.require_declared(table_reporter, table_reporter.locate_value(), name)
        table = self.tables.find_resolved(name)
        if table is None:
            raise AlreadyReported
        source, named = reporter.file.definition.source, find_source_of_key(reporter.name, self.sources)
        if source is not None and not table.may_belong_to(source):
            message = f"table {name!r} belongs to {format_sources(table.sources)}, this file to {source}"
            table_reporter.report_at_value("wrong-source", message)
        elif named is not None and not table.may_belong_to(named):
            message = f"the key says {named}, but table {name!r} belongs to {format_sources(table.sources)}"
            reporter.report_at_key("wrong-source", message)
        return table

    def resolve_where(self, reporter: Reporter, definition: MetricDefinition, table: Table) -> exp.Expr | None:
        if definition.where is None:
            return None
        errors = CollectErrors()
        rendered = self.render_expression(reporter, definition.where, table, errors, "where")
        errors.raise_if_failed()
        with reporter.catch_faults("where", rendered=rendered):
            return resolve_predicate(rendered.text, table, self.other_tables)

    def resolve_ranking(self, reporter: Reporter, text: str, table: Table, where: exp.Expr | None) -> Expression:
        """Resolve what members are ranked by, over all rows of both windows. Raises AlreadyReported."""
        errors = CollectErrors()
        rendered = self.render_expression(reporter, text, table, errors, "order")
        errors.raise_if_failed()
        with reporter.catch_faults("order", rendered=rendered):
            raise_if_any(find_direction(rendered.text))
            return resolve_expression(rendered.text, table, where, others=self.other_tables)

    def resolve_rows(
        self, reporter: Reporter, definition: MetricDefinition, table: Table, where: exp.Expr | None
    ) -> MemberRows:
        """Resolve the rows of a table: their dimension, what they meet and their order. Raises AlreadyReported."""
        if definition.rows is None:
            raise AlreadyReported
        errors, having = CollectErrors(), None
        with errors:
            dimension = self.resolve_breakdown(reporter, table, definition.rows, "rows")
        if definition.having is not None:
            with errors:
                having = self.resolve_having(reporter, definition, table, where)
        errors.raise_if_failed()
        direction = next(iter(definition.order.values())) if isinstance(definition.order, dict) else "desc"
        return MemberRows(
            dimension=dimension,
            having=having,
            sort=get_sort_column(definition) or next(iter(definition.columns or ())),
            is_descending=direction == "desc",
            limit=definition.limit or DEFAULT_ROWS,
        )

    def resolve_having(
        self, reporter: Reporter, definition: MetricDefinition, table: Table, where: exp.Expr | None
    ) -> Expression:
        """Resolve what the rows of a table meet, over the asked window's. Raises AlreadyReported."""
        errors = CollectErrors()
        rendered = self.render_expression(reporter, definition.having or "", table, errors, "having")
        errors.raise_if_failed()
        with reporter.catch_faults("having", rendered=rendered):
            raise_if_any(find_named_measures(rendered.text, definition.columns or {}, table))
            return resolve_expression(
                rendered.text,
                table,
                where,
                total_stated="total" in reporter.list_keys(),
                others=self.other_tables,
                metrics=self.resolver.declared,
                is_condition=True,
            )

    def resolve_breakdown(self, reporter: Reporter, table: Table, name: str, *path: str | int) -> Dimension:
        """Return the dimension or column of this name. Raises AlreadyReported."""
        if name not in table.columns.keys() | table.dimensions.keys() and self.tables.may_declare(table, name):
            raise AlreadyReported  # The dimension's own problem.

        def describe_unknown(column: str) -> str:
            return describe_unknown_column(column, table, self.other_tables)

        return resolve_breakdown(reporter, table, name, describe_unknown, *path)

    def resolve_items(
        self, reporter: Reporter, items: ItemsDefinition, table: Table, where: exp.Expr | None
    ) -> RankedItems:
        errors = CollectErrors()
        with errors:
            by = self.resolve_breakdown(reporter, table, items.by, "items", "by")
        for index, column in enumerate(items.show):
            if column not in table.columns:
                reporter.report_at_value(
                    "unknown-column", describe_unknown_column(column, table, self.other_tables), "items", "show", index
                )
                errors.failed = True
        definitions: dict[str, tuple[KeyPath, SeriesDefinition]] = {
            name: (("items", "values", name), SeriesDefinition(value=text)) for name, text in items.values.items()
        }
        values = self.resolve_series(reporter, definitions, table, where)
        errors.raise_if_failed()
        order = next((each for each in values if each.name == items.order), values[0])
        return RankedItems(by.column, tuple(items.show), values, order, items.limit)

    def resolve_series(
        self,
        reporter: Reporter,
        definitions: Mapping[str, tuple[KeyPath, SeriesDefinition]],
        table: Table,
        where: exp.Expr | None,
        *,
        owner: MetricDefinition | None = None,
    ) -> tuple[MetricSeries, ...]:
        """Resolve series by name; what they do not say of themselves, their `owner` says.

        Raises AlreadyReported after the errors of all of them.
        """
        errors, found = CollectErrors(), list[MetricSeries]()
        for name, (path, definition) in definitions.items():
            with errors:
                found.append(self.resolve_one_series(reporter, name, path, definition, table, where, owner))
        errors.raise_if_failed()
        return tuple(found)

    def resolve_one_series(
        self,
        reporter: Reporter,
        name: str,
        path: KeyPath,
        definition: SeriesDefinition,
        table: Table,
        where: exp.Expr | None,
        owner: MetricDefinition | None,
    ) -> MetricSeries:
        """Resolve a series; a bare text at `path` is its value. Raises AlreadyReported."""
        errors = CollectErrors()
        own_keys = reporter.descend(*path).list_keys()
        place = (*path, "value") if own_keys else path
        rendered = self.render_expression(reporter, definition.value, table, errors, *place)
        with reporter.catch_faults(*place, rendered=rendered):
            expression = resolve_expression(
                rendered.text,
                table,
                where,
                total_stated="total" in reporter.list_keys() or "total" in own_keys,
                others=self.other_tables,
                metrics=self.resolver.declared,
            )
        reporter.warn_of_doubts(expression.doubts, *place, rendered=rendered)
        if owner is not None and make_lookback(owner) is not None:
            with errors, reporter.catch_faults(*place, rendered=rendered):
                raise_if_any(find_unmergeable_aggregates(rendered.text))
        if (definition.total or (owner and owner.total) or "period") != "period":
            with errors, reporter.catch_faults(*place, rendered=rendered):
                raise_if_any(find_ranks_of_days(rendered.text))
        if (definition.format or (owner and owner.format)) == "percent":
            reporter.warn_of_doubts(find_percent_factors(expression.tree), *place, rendered=rendered)
        series = MetricSeries(
            name=name,
            expression=expression,
            format=definition.format or ("percent" if definition.share and own_keys else None),
            better=definition.better,
            total=definition.total,
            is_share=definition.share,
            decimals=definition.decimals,
        )
        if definition.format == "currency" and series.money_factors not in AMOUNT:
            message = explain_wrong_currency(is_share=series.is_share, is_money=series.is_money)
            reporter.report_at_value("not-money", message, *path, "format")
        if series.is_share and not adds_up_over_members(series, owner):
            reporter.report_at_key("non-additive", NO_SHARE, *(path if own_keys else ()), "share")
            errors.failed = True
        errors.raise_if_failed()
        return series

    def render_expression(
        self, reporter: Reporter, text: str, table: Table, errors: CollectErrors, *path: str | int
    ) -> RenderedText:
        """Render an expression; a `metric()` with errors fails a step of `errors`."""

        def expand_metric(position: Position, key: str) -> str:
            with errors:
                return f"({inline_where(self.resolve_same_table_metric(reporter, position, key, table))})"
            return PLACEHOLDER_EXPRESSION

        return self.resolver.render_text(reporter, text, expand_metric, *path)

    def resolve_same_table_metric(self, reporter: Reporter, position: Position, key: str, table: Table) -> TableMetric:
        """Return the metric called `key`, which must have one value over this table."""
        found = self.resolver.follow_reference(reporter, position, key)
        if found.lookback is not None:
            message = f"metric {key!r} looks back, which metric() cannot; write its expression, or use derive"
        elif not isinstance(found, TableMetric) or not found.has_one_series:
            message = f"metric {key!r} has several series, or no table; metric() takes a metric with one value"
        elif found.table is not table:
            message = f"metric {key!r} is over table {found.table.name}, this one over {table.name}; use derive"
        else:
            return found
        reporter.report_at_position(position, "wrong-metric", message)
        raise AlreadyReported


def inline_where(metric: TableMetric) -> str:
    """Return a metric's expression as text, with its `where` moved into its aggregates."""
    tree = parse_expression(metric.series[0].expression.text)
    if metric.where is None:
        return tree.sql()
    for aggregate in list(tree.find_all(*AGGREGATES)):
        inner = aggregate.this
        distinct = isinstance(inner, exp.Distinct)
        argument = inner.expressions[0] if distinct else None if isinstance(inner, exp.Star) else inner
        value = guard_argument(argument, metric.where)
        aggregate.set("this", exp.Distinct(expressions=[value]) if distinct else value)
    return tree.sql()


def find_direction(text: str) -> Iterator[TextFault]:
    """Find the direction behind what members are ranked by, which has none."""
    written = re.search(r"\s(asc|desc)\s*$", text, re.IGNORECASE)
    if written is not None:
        remedy = "remove this" if written[1].lower() == "desc" else "write -1 * (…) for the smallest"
        yield TextFault(written.start(1), "sql-syntax", f"members stand largest first; {remedy}")


def find_named_measures(text: str, columns: Mapping[str, SeriesDefinition], table: Table) -> Iterator[TextFault]:
    """Find the table widget's own columns, which a condition cannot name."""
    for column in parse_expression(text).find_all(exp.Column):
        if column.name in columns and column.name not in table.columns:
            message = f"{column.name!r} is this widget's column; write what it is: {columns[column.name].value}"
            yield TextFault(locate_node(column), "unknown-column", message)


def find_unmergeable_aggregates(text: str) -> Iterator[TextFault]:
    for aggregate in parse_expression(text).find_all(*AGGREGATES):
        if isinstance(aggregate, RANKS):
            message = "a median or percentile is of all rows at once: no rolling or to_date of it"
        elif isinstance(aggregate.this, exp.Distinct) and not isinstance(aggregate, (exp.Min, exp.Max)):
            message = "what is counted once a day does not add up over days: no rolling or to_date of `distinct`"
        else:
            continue
        yield TextFault(locate_node(aggregate), "non-additive", message)


def find_ranks_of_days(text: str) -> Iterator[TextFault]:
    for aggregate in parse_expression(text).find_all(*RANKS):
        message = "a median or percentile is of all rows of the period, so that its `total` is period"
        yield TextFault(locate_node(aggregate), "non-additive", message)


def adds_up_over_members(series: MetricSeries, owner: MetricDefinition | None) -> bool:
    """Whether the members' values come to that of all of them: sums and counts, over the whole period."""
    total = series.total or (owner and owner.total) or "period"
    return series.expression.additive and total == "period"
