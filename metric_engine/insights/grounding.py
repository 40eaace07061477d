"""The check on what a language model says: a bullet passes only if the facts bear out every number and every source.

A bullet is read clause by clause. The subject of a number is the metric, and the member, that is named nearest before
it in its clause, or else after it, or else the one that was spoken of last. One of that subject's facts must have the
number: in the same unit, rounded once, as what the words around it make it (what was before, what was reached, or the
change), and in the direction that they say.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from metric_engine.insights.facts import Fact
from metric_engine.insights.figures import Role
from metric_engine.insights.ground import DAY, GROUP_SOURCES, PARTIAL, PERIOD, Ground, Mention, hidden, mentions
from metric_engine.insights.numerals import IN_WORDS, MOVED, Numeral, numerals, roles_of
from metric_engine.insights.outside import UNSEEN, has_address
from metric_engine.insights.speaking import MOST_CHARACTERS, Bullet
from metric_engine.insights.wordings import ADVICE, CHANGING, Move, moves, right_after, right_before

Reason = Literal[
    "group", "length", "markup", "address", "source", "name", "date", "number", "direction", "no_fact", "repeated"
]

GROUPS = ("Cross-channel", "Ads", "Traffic", "Content")
MARKUP = re.compile(r"[<>\[\]{}`*~\\|]|(?:^|\s)#|__|^\s*[-•–]\s")
WINDOW_DAYS = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:,\d{3})?)[\s-]days?\b(?! (?:later|after|before|earlier))", re.IGNORECASE
)
QUOTED = re.compile(r"[“\"]([^”\"]{2,})[”\"]")
CLAUSE_END = re.compile(
    r"[.!?;:,](?=\s|$)|[()]|\s[–—-]\s"
    r"|\b(?:and|but|while|whereas|as|with|although|though|despite|because|since|yet|or|whilst)\b",
    re.IGNORECASE,
)
CAPITALISED = re.compile(r"(?<![\w’'·])[A-Z][^\W\d_]+(?![\w·])")
BETWEEN_NUMBER_AND_MEMBER = re.compile(
    r"\W*(?:[a-z]+\s+)?(?:in|from|for|on|at|via|through|of|by)\s+(?:the\s+)?\W*", re.I
)
# `…, whose return fell`: of the member that was spoken of last.
POSSESSIVE = re.compile(r"\W*(?:whose|its|their|where)\b", re.IGNORECASE)
SHARE_OF = re.compile(r"\s+of\s+(?:all|the|total|your|our|its)\b", re.IGNORECASE)
PARTS: frozenset[Role] = frozenset(("share", "part"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clause speaks of: a metric's name and a member, in lower case; each may be open."""

    name: str | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence, from `start` to `end`, with the names in it, and what was spoken of before it."""

    start: int
    end: int
    names: Sequence[Mention]
    members: Sequence[Mention]
    before: Subject

    def subject(self, text: str, start: int, end: int) -> Subject:
        """What something that stands from `start` to `end` is said of."""
        name = nearest(self.names, start)
        preceding = [each for each in self.members if each.start < start]
        following = [each for each in self.members if each.start >= end]
        member = preceding[-1].name if preceding else None
        if member is None and following:
            joined = BETWEEN_NUMBER_AND_MEMBER.fullmatch(text, end, following[0].start)
            leads = not any(each.start < start for each in self.names)
            member = following[0].name if joined or leads else None
        if name is None or POSSESSIVE.match(text, self.start):
            return Subject(name or self.before.name, member or self.before.member)
        return Subject(name, member)

    def sharer(self, start: int) -> Subject:
        """Whose share of a whole the number at `start` is: the whole is named behind it."""
        preceding = [each for each in self.members if each.start < start]
        return Subject(
            nearest(self.names, start) or self.before.name, (preceding[-1].name if preceding else self.before.member)
        )

    def after(self) -> Subject:
        """What is spoken of at its end."""
        name = self.names[-1].name if self.names else self.before.name
        if self.members:
            return Subject(name, self.members[-1].name)
        return Subject(name, None if self.names else self.before.member)


def grounded(bullets: Iterable[Bullet], ground: Ground) -> tuple[list[Bullet], Counter[str]]:
    """The bullets that the facts bear out, and how many were dropped by reason."""
    kept: list[Bullet] = []
    dropped: Counter[str] = Counter()
    for bullet in bullets:
        tidy = Bullet(bullet.group, " ".join(unicodedata.normalize("NFKC", bullet.text).split()))
        reason = "repeated" if tidy in kept else fault(tidy, ground)
        if reason is None:
            kept.append(tidy)
        else:
            dropped[reason] += 1
    return kept, dropped


def fault(bullet: Bullet, ground: Ground) -> Reason | None:
    """Why a bullet cannot be told; None where it can."""
    text = bullet.text
    if not is_group(bullet.group, ground):
        return "group"
    if not 0 < len(text) <= MOST_CHARACTERS:
        return "length"
    if any(unicodedata.category(each) in UNSEEN for each in text):
        return "markup"
    # Quotes and members are outsiders' words: they were made fit to be quoted, and are read no further.
    text = hidden(text, mentions(ground.quote_pattern, text))
    members = list(mentions(ground.member_pattern, text))
    bare = hidden(text, members)
    if has_address(bare):
        return "address"
    if MARKUP.search(bare):
        return "markup"
    names = list(mentions(ground.metric_pattern, bare))
    if ground.foreign_pattern.search(bare) or ground.absent_pattern.search(hidden(bare, names)):
        return "source"
    if is_strange(bare, ground) or any(PARTIAL.search(bare, 0, name.start) for name in names):
        return "name"
    if not all(map(ground.knows_period, PERIOD.finditer(bare))):
        return "date"
    dates = list(DAY.finditer(bare))
    if not all(ground.knows_day(each, {name.name for name in names}) for each in dates):
        return "date"
    spans = list(WINDOW_DAYS.finditer(bare))
    if any(int(each[1].replace(",", "")) != ground.span.days for each in spans):
        return "number"
    plain = hidden(hidden(bare, dates), spans)
    if IN_WORDS.search(plain):
        return "number"
    return fault_of_clauses(plain, hidden(plain, names), clauses(plain, names, members), ground)


def is_group(group: str, ground: Ground) -> bool:
    if group not in GROUPS:
        return False
    source = GROUP_SOURCES.get(group)
    return source in ground.active if source else len(ground.active) > 1


def is_strange(text: str, ground: Ground) -> bool:
    """Whether it names what nobody knows: in quotes, or with a capital letter inside of a sentence."""
    if any(
        any(word.casefold() not in ground.words for word in re.findall(r"[^\W\d_]+", each))
        for each in QUOTED.findall(text)
    ):
        return True
    for found in CAPITALISED.finditer(text):
        before = text[: found.start()].rstrip(" “\"'(")
        begins = not before or before[-1] in ".!?;:–—"
        if not begins and not found[0].isupper() and found[0].casefold() not in ground.words:
            return True
    return False


def clauses(text: str, names: Sequence[Mention], members: Sequence[Mention]) -> Iterator[Clause]:
    """The clauses of a text, in order. Names are not cut: a conjunction inside of one ends nothing."""
    whole = hidden(text, names)
    start, spoken = 0, Subject()
    for end in (*(found.end() for found in CLAUSE_END.finditer(whole)), len(text)):
        if end <= start:
            continue
        clause = Clause(
            start,
            end,
            [each for each in names if start <= each.start < end],
            [each for each in members if start <= each.start < end],
            spoken,
        )
        spoken = clause.after()
        yield clause
        start = end


def fault_of_clauses(text: str, nameless: str, found: Iterable[Clause], ground: Ground) -> Reason | None:
    """The first thing in the clauses that the facts do not bear out; they must bear out a number at least.

    `nameless` is the text without the metrics' names: `Spend on …` asks for nothing.
    """
    borne_out = 0
    advised = moving = False
    for clause in found:
        if text[: clause.start].rstrip()[-1:] in (".", "!", "?", ";", ""):
            advised = moving = False
        advised = advised or bool(ADVICE.match(nameless[clause.start : clause.end]))
        said = list(moves(text, clause.start, clause.end, advised=advised))
        # A clause without a metric of its own goes on about the last one's change.
        moving = bool(said or CHANGING.search(text, clause.start, clause.end)) or (moving and not clause.names)
        for numeral in numerals(text[: clause.end]):
            if numeral.start >= clause.start:
                reason = fault_of_number(text, clause, numeral, said, ground, moving=moving)
                if reason is not None:
                    return reason
                borne_out += 1
        for move in said:
            subject = clause.subject(text, move.start, move.end)
            facts = ground.about(subject.name, subject.member) if subject != Subject() else []
            if facts and (move.negated or not any(goes(fact, move) for fact in facts)):
                return "direction"
    return None if borne_out else "no_fact"


def fault_of_number(
    text: str, clause: Clause, numeral: Numeral, said: Sequence[Move], ground: Ground, *, moving: bool
) -> Reason | None:
    """`moving` tells whether a change is spoken of at all: only then is an unsigned number one."""
    of_whole = numeral.unit == "percent" and SHARE_OF.match(text, numeral.end)
    subject = clause.sharer(numeral.start) if of_whole else clause.subject(text, numeral.start, numeral.end)
    if subject == Subject():
        return "no_fact"
    before = next((move for move in said if right_before(text, move, numeral.start)), None)
    after = next((move for move in said if right_after(text, move, numeral.end)), None)
    roles = PARTS if of_whole else roles_of(text, numeral, before is not None, after is not None)
    if not (moving or numeral.sign):
        roles -= MOVED
    stating = [
        fact
        for fact in ground.about(subject.name, subject.member)
        if any(figure.role in roles and numeral.states(figure, fact.direction) for figure in fact.figures)
    ]
    if not stating:
        return "number"
    beside = before or after or min(said, key=lambda move: distance(move, numeral), default=None)
    if beside is None or clause.subject(text, beside.start, beside.end) != subject:
        return None
    return "direction" if beside.negated or not any(goes(fact, beside) for fact in stating) else None


def distance(move: Move, numeral: Numeral) -> int:
    return max(move.start - numeral.end, numeral.start - move.end)


def goes(fact: Fact, move: Move) -> bool:
    """Whether a fact goes the way that a word says."""
    return move.sense in (fact.direction, fact.verdict)


def nearest(found: Sequence[Mention], start: int) -> str | None:
    """The last name before `start`, or else the first one behind it."""
    before = [each for each in found if each.start < start]
    return before[-1].name if before else found[0].name if found else None
