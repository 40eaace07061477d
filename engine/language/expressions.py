"""An analyst's expression, resolved against a table: aggregates, and arithmetic over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from sqlglot import exp
from sqlglot.generator import Generator

from engine.faults import TextFault, TextFaults, raise_if_any
from engine.language.evaluator import compile_arithmetic, is_computable
from engine.language.function_values import Evaluator
from engine.language.functions import AGGREGATES, RANKS, makes_text
from engine.language.parser import locate_node, parse_expression
from engine.language.type_checks import find_type_faults
from engine.language.types import (
    COMPARISONS,
    CONDITIONS,
    TYPE_PHRASES,
    annotate_types,
    get_alternatives,
    get_value_type,
    is_constant,
    is_whole_valued,
    parse_fraction,
)
from engine.suggestions import find_nearest_names, suggest_name
from engine.tables import NUMBER_TYPES, VALUE_TYPES, Column, Table, ValueType

# Nodes of a tree that have no value of their own; IF as a branch of CASE.
VALUELESS_NODES = (exp.Column, exp.Identifier, exp.DataType, exp.DataTypeParam, exp.If)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over rows, such as `SUM(sessions)`; equal texts are equal aggregates.

    `argument` is a tree over the table's columns, or None for `COUNT(*)`. A metric's `where` is part of it.
    """

    text: str
    function: str = field(compare=False)
    argument: exp.Expr | None = field(compare=False)
    distinct: bool = field(compare=False, default=False)
    # Of a percentile: its part from 0 to 1, as text.
    fraction: str | None = field(compare=False, default=None)

    @property
    def is_mergeable(self) -> bool:
        """Whether the value over several days follows from the values of each day."""
        return self.fraction is None and (not self.distinct or self.function in ("min", "max"))


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Arithmetic over aggregates: the placeholders of `tree` are indices into `aggregates`."""

    text: str
    tree: exp.Expr
    aggregates: tuple[Aggregate, ...]
    additive: bool
    money: bool
    # Aggregated columns that may not be summed over days, with their offsets.
    non_additive: tuple[tuple[str, int], ...] = ()
    # What is legal, but hardly what is meant.
    doubts: tuple[TextFault, ...] = ()
    # Whether it is made of whole numbers alone; an average over days of them may still have a fraction.
    whole: bool = False

    @property
    def is_mergeable(self) -> bool:
        return all(aggregate.is_mergeable for aggregate in self.aggregates)

    @property
    def is_sum_of_several(self) -> bool:
        """Whether the value adds several sums.

        A sum without a value then adds nothing, so that the buckets add up to the total.
        """
        return self.additive and len(self.aggregates) > 1

    def compile_evaluator(self, positions: Mapping[Aggregate, int]) -> Evaluator:
        """Compile a function from a row to the value; `positions` locates the aggregates in the row."""
        if self.is_sum_of_several:
            terms = compile_arithmetic(self.tree)
            return make_sum_of_terms(terms, itemgetter(*(positions[each] for each in self.aggregates)))
        tree = self.tree.copy()
        for placeholder in list(tree.find_all(exp.Placeholder)):
            placeholder.set("this", str(positions[self.aggregates[int(placeholder.name)]]))
        return compile_arithmetic(tree)


def make_sum_of_terms(terms: Evaluator, pick: Callable[[Sequence[Any]], tuple[Any, ...]]) -> Evaluator:
    """Evaluate over the picked aggregates; a missing value is 0 if another one is there."""

    def evaluate_sum(row: Sequence[Any]) -> Any:
        values = pick(row)
        if None not in values:
            return terms(values)
        known = [0 if value is None else value for value in values]
        return None if all(value is None for value in values) else terms(known)

    return evaluate_sum


def resolve_expression(
    text: str,
    table: Table,
    where: exp.Expr | None = None,
    *,
    total_stated: bool = True,
    others: Iterable[Table] = (),
    metrics: Collection[str] = (),
    is_condition: bool = False,
) -> Expression:
    """Resolve an aggregate expression over the rows of a table that pass `where`; a number, or a condition.

    Unless the metric's total is stated, no column that is not additive may be aggregated. `others` are the tables
    that may have a column which this one lacks, `metrics` the keys of all metrics. Raises TextFaults.
    """
    tree, columns = parse_expression(text), table.columns
    raise_if_any(find_metric_keys(tree, metrics))
    # What a condition compares are values, too.
    roots = [each.copy() for each in tree.find_all(*AGGREGATES)] if is_condition else [tree]
    non_additive = () if total_stated else tuple(each for root in roots for each in find_unstated_totals(root, columns))
    unknown = find_unknown_columns(tree, table, others)
    annotate_types(tree, make_type_lookup(table))
    out_of_place = tuple(find_misplaced_nodes(tree, columns))
    # If no text is allowed at all, faults about texts are not reported.
    kinds = (fault for fault in find_type_faults(tree) if not (out_of_place and fault.code == "not-a-text"))
    raise_if_any((*unknown, *out_of_place, *kinds, *non_additive))
    kind = get_value_type(tree)
    if is_condition and kind != "boolean":
        raise TextFaults(
            TextFault(locate_node(tree), "not-a-condition", f"having is {TYPE_PHRASES[kind]}; write a condition")
        )
    if not is_condition and kind not in NUMBER_TYPES:
        raise TextFaults(
            TextFault(locate_node(tree), "not-a-number", f"the value is {TYPE_PHRASES[kind]}; a metric is a number")
        )
    used = {column.name for column in tree.find_all(exp.Column)}
    aggregates: list[Aggregate] = []
    additive, whole = is_additive(tree, columns), is_whole_valued(tree)
    doubts = tuple(find_doubtful_counts(tree))
    uses = tuple((column.name, locate_node(column)) for column in find_non_additive_uses(tree, columns))
    return Expression(
        text=text,
        tree=lift_aggregates(tree, where, aggregates),
        aggregates=tuple(aggregates),
        additive=additive,
        money=any(columns[name].money for name in used),
        non_additive=uses,
        doubts=doubts,
        whole=whole,
    )


def resolve_predicate(text: str, table: Table, others: Iterable[Table] = ()) -> exp.Expr:
    """Resolve a row predicate over a table's columns.

    `others` are the tables that may have a column which this one lacks. Raises TextFaults.
    """
    tree = parse_expression(text)
    aggregates = (
        TextFault(
            locate_node(found),
            "aggregate-in-where",
            "an aggregate may not stand in where, which filters rows; of a table's members, `having:` is a condition",
        )
        for found in tree.find_all(*AGGREGATES)
    )
    annotate_types(tree, make_type_lookup(table))
    raise_if_any((*aggregates, *find_unknown_columns(tree, table, others), *find_type_faults(tree)))
    if (kind := get_value_type(tree)) != "boolean":
        raise TextFaults(
            TextFault(locate_node(tree), "not-a-condition", f"where is {TYPE_PHRASES[kind]}; write a condition")
        )
    return tree


def make_type_lookup(table: Table) -> Callable[[exp.Column], ValueType | None]:
    """Return a function from a column to its type; None for one that is unknown or invalid."""
    return lambda column: VALUE_TYPES.get(table.columns[column.name].type) if column.name in table.columns else None


def count_passing_rows(where: exp.Expr | None) -> Aggregate | None:
    """Count the rows that pass `where`, which tells a value of 0 from no value.

    Returns None if all rows pass.
    """
    if where is None:
        return None
    return make_aggregate("count", guard_argument(None, where))


def make_text_extreme(function: str, column: str) -> Aggregate:
    """Return the aggregate for the least or greatest text of a column."""
    return make_aggregate(function, exp.column(column))


def make_percentile(argument: exp.Expr | None, fraction: exp.Expr | None) -> Aggregate:
    """Return the aggregate of a percentile, or without a fraction of the median."""
    part = (None if fraction is None else parse_fraction(fraction)) or "0.5"
    inner = make_aggregate("percentile", argument)
    return replace(inner, text=f"{inner.text} AT {part}", fraction=part)


def make_latest_text(column: str, day: str, where: exp.Expr | None) -> Aggregate:
    """Return the aggregate for the latest text of a column that is not empty, behind its day as `2025-01-31`.

    Of several on one day it is the greatest.
    """
    known = exp.Nullif(this=exp.column(column), expression=exp.Literal.string(""))
    text = exp.Concat(expressions=[exp.column(day), known])
    return make_aggregate("max", text if where is None else guard_argument(text, where))


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


def lift_aggregates(node: exp.Expr, where: exp.Expr | None, aggregates: list[Aggregate]) -> exp.Expr:
    """Replace each aggregate of the tree by a placeholder into `aggregates`, in place."""

    def replace_aggregate(each: exp.Expr) -> exp.Expr:
        if isinstance(each, exp.Avg):
            parts = exp.Div(this=exp.Sum(this=each.this.copy()), expression=exp.Count(this=each.this.copy()))
            return exp.Paren(this=parts.transform(replace_aggregate))
        if not isinstance(each, AGGREGATES):
            return each
        distinct = isinstance(each.this, exp.Distinct)
        argument = each.this.expressions[0] if distinct else each.this
        if isinstance(argument, exp.Star):
            argument = None
        if where is not None:
            argument = guard_argument(argument, where)
        if isinstance(each, RANKS):
            aggregate = make_percentile(argument, each.args.get("quantile"))
        else:
            aggregate = make_aggregate(each.key, argument, distinct=distinct)
        if aggregate not in aggregates:
            aggregates.append(aggregate)
        placeholder = exp.Placeholder(this=str(aggregates.index(aggregate)))
        placeholder.meta["kind"] = get_value_type(each)
        return placeholder

    return node.transform(replace_aggregate, copy=False)


def guard_argument(argument: exp.Expr | None, where: exp.Expr) -> exp.Expr:
    """Return an aggregate's argument that skips the rows which do not pass `where`."""
    value = argument.copy() if argument is not None else exp.Literal.number(1)
    return exp.Case(ifs=[exp.If(this=where.copy(), true=value)])


class LocalGenerator(threading.local):
    """sqlglot's generator, one per thread: creating one takes longer than writing a text."""

    def __init__(self) -> None:
        self.generator = Generator()


LOCAL_GENERATOR = LocalGenerator()


def make_aggregate(function: str, argument: exp.Expr | None, *, distinct: bool = False) -> Aggregate:
    inner = "*" if argument is None else LOCAL_GENERATOR.generator.generate(argument, copy=False)
    return Aggregate(f"{function.upper()}({'DISTINCT ' if distinct else ''}{inner})", function, argument, distinct)
