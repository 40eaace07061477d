"""The joins of a query, rewritten for all databases: ON for USING, CROSS JOIN for a comma."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import reduce

from sqlglot import exp

from engine.faults import TextFault
from engine.language.parser import locate_node
from engine.tables import Column

OUTER = ("LEFT", "RIGHT", "FULL")
ALLOWED_JOINS = "JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN"
Columns = Mapping[str, Column]


def rewrite_joins(
    select: exp.Select, sources: Mapping[str, Columns], merged: dict[str, exp.Expr]
) -> Iterator[TextFault]:
    """Rewrite the joins of a SELECT in place, and yield their faults.

    `sources` are the columns of what is read, by its name, in order. `merged` receives the expressions of the columns
    that USING merges.
    """
    names = list(sources)
    for index, join in enumerate(select.args.get("joins", ()), 1):
        before, name = {each: sources[each] for each in names[:index]}, names[index]
        if using := join.args.get("using"):
            conditions: list[exp.Expr] = []
            for column in using:
                fault = merge_using_column(join, column, before, (name, sources[name]), merged, conditions)
                if fault is not None:
                    yield fault
            join.set("using", None)
            join.set("on", reduce(lambda a, b: exp.And(this=a, expression=b), conditions) if conditions else None)
            join.meta["merged"] = True
        yield from find_join_faults(join, before, (name, sources[name]))
        if not join.side and join.args.get("on") is None:
            join.set("kind", "CROSS")


def merge_using_column(
    join: exp.Join,
    named: exp.Expr,
    before: Mapping[str, Columns],
    joined: tuple[str, Columns],
    merged: dict[str, exp.Expr],
    conditions: list[exp.Expr],
) -> TextFault | None:
    """Merge a column of USING, or return the fault that prevents it."""
    column, (name, columns) = named.name, joined
    having = [each for each, others in before.items() if column in others]
    if column not in columns or not having:
        message = f"column {column!r} is not on both sides of this JOIN; write ON"
        return TextFault(locate_node(named), "unknown-column", message)
    if column not in merged and len(having) > 1:
        message = f"column {column!r} is in {' and '.join(having)}; write ON {having[0]}.{column} = {name}.{column}"
        return TextFault(locate_node(named), "ambiguous-column", message)
    identifier = exp.to_identifier(column, quoted=True)
    left = merged.get(column) or exp.column(identifier, table=exp.to_identifier(having[0], quoted=True))
    right = exp.column(identifier.copy(), table=exp.to_identifier(name, quoted=True))
    conditions.append(exp.EQ(this=left.copy(), expression=right))
    match join.side:
        case "RIGHT":
            merged[column] = right.copy()
        case "FULL":
            merged[column] = exp.Coalesce(this=left.copy(), expressions=[right.copy()])
        case _:
            merged[column] = left
    return None


def find_join_faults(join: exp.Join, before: Mapping[str, Columns], joined: tuple[str, Columns]) -> Iterator[TextFault]:
    on, words = join.args.get("on"), join.side or join.kind
    if join.kind not in ("", "INNER", "OUTER", "CROSS"):
        yield TextFault(locate_node(join), "sql-forbidden", f"{join.kind} JOIN is not allowed; write {ALLOWED_JOINS}")
    elif on is None and join.side in OUTER and not join.meta.get("merged"):
        yield TextFault(locate_node(join), "sql-syntax", f"this {words} JOIN lacks its ON")
    elif on is not None and join.kind == "CROSS":
        yield TextFault(locate_node(on), "sql-syntax", "a CROSS JOIN takes no ON; write JOIN")
    elif on is not None:
        known = {*before, joined[0]}
        later = [each for each in on.find_all(exp.Column) if each.table and get_column_source(each) not in known]
        for column in later:
            message = f"{get_column_source(column)!r} is not joined yet here; an ON names what stands before it"
            yield TextFault(locate_node(column), "unknown-column", message)
        if (
            join.side in OUTER
            and not later
            and not any(is_equality_across(each, before, joined) for each in iter_conjuncts(on))
        ):
            message = f"a {words} JOIN needs an equality of a column on either side, such as a.date = b.date"
            yield TextFault(locate_node(on), "sql-forbidden", message)


def get_column_source(column: exp.Column) -> str:
    return column.table.rpartition(":")[2]


def iter_conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions that AND joins at the top."""
    inner = condition.unnest()
    if isinstance(inner, exp.And):
        yield from iter_conjuncts(inner.this)
        yield from iter_conjuncts(inner.expression)
    else:
        yield inner


def is_equality_across(condition: exp.Expr, before: Mapping[str, Columns], joined: tuple[str, Columns]) -> bool:
    """Whether a condition equates a value of the joined table and one of the tables before it."""
    if not isinstance(condition, exp.EQ):
        return False
    name, columns = joined
    sides = []
    for side in (condition.this, condition.expression):
        of = {
            (get_column_source(each) == name)
            if each.table
            else (each.name in columns and not has_column(each.name, before))
            for each in side.find_all(exp.Column)
        }
        sides.append(of)
    return sides in ([{True}, {False}], [{False}, {True}])


def has_column(column: str, sources: Mapping[str, Collection[str]]) -> bool:
    return any(column in columns for columns in sources.values())
