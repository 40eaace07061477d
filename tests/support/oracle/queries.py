"""The rows of a table that is a query, worked out row by row: SELECT, joins, WITH, GROUP BY and HAVING."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.oracle.expressions import Row, evaluate, exact, passes
from tests.support.oracle.syntax import Aggregate, Call, Column, Literal, Node, Parser, walk

TABLE = re.compile(r"\{\{ table\('(\w+)'\) \}\}")
SIDES = ("inner", "left", "right", "full", "cross")


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM or in a JOIN: a name, or a query. `side` is empty for the first."""

    alias: str
    read: str | Query
    side: str
    on: Node | None
    using: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    withs: tuple[tuple[str, Query], ...]
    distinct: bool
    results: tuple[tuple[str, Node], ...]
    sources: tuple[Source, ...]
    where: Node | None
    group: tuple[Node, ...]
    having: Node | None


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows and the names of their columns, which are known without any row too."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


Tables = Mapping[str, Relation]


def filled(definitions: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """The rows with those of the tables that are queries, which see the rows of one tenant at a time."""
    made: dict[str, list[Row]] = {name: [] for name, table in definitions["tables"].items() if "sql" in table}
    for tenant in sorted({str(row["user_id"]) for found in rows.values() for row in found}):
        mine = {
            name: Relation(tuple(definitions["tables"][name]["columns"]), rows_of(tenant, found))
            for name, found in rows.items()
        }
        for name, found in made.items():
            # A query reads those that are declared before it.
            mine[name] = answer(parse_query(definitions["tables"][name]["sql"]), mine)
            found += mine[name].rows
    return {**rows, **made}


def rows_of(tenant: str, rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if row["user_id"] == tenant]


def parse_query(text: str) -> Query:
    parser = QueryParser(TABLE.sub(r"\1", text))
    query = parser.query()
    if parser.kind is not None:
        raise ValueError(f"{text!r}: did not expect {parser.token!r}")
    return query


class QueryParser(Parser):
    def query(self) -> Query:
        withs: list[tuple[str, Query]] = []
        if self.take("with"):
            while not withs or self.take(","):
                name = self.advance()
                self.expect("as")
                withs.append((name, self.inner()))
        self.expect("select")
        distinct = self.take("distinct")
        results = [self.result()]
        while self.take(","):
            results.append(self.result())
        self.expect("from")
        sources = [self.source("")]
        while (side := self.side()) is not None:
            sources.append(self.source(side))
        where = self.disjunction() if self.take("where") else None
        group: list[Node] = []
        if self.take("group"):
            self.expect("by")
            while not group or self.take(","):
                group.append(self.disjunction())
        having = self.disjunction() if self.take("having") else None
        return Query(tuple(withs), distinct, tuple(results), tuple(sources), where, tuple(group), having)

    def inner(self) -> Query:
        self.expect("(")
        query = self.query()
        self.expect(")")
        return query

    def result(self) -> tuple[str, Node]:
        node = self.disjunction()
        if self.take("as"):
            return self.advance(), node
        if not isinstance(node, Column):
            raise ValueError(f"{self.text!r}: a result without a name")
        return node.name.rpartition(".")[2], node

    def side(self) -> str | None:
        if self.take(","):
            return "cross"
        found = next((side for side in SIDES if self.take(side)), None)
        if found is not None or self.at("join"):
            self.expect("join")
            return found or "inner"
        return None

    def source(self, side: str) -> Source:
        read = self.inner() if self.at("(") else self.advance()
        alias = self.advance() if self.take("as") else str(read)
        using: list[str] = []
        if self.take("using"):
            self.expect("(")
            while not using or self.take(","):
                using.append(self.advance())
            self.expect(")")
        return Source(alias, read, side, self.disjunction() if self.take("on") else None, tuple(using))


def answer(query: Query, tables: Tables) -> Relation:
    """What a query gives."""
    seen = dict(tables)
    for name, each in query.withs:
        seen[name] = answer(each, seen)
    read = joined(query.sources, seen)
    rows = [row for row in read.rows if passes(query.where, row)]
    keys = [meant(key, query, read.columns) for key in query.group]
    if keys or any(isinstance(part, Aggregate) for _, node in query.results for part in walk(node)):
        made = [
            {name: evaluate(node, group[0] if group else {}, group) for name, node in query.results}
            for group in grouped(keys, rows)
            if query.having is None or evaluate(query.having, group[0], group) is True
        ]
    else:
        made = [{name: evaluate(node, row, None) for name, node in query.results} for row in rows]
    if query.distinct:
        made = list({tuple(row.values()): row for row in made}.values())
    return Relation(tuple(name for name, _ in query.results), made)


def meant(key: Node, query: Query, columns: Sequence[str]) -> Node:
    """A key of GROUP BY: a column of what is read, else the result of that name or number."""
    if isinstance(key, Literal):
        return query.results[int(str(key.value)) - 1][1]
    if isinstance(key, Column) and key.name not in columns:
        return dict(query.results)[key.name]
    return key


def grouped(keys: Sequence[Node], rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    """Rows with equal keys together; without any key all rows are one group, be it empty."""
    if not keys:
        return [rows]
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(evaluate(key, row, None) for key in keys), []).append(row)
    return list(found.values())


def joined(sources: Sequence[Source], tables: Tables) -> Relation:
    """The rows of FROM and its joins, each cell by its source and its name: `a.n`.

    By its name alone, too, where there is one source, or where USING makes one column of two.
    """
    found = Relation((), [{}])
    for source in sources:
        read = answer(source.read, tables) if isinstance(source.read, Query) else tables[source.read]
        columns = tuple(f"{source.alias}.{column}" for column in read.columns)
        right = [{f"{source.alias}.{name}": exact(row[name]) for name in read.columns} for row in read.rows]
        if len(sources) == 1:
            named = [dict(zip(read.columns, row.values(), strict=True)) for row in right]
            return Relation((*columns, *read.columns), [{**one, **two} for one, two in zip(right, named, strict=True)])
        rows = list(pairs(found, right, source, columns)) if source.side else right
        found = Relation((*found.columns, *columns, *source.using), rows)
    return found


def pairs(left: Relation, right: Sequence[Row], source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """The joined rows; those without a counterpart have NULL on the other side, where an outer join keeps them."""
    absent, matched = dict.fromkeys(columns), set[int]()
    before = {name: next(each for each in left.columns if bare(each) == name) for name in source.using}
    equality = first_equality(source, before)
    index: dict[Any, list[int]] = {}
    for place, row in enumerate(right):
        index.setdefault(row[equality[1]] if equality else None, []).append(place)
    for one in left.rows:
        alone = True
        for place in index.get(one[equality[0]] if equality else None, ()):
            both = {**one, **right[place]}
            same = all(
                evaluate(Call("=", (Column(old), Column(f"{source.alias}.{name}"))), both, None) is True
                for name, old in before.items()
            )
            if same and passes(source.on, both):
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


def bare(column: str) -> str:
    return column.rpartition(".")[2]


def first_equality(source: Source, using: Mapping[str, str]) -> tuple[str, str] | None:
    """Two columns that ON or USING says are equal: only rows that are equal there need be looked at."""
    if using:
        return using[source.using[-1]], f"{source.alias}.{source.using[-1]}"
    node = source.on
    while isinstance(node, Call) and node.name == "and":
        node = node.arguments[0]
    if isinstance(node, Call) and node.name == "=":
        left, right = node.arguments
        if isinstance(left, Column) and isinstance(right, Column) and right.name.startswith(f"{source.alias}."):
            return left.name, right.name
    return None
