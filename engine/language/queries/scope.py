"""One SELECT: what its names mean, what is wrong in it, and how it is written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlglot import exp

from engine.faults import TextFault
from engine.language.functions import AGGREGATES
from engine.language.parser import locate_node
from engine.language.queries.joins import rewrite_joins
from engine.language.queries.lineage import Lineage
from engine.language.queries.names import REFERENCE_PREFIX
from engine.language.queries.relations import Relation, rename_columns
from engine.language.type_checks import find_type_faults
from engine.language.types import TYPE_PHRASES, annotate_types, get_value_type
from engine.suggestions import suggest_name
from engine.tables import VALUE_TYPES, Column, ValueType

# The type of a column whose declaration has an error; it is compatible with all types.
UNKNOWN_TYPE = ""
Columns = Mapping[str, Column]


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


def get_conditions(select: exp.Select) -> Sequence[exp.Expr]:
    """Return the conditions of ON, WHERE and HAVING."""
    joins = [join.args.get("on") for join in select.args.get("joins", ())]
    others = [each.this for name in ("where", "having") if (each := select.args.get(name)) is not None]
    return [each for each in (*joins, *others) if each is not None]
