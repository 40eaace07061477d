"""Resolution of metrics: their expressions, and the metrics that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.calendar import Grain, Lookback
from engine.catalog.check_tests import check_tests
from engine.catalog.definition_resolver import DefinitionResolver, Section
from engine.catalog.dimensions import make_title_from_name, resolve_breakdown
from engine.catalog.metrics import (
    DEFAULT_ROWS,
    DEFAULT_TOP,
    CombinedMetric,
    DerivedMetric,
    MemberRows,
    Metric,
    MetricSeries,
    MetricTarget,
    RankedItems,
    TableMetric,
    is_money,
)
from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.catalog.rules import RULES, get_content_keys, get_sort_column
from engine.catalog.table_resolver import TableResolver, format_sources
from engine.diagnostics import Diagnostics, Position
from engine.faults import TextFault, raise_if_any
from engine.files.definitions import ItemsDefinition, MetricDefinition, SeriesDefinition, TargetDefinition
from engine.files.document import KeyPath
from engine.files.folder import MetricFile, MetricFolder
from engine.language.evaluator import compile_arithmetic
from engine.language.expressions import (
    Expression,
    count_passing_rows,
    describe_unknown_column,
    find_percent_factors,
    guard_argument,
    resolve_expression,
    resolve_predicate,
)
from engine.language.functions import AGGREGATES, RANKS
from engine.language.jinja import RenderedText, Sandbox
from engine.language.parser import locate_node, parse_expression
from engine.sources import Source, find_source_of_key
from engine.tables import Dimension, Table

NOT_MONEY = "format: currency is for money, which this is not; say `money: true` at the column if it is"
SHARE_NOT_MONEY = "a share is no amount; leave its format out"
NO_SHARE = "a share is of what adds up over members: sums and counts, with `total: period`"
# The order of members by their names.
BY_NAME = "name"
DERIVE_NODES = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Coalesce),
    *(exp.Literal, exp.Column, exp.Identifier),
)
# What replaces a `metric()` with errors, so that the rest of the expression is checked.
PLACEHOLDER_EXPRESSION = "(count(*))"


class MetricResolver(DefinitionResolver[MetricDefinition, Metric]):
    """Resolver of metrics: each once, after the metrics that it refers to."""

    section = Section(
        name="metrics",
        noun="metric",
        unknown_code="unknown-metric",
        duplicate_code="duplicate-metric",
        duplicate_error="the key {name!r} is given in {file} already; rename one of them",
        relation="metrics refer to each other",
        foreign="table",
        foreign_error="table() is for `sql:` tables; name the table in `table:`",
    )

    def __init__(
        self,
        folder: MetricFolder,
        sandbox: Sandbox,
        names: Mapping[str, Any],
        tables: TableResolver,
        sources: Mapping[str, Source],
        diagnostics: Diagnostics,
    ) -> None:
        super().__init__(folder, sandbox, names, diagnostics)
        self.tables = tables
        self.sources = sources
        self.other_tables = tuple(tables.resolve_all().values())

    def make_reporter(self, file: MetricFile, name: str) -> Reporter:
        return replace(super().make_reporter(file, name), metric=name)

    def resolve_definition(self, reporter: Reporter, definition: MetricDefinition) -> Metric:
        if self.diagnostics.is_full(reporter.file.name):
            raise AlreadyReported
        errors = CollectErrors()
        for rule in RULES:
            for problem in rule(reporter, definition):
                self.diagnostics.add(problem)
                errors.failed |= problem.severity == "error"
        match get_content_keys(definition):
            case []:
                raise AlreadyReported
            case ["combine", *_]:
                metric: Metric = self.resolve_combined_metric(reporter, definition, definition.combine or [])
            case ["derive", *_]:
                metric = self.resolve_derived_metric(reporter, definition, definition.derive or "")
            case _:
                metric = self.resolve_table_metric(reporter, definition)
        if metric.format == "currency" and not is_money(metric):
            message = SHARE_NOT_MONEY if definition.share else NOT_MONEY
            reporter.report_at_value("not-money", message, "format")
        with errors:
            metric = replace(metric, target=self.resolve_target(reporter, definition.target, metric))
        check_tests(reporter, metric)
        errors.raise_if_failed()
        return metric

    def resolve_target(
        self, reporter: Reporter, definition: TargetDefinition | None, metric: Metric
    ) -> MetricTarget | None:
        """Resolve what a metric should come to. Raises AlreadyReported."""
        if definition is None:
            return None
        if definition.day is not None and not (isinstance(metric, TableMetric) and is_additive(metric)):
            message = "a target per day is for a value that adds up over days; write `value`, or `metric`"
            reporter.report_at_key("misplaced-key", message, "target", "day")
            raise AlreadyReported
        goal = None
        if definition.metric is not None:
            goal = self.resolve_single_series(reporter, reporter.locate_value("target", "metric"), definition.metric)
            if metric.lookback is not None and not all(map(is_mergeable, goal.table_metrics)):
                message = f"metric {definition.metric!r} does not add up over days, and this one looks back"
                reporter.report_at_value("wrong-metric", message, "target", "metric")
                raise AlreadyReported
        return MetricTarget(definition.day, definition.value, goal)

    # Metrics over a table

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
                having = self.resolve_having(reporter, definition.having, table, where)
        errors.raise_if_failed()
        direction = next(iter(definition.order.values())) if isinstance(definition.order, dict) else "desc"
        return MemberRows(
            dimension=dimension,
            having=having,
            sort=get_sort_column(definition) or next(iter(definition.columns or ())),
            is_descending=direction == "desc",
            limit=definition.limit or DEFAULT_ROWS,
        )

    def resolve_having(self, reporter: Reporter, text: str, table: Table, where: exp.Expr | None) -> Expression:
        """Resolve what the rows of a table meet, over the asked window's. Raises AlreadyReported."""
        errors = CollectErrors()
        rendered = self.render_expression(reporter, text, table, errors, "having")
        errors.raise_if_failed()
        with reporter.catch_faults("having", rendered=rendered):
            return resolve_expression(
                rendered.text,
                table,
                where,
                total_stated="total" in reporter.list_keys(),
                others=self.other_tables,
                metrics=self.declared,
                is_condition=True,
            )

    def resolve_breakdown(self, reporter: Reporter, table: Table, name: str, *path: str | int) -> Dimension:
        """Return the dimension or column of this name. Raises AlreadyReported."""

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
                metrics=self.declared,
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
        if definition.format == "currency" and not series.is_money:
            message = SHARE_NOT_MONEY if series.is_share else NOT_MONEY
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

        return self.render_text(reporter, text, expand_metric, *path)

    def resolve_same_table_metric(self, reporter: Reporter, position: Position, key: str, table: Table) -> TableMetric:
        """Return the metric called `key`, which must have one value over this table."""
        found = self.follow_reference(reporter, position, key)
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

    # Metrics over metrics

    def resolve_combined_metric(
        self, reporter: Reporter, definition: MetricDefinition, keys: list[str]
    ) -> CombinedMetric:
        errors, found = CollectErrors(), list[Metric]()
        for index, key in enumerate(keys):
            with errors:
                found.append(self.resolve_single_series(reporter, reporter.locate_value("combine", index), key))
        errors.raise_if_failed()
        fields, is_correlation = build_common_fields(reporter.name, definition), definition.stat == "correlation"
        if is_correlation:
            # A share of a correlation says nothing.
            fields["delta"] = "absolute"
        return CombinedMetric(**fields, combined=tuple(found), correlation=is_correlation)

    def resolve_derived_metric(self, reporter: Reporter, definition: MetricDefinition, text: str) -> DerivedMetric:
        errors, operands = CollectErrors(), dict[str, Metric]()
        with reporter.catch_faults("derive"):
            tree = parse_expression(text)
        with errors, reporter.catch_faults("derive"):
            raise_if_any(find_non_arithmetic(tree))
        for column in tree.walk(prune=lambda node: not is_metric_arithmetic(node)):
            if not isinstance(column, exp.Column):
                continue
            key = name_operand(column)
            with errors:
                operands[key] = self.resolve_single_series(
                    reporter, reporter.locate_character(("derive",), locate_node(column)), key
                )
        errors.raise_if_failed()
        if definition.format == "percent":
            reporter.warn_of_doubts(find_percent_factors(tree), "derive")
        keys = list(operands)

        def replace_with_index(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return exp.Placeholder(this=str(keys.index(name_operand(node))))
            return node

        arithmetic = tree.transform(replace_with_index)
        return DerivedMetric(
            **build_common_fields(reporter.name, definition),
            operands=tuple(operands.values()),
            text=arithmetic.sql(),
            evaluate=compile_arithmetic(arithmetic),
            optional=frozenset(operands) - set(iter_required_keys(tree)),
        )

    def resolve_single_series(self, reporter: Reporter, position: Position, key: str) -> Metric:
        """Return the metric called `key`, which must have one series."""
        metric = self.follow_reference(reporter, position, key)
        if isinstance(metric, TableMetric) and metric.rows is not None:
            message = f"metric {key!r} is a table; only metrics of one series can be combined, derived from or a target"
            reporter.report_at_position(position, "wrong-metric", message)
            raise AlreadyReported
        if isinstance(metric, CombinedMetric) or (isinstance(metric, TableMetric) and not metric.has_one_series):
            message = (
                f"metric {key!r} has several series; only metrics of one can be combined, derived from or a target"
            )
            reporter.report_at_position(position, "wrong-metric", message)
            raise AlreadyReported
        return metric


def build_common_fields(key: str, definition: MetricDefinition) -> dict[str, Any]:
    """Build the fields that every kind of metric has."""
    return {
        "key": key,
        "title": make_title(key, definition),
        "description": definition.description or "",
        "format": definition.format or ("percent" if definition.share else "decimal"),
        "decimals": definition.decimals,
        "better": definition.better or "up",
        "chart": definition.chart,
        "group": definition.group,
        "position": definition.position,
        "hidden": definition.hidden,
        "delta": definition.delta or "relative",
        "tests": tuple(definition.tests),
    }


def make_title(key: str, definition: MetricDefinition) -> str:
    """Return the title, or one made from the key: "Conv rate" for `ga4.conv_rate`."""
    if definition.title is not None:
        return definition.title
    return make_title_from_name(key.rpartition(".")[2])


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


def make_lookback(definition: MetricDefinition) -> Lookback | None:
    """Return the days that each point looks back to; None where they are its bucket's."""
    if definition.rolling is not None:
        return Lookback(days=definition.rolling)
    return None if definition.to_date is None else Lookback(since=Grain(definition.to_date))


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


def is_mergeable(metric: TableMetric) -> bool:
    return all(series.expression.is_mergeable for series in metric.series)


def adds_up_over_members(series: MetricSeries, owner: MetricDefinition | None) -> bool:
    """Whether the members' values come to that of all of them: sums and counts, over the whole period."""
    total = series.total or (owner and owner.total) or "period"
    return series.expression.additive and total == "period"


def is_additive(metric: TableMetric) -> bool:
    return all(series.expression.additive for series in metric.series)


def find_non_arithmetic(tree: exp.Expr) -> Iterator[TextFault]:
    message = "derive is arithmetic between metrics: + - * / and numbers, and coalesce(a, 0)"
    for node in tree.walk(prune=lambda each: not is_metric_arithmetic(each)):
        if not is_metric_arithmetic(node):
            yield TextFault(locate_node(node), "sql-forbidden", message)
    if not tree.find(exp.Column):
        yield TextFault(0, "no-metric", "derive names no metric, such as meta.spend / ga4.sessions")


def name_operand(column: exp.Column) -> str:
    """Return the key of the metric that a name with dots is."""
    return ".".join(part.name for part in column.parts)


def iter_required_keys(node: exp.Expr) -> Iterator[str]:
    """Yield the keys of the operands without which there is no value: outside of `coalesce`, or last in it."""
    if isinstance(node, exp.Column):
        yield name_operand(node)
        return
    children = node.expressions[-1:] if isinstance(node, exp.Coalesce) else node.iter_expressions()
    for child in children:
        yield from iter_required_keys(child)


def is_metric_arithmetic(node: exp.Expr) -> bool:
    return type(node) in DERIVE_NODES and not (isinstance(node, exp.Literal) and node.is_string)
