"""Single values: shares, missing ones and whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, trunc
from typing import cast

Value = float | None
# Beyond it a double no longer holds every integer.
MAX_WHOLE = 2**53


def compute_share(value: Value, whole: Value) -> Value:
    return None if value is None or not whole else value / whole


def find_last_value(points: Sequence[Value]) -> Value:
    return next((value for value in reversed(points) if value is not None), None)


def nan_to_none(value: Value) -> Value:
    """Return the value, or None for NaN."""
    return value if value == value else None


def narrow_numbers(values: list[Value]) -> list[Value]:
    """Return the values with whole numbers as integers, and without NaN."""
    try:
        # Usually all are whole: that is seen at once, without a look at each value. None is a TypeError.
        numbers = cast("list[float]", values)
        whole: list[Value] = list(map(trunc, numbers))
        # None of them is greater than the length of all.
        if numbers == whole and hypot(*numbers) <= MAX_WHOLE:
            return whole
    except (TypeError, ValueError, OverflowError):
        pass
    return list(map(narrow_number, values))


def narrow_number(value: Value) -> Value:
    """Return a whole number as an integer, NaN as None, and any other value as it is."""
    if value is None or value != value:
        return None
    return int(value) if -MAX_WHOLE <= value <= MAX_WHOLE and value == int(value) else value
