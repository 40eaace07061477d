"""An expression's value in exact fractions, and whether it is additive."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.support.oracle.syntax import (
    Node,
    OracleAggregate,
    OracleCall,
    OracleCase,
    OracleColumn,
    OracleLiteral,
    walk_nodes,
)

Row = Mapping[str, Any]
Value = Fraction | str | bool | date | None


def convert_cell(value: object) -> Value:
    """Convert a cell to SQL's value; numbers become fractions, exact in any order of addition."""
    if value is None or isinstance(value, bool | str | date | Fraction):
        return value
    if isinstance(value, int | float | Decimal):
        return Fraction(value)
    raise TypeError(f"a cell cannot hold {value!r}")


def require_number(value: Value) -> Fraction | None:
    if value is None or (isinstance(value, Fraction)):
        return value
    raise TypeError(f"{value!r} is not a number")


def evaluate_row(node: Node, row: Row) -> Value:
    """Evaluate an expression on one row, or on one value per metric."""
    return evaluate_node(node, row, None)


def evaluate_group(node: Node, rows: Sequence[Row], *, additive: bool = False) -> Fraction | None:
    """Evaluate an expression over rows; missing terms of an additive one count as zero."""
    terms = (
        [compute_aggregate(each, rows) for each in walk_nodes(node) if isinstance(each, OracleAggregate)]
        if additive
        else []
    )
    some = any(term is not None for term in terms)
    return require_number(evaluate_node(node, None, rows, absent=Fraction(0) if some else None))


def meets_predicate(node: Node | None, row: Row) -> bool:
    """Whether a row meets a predicate; NULL does not."""
    return node is None or evaluate_row(node, row) is True


def evaluate_node(node: Node, row: Row | None, rows: Sequence[Row] | None, *, absent: Fraction | None = None) -> Value:
    """Evaluate a node on a row or on rows; `absent` replaces an aggregate without a value."""
    match node:
        case OracleLiteral(value=value):
            return value
        case OracleColumn(name=name):
            if row is None:
                raise ValueError(f"column {name} stands outside an aggregate")
            return convert_cell(row[name])
        case OracleAggregate():
            if rows is None:
                raise ValueError(f"{node.name} stands inside a row expression")
            term = compute_aggregate(node, rows)
            return absent if term is None else term
        case OracleCase(branches=branches, otherwise=otherwise):
            for condition, result in branches:
                if evaluate_node(condition, row, rows, absent=absent) is True:
                    return evaluate_node(result, row, rows, absent=absent)
            return evaluate_node(otherwise, row, rows, absent=absent)
    values = [evaluate_node(argument, row, rows, absent=absent) for argument in node.arguments]
    if node.name in LENIENT:
        return LENIENT[node.name](values)
    if any(value is None for value in values):
        return None
    return STRICT[node.name](*values)


def compute_aggregate(node: OracleAggregate, rows: Sequence[Row]) -> Value:
    if node.argument is None:
        return Fraction(len(rows))
    values = [value for row in rows if (value := evaluate_row(node.argument, row)) is not None]
    if node.distinct:
        values = list(dict.fromkeys(values))
    if node.name == "count":
        return Fraction(len(values))
    if not values:
        return None
    if node.part is not None:
        return compute_rank(node.part, sorted(require_number(value) or Fraction(0) for value in values))
    if node.name in ("min", "max"):
        return (min if node.name == "min" else max)(values)
    total = sum((require_number(value) or Fraction(0) for value in values), Fraction(0))
    return total / len(values) if node.name == "avg" else total


def compute_rank(part: Fraction, values: Sequence[Fraction]) -> Fraction:
    """Compute the value at a part of the way from the least to the greatest, between two of them on the line."""
    place = part * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def evaluate_or(values: Sequence[Value]) -> bool | None:
    """Evaluate OR in three-valued logic."""
    if True in values:
        return True
    return None if None in values else False


def evaluate_and(values: Sequence[Value]) -> bool | None:
    """Evaluate AND in three-valued logic."""
    if False in values:
        return False
    return None if None in values else True


def evaluate_not(value: Value) -> bool | None:
    return None if value is None else not value


def evaluate_in(values: Sequence[Value]) -> bool | None:
    """Evaluate IN: NULL if no element is equal and one is NULL."""
    subject, *options = values
    return evaluate_or([None if subject is None or option is None else subject == option for option in options])


def evaluate_coalesce(values: Sequence[Value]) -> Value:
    return next((value for value in values if value is not None), None)


def make_extreme(choose: Callable[[list[Any]], Value]) -> Callable[[Sequence[Value]], Value]:
    def choose_extreme(values: Sequence[Value]) -> Value:
        present = [value for value in values if value is not None]
        return choose(present) if present else None

    return choose_extreme


def evaluate_if(values: Sequence[Value]) -> Value:
    """Evaluate IF, whose third argument is optional."""
    condition, result, *otherwise = values
    return result if condition is True else next(iter(otherwise), None)


def evaluate_nullif(values: Sequence[Value]) -> Value:
    subject, other = values
    return None if subject is not None and subject == other else subject


def round_half_away(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """Round, with a half away from zero."""
    scale = Fraction(10) ** int(digits)
    size = math.floor(abs(value) * scale + Fraction(1, 2)) / scale
    return -size if value < 0 else size


def compute_remainder(dividend: Fraction, divisor: Fraction) -> Fraction | None:
    """Compute the remainder with the sign of the dividend, as in SQL."""
    if divisor == 0:
        return None
    size = abs(dividend) % abs(divisor)
    return -size if dividend < 0 else size


def match_like(text: str, pattern: str) -> bool:
    """Match LIKE, with case: % is any text and _ one character."""
    parts = ({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


LENIENT: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "and": evaluate_and,
    "or": evaluate_or,
    "not": lambda values: evaluate_not(values[0]),
    "is null": lambda values: values[0] is None,
    "in": evaluate_in,
    "coalesce": evaluate_coalesce,
    "if": evaluate_if,
    "nullif": evaluate_nullif,
    "greatest": make_extreme(max),
    "least": make_extreme(min),
}

STRICT: Mapping[str, Callable[..., Value]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: None if right == 0 else left / right,
    "%": compute_remainder,
    "negative": lambda value: -value,
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "like": match_like,
    "abs": abs,
    "round": round_half_away,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "lower": str.lower,
    "upper": str.upper,
    "length": lambda value: Fraction(len(value)),
    "trim": lambda value: value.strip(" "),
    "concat": lambda *values: "".join(values),
    "||": lambda left, right: left + right,
}


def is_constant(node: Node) -> bool:
    return not any(isinstance(part, OracleColumn | OracleAggregate) for part in walk_nodes(node))


def is_additive(node: Node, unsummable: frozenset[str]) -> bool:
    """Whether the values of a period's parts add up to that of the whole.

    True for sums and counts of columns that are not in `unsummable`, joined by + and -, multiplied or divided by
    constants.
    """
    match node:
        case OracleAggregate(name="sum" | "count", distinct=False):
            return unsummable.isdisjoint(part.name for part in walk_nodes(node) if isinstance(part, OracleColumn))
        case OracleCall(name="negative", arguments=(inner,)):
            return is_additive(inner, unsummable)
        case OracleCall(name="+" | "-", arguments=(left, right)):
            return is_additive(left, unsummable) and is_additive(right, unsummable)
        case OracleCall(name="*", arguments=(left, right)):
            return (is_constant(left) and is_additive(right, unsummable)) or (
                is_constant(right) and is_additive(left, unsummable)
            )
        case OracleCall(name="/", arguments=(left, right)):
            return is_constant(right) and is_additive(left, unsummable)
    return False
