"""A sentence in which every name, number, day and period is one character: what is left are words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from insights.ground import DAY, Ground, Mention, hidden, is_day, mentions
from insights.numerals import Numeral, numerals

# Characters of nobody's: a bullet that holds one is dropped before it is spelled. One of each kind, 256 at most.
FIRST = {"metric": 0xE000, "member": 0xE100, "quote": 0xE200, "number": 0xE300, "day": 0xE400}
M, B, Q, N, D = (f"[{chr(first)}-{chr(first + 255)}]" for first in FIRST.values())
ASKED, COMPARED, OVER = "\ue500", "\ue501", "\ue502"
QUOTES = '“”"'


@dataclass(frozen=True, slots=True)
class Spelled:
    """`text` is in lower case; `things` are what its single characters stand for."""

    text: str
    things: dict[str, Mention | Numeral | re.Match[str]] = field(default_factory=dict)

    def name(self, character: str) -> str:
        found = self.things[character]
        assert isinstance(found, Mention)
        return found.name

    def numeral(self, character: str) -> Numeral:
        found = self.things[character]
        assert isinstance(found, Numeral)
        return found

    def day(self, character: str) -> re.Match[str]:
        found = self.things[character]
        assert isinstance(found, re.Match)
        return found


def spelled(text: str, ground: Ground) -> Spelled:
    """The text with what is known in it put into single characters, quotes around names included."""
    quotes = list(mentions(ground.quote_pattern, text))
    bare = hidden(text, quotes)
    members = list(mentions(ground.member_pattern, bare))
    bare = hidden(bare, members)
    names = list(mentions(ground.metric_pattern, bare))
    bare = hidden(bare, names)
    days = list(DAY.finditer(bare))
    bare = hidden(bare, days)
    periods = [(found, mark) for mark, pattern in periods_of(ground) for found in pattern.finditer(bare)]
    bare = hidden(bare, [found for found, _ in periods])
    placed: list[tuple[int, int, str]] = [(*found.span(), mark) for found, mark in periods]
    things: dict[str, Mention | Numeral | re.Match[str]] = {}

    def place(kind: str, found: Iterable[Mention | Numeral | re.Match[str]]) -> None:
        for index, each in enumerate(found):
            character = chr(FIRST[kind] + index)
            things[character] = each
            start, end = each.span() if isinstance(each, re.Match) else (each.start, each.end)
            if kind in ("member", "quote") and text[start - 1 : start] in tuple(QUOTES):
                start, end = start - 1, end + (text[end : end + 1] in tuple(QUOTES))
            placed.append((start, end, character))

    place("quote", quotes)
    place("member", members)
    place("metric", names)
    place("day", days)
    place("number", numerals(bare))
    written, at = [], 0
    for start, end, character in sorted(placed):
        written += [text[at:start].casefold(), character]
        at = max(end, at)
    written.append(text[at:].casefold())
    return Spelled(whole_window("".join(written).replace("’", "'"), things, ground), things)


def periods_of(ground: Ground) -> list[tuple[str, re.Pattern[str]]]:
    return [
        (OVER, ground.over_pattern),
        (COMPARED, ground.compared_pattern),
        (ASKED, ground.asked_pattern),
    ]


def whole_window(text: str, things: dict[str, Mention | Numeral | re.Match[str]], ground: Ground) -> str:
    """The text with `from … to …` the ends of the window as one character."""

    def one(found: re.Match[str]) -> str:
        window = ground.span.window
        ends = [things[found[name]] for name in ("start", "end")]
        fits = all(
            isinstance(each, re.Match) and is_day(each, day)
            for each, day in zip(ends, (window.start, window.end), strict=True)
        )
        return f"in {ASKED}" if fits else found[0]

    return re.sub(rf"(?:from|between) (?P<start>{D}) (?:to|and|until|through|–|-) (?P<end>{D})", one, text)
