"""Metrics of a dbt manifest as entries of metric files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from engine.authoring.exchange.imported_files import ImportDraft, ImportedEntry, NotCarried, format_path
from engine.authoring.exchange.manifest import Aggregation, InputMetric, ManifestMeasure, ManifestMetric
from engine.authoring.exchange.manifest_filters import FilterReader
from engine.authoring.exchange.manifest_index import (
    ManifestIndex,
    PlacedFilter,
    PlacedMeasure,
    iter_inputs,
    place_filters,
)
from engine.authoring.exchange.manifest_tables import DatedTable, ManifestTables, name_file
from engine.catalog.dimensions import make_title_from_name
from engine.faults import TextFaults
from engine.files.document import KeyPath
from engine.language.parser import parse_expression
from engine.language.queries.names import NAME_PATTERN
from engine.suggestions import suggest_name

AGGREGATES: Mapping[str, str] = {
    "sum": "sum({0})",
    "min": "min({0})",
    "max": "max({0})",
    "average": "avg({0})",
    "median": "median({0})",
    "count": "count({0})",
    "count_distinct": "count(distinct {0})",
    "sum_boolean": "sum(case when {0} then 1 else 0 end)",
}
NUMBERS = re.compile(r"[0-9]+")
WINDOW_DAYS: Mapping[str, int] = {"day": 1, "week": 7}
DATE_GRAINS = ("week", "month", "quarter", "year")
# One file may only cause so much work.
MAX_DERIVED = 300


@dataclass(slots=True)
class MetricBuilder:
    """Builder of entries: a metric once under its own key, and once for each filter that another puts on it."""

    index: ManifestIndex
    tables: ManifestTables
    draft: ImportDraft
    source: str
    building: list[str] = field(default_factory=list)
    failed: dict[str, NotCarried] = field(default_factory=dict)

    def build_all(self) -> None:
        """Build all metrics that can be carried over, and name the others."""
        for name, each in self.index.metrics.items():
            try:
                self.build_named_metric(name)
            except NotCarried as reason:
                self.omit_metric(reason, each.path, name)

    def omit_metric(self, reason: NotCarried, place: KeyPath, name: str) -> None:
        """Name a metric that is not carried over, at the reason's place where that is within the metric."""
        if reason.path[: len(place)] == place:
            self.draft.omit(reason.path, reason.message, name)
        else:
            self.draft.omit(place, f"{reason.message} ({format_path(reason.path)})", name)

    def make_key(self, name: str, path: KeyPath) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise NotCarried(path, f"{name!r} is no name of letters, digits and _")
        return f"{self.source}.{name}"

    def build_named_metric(self, name: str) -> str:
        """Build a metric once, and return its key. Raises NotCarried."""
        metric, path = self.index.metrics[name].metric, self.index.metrics[name].path
        key = self.make_key(name, path)
        if ("metrics", key) in self.draft.entries:
            return key
        if name in self.failed:
            raise self.failed[name]
        self.check_circle(name, path)
        self.building.append(name)
        try:
            self.build(metric, path, key, ())
        except NotCarried as reason:
            self.failed[name] = reason
            raise
        finally:
            self.building.pop()
        return key

    def check_circle(self, name: str, path: KeyPath) -> None:
        """Check that a metric is not made of itself. Raises NotCarried."""
        if name in self.building:
            raise NotCarried(path, f"{' → '.join((*self.building, name))}: metrics made of each other")

    def build(self, metric: ManifestMetric, path: KeyPath, key: str, outer: tuple[PlacedFilter, ...]) -> None:
        """Build a metric under its key, of the rows that pass its own filters and the outer ones."""
        filters = (*outer, *place_filters(metric.filter, (*path, "filter")))
        if metric.time_granularity not in (None, "day") and not outer:
            message = f"it is asked by {metric.time_granularity} unless said; here a request says its grain"
            self.draft.omit((*path, "time_granularity"), message, metric.name)
        match metric.type:
            case "simple":
                self.build_simple(metric, path, key, filters)
            case "cumulative":
                self.build_cumulative(metric, path, key, filters)
            case "ratio" | "derived":
                self.build_derived(metric, path, key, filters)
            case "conversion":
                raise NotCarried((*path, "type_params"), "a conversion metric follows an entity from event to event")
            case other:
                raise NotCarried((*path, "type"), f"there is no type {other!r} here")

    def build_simple(
        self, metric: ManifestMetric, path: KeyPath, key: str, filters: tuple[PlacedFilter, ...]
    ) -> dict[str, Any]:
        """Build an aggregate over one table. Raises NotCarried."""
        measure = self.index.find_measure(metric, path)
        model = self.index.manifest.semantic_models[measure.model]
        table, total = self.tables.choose_table(measure, model)
        value = self.write_value(measure, table)
        reader = FilterReader(model, table.time_name)
        conditions = []
        for each in (*filters, *measure.filters):
            condition = reader.read_filter(each.template, each.path)
            conditions.append(table.use_expression(condition, "boolean", each.path))
        body = self.describe(metric, measure.aggregation) | {"table": table.name, "value": value}
        if conditions:
            body["where"] = conditions[0] if len(conditions) == 1 else " and ".join(f"({each})" for each in conditions)
        if measure.fills_nulls_with not in (None, 0):
            message = f"fill_nulls_with {measure.fills_nulls_with}: what has no value is null, or 0"
            self.draft.omit((*path, "type_params"), message, metric.name)
        if total is not None:
            body["total"] = total
            if conditions:
                message = f"{total} is the {total} day of the rows that pass the filter; in dbt, of all rows"
                self.draft.omit(path, message, metric.name)
        # dbt answers nothing for a day without rows, where a sum here would be 0.
        body["fill"] = "zero" if measure.fills_nulls_with == 0 else None
        if is_count(measure):
            body["format"] = "integer"
        self.add_entry(key, name_file(model), body, path)
        return body

    def write_value(self, measure: PlacedMeasure, table: DatedTable) -> str:
        """Write the aggregate expression of a measure. Raises NotCarried."""
        agg = measure.aggregation.agg
        if agg not in AGGREGATES:
            message = f"there is no {agg} here; there are sum, count, average, median, min and max"
            if agg == "percentile":
                message = "a percentile is not carried over; write percentile(x, 0.9) in the metric file"
            raise NotCarried((*measure.path, "agg"), message)
        if agg in ("sum", "count") and NUMBERS.fullmatch(measure.expression):
            return "count(*)" if agg == "count" or measure.expression == "1" else f"{measure.expression} * count(*)"
        wanted = {"sum_boolean": "boolean", "count": "any", "count_distinct": "any"}.get(agg, "number")
        expression = table.use_expression(measure.expression, wanted, (*measure.path, "expr"))
        return AGGREGATES[agg].format(expression)

    def describe(self, metric: ManifestMetric, measure: ManifestMeasure | Aggregation | None = None) -> dict[str, Any]:
        """Describe a metric: its title, its description, and whether it is served."""
        fallback = measure if isinstance(measure, ManifestMeasure) else None
        description = " ".join((metric.description or (fallback and fallback.description) or "").split())
        label = metric.label or (fallback and fallback.label)
        body: dict[str, Any] = {"title": label or make_title_from_name(metric.name)}
        if description:
            body["description"] = description
        if metric.type_params.is_private:
            body["hidden"] = True
        return body

    def build_cumulative(
        self, metric: ManifestMetric, path: KeyPath, key: str, filters: tuple[PlacedFilter, ...]
    ) -> None:
        """Build a metric of which each point looks back. Raises NotCarried."""
        given, place = metric.type_params, (*path, "type_params")
        params = given.cumulative_type_params
        window = (params and params.window) or given.window
        since = (params and params.grain_to_date) or given.grain_to_date
        if window is not None:
            if window.unit not in WINDOW_DAYS:
                raise NotCarried(
                    place, f"a window of {window.count} {window.granularity}: those are not equally many days"
                )
            lookback: dict[str, Any] = {"rolling": f"{window.count * WINDOW_DAYS[window.unit]} days"}
        elif since is not None:
            if since not in DATE_GRAINS:
                raise NotCarried(place, f"since the first of the {since}; there are week, month, quarter and year")
            lookback = {"to_date": since}
        else:
            raise NotCarried(place, "adds up all that ever was; here a point looks back to a date or over some days")
        if params is not None and params.metric is not None:
            base, base_path = self.index.metrics[params.metric.name].metric, self.index.metrics[params.metric.name].path
            inner = (*place, "cumulative_type_params", "metric")
            filters = (*filters, *place_filters(params.metric.filter, (*inner, "filter")))
            filters = (*filters, *place_filters(base.filter, (*base_path, "filter")))
            if base.type != "simple":
                raise NotCarried(inner, f"it is made of {base.name}, which is no simple metric")
            body = self.build_simple(base, base_path, key, filters)
            body |= self.describe(metric)
            self.draft.entries["metrics", key].place = path
        else:
            body = self.build_simple(metric, path, key, filters)
        if params is not None and params.period_agg != "last":
            message = (
                f"period_agg {params.period_agg}: by week or longer, a point here is that of its last day; by day both "
                "are equal"
            )
            self.draft.omit((*place, "cumulative_type_params"), message, metric.name)
        body.pop("fill", None)
        body |= lookback

    def build_derived(self, metric: ManifestMetric, path: KeyPath, key: str, filters: tuple[PlacedFilter, ...]) -> None:
        """Build arithmetic between metrics. Raises NotCarried."""
        operands: dict[str, str] = {}
        for inner, each in iter_inputs(metric):
            place = (*path, "type_params", *inner)
            for name in ("offset_window", "offset_to_grain"):
                if getattr(each, name) is not None:
                    raise NotCarried((*place, name), "an offset; a request compares with another period by `compare`")
            alias = inner[0] if metric.type == "ratio" else each.alias or each.name
            operands[str(alias).lower()] = self.build_operand(each, place, key, filters)
        given = metric.type_params.expr if metric.type == "derived" else "numerator / denominator"
        expression_path = (*path, "type_params", "expr")
        text = write_arithmetic(given or "", operands, expression_path)
        body = self.describe(metric) | {"derive": text}
        self.add_entry(key, self.choose_derived_file(), body, path, frozenset(operands.values()))

    def build_operand(self, given: InputMetric, path: KeyPath, owner: str, outer: tuple[PlacedFilter, ...]) -> str:
        """Build an input of a metric, and return its key: the metric itself, or a hidden one of fewer rows."""
        filters = (*outer, *place_filters(given.filter, (*path, "filter")))
        try:
            if not filters:
                return self.build_named_metric(given.name)
            metric, place = self.index.metrics[given.name].metric, self.index.metrics[given.name].path
            key = self.make_variant_key(f"{owner}__{given.alias or given.name}")
            self.check_circle(given.name, path)
            self.building.append(given.name)
            try:
                self.build(metric, place, key, filters)
            finally:
                self.building.pop()
        except NotCarried as reason:
            if reason.path[:2] == path[:2]:
                raise
            raise NotCarried(path, f"needs {given.name}: {reason.message}") from None
        entry = self.draft.entries["metrics", key]
        entry.body |= {"hidden": True}
        entry.is_helper = True
        return key

    def choose_derived_file(self) -> str:
        """Choose the file of a metric that is made of others: the first that is not full."""
        number = sum("derive" in each.body for each in self.draft.entries.values()) // MAX_DERIVED + 1
        return f"derived{f'_{number}' if number > 1 else ''}.yaml"

    def make_variant_key(self, key: str) -> str:
        number, free = 1, key
        while ("metrics", free) in self.draft.entries:
            number += 1
            free = f"{key}_{number}"
        return free

    def add_entry(
        self, key: str, file: str, body: dict[str, Any], place: KeyPath, needs: frozenset[str] = frozenset()
    ) -> None:
        name = key.removeprefix(f"{self.source}.")
        self.draft.entries["metrics", key] = ImportedEntry(file, body, place, needs, label=name)


def is_count(measure: PlacedMeasure) -> bool:
    agg = measure.aggregation.agg
    return agg in ("count", "count_distinct", "sum_boolean") or (agg == "sum" and measure.expression == "1")


def is_sum_or_product(node: exp.Expr) -> bool:
    return isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div))


def write_arithmetic(text: str, operands: Mapping[str, str], path: KeyPath) -> str:
    """Write the expression of a derived metric with the keys of its operands. Raises NotCarried."""
    try:
        tree = parse_expression(text)
    except TextFaults as faults:
        raise NotCarried(path, f"{text!r}: {faults.faults[0].message}") from None

    def replace_node(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div) and isinstance(node.expression, exp.Nullif):
            divisor = node.expression
            if divisor.expression.sql() == "0":
                # A division by 0 is null anyway.
                node.set(
                    "expression", exp.Paren(this=divisor.this) if is_sum_or_product(divisor.this) else divisor.this
                )
        if isinstance(node, exp.Column):
            if node.name.lower() not in operands:
                raise NotCarried(path, f"{node.name!r} is none of its metrics{suggest_name(node.name, operands)}")
            source, _, name = operands[node.name.lower()].partition(".")
            return exp.column(name, table=source)
        return node

    return tree.transform(replace_node).sql(normalize_functions="lower")
