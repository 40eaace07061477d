"""What an expression may not say of its table: unknown columns, doubtful counts, sums that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from sqlglot import exp

from engine.faults import TextFault
from engine.language.evaluator import is_computable
from engine.language.functions import AGGREGATES, find_function
from engine.language.parser import locate_node
from engine.language.types import (
    COMPARISONS,
    CONDITIONS,
    TYPE_PHRASES,
    get_alternatives,
    get_value_type,
    is_constant,
)
from engine.suggestions import find_nearest_names, suggest_name
from engine.tables import Column, Table

ROOTS_AND_POWERS = (exp.Sqrt, exp.Pow, exp.Exp, exp.Ln)
# Nodes of a tree that have no value of their own; IF as a branch of CASE.
VALUELESS_NODES = (exp.Column, exp.Identifier, exp.DataType, exp.DataTypeParam, exp.If)


def find_unknown_columns(tree: exp.Expr, table: Table, others: Iterable[Table]) -> Iterator[TextFault]:
    for column in tree.find_all(exp.Column):
        if column.table and (column.name in table.columns or not find_nearest_names(column.name, table.columns)):
            message = f"{column.sql()!r} has a table's name in it; write {column.name!r}"
        elif column.name not in table.columns:
            is_text = column.this.args.get("quoted") or is_compared_with_text(column, table)
            message = describe_unknown_column(column.name, table, others, quoted=bool(is_text))
        else:
            continue
        yield TextFault(locate_node(column), "unknown-column", message)


def find_doubtful_counts(tree: exp.Expr) -> Iterator[TextFault]:
    """Find counts of what is never NULL, so that rows which fail the condition count too."""
    for count in tree.find_all(exp.Count):
        counted = count.this.unnest()
        if isinstance(counted, exp.Distinct):
            continue
        alternatives = get_alternatives(counted)
        # A branch that is missing is NULL.
        whole = isinstance(counted, exp.If) or (isinstance(counted, exp.Case) and counted.args.get("default"))
        values = whole and len(alternatives) > 1 and all(isinstance(each, exp.Literal) for each in alternatives)
        if get_value_type(counted) == "boolean" and not isinstance(counted, exp.Column):
            message = (
                f"count counts the rows where this is false too; write count(case when {counted.sql()} then 1 end)"
            )
        elif values:
            message = "count counts the rows of every branch; leave the other branch out"
        else:
            continue
        yield TextFault(locate_node(counted), "doubtful-count", message)


def find_percent_factors(node: exp.Expr) -> Iterator[TextFault]:
    """Find a factor of 100, of which `format: percent` makes per cents a second time."""
    match node:
        case exp.Paren() | exp.Neg() | exp.Round():
            yield from find_percent_factors(node.this)
        case exp.Mul():
            yield from find_percent_factors(node.this)
            yield from find_percent_factors(node.expression)
        case exp.Div():
            yield from find_percent_factors(node.this)
        case exp.Literal() if not node.is_string and float(node.name) == 100:
            message = "format: percent writes 0.5 as 50 %; remove the 100"
            yield TextFault(locate_node(node), "doubtful-percent", message)


def count_money_factors(node: exp.Expr, count: Callable[[exp.Column], int | None]) -> int | None:
    """Count the amounts that a value is a product of, less those it is divided by: 1 makes it an amount itself.

    `count` tells it of a column. A number is taken for whatever it is added to or compared with. None where it cannot
    be told.
    """
    match node:
        case exp.Column():
            return count(node)
        case exp.Count():
            return 0
        case exp.Mul() | exp.Div():
            first, second = (count_money_factors(each, count) for each in (node.this, node.expression))
            if first is None or second is None:
                return None
            return first + second if isinstance(node, exp.Mul) else first - second
    children = get_alternatives(node) or node.iter_expressions()
    factors = [factor for child in children if (factor := count_money_factors(child, count)) != 0]
    if factors and (None in factors or isinstance(node, ROOTS_AND_POWERS)):
        return None
    return factors[0] if factors else 0


def find_metric_keys(tree: exp.Expr, metrics: Collection[str]) -> Iterator[TextFault]:
    """Find the first name that is a metric's key, which only `derive` knows."""
    for column in tree.find_all(exp.Column):
        if column.table and (key := ".".join(part.name for part in column.parts)) in metrics:
            message = f"{key!r} is a metric; arithmetic between metrics stands under `derive:`"
            yield TextFault(locate_node(column), "unknown-column", message)
            return


def is_compared_with_text(node: exp.Expr, table: Table) -> bool:
    """Whether a node stands beside a text column in a comparison."""
    parent = node.parent
    if not isinstance(parent, (*COMPARISONS, exp.Like)):
        return False
    compared = (each.unnest() for each in parent.iter_expressions() if each is not node)
    return any(
        isinstance(each, exp.Column) and each.name in table.columns and table.columns[each.name].type == "text"
        for each in compared
    )


def describe_unknown_column(name: str, table: Table, others: Iterable[Table] = (), *, quoted: bool = False) -> str:
    """Describe an unknown column and its remedy.

    A name in double quotes may be meant as text.
    """
    otherwise = next((f"; table {other.name} has it" for other in others if name in other.columns), "")
    if quoted:
        otherwise = f"; text stands in single quotes: '{name}'"
    return f"column {name!r} is not in table {table.name}{suggest_name(name, table.columns, otherwise)}"


def find_misplaced_nodes(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[TextFault]:
    """Find aggregates inside aggregates, columns outside of them, and a missing aggregate."""
    aggregates = list(tree.find_all(*AGGREGATES))
    if not aggregates and not tree.find(exp.Column):
        yield TextFault(locate_node(tree), "no-aggregate", "a value needs an aggregate, such as sum(column)")
    for aggregate in aggregates:
        kind = get_value_type(aggregate)
        if aggregate.find_ancestor(*AGGREGATES):
            yield TextFault(locate_node(aggregate), "nested-aggregate", "an aggregate may not stand inside another one")
        elif kind in ("text", "date", "timestamp", "timestamptz") and aggregate is not tree.unnest():
            message = f"{aggregate.sql()!r} is {TYPE_PHRASES[kind]}; only numbers may stand outside of aggregates"
            yield TextFault(locate_node(aggregate), "not-a-number", message)
    for column in tree.find_all(exp.Column):
        if column.name in columns and not column.table and not column.find_ancestor(*AGGREGATES):
            name = column.name
            yield TextFault(
                locate_node(column),
                "not-aggregated",
                f"column {name!r} stands outside an aggregate; write sum({name})",
            )
    for found in tree.walk(prune=lambda each: isinstance(each, AGGREGATES)):
        if makes_text(found) or (isinstance(found, exp.Literal) and found.is_string):
            yield TextFault(locate_node(found), "not-a-number", "text may stand only inside an aggregate")
        elif not isinstance(found, (*AGGREGATES, *VALUELESS_NODES)) and not is_computable(found):
            name = found.key.replace("_", " ")
            yield TextFault(locate_node(found), "sql-forbidden", f"{name} may stand only inside an aggregate")


def is_additive(node: exp.Expr, columns: Mapping[str, Column]) -> bool:
    """Whether the days' values add up to the period's: sums, counts, + and −, constant factors."""
    match node:
        case exp.Paren() | exp.Neg():
            return is_additive(node.this, columns)
        case exp.Add() | exp.Sub():
            return is_additive(node.this, columns) and is_additive(node.expression, columns)
        case exp.Mul():
            left, right = node.this, node.expression
            return (is_constant(left) and is_additive(right, columns)) or (
                is_constant(right) and is_additive(left, columns)
            )
        case exp.Div():
            return is_additive(node.this, columns) and is_constant(node.expression)
        case exp.Sum() | exp.Count():
            return not isinstance(node.this, exp.Distinct) and not any(find_non_additive_uses(node, columns))
    return False


def find_unstated_totals(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[TextFault]:
    for column in find_non_additive_uses(tree, columns):
        message = f"column {column.name!r} may not be summed over days; state total: average, last or period"
        yield TextFault(locate_node(column), "non-additive", message)


def find_non_additive_uses(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[exp.Column]:
    """Find columns that may not be summed over days, but whose values are aggregated."""
    for column in tree.find_all(exp.Column):
        if column.name in columns and not columns[column.name].additive and not is_in_condition(column):
            yield column


def is_in_condition(node: exp.Expr) -> bool:
    """Whether a node only selects values, as in `CASE WHEN node > 0 THEN …`."""
    return node.find_ancestor(*CONDITIONS) is not None


def makes_text(node: exp.Expr) -> bool:
    """Whether a node is a function of which the value is a text."""
    function = find_function(node)
    return function is not None and function.gives == "text"
