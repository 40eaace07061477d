"""The numbers in a sentence: what they say, how finely, and in which part they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from metric_engine.insights.figures import SYMBOLS, Figure, Role

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

ABOUT = r"(?:by|about|around|roughly|some|nearly|almost|over|just|only|a|an|another)"
FROM = re.compile(r"\b(?:from|after|versus|vs\.?|against|compared (?:with|to)|than|previously|a usual day's)\s*$", re.I)
TO = re.compile(r"\b(?:to|reach(?:ed|es|ing)|at|now|total(?:l?ed|l?ing)?)\s*$", re.I)
BY = re.compile(
    r"\b(?:by|another|an additional|an extra)(?:\s+(?:about|around|roughly|some|nearly|almost|over))?\s*$", re.I
)

BEFORE: frozenset[Role] = frozenset(("previous", "usual"))
REACHED: frozenset[Role] = frozenset(("value", "share", "part"))
MOVED: frozenset[Role] = frozenset(("change", "difference", "effect", "mix", "rate", "apart", "times"))
SIGNED: frozenset[Role] = frozenset(("change", "difference", "effect", "mix", "rate"))


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
        if not self.fits(figure) or abs(self.value - abs(figure.value)) > self.step * (0.5 + 1e-9):
            return False
        if self.sign == 0:
            return figure.value >= 0 or figure.role in SIGNED
        if figure.role not in SIGNED:
            return self.sign < 0 and figure.value < 0
        rises = direction == "up" if figure.role == "change" else figure.value > 0
        return rises == (self.sign > 0)

    def fits(self, figure: Figure) -> bool:
        """Whether it is of the figure's unit."""
        match self.unit:
            case "percent" | "points" | "times":
                by_ratio = self.unit == "times" and figure.unit == "count" and figure.role in ("value", "previous")
                return figure.unit == self.unit or by_ratio
        if self.currency is not None:
            return figure.unit == "money" and self.currency in figure.text
        return figure.unit in ("count", "money")


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


def unit_of(written: str | None) -> str | None:
    match (written or "").lower().split(" ")[0]:
        case "":
            return None
        case "%" | "percent":
            return "percent"
        case "times" | "x" | "×":
            return "times"
    return "points"


def roles_of(text: str, numeral: Numeral, moving_before: bool, moving_after: bool) -> frozenset[Role] | None:
    """As what the text gives the number: what was before, what was reached, or the change; None where it leaves open.

    `moving_before` and `moving_after` tell whether a word such as `rose` stands right before it, or `rise` after it.
    """
    before = text[max(0, numeral.start - 40) : numeral.start]
    if FROM.search(before):
        return BEFORE
    if moving_after or moving_before or BY.search(before):
        return MOVED
    return REACHED if TO.search(before) else None
