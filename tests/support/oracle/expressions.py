"""What an expression of the metric language is worth, in exact fractions, and whether it is additive."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.support.oracle.syntax import Aggregate, Call, Case, Column, Literal, Node, walk

Row = Mapping[str, Any]
Value = Fraction | str | bool | date | None


def exact(value: object) -> Value:
    """A cell as SQL sees it; every number is a fraction, so that no order of adding matters."""
    if value is None or isinstance(value, bool | str | date | Fraction):
        return value
    if isinstance(value, int | float | Decimal):
        return Fraction(value)
    raise TypeError(f"a cell cannot hold {value!r}")


def number(value: Value) -> Fraction | None:
    if value is None or (isinstance(value, Fraction)):
        return value
    raise TypeError(f"{value!r} is not a number")


def scalar(node: Node, row: Row) -> Value:
    """The expression on one row (or on one value per metric)."""
    return evaluate(node, row, None)


def aggregated(node: Node, rows: Sequence[Row], *, additive: bool = False) -> Fraction | None:
    """The expression over a group of rows; a term of an additive one that has no value adds nothing to the others."""
    terms = [aggregate(each, rows) for each in walk(node) if isinstance(each, Aggregate)] if additive else []
    some = any(term is not None for term in terms)
    return number(evaluate(node, None, rows, absent=Fraction(0) if some else None))


def passes(node: Node | None, row: Row) -> bool:
    """Whether a row meets a predicate; unknown is not met."""
    return node is None or scalar(node, row) is True


def evaluate(node: Node, row: Row | None, rows: Sequence[Row] | None, *, absent: Fraction | None = None) -> Value:
    """`absent` stands for an aggregate that has no value."""
    match node:
        case Literal(value=value):
            return value
        case Column(name=name):
            if row is None:
                raise ValueError(f"column {name} stands outside an aggregate")
            return exact(row[name])
        case Aggregate():
            if rows is None:
                raise ValueError(f"{node.name} stands inside a row expression")
            term = aggregate(node, rows)
            return absent if term is None else term
        case Case(branches=branches, otherwise=otherwise):
            for condition, result in branches:
                if evaluate(condition, row, rows, absent=absent) is True:
                    return evaluate(result, row, rows, absent=absent)
            return evaluate(otherwise, row, rows, absent=absent)
    values = [evaluate(argument, row, rows, absent=absent) for argument in node.arguments]
    if node.name in LENIENT:
        return LENIENT[node.name](values)
    if any(value is None for value in values):
        return None
    return STRICT[node.name](*values)


def aggregate(node: Aggregate, rows: Sequence[Row]) -> Value:
    if node.argument is None:
        return Fraction(len(rows))
    values = [value for row in rows if (value := scalar(node.argument, row)) is not None]
    if node.distinct:
        values = list(dict.fromkeys(values))
    if node.name == "count":
        return Fraction(len(values))
    if not values:
        return None
    if node.name in ("min", "max"):
        return (min if node.name == "min" else max)(values)
    total = sum((number(value) or Fraction(0) for value in values), Fraction(0))
    return total / len(values) if node.name == "avg" else total


def either(values: Sequence[Value]) -> bool | None:
    """OR in three-valued logic."""
    if True in values:
        return True
    return None if None in values else False


def both(values: Sequence[Value]) -> bool | None:
    """AND in three-valued logic."""
    if False in values:
        return False
    return None if None in values else True


def opposite(value: Value) -> bool | None:
    return None if value is None else not value


def member(values: Sequence[Value]) -> bool | None:
    """IN: an unknown element leaves a miss unknown."""
    subject, *options = values
    return either([None if subject is None or option is None else subject == option for option in options])


def first_known(values: Sequence[Value]) -> Value:
    return next((value for value in values if value is not None), None)


def extreme(choose: Callable[[list[Any]], Value]) -> Callable[[Sequence[Value]], Value]:
    def chosen(values: Sequence[Value]) -> Value:
        known = [value for value in values if value is not None]
        return choose(known) if known else None

    return chosen


def chosen(values: Sequence[Value]) -> Value:
    """IF, whose third argument may be left out."""
    condition, result, *otherwise = values
    return result if condition is True else next(iter(otherwise), None)


def null_if(values: Sequence[Value]) -> Value:
    subject, other = values
    return None if subject is not None and subject == other else subject


def rounded(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """Half away from zero."""
    scale = Fraction(10) ** int(digits)
    size = math.floor(abs(value) * scale + Fraction(1, 2)) / scale
    return -size if value < 0 else size


def remainder(dividend: Fraction, divisor: Fraction) -> Fraction | None:
    """With the sign of the dividend, as SQL has it."""
    if divisor == 0:
        return None
    size = abs(dividend) % abs(divisor)
    return -size if dividend < 0 else size


def like(text: str, pattern: str) -> bool:
    """Case counts; % is any text and _ one character."""
    parts = ({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


LENIENT: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "and": both,
    "or": either,
    "not": lambda values: opposite(values[0]),
    "is null": lambda values: values[0] is None,
    "in": member,
    "coalesce": first_known,
    "if": chosen,
    "nullif": null_if,
    "greatest": extreme(max),
    "least": extreme(min),
}

STRICT: Mapping[str, Callable[..., Value]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: None if right == 0 else left / right,
    "%": remainder,
    "negative": lambda value: -value,
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "like": like,
    "abs": abs,
    "round": rounded,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "lower": str.lower,
    "upper": str.upper,
    "length": lambda value: Fraction(len(value)),
    "trim": lambda value: value.strip(" "),
    "concat": lambda *values: "".join(values),
    "||": lambda left, right: left + right,
}


def constant(node: Node) -> bool:
    return not any(isinstance(part, Column | Aggregate) for part in walk(node))


def additive(node: Node, unsummable: frozenset[str]) -> bool:
    """Whether parts of a period add up to the whole: sums and counts of columns outside `unsummable`,
    joined by + and -, multiplied or divided by constants."""
    match node:
        case Aggregate(name="sum" | "count", distinct=False):
            return unsummable.isdisjoint(part.name for part in walk(node) if isinstance(part, Column))
        case Call(name="negative", arguments=(inner,)):
            return additive(inner, unsummable)
        case Call(name="+" | "-", arguments=(left, right)):
            return additive(left, unsummable) and additive(right, unsummable)
        case Call(name="*", arguments=(left, right)):
            return (constant(left) and additive(right, unsummable)) or (constant(right) and additive(left, unsummable))
        case Call(name="/", arguments=(left, right)):
            return constant(right) and additive(left, unsummable)
    return False
