"""Metrics: their expressions against their tables, and the metrics that they are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlglot import exp

from metric_engine.engine.arithmetic import compile_arithmetic
from metric_engine.engine.declared_rows import check_tests
from metric_engine.engine.definitions import ItemsDefinition, MetricDefinition
from metric_engine.engine.diagnostics import Diagnostics, Position
from metric_engine.engine.document import Path
from metric_engine.engine.errors import did_you_mean, nearest_names
from metric_engine.engine.expressions import (
    Expression,
    guarded,
    passing_rows,
    resolve_expression,
    resolve_predicate,
    unknown_column,
)
from metric_engine.engine.loading import Folder
from metric_engine.engine.metrics import (
    DEFAULT_TOP,
    CombinedMetric,
    DerivedMetric,
    Items,
    Metric,
    Series,
    TableMetric,
)
from metric_engine.engine.place import Place, Reported
from metric_engine.engine.rules import RULES
from metric_engine.engine.syntax import AGGREGATES, Fault, parse_expression, refuse, start_of
from metric_engine.engine.table_resolution import TableResolver
from metric_engine.engine.tables import Table
from metric_engine.engine.templates import Rendered, Sandbox, TemplateFault, is_template, render

BETWEEN_METRICS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Literal, exp.Column, exp.Identifier)


class Reference(NamedTuple):
    """From which metric, at which position, to which key."""

    place: Place
    position: Position
    key: str


class MetricResolver:
    """Resolves each metric once, those that are made of others after these."""

    def __init__(
        self,
        folder: Folder,
        sandbox: Sandbox,
        names: Mapping[str, Any],
        tables: TableResolver,
        diagnostics: Diagnostics,
    ) -> None:
        self.sandbox = sandbox
        self.names = names
        self.tables = tables
        self.complete = folder.complete
        self.declared: dict[str, tuple[Place, MetricDefinition]] = {}
        self.resolved: dict[str, Metric | None] = {}
        self.references: list[Reference] = []
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.broken))
            for key, definition in file.definition.metrics.items():
                self.declare(Place(file, ("metrics", key), diagnostics, key), key, definition)

    def declare(self, place: Place, key: str, definition: MetricDefinition) -> None:
        if key in self.declared:
            other = self.declared[key][0].file.name
            place.at_key("duplicate-metric", f"the key {key!r} is given in {other} already; rename one of them")
            return
        self.declared[key] = (place, definition)

    def resolve_all(self) -> Mapping[str, Metric]:
        found = {key: self.find(key) for key in self.declared}
        return {key: metric for key, metric in found.items() if metric is not None}

    def find(self, key: str) -> Metric | None:
        """The metric called `key`; None where it has errors of its own."""
        if key not in self.resolved and key in self.declared:
            self.resolved[key] = None
            with contextlib.suppress(Reported):
                self.resolved[key] = self.resolve(*self.declared[key])
        return self.resolved.get(key)

    def resolve(self, place: Place, definition: MetricDefinition) -> Metric:
        findings = [finding for rule in RULES for finding in rule(str(place.metric), definition)]
        for finding in findings:
            report = place.at_value if finding.at_value else place.at_key
            report(finding.code, finding.message, *finding.path)
        if findings:
            raise Reported
        if definition.combine is not None:
            metric: Metric = self.combined(place, definition, definition.combine)
        elif definition.derive is not None:
            metric = self.derived(place, definition, definition.derive)
        else:
            metric = self.measured(place, definition)
        check_tests(place, metric)
        return metric

    # Metrics over a table

    def measured(self, place: Place, definition: MetricDefinition) -> TableMetric:
        table = self.table(place, definition)
        where = self.predicate(place, definition, table)
        texts: dict[str, tuple[Path, str]] = {
            name: (("series", name), text) for name, text in (definition.series or {}).items()
        }
        if definition.value is not None:
            texts = {title_of(str(place.metric), definition): (("value",), definition.value)}
        series = self.expressions(place, texts, table, where, total_stated=definition.total is not None)
        if definition.by is not None and definition.by not in table.columns:
            place.at_value("unknown-column", unknown_column(definition.by, table), "by")
            raise Reported
        return TableMetric(
            **common(str(place.metric), definition),
            table=table,
            series=series,
            headline=[each.name for each in series].index(definition.headline or series[0].name),
            where=where,
            passing=passing_rows(where),
            by=definition.by,
            top=definition.top or DEFAULT_TOP,
            other=definition.other is not False,
            items=self.items(place, definition.items, definition, table, where) if definition.items else None,
            total=definition.total or "period",
            fill=definition.fill,
        )

    def table(self, place: Place, definition: MetricDefinition) -> Table:
        """The metric's own table, or the one at the head of its file."""
        name = definition.table or place.file.definition.table
        # A fault of the default table stands at the head of the file, and is found once however many metrics use it.
        stated = place.within("table") if definition.table else Place(place.file, ("table",), place.diagnostics)
        if name is None:
            if "table" not in place.file.document.data:
                place.at_key("missing-table", "no table: give the metric `table:`, or the file one for all its metrics")
            raise Reported
        if not self.tables.known(name):
            stated.at_value("unknown-table", self.tables.unknown(name))
            raise Reported
        table = self.tables.find(name)
        if table is None:
            raise Reported
        source = place.file.definition.source
        if source is not None and table.source != source:
            message = f"table {name!r} belongs to source {table.source}, this file to {source}"
            stated.at_value("wrong-source", message)
            raise Reported
        return table

    def predicate(self, place: Place, definition: MetricDefinition, table: Table) -> exp.Expr | None:
        if definition.where is None:
            return None
        rendered = self.rendered(place, definition.where, table, "where")
        with place.reporting(rendered, "where"):
            return resolve_predicate(rendered.text, table)

    def items(
        self,
        place: Place,
        items: ItemsDefinition,
        definition: MetricDefinition,
        table: Table,
        where: exp.Expr | None,
    ) -> Items:
        sound = True
        for path, column in (("by", items.by), *((("show", index), name) for index, name in enumerate(items.show))):
            if column not in table.columns:
                segments = (path,) if isinstance(path, str) else path
                place.at_value("unknown-column", unknown_column(column, table), "items", *segments)
                sound = False
        texts: dict[str, tuple[Path, str]] = {
            name: (("items", "values", name), text) for name, text in items.values.items()
        }
        values = self.expressions(place, texts, table, where, total_stated=definition.total is not None)
        if not sound:
            raise Reported
        order = next((each for each in values if each.name == items.order), values[0])
        return Items(items.by, tuple(items.show), values, order, items.limit)

    def expressions(
        self,
        place: Place,
        texts: Mapping[str, tuple[Path, str]],
        table: Table,
        where: exp.Expr | None,
        *,
        total_stated: bool,
    ) -> tuple[Series, ...]:
        """Resolve expressions by name; all of them are looked at before the first fault ends it."""
        found: list[Series] = []
        for name, (path, text) in texts.items():
            with contextlib.suppress(Reported):
                rendered = self.rendered(place, text, table, *path)
                with place.reporting(rendered, *path):
                    expression = resolve_expression(rendered.text, table, where)
                    refuse(() if total_stated else unstated_totals(expression))
                found.append(Series(name, expression))
        if len(found) < len(texts):
            raise Reported
        return tuple(found)

    def rendered(self, place: Place, text: str, table: Table, *path: str | int) -> Rendered:
        if not is_template(text):
            return Rendered(text)

        def metric(key: str) -> str:
            offset = max(0, text.find(key, max(0, text.find("metric("))))
            found = self.refer(place, place.text_position(path, offset), key)
            if not isinstance(found, TableMetric) or found.by is not None or len(found.series) != 1:
                raise TemplateFault(
                    offset, "wrong-metric", f"metric() takes a metric with one value; {key} is another kind"
                )
            if found.table is not table:
                message = f"metric {key} is over table {found.table.name}, this one over {table.name}; use derive"
                raise TemplateFault(offset, "wrong-metric", message)
            return f"({restricted(found)})"

        def no_table(name: str) -> str:
            offset = max(0, text.find("table("))
            raise TemplateFault(offset, "template-error", "table() is for `sql:` tables; name the table in `table:`")

        try:
            return render(self.sandbox, text, {**self.names, "metric": metric, "table": no_table})
        except TemplateFault as fault:
            place.in_template(fault, *path)
            raise Reported from fault

    # Metrics over metrics

    def combined(self, place: Place, definition: MetricDefinition, keys: list[str]) -> CombinedMetric:
        found: list[Metric] = []
        for index, key in enumerate(keys):
            with contextlib.suppress(Reported):
                found.append(self.single(place, place.position("combine", index), key))
        if len(found) < len(keys):
            raise Reported
        return CombinedMetric(
            **common(str(place.metric), definition),
            combined=tuple(found),
            correlation=definition.stat == "correlation",
        )

    def derived(self, place: Place, definition: MetricDefinition, text: str) -> DerivedMetric:
        rendered = Rendered(text)
        with place.reporting(rendered, "derive"):
            tree = parse_expression(text)
            refuse(not_between_metrics(tree))
        operands: dict[str, Metric] = {}
        columns = list(tree.find_all(exp.Column))
        for column in columns:
            key = ".".join(part.name for part in column.parts)
            position = place.text_position(("derive",), start_of(column))
            with contextlib.suppress(Reported):
                operands[key] = self.single(place, position, key)
        if len(operands) < len({column.sql() for column in columns}):
            raise Reported
        keys = list(operands)

        def indexed(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return exp.Placeholder(this=str(keys.index(".".join(part.name for part in node.parts))))
            return node

        return DerivedMetric(
            **common(str(place.metric), definition),
            operands=tuple(operands.values()),
            evaluate=compile_arithmetic(tree.transform(indexed)),
        )

    def single(self, place: Place, position: Position, key: str) -> Metric:
        """The metric called `key`, which must have one series."""
        metric = self.refer(place, position, key)
        breakdown = isinstance(metric, TableMetric) and (metric.by is not None or len(metric.series) > 1)
        if breakdown or isinstance(metric, CombinedMetric):
            message = f"metric {key!r} has several series; only metrics of one can be combined or derived from"
            place.at_position(position, "wrong-metric", message)
            raise Reported
        return metric

    def refer(self, place: Place, position: Position, key: str) -> Metric:
        """Follow a reference from one metric to another."""
        if key not in self.declared and key not in self.resolved:
            if self.complete:
                hint = did_you_mean(nearest_names(key, self.declared, most=1))
                place.at_position(position, "unknown-metric", f"no metric {key!r} is declared{hint}")
            raise Reported
        reference = Reference(place, position, key)
        self.refuse_cycle(reference)
        self.references.append(reference)
        try:
            metric = self.find(key)
        finally:
            self.references.pop()
        if metric is None:
            raise Reported
        return metric

    def refuse_cycle(self, last: Reference) -> None:
        route = [*self.references, last]
        keys = [reference.place.metric for reference in route]
        if last.key not in keys:
            return
        cycle = route[keys.index(last.key) :]
        first = min(cycle, key=lambda reference: (reference.place.file.name, reference.position))
        named = " → ".join([str(reference.place.metric) for reference in cycle] + [last.key])
        first.place.at_position(first.position, "cycle", f"metrics refer to each other: {named}")
        raise Reported


def common(key: str, definition: MetricDefinition) -> dict[str, Any]:
    """What every metric has, whatever it is computed from."""
    return {
        "key": key,
        "title": title_of(key, definition),
        "description": definition.description or "",
        "format": definition.format or "decimal",
        "better": definition.better or "up",
        "chart": definition.chart,
        "hidden": definition.hidden,
        "delta": definition.delta or "relative",
        "tests": tuple(definition.tests),
    }


def title_of(key: str, definition: MetricDefinition) -> str:
    """The title, or one made from the key: `ga4.conv_rate` is "Conv rate"."""
    if definition.title is not None:
        return definition.title
    words = key.rpartition(".")[2].replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def unstated_totals(expression: Expression) -> Iterator[Fault]:
    for name, offset in expression.non_additive:
        message = f"column {name!r} may not be summed over days; state total: average, last or period"
        yield Fault(offset, "non-additive", message)


def restricted(metric: TableMetric) -> str:
    """A metric's expression as text, its own `where` moved into its aggregates."""
    tree = parse_expression(metric.series[0].expression.text)
    if metric.where is None:
        return tree.sql()
    for aggregate in list(tree.find_all(*AGGREGATES)):
        inner = aggregate.this
        distinct = isinstance(inner, exp.Distinct)
        argument = inner.expressions[0] if distinct else None if isinstance(inner, exp.Star) else inner
        value = guarded(argument, metric.where)
        aggregate.set("this", exp.Distinct(expressions=[value]) if distinct else value)
    return tree.sql()


def not_between_metrics(tree: exp.Expr) -> Iterator[Fault]:
    for node in tree.walk():
        if type(node) not in BETWEEN_METRICS or (isinstance(node, exp.Literal) and node.is_string):
            yield Fault(start_of(node), "sql-forbidden", "derive is arithmetic between metrics: + - * / and numbers")
            return
    if not tree.find(exp.Column):
        yield Fault(0, "no-metric", "derive names no metric")
