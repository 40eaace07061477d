"""Findings → clauses and bullets, by the rules of insights.yaml: no language model needed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import TextFaults
from insights.claims import Bullet, Clause, Part, fill_in, is_small_inside, say_period_once, write_bullet
from insights.config.rules import Insights, Rule
from insights.config.sentences import Sentence
from insights.facts import PERIOD, Finding, Span
from insights.sanitize import find_markup

logger = logging.getLogger("metric_engine.insights.render_rules")


def write_clauses(insights: Insights, findings: Iterable[Finding], span: Span) -> list[Clause]:
    """What the rules say of the findings, the most important first."""
    known = {each.observation.name: each for each in findings}
    notable = {name: each for name, each in known.items() if each.notable}
    views: dict[str, Any] = dict.fromkeys(insights.observations)
    views |= {name: finding.view for name, finding in notable.items()}
    views |= {"compared": span.comparison_text, "against": PERIOD, "days": span.days}
    views["known"] = {name: name in known for name in insights.observations}
    said: list[tuple[float, float, Clause]] = []
    for rule in insights.rules:
        if all(name in notable for name in rule.about):
            clause = write_clause(rule, insights, views, span)
            strength = max(notable[name].strength for name in rule.about)
            said += [] if clause is None else [(-rule.importance, -strength, clause)]
    said.sort(key=lambda each: each[:2])
    return [replace(clause, id=f"c{index}") for index, (_, _, clause) in enumerate(said, 1)]


def write_clause(rule: Rule, insights: Insights, views: Mapping[str, Any], span: Span) -> Clause | None:
    """What a rule says, or nothing."""
    text = span.language.rules.get(rule.name)
    try:
        if text is None or not rule.holds(views):
            return None
        say, because, member = (say_sentence(each, views) for each in (text.say, text.because, rule.member))
        advice = [span.language.advice[name] for name in rule.advise(views) if name in span.language.advice]
    except TextFaults as faults:
        logger.error("the rule %s of insights.yaml cannot be said: %s", rule.name, faults)
        return None
    if not say or any(find_markup(each) for each in (say, because)):
        logger.error("the rule %s of insights.yaml says nothing, or what is not plain text", rule.name)
        return None
    return Clause(
        id="",
        group=rule.group,
        kind=insights.observations[rule.about[0]].kind,
        importance=rule.importance,
        subjects=frozenset(subject for name in rule.about for subject in insights.observations[name].subjects),
        text=say,
        is_small=is_small_inside(text.say.text),
        because=because,
        member=member,
        advice=tuple([each for each in advice if member or "{member}" not in each]),
    )


def say_sentence(sentence: Sentence | None, views: Mapping[str, Any]) -> str:
    """The sentence without its full stop."""
    return "" if sentence is None else sentence.render(views).removesuffix(".")


def render_rules(clauses: Sequence[Clause], span: Span, most: int) -> list[Bullet]:
    """A bullet for each clause, with what is behind it and its best advice; at most so many."""
    bullets = [
        write_bullet([Part(each, has_cause=True)], [fill_in(advice, each) for advice in each.advice[:1]], span)
        for each in clauses
    ]
    return say_period_once(list(dict.fromkeys(bullets))[:most], span)
