"""Numbers as sentences state them: rounded once, with their unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.files.definitions import Format

Unit = Literal["count", "percent", "points", "money", "times"]
Role = Literal[
    "value", "previous", "change", "difference", "share", "part", "usual", "times", "effect", "mix", "rate", "apart"
]

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
UNITS: dict[Format, Unit] = {"integer": "count", "decimal": "count", "percent": "percent", "currency": "money"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a fact, exact in its unit (12.34 for 12.34 %), and its text."""

    role: Role
    value: float
    unit: Unit
    text: str


@dataclass(frozen=True, slots=True)
class Style:
    """How the numbers of a metric are written; all of them as finely as its largest needs."""

    format: Format
    currency: str | None
    decimals: int

    @classmethod
    def of(cls, kind: Format, currency: str | None, *values: float | None) -> Style:
        """The style for values of this format, of which the largest counts."""
        largest = max((abs(value) for value in values if value is not None), default=0.0)
        return cls(kind, currency, decimals_for(kind, largest))

    @property
    def unit(self) -> Unit:
        return UNITS[self.format]

    def figure(self, role: Role, value: float) -> Figure:
        """A value of the metric."""
        exact = value * 100 if self.unit == "percent" else value
        return Figure(role, exact, self.unit, self.written(exact))

    def signed(self, role: Role, value: float) -> Figure:
        """A difference between values of the metric: of percentages, in points."""
        exact = value * 100 if self.unit == "percent" else value
        unit: Unit = "points" if self.unit == "percent" else self.unit
        number = f"{abs(exact):,.{self.decimals}f}"
        sign = "" if float(number.replace(",", "")) == 0 else "+" if exact > 0 else "-"
        text = f"{sign}{number} points" if unit == "points" else f"{sign}{self.with_currency(number)}"
        return Figure(role, exact, unit, text)

    def written(self, exact: float) -> str:
        number = f"{abs(exact):,.{self.decimals}f}"
        sign = "-" if exact < 0 and float(number.replace(",", "")) else ""
        return f"{sign}{number}%" if self.unit == "percent" else f"{sign}{self.with_currency(number)}"

    def with_currency(self, number: str) -> str:
        if self.unit != "money" or self.currency is None:
            return number
        symbol = SYMBOLS.get(self.currency)
        return f"{symbol}{number}" if symbol else f"{number} {self.currency}"


def decimals_for(kind: Format, largest: float) -> int:
    match kind:
        case "integer":
            return 0
        case "currency":
            return 0 if largest >= 100 else 2
        case "percent":
            return 2 if largest < 0.1 else 1
        case "decimal":
            return 0 if largest >= 1_000 else 1 if largest >= 100 else 2


def percent(role: Role, fraction: float) -> Figure:
    """A fraction as a percentage, without its sign: the direction is said in words."""
    exact = abs(fraction) * 100
    decimals = 0 if exact >= 9.95 else 1
    return Figure(role, exact, "percent", f"{exact:,.{decimals}f}%")


def points(role: Role, fraction: float) -> Figure:
    """A difference between two fractions, in percentage points and without its sign."""
    exact = abs(fraction) * 100
    return Figure(role, exact, "points", f"{exact:,.0f} points")


def times(role: Role, factor: float) -> Figure:
    """How many times as much: 5.6 times."""
    return Figure(role, factor, "times", f"{factor:,.{0 if factor >= 100 else 1}f} times")
