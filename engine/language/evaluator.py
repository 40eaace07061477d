"""The evaluator of an expression: a Python function from a row of aggregates to the value.

The aggregates come from the database, and are added up over buckets, windows and members before. NULL is None, and so
is a division by zero; a number that no double holds is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from engine.language.function_values import Evaluator, Row, align_operands, is_equal, make_strict
from engine.language.functions import find_function
from engine.language.types import get_value_type, has_common_type

Value = float | bool | None


def compile_arithmetic(tree: exp.Expr) -> Evaluator:
    """Compile the evaluator of a tree, of which the placeholders are indices into the row."""
    evaluate = compile_node(tree)
    if isinstance(tree, exp.Placeholder):
        return evaluate

    def evaluate_finite(row: Row) -> Any:
        try:
            value = evaluate(row)
        except (OverflowError, ValueError):
            return math.nan
        return value if value is None or math.isfinite(value) else math.nan

    return evaluate_finite


def compile_node(tree: exp.Expr) -> Evaluator:
    evaluate = compile_call(tree) or NODE_COMPILERS[type(tree)](tree)
    # Whole numbers beside doubles are doubles.
    return make_strict(float, evaluate) if has_common_type(tree) and get_value_type(tree) == "double" else evaluate


def compile_call(tree: exp.Expr) -> Evaluator | None:
    """Compile the call of a function; None for any other node."""
    function = find_function(tree)
    if function is None or function.evaluate is None:
        return None
    return function.evaluate(*map(compile_node, function.get_arguments(tree)))


def is_computable(node: exp.Expr) -> bool:
    """Whether a node can be computed from aggregates, outside the database."""
    function = find_function(node)
    return type(node) in NODE_COMPILERS or (function is not None and function.evaluate is not None)


def compile_placeholder(tree: exp.Expr) -> Evaluator:
    # It is called for each bucket: what it needs is at hand.
    index, lowest, highest = int(tree.name), -math.inf, math.inf

    def read_finite(row: Row) -> Any:
        value = row[index]
        return value if value is None or lowest < value < highest else math.nan

    return read_finite


def compile_literal(tree: exp.Expr) -> Evaluator:
    value = parse_literal(tree)
    return lambda row: value


def parse_literal(tree: exp.Expr) -> float:
    return int(tree.name) if tree.is_int else float(tree.name)


def make_constant(value: Value) -> Callable[[exp.Expr], Evaluator]:
    return lambda tree: lambda row: value


def make_binary(operation: Callable[[Any, Any], Any]) -> Callable[[exp.Expr], Evaluator]:
    def compile_binary(tree: exp.Expr) -> Evaluator:
        left, right = compile_node(tree.this), compile_node(tree.expression)

        def evaluate_binary(row: Row) -> Any:
            a, b = left(row), right(row)
            return None if a is None or b is None else operation(a, b)

        return evaluate_binary

    return compile_binary


def make_comparison(operation: Callable[[Any, Any], bool]) -> Callable[[exp.Expr], Evaluator]:
    return make_binary(lambda a, b: operation(*align_operands(a, b)))


def compile_negation(tree: exp.Expr) -> Evaluator:
    if isinstance(tree.this, exp.Literal):
        value = parse_literal(tree.this)
        return lambda row: -value
    return make_strict(lambda value: -float(value), compile_node(tree.this))


def compile_division(tree: exp.Expr) -> Evaluator:
    left, right = compile_node(tree.this), compile_node(tree.expression)

    def evaluate_division(row: Row) -> Any:
        a, b = left(row), right(row)
        return None if a is None or not b else float(a) / b

    return evaluate_division


def truncate_number(value: float) -> int | None:
    """Return what stands before the point; None where no whole number is as large."""
    number = float(value)
    return math.trunc(number) if abs(number) < 2.0**63 else None


def compile_and(tree: exp.Expr) -> Evaluator:
    left, right = compile_node(tree.this), compile_node(tree.expression)

    def evaluate_and(row: Row) -> Any:
        a, b = left(row), right(row)
        if a is False or b is False:
            return False
        return None if a is None or b is None else True

    return evaluate_and


def compile_or(tree: exp.Expr) -> Evaluator:
    left, right = compile_node(tree.this), compile_node(tree.expression)

    def evaluate_or(row: Row) -> Any:
        a, b = left(row), right(row)
        if a is True or b is True:
            return True
        return None if a is None or b is None else False

    return evaluate_or


def compile_is(tree: exp.Expr) -> Evaluator:
    """Compile IS NULL, IS TRUE or IS FALSE, which are never NULL."""
    tested = compile_node(tree.this)
    wanted = None if isinstance(tree.expression, exp.Null) else bool(tree.expression.this)
    return lambda row: tested(row) is wanted


def compile_in(tree: exp.Expr) -> Evaluator:
    tested, members = compile_node(tree.this), [compile_node(member) for member in tree.expressions]

    def evaluate_in(row: Row) -> Any:
        value, values = tested(row), [member(row) for member in members]
        if value is None:
            return None
        if value in values:
            return True
        return None if None in values else False

    return evaluate_in


def compile_between(tree: exp.Expr) -> Evaluator:
    tested, low, high = (compile_node(tree.args[name]) for name in ("this", "low", "high"))

    def evaluate_between(row: Row) -> Any:
        value, least, most = tested(row), low(row), high(row)
        known = [each for each in (value, least, most) if each is not None]
        if value is None or len(known) == 1:
            return None
        value, *_ = known = list(align_operands(*known))
        # It is false already where one bound says so, be the other NULL.
        if (least is not None and value < known[1]) or (most is not None and value > known[-1]):
            return False
        return None if least is None or most is None else True

    return evaluate_between


def compile_case(tree: exp.Expr) -> Evaluator:
    subject = compile_node(tree.this) if tree.this is not None else None
    branches = [(compile_node(branch.this), compile_node(branch.args["true"])) for branch in tree.args["ifs"]]
    default = compile_node(tree.args["default"]) if tree.args.get("default") is not None else make_constant(None)(tree)

    def evaluate_case(row: Row) -> Any:
        value = subject(row) if subject else True
        for condition, result in branches:
            option = condition(row)
            if value is not None and option is not None and is_equal(value, option):
                return result(row)
        return default(row)

    return evaluate_case


def compile_cast(tree: exp.Expr) -> Evaluator:
    if tree.args["to"].this in (exp.DType.INT, exp.DType.BIGINT):
        return make_strict(
            int if get_value_type(tree.this) in ("whole", "boolean") else truncate_number, compile_node(tree.this)
        )
    return make_strict(float, compile_node(tree.this))


NODE_COMPILERS: dict[type[exp.Expr], Callable[[exp.Expr], Evaluator]] = {
    exp.Placeholder: compile_placeholder,
    exp.Literal: compile_literal,
    exp.Null: make_constant(None),
    exp.Boolean: lambda tree: make_constant(bool(tree.this))(tree),
    exp.Paren: lambda tree: compile_node(tree.this),
    # Whole numbers of any size are exact in Python, where databases compute in doubles.
    exp.Neg: compile_negation,
    exp.Add: make_binary(lambda a, b: float(a) + b),
    exp.Sub: make_binary(lambda a, b: float(a) - b),
    exp.Mul: make_binary(lambda a, b: float(a) * b),
    exp.Div: compile_division,
    exp.EQ: make_comparison(lambda a, b: a == b),
    exp.NEQ: make_comparison(lambda a, b: a != b),
    exp.LT: make_comparison(lambda a, b: a < b),
    exp.LTE: make_comparison(lambda a, b: a <= b),
    exp.GT: make_comparison(lambda a, b: a > b),
    exp.GTE: make_comparison(lambda a, b: a >= b),
    exp.And: compile_and,
    exp.Or: compile_or,
    exp.Not: lambda tree: make_strict(lambda value: not value, compile_node(tree.this)),
    exp.Is: compile_is,
    exp.In: compile_in,
    exp.Between: compile_between,
    exp.Case: compile_case,
    exp.Cast: compile_cast,
}
