"""The words that say which way something went, and by how much."""

from __future__ import annotations

import re
from typing import Literal

Sense = Literal["up", "down", "flat", "little", "better", "worse"]
Bound = Literal["below", "above", "about"]

# What has happened. A word in STRONG must be borne out by the size of the change as well.
VERBS: dict[Sense, str] = {
    "up": "rose|risen|rises?|rising|grew|grown|grows?|growing|increased|increases|increasing|climbed|climbs|climbing"
    "|jumped|jumps|advanced|surged|soared|spiked|leapt|(?:went|moved|edged|ticked|trended|trending) (?:up|higher)"
    "|picked up|up|higher|lifted|above",
    "down": "fell|fallen|falls?|falling|dropped|drops|dropping|decreased|decreases|decreasing|declined|declines"
    "|declining|shrank|shrunk|shrinking|slid|slipped|dipped|plunged|slumped|plummeted|tumbled|sank|collapsed|crashed"
    "|(?:went|moved|edged|ticked|trended|trending) (?:down|lower)|down|lower|below",
    "little": "(?:little|barely|hardly) (?:changed|moved)|(?:(?:held|stayed|remained|kept) )?(?:steady|stable)",
    "flat": "(?:(?:held|stayed|remained|kept) )?(?:flat|unchanged)|changed|moved",
    "better": "improved|improves|improving|better|strengthened",
    "worse": "worsened|worsens|worsening|worse|deteriorated|weakened",
}
NOUNS: dict[Sense, str] = {
    "up": "rise|increase|growth|gain|climb|jump|surge|spike|uplift|uptick",
    "down": "fall|drop|decrease|decline|loss|dip|plunge|slump|slide|reduction",
    "flat": "change",
    "better": "improvement",
    "worse": "deterioration",
}
# Behind a number: 23% lower.
COMPARATIVES: dict[Sense, str] = {
    "up": "higher|more|up|above|dearer|costlier",
    "down": "lower|less|fewer|down|below|cheaper",
    "flat": "changed",
    "better": "better",
    "worse": "worse|weaker",
}
# They say by how much only together with a number.
TRANSITIVE: dict[Sense, str] = {"up": "gained|added", "down": "lost|shed"}
STRONG = re.compile(
    r"\b(?:surge\w*|soar\w*|spike\w*|leapt|plunge\w*|slump\w*|plummet\w*|tumbled|sank|collapsed|crashed|sharply"
    r"|strongly|significantly|substantially|markedly|considerably|clearly)\b"
)
WEAK = re.compile(r"\b(?:slightly|marginally|modestly|a little|a bit|edged|ticked|dipped|uptick|dip)\b")
# In percent: the least that a strong word needs, and the most that a weak one bears.
LEAST_STRONG, MOST_WEAK = 20.0, 10.0
DEGREES = (
    r"(?:sharply|strongly|significantly|substantially|markedly|considerably|clearly|slightly|marginally|modestly"
    r"|a little|a bit|both|also|overall|each|all|too)"
)
BOUNDS: dict[Bound, str] = {
    "below": "nearly|almost|just under|under|less than|close to",
    "above": "just over|over|more than",
    "about": "about|around|roughly|approximately|some|only|just|exactly|a total of",
}
BOUND = "|".join(BOUNDS.values())
BE = r"(?:is|are|was|were|has been|have been|has|have|had|being)"


def alternatives(words: dict[Sense, str]) -> str:
    return "|".join(words.values())


def sense_of(word: str, words: dict[Sense, str]) -> Sense:
    return next(sense for sense, pattern in words.items() if re.fullmatch(pattern, word))


def bound_of(word: str | None) -> Bound:
    return next((bound for bound, pattern in BOUNDS.items() if word and re.fullmatch(pattern, word)), "about")


def says_which_way(text: str) -> bool:
    """Whether any word of the text says which way something went."""
    every = "|".join(map(alternatives, (VERBS, NOUNS, COMPARATIVES, TRANSITIVE)))
    return bool(re.search(rf"\b(?:{every})\b", text.casefold()))
