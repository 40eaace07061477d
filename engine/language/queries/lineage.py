"""What a query's rows and results are made of: which columns identify a row, and what may be said of each result.

A join may repeat rows, and a result may be made of money or of what cannot be added up over days; neither is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from sqlglot import exp

from engine.faults import TextFault
from engine.language.functions import AGGREGATES, RANKS, find_function
from engine.language.parser import locate_node
from engine.language.queries.joins import iter_conjuncts
from engine.language.queries.relations import NOTHING, ColumnId, Identity, Relation
from engine.language.types import CONDITIONS
from engine.tables import NUMBER_TYPES, Column


class Lineage:
    """The rows that a SELECT reads, through its joins, and what its results are made of.

    `find_source` returns the source of a column, and `merged` are the expressions of columns that USING merges.
    """

    def __init__(
        self,
        select: exp.Select,
        relations: Mapping[str, Relation],
        merged: Mapping[str, exp.Expr],
        find_source: Callable[[exp.Column], str | None],
    ) -> None:
        self.select = select
        self.relations = relations
        self.merged = merged
        self.find_source = find_source
        self.faults: list[TextFault] = []
        # Sources whose rows a join repeats.
        self.repeated: set[str] = set()
        # For each column those that it equals, as far as the joins say, and the pairs that they compare.
        self.equals: dict[ColumnId, set[ColumnId]] = {}
        self.pairs: set[Identity] = set()
        where = select.args.get("where")
        self.filters = tuple(iter_equalities(where.this)) if where is not None else ()
        for pair in self.iter_pairs(self.filters):
            self.note_equal(*pair)
            self.note_equal(*pair[::-1])
        self.key = self.join_sources()

    # Columns

    def identify(self, node: exp.Expr) -> Identity:
        """Return the columns that a value equals."""
        node = node.unnest()
        if isinstance(node, exp.Column):
            source = self.find_source(node)
            if source is not None:
                return self.close((source, node.name))
            merged = None if node.table else self.merged.get(node.name)
            return NOTHING if merged is None else self.identify(merged)
        if isinstance(node, exp.Coalesce):
            parts = [self.identify(each) for each in (node.this, *node.expressions)]
            if all(self.is_compared(one, other) for one, other in pairwise(parts)):
                return NOTHING.union(*parts)
        return NOTHING

    def close(self, column: ColumnId) -> Identity:
        found, pending = {column}, [column]
        while pending:
            new = self.equals.get(pending.pop(), set()) - found
            found |= new
            pending += new
        return frozenset(found)

    def is_compared(self, ones: Identity, others: Identity) -> bool:
        """Whether a join compares one of these columns with one of those."""
        return any(frozenset((one, other)) in self.pairs for one in ones for other in others)

    def note_equal(self, column: ColumnId, other: ColumnId) -> None:
        self.equals.setdefault(column, set()).add(other)

    def iter_pairs(self, equalities: Iterable[exp.EQ]) -> Iterator[tuple[ColumnId, ColumnId]]:
        """Yield the plain columns that equalities compare, and note each pair."""
        for equality in equalities:
            sides = [
                (source, side.name)
                for side in (equality.this.unnest(), equality.expression.unnest())
                if isinstance(side, exp.Column) and (source := self.find_source(side)) is not None
            ]
            if len(sides) == 2:
                self.pairs.add(frozenset(sides))
                yield sides[0], sides[1]

    def list_sources(self, node: exp.Expr) -> set[str | None]:
        """List the sources that a value is made from; None for a column that USING merged."""
        return {self.find_source(column) for column in node.find_all(exp.Column)}

    def format_qualified(self, node: exp.Expr) -> str:
        """Return a value's text with the source before each column."""
        copy = node.copy()
        for column, original in zip(copy.find_all(exp.Column), node.find_all(exp.Column), strict=True):
            column.set("table", exp.to_identifier(self.find_source(original)))
        return copy.sql()

    # Rows

    def join_sources(self) -> list[Identity] | None:
        """Follow the joins, and return what identifies a row: columns that a result must equal, each at once.

        Joins that repeat the rows before them are faults.
        """
        names = list(self.relations)
        if not names:
            return []
        if not all(relation.is_whole for relation in self.relations.values()):
            return None
        key = make_key(names[0], self.relations[names[0]])
        for index, join in enumerate(self.select.args.get("joins", ()), 1):
            key = self.join_source(join, names[index], set(names[:index]), key)
        return key

    def join_source(
        self, join: exp.Join, name: str, before: set[str], key: list[Identity] | None
    ) -> list[Identity] | None:
        """Follow one join: what identifies a row before it and after it."""
        on = join.args.get("on")
        equalities = [*(iter_equalities(on) if on is not None else ()), *self.filters]
        own: list[Identity] = []
        others: list[Identity] = []
        for equality in equalities:
            for side, other in ((equality.this, equality.expression), (equality.expression, equality.this)):
                used = self.list_sources(other)
                if self.find_direct_source(side) == name and used <= {*before, None}:
                    own.append(self.identify(side))
                elif used <= {name}:
                    others.append(self.identify(side))
        joined_key = make_key(name, self.relations[name])
        if joined_key is None or not all(any(part <= each for each in own) for part in joined_key):
            self.faults.append(self.explain_fan_out(join, name, joined_key, own))
            return None
        covers_before = key is not None and all(any(part <= each for each in others) for part in key)
        if not covers_before:
            self.repeated.add(name)
        pairs = list(self.iter_pairs(iter_equalities(on))) if on is not None else []
        for ours, theirs in [pair if pair[1][0] == name else pair[::-1] for pair in pairs]:
            if theirs[0] != name or ours[0] == name:
                continue
            if join.side in ("", "RIGHT"):
                self.note_equal(theirs, ours)
            if join.side in ("", "LEFT"):
                self.note_equal(ours, theirs)
        if key is None or join.side in ("", "LEFT"):
            return key
        if join.side == "RIGHT" and covers_before:
            return joined_key
        return pair_keys(key, joined_key, pairs)

    def find_direct_source(self, node: exp.Expr) -> str | None:
        column = node.unnest()
        return self.find_source(column) if isinstance(column, exp.Column) else None

    def explain_fan_out(self, join: exp.Join, name: str, key: list[Identity] | None, own: list[Identity]) -> TextFault:
        if key is None:
            remedy = f"nothing says what identifies a row of {name}: declare its `key`, or join a query that is grouped"
        else:
            missing = [column for part in key for _, column in part if not any(part <= each for each in own)]
            remedy = f"set {' and '.join(f'{name}.{column}' for column in missing)} equal to a column before it"
        message = f"this JOIN may find several rows of {name} for one before it, and repeats that one; {remedy}"
        return TextFault(locate_node(join), "fan-out", message)

    # Results

    def make_relation(
        self, results: Mapping[str, Column], values: Mapping[str, exp.Expr], group: list[exp.Expr] | None
    ) -> Relation:
        """Return the results of the SELECT as a relation.

        `values` are the results' expressions, `group` those that rows are grouped by; None without GROUP BY.
        """
        identities = {name: self.identify(value) for name, value in values.items()}
        tenants = {(source, column) for source, each in self.relations.items() for column in each.tenants}
        constants = {name for name, value in values.items() if is_text_constant(value)}
        currency_columns = {(source, name) for source, each in self.relations.items() for name in each.currency_columns}
        money = {name: self.find_money(value) for name, value in values.items()}
        reasons = {name: reason for name, value in values.items() if (reason := self.find_reason(value)) is not None}
        return Relation(
            columns={
                name: Column(name, column.type, name, additive=name not in reasons, money=bool(money[name]))
                for name, column in results.items()
            },
            key=self.find_key(identities, values, group, tenants),
            tenants=frozenset(name for name, found in identities.items() if found & tenants),
            currencies={
                name: frozenset(constants)
                | {held for held, found in identities.items() if all(found & each for each in needed)}
                for name, needed in money.items()
                if needed
            },
            currency_columns=frozenset(constants)
            | {name for name, found in identities.items() if found & currency_columns},
            reasons=reasons,
            is_whole=not self.faults and all(each.is_whole for each in self.relations.values()),
        )

    def iter_used_columns(self, value: exp.Expr) -> Iterator[tuple[str, Column]]:
        """Yield the source and the column of each number that a value is made of, and not only chosen by."""
        for column in value.find_all(exp.Column):
            if not is_only_counted(column):
                for source, name in self.find_parts(column):
                    yield source, self.relations[source].columns[name]

    def find_parts(self, column: exp.Column) -> Iterator[ColumnId]:
        """Yield the columns behind a name: one, or those that USING merged."""
        source = self.find_source(column)
        if source is not None:
            yield source, column.name
        elif not column.table and (merged := self.merged.get(column.name)) is not None:
            for each in merged.find_all(exp.Column):
                yield from self.find_parts(each)

    def find_money(self, value: exp.Expr) -> list[Identity]:
        """Find the money that a value is made of: for each amount the columns that hold its currency."""
        return [
            frozenset((source, held) for held in self.relations[source].currencies.get(column.name, ()))
            for source, column in self.iter_used_columns(value)
            if column.money
        ]

    def find_reason(self, value: exp.Expr) -> str | None:
        """Return why the sum of a value over days may mean nothing, or None."""
        for source, column in self.iter_used_columns(value):
            if not column.additive:
                return f"made of {column.name!r}, which may not be summed over days"
            if source in self.repeated and column.type and column.value_type in NUMBER_TYPES:
                return f"made of {column.name!r} of {source}, whose rows the JOIN repeats"
        for node in value.walk():
            if isinstance(node, exp.Distinct) and node.find_ancestor(*CONDITIONS) is None:
                return "made of different values"
            if isinstance(node, (exp.Avg, exp.Min, exp.Max, *RANKS)) and not is_only_counted(node):
                function = find_function(node)
                return f"made by {node.key if function is None else function.name}()"
            if isinstance(node, exp.Div) and not is_only_counted(node):
                return "made by a division"
        return None

    def find_key(
        self,
        identities: Mapping[str, Identity],
        values: Mapping[str, exp.Expr],
        group: list[exp.Expr] | None,
        tenants: set[ColumnId],
    ) -> frozenset[str] | None:
        """Find the results that identify a row of a tenant, or None where they do not."""
        if group is None and any(value.find(*AGGREGATES) for value in values.values()):
            return frozenset()
        parts = [(part, "") for part in self.key] if self.key is not None else None
        if group is not None:
            parts = [(self.identify(each), self.format_qualified(each)) for each in group]
        fixed = [self.identify(side) for each in self.filters for side in iter_fixed_sides(each)]
        needed = [
            (part, text)
            for part, text in parts or ()
            if not part & tenants and not (part and any(part <= each for each in fixed))
        ]
        found = [
            next((name for name in values if self.is_part(part, text, identities[name], values[name])), None)
            for part, text in needed
        ]
        if parts is not None and None not in found:
            return frozenset(name for name in found if name is not None)
        if self.select.args.get("distinct") is not None:
            return frozenset(name for name, each in identities.items() if not each & tenants)
        return None

    def is_part(self, part: Identity, text: str, identity: Identity, value: exp.Expr) -> bool:
        """Whether a result is a part of what identifies a row: one of its columns, or the expression grouped by."""
        return (bool(part) and part <= identity) or (bool(text) and self.format_qualified(value) == text)


def make_key(name: str, relation: Relation) -> list[Identity] | None:
    return None if relation.key is None else [frozenset(((name, column),)) for column in sorted(relation.key)]


def pair_keys(
    key: list[Identity], joined_key: list[Identity], pairs: Iterable[tuple[ColumnId, ColumnId]]
) -> list[Identity]:
    """Return what identifies a row of which either side may be missing: both keys, compared columns as one."""
    parts = [*key, *joined_key]
    for pair in pairs:
        both = [part for part in parts if part & set(pair)]
        if len(both) == 2:
            parts = [*(part for part in parts if part not in both), both[0] | both[1]]
    return parts


def iter_equalities(condition: exp.Expr) -> Iterator[exp.EQ]:
    """Yield the equalities that AND joins at the top of a condition."""
    return (each for each in iter_conjuncts(condition) if isinstance(each, exp.EQ))


def iter_fixed_sides(equality: exp.EQ) -> Iterator[exp.Expr]:
    """Yield what an equality sets equal to a constant."""
    for side, other in ((equality.this, equality.expression), (equality.expression, equality.this)):
        if other.find(exp.Column) is None:
            yield side


def is_only_counted(node: exp.Expr) -> bool:
    """Whether a value is not made of the node, but chosen or counted by it."""
    return node.find_ancestor(*CONDITIONS, exp.Count) is not None


def is_text_constant(value: exp.Expr) -> bool:
    node = value.unnest()
    return isinstance(node, exp.Literal) and node.is_string
