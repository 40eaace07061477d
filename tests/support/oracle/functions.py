"""The language's functions and operators in plain Python, as defined by docs/metrics.md.

None is NULL. A whole number is an int, every other number a float.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
UPPER = {ord(letter.lower()): letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class BeyondDouble(Exception):
    """A result outside a double's range or without an exact digit, which is undefined."""


def make_strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that returns NULL if any argument is NULL."""
    return lambda *values: None if any(value is None for value in values) else function(*values)


def check_range(function: Callable[[float, float], float]) -> Callable[[float, float], float]:
    def compute_in_range(left: float, right: float) -> float:
        a, b = float(left), float(right)
        try:
            result = function(a, b)
        except OverflowError as error:
            raise BeyondDouble from error
        if not math.isfinite(result) or (
            result == 0 and function in (multiply_numbers, divide_numbers) and a != 0 and b != 0
        ):
            raise BeyondDouble
        return result

    return compute_in_range


def multiply_numbers(left: float, right: float) -> float:
    return left * right


def divide_numbers(left: float, right: float) -> float:
    return left / right


def divide_or_null(left: float, right: float) -> float | None:
    return None if right == 0 else check_range(divide_numbers)(left, right)


def round_number(value: float, digits: int = 0) -> float:
    """Round, with a half away from zero; from 2^53 units of the last digit on nothing changes."""
    number = float(value)
    scale = 10.0 ** abs(digits)
    if abs(number) >= float(f"{2**53}e{-digits}"):
        return number
    size = (
        math.floor(abs(number) * scale + 0.5) / scale if digits >= 0 else math.floor(abs(number) / scale + 0.5) * scale
    )
    return size if number >= 0 else -size


def truncate_number(value: float | bool | None) -> int | None:
    """Remove the fraction; NULL beyond 2^63."""
    return None if value is None or abs(value) >= 2**63 else int(value)


def compute_root(value: float) -> float | None:
    return math.sqrt(value) if value >= 0 else None


def compute_logarithm(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def compute_exponential(value: float) -> float | None:
    return 0.0 if value < -708.3 else math.exp(value) if value <= 709.7 else None


def compute_power(base: float, exponent: float) -> float | None:
    if exponent == 0:
        return 1.0
    if base == 0:
        return 0.0 if exponent > 0 else None
    if base < 0 and exponent != math.floor(exponent):
        return None
    size = exponent * math.log(abs(base))
    return None if size > 709.7 else 0.0 if size < -708.3 else math.pow(base, exponent)


def take_substring(text: str, start: float, length: float | None = None) -> str:
    first = max(math.trunc(start), 1) - 1
    return text[first:] if length is None else text[first : first + max(math.trunc(length), 0)]


def match_pattern(text: str, pattern: str) -> bool:
    """Match LIKE: % is any text, _ any character, and everything else itself."""
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def format_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def truncate_to_day(value: date) -> date:
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo is None else value.astimezone(UTC)).date()


def replace_text(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def find_first_known(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def make_extreme(choose: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    """Make GREATEST or LEAST of the arguments that are not NULL."""

    def choose_extreme(*values: Any) -> Any:
        present = [value for value in values if value is not None]
        return choose(present) if present else None

    return choose_extreme


def combine_and(left: bool | None, right: bool | None) -> bool | None:
    return False if False in (left, right) else None if None in (left, right) else True


def combine_or(left: bool | None, right: bool | None) -> bool | None:
    return True if True in (left, right) else None if None in (left, right) else False


NUMBERS: Mapping[str, Callable[..., Any]] = {
    "+": make_strict(check_range(lambda a, b: a + b)),
    "-": make_strict(check_range(lambda a, b: a - b)),
    "*": make_strict(check_range(multiply_numbers)),
    "/": make_strict(divide_or_null),
    "abs": make_strict(lambda value: abs(float(value))),
    "floor": make_strict(lambda value: float(math.floor(value))),
    "ceil": make_strict(lambda value: float(math.ceil(value))),
    "negative": make_strict(lambda value: -float(value)),
    "round": make_strict(round_number),
    "sqrt": make_strict(compute_root),
    "ln": make_strict(compute_logarithm),
    "exp": make_strict(compute_exponential),
    "pow": make_strict(compute_power),
}
TEXTS: Mapping[str, Callable[..., Any]] = {
    "lower": make_strict(lambda text: text.translate(LOWER)),
    "upper": make_strict(lambda text: text.translate(UPPER)),
    "trim": make_strict(lambda text: text.strip(" ")),
    "replace": make_strict(replace_text),
    "substring": make_strict(take_substring),
    "concat": make_strict(lambda *parts: "".join(format_text(part) or "" for part in parts)),
    "like": make_strict(match_pattern),
    "length": make_strict(len),
}
DATES: Mapping[str, Callable[..., Any]] = {
    "year": make_strict(lambda day: day.year),
    "month": make_strict(lambda day: day.month),
    "day": make_strict(lambda day: day.day),
    "isodow": make_strict(lambda day: day.isoweekday()),
    "hour": make_strict(lambda moment: (moment if moment.tzinfo is None else moment.astimezone(UTC)).hour),
}
COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "=": make_strict(lambda a, b: a == b),
    "<>": make_strict(lambda a, b: a != b),
    "<": make_strict(lambda a, b: a < b),
    "<=": make_strict(lambda a, b: a <= b),
    ">": make_strict(lambda a, b: a > b),
    ">=": make_strict(lambda a, b: a >= b),
}
