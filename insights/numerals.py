"""The numbers in a sentence: what they say, how finely, and in which part they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from insights.figures import SYMBOLS, Figure, Role

NUMERAL = re.compile(
    r"(?<![\w.,])"
    r"(?P<sign>[+\-−–])?(?P<symbol>[$€£])?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<scale>k|K|M|m|bn|thousand|million|billion)\b)?"
    r"(?:\s?(?P<unit>%|percentage points?\b|percent\b|points?\b|pp\b|times\b|x\b|×))?"
    r"(?:\s(?P<currency>[A-Z]{3})\b)?"
)
SCALES = {"k": 1e3, "K": 1e3, "thousand": 1e3, "M": 1e6, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
# Numbers in words cannot be held against anything; `one` and ordinals are no figures.
IN_WORDS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|(?:m|b)illions?|dozens?"
    r"|half|halv\w*|thirds|quarters?|doubl(?:ed|es|ing)|(?:treble|triple|quadruple)\w*|twice|thrice|zero|\w+fold)\b",
    re.IGNORECASE,
)

SIGNED: frozenset[Role] = frozenset(("change", "difference", "effect", "mix", "rate"))


# As a part of the number: 12 may stand for 12.4, but 0 not for 0.4.
MOST_ROUNDED = 0.05


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it is written: `step` is what its last digit stands for; `sign` is 0 where none is given."""

    start: int
    end: int
    value: float
    step: float
    sign: int
    unit: str | None
    currency: str | None

    def states(self, figure: Figure, direction: str) -> bool:
        """Whether it is the figure's number, rounded once; `direction` is that of the figure's fact."""
        if not (self.fits(figure) and self.rounds(abs(figure.value), figure.text)):
            return False
        if self.sign == 0:
            return figure.value >= 0 or figure.role in SIGNED
        if figure.role not in SIGNED:
            return self.sign < 0 and figure.value < 0
        rises = direction == "up" if figure.role == "change" else figure.value > 0
        return rises == (self.sign > 0)

    def rounds(self, exact: float, text: str) -> bool:
        """Whether it is the exact number, rounded once and not by much, or what the fact's own text has."""
        apart = abs(self.value - exact)
        return apart <= self.step * (0.5 + 1e-9) and (apart <= MOST_ROUNDED * exact or self.value == first_number(text))

    def fits(self, figure: Figure) -> bool:
        """Whether it is of the figure's unit."""
        match self.unit:
            case "percent" | "points" | "times":
                by_ratio = self.unit == "times" and figure.unit == "count" and figure.role in ("value", "previous")
                return figure.unit == self.unit or by_ratio
        if self.currency is not None:
            return figure.unit == "money" and self.currency in figure.text
        return figure.unit == "count"


def numerals(text: str) -> Iterator[Numeral]:
    """The numbers of a text, in order."""
    for found in NUMERAL.finditer(text):
        number = found["number"].replace(",", "")
        scale = SCALES.get(found["scale"] or "", 1.0)
        decimals = len(number.partition(".")[2])
        currency = found["symbol"] or (found["currency"] if found["currency"] not in SYMBOLS else None)
        yield Numeral(
            start=found.start(),
            end=found.end(),
            value=float(number) * scale,
            step=scale * 10**-decimals,
            sign=0 if not found["sign"] else 1 if found["sign"] == "+" else -1,
            unit=unit_of(found["unit"]),
            currency=currency,
        )


def first_number(text: str) -> float | None:
    """The number of a figure's text, without its sign."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    return float(found[0].replace(",", "")) if found else None


def unit_of(written: str | None) -> str | None:
    match (written or "").lower().split(" ")[0]:
        case "":
            return None
        case "%" | "percent":
            return "percent"
        case "times" | "x" | "×":
            return "times"
    return "points"
