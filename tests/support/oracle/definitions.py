"""Metric files as plain data: a key's metric, tables and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.oracle.expressions import is_additive
from tests.support.oracle.extents import list_base_tables
from tests.support.oracle.syntax import Node, OracleCall, OracleColumn, list_children, list_columns, parse_expression
from tests.support.oracle.windows import OracleLookback

Definitions = dict[str, Any]


def merge_files(files: Iterable[Mapping[str, Any]]) -> Definitions:
    """Merge files into one: every table gets its file's `source`, a query maybe none, and every metric its `table`."""
    merged: Definitions = {"tables": {}, "metrics": {}}
    for document in files:
        for name, table in document.get("tables", {}).items():
            merged["tables"][name] = {**table, "source": document.get("source")}
        for key, entry in document.get("metrics", {}).items():
            metric = dict(entry) if isinstance(entry, Mapping) else {"value": entry}
            if "table" in document and not {"combine", "derive"} & metric.keys():
                metric.setdefault("table", document["table"])
            merged["metrics"][key] = metric
    return merged


@dataclass(frozen=True, slots=True)
class OracleDimension:
    """A column whose values are members; `label` is the column of their names, if there is one."""

    column: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class OracleTable:
    name: str
    sources: tuple[str, ...]
    time: str
    tenant: str
    restates: int
    currency: str | None
    account: str | None
    unsummable: frozenset[str]
    money: frozenset[str]
    dimensions: Mapping[str, OracleDimension]

    def get_dimension(self, name: str) -> OracleDimension:
        """Return the dimension of this name, or else the column."""
        return self.dimensions.get(name, OracleDimension(name))


@dataclass(frozen=True, slots=True)
class OracleMeasure:
    """An aggregate expression of a metric, with the rules for its gaps and totals.

    `total` is period, average, last or first; `fill` is zero, null, or "" if the metric does not set it. A member's
    value is its share of all members' if `share` is set.
    """

    name: str
    node: Node
    additive: bool
    money: bool
    total: str
    fill: str
    format: str
    better: str
    share: bool = False


def iter_required(node: Node) -> Iterator[str]:
    """Yield the names that stand outside of `coalesce`, or last in it."""
    if isinstance(node, OracleColumn):
        yield node.name
    children = list_children(node)
    for child in children[-1:] if isinstance(node, OracleCall) and node.name == "coalesce" else children:
        yield from iter_required(child)


class OracleCatalog:
    """The definitions by key."""

    def __init__(self, definitions: Definitions) -> None:
        self.tables: dict[str, dict[str, Any]] = definitions["tables"]
        self.metrics: dict[str, dict[str, Any]] = definitions["metrics"]

    def get_served(self, key: str) -> dict[str, Any]:
        """Return a metric's definition. Raises KeyError for a key that is unknown or hidden."""
        metric = self.metrics[key]
        if metric.get("hidden"):
            raise KeyError(key)
        return metric

    def get_title(self, key: str) -> str:
        words = key.rpartition(".")[2].replace("_", " ")
        return str(self.metrics[key].get("title", words[:1].upper() + words[1:]))

    def get_table(self, key: str) -> OracleTable:
        name = self.metrics[key]["table"]
        entry = self.tables[name]
        shapes = {column: shape for column, shape in entry["columns"].items() if isinstance(shape, Mapping)}
        return OracleTable(
            name=name,
            sources=tuple(dict.fromkeys(self.tables[base]["source"] for base in list_base_tables(self.tables, name))),
            time=entry["time"],
            tenant=entry.get("tenant", "user_id"),
            restates=entry.get("restates", 0),
            currency=entry.get("currency"),
            account=entry.get("account"),
            unsummable=frozenset(name for name, shape in shapes.items() if shape.get("additive") is False),
            money=frozenset(name for name, shape in shapes.items() if shape.get("money")),
            dimensions={
                dimension: OracleDimension(shape["column"], shape.get("label"))
                for dimension, shape in entry.get("dimensions", {}).items()
            },
        )

    def list_measures(self, key: str) -> list[OracleMeasure]:
        metric = self.metrics[key]
        texts = metric.get("series") or metric.get("columns") or {self.get_title(key): metric["value"]}
        return [self.parse_measure(key, name, text) for name, text in texts.items()]

    def parse_measure(self, key: str, name: str, entry: Any) -> OracleMeasure:
        """Parse an expression, or the mapping of one with a `format`, `better` and `total` of its own."""
        table = self.get_table(key)
        own = dict(entry) if isinstance(entry, Mapping) else {"value": entry}
        metric = self.metrics[key] | own
        is_share = bool(metric.get("share"))
        if is_share and isinstance(entry, Mapping):
            metric["format"] = own.get("format", "percent")
        node = parse_expression(str(own["value"]))
        return OracleMeasure(
            name=name,
            node=node,
            additive=is_additive(node, table.unsummable),
            money=not table.money.isdisjoint(list_columns(node)),
            total=metric.get("total", "period"),
            fill=("zero" if metric["fill"] == "zero" else "null") if "fill" in metric else "",
            format=metric.get("format", "decimal"),
            better=metric.get("better", "up"),
            share=is_share,
        )

    def list_item_values(self, key: str) -> list[OracleMeasure]:
        values = self.metrics[key].get("items", {}).get("values", {})
        return [self.parse_measure(key, name, text) for name, text in values.items()]

    def has_money(self, key: str) -> bool:
        """Whether a metric on a table shows money, ranks by it, or chooses rows by it."""
        order, having = self.parse_order(key), self.parse_having(key)
        measures = [*self.list_measures(key), *self.list_item_values(key), *([order] if order else [])]
        return any(measure.money for measure in measures) or self.is_money(key, having)

    def is_money(self, key: str, node: Node | None) -> bool:
        return node is not None and not self.get_table(key).money.isdisjoint(list_columns(node))

    def parse_having(self, key: str) -> Node | None:
        text = self.metrics[key].get("having")
        return None if text is None else parse_expression(str(text))

    def parse_order(self, key: str) -> OracleMeasure | None:
        """Parse the expression that a breakdown is ranked by, if it says one."""
        order = self.metrics[key].get("order")
        return None if "by" not in self.metrics[key] or order in (None, "name") else self.parse_measure(key, "", order)

    def parse_where(self, key: str) -> Node | None:
        text = self.metrics[key].get("where")
        return None if text is None else parse_expression(str(text))

    def list_parts(self, key: str) -> list[str]:
        """List the metrics that a combined or derived one names, in order."""
        metric = self.metrics[key]
        if "combine" in metric:
            return list(metric["combine"])
        return list_columns(parse_expression(str(metric["derive"]))) if "derive" in metric else []

    def list_required_parts(self, key: str) -> list[str]:
        """List the operands of a derived metric that it has no value without: those outside of `coalesce`."""
        return list(dict.fromkeys(iter_required(parse_expression(str(self.metrics[key]["derive"])))))

    def get_lookback(self, key: str) -> OracleLookback | None:
        metric = self.metrics[key]
        if "rolling" in metric:
            return OracleLookback(rolling=int(metric["rolling"].removesuffix("days").removesuffix("day")))
        return OracleLookback(period=metric["to_date"]) if "to_date" in metric else None

    def list_sources(self, key: str) -> list[str]:
        """List all sources of a widget, in order of first use."""
        if "table" in self.metrics[key]:
            return list(self.get_table(key).sources)
        return list(dict.fromkeys(source for part in self.list_parts(key) for source in self.list_sources(part)))

    def is_answerable(self, key: str, active: frozenset[str]) -> bool:
        """Whether a widget has an answer: a combined metric needs any part, a derived one all that it requires."""
        if "table" in self.metrics[key]:
            return active.issuperset(self.list_sources(key))
        required = self.list_required_parts(key) if "derive" in self.metrics[key] else []
        return any(self.is_answerable(part, active) for part in self.list_parts(key)) and all(
            self.is_answerable(part, active) for part in required
        )

    def list_leaves(self, key: str, active: frozenset[str]) -> list[str]:
        """List the metrics on tables that a widget consists of, as far as it has an answer."""
        if not self.is_answerable(key, active):
            return []
        if "table" in self.metrics[key]:
            return [key]
        leaves = (leaf for part in self.list_parts(key) for leaf in self.list_leaves(part, active))
        return list(dict.fromkeys(leaves))
