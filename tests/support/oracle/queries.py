"""The rows of a query table, computed row by row: SELECT, joins, WITH, GROUP BY, HAVING and UNION ALL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.support.oracle.expressions import Row, convert_cell, evaluate_node, meets_predicate
from tests.support.oracle.syntax import (
    Node,
    OracleAggregate,
    OracleCall,
    OracleColumn,
    OracleLiteral,
    OracleParser,
    walk_nodes,
)

TABLE = re.compile(r"\{\{ table\('(\w+)'\) \}\}")
SIDES = ("inner", "left", "right", "full", "cross")


@dataclass(frozen=True, slots=True)
class FromSource:
    """A source of FROM or JOIN: a table's name or a query; `side` is empty for the first."""

    alias: str
    read: str | SelectQuery
    side: str
    on: Node | None
    using: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelectQuery:
    withs: tuple[tuple[str, SelectQuery], ...]
    distinct: bool
    results: tuple[tuple[str, Node], ...]
    sources: tuple[FromSource, ...]
    where: Node | None
    group: tuple[Node, ...]
    having: Node | None
    # Those that UNION ALL joins to it.
    others: tuple[SelectQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows, and the names of their columns even if there are no rows."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


Tables = Mapping[str, Relation]


def fill_query_tables(definitions: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """Add the rows of the query tables; each query reads the rows of one tenant at a time."""
    made: dict[str, list[Row]] = {name: [] for name, table in definitions["tables"].items() if "sql" in table}
    for tenant in sorted({str(row["user_id"]) for found in rows.values() for row in found}):
        mine = {
            name: Relation(tuple(definitions["tables"][name]["columns"]), filter_tenant_rows(tenant, found))
            for name, found in rows.items()
        }
        for name, found in made.items():
            # A query may read the query tables that are declared before it.
            mine[name] = evaluate_query(parse_query(definitions["tables"][name]["sql"]), mine)
            found += mine[name].rows
    return {**rows, **made}


def filter_tenant_rows(tenant: str, rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if row["user_id"] == tenant]


def parse_query(text: str) -> SelectQuery:
    parser = QueryParser(TABLE.sub(r"\1", text))
    query = parser.parse_union()
    if parser.kind is not None:
        raise ValueError(f"{text!r}: did not expect {parser.token!r}")
    return query


class QueryParser(OracleParser):
    def parse_union(self) -> SelectQuery:
        first, others = self.parse_select(), list[SelectQuery]()
        while self.take("union"):
            self.expect("all")
            others.append(self.parse_select())
        return replace(first, others=tuple(others))

    def parse_select(self) -> SelectQuery:
        withs: list[tuple[str, SelectQuery]] = []
        if self.take("with"):
            while not withs or self.take(","):
                name = self.advance()
                self.expect("as")
                withs.append((name, self.parse_subquery()))
        self.expect("select")
        distinct = self.take("distinct")
        results = [self.parse_result()]
        while self.take(","):
            results.append(self.parse_result())
        self.expect("from")
        sources = [self.parse_source("")]
        while (side := self.parse_side()) is not None:
            sources.append(self.parse_source(side))
        where = self.parse_disjunction() if self.take("where") else None
        group: list[Node] = []
        if self.take("group"):
            self.expect("by")
            while not group or self.take(","):
                group.append(self.parse_disjunction())
        having = self.parse_disjunction() if self.take("having") else None
        return SelectQuery(tuple(withs), distinct, tuple(results), tuple(sources), where, tuple(group), having)

    def parse_subquery(self) -> SelectQuery:
        self.expect("(")
        query = self.parse_union()
        self.expect(")")
        return query

    def parse_result(self) -> tuple[str, Node]:
        node = self.parse_disjunction()
        if self.take("as"):
            return self.advance(), node
        if not isinstance(node, OracleColumn):
            raise ValueError(f"{self.text!r}: a result without a name")
        return node.name.rpartition(".")[2], node

    def parse_side(self) -> str | None:
        if self.take(","):
            return "cross"
        found = next((side for side in SIDES if self.take(side)), None)
        if found is not None or self.at("join"):
            self.expect("join")
            return found or "inner"
        return None

    def parse_source(self, side: str) -> FromSource:
        read = self.parse_subquery() if self.at("(") else self.advance()
        alias = self.advance() if self.take("as") else str(read)
        using: list[str] = []
        if self.take("using"):
            self.expect("(")
            while not using or self.take(","):
                using.append(self.advance())
            self.expect(")")
        return FromSource(alias, read, side, self.parse_disjunction() if self.take("on") else None, tuple(using))


def evaluate_query(query: SelectQuery, tables: Tables) -> Relation:
    """Evaluate a query over tables."""
    seen = dict(tables)
    for name, each in query.withs:
        seen[name] = evaluate_query(each, seen)
    read = join_sources(query.sources, seen)
    rows = [row for row in read.rows if meets_predicate(query.where, row)]
    keys = [resolve_group_key(key, query, read.columns) for key in query.group]
    if keys or any(isinstance(part, OracleAggregate) for _, node in query.results for part in walk_nodes(node)):
        made = [
            {name: evaluate_node(node, group[0] if group else {}, group) for name, node in query.results}
            for group in group_rows(keys, rows)
            if query.having is None or evaluate_node(query.having, group[0], group) is True
        ]
    else:
        made = [{name: evaluate_node(node, row, None) for name, node in query.results} for row in rows]
    if query.distinct:
        made = list({tuple(row.values()): row for row in made}.values())
    names = tuple(name for name, _ in query.results)
    for other in query.others:
        # Columns are matched by their place.
        made += [dict(zip(names, row.values(), strict=True)) for row in evaluate_query(other, tables).rows]
    return Relation(names, made)


def resolve_group_key(key: Node, query: SelectQuery, columns: Sequence[str]) -> Node:
    """Resolve a key of GROUP BY: a source's column, else the result of this name or number."""
    if isinstance(key, OracleLiteral):
        return query.results[int(str(key.value)) - 1][1]
    if isinstance(key, OracleColumn) and key.name not in columns:
        return dict(query.results)[key.name]
    return key


def group_rows(keys: Sequence[Node], rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    """Group rows with equal keys; without a key all rows are one group, even if it is empty."""
    if not keys:
        return [rows]
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(evaluate_node(key, row, None) for key in keys), []).append(row)
    return list(found.values())


def join_sources(sources: Sequence[FromSource], tables: Tables) -> Relation:
    """Join the sources of FROM; a cell's name is qualified by its source: `a.n`.

    A cell also has its unqualified name if there is one source, or if USING merges two columns.
    """
    found = Relation((), [{}])
    for source in sources:
        read = evaluate_query(source.read, tables) if isinstance(source.read, SelectQuery) else tables[source.read]
        columns = tuple(f"{source.alias}.{column}" for column in read.columns)
        right = [{f"{source.alias}.{name}": convert_cell(row[name]) for name in read.columns} for row in read.rows]
        if len(sources) == 1:
            named = [dict(zip(read.columns, row.values(), strict=True)) for row in right]
            return Relation((*columns, *read.columns), [{**one, **two} for one, two in zip(right, named, strict=True)])
        rows = list(iter_joined_rows(found, right, source, columns)) if source.side else right
        found = Relation((*found.columns, *columns, *source.using), rows)
    return found


def iter_joined_rows(left: Relation, right: Sequence[Row], source: FromSource, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the joined rows; those without a match have NULL on the other side if they are kept."""
    absent, matched = dict.fromkeys(columns), set[int]()
    before = {name: next(each for each in left.columns if strip_alias(each) == name) for name in source.using}
    equality = find_first_equality(source, before)
    index: dict[Any, list[int]] = {}
    for place, row in enumerate(right):
        index.setdefault(row[equality[1]] if equality else None, []).append(place)
    for one in left.rows:
        alone = True
        for place in index.get(one[equality[0]] if equality else None, ()):
            both = {**one, **right[place]}
            same = all(
                evaluate_node(OracleCall("=", (OracleColumn(old), OracleColumn(f"{source.alias}.{name}"))), both, None)
                is True
                for name, old in before.items()
            )
            if same and meets_predicate(source.on, both):
                alone = False
                matched.add(place)
                yield both | {name: both[old] for name, old in before.items()}
        if alone and source.side in ("left", "full"):
            yield {**one, **absent} | {name: one[old] for name, old in before.items()}
    if source.side in ("right", "full"):
        for place, row in enumerate(right):
            if place not in matched:
                names = {name: row[f"{source.alias}.{name}"] for name in source.using}
                yield {**dict.fromkeys(left.columns), **row, **names}


def strip_alias(column: str) -> str:
    return column.rpartition(".")[2]


def find_first_equality(source: FromSource, using: Mapping[str, str]) -> tuple[str, str] | None:
    """Find two columns that ON or USING equates, to compare only rows with equal values."""
    if using:
        return using[source.using[-1]], f"{source.alias}.{source.using[-1]}"
    node = source.on
    while isinstance(node, OracleCall) and node.name == "and":
        node = node.arguments[0]
    if isinstance(node, OracleCall) and node.name == "=":
        left, right = node.arguments
        if (
            isinstance(left, OracleColumn)
            and isinstance(right, OracleColumn)
            and right.name.startswith(f"{source.alias}.")
        ):
            return left.name, right.name
    return None
