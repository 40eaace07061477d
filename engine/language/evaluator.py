"""What stands above the aggregates of an expression, as a Python function: SQL's arithmetic.

The aggregates come from the database; adding them up over buckets, windows and members, and the division at
the very end, are done here. NULL is None, and so is a division by zero; what no double can hold is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from engine.language.types import ALTERNATIVES, get_value_type

Value = float | bool | None
Row = Sequence[Any]
Evaluator = Callable[[Row], Any]

# Beyond these, e to the power of something is no double, or as good as 0.
MAX_EXPONENT, MIN_EXPONENT = 709.7, -708.3
# Every whole number up to here is a double; what lies beyond has no fraction.
MAX_EXACT_WHOLE = 2**53


def compile_arithmetic(tree: exp.Expr) -> Evaluator:
    """A function from a row of aggregates to the value of `tree`; placeholders are indices into the row."""
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
    evaluate = NODE_COMPILERS[type(tree)](tree)
    return (
        make_strict(float, evaluate)
        if isinstance(tree, ALTERNATIVES) and get_value_type(tree) == "double"
        else evaluate
    )


def compile_placeholder(tree: exp.Expr) -> Evaluator:
    index = int(tree.name)

    def read_finite(row: Row) -> Any:
        value = row[index]
        return value if value is None or -math.inf < value < math.inf else math.nan

    return read_finite


def compile_literal(tree: exp.Expr) -> Evaluator:
    value = parse_literal(tree)
    return lambda row: value


def parse_literal(tree: exp.Expr) -> float:
    return int(tree.name) if tree.is_int else float(tree.name)


def make_constant(value: Value) -> Callable[[exp.Expr], Evaluator]:
    return lambda tree: lambda row: value


def make_strict(operation: Callable[..., Any], *arguments: Evaluator) -> Evaluator:
    """NULL where any argument is NULL."""
    if len(arguments) == 1:
        (only,) = arguments

        def evaluate_unary(row: Row) -> Any:
            value = only(row)
            return None if value is None else operation(value)

        return evaluate_unary

    def evaluate_strict(row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        return None if None in values else operation(*values)

    return evaluate_strict


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


def is_equal(a: Any, b: Any) -> bool:
    left, right = align_operands(a, b)
    return bool(left == right)


def align_operands(*values: Any) -> Sequence[Any]:
    """Values to be compared: whole numbers with doubles as doubles, where Python would be exact."""
    return values if len({type(value) for value in values}) == 1 else [float(value) for value in values]


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


def make_function(operation: Callable[..., Any], *names: str) -> Callable[[exp.Expr], Evaluator]:
    """A strict function of the arguments that are called so in the tree; an absent one is left out."""

    def compile_function(tree: exp.Expr) -> Evaluator:
        return make_strict(
            operation, *(compile_node(tree.args[name]) for name in names if tree.args.get(name) is not None)
        )

    return compile_function


# What follows is what `dialects.expressions` writes for databases, step by step.


def round_half_away(value: float, digits: float = 0) -> float:
    """Half away from zero; Python rounds half to even. What is too large to have such digits stays."""
    places = int(digits)
    scale = 10.0 ** abs(places)
    if abs(value) >= float(f"{MAX_EXACT_WHOLE}e{-places}"):
        return float(value)
    size = math.floor(abs(value) * scale + 0.5) / scale if places >= 0 else math.floor(abs(value) / scale + 0.5) * scale
    return math.copysign(size, value)


def compute_sqrt(value: float) -> float | None:
    return math.sqrt(value) if value >= 0 else None


def compute_ln(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def compute_exp(value: float) -> float | None:
    """None where it is beyond a double, 0 where it is below."""
    if value < MIN_EXPONENT:
        return 0.0
    return math.exp(value) if value <= MAX_EXPONENT else None


def compute_power(base: float, exponent: float) -> float | None:
    """None where there is none, or it is beyond a double; 0 where it is below."""
    if exponent == 0:
        return 1.0
    if base == 0:
        return 0.0 if exponent > 0 else None
    size = exponent * math.log(abs(base))
    if (base < 0 and exponent != math.floor(exponent)) or size > MAX_EXPONENT:
        return None
    return 0.0 if size < MIN_EXPONENT else math.pow(base, exponent)


def truncate_number(value: float) -> int | None:
    """What stands before the point; None where no whole number is as large."""
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
    """IS NULL, IS TRUE, IS FALSE: never NULL."""
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


def compile_coalesce(tree: exp.Expr) -> Evaluator:
    candidates = [compile_node(tree.this), *map(compile_node, tree.expressions)]
    return lambda row: next((value for each in candidates if (value := each(row)) is not None), None)


def make_extreme(choose: Callable[[list[Any]], Any]) -> Callable[[exp.Expr], Evaluator]:
    """GREATEST and LEAST pass over NULL."""

    def compile_extreme(tree: exp.Expr) -> Evaluator:
        candidates = [compile_node(tree.this), *map(compile_node, tree.expressions)]

        def evaluate_extreme(row: Row) -> Any:
            known = [value for each in candidates if (value := each(row)) is not None]
            return choose(known) if known else None

        return evaluate_extreme

    return compile_extreme


def compile_nullif(tree: exp.Expr) -> Evaluator:
    value, refused = compile_node(tree.this), compile_node(tree.expression)

    def evaluate_nullif(row: Row) -> Any:
        result, other = value(row), refused(row)
        return result if result is None or other is None or not is_equal(result, other) else None

    return evaluate_nullif


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


def compile_if(tree: exp.Expr) -> Evaluator:
    condition, true = compile_node(tree.this), compile_node(tree.args["true"])
    false = compile_node(tree.args["false"]) if tree.args.get("false") is not None else make_constant(None)(tree)
    return lambda row: true(row) if condition(row) is True else false(row)


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
    exp.Not: make_function(lambda value: not value, "this"),
    exp.Is: compile_is,
    exp.In: compile_in,
    exp.Between: compile_between,
    exp.Coalesce: compile_coalesce,
    exp.Nullif: compile_nullif,
    exp.Greatest: make_extreme(max),
    exp.Least: make_extreme(min),
    exp.Case: compile_case,
    exp.If: compile_if,
    exp.Cast: compile_cast,
    exp.Abs: make_function(math.fabs, "this"),
    exp.Round: make_function(round_half_away, "this", "decimals"),
    exp.Floor: make_function(lambda value: float(math.floor(value)), "this"),
    exp.Ceil: make_function(lambda value: float(math.ceil(value)), "this"),
    exp.Sqrt: make_function(compute_sqrt, "this"),
    exp.Exp: make_function(compute_exp, "this"),
    exp.Ln: make_function(compute_ln, "this"),
    exp.Pow: make_function(compute_power, "this", "expression"),
}
