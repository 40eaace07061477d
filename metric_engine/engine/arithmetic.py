"""What stands above the aggregates of an expression, as a Python function: SQL's arithmetic.

The aggregates come from the database; adding them up over buckets, windows and members, and the division at
the very end, are done here. NULL is None, and so is a division by zero; what no double can hold is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

Value = float | bool | None
Row = Sequence[Any]
Evaluate = Callable[[Row], Any]


def compile_arithmetic(tree: exp.Expr) -> Evaluate:
    """A function from a row of aggregates to the value of `tree`; placeholders are indices into the row."""
    evaluate = node(tree)
    if isinstance(tree, exp.Placeholder):
        return evaluate

    def finite(row: Row) -> Any:
        try:
            value = evaluate(row)
        except (OverflowError, ValueError):
            return math.nan
        return value if value is None or math.isfinite(value) else math.nan

    return finite


def node(tree: exp.Expr) -> Evaluate:
    compile_node = NODES[type(tree)]
    return compile_node(tree)


def placeholder(tree: exp.Expr) -> Evaluate:
    index = int(tree.name)

    def finite(row: Row) -> Any:
        value = row[index]
        return value if value is None or -math.inf < value < math.inf else math.nan

    return finite


def literal(tree: exp.Expr) -> Evaluate:
    value = float(tree.name)
    return lambda row: value


def constant(value: Value) -> Callable[[exp.Expr], Evaluate]:
    return lambda tree: lambda row: value


def strict(operation: Callable[..., Any], *arguments: Evaluate) -> Evaluate:
    """NULL where any argument is NULL."""
    if len(arguments) == 1:
        (only,) = arguments

        def unary(row: Row) -> Any:
            value = only(row)
            return None if value is None else operation(value)

        return unary

    def applied(row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        return None if None in values else operation(*values)

    return applied


def binary(operation: Callable[[Any, Any], Any]) -> Callable[[exp.Expr], Evaluate]:
    def compile_binary(tree: exp.Expr) -> Evaluate:
        left, right = node(tree.this), node(tree.expression)

        def applied(row: Row) -> Any:
            a, b = left(row), right(row)
            return None if a is None or b is None else operation(a, b)

        return applied

    return compile_binary


def division(tree: exp.Expr) -> Evaluate:
    left, right = node(tree.this), node(tree.expression)

    def divided(row: Row) -> Any:
        a, b = left(row), right(row)
        return None if a is None or not b else a / b

    return divided


def function(operation: Callable[..., Any], *names: str) -> Callable[[exp.Expr], Evaluate]:
    """A strict function of the arguments that are called so in the tree; an absent one is left out."""

    def compile_function(tree: exp.Expr) -> Evaluate:
        return strict(operation, *(node(tree.args[name]) for name in names if tree.args.get(name) is not None))

    return compile_function


def rounded(value: float, digits: float = 0) -> float:
    """Half away from zero, as databases round; Python rounds half to even."""
    scale = 10.0 ** int(digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


def both(tree: exp.Expr) -> Evaluate:
    left, right = node(tree.this), node(tree.expression)

    def conjunction(row: Row) -> Any:
        a, b = left(row), right(row)
        if a is False or b is False:
            return False
        return None if a is None or b is None else True

    return conjunction


def either(tree: exp.Expr) -> Evaluate:
    left, right = node(tree.this), node(tree.expression)

    def disjunction(row: Row) -> Any:
        a, b = left(row), right(row)
        if a is True or b is True:
            return True
        return None if a is None or b is None else False

    return disjunction


def identity_test(tree: exp.Expr) -> Evaluate:
    """IS NULL, IS TRUE, IS FALSE: never NULL."""
    tested = node(tree.this)
    wanted = None if isinstance(tree.expression, exp.Null) else bool(tree.expression.this)
    return lambda row: tested(row) is wanted


def membership(tree: exp.Expr) -> Evaluate:
    tested, members = node(tree.this), [node(member) for member in tree.expressions]

    def contained(row: Row) -> Any:
        value, values = tested(row), [member(row) for member in members]
        if value is None:
            return None
        if value in values:
            return True
        return None if None in values else False

    return contained


def between(tree: exp.Expr) -> Evaluate:
    arguments = [node(tree.args[name]) for name in ("this", "low", "high")]
    return strict(lambda value, low, high: low <= value <= high, *arguments)


def first_known(tree: exp.Expr) -> Evaluate:
    candidates = [node(tree.this), *map(node, tree.expressions)]
    return lambda row: next((value for each in candidates if (value := each(row)) is not None), None)


def extreme(choose: Callable[[list[Any]], Any]) -> Callable[[exp.Expr], Evaluate]:
    """GREATEST and LEAST pass over NULL."""

    def compile_extreme(tree: exp.Expr) -> Evaluate:
        candidates = [node(tree.this), *map(node, tree.expressions)]

        def chosen(row: Row) -> Any:
            known = [value for each in candidates if (value := each(row)) is not None]
            return choose(known) if known else None

        return chosen

    return compile_extreme


def null_if(tree: exp.Expr) -> Evaluate:
    value, refused = node(tree.this), node(tree.expression)

    def kept(row: Row) -> Any:
        result = value(row)
        return None if result == refused(row) else result

    return kept


def case(tree: exp.Expr) -> Evaluate:
    subject = node(tree.this) if tree.this is not None else None
    branches = [(node(branch.this), node(branch.args["true"])) for branch in tree.args["ifs"]]
    default = node(tree.args["default"]) if tree.args.get("default") is not None else constant(None)(tree)

    def chosen(row: Row) -> Any:
        value = subject(row) if subject else True
        for condition, result in branches:
            if value is not None and condition(row) == value:
                return result(row)
        return default(row)

    return chosen


def conditional(tree: exp.Expr) -> Evaluate:
    condition, true = node(tree.this), node(tree.args["true"])
    false = node(tree.args["false"]) if tree.args.get("false") is not None else constant(None)(tree)
    return lambda row: true(row) if condition(row) is True else false(row)


def converted(tree: exp.Expr) -> Evaluate:
    if tree.args["to"].this in (exp.DType.INT, exp.DType.BIGINT):
        return strict(lambda value: float(math.trunc(value)), node(tree.this))
    return node(tree.this)


NODES: dict[type[exp.Expr], Callable[[exp.Expr], Evaluate]] = {
    exp.Placeholder: placeholder,
    exp.Literal: literal,
    exp.Null: constant(None),
    exp.Boolean: lambda tree: constant(bool(tree.this))(tree),
    exp.Paren: lambda tree: node(tree.this),
    exp.Neg: function(lambda value: -value, "this"),
    exp.Add: binary(lambda a, b: a + b),
    exp.Sub: binary(lambda a, b: a - b),
    exp.Mul: binary(lambda a, b: a * b),
    exp.Div: division,
    exp.EQ: binary(lambda a, b: a == b),
    exp.NEQ: binary(lambda a, b: a != b),
    exp.LT: binary(lambda a, b: a < b),
    exp.LTE: binary(lambda a, b: a <= b),
    exp.GT: binary(lambda a, b: a > b),
    exp.GTE: binary(lambda a, b: a >= b),
    exp.And: both,
    exp.Or: either,
    exp.Not: function(lambda value: not value, "this"),
    exp.Is: identity_test,
    exp.In: membership,
    exp.Between: between,
    exp.Coalesce: first_known,
    exp.Nullif: null_if,
    exp.Greatest: extreme(max),
    exp.Least: extreme(min),
    exp.Case: case,
    exp.If: conditional,
    exp.Cast: converted,
    exp.Abs: function(abs, "this"),
    exp.Round: function(rounded, "this", "decimals"),
    exp.Floor: function(lambda value: float(math.floor(value)), "this"),
    exp.Ceil: function(lambda value: float(math.ceil(value)), "this"),
    exp.Sqrt: function(math.sqrt, "this"),
    exp.Exp: function(math.exp, "this"),
    exp.Ln: function(math.log, "this"),
    exp.Pow: function(math.pow, "this", "expression"),
}
