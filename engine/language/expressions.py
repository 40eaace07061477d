"""An analyst's expression, resolved against a table: its aggregates, and what is computed from them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlglot import exp
from sqlglot.generator import Generator

from engine.language.evaluator import NODES, Evaluate, compile_arithmetic
from engine.language.faults import Fault, Faults, refuse
from engine.language.parser import AGGREGATES, parse_expression, start_of
from engine.language.types import CONDITIONS, SPOKEN, TEXT_FUNCTIONS, annotate, is_constant, kind_faults, kind_of
from engine.suggestions import hint
from engine.tables import KINDS, NUMBERS, Column, Kind, Table


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate over rows, such as `SUM(sessions)`; two with the same text are the same.

    `argument` is a tree over the table's columns, or None for `COUNT(*)`. A metric's `where` is part of it.
    """

    text: str
    function: str = field(compare=False)
    argument: exp.Expr | None = field(compare=False)
    distinct: bool = field(compare=False, default=False)

    @property
    def mergeable(self) -> bool:
        """Whether the value over several days follows from the values of each day."""
        return not self.distinct or self.function in ("min", "max")


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Arithmetic over aggregates: the placeholders of `tree` are indices into `aggregates`."""

    text: str
    tree: exp.Expr
    aggregates: tuple[Aggregate, ...]
    additive: bool
    money: bool
    # Columns that may not be summed over days and are aggregated all the same, and where they stand.
    non_additive: tuple[tuple[str, int], ...] = ()

    @property
    def mergeable(self) -> bool:
        return all(aggregate.mergeable for aggregate in self.aggregates)

    @property
    def sum_of_several(self) -> bool:
        """Whether several sums are added: one without a value adds nothing, so that the buckets sum to the total."""
        return self.additive and len(self.aggregates) > 1

    def evaluator(self, positions: Mapping[Aggregate, int]) -> Evaluate:
        """A function from a row to the value; `positions` tells where the row has each aggregate."""
        if self.sum_of_several:
            terms = compile_arithmetic(self.tree)
            return sum_of_terms(terms, itemgetter(*(positions[each] for each in self.aggregates)))
        tree = self.tree.copy()
        for placeholder in list(tree.find_all(exp.Placeholder)):
            placeholder.set("this", str(positions[self.aggregates[int(placeholder.name)]]))
        return compile_arithmetic(tree)


def sum_of_terms(terms: Evaluate, pick: Callable[[Sequence[Any]], tuple[Any, ...]]) -> Evaluate:
    """Evaluate over the picked aggregates, with 0 for those without a value where another has one."""

    def summed(row: Sequence[Any]) -> Any:
        values = pick(row)
        if None not in values:
            return terms(values)
        known = [0 if value is None else value for value in values]
        return None if all(value is None for value in values) else terms(known)

    return summed


def resolve_expression(
    text: str,
    table: Table,
    where: exp.Expr | None = None,
    *,
    total_stated: bool = True,
    others: Iterable[Table] = (),
) -> Expression:
    """Read an aggregate expression over a table, each aggregate over the rows that pass `where` only.

    Unless the metric's total is stated, no column that is not additive may be aggregated. `others` are the tables
    that may have a column which this one lacks. Raises Faults.
    """
    tree, columns = parse_expression(text), table.columns
    non_additive = () if total_stated else unstated_totals(tree, columns)
    unknown = unknown_columns(tree, table, others)
    annotate(tree, kinds_of(table))
    out_of_place = tuple(misplaced(tree, columns))
    # Where no text may stand at all, what may be made a text is not worth telling.
    kinds = (fault for fault in kind_faults(tree) if not (out_of_place and fault.code == "not-a-text"))
    refuse((*unknown, *out_of_place, *kinds, *non_additive))
    kind = kind_of(tree)
    if kind not in NUMBERS:
        raise Faults(Fault(start_of(tree), "not-a-number", f"the value is {SPOKEN[kind]}; a metric is a number"))
    used = {column.name for column in tree.find_all(exp.Column)}
    aggregates: list[Aggregate] = []
    additive = is_additive(tree, columns)
    uses = tuple((column.name, start_of(column)) for column in non_additive_uses(tree, columns))
    return Expression(
        text=text,
        tree=lifted(tree, where, aggregates),
        aggregates=tuple(aggregates),
        additive=additive,
        money=any(columns[name].money for name in used),
        non_additive=uses,
    )


def resolve_predicate(text: str, table: Table, others: Iterable[Table] = ()) -> exp.Expr:
    """Read a row predicate over a table's columns; `others` as for an expression. Raises Faults."""
    tree = parse_expression(text)
    aggregates = (
        Fault(start_of(found), "aggregate-in-where", "an aggregate may not stand in where: it filters rows")
        for found in tree.find_all(*AGGREGATES)
    )
    annotate(tree, kinds_of(table))
    refuse((*aggregates, *unknown_columns(tree, table, others), *kind_faults(tree)))
    if (kind := kind_of(tree)) != "boolean":
        raise Faults(Fault(start_of(tree), "not-a-condition", f"where is {SPOKEN[kind]}; write a condition"))
    return tree


def kinds_of(table: Table) -> Callable[[exp.Column], Kind | None]:
    """What each column of a table is; None for one that it does not have, or whose type has a fault of its own."""
    return lambda column: KINDS.get(table.columns[column.name].type) if column.name in table.columns else None


def passing_rows(where: exp.Expr | None) -> Aggregate | None:
    """The number of rows that pass `where`: it tells a value of 0 from no value. None where all rows pass."""
    if where is None:
        return None
    return aggregate_of("count", guarded(None, where))


def extreme_text(function: str, column: str) -> Aggregate:
    """The least or greatest text of a column."""
    return aggregate_of(function, exp.column(column))


def unknown_columns(tree: exp.Expr, table: Table, others: Iterable[Table]) -> Iterator[Fault]:
    for column in tree.find_all(exp.Column):
        if column.table:
            message = f"{column.sql()!r} has a table's name in it; write {column.name!r}"
        elif column.name not in table.columns:
            message = unknown_column(column.name, table, others, quoted=column.this.quoted)
        else:
            continue
        yield Fault(start_of(column), "unknown-column", message)


def unknown_column(name: str, table: Table, others: Iterable[Table] = (), *, quoted: bool = False) -> str:
    """What is wrong with a column's name, and its remedy: in double quotes it may well be meant as text."""
    otherwise = next((f"; table {other.name} has it" for other in others if name in other.columns), "")
    if quoted:
        otherwise = f"; text stands in single quotes: '{name}'"
    return f"column {name!r} is not in table {table.name}{hint(name, table.columns, otherwise)}"


def misplaced(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[Fault]:
    """Aggregates inside aggregates, columns outside of them, an expression without any."""
    aggregates = list(tree.find_all(*AGGREGATES))
    if not aggregates and not tree.find(exp.Column):
        yield Fault(start_of(tree), "no-aggregate", "a value needs an aggregate, such as sum(column)")
    for aggregate in aggregates:
        kind = kind_of(aggregate)
        if aggregate.find_ancestor(*AGGREGATES):
            yield Fault(start_of(aggregate), "nested-aggregate", "an aggregate may not stand inside another one")
        elif kind in ("text", "date", "timestamp", "timestamptz") and aggregate is not tree.unnest():
            message = f"{aggregate.sql()!r} is {SPOKEN[kind]}; only numbers may stand outside of aggregates"
            yield Fault(start_of(aggregate), "not-a-number", message)
    for column in tree.find_all(exp.Column):
        if column.name in columns and not column.table and not column.find_ancestor(*AGGREGATES):
            name = column.name
            yield Fault(
                start_of(column),
                "not-aggregated",
                f"column {name!r} stands outside an aggregate; write sum({name})",
            )
    for found in tree.walk(prune=lambda each: isinstance(each, AGGREGATES)):
        if isinstance(found, TEXT_FUNCTIONS) or (isinstance(found, exp.Literal) and found.is_string):
            yield Fault(start_of(found), "not-a-number", "text may stand only inside an aggregate")
        elif not isinstance(found, AGGREGATES) and not known_above(found):
            name = found.key.replace("_", " ")
            yield Fault(start_of(found), "sql-forbidden", f"{name} may stand only inside an aggregate")


def known_above(node: exp.Expr) -> bool:
    """Whether a node can be computed from aggregates, outside the database."""
    inner = (exp.Column, exp.Identifier, exp.DataType, exp.DataTypeParam)
    return type(node) in NODES or isinstance(node, inner)


def is_additive(node: exp.Expr, columns: Mapping[str, Column]) -> bool:
    """Whether the days' values add up to the period's: sums and counts, + and −, constant factors."""
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
            return not isinstance(node.this, exp.Distinct) and not any(non_additive_uses(node, columns))
    return False


def unstated_totals(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[Fault]:
    for column in non_additive_uses(tree, columns):
        message = f"column {column.name!r} may not be summed over days; state total: average, last or period"
        yield Fault(start_of(column), "non-additive", message)


def non_additive_uses(tree: exp.Expr, columns: Mapping[str, Column]) -> Iterator[exp.Column]:
    """Columns that may not be summed over days and that an aggregate takes values of."""
    for column in tree.find_all(exp.Column):
        if column.name in columns and not columns[column.name].additive and not in_condition(column):
            yield column


def in_condition(node: exp.Expr) -> bool:
    """Whether a node only decides which values are taken, as in `CASE WHEN node > 0 THEN …`."""
    return node.find_ancestor(*CONDITIONS) is not None


def lifted(node: exp.Expr, where: exp.Expr | None, aggregates: list[Aggregate]) -> exp.Expr:
    """The tree, changed: every aggregate is replaced by a placeholder into `aggregates`."""

    def replaced(each: exp.Expr) -> exp.Expr:
        if isinstance(each, exp.Avg):
            parts = exp.Div(this=exp.Sum(this=each.this.copy()), expression=exp.Count(this=each.this.copy()))
            return exp.Paren(this=parts.transform(replaced))
        if not isinstance(each, AGGREGATES):
            return each
        distinct = isinstance(each.this, exp.Distinct)
        argument = each.this.expressions[0] if distinct else each.this
        if isinstance(argument, exp.Star):
            argument = None
        if where is not None:
            argument = guarded(argument, where)
        aggregate = aggregate_of(each.key, argument, distinct=distinct)
        if aggregate not in aggregates:
            aggregates.append(aggregate)
        placeholder = exp.Placeholder(this=str(aggregates.index(aggregate)))
        placeholder.meta["kind"] = kind_of(each)
        return placeholder

    return node.transform(replaced, copy=False)


def guarded(argument: exp.Expr | None, where: exp.Expr) -> exp.Expr:
    """The argument of an aggregate that skips the rows which do not pass `where`."""
    value = argument.copy() if argument is not None else exp.Literal.number(1)
    return exp.Case(ifs=[exp.If(this=where.copy(), true=value)])


class Writer(threading.local):
    """sqlglot's generator, one for each thread: making a new one takes longer than writing a text."""

    def __init__(self) -> None:
        self.generator = Generator()


WRITER = Writer()


def aggregate_of(function: str, argument: exp.Expr | None, *, distinct: bool = False) -> Aggregate:
    inner = "*" if argument is None else WRITER.generator.generate(argument, copy=False)
    return Aggregate(f"{function.upper()}({'DISTINCT ' if distinct else ''}{inner})", function, argument, distinct)
