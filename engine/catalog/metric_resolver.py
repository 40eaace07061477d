"""Metrics: their expressions against their tables, and the metrics that they are made of."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from sqlglot import exp

from engine.catalog.check_tests import check_tests
from engine.catalog.metrics import DEFAULT_TOP, CombinedMetric, DerivedMetric, Items, Metric, Series, TableMetric
from engine.catalog.reporter import Attempt, Place, Reported
from engine.catalog.rules import RULES, content
from engine.catalog.table_resolver import TableResolver
from engine.diagnostics import Diagnostics, Position
from engine.files.definitions import ItemsDefinition, MetricDefinition, SourceName
from engine.files.document import Path, is_template
from engine.files.folder import Folder
from engine.language.evaluator import compile_arithmetic
from engine.language.expressions import guarded, passing_rows, resolve_expression, resolve_predicate, unknown_column
from engine.language.faults import Fault, refuse
from engine.language.jinja import Rendered, Sandbox, TemplateFaults, call_offset, render
from engine.language.parser import AGGREGATES, parse_expression, start_of
from engine.language.select import NAME
from engine.suggestions import hint
from engine.tables import KINDS, MOMENTS, NAMING, Table

BETWEEN_METRICS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Literal, exp.Column, exp.Identifier)
MOST_DEPTH = 10
# What a `metric()` that cannot be followed is taken for, so that the rest of the expression is checked.
STAND_IN = "(count(*))"


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
        self.others = tuple(tables.resolve_all().values())
        self.complete = folder.complete
        self.declared: dict[str, tuple[Place, MetricDefinition]] = {}
        self.resolved: dict[str, Metric | None] = {}
        self.references: list[Reference] = []
        self.depths: Counter[str] = Counter()
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.lost("metrics")))
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
            place, definition = self.declared[key]
            if place.diagnostics.full(place.file.name):
                return None
            with contextlib.suppress(Reported):
                self.resolved[key] = self.resolve(place, definition)
        return self.resolved.get(key)

    def resolve(self, place: Place, definition: MetricDefinition) -> Metric:
        attempt = Attempt()
        for rule in RULES:
            for finding in rule(str(place.metric), definition, place.stated()):
                report = place.at_value if finding.at_value else place.at_key
                report(finding.code, finding.message, *finding.path)
                attempt.failed = True
        match content(definition):
            case []:
                raise Reported
            case ["combine", *_]:
                metric: Metric = self.combined(place, definition, definition.combine or [])
            case ["derive", *_]:
                metric = self.derived(place, definition, definition.derive or "")
            case _:
                metric = self.measured(place, definition)
        check_tests(place, metric)
        attempt.finish()
        return metric

    # Metrics over a table

    def measured(self, place: Place, definition: MetricDefinition) -> TableMetric:
        table = self.table(place, definition)
        attempt, where, items, series = Attempt(), None, None, tuple[Series, ...]()
        with attempt:
            where = self.predicate(place, definition, table)
        texts: dict[str, tuple[Path, str]] = {
            name: (("series", name), text) for name, text in (definition.series or {}).items()
        }
        if definition.value is not None:
            texts[title_of(str(place.metric), definition)] = (("value",), definition.value)
        with attempt:
            series = self.expressions(place, texts, table, where)
        if definition.by is not None:
            with attempt:
                self.naming(place, table, definition.by, "by")
        if definition.items is not None:
            with attempt:
                items = self.items(place, definition.items, table, where)
        attempt.finish()
        names = [each.name for each in series]
        return TableMetric(
            **common(str(place.metric), definition),
            table=table,
            series=series,
            headline=names.index(definition.headline) if definition.headline in names else 0,
            where=where,
            passing=passing_rows(where),
            by=definition.by,
            top=definition.top or DEFAULT_TOP,
            other=definition.other is not False,
            items=items,
            total=definition.total or "period",
            fill=definition.fill,
        )

    def table(self, place: Place, definition: MetricDefinition) -> Table:
        """The metric's own table, or the one at the head of its file."""
        name = definition.table or place.file.definition.table
        # A fault of the default table stands at the head of the file, and is found once however many metrics use it.
        stated = place.within("table") if definition.table else Place(place.file, ("table",), place.diagnostics)
        if name is None:
            if "table" not in place.file.document.data and "table" not in place.stated():
                place.at_key("missing-table", "no table: give the metric `table:`, or the file one for all its metrics")
            raise Reported
        if not self.tables.known(name):
            stated.at_value("unknown-table", self.tables.unknown(name))
            raise Reported
        table = self.tables.find(name)
        if table is None:
            raise Reported
        source, prefix = place.file.definition.source, str(place.metric).partition(".")[0]
        if source is not None and table.source not in ("", source):
            stated.at_value("wrong-source", f"table {name!r} belongs to source {table.source}, this file to {source}")
        elif source is None and prefix in get_args(SourceName) and table.source not in ("", prefix):
            message = f"the key says {prefix}, but table {name!r} belongs to source {table.source}"
            place.at_key("wrong-source", message)
        return table

    def predicate(self, place: Place, definition: MetricDefinition, table: Table) -> exp.Expr | None:
        if definition.where is None:
            return None
        attempt = Attempt()
        rendered = self.rendered(place, definition.where, table, attempt, "where")
        attempt.finish()
        with place.reporting(rendered, "where"):
            return resolve_predicate(rendered.text, table, self.others)

    def naming(self, place: Place, table: Table, column: str, *path: str | int) -> None:
        """The column must be one whose values are names: written in the same way by every database. Raises Reported."""
        if column not in table.columns:
            message = unknown_column(column, table, self.others)
            if not NAME.fullmatch(column):
                message = f"{path[-1]} takes a column's name; give this expression a column in a `sql:` table"
            place.at_value("unknown-column", message, *path)
            raise Reported
        kind = KINDS.get(table.columns[column].type)
        if kind is not None and kind not in NAMING:
            remedy = f"date({column})" if kind in MOMENTS else f"cast({column} as int)"
            message = f"{column!r} is {table.columns[column].type}, which databases write differently"
            place.at_value("wrong-column-type", f"{message}; give {remedy} a column in a `sql:` table", *path)
            raise Reported

    def items(self, place: Place, items: ItemsDefinition, table: Table, where: exp.Expr | None) -> Items:
        attempt = Attempt()
        with attempt:
            self.naming(place, table, items.by, "items", "by")
        for index, column in enumerate(items.show):
            if column not in table.columns:
                place.at_value("unknown-column", unknown_column(column, table, self.others), "items", "show", index)
                attempt.failed = True
        texts: dict[str, tuple[Path, str]] = {
            name: (("items", "values", name), text) for name, text in items.values.items()
        }
        values = self.expressions(place, texts, table, where)
        attempt.finish()
        order = next((each for each in values if each.name == items.order), values[0])
        return Items(items.by, tuple(items.show), values, order, items.limit)

    def expressions(
        self, place: Place, texts: Mapping[str, tuple[Path, str]], table: Table, where: exp.Expr | None
    ) -> tuple[Series, ...]:
        """Resolve expressions by name; all of them are looked at before the first fault ends it."""
        attempt, found = Attempt(), list[Series]()
        for name, (path, text) in texts.items():
            with attempt:
                rendered = self.rendered(place, text, table, attempt, *path)
                stated = "total" in place.stated()
                with place.reporting(rendered, *path):
                    expression = resolve_expression(
                        rendered.text, table, where, total_stated=stated, others=self.others
                    )
                found.append(Series(name, expression))
        attempt.finish()
        return tuple(found)

    def rendered(self, place: Place, text: str, table: Table, attempt: Attempt, *path: str | int) -> Rendered:
        """An expression without its Jinja; a `metric()` that cannot be followed fails the attempt."""
        if not is_template(text):
            return Rendered(text)

        def metric(key: str) -> str:
            position = place.text_position(path, call_offset(text, "metric", key))
            with attempt:
                return f"({restricted(self.of_table(place, position, key, table))})"
            return STAND_IN

        def no_table(name: str) -> str:
            raise ValueError("table() is for `sql:` tables; name the table in `table:`")

        try:
            return render(self.sandbox, text, {**self.names, "metric": metric, "table": no_table})
        except TemplateFaults as faults:
            place.in_template(faults, *path)
            raise Reported from faults

    def of_table(self, place: Place, position: Position, key: str, table: Table) -> TableMetric:
        """The metric called `key`, which must have one value over this table."""
        found = self.refer(place, position, key)
        if not isinstance(found, TableMetric) or found.by is not None or len(found.series) != 1:
            message = f"metric {key!r} has several series, or no table; metric() takes a metric with one value"
        elif found.table is not table:
            message = f"metric {key!r} is over table {found.table.name}, this one over {table.name}; use derive"
        else:
            return found
        place.at_position(position, "wrong-metric", message)
        raise Reported

    # Metrics over metrics

    def combined(self, place: Place, definition: MetricDefinition, keys: list[str]) -> CombinedMetric:
        attempt, found = Attempt(), list[Metric]()
        for index, key in enumerate(keys):
            with attempt:
                found.append(self.single(place, place.position("combine", index), key))
        attempt.finish()
        return CombinedMetric(
            **common(str(place.metric), definition),
            combined=tuple(found),
            correlation=definition.stat == "correlation",
        )

    def derived(self, place: Place, definition: MetricDefinition, text: str) -> DerivedMetric:
        attempt, operands = Attempt(), dict[str, Metric]()
        with place.reporting(Rendered(text), "derive"):
            tree = parse_expression(text)
        with attempt, place.reporting(Rendered(text), "derive"):
            refuse(not_between_metrics(tree))
        for column in tree.find_all(exp.Column):
            key = ".".join(part.name for part in column.parts)
            with attempt:
                operands[key] = self.single(place, place.text_position(("derive",), start_of(column)), key)
        attempt.finish()
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
                message = f"no metric {key!r} is declared{hint(key, self.declared)}"
                place.at_position(position, "unknown-metric", message)
            raise Reported
        reference = Reference(place, position, key)
        self.refuse_cycle(reference)
        self.references.append(reference)
        try:
            too_deep = len(self.references) > MOST_DEPTH
            metric = None if too_deep else self.find(key)
        finally:
            self.references.pop()
        if metric is not None:
            depth = self.depths[str(place.metric)] = max(self.depths[str(place.metric)], self.depths[key] + 1)
            too_deep = depth > MOST_DEPTH
        if too_deep:
            place.at_position(position, "too-deep", f"metrics refer to each other more than {MOST_DEPTH} deep")
        if too_deep or metric is None:
            raise Reported
        return metric

    def refuse_cycle(self, last: Reference) -> None:
        route = [*self.references, last]
        keys = [reference.place.metric for reference in route]
        if last.key not in keys:
            return
        cycle = route[keys.index(last.key) :]
        first = min(range(len(cycle)), key=lambda index: (cycle[index].place.file.name, cycle[index].position))
        cycle = cycle[first:] + cycle[:first]
        named = " → ".join(str(reference.place.metric) for reference in (*cycle, cycle[0]))
        cycle[0].place.at_position(cycle[0].position, "cycle", f"metrics refer to each other: {named}")
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
    message = "derive is arithmetic between metrics: + - * / and numbers"
    for node in tree.walk(prune=lambda each: not between_metrics(each)):
        if not between_metrics(node):
            yield Fault(start_of(node), "sql-forbidden", message)
    if not tree.find(exp.Column):
        yield Fault(0, "no-metric", "derive names no metric, such as meta.spend / ga4.sessions")


def between_metrics(node: exp.Expr) -> bool:
    return type(node) in BETWEEN_METRICS and not (isinstance(node, exp.Literal) and node.is_string)
