"""Claims: clauses, each written from a fact, and bullets, which arrange clauses and hold nothing else.

Bullets are arranged by the rules, or as a model's answer says; no language model is needed.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, NamedTuple, get_args

from engine import TextFaults
from insights.config.definitions import Group
from insights.config.rules import Insights, Language, Rule
from insights.config.sentences import Fields
from insights.facts import PERIOD, PERIOD_END, Finding, Span
from insights.sanitize import find_markup, shorten_text

MOST_CHARACTERS = 240
NEW_SENTENCE = "."
PERIODS = re.compile(f"( ?){PERIOD}(?:([^{PERIOD}{PERIOD_END}]+){PERIOD_END})?( ?)")
SMALL_INSIDE = re.compile(r"[^\W\d_a-z][a-z\u00df-\u00ff ]")

Items = list[dict[str, Any]]
logger = logging.getLogger("metric_engine.insights.claims")


class Advice(NamedTuple):
    """A sentence of advice: as a model answers it, with a slot for the member's name, and as it is shown."""

    form: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A sentence without its full stop; its first word `is_small` inside of a sentence if it is no name."""

    id: str
    group: Group
    kind: str
    importance: int
    subjects: frozenset[str]
    text: str
    is_small: bool
    because: str = ""
    member: str = ""
    advice: tuple[Advice, ...] = ()

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "group": self.group,
            "kind": self.kind,
            "importance": self.importance,
            "text": say_periods(self.text, "")[0],
            "parts": {name: text for name in ("because", "member") if (text := getattr(self, name))},
            "advice": [each.form for each in self.advice],
        }


@dataclass(frozen=True, slots=True)
class Bullet:
    """A sentence or two under the heading of their group; `longer` are for where they need not say their period."""

    group: str
    text: str
    longer: tuple[str, ...] = ()


class Part(NamedTuple):
    """A clause of a bullet, with what is behind it or without, and what stands between it and the one before."""

    clause: Clause
    has_cause: bool = False
    joiner: str = NEW_SENTENCE


def write_clauses(insights: Insights, findings: Iterable[Finding], span: Span) -> list[Clause]:
    """What the rules say of the findings, the most important first."""
    known = {each.observation.name: each for each in findings}
    notable = {name: each for name, each in known.items() if each.notable}
    views: dict[str, Any] = dict.fromkeys(insights.observations)
    views |= {name: finding.view for name, finding in notable.items()}
    views |= {"compared": span.comparison_text, "against": PERIOD, "days": span.days}
    views["known"] = {name: name in known for name in insights.observations}
    rules = [rule for rule in insights.rules if notable.keys() >= set(rule.about)]
    rules.sort(key=lambda rule: (-rule.importance, -max(notable[name].strength for name in rule.about)))
    clauses: list[Clause] = []
    for rule in rules:
        if (clause := write_clause(f"c{len(clauses) + 1}", rule, insights, views, span)) is not None:
            clauses.append(clause)
    return clauses


def write_clause(name: str, rule: Rule, insights: Insights, views: Fields, span: Span) -> Clause | None:
    text, language = span.language.rules.get(rule.name), span.language
    try:
        if text is None or not rule.holds(views):
            return None
        sentences = (text.say, text.because, rule.member)
        say, because, member = ("" if each is None else each.render(views).removesuffix(".") for each in sentences)
        advice = [language.advice[name] for name in rule.advise(views) if name in language.advice]
    except TextFaults as faults:
        logger.error("the rule %s of insights.yaml cannot be said: %s", rule.name, faults)
        return None
    if not say or any(find_markup(each) for each in (say, because)):
        logger.error("the rule %s of insights.yaml says nothing, or what is not plain text", rule.name)
        return None
    observations = [insights.observations[name] for name in rule.about]
    return Clause(
        id=name,
        group=rule.group,
        kind=observations[0].kind,
        importance=rule.importance,
        subjects=frozenset(subject for each in observations for subject in each.subjects),
        text=say,
        # It begins with a word of its own, and not with a name or an abbreviation.
        is_small=SMALL_INSIDE.match(text.say.text.lstrip()) is not None,
        because=because,
        member=member,
        advice=tuple(
            Advice(each.replace("{member}", f"{{{name}.member}}"), each.replace("{member}", member))
            for each in advice
            if member or "{member}" not in each
        ),
    )


def write_bullet(parts: Sequence[Part], advice: Sequence[str], span: Span) -> Bullet:
    """As much as there is room for: clauses, then causes, then advice; no clause about what an earlier one has told."""
    told: list[Part] = []
    for part in parts:
        if not any(part.clause.subjects & each.clause.subjects for each in told):
            told.append(part)
    plain = [part._replace(has_cause=False) for part in told]
    choices = [(told, advice), (told, ()), *((plain[:count], ()) for count in range(len(plain), 0, -1))]
    texts = [write_sentences(chosen, more, span.language) for chosen, more in choices]
    against = span.language.write("against", compared=span.comparison_text)
    longer = tuple(takewhile(lambda text: len(say_periods(text, against)[0]) > MOST_CHARACTERS, texts))
    fitting = texts[len(longer) :] or [shorten_text(say_periods(texts[-1], "")[0], MOST_CHARACTERS)]
    groups = {part.clause.group for part in told}
    group = groups.pop() if len(groups) == 1 else "Cross-channel"
    return Bullet(group, fitting[0], longer)


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
    sentences = [text, *(each[:1].upper() + each[1:] for each in advice)]
    return " ".join(each if each[-1:] in ".!?…" else f"{each}." for each in sentences)


def say_period_once(bullets: Sequence[Bullet], span: Span) -> list[Bullet]:
    """The bullets, which say against what they are held where, read by group, it is not what was said last.

    Days that are not those of the compared window are said again under each heading.
    """
    against, said = span.language.write("against", compared=span.comparison_text), ""
    texts: dict[Bullet, str] = {}
    for group in dict.fromkeys(each.group for each in bullets):
        said = said if said == against else ""
        for bullet in bullets:
            if bullet.group == group:
                choices = (say_periods(each, against, said) for each in (*bullet.longer, bullet.text))
                texts[bullet], said = next(each for each in choices if len(each[0]) <= MOST_CHARACTERS)
    return list(dict.fromkeys(Bullet(each.group, texts[each]) for each in bullets))


def say_periods(text: str, against: str, said: str = "") -> tuple[str, str]:
    """The text that says against what it is held where that is not `said` already, and what it said last."""

    def say_period(found: re.Match[str]) -> str:
        nonlocal said
        before, said = said, found[2] or against
        return min(found[1], found[3]) if said == before else f"{found[1]}{said}{found[3]}"

    return PERIODS.sub(say_period, text), said


def group_bullets(bullets: Sequence[Bullet]) -> Items:
    """The bullets by group, the group of the most important one first."""
    groups: dict[str, list[str]] = {}
    for bullet in bullets:
        groups.setdefault(bullet.group, []).append(bullet.text)
    return [{"group": group, "bullets": texts} for group, texts in groups.items()]


def render_rules(clauses: Sequence[Clause], span: Span, most: int) -> list[Bullet]:
    """A bullet for each clause, with what is behind it and its best advice; at most so many."""
    parts = (([Part(each, has_cause=True)], [advice.text for advice in each.advice[:1]]) for each in clauses)
    return say_period_once(list(dict.fromkeys(write_bullet(*each, span) for each in parts))[:most], span)


# What a model answers

Reason = Literal["group", "words", "clause", "part", "joiner", "advice", "repeated"]
GROUPS: tuple[Group, ...] = get_args(Group)
REFERENCE = re.compile(r"\{\s*(\w+)(?:\.(\w+))?\s*\}")


class RefusedBullet(Exception):
    """A bullet that is no arrangement of what was offered; its argument is the Reason."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bullet may be made of: clauses, and advice that is good after any of them."""

    clauses: Sequence[Clause]
    general: Sequence[str]
    language: Language

    def describe(self) -> dict[str, Any]:
        return {
            "joiners": list(self.language.definition.joiners),
            "advice": list(self.general),
            "clauses": [each.describe() for each in self.clauses],
        }

    def read_bullet(self, bullet: Bullet, span: Span) -> Bullet:
        """The bullet that a model's answer stands for. Raises RefusedBullet for all that is not offered."""
        if bullet.group not in GROUPS:
            raise RefusedBullet("group")
        text, advice = self._split_advice(" ".join(bullet.text.split()))
        parts = self._read_parts(text)
        there = {"", *(part.clause.id for part in parts)}
        if len(there) <= len(parts) or len(set(advice)) < len(advice):
            raise RefusedBullet("repeated")
        if any(owner not in there for owner, _ in advice):
            raise RefusedBullet("advice")
        return write_bullet(parts, [sentence for _, sentence in advice], span)

    def _split_advice(self, text: str) -> tuple[str, list[tuple[str, str]]]:
        """The text without its advice, and this as it is shown, each with the id of the clause whose advice it is."""
        there = {each for each, _ in REFERENCE.findall(text)}
        offered = {each.rstrip(".!"): ("", each) for each in self.general}
        for clause in sorted(self.clauses, key=lambda each: each.id not in there):
            for each in clause.advice:
                offered.setdefault(each.form.rstrip(".!"), (clause.id, each.text))
        found: list[tuple[str, str]] = []
        while True:
            rest = text.rstrip(" .!")
            for form, advice in offered.items():
                if match := re.search(rf" {re.escape(form)}$", rest, re.IGNORECASE):
                    found.append(advice)
                    text = rest[: match.start() + 1]
                    break
            else:
                return text, found[::-1]

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


def strip_marks(text: str) -> str:
    """The text as it is compared: without the marks and spaces around it, and blind to case."""
    return text.strip(" ,.;:!–—-").casefold()


def read_bullets(offer: Offer, bullets: Sequence[Bullet], span: Span) -> tuple[list[Bullet], Counter[str]]:
    """The bullets that a model's answer stands for, and how many others there are, by why they are dropped."""
    found: dict[Bullet, None] = {}
    dropped = Counter[str]()
    for each in bullets:
        try:
            bullet = offer.read_bullet(each, span)
            dropped.update(["repeated"] if bullet in found else [])
            found[bullet] = None
        except RefusedBullet as refused:
            dropped.update(refused.args)
    return list(found), dropped
