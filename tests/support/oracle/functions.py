"""What the functions and operators of the language give, in plain Python, as docs/metrics.md says it.

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


class Beyond(Exception):
    """A sum or a product that no double holds, or whose digits are all lost: of this the language promises nothing."""


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL where any argument is."""
    return lambda *values: None if any(value is None for value in values) else function(*values)


def in_range(function: Callable[[float, float], float]) -> Callable[[float, float], float]:
    def computed(left: float, right: float) -> float:
        a, b = float(left), float(right)
        try:
            result = function(a, b)
        except OverflowError as error:
            raise Beyond from error
        if not math.isfinite(result) or (result == 0 and function in (multiplied, quotient) and a != 0 and b != 0):
            raise Beyond
        return result

    return computed


def multiplied(left: float, right: float) -> float:
    return left * right


def quotient(left: float, right: float) -> float:
    return left / right


def divided(left: float, right: float) -> float | None:
    return None if right == 0 else in_range(quotient)(left, right)


def rounded(value: float, digits: int = 0) -> float:
    """A half goes away from zero. From 2^53 on, in the last place that is kept, there is nothing to round."""
    number = float(value)
    scale = 10.0 ** abs(digits)
    if abs(number) >= float(f"{2**53}e{-digits}"):
        return number
    size = (
        math.floor(abs(number) * scale + 0.5) / scale if digits >= 0 else math.floor(abs(number) / scale + 0.5) * scale
    )
    return size if number >= 0 else -size


def whole(value: float | bool | None) -> int | None:
    """What stands before the point; NULL beyond 2^63."""
    return None if value is None or abs(value) >= 2**63 else int(value)


def root(value: float) -> float | None:
    return math.sqrt(value) if value >= 0 else None


def logarithm(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def exponential(value: float) -> float | None:
    return 0.0 if value < -708.3 else math.exp(value) if value <= 709.7 else None


def power(base: float, exponent: float) -> float | None:
    if exponent == 0:
        return 1.0
    if base == 0:
        return 0.0 if exponent > 0 else None
    if base < 0 and exponent != math.floor(exponent):
        return None
    size = exponent * math.log(abs(base))
    return None if size > 709.7 else 0.0 if size < -708.3 else math.pow(base, exponent)


def substring(text: str, start: float, length: float | None = None) -> str:
    first = max(math.trunc(start), 1) - 1
    return text[first:] if length is None else text[first : first + max(math.trunc(length), 0)]


def like(text: str, pattern: str) -> bool:
    """% is any text, _ any character, and everything else itself."""
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def text_of(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def day_of(value: date) -> date:
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo is None else value.astimezone(UTC)).date()


def replaced(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def first_known(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def extreme(choose: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    """The greatest or the least of those that are not NULL."""

    def chosen(*values: Any) -> Any:
        known = [value for value in values if value is not None]
        return choose(known) if known else None

    return chosen


def both(left: bool | None, right: bool | None) -> bool | None:
    return False if False in (left, right) else None if None in (left, right) else True


def either(left: bool | None, right: bool | None) -> bool | None:
    return True if True in (left, right) else None if None in (left, right) else False


NUMBERS: Mapping[str, Callable[..., Any]] = {
    "+": strict(in_range(lambda a, b: a + b)),
    "-": strict(in_range(lambda a, b: a - b)),
    "*": strict(in_range(multiplied)),
    "/": strict(divided),
    "abs": strict(lambda value: abs(float(value))),
    "floor": strict(lambda value: float(math.floor(value))),
    "ceil": strict(lambda value: float(math.ceil(value))),
    "negative": strict(lambda value: -float(value)),
    "round": strict(rounded),
    "sqrt": strict(root),
    "ln": strict(logarithm),
    "exp": strict(exponential),
    "pow": strict(power),
}
TEXTS: Mapping[str, Callable[..., Any]] = {
    "lower": strict(lambda text: text.translate(LOWER)),
    "upper": strict(lambda text: text.translate(UPPER)),
    "trim": strict(lambda text: text.strip(" ")),
    "replace": strict(replaced),
    "substring": strict(substring),
    "concat": strict(lambda *parts: "".join(text_of(part) or "" for part in parts)),
    "like": strict(like),
    "length": strict(len),
}
DATES: Mapping[str, Callable[..., Any]] = {
    "year": strict(lambda day: day.year),
    "month": strict(lambda day: day.month),
    "day": strict(lambda day: day.day),
    "isodow": strict(lambda day: day.isoweekday()),
}
COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "=": strict(lambda a, b: a == b),
    "<>": strict(lambda a, b: a != b),
    "<": strict(lambda a, b: a < b),
    "<=": strict(lambda a, b: a <= b),
    ">": strict(lambda a, b: a > b),
    ">=": strict(lambda a, b: a >= b),
}
