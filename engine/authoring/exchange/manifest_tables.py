"""The tables that a dbt manifest's metrics read: a declaration for each semantic model, time and account in use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlglot import exp

from engine.authoring.exchange.imported_files import ImportDraft, ImportedEntry, NotCarried
from engine.authoring.exchange.manifest import ManifestDimension, SemanticManifest, SemanticModel
from engine.authoring.exchange.manifest_index import PlacedMeasure
from engine.catalog.dimensions import DIMENSION_NAME
from engine.catalog.table_resolver import DEFAULT_TENANT, PHYSICAL_NAME_PATTERN
from engine.faults import TextFaults
from engine.files.document import KeyPath
from engine.language.parser import parse_expression
from engine.language.queries.names import NAME_PATTERN
from engine.language.types import COMPARISONS

Kind = Literal["boolean", "number", "date", "timestamp", "text", "any"]
# What a column is that is used in several ways: the first of these.
PRECEDENCE: tuple[Kind, ...] = ("date", "timestamp", "boolean", "number", "text", "any")
COLUMN_TYPES: Mapping[Kind, str] = {
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
    "number": "double",
    "text": "text",
    "any": "text",
}
TOTALS: Mapping[str, str] = {"min": "first", "max": "last"}
# Names that other files have.
RESERVED_FILES = re.compile(r"derived(_\d+)?|sources|insights")
COARSE_GRAINS = ("day", "week", "month", "quarter", "year")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
LOGIC = (exp.And, exp.Or, exp.Not)


@dataclass(slots=True)
class ManifestTable:
    """A table over a semantic model: its time and its account, and its columns with what they are used as."""

    name: str
    model: SemanticModel
    place: KeyPath
    time: str
    account: str | None = None
    columns: dict[str, Kind] = field(default_factory=dict)

    def use_expression(self, text: str, wanted: Kind, path: KeyPath) -> str:
        """Note the columns of an expression over rows, and return it. Raises NotCarried."""
        try:
            tree = parse_expression(text)
        except TextFaults as faults:
            raise NotCarried(path, f"{text!r}: {faults.faults[0].message}") from None
        for column in tree.find_all(exp.Column):
            self.use_column(column.name, find_kind(column, wanted), path)
        return text

    def use_column(self, name: str, kind: Kind, path: KeyPath) -> None:
        if not NAME_PATTERN.fullmatch(name):
            raise NotCarried(path, f"{name!r} is no name of letters, digits and _")
        times = {each.expr or each.name: each for each in self.model.dimensions if each.type == "time"}
        if name in times:
            kind = "date" if is_date(times[name]) else "timestamp"
        before = self.columns.get(name, "any")
        self.columns[name] = min(kind, before, key=PRECEDENCE.index)

    def list_dimensions(self) -> Iterator[tuple[str, str, KeyPath]]:
        """List what a request may filter by: name, expression and place of each category and entity."""
        for index, entity in enumerate(self.model.entities):
            yield entity.name, entity.expr or entity.name, (*self.place, "entities", index)
        for index, dimension in enumerate(self.model.dimensions):
            if dimension.type == "categorical":
                yield dimension.name, dimension.expr or dimension.name, (*self.place, "dimensions", index)


def find_time_column(model: SemanticModel, name: str | None, place: KeyPath) -> str:
    """Return the date column of a time dimension. Raises NotCarried."""
    if name is None:
        raise NotCarried(place, "no agg_time_dimension says what day a row is of")
    for index, dimension in enumerate(model.dimensions):
        if dimension.name == name:
            check_time(dimension, (*place, "dimensions", index))
            return dimension.expr or dimension.name
    raise NotCarried(place, f"{model.name} has no time dimension {name!r}")


def is_date(dimension: ManifestDimension) -> bool:
    """Whether a time dimension is by day or longer."""
    return dimension.type_params is None or dimension.type_params.time_granularity in COARSE_GRAINS


def check_time(dimension: ManifestDimension, path: KeyPath) -> None:
    """Check that a time dimension is a column of dates. Raises NotCarried."""
    column = dimension.expr or dimension.name
    if not is_date(dimension):
        grain = dimension.type_params.time_granularity if dimension.type_params else ""
        raise NotCarried(path, f"the time {dimension.name!r} is by {grain}; add a column of dates to the dbt model")
    if not NAME_PATTERN.fullmatch(column):
        raise NotCarried(path, f"the time {column!r} is an expression; add a column of dates to the dbt model")


def find_kind(column: exp.Column, wanted: Kind) -> Kind:
    """Find as what a column is used, by what stands around it."""
    node: exp.Expr = column
    parent = column.parent
    while isinstance(parent, exp.Paren):
        node, parent = parent, parent.parent
    if isinstance(parent, ARITHMETIC):
        return "number"
    if isinstance(parent, LOGIC) or (isinstance(parent, exp.If) and node.arg_key == "this"):
        return "boolean"
    if isinstance(parent, exp.Is):
        return "boolean" if isinstance(parent.expression, exp.Boolean) else "any"
    if isinstance(parent, (*COMPARISONS, exp.In, exp.Between, exp.Like)):
        return find_compared_kind(parent)
    return wanted if parent is None or isinstance(parent, (exp.If, exp.Case, exp.Coalesce)) else "any"


def find_compared_kind(comparison: exp.Expr) -> Kind:
    """Find what a column is compared with."""
    found = comparison.find(exp.Literal, exp.Boolean)
    if isinstance(found, exp.Boolean):
        return "boolean"
    if not isinstance(found, exp.Literal) or (found.is_string and DATE.fullmatch(found.name)):
        return "any"
    return "text" if found.is_string else "number"


def write_table(table: ManifestTable, tenant: str, dimension_names: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Write the declaration of a table. Raises NotCarried for a physical name that cannot be read."""
    relation = table.model.node_relation
    parts = [part for part in (relation.database, relation.schema_name, relation.alias) if part]
    physical = ".".join(parts)
    if not PHYSICAL_NAME_PATTERN.fullmatch(physical):
        path = (*table.place, "node_relation")
        raise NotCarried(path, f"{physical!r} is no name of letters, digits and _; add a view that has one")
    columns = {tenant: "uuid", table.time: "date"} | {
        name: COLUMN_TYPES[kind] for name, kind in table.columns.items() if name not in (tenant, table.time)
    }
    labels = {each.name: each.label for each in table.model.entities}
    labels |= {each.name: each.label for each in table.model.dimensions}
    dimensions: dict[str, Any] = {}
    for name, expression, _ in table.list_dimensions():
        shown = dimension_names.get((table.model.name, name), name)
        is_free = shown not in columns or shown == expression
        if expression in columns and expression != tenant and is_free and DIMENSION_NAME.fullmatch(shown):
            # A number that tells members apart is a whole one.
            columns[expression] = "bigint" if columns[expression] == "double" else columns[expression]
            label = labels.get(name)
            dimensions[shown] = {"column": expression, "title": label} if label else expression
    body: dict[str, Any] = {"name": physical, "time": table.time, "tenant": tenant}
    if tenant == DEFAULT_TENANT:
        del body["tenant"]
    if table.account is not None:
        body["account"] = table.account
    return body | ({"dimensions": dimensions} if dimensions else {}) | {"columns": columns}


@dataclass(slots=True)
class ManifestTables:
    """The tables that metrics read, by name, each declared in its semantic model's file."""

    manifest: SemanticManifest
    draft: ImportDraft
    source: str
    tenant: str
    tables: dict[str, ManifestTable] = field(default_factory=dict)

    def choose_table(self, measure: PlacedMeasure, model: SemanticModel) -> tuple[DatedTable, str | None]:
        """Choose the table of a measure's time and account, and the metric's total. Raises NotCarried."""
        place: KeyPath = ("semantic_models", measure.model)
        name = measure.aggregation.agg_time_dimension or model.default_time
        time = find_time_column(model, name, place)
        assert name is not None
        account, total = self.find_total(measure, model, name)
        table_name = model.name if name == (model.default_time or name) else f"{model.name}_by_{name}"
        table_name += f"_per_{account}" if account else ""
        if not NAME_PATTERN.fullmatch(table_name):
            raise NotCarried(place, f"{table_name!r} is no name of letters, digits and _")
        if table_name not in self.tables:
            table = ManifestTable(table_name, model, place, time, account)
            self.tables[table_name] = table
            for _, expression, path in table.list_dimensions():
                if NAME_PATTERN.fullmatch(expression):
                    table.use_column(expression, "any", path)
            if account is not None:
                table.use_column(account, "text", place)
        return DatedTable(self.tables[table_name], name), total

    def find_total(self, measure: PlacedMeasure, model: SemanticModel, time: str) -> tuple[str | None, str | None]:
        """Find the account and the total of a measure that may not be summed over days. Raises NotCarried."""
        given, path = measure.aggregation.non_additive_dimension, (*measure.path, "non_additive_dimension")
        if given is None:
            return None, None
        if given.name != time:
            raise NotCarried(path, f"it is not additive over {given.name!r}; only over its own time, {time!r}")
        if given.window_choice not in TOTALS:
            raise NotCarried(path, f"window_choice {given.window_choice!r}; min and max are first and last here")
        if len(given.window_groupings) > 1:
            raise NotCarried((*path, "window_groupings"), "a last day of each of several groupings; here of one")
        account = None
        for grouping in given.window_groupings:
            columns = {each.name: each.expr or each.name for each in model.entities}
            columns |= {each.name: each.expr or each.name for each in model.dimensions}
            account = columns.get(grouping, grouping)
        return account, TOTALS[given.window_choice]

    def write_tables(self) -> None:
        """Write the tables that metrics read, each into its semantic model's file."""
        names = self.choose_dimension_names()
        self.agree_on_kinds()
        for index, model in enumerate(self.manifest.semantic_models):
            if all(table.model is not model for table in self.tables.values()):
                message = f"no metric here reads {model.name!r}, and joins to it are not carried over"
                self.draft.omit(("semantic_models", index), message)
        for name, table in self.tables.items():
            file = name_file(table.model)
            self.draft.heads[file] = {"source": self.source, "table": table.model.name}
            entry = ImportedEntry(file, {}, table.place, is_helper=True)
            self.draft.entries["tables", name] = entry
            try:
                entry.body = write_table(table, self.tenant, names)
            except NotCarried as reason:
                self.draft.omit(reason.path, reason.message)
                self.draft.drop(("tables", name), f"the semantic model {table.model.name!r} is not carried over")
                continue
            for given, expression, path in table.list_dimensions():
                if not NAME_PATTERN.fullmatch(expression):
                    self.draft.omit(path, f"the dimension {given!r} is the expression {expression!r}")
                elif names.get((table.model.name, given), given) not in entry.body.get("dimensions", {}):
                    self.draft.omit(path, f"the dimension {given!r} has no name of small letters, or another column's")

    def agree_on_kinds(self) -> None:
        """Give a column the same kind in all tables over one model."""
        for table in self.tables.values():
            for other in self.tables.values():
                for column in other.columns.keys() & table.columns.keys():
                    if other.model is table.model:
                        table.use_column(column, other.columns[column], table.place)

    def choose_dimension_names(self) -> Mapping[tuple[str, str], str]:
        """Choose the names of dimensions: a name that two models give to different things gets its entity before it."""
        models = {table.model.name: table.model for table in self.tables.values()}
        counts = Counter(each.name for model in models.values() for each in model.dimensions)
        counts.update({each.name for model in models.values() for each in model.entities})
        return {
            (model.name, each.name): f"{model.primary or model.name}__{each.name}"
            for model in models.values()
            for each in model.dimensions
            if counts[each.name] > 1
        }


@dataclass(frozen=True, slots=True)
class DatedTable:
    """A table, and the name of the time dimension that it is dated by."""

    table: ManifestTable
    time_name: str

    @property
    def name(self) -> str:
        return self.table.name

    def use_expression(self, text: str, wanted: Any, path: KeyPath) -> str:
        return self.table.use_expression(text, wanted, path)


def name_file(model: SemanticModel) -> str:
    """Name the file of a semantic model; some names are those of other files."""
    return f"{model.name}_model.yaml" if RESERVED_FILES.fullmatch(model.name) else f"{model.name}.yaml"
