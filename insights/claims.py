"""Claims: clauses, each written from a fact, and bullets, which arrange clauses and hold nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from insights.config.definitions import Group
from insights.config.rules import Language
from insights.facts import PERIOD, Span
from insights.sanitize import shorten_text

MOST_CHARACTERS = 240
NEW_SENTENCE = "."
SMALL_INSIDE = re.compile(r"[^\W\d_a-z][a-z\u00df-\u00ff ]")

Items = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A sentence without its full stop, true whatever stands beside it.

    `because` is what is behind it, `member` whom its `advice` may name, and `subjects` what it speaks of. Its first
    word `is_small` inside of a sentence if it is no name.
    """

    id: str
    group: Group
    kind: str
    importance: int
    subjects: frozenset[str]
    text: str
    is_small: bool
    because: str = ""
    member: str = ""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bullet:
    """A sentence or two under the heading of their group."""

    group: str
    text: str


class Part(NamedTuple):
    """A clause of a bullet, with what is behind it or without, and what stands between it and the one before."""

    clause: Clause
    has_cause: bool = False
    joiner: str = NEW_SENTENCE


def write_bullet(parts: Sequence[Part], advice: Sequence[str], span: Span) -> Bullet:
    """The bullet, as much of it as there is room for: clauses come before what is behind them, and that before advice.

    A clause about what an earlier one has told is left out.
    """
    told: list[Part] = []
    for part in parts:
        if not any(part.clause.subjects & each.clause.subjects for each in told):
            told.append(part)
    plain = [part._replace(has_cause=False) for part in told]
    choices = [
        (told, advice),
        (told, ()),
        (plain, ()),
        *((plain[:count], ()) for count in range(len(plain) - 1, 0, -1)),
    ]
    texts = [write_sentences(chosen, more, span.language) for chosen, more in choices]
    against = span.language.write("against", compared=span.comparison_text)
    fitting = (text for text in texts if len(text.replace(PERIOD, against)) <= MOST_CHARACTERS)
    groups = {part.clause.group for part in told}
    group = groups.pop() if len(groups) == 1 else "Cross-channel"
    return Bullet(group, next(fitting, shorten_text(texts[-1].replace(f" {PERIOD}", ""), MOST_CHARACTERS)))


def write_sentences(parts: Sequence[Part], advice: Sequence[str], language: Language) -> str:
    """The clauses as they are joined, and the advice; what has been joined already is not joined again."""
    text, joiners = "", language.definition.joiners
    for part in parts:
        clause = part.clause
        said = f"{clause.text}, {clause.because}" if part.has_cause and clause.because else clause.text
        if part.joiner == NEW_SENTENCE or any(each in f"{text} {said}" for each in joiners):
            text += f"{'. ' if text else ''}{said[:1].upper()}{said[1:]}"
        else:
            text += f"{part.joiner} {said[:1].lower() if clause.is_small else said[:1]}{said[1:]}"
    sentences = [end_sentence(text), *(end_sentence(each[:1].upper() + each[1:]) for each in advice)]
    return " ".join(sentences)


def end_sentence(text: str) -> str:
    return text if text[-1:] in ".!?…" else f"{text}."


def is_small_inside(template: str) -> bool:
    """Whether a sentence begins with a word of its own, and not with a name or an abbreviation."""
    return SMALL_INSIDE.match(template.lstrip()) is not None


def say_period_once(bullets: Sequence[Bullet], span: Span) -> list[Bullet]:
    """The bullets, of which only the first that is held against the compared window says so."""
    against = span.language.write("against", compared=span.comparison_text)
    said, found = False, []
    for bullet in bullets:
        text = bullet.text if said else bullet.text.replace(PERIOD, against, 1)
        said = said or PERIOD in bullet.text
        found.append(Bullet(bullet.group, text.replace(f" {PERIOD}", "")))
    return list(dict.fromkeys(found))


def group_bullets(bullets: Sequence[Bullet]) -> Items:
    """The bullets by group, the group of the most important one first."""
    groups: dict[str, list[str]] = {}
    for bullet in bullets:
        groups.setdefault(bullet.group, []).append(bullet.text)
    return [{"group": group, "bullets": texts} for group, texts in groups.items()]


# What a model answers

Reason = Literal["group", "words", "clause", "part", "joiner", "advice", "repeated"]
GROUPS = ("Cross-channel", "Ads", "Traffic", "Content")
REFERENCE = re.compile(r"\{\s*(\w+)(?:\.(\w+))?\s*\}")


class RefusedBullet(Exception):
    """A bullet that is no arrangement of what was offered; `reason` says why in a word."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bullet may be made of: clauses, and advice that is good after any of them."""

    clauses: Sequence[Clause]
    general: Sequence[str]
    language: Language

    def describe(self) -> dict[str, Any]:
        """The offer as the model reads it."""
        return {
            "joiners": list(self.language.definition.joiners),
            "advice": list(self.general),
            "clauses": [describe_clause(each) for each in self.clauses],
        }

    def read_bullet(self, bullet: Bullet, span: Span) -> Bullet:
        """The bullet that a model's answer stands for. Raises RefusedBullet for all that is not offered."""
        if bullet.group not in GROUPS:
            raise RefusedBullet("group")
        text, advice = self._split_advice(" ".join(bullet.text.split()))
        parts = self._read_parts(text)
        there = {part.clause.id for part in parts}
        if len(there) < len(parts) or len(set(advice)) < len(advice):
            raise RefusedBullet("repeated")
        if any(owner is not None and owner.id not in there for owner, _ in advice):
            raise RefusedBullet("advice")
        return write_bullet(parts, [fill_in(sentence, owner) for owner, sentence in advice], span)

    def _split_advice(self, text: str) -> tuple[str, list[tuple[Clause | None, str]]]:
        """The text without its sentences of advice, and these, each with the clause whose advice it is."""
        offered: list[tuple[str, Clause | None, str]] = [(each.rstrip(".!"), None, each) for each in self.general]
        for clause in self.clauses:
            offered += [(name_slots(each, clause).rstrip(".!"), clause, each) for each in clause.advice]
        there = {each for each, _ in REFERENCE.findall(text)}
        offered.sort(key=lambda each: each[1] is not None and each[1].id not in there)
        found: list[tuple[Clause | None, str]] = []
        while True:
            rest = text.rstrip(" .!")
            match = next((each for each in offered if ends_with(rest, each[0])), None)
            if match is None:
                return text, found[::-1]
            found.append(match[1:])
            text = rest[: len(rest) - len(match[0])]

    def _read_parts(self, text: str) -> list[Part]:
        clauses = {each.id: each for each in self.clauses}
        joiners = {strip_marks(each): each for each in self.language.definition.joiners}
        parts: list[Part] = []
        at = 0
        for match in REFERENCE.finditer(text):
            between, at = strip_marks(text[at : match.start()]), match.end()
            clause, part = clauses.get(match[1]), match[2]
            if clause is None:
                raise RefusedBullet("clause")
            if part is not None:
                if part != "because" or not clause.because or not parts or parts[-1][0] is not clause or between:
                    raise RefusedBullet("part")
                parts[-1] = parts[-1]._replace(has_cause=True)
                continue
            if not parts and between:
                raise RefusedBullet("words")
            joiner = NEW_SENTENCE if not parts or text[: match.start()].rstrip().endswith(".") else joiners.get(between)
            if joiner is None or (joiner == NEW_SENTENCE and between):
                raise RefusedBullet("joiner")
            parts.append(Part(clause, joiner=joiner))
        if not parts or strip_marks(text[at:]):
            raise RefusedBullet("words")
        return parts


def describe_clause(clause: Clause) -> dict[str, Any]:
    parts = {name: text for name in ("because", "member") if (text := getattr(clause, name))}
    return {
        "id": clause.id,
        "group": clause.group,
        "kind": clause.kind,
        "importance": clause.importance,
        "text": clause.text.replace(f" {PERIOD}", ""),
        "parts": parts,
        "advice": [name_slots(each, clause) for each in clause.advice],
    }


def name_slots(advice: str, clause: Clause) -> str:
    """The advice as the model writes it: with the clause's name in its slot."""
    return advice.replace("{member}", f"{{{clause.id}.member}}")


def fill_in(advice: str, clause: Clause | None) -> str:
    return advice if clause is None else advice.replace("{member}", clause.member)


def ends_with(text: str, sentence: str) -> bool:
    """Whether a text ends in a sentence, before which there is something else; blind to case."""
    before = text[: -len(sentence)]
    return before.endswith(" ") and text[len(before) :].casefold() == sentence.casefold()


def strip_marks(text: str) -> str:
    """The text as it is compared: without the marks and spaces around it, and blind to case."""
    return text.strip(" ,.;:!–—-").casefold()


def read_bullets(offer: Offer, bullets: Sequence[Bullet], span: Span, drop: Callable[[Reason], None]) -> list[Bullet]:
    """The bullets that a model's answer stands for; `drop` is told of the others."""
    found: list[Bullet] = []
    for each in bullets:
        try:
            bullet = offer.read_bullet(each, span)
            if bullet in found:
                raise RefusedBullet("repeated")
            found.append(bullet)
        except RefusedBullet as refused:
            drop(refused.reason)
    return found
