"""Findings → bullets, by the rules of insights.yaml: no language model needed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.catalog.insight_resolution import Insights, Rule
from engine.catalog.sentences import NOT_PLAIN
from engine.language.jinja import TemplateFaults
from insights.facts import Finding, Span
from insights.outside import shortened

MOST_CHARACTERS = 240
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z“])")

Items = list[dict[str, Any]]

logger = logging.getLogger("metric_engine.insights.speaking")


@dataclass(frozen=True, slots=True)
class Bullet:
    """A sentence or two under the heading of their group."""

    group: str
    text: str


def speak(insights: Insights, findings: Iterable[Finding], span: Span) -> list[Bullet]:
    """What the rules say of the findings, the most important first; at most as many as the file wants."""
    known = {each.observation.name: each for each in findings}
    notable = {name: each for name, each in known.items() if each.notable}
    views: dict[str, Any] = dict.fromkeys(insights.observations)
    views |= {name: finding.view for name, finding in notable.items()}
    views |= {"compared": span.compared, "days": span.days}
    views["known"] = {name: name in known for name in insights.observations}
    said: list[tuple[int, float, Bullet]] = []
    for rule in insights.rules:
        if all(name in notable for name in rule.about) and (text := sentence(rule, views)):
            strength = max(notable[name].strength for name in rule.about)
            said.append((rule.importance, strength, Bullet(rule.group, fitting(text))))
    said.sort(key=lambda each: (-each[0], -each[1]))
    return list(dict.fromkeys(bullet for _, _, bullet in said))[: insights.most]


def sentence(rule: Rule, views: Mapping[str, Any]) -> str:
    """What a rule says, or nothing."""
    try:
        text = rule.say.said(views) if rule.when is None or rule.when.said(views) else ""
        if NOT_PLAIN.search(text) is None:
            return text
        logger.error("the rule %s of insights.yaml says what is not plain text", rule.name)
        return ""
    except TemplateFaults as faults:
        logger.error("the rule %s of insights.yaml cannot be said: %s", rule.name, faults)
        return ""


def fitting(text: str) -> str:
    """As many of the text's sentences as a bullet holds."""
    sentences = SENTENCE_END.split(text)
    while len(sentences) > 1 and len(" ".join(sentences)) > MOST_CHARACTERS:
        sentences.pop()
    return shortened(" ".join(sentences), MOST_CHARACTERS)


def grouped(bullets: Sequence[Bullet]) -> Items:
    """The bullets by group, the group of the most important one first."""
    groups: dict[str, list[str]] = {}
    for bullet in bullets:
        groups.setdefault(bullet.group, []).append(bullet.text)
    return [{"group": group, "bullets": texts} for group, texts in groups.items()]
