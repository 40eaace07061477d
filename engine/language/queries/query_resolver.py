"""The query of a `sql:` table, rewritten so that each name means the same on every database.

In every clause a name is a column of what the query reads, and never a result of the query itself; only GROUP BY may
name a result if no column has its name. The rewritten query has a source before each column, a name for each result,
and ON instead of USING.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from engine.faults import TextFault, raise_if_any
from engine.language.parser import locate_node
from engine.language.queries.names import (
    REFERENCE_PREFIX,
    find_bad_names,
    find_duplicate_names,
    find_incomplete_selects,
    get_from_items,
    get_source_name,
)
from engine.language.queries.relations import UNKNOWN_RELATION, Relation, make_table_relation, unite_relations
from engine.language.queries.scope import Scope
from engine.language.types import TYPE_PHRASES, get_value_type
from engine.tables import NUMBER_TYPES, Table

# The tables that a query reads, by name; None for one with errors.
ReadTables = Mapping[str, Table | None]


class QueryResolver:
    """Resolver of a query's tables, WITH queries and columns, from the inside out.

    Raises TextFaults.
    """

    def __init__(self, query: exp.Query, tables: ReadTables) -> None:
        raise_if_any((*find_incomplete_selects(query), *find_duplicate_names(query), *find_bad_names(query)))
        self.tables = tables
        self.scopes: list[Scope] = []
        self.faults: list[TextFault] = []
        # The results of SELECTs that UNION ALL joins, which are written as doubles.
        self.united_numbers: list[exp.Expr] = []
        self.relation = self.resolve_query(query, {})
        raise_if_any(self.faults)

    def write_out(self) -> None:
        """Rewrite the query in place. Raises TextFaults."""
        raise_if_any(fault for block in self.scopes for fault in block.find_faults())
        united = {id(each) for each in self.united_numbers}
        for block in self.scopes:
            block.write_out(united)

    def resolve_query(self, query: exp.Expr, outer: Mapping[str, Relation]) -> Relation:
        """Return what a SELECT gives, or several joined by UNION ALL, that see these WITH queries."""
        seen = self.resolve_with(query, outer)
        if not isinstance(query, exp.Union):
            return self.build_scope(query, seen).relation if isinstance(query, exp.Select) else UNKNOWN_RELATION
        branches = [each for each in iter_branches(query) if isinstance(each, exp.Select)]
        for wrapped in (each for each in iter_branches(query) if not isinstance(each, exp.Select)):
            message = "a SELECT that UNION ALL joins stands without parentheses"
            self.faults.append(TextFault(locate_node(wrapped), "sql-forbidden", message))
            return UNKNOWN_RELATION
        for branch in branches:
            name_results(branch)
        scopes = [self.build_scope(branch, self.resolve_with(branch, seen)) for branch in branches]
        names = [each.output_name for each in branches[0].selects]
        relations = []
        for scope in scopes:
            if len(scope.select.selects) != len(names):
                count = f"{len(scope.select.selects)} columns, the first one {len(names)}"
                self.faults.append(TextFault(locate_node(scope.select), "sql-forbidden", f"this SELECT gives {count}"))
                return UNKNOWN_RELATION
            relations.append(scope.rename_results(names))
        united = unite_relations(relations)
        for position, name in enumerate(names):
            values = [branch.selects[position] for branch in branches]
            self.faults += find_different_types(name, values)
            if united.columns[name].type == "double":
                self.united_numbers += values
        return united

    def resolve_with(self, query: exp.Expr, outer: Mapping[str, Relation]) -> Mapping[str, Relation]:
        """Resolve a query's WITH queries, and return them with those that it sees anyway."""
        seen = dict(outer)
        with_ = query.args.get("with_")
        for each in with_.expressions if with_ is not None else ():
            if each.alias in outer:
                # SQLite reads the query itself instead of the outer one of its name.
                message = f"a second query {each.alias!r}; give it a name of its own"
                self.faults.append(TextFault(locate_node(each.args["alias"]), "ambiguous-column", message))
            seen[each.alias] = self.resolve_relation(each.this, seen)
        return seen

    def build_scope(self, select: exp.Select, seen: Mapping[str, Relation]) -> Scope:
        """Build the scope of a SELECT that sees these WITH queries."""
        relations: dict[str, Relation] = {}
        for index, node in enumerate(get_from_items(select)):
            if not node.alias_or_name:
                # Some databases require a name, although nothing uses it.
                node.set("alias", exp.TableAlias(this=exp.to_identifier(f"query {index}", quoted=True)))
            relations[get_source_name(node)] = self.resolve_relation(node, seen)
        self.scopes.append(Scope(select, relations))
        return self.scopes[-1]

    def resolve_relation(self, node: exp.Expr, seen: Mapping[str, Relation]) -> Relation:
        """Return what an item of FROM, JOIN or WITH reads."""
        query = node.unnest()
        if isinstance(query, (exp.Select, exp.Union)):
            return self.resolve_query(query, seen)
        if query is not node or not isinstance(query, exp.Table):
            message = "this is not a query; remove the parentheses"
            self.faults.append(TextFault(locate_node(node), "sql-forbidden", message))
            return UNKNOWN_RELATION
        name = query.name.removeprefix(REFERENCE_PREFIX)
        if not query.db and query.name.startswith(REFERENCE_PREFIX) and name in self.tables:
            table = self.tables[name]
            return UNKNOWN_RELATION if table is None else make_table_relation(table)
        if not query.db and query.name in seen:
            return seen[query.name]
        message = f"table {name!r} is named directly; write {{{{ table('{name}') }}}}"
        self.faults.append(TextFault(locate_node(query), "undeclared-table", message))
        return UNKNOWN_RELATION


def iter_branches(query: exp.Expr) -> Iterator[exp.Expr]:
    """Yield what UNION ALL joins: SELECTs, or faulty ones in parentheses."""
    if isinstance(query, exp.Union):
        yield from iter_branches(query.this)
        yield from iter_branches(query.expression)
    else:
        yield query


def name_results(select: exp.Select) -> None:
    """Give each result without a name one that no analyst can write."""
    for index, each in enumerate(select.selects):
        if not each.output_name:
            each.replace(exp.alias_(each.copy(), f"column {index}", quoted=True))


def find_different_types(name: str, values: Sequence[exp.Expr]) -> Iterator[TextFault]:
    """Find results of SELECTs that UNION ALL joins, of another type than the first one's."""
    kinds = [get_value_type(each.unalias()) for each in values]
    for value, kind in zip(values, kinds, strict=True):
        alike = kind == kinds[0] or {kind, kinds[0]} <= NUMBER_TYPES
        if kind is not None and kinds[0] is not None and not alike:
            message = f"{name!r} is {TYPE_PHRASES[kind]} here, and {TYPE_PHRASES[kinds[0]]} in the first SELECT"
            yield TextFault(locate_node(value), "not-comparable", message)
