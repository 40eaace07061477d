"""Numbers as sentences state them: rounded once, with their unit, in the manner of a language."""

from __future__ import annotations

from dataclasses import dataclass

from engine import Format
from insights.config.rules import Language

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the numbers of a metric are written; all of them as finely as its largest needs."""

    language: Language
    format: Format
    currency: str | None
    decimals: int

    @classmethod
    def of(cls, language: Language, kind: Format, currency: str | None, *values: float | None) -> NumberStyle:
        largest = max((abs(value) for value in values if value is not None), default=0.0)
        return cls(language, kind, currency, decimals_for(kind, largest))

    def write(self, value: float) -> str:
        return self._write_number(value, "percent", plus="")

    def write_difference(self, value: float) -> str:
        """A difference between values of the metric: of percentages, in points."""
        return self._write_number(value, "points", plus="+")

    def _write_number(self, value: float, percentage: str, *, plus: str) -> str:
        exact = value * 100 if self.format == "percent" else value
        number = self.language.write_number(exact, self.decimals)
        sign = "" if not any(each in "123456789" for each in number) else plus if exact > 0 else "-"
        if self.format == "percent":
            return sign + self.language.write(percentage, number=number)
        if self.format != "currency" or self.currency is None:
            return sign + number
        symbol = SYMBOLS.get(self.currency)
        return sign + self.language.write(
            "money" if symbol else "money_code", number=number, currency=symbol or self.currency
        )


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
