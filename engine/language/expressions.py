"""An analyst's expression, resolved against a table: aggregates, and arithmetic over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from sqlglot import exp
from sqlglot.generator import Generator

from engine.faults import TextFault, TextFaults, raise_if_any
from engine.language.evaluator import compile_arithmetic
from engine.language.expression_checks import (
    count_money_factors,
    find_doubtful_counts,
    find_metric_keys,
    find_misplaced_nodes,
    find_non_additive_uses,
    find_unknown_columns,
    find_unstated_totals,
    is_additive,
)
from engine.language.function_values import Evaluator
from engine.language.functions import AGGREGATES, RANKS
from engine.language.parser import locate_node, parse_expression
from engine.language.type_checks import find_type_faults
from engine.language.types import (
    TYPE_PHRASES,
    annotate_types,
    get_value_type,
    is_whole_valued,
    parse_fraction,
)
from engine.tables import NUMBER_TYPES, VALUE_TYPES, Table, ValueType


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
    # Whether it is made of money, and of how many amounts it is a product, if that can be told.
    money: bool
    money_factors: int | None
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

    def count_money(column: exp.Column) -> int | None:
        # One whose declaration has errors may be money.
        return int(columns[column.name].money) if columns[column.name].type in VALUE_TYPES else None

    money = any(count_money(column) != 0 for column in tree.find_all(exp.Column))
    money_factors = count_money_factors(tree, count_money)
    aggregates: list[Aggregate] = []
    additive, whole = is_additive(tree, columns), is_whole_valued(tree)
    doubts = tuple(find_doubtful_counts(tree))
    uses = tuple((column.name, locate_node(column)) for column in find_non_additive_uses(tree, columns))
    return Expression(
        text=text,
        tree=lift_aggregates(tree, where, aggregates),
        aggregates=tuple(aggregates),
        additive=additive,
        money=money,
        money_factors=money_factors,
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
