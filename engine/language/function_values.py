"""The meaning of functions in Python: SQL's arithmetic on the values of one row.

Each `make_…` takes the evaluators of a function's arguments and returns the evaluator of its value. NULL is None. The
steps are those that `engine.language.function_templates` writes for databases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Row = Sequence[Any]
# Computes a value from a row of aggregates.
Evaluator = Callable[[Row], Any]

# The largest and the smallest power of e that a double holds, roughly: beyond is NULL, below is 0.
MAX_EXPONENT, MIN_EXPONENT = 709.7, -708.3
# Every whole number up to this one is a double; a larger double has no fraction.
MAX_EXACT_WHOLE = 2**53


def make_strict(operation: Callable[..., Any], *arguments: Evaluator) -> Evaluator:
    """Apply an operation to the arguments; NULL where any of them is NULL."""
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


def make_coalesce(*candidates: Evaluator) -> Evaluator:
    """Return the first value that is not NULL; the ones behind it are not computed."""
    return lambda row: next((value for each in candidates if (value := each(row)) is not None), None)


def make_extreme(choose: Callable[[list[Any]], Any], *candidates: Evaluator) -> Evaluator:
    """Choose the greatest or the least of the values that are not NULL."""

    def evaluate_extreme(row: Row) -> Any:
        known = [value for each in candidates if (value := each(row)) is not None]
        return choose(known) if known else None

    return evaluate_extreme


def make_nullif(value: Evaluator, refused: Evaluator) -> Evaluator:
    """Return NULL in place of a value that equals the refused one."""

    def evaluate_nullif(row: Row) -> Any:
        result, other = value(row), refused(row)
        return result if result is None or other is None or not is_equal(result, other) else None

    return evaluate_nullif


def make_if(condition: Evaluator, true: Evaluator, false: Evaluator | None = None) -> Evaluator:
    """Compute one of two values only; a condition that is NULL is not met."""

    def evaluate_if(row: Row) -> Any:
        if condition(row) is True:
            return true(row)
        return None if false is None else false(row)

    return evaluate_if


def is_equal(a: Any, b: Any) -> bool:
    left, right = align_operands(a, b)
    return bool(left == right)


def align_operands(*values: Any) -> Sequence[Any]:
    """Make doubles of whole numbers beside doubles, which Python would compare exactly."""
    return values if len({type(value) for value in values}) == 1 else [float(value) for value in values]


def floor_number(value: float) -> float:
    return float(math.floor(value))


def ceil_number(value: float) -> float:
    return float(math.ceil(value))


def round_half_away(value: float, digits: float = 0) -> float:
    """Round half away from zero; a number too large for such digits stays."""
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
    """Return e to a power: None beyond a double, 0 below."""
    if value < MIN_EXPONENT:
        return 0.0
    return math.exp(value) if value <= MAX_EXPONENT else None


def compute_power(base: float, exponent: float) -> float | None:
    """Return a power: None where it is undefined or beyond a double, 0 below."""
    if exponent == 0:
        return 1.0
    if base == 0:
        return 0.0 if exponent > 0 else None
    size = exponent * math.log(abs(base))
    if (base < 0 and exponent != math.floor(exponent)) or size > MAX_EXPONENT:
        return None
    return 0.0 if size < MIN_EXPONENT else math.pow(base, exponent)
