"""What the columns of a `sql:` table's query are, from the tables that it reads outwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from metric_engine.engine.kinds import SPOKEN, annotate, kind_faults, kind_of
from metric_engine.engine.syntax import Fault
from metric_engine.engine.tables import KINDS, MOMENTS, NUMBERS, Column, Kind

# The columns of what a SELECT reads, by the name that it has there.
Sources = Mapping[str, Mapping[str, Kind | None]]


def query_kind_faults(query: exp.Select, read: Sources) -> Iterator[Fault]:
    """Annotate a query that reads these tables, and tell what its expressions may not do."""
    for scope in traverse_scope(query):
        assert isinstance(scope.expression, exp.Select)
        sources = {name: columns_of(source, read) for name, (_, source) in scope.selected_sources.items()}
        for tree in annotated(scope.expression, sources):
            yield from kind_faults(tree)


def columns_of(source: exp.Table | Scope, read: Sources) -> Mapping[str, Kind | None]:
    if isinstance(source, Scope):
        assert isinstance(source.expression, exp.Select)
        return selected_kinds(source.expression)
    return read.get(source.name, {})


def selected_kinds(select: exp.Select) -> dict[str, Kind | None]:
    """What an annotated query gives, by name."""
    return {each.alias_or_name: kind_of(each) for each in select.selects}


def annotated(select: exp.Select, sources: Sources) -> Iterator[exp.Expr]:
    """The expressions of a SELECT, those that it gives first: others may go by their names."""

    def column_kind(column: exp.Column) -> Kind | None:
        having = [sources.get(column.table, {})] if column.table else [*sources.values(), selected_kinds(select)]
        return next((columns[column.name] for columns in having if column.name in columns), None)

    joins = [join.args["on"] for join in select.args.get("joins", ()) if join.args.get("on") is not None]
    clauses = [clause.this for name in ("where", "having") if (clause := select.args.get(name)) is not None]
    group = select.args.get("group")
    for tree in (*select.selects, *joins, *clauses, *(group.expressions if group is not None else ())):
        annotate(tree, column_kind)
        yield tree


def given_column(column: Column, given: Kind | None) -> Column | str:
    """The column with the type that the query gives it, or why it cannot be what it is declared as."""
    declared = KINDS.get(column.type)
    if given is None or declared is None or given == declared:
        return column
    if declared in NUMBERS and given in NUMBERS:
        # A sum or a product is a double, also one of whole numbers.
        return replace(column, type="double")
    if {declared, given} == {"text", "uuid"}:
        return replace(column, type=given)
    if declared == "date" and given in MOMENTS:
        remedy = f"write date(…) AS {column.name}"
    else:
        remedy = f"declare it as {next(name for name, kind in KINDS.items() if kind == given)}"
    return f"the query gives {SPOKEN[given]}, not {SPOKEN[declared]}; {remedy}"
