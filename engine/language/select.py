"""The query of a `sql:` table, rewritten so that each name means the same on every database.

In every clause a name is a column of what the query reads, and never a result of the query itself; only GROUP BY may
name a result if no column has its name. The rewritten query has a source before each column, a name for each result,
and ON instead of USING.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlglot import exp

from engine.faults import TextFault, raise_if_any
from engine.language.functions import AGGREGATES
from engine.language.joins import rewrite_joins
from engine.language.lineage import (
    UNKNOWN_RELATION,
    Lineage,
    Relation,
    make_table_relation,
    rename_columns,
    unite_relations,
)
from engine.language.parser import locate_node
from engine.language.type_checks import find_type_faults
from engine.language.types import TYPE_PHRASES, annotate_types, get_value_type
from engine.suggestions import suggest_name
from engine.tables import NUMBER_TYPES, VALUE_TYPES, Column, Table, ValueType

NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# PostgreSQL cuts longer names, to which the engine adds a prefix.
MAX_NAME_LENGTH = 50
# The prefix that `table('name')` writes into a query; an analyst cannot write it, so only declared tables can be read.
REFERENCE_PREFIX = "table:"
# The type of a column whose declaration has an error; it is compatible with all types.
UNKNOWN_TYPE = ""
# The tables that a query reads, by name; None for one with errors.
ReadTables = Mapping[str, Table | None]
Columns = Mapping[str, Column]


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


class Scope:
    """A SELECT and what it reads, by the sources' names, in order."""

    def __init__(self, select: exp.Select, relations: Mapping[str, Relation]) -> None:
        self.select = select
        self.sources: Mapping[str, Columns] = {name: each.columns for name, each in relations.items()}
        # The expressions of the columns that USING merges, for names without a source.
        self.merged: dict[str, exp.Expr] = {}
        self.join_faults = tuple(rewrite_joins(select, self.sources, self.merged))
        self.lineage = Lineage(select, relations, self.merged, self.resolve_source)
        for each in select.selects:
            annotate_types(each, self.get_column_type)
        named = [each for each in select.selects if each.output_name]
        self.relation = self.lineage.make_relation(
            {each.output_name: self.make_result_column(each) for each in named},
            {each.output_name: each.unalias() for each in named},
            self.list_group_values(),
        )

    # Names

    def resolve_source(self, column: exp.Column) -> str | None:
        """Return the only source that a column can come from, or None."""
        if column.table:
            name = column.table.removeprefix(REFERENCE_PREFIX)
            return name if column.name in self.sources.get(name, {}) and not column.db else None
        having = self.find_candidate_sources(column)
        return having[0] if len(having) == 1 else None

    def find_candidate_sources(self, column: exp.Column) -> Sequence[str]:
        """Find the sources that have a column of this name."""
        return [name for name, columns in self.sources.items() if column.name in columns]

    def resolve_column(self, column: exp.Column) -> Column | None:
        source = self.resolve_source(column)
        if source is not None:
            return self.sources[source][column.name]
        merged = None if column.table else self.merged.get(column.name)
        return None if merged is None else next(map(self.resolve_column, merged.find_all(exp.Column)))

    def get_column_type(self, column: exp.Column) -> ValueType | None:
        declared = self.resolve_column(column)
        return None if declared is None else VALUE_TYPES.get(declared.type)

    def make_result_column(self, node: exp.Expr) -> Column:
        """Return a result as a column of whatever reads this query."""
        value, name = node.unalias(), node.output_name
        declared = self.resolve_column(value) if isinstance(value, exp.Column) else None
        kind = get_value_type(value)
        type_name = declared.type if declared is not None else "bigint" if kind == "whole" else kind or UNKNOWN_TYPE
        return Column(name, type_name, name)

    def find_result_number(self, key: exp.Expr) -> int | None:
        """Return the result, counted from 1, that a key of GROUP BY refers to by number or name.

        Returns None for an expression.
        """
        if isinstance(key, exp.Literal) and key.is_int:
            return int(key.name)
        names = [each.output_name for each in self.select.selects]
        is_name = (
            isinstance(key, exp.Column) and not key.table and not self.find_candidate_sources(key) and key.name in names
        )
        return names.index(key.name) + 1 if is_name else None

    # Faults

    def find_faults(self) -> Sequence[TextFault]:
        names = [
            *self.join_faults,
            *self.find_unknown_columns(),
            *self.find_misplaced_aggregates(),
            *self.find_misgrouped_keys(),
        ]
        # What a join repeats is known only where all else is right.
        return [*(names or self.find_ungrouped_columns()), *self.find_wrong_types()] or self.lineage.faults

    def find_wrong_types(self) -> Iterator[TextFault]:
        for clause in self.iter_clauses():
            annotate_types(clause, self.get_column_type)
            yield from find_type_faults(clause)
        for condition in get_conditions(self.select):
            kind = get_value_type(condition)
            if kind not in ("boolean", None):
                message = f"{condition.sql()!r} is {TYPE_PHRASES[kind]}; write a condition"
                yield TextFault(locate_node(condition), "not-a-condition", message)
        for each in self.select.selects:
            if get_value_type(each.unalias()) is None and not each.find(exp.Column):
                yield TextFault(
                    locate_node(each), "not-comparable", "NULL is of no type; write cast(null as double), say"
                )

    def iter_clauses(self) -> Iterator[exp.Expr]:
        """Yield all expressions of this SELECT, without the queries that it reads."""
        yield from self.select.selects
        yield from get_conditions(self.select)
        yield from self.get_group_keys()

    def get_group_keys(self) -> Sequence[exp.Expr]:
        group = self.select.args.get("group")
        return group.expressions if group is not None else ()

    def list_group_values(self) -> list[exp.Expr] | None:
        """List the expressions that rows are grouped by; None without GROUP BY."""
        keys = [(key, self.find_result_number(key)) for key in self.get_group_keys()]
        results = self.select.selects
        return [
            key if number is None else results[number - 1].unalias()
            for key, number in keys
            if number is None or 1 <= number <= len(results)
        ] or None

    def find_unknown_columns(self) -> Iterator[TextFault]:
        given = [each.alias for each in self.select.selects]
        keys = {id(key) for key in self.get_group_keys() if self.find_result_number(key) is not None}
        for column in (each for clause in self.iter_clauses() for each in clause.find_all(exp.Column)):
            having = self.find_candidate_sources(column)
            if id(column) in keys or self.resolve_column(column) is not None:
                continue
            if having and not column.table:
                message = f"column {column.name!r} is in {' and '.join(having)}; write {having[0]}.{column.name}, say"
                yield TextFault(locate_node(column), "ambiguous-column", message)
                continue
            inside = (
                self.sources.get(column.table.removeprefix(REFERENCE_PREFIX), ())
                if column.table
                else self.list_column_names()
            )
            remedy = suggest_name(column.name, inside)
            if not column.table and column.name in given:
                remedy = "; this query gives it: write its expression again, or select from a query that gives it"
            yield TextFault(
                locate_node(column), "unknown-column", f"column {column.name!r} is in no table read here{remedy}"
            )

    def list_column_names(self) -> Sequence[str]:
        return list(dict.fromkeys(column for columns in self.sources.values() for column in columns))

    def find_misplaced_aggregates(self) -> Iterator[TextFault]:
        having = self.select.args.get("having")
        allowed = [*self.select.selects, *([having.this] if having is not None else [])]
        for clause in self.iter_clauses():
            for found in clause.find_all(*AGGREGATES):
                if not any(clause is each for each in allowed):
                    message = "an aggregate may stand in SELECT and HAVING only; WHERE, ON and GROUP BY are for rows"
                    yield TextFault(locate_node(found), "aggregate-in-where", message)
                elif found.find_ancestor(*AGGREGATES):
                    message = "an aggregate may not stand inside another one"
                    yield TextFault(locate_node(found), "nested-aggregate", message)

    def find_misgrouped_keys(self) -> Iterator[TextFault]:
        """Find keys of GROUP BY that no row has, and a HAVING without GROUP BY."""
        results = self.select.selects
        for key in self.get_group_keys():
            number = self.find_result_number(key)
            if number is None and key.find(exp.Column) is None:
                message = "every row has the same value of this; group by columns"
                yield TextFault(locate_node(key), "sql-forbidden", message)
            elif number is not None and not 1 <= number <= len(results):
                message = f"GROUP BY {number}, but the query gives {len(results)} columns"
                yield TextFault(locate_node(key), "unknown-column", message)
            elif number is not None and results[number - 1].find(*AGGREGATES):
                message = f"GROUP BY {key.name} is an aggregate, which is made of the group"
                yield TextFault(locate_node(key), "aggregate-in-where", message)
        having = self.select.args.get("having")
        if having is not None and not self.get_group_keys():
            yield TextFault(locate_node(having), "sql-forbidden", "HAVING needs a GROUP BY; rows are filtered by WHERE")

    def find_ungrouped_columns(self) -> Iterator[TextFault]:
        """Find columns beside an aggregate that are missing in GROUP BY."""
        having = self.select.args.get("having")
        grouped = [*self.select.selects, *([having.this] if having is not None else [])]
        if not self.get_group_keys() and not any(each.find(*AGGREGATES) for each in grouped):
            return
        keys = {self.format_qualified(each) for each in self.list_group_values() or ()}

        def is_grouped(node: exp.Expr) -> bool:
            return isinstance(node, AGGREGATES) or self.format_qualified(node) in keys

        for each in grouped:
            for node in each.unalias().walk(prune=is_grouped):
                if isinstance(node, exp.Column) and not is_grouped(node):
                    message = f"column {node.name!r} stands outside an aggregate; add it to GROUP BY"
                    yield TextFault(locate_node(node), "not-aggregated", message)

    def format_qualified(self, node: exp.Expr) -> str:
        """Return an expression's text with all sources; expressions of equal meaning are equal."""
        return self.qualify_columns(node.copy()).sql()

    # Rewriting

    def qualify_columns(self, tree: exp.Expr) -> exp.Expr:
        """Qualify each column of a tree, in place, by its source or by what USING merged."""
        return tree.transform(
            lambda node: self.qualify_column(node) if isinstance(node, exp.Column) else node, copy=False
        )

    def qualify_column(self, column: exp.Column) -> exp.Expr:
        source, declared = self.resolve_source(column), self.resolve_column(column)
        if source is None or declared is None:
            merged = self.merged[column.name].copy()
            annotate_types(merged, self.get_column_type)
            return merged
        found = exp.Column(this=column.this, table=exp.to_identifier(source, quoted=True))
        # Dialects need the column's type to write it.
        found.meta["kind"] = VALUE_TYPES.get(declared.type)
        return found

    def rename_results(self, names: Sequence[str]) -> Relation:
        """Return the results under other names, in their order."""
        own = [each.output_name for each in self.select.selects]
        return rename_columns(self.relation, dict(zip(own, names, strict=True)))

    def write_out(self, united_numbers: Collection[int] = ()) -> None:
        """Rewrite the SELECT in place; results with these ids are written as doubles."""
        select = self.select
        for key in self.get_group_keys():
            number = self.find_result_number(key)
            key.replace(self.qualify_columns(key.copy()) if number is None else exp.Literal.number(number))
        for condition in get_conditions(select):
            condition.replace(self.qualify_columns(condition.copy()))
        for each in select.selects:
            value = self.qualify_columns(each.unalias().copy())
            if id(each) in united_numbers:
                value = exp.Cast(this=value, to=exp.DataType.build("double"))
            name = each.output_name
            each.replace(exp.alias_(value, name, quoted=True) if name else value)


def get_from_items(select: exp.Select) -> Sequence[exp.Expr]:
    """Return the items of FROM and of the JOINs."""
    parts = (select.args.get("from_"), *select.args.get("joins", ()))
    return [each.this for each in parts if each is not None]


def get_source_name(node: exp.Expr) -> str:
    return node.alias_or_name.removeprefix(REFERENCE_PREFIX)


def get_conditions(select: exp.Select) -> Sequence[exp.Expr]:
    """Return the conditions of ON, WHERE and HAVING."""
    joins = [join.args.get("on") for join in select.args.get("joins", ())]
    others = [each.this for name in ("where", "having") if (each := select.args.get(name)) is not None]
    return [each for each in (*joins, *others) if each is not None]


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


def find_incomplete_selects(query: exp.Query) -> Iterator[TextFault]:
    """Find a SELECT of nothing, a JOIN without FROM, and joins inside joins."""
    for select in query.find_all(exp.Select):
        if not select.selects:
            yield TextFault(locate_node(select), "sql-syntax", "the query selects nothing")
        elif select.args.get("joins") and select.args.get("from_") is None:
            yield TextFault(locate_node(select.args["joins"][0]), "sql-syntax", "FROM is missing before this JOIN")
    for table in query.find_all(exp.Table):
        if table.args.get("joins"):
            message = "joins stand one after the other, each with its ON; for another order write (SELECT …) AS name"
            yield TextFault(locate_node(table), "sql-forbidden", message)


def find_duplicate_names(query: exp.Query) -> Iterator[TextFault]:
    """Find sources of equal names, and results of equal names, which are ambiguous."""
    for select in query.find_all(exp.Select):
        with_ = select.args.get("with_")
        queries = with_.expressions if with_ is not None else ()
        yield from find_repeated_names("query", queries, [each.alias for each in queries])
        read = get_from_items(select)
        yield from find_repeated_names("table", read, [get_source_name(each) for each in read])
        named = [each for each in select.selects if each.output_name]
        yield from find_repeated_names("column", named, [each.output_name for each in named])


def find_repeated_names(what: str, nodes: Sequence[exp.Expr], names: Sequence[str]) -> Iterator[TextFault]:
    """Find names that occur twice; some databases ignore upper and lower case."""
    for index, (node, name) in enumerate(zip(nodes, names, strict=True)):
        if name.lower() in (each.lower() for each in names[:index]):
            called = repr(name) if name else "without a name"
            message = f"a second {what} {called}; give it a name of its own with AS"
            yield TextFault(locate_node(node), "ambiguous-column", message)


def find_bad_names(query: exp.Query) -> Iterator[TextFault]:
    """Find names of the analyst's that some database does not accept."""
    for node in query.find_all(exp.Alias, exp.TableAlias):
        identifier = node.args.get("alias" if isinstance(node, exp.Alias) else "this")
        if not isinstance(identifier, exp.Identifier):
            continue
        if not NAME_PATTERN.fullmatch(identifier.name):
            message = f"{identifier.name!r} is not a name; use letters, digits and _"
        elif len(identifier.name) > MAX_NAME_LENGTH:
            message = f"a name may have {MAX_NAME_LENGTH} characters, not {len(identifier.name)}"
        else:
            continue
        yield TextFault(locate_node(identifier), "bad-name", message)
