"""What is being spoken of in a bullet, and what the facts have proven of it so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from insights.facts import Fact, Verdict
from insights.figures import Role
from insights.ground import GROUP_SOURCES, Ground, folded, is_day
from insights.numerals import Numeral
from insights.proof import MOVED, Fault, Subject, goes, sized, states
from insights.spelling import D, Spelled
from insights.wordings import Sense

T = TypeVar("T")


class Witness:
    """Proves what is said at `at` of a bullet; `proven` counts the figures. Its methods raise Fault."""

    def __init__(self, spelled: Spelled, ground: Ground, group: str) -> None:
        self.spelled = spelled
        self.text = spelled.text
        self.ground = ground
        self.source = GROUP_SOURCES.get(group)
        self.at = 0
        self.subjects: list[Subject] = []
        # Whether something must still be said of the subjects.
        self.waiting = False
        # What the move just spoken of says, where no number has followed yet.
        self.moving: Sense | None = None
        # Whether the subject was just said to be behind a change: its effect may follow.
        self.behind = False
        # As what the last number was proven, whether the sentence has told of a change, and which way that went.
        self.last: frozenset[Role] | None = None
        self.moved = False
        self.way: Sense | None = None
        # Whether the subject was said to be behind a change, and is still spoken of.
        self.driven = False
        # What the facts that were told are held to be.
        self.verdicts: set[Verdict] = set()
        # The source of what is spoken of, where that was said.
        self.place: str | None = None
        # What the sentence has said to have moved.
        self.movers: set[Subject] = set()
        self.proven = 0
        self.claims = 0

    @property
    def today(self) -> re.Match[str] | None:
        """The day that the sentence is about; None where it is about the whole period."""
        start = max((found.end() for found in re.finditer(r"[.!?] ", self.text[: self.at])), default=0)
        end = re.search(r"[.!?](?: |$)", self.text[self.at :])
        sentence = self.text[start : self.at + end.start() if end else None]
        days = re.findall(D, sentence)
        if len(days) > 1:
            raise Fault("date")
        return self.spelled.day(days[0]) if days else None

    def facts(self, subject: Subject, name: str | None = None) -> list[Fact]:
        """The facts about a subject that are about the sentence's day, or else about the whole period."""
        today = self.today
        told = self.ground.about(subject.name, subject.member) if subject != Subject() or name or today else []
        if name is not None:
            told = [fact for fact in told if name in map(folded, fact.names)]
        if today is None:
            return [fact for fact in told if fact.day is None]
        return [fact for fact in told if not fact.silent and fact.day is not None and is_day(today, fact.day)]

    def prove(self, found: re.Match[str], roles: frozenset[Role], sense: Sense | None = None) -> bool:
        unit = self.spelled.name(found["unit"]) if found["unit"] else None
        return self.proven_number(found[0], found["number"], found["bound"], unit, roles, sense)

    def proven_number(
        self,
        said: str,
        number: str,
        bound: str | None,
        unit: str | None,
        roles: frozenset[Role],
        sense: Sense | None = None,
    ) -> bool:
        numeral = self.spelled.numeral(number)
        if not self.subjects:
            raise Fault("no_fact")
        for subject in self.subjects:
            facts = self.facts(subject, unit)
            if not facts:
                raise Fault("date" if self.today is not None else "no_fact")
            if subject.name is None and unit is None and len({fact.names[-1] for fact in facts}) > 1:
                # `Retargeting fell 60%`: what of it?
                raise Fault("no_fact")
            stating = [
                fact
                for fact in facts
                if states(fact, numeral, roles, bound) and (self.place is None or self.place in fact.sources)
            ]
            if not stating:
                raise Fault("number")
            if sense is not None and not any(goes(fact, sense) and sized(fact, said) for fact in stating):
                raise Fault("direction")
            self.hold_to_group(stating)
        if unit is not None:
            self.subjects = [Subject(subject.name or unit, subject.member) for subject in self.subjects]
        self.waiting, self.moving, self.behind, self.last = False, None, False, roles
        self.moved = self.moved or roles is MOVED
        self.movers |= set(self.subjects) if roles is MOVED else set()
        self.way = sense or self.way
        self.proven += 1
        return True

    def go(self, said: str, sense: Sense) -> bool:
        """A move without a number: what is said must be so of every fact that may be meant."""
        for subject in self.subjects:
            facts = self.facts(subject)
            if not facts:
                raise Fault("date" if self.today is not None else "no_fact")
            if not all(goes(fact, sense) and sized(fact, said) for fact in facts):
                raise Fault("direction")
            self.hold_to_group(facts)
        self.waiting, self.behind, self.last, self.moved = False, False, MOVED, True
        self.movers |= set(self.subjects)
        return True

    def told(self, what: Callable[[Fact], T | None], true: Callable[[T], bool]) -> bool:
        """Something that is no figure: at least one fact of each subject tells of it, and all that do say so."""
        for subject in self.subjects:
            facts = [fact for fact in self.facts(subject) if what(fact) is not None]
            if not facts:
                raise Fault("no_fact")
            if not all(true(told) for fact in facts if (told := what(fact)) is not None):
                raise Fault("direction")
            self.hold_to_group(facts)
        self.waiting, self.moving, self.behind = False, None, False
        return bool(self.subjects)

    def hold_to_group(self, facts: Iterable[Fact]) -> None:
        """What a bullet says first must be of its group's source."""
        facts = list(facts)
        self.verdicts |= {fact.verdict for fact in facts}
        if self.claims == 0 and self.source and not any(self.source in fact.sources for fact in facts):
            raise Fault("group")
        self.claims += 1

    def is_change(self, numeral: Numeral) -> bool:
        return all(any(states(fact, numeral, MOVED, None) for fact in self.facts(each)) for each in self.subjects)
