"""Claims: clauses, each written from a fact, and bullets, which arrange clauses and hold nothing else.

Bullets are arranged by the rules, or as a model's answer says; no language model is needed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine import TextFaults
from insights.collect_facts import CollectedFacts
from insights.config.definitions import Group
from insights.config.rules import Language, Rule
from insights.config.sentences import Fields
from insights.facts import PERIOD, PERIOD_END, Span
from insights.sanitize import find_markup, shorten_text

MOST_CHARACTERS = 240
NEW_SENTENCE = "."
PERIODS = re.compile(f"( ?){PERIOD}(?:([^{PERIOD}{PERIOD_END}]+){PERIOD_END})?( ?)")
SMALL_INSIDE = re.compile(r"[^\W\d_a-z][a-z\u00df-\u00ff ]")

logger = logging.getLogger("metric_engine.insights.claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A sentence without its full stop; its first word `is_small` inside of a sentence if it is no name."""

    id: str
    group: Group
    subjects: frozenset[str]
    text: str
    is_small: bool
    because: str = ""
    member: str = ""
    advice: tuple[str, ...] = ()

    def list_advice(self, member: str) -> list[str]:
        """The advice with this in its slot: the member's name, or what a model answers in its place."""
        return [each.replace("{member}", member) for each in self.advice]

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "group": self.group,
            "text": say_periods(self.text, "")[0],
            "parts": {name: text for name in ("because", "member") if (text := getattr(self, name))},
            "advice": self.list_advice(f"{{{self.id}.member}}"),
        }


class Bullet(NamedTuple):
    group: str
    text: str


class Part(NamedTuple):
    """A clause of a bullet, with what is behind it or without, and what stands between it and the one before."""

    clause: Clause
    has_cause: bool = False
    joiner: str = NEW_SENTENCE


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What a bullet says, if there is room: clauses about one thing each, and advice."""

    parts: tuple[Part, ...]
    advice: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Part], advice: Iterable[str] = ()) -> Arrangement:
        """Leave out each clause about what an earlier one has told."""
        told: list[Part] = []
        for part in parts:
            if not any(part.clause.subjects & each.clause.subjects for each in told):
                told.append(part)
        return cls(tuple(told), tuple(advice))

    @property
    def group(self) -> Group:
        groups = {part.clause.group for part in self.parts}
        return groups.pop() if len(groups) == 1 else "Cross-channel"

    def list_texts(self, language: Language) -> Iterator[str]:
        """Yield the whole text, and ever shorter ones: without advice, without causes, without the last clauses."""
        yield write_sentences(self.parts, self.advice, language)
        yield write_sentences(self.parts, (), language)
        plain = [part._replace(has_cause=False) for part in self.parts]
        for count in range(len(plain), 0, -1):
            yield write_sentences(plain[:count], (), language)


def write_clauses(facts: CollectedFacts) -> list[Clause]:
    """What the rules say of the findings, the most important first."""
    insights, span = facts.insights, facts.span
    notable = {name: each for name, each in facts.findings.items() if each.notable}
    views: dict[str, Any] = {
        **{name: notable[name].view if name in notable else None for name in insights.observations},
        "compared": span.comparison_text,
        "against": PERIOD,
        "days": span.window.days,
        "known": {name: name in facts.findings for name in insights.observations},
    }
    rules = [rule for rule in insights.rules if notable.keys() >= set(rule.about)]
    rules.sort(key=lambda rule: (-rule.importance, -max(notable[name].strength for name in rule.about)))
    clauses: list[Clause] = []
    for rule in rules:
        if (clause := write_clause(f"c{len(clauses) + 1}", rule, facts, views)) is not None:
            clauses.append(clause)
    return clauses


def write_clause(name: str, rule: Rule, facts: CollectedFacts, views: Fields) -> Clause | None:
    language = facts.span.language
    text = language.rules.get(rule.name)
    try:
        if text is None or not rule.when.render(views):
            return None
        sentences = (text.say, text.because, rule.member)
        say, because, member = (each.render(views).removesuffix(".") for each in sentences)
        good = [each for each, condition in rule.advice.items() if condition.render(views)]
    except TextFaults as faults:
        logger.error("the rule %s of insights.yaml cannot be said: %s", rule.name, faults)
        return None
    if not say or any(find_markup(each) for each in (say, because)):
        logger.error("the rule %s of insights.yaml says nothing, or what is not plain text", rule.name)
        return None
    observations = [facts.insights.observations[each] for each in rule.about]
    advice = (language.advice[each] for each in good if each in language.advice)
    return Clause(
        id=name,
        group=rule.group,
        subjects=frozenset(subject for each in observations for subject in each.subjects),
        text=say,
        # It begins with a word of its own, and not with a name or an abbreviation.
        is_small=SMALL_INSIDE.match(text.say.text.lstrip()) is not None,
        because=because,
        member=member,
        advice=tuple(each for each in advice if member or "{member}" not in each),
    )


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


def write_bullets(arrangements: Sequence[Arrangement], span: Span) -> list[Bullet]:
    """The bullets, which say as much as there is room for, and against what it is held where that is new.

    It is new where, read by group, it is not what was said last; days that are not those of the compared window are
    said again under each heading.
    """
    against, said = span.language.write("against", compared=span.comparison_text), ""
    bullets: dict[Arrangement, Bullet] = {}
    for group in dict.fromkeys(each.group for each in arrangements):
        said = said if said == against else ""
        for each in arrangements:
            if each.group == group:
                texts = list(each.list_texts(span.language))
                choices = (say_periods(text, against, said) for text in texts)
                cut = (shorten_text(say_periods(texts[-1], "")[0], MOST_CHARACTERS), said)
                text, said = next((each for each in choices if len(each[0]) <= MOST_CHARACTERS), cut)
                bullets[each] = Bullet(group, text)
    return list(dict.fromkeys(bullets[each] for each in arrangements))


def say_periods(text: str, against: str, said: str = "") -> tuple[str, str]:
    """The text that says against what it is held where that is not `said` already, and what it said last."""

    def say_period(found: re.Match[str]) -> str:
        nonlocal said
        before, said = said, found[2] or against
        return min(found[1], found[3]) if said == before else f"{found[1]}{said}{found[3]}"

    return PERIODS.sub(say_period, text), said


def group_bullets(bullets: Sequence[Bullet]) -> list[dict[str, Any]]:
    groups: dict[str, list[str]] = {}
    for bullet in bullets:
        groups.setdefault(bullet.group, []).append(bullet.text)
    return [{"group": group, "bullets": texts} for group, texts in groups.items()]


def render_rules(clauses: Iterable[Clause], facts: CollectedFacts) -> list[Bullet]:
    """A bullet for each clause, with what is behind it and its best advice; at most so many."""
    alone = {each.text: Arrangement.of([Part(each, True)], each.list_advice(each.member)[:1]) for each in clauses}
    return write_bullets(list(alone.values())[: facts.insights.most], facts.span)
