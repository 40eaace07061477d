"""The words of a sentence that say which way something went, and those that ask for something to be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Sense = Literal["up", "down", "better", "worse"]

# Whatever the sentence is about, these have happened.
FINITE: dict[Sense, str] = {
    "up": r"rose risen grew grown increased gained climbed jumped surged soared spiked peaked expanded "
    r"(?:is|are|was|were|went)\s(?:up|higher) up(?=\s(?:by\s)?[$€£]?\d)",
    "down": r"fell fallen dropped decreased declined lost shrank shrunk slid slipped dipped plunged slumped sank "
    r"plummeted tumbled collapsed (?:is|are|was|were|went)\s(?:down|lower) down(?=\s(?:by\s)?[$€£]?\d)",
    "better": "improved recovered",
    "worse": "worsened deteriorated",
}
# In advice these may be what is asked for.
LOOSE: dict[Sense, str] = {
    "up": "up rises? rising increas(?:es?|ing) grow(?:s|ing|th)? gains? climb(?:s|ing)? jumps? surges? soars? spikes? "
    "peaks? higher more above lifted boosted raised uptick upward dearer costlier pricier exceed(?:s|ed)",
    "down": "down falls? falling drop(?:s|ping)? decreas(?:es?|ing) declin(?:es?|ing) lower(?:ed)? less fewer below "
    "loss los(?:es?|ing) dips? plunges? slumps? reduced reduction downward cheaper shrinks? shrinking",
    "better": "improv(?:es?|ing|ement) better stronger",
    "worse": "worse weaker worsens? worsening",
}
ASKING = (
    "consider try review check test shift move reallocate keep pause scale raise increase reduce cut lower "
    "invest look investigate focus build promote repeat refresh make use explore double give plan monitor "
    "watch put boost find follow hold extend add stop start run audit fix improve optimi[sz]e "
    "protect prioriti[sz]e expand lean analy[sz]e learn ask set bring send strengthen feature walk"
)
ADVICE = re.compile(
    r"\W*(?:please\s+|then\s+|so\s+|and\s+|or\s+|you (?:could|should|may)\s+)?"
    rf"(?:{'|'.join(ASKING.split())})\b(?!\s+(?:in|of)\b)",
    re.IGNORECASE,
)
# A change without a direction, or the part of one.
CHANGING = re.compile(
    r"\b(?:chang\w+|mov(?:ed|es|ement)|swing|gap|differen\w+|delta|most of|mostly|mainly|itself|because|due to|by)\b",
    re.I,
)
NEGATION = re.compile(r"\b(?:not|no|never|without|hardly|barely|neither|nor|instead of|rather than)\b|n[’']t\b", re.I)
NEGATED_WITHIN = 24
# Between a word and the number right behind or before it.
BETWEEN_BEFORE = re.compile(r"\s*(?:by|about|around|roughly|some|nearly|almost|over|just|another|an?)?\s*", re.I)
BETWEEN_AFTER = re.compile(r"\s*(?:-|year-on-year|sessions?|conversions?|visits?|interactions?|followers?)?\s*", re.I)


def compiled(words: dict[Sense, str]) -> dict[Sense, re.Pattern[str]]:
    return {
        sense: re.compile(rf"\b(?:{pattern.replace(' ', '|')})\b(?!-)", re.IGNORECASE)
        for sense, pattern in words.items()
    }


FINITE_WORDS, LOOSE_WORDS = compiled(FINITE), compiled(LOOSE)


@dataclass(frozen=True, slots=True)
class Move:
    """A word that says which way something went. What is negated says neither."""

    start: int
    end: int
    sense: Sense
    negated: bool


def moves(text: str, start: int, end: int, *, advised: bool) -> Iterator[Move]:
    """The words of a clause that say which way something went; where it is advice, only what has happened counts."""
    clause = text[start:end]
    for patterns in (FINITE_WORDS,) if advised else (FINITE_WORDS, LOOSE_WORDS):
        for sense, pattern in patterns.items():
            for found in pattern.finditer(clause):
                before = clause[max(0, found.start() - NEGATED_WITHIN) : found.start()]
                yield Move(start + found.start(), start + found.end(), sense, bool(NEGATION.search(before)))


def says_which_way(text: str) -> bool:
    """Whether any word of the text says which way something went."""
    return any(pattern.search(text) for words in (FINITE_WORDS, LOOSE_WORDS) for pattern in words.values())


def right_before(text: str, move: Move, start: int) -> bool:
    """Whether the word stands right before what begins at `start`."""
    return move.end <= start and bool(BETWEEN_BEFORE.fullmatch(text, move.end, start))


def right_after(text: str, move: Move, end: int) -> bool:
    """Whether the word stands right after what ends at `end`."""
    return end <= move.start and bool(BETWEEN_AFTER.fullmatch(text, end, move.start))
