"""Resolution of metrics: what each kind is made of, and what it should come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.catalog.check_tests import check_tests
from engine.catalog.definition_resolver import DefinitionResolver, Section
from engine.catalog.metric_arithmetic import find_non_arithmetic, is_metric_arithmetic, iter_required_keys, name_operand
from engine.catalog.metric_fields import build_common_fields
from engine.catalog.metrics import (
    AMOUNT,
    CombinedMetric,
    DerivedMetric,
    Metric,
    MetricTarget,
    TableMetric,
    count_amounts,
)
from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.catalog.rules import RULES, get_content_keys
from engine.catalog.table_metric_resolver import TableMetricResolver, explain_wrong_currency
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics, Position
from engine.faults import raise_if_any
from engine.files.folder import MetricFile, MetricFolder
from engine.files.metric_definitions import MetricDefinition, TargetDefinition
from engine.language.evaluator import compile_arithmetic
from engine.language.expression_checks import count_money_factors, find_percent_factors
from engine.language.jinja import Sandbox
from engine.language.parser import locate_node, parse_expression
from engine.sources import Source


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
        self.table_metrics = TableMetricResolver(self, tables, sources)

    def make_reporter(self, file: MetricFile, name: str) -> Reporter:
        return replace(super().make_reporter(file, name), metric=name)

    def resolve_definition(self, reporter: Reporter, definition: MetricDefinition) -> Metric:
        if self.diagnostics.is_full(reporter.file.name):
            raise AlreadyReported
        errors = CollectErrors()
        for rule in RULES:
            for problem in rule(reporter, definition):
                errors.failed |= problem.severity == "error"
                # A key that is misspelt may be misplaced as well: one problem at a time.
                if not self.diagnostics.has_problem_at(problem.file, problem.position):
                    self.diagnostics.add(problem)
        match get_content_keys(definition):
            case []:
                raise AlreadyReported
            case ["combine", *_]:
                metric: Metric = self.resolve_combined_metric(reporter, definition, definition.combine or [])
            case ["derive", *_]:
                metric = self.resolve_derived_metric(reporter, definition, definition.derive or "")
            case _:
                metric = self.table_metrics.resolve_table_metric(reporter, definition)
        if metric.format == "currency" and count_amounts(metric) not in AMOUNT:
            is_money = all(series.is_money for each in metric.table_metrics for series in each.series)
            message = explain_wrong_currency(is_share=definition.share, is_money=is_money)
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
            money_factors=count_money_factors(tree, lambda column: count_amounts(operands[name_operand(column)])),
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


def is_mergeable(metric: TableMetric) -> bool:
    return all(series.expression.is_mergeable for series in metric.series)


def is_additive(metric: TableMetric) -> bool:
    return all(series.expression.additive for series in metric.series)
