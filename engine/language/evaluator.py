"""What stands above the aggregates of an expression, as a Python function: SQL's arithmetic.

The aggregates come from the database; adding them up over buckets, windows and members, and the division at
the very end, are done here. NULL is None, and so is a division by zero; what no double can hold is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from engine.language.types import ALTERNATIVES, kind_of

Value = float | bool | None
Row = Sequence[Any]
Evaluate = Callable[[Row], Any]

# Beyond these, e to the power of something is no double, or as good as 0.
LARGEST_EXPONENT, LEAST_EXPONENT = 709.7, -708.3
# Every whole number up to here is a double; what lies beyond has no fraction.
WHOLE_DOUBLES = 2**53


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
    evaluate = NODES[type(tree)](tree)
    return strict(float, evaluate) if isinstance(tree, ALTERNATIVES) and kind_of(tree) == "double" else evaluate


def placeholder(tree: exp.Expr) -> Evaluate:
    index = int(tree.name)

    def finite(row: Row) -> Any:
        value = row[index]
        return value if value is None or -math.inf < value < math.inf else math.nan

    return finite


def literal(tree: exp.Expr) -> Evaluate:
    value = literal_value(tree)
    return lambda row: value


def literal_value(tree: exp.Expr) -> float:
    return int(tree.name) if tree.is_int else float(tree.name)


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


def comparison(operation: Callable[[Any, Any], bool]) -> Callable[[exp.Expr], Evaluate]:
    return binary(lambda a, b: operation(*comparable(a, b)))


def equal(a: Any, b: Any) -> bool:
    left, right = comparable(a, b)
    return bool(left == right)


def comparable(*values: Any) -> Sequence[Any]:
    """Values to be compared: whole numbers with doubles as doubles, where Python would be exact."""
    return values if len({type(value) for value in values}) == 1 else [float(value) for value in values]


def negative(tree: exp.Expr) -> Evaluate:
    if isinstance(tree.this, exp.Literal):
        value = literal_value(tree.this)
        return lambda row: -value
    return strict(lambda value: -float(value), node(tree.this))


def division(tree: exp.Expr) -> Evaluate:
    left, right = node(tree.this), node(tree.expression)

    def divided(row: Row) -> Any:
        a, b = left(row), right(row)
        return None if a is None or not b else float(a) / b

    return divided


def function(operation: Callable[..., Any], *names: str) -> Callable[[exp.Expr], Evaluate]:
    """A strict function of the arguments that are called so in the tree; an absent one is left out."""

    def compile_function(tree: exp.Expr) -> Evaluate:
        return strict(operation, *(node(tree.args[name]) for name in names if tree.args.get(name) is not None))

    return compile_function


# What follows is what `dialects.expressions` writes for databases, step by step.


def rounded(value: float, digits: float = 0) -> float:
    """Half away from zero; Python rounds half to even. What is too large to have such digits stays."""
    places = int(digits)
    scale = 10.0 ** abs(places)
    if abs(value) >= float(f"{WHOLE_DOUBLES}e{-places}"):
        return float(value)
    size = math.floor(abs(value) * scale + 0.5) / scale if places >= 0 else math.floor(abs(value) / scale + 0.5) * scale
    return math.copysign(size, value)


def root(value: float) -> float | None:
    return math.sqrt(value) if value >= 0 else None


def logarithm(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def exponential(value: float) -> float | None:
    """None where it is beyond a double, 0 where it is below."""
    if value < LEAST_EXPONENT:
        return 0.0
    return math.exp(value) if value <= LARGEST_EXPONENT else None


def power(base: float, exponent: float) -> float | None:
    """None where there is none, or it is beyond a double; 0 where it is below."""
    if exponent == 0:
        return 1.0
    if base == 0:
        return 0.0 if exponent > 0 else None
    size = exponent * math.log(abs(base))
    if (base < 0 and exponent != math.floor(exponent)) or size > LARGEST_EXPONENT:
        return None
    return 0.0 if size < LEAST_EXPONENT else math.pow(base, exponent)


def truncated(value: float) -> int | None:
    """What stands before the point; None where no whole number is as large."""
    number = float(value)
    return math.trunc(number) if abs(number) < 2.0**63 else None


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
    tested, low, high = (node(tree.args[name]) for name in ("this", "low", "high"))

    def inside(row: Row) -> Any:
        value, least, most = tested(row), low(row), high(row)
        known = [each for each in (value, least, most) if each is not None]
        if value is None or len(known) == 1:
            return None
        value, *_ = known = list(comparable(*known))
        # It is false already where one bound says so, be the other NULL.
        if (least is not None and value < known[1]) or (most is not None and value > known[-1]):
            return False
        return None if least is None or most is None else True

    return inside


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
        result, other = value(row), refused(row)
        return result if result is None or other is None or not equal(result, other) else None

    return kept


def case(tree: exp.Expr) -> Evaluate:
    subject = node(tree.this) if tree.this is not None else None
    branches = [(node(branch.this), node(branch.args["true"])) for branch in tree.args["ifs"]]
    default = node(tree.args["default"]) if tree.args.get("default") is not None else constant(None)(tree)

    def chosen(row: Row) -> Any:
        value = subject(row) if subject else True
        for condition, result in branches:
            option = condition(row)
            if value is not None and option is not None and equal(value, option):
                return result(row)
        return default(row)

    return chosen


def conditional(tree: exp.Expr) -> Evaluate:
    condition, true = node(tree.this), node(tree.args["true"])
    false = node(tree.args["false"]) if tree.args.get("false") is not None else constant(None)(tree)
    return lambda row: true(row) if condition(row) is True else false(row)


def converted(tree: exp.Expr) -> Evaluate:
    if tree.args["to"].this in (exp.DType.INT, exp.DType.BIGINT):
        return strict(int if kind_of(tree.this) in ("whole", "boolean") else truncated, node(tree.this))
    return strict(float, node(tree.this))


NODES: dict[type[exp.Expr], Callable[[exp.Expr], Evaluate]] = {
    exp.Placeholder: placeholder,
    exp.Literal: literal,
    exp.Null: constant(None),
    exp.Boolean: lambda tree: constant(bool(tree.this))(tree),
    exp.Paren: lambda tree: node(tree.this),
    # Whole numbers of any size are exact in Python, where databases compute in doubles.
    exp.Neg: negative,
    exp.Add: binary(lambda a, b: float(a) + b),
    exp.Sub: binary(lambda a, b: float(a) - b),
    exp.Mul: binary(lambda a, b: float(a) * b),
    exp.Div: division,
    exp.EQ: comparison(lambda a, b: a == b),
    exp.NEQ: comparison(lambda a, b: a != b),
    exp.LT: comparison(lambda a, b: a < b),
    exp.LTE: comparison(lambda a, b: a <= b),
    exp.GT: comparison(lambda a, b: a > b),
    exp.GTE: comparison(lambda a, b: a >= b),
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
    exp.Abs: function(math.fabs, "this"),
    exp.Round: function(rounded, "this", "decimals"),
    exp.Floor: function(lambda value: float(math.floor(value)), "this"),
    exp.Ceil: function(lambda value: float(math.ceil(value)), "this"),
    exp.Sqrt: function(root, "this"),
    exp.Exp: function(exponential, "this"),
    exp.Ln: function(logarithm, "this"),
    exp.Pow: function(power, "this", "expression"),
}
