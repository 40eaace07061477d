"""Metric files → an Apache Ossie document: what has no place there stands in `custom_extensions`, and comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.authoring.exchange.ossie_document import COLUMN_TYPES, DATA_TYPES, PORTABLE_DIALECTS, VENDOR, VERSION
from engine.authoring.exchange.portable_sql import (
    write_expression_sql,
    write_identifier,
    write_metric_sql,
    write_query_sql,
)
from engine.catalog.catalog import Catalog, raise_if_invalid, resolve_catalog
from engine.catalog.metrics import DerivedMetric, Metric, MetricSeries, TableMetric
from engine.diagnostics import Diagnostics
from engine.files.folder import MetricFile, MetricFolder, read_folder
from engine.tables import Column, Table

# The keys of a file that stand above its tables.
HEAD_KEYS = ("source", "table", "vars", "sources")
TOTAL_INSTRUCTIONS: Mapping[str, str] = {
    "average": "Over a period, the average of the days' values.",
    "first": "Over a period, the value of its first day.",
    "last": "Over a period, the value of its last day.",
}


@dataclass(frozen=True, slots=True)
class DefinedEntry:
    """A table or metric as it is written: its file, and its body with shorthands written out."""

    file: str
    body: dict[str, Any]


def export_ossie(folder: Path, name: str) -> dict[str, Any]:
    """Export a folder of metric files. Raises InvalidCatalog."""
    diagnostics = Diagnostics()
    files = read_folder(folder, diagnostics)
    catalog = resolve_catalog(files, diagnostics)
    raise_if_invalid(diagnostics, files)
    return OssieExport(files, catalog).build_document(name)


class OssieExport:
    """Builder of the document from the definitions as they are written, and the catalog as it is resolved."""

    def __init__(self, files: MetricFolder, catalog: Catalog) -> None:
        self.files = files
        self.catalog = catalog
        self.tables = dict(iter_entries(files, "tables", ""))
        self.metrics = dict(iter_entries(files, "metrics", "value"))
        self.derivations = {key: each.body["derive"] for key, each in self.metrics.items() if "derive" in each.body}
        self.metric_names: dict[str, int] = {}

    def build_document(self, name: str) -> dict[str, Any]:
        metrics = [each for key in self.metrics for each in self.build_metrics(key)]
        carried = {json.loads(each["custom_extensions"][0]["data"])["key"] for each in metrics}
        rest = {
            "files": {Path(each.name).name: self.describe_head(each) for each in self.files.files},
            "macros": self.files.macros,
            # What no expression over rows can say, such as a correlation, is no metric there.
            "metrics": {
                key: {"file": each.file, "definition": each.body}
                for key, each in self.metrics.items()
                if key not in carried
            },
        }
        return {
            "version": VERSION,
            "name": name,
            "datasets": [self.build_dataset(self.catalog.tables[each]) for each in self.tables],
            "metrics": metrics,
            "custom_extensions": write_extension({key: value for key, value in rest.items() if value}),
        }

    def describe_head(self, file: MetricFile) -> dict[str, Any]:
        return {key: file.document.data[key] for key in HEAD_KEYS if file.document.data.get(key)}

    def build_dataset(self, table: Table) -> dict[str, Any]:
        entry = self.tables[table.name]
        source = table.physical if table.query is None else write_query_sql(table)
        body = {key: value for key, value in entry.body.items() if key not in ("key", "columns", "name")}
        written: dict[str, Any] = {"name": table.name, "source": source}
        if table.key:
            written["primary_key"] = list(table.key)
        dimensions = {each.column: each.title for each in table.dimensions.values()}
        fields = [
            self.build_field(table, column, dimensions.get(name), entry.body["columns"][name])
            for name, column in table.columns.items()
        ]
        extension: dict[str, Any] = {"file": entry.file, "definition": body}
        if table.query is not None:
            extension["source"] = source
        elif "name" in entry.body and entry.body["name"] == table.name:
            extension["definition"]["name"] = table.name
        return written | {"fields": fields, "custom_extensions": write_extension(extension)}

    def build_field(self, table: Table, column: Column, dimension: str | None, given: Any) -> dict[str, Any]:
        """Build a column's field; what of its definition is told by the field itself is not repeated."""
        body = {"type": given} if isinstance(given, str) else dict(given)
        datatype = DATA_TYPES[column.type]
        if COLUMN_TYPES.get(datatype) == body["type"]:
            del body["type"]
        if column.physical != column.name:
            body.pop("column", None)
        written: dict[str, Any] = {
            "name": column.name,
            "expression": write_expression(write_identifier(column.physical).sql()),
            "datatype": datatype,
        }
        if column.name == table.time:
            written["dimension"] = {"is_time": True}
        elif dimension is not None:
            written |= {"dimension": {"is_time": False}, "label": dimension}
        return written | ({"custom_extensions": write_extension(body)} if body else {})

    def build_metrics(self, key: str) -> Iterator[dict[str, Any]]:
        """Build the metrics of a widget: one for each of its series or columns; the first has its definition."""
        metric, entry = self.catalog.metrics[key], self.metrics[key]
        parts = list(self.iter_parts(metric))
        if not parts or any(sql is None for _, sql in parts):
            return
        first = True
        for series, sql in parts:
            assert sql is not None
            description = entry.body.get("description") if first else None
            written: dict[str, Any] = {
                "name": self.make_name(key if series is None else f"{key}.{series.name}"),
                "expression": write_expression(sql),
            }
            if description:
                written["description"] = description
            written["datatype"] = find_datatype(metric, series)
            written["ai_context"] = {"synonyms": [metric.title if series is None else f"{metric.title}: {series.name}"]}
            if instructions := " ".join(iter_instructions(metric, series)):
                written["ai_context"]["instructions"] = instructions
            extension: dict[str, Any] = {"key": key}
            if series is not None:
                extension["series"] = series.name
            if first:
                rest = {name: value for name, value in entry.body.items() if name != "description" or not value}
                extension |= {"file": entry.file, "definition": rest}
            extension |= {"expression": sql, "ai_context": written["ai_context"]}
            yield written | {"custom_extensions": write_extension(extension)}
            first = False

    def iter_parts(self, metric: Metric) -> Iterator[tuple[MetricSeries | None, str | None]]:
        """Yield the values of a widget as SQL; a metric of one series is that itself."""
        match metric:
            case TableMetric() if not metric.has_one_series and metric.by is None:
                for each in metric.series:
                    yield each, write_expression_sql(each.expression, metric.table)
            case TableMetric() | DerivedMetric():
                yield None, write_metric_sql(metric, self.derivations)

    def make_name(self, text: str) -> str:
        """Make an identifier that no other metric has."""
        name = re.sub(r"[^A-Za-z0-9_]+", "_", text.replace(".", "__")).strip("_").lower() or "metric"
        self.metric_names[name] = number = self.metric_names.get(name, 0) + 1
        return self.make_name(f"{name}_{number}") if number > 1 else name


def iter_entries(files: MetricFolder, section: str, shorthand: str) -> Iterator[tuple[str, DefinedEntry]]:
    """Yield the entries of a section of all files, as they are written."""
    for file in files.files:
        for name, body in (file.document.data.get(section) or {}).items():
            whole = {shorthand: body} if isinstance(body, str) else body
            yield name, DefinedEntry(Path(file.name).name, whole)


def find_datatype(metric: Metric, series: MetricSeries | None) -> str:
    if not isinstance(metric, TableMetric):
        return "Float"
    expression = (series or metric.series[0]).expression
    if expression.whole and metric.get_total(series or metric.series[0]) != "average":
        return "Integer"
    return "Decimal" if expression.money and expression.additive else "Float"


def iter_instructions(metric: Metric, series: MetricSeries | None) -> Iterator[str]:
    """Say what the expression does not: what somebody needs to know who computes it elsewhere."""
    if isinstance(metric, TableMetric):
        total = metric.get_total(series or metric.series[0])
        if total in TOTAL_INSTRUCTIONS:
            yield TOTAL_INSTRUCTIONS[total]
    if metric.lookback is not None:
        since = metric.lookback.since
        first = f"the first of its {since.value}" if since else f"{metric.lookback.days} days before its end"
        yield f"Each point is of the days since {first}."
    if metric.hidden:
        yield "Serves other metrics, and is not shown by itself."


def write_expression(sql: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": PORTABLE_DIALECTS[0], "expression": sql}]}


def write_extension(data: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"vendor_name": VENDOR, "data": json.dumps(data, ensure_ascii=False)}]
