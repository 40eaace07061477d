"""The offer: what a language model may make bullets of, as it is told, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, get_args

from engine import Compare
from insights.claims import NEW_SENTENCE, Arrangement, Bullet, Clause, Part
from insights.collect_facts import CollectedFacts
from insights.config.definitions import Group

Reason = Literal["group", "words", "clause", "part", "joiner", "advice", "repeated"]

MOST_TOKENS = 2_500
# Tokenizers differ. Of such JSON the known ones make a token of 3.4 bytes or more, and of what outsiders may write in
# the worst case one of each byte.
BYTES_A_TOKEN = 2.5
REFERENCE = re.compile(r"\{\s*(\w+)(?:\.(\w+))?\s*\}")


class RefusedBullet(Exception):
    """A bullet that is no arrangement of what was offered; its argument is the Reason."""


class Offer:
    """As many clauses as there is room for, the most important first, and advice that is good after any of them."""

    def __init__(self, facts: CollectedFacts, clauses: Iterable[Clause]) -> None:
        self.facts, self.language = facts, facts.span.language
        self.general = [self.language.advice[name] for name in facts.insights.general if name in self.language.advice]
        self.clauses: dict[str, Clause] = {}
        room = MOST_TOKENS - len(write_json(self.describe())) / BYTES_A_TOKEN
        for clause in clauses:
            written = write_json(clause.describe())
            plain = len(written.encode("ascii", "ignore"))
            room -= plain / BYTES_A_TOKEN + len(written.encode()) - plain
            if room < 0:
                break
            self.clauses[clause.id] = clause
        self.text = write_json(self.describe())

    def describe(self) -> dict[str, Any]:
        span = self.facts.span
        return {
            "from": span.window.start.isoformat(),
            "to": span.window.end.isoformat(),
            "language": self.language.code,
            "sources": self.facts.titles,
            **({} if span.compare is Compare.OFF else {"compared_with": span.comparison_text}),
            "joiners": self.language.definition.joiners,
            "advice": self.general,
            "clauses": [each.describe() for each in self.clauses.values()],
        }

    def read_bullets(self, bullets: Iterable[Bullet]) -> tuple[list[Arrangement], Counter[str]]:
        """What a model's bullets stand for, and how many others there are, by why they are dropped."""
        found: dict[Arrangement, None] = {}
        dropped = Counter[str]()
        for each in bullets:
            try:
                arrangement = self.read_bullet(each)
                dropped.update(["repeated"] if arrangement in found else [])
                found[arrangement] = None
            except RefusedBullet as refused:
                dropped.update(refused.args)
        return list(found), dropped

    def read_bullet(self, bullet: Bullet) -> Arrangement:
        """What a model's bullet stands for. Raises RefusedBullet for all that is not offered."""
        if bullet.group not in get_args(Group):
            raise RefusedBullet("group")
        text, advice = self._split_advice(" ".join(bullet.text.split()))
        *pieces, rest = REFERENCE.split(text)
        joiners = {strip_marks(each): each for each in self.language.definition.joiners}
        parts: list[Part] = []
        for between, name, part in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            clause, said = self.clauses.get(name), strip_marks(between)
            if clause is None:
                raise RefusedBullet("clause")
            if part is not None:
                if part != "because" or not clause.because or not parts or parts[-1].clause is not clause or said:
                    raise RefusedBullet("part")
                parts[-1] = parts[-1]._replace(has_cause=True)
                continue
            if not parts and said:
                raise RefusedBullet("words")
            joiner = NEW_SENTENCE if not parts or between.rstrip().endswith(".") else joiners.get(said)
            if joiner is None or (joiner == NEW_SENTENCE and said):
                raise RefusedBullet("joiner")
            parts.append(Part(clause, joiner=joiner))
        there = {part.clause.id for part in parts}
        if not parts or strip_marks(rest):
            raise RefusedBullet("words")
        if len(there) < len(parts) or len(set(advice)) < len(advice):
            raise RefusedBullet("repeated")
        if any(owner not in ("", *there) for owner, _ in advice):
            raise RefusedBullet("advice")
        return Arrangement.of(parts, [sentence for _, sentence in advice])

    def _split_advice(self, text: str) -> tuple[str, list[tuple[str, str]]]:
        """The text without its advice, and this as it is shown, each with the id of the clause whose advice it is."""
        there = {name for name, _ in REFERENCE.findall(text)}
        offered = {each.rstrip(".!"): ("", each) for each in self.general}
        for clause in sorted(self.clauses.values(), key=lambda each: each.id not in there):
            for form, shown in zip(clause.describe()["advice"], clause.list_advice(clause.member), strict=True):
                offered.setdefault(form.rstrip(".!"), (clause.id, shown))
        forms = "|".join(f"({re.escape(form)})" for form in offered)
        found: list[tuple[str, str]] = []
        while offered and (match := re.match(f"(.* )(?:{forms})$", text.rstrip(" .!"), re.IGNORECASE)):
            found.insert(0, list(offered.values())[(match.lastindex or 0) - 2])
            text = match[1]
        return text, found


def strip_marks(text: str) -> str:
    """The text as it is compared: without the marks and spaces around it, and blind to case."""
    return text.strip(" ,.;:!–—-").casefold()


def write_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
