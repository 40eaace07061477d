"""What a language model is told: compact JSON of facts, in at most 2,000 tokens, without personal data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine.calendar import Compare
from insights.facts import Fact, days_without, spoken_day
from insights.gathering import Gathered
from insights.ground import group_of

MOST_TOKENS = 2_000
# Tokenizers differ. Of such JSON the known ones make a token of 3.4 bytes or more, of what outsiders may write in the
# worst case one of each byte.
BYTES_A_TOKEN = 2.5
SOURCES = {"ga4": "Google Analytics", "instagram": "Instagram", "meta": "Meta Ads"}
# Said by the others.
UNTOLD = frozenset(("part", "apart"))


def context(gathered: Gathered) -> str:
    """The window, the sources and as many facts as there is room for, the most telling first."""
    span = gathered.span
    told: dict[str, Any] = {
        "from": span.window.start.isoformat(),
        "to": span.window.end.isoformat(),
        "sources": [SOURCES.get(source, source) for source in sorted(gathered.active)],
        "facts": [],
    }
    if span.compare is not Compare.OFF:
        told["compared_with"] = span.compared
    room = MOST_TOKENS - weight(told, ())
    for fact in distinct(gathered.facts):
        entry = entry_of(fact)
        room -= weight(entry, outside(fact))
        if room < 0:
            break
        told["facts"].append(entry)
    return written(told)


def distinct(facts: Iterable[Fact]) -> list[Fact]:
    """The facts without those that say of the same thing what another has said already."""
    found: dict[tuple[object, ...], Fact] = {}
    for fact in facts:
        figures = tuple(figure.text for figure in fact.figures[:2])
        found.setdefault((fact.names[0], fact.member, fact.day, figures), fact)
    return list(found.values())


def entry_of(fact: Fact) -> dict[str, Any]:
    """A fact as the model reads it; its numbers are texts, rounded once and with their unit."""
    groups = {group_of(source) for source in fact.sources}
    entry: dict[str, Any] = {"group": groups.pop() if len(groups) == 1 else "Cross-channel", "metric": fact.names[0]}
    if fact.member is not None:
        entry["member"] = fact.member
    if fact.day is not None:
        entry["day"] = spoken_day(fact.day)
    if fact.quote is not None:
        entry["post"] = fact.quote
    if fact.new:
        entry["new"] = True
    if fact.replaces is not None:
        entry["replaces"] = fact.replaces
    if fact.weight is not None:
        entry["share_of"] = {"metric": fact.weight.of[-1], "change": fact.weight.moved}
        entry["than_whole"] = fact.weight.standing
    if fact.missing:
        entry["missing"] = days_without(fact.missing)
    if fact.silent:
        del entry["day"]
        return entry | {"no_data_since": spoken_day(fact.day)} if fact.day else entry
    entry["direction"] = fact.direction
    if fact.verdict != "neutral":
        entry["verdict"] = fact.verdict
    return entry | {figure.role: figure.text for figure in fact.figures if figure.role not in UNTOLD}


def outside(fact: Fact) -> tuple[str, ...]:
    return tuple(text for text in (fact.member, fact.quote, fact.replaces) if text is not None)


def weight(entry: object, foreign: Iterable[str]) -> float:
    """No fewer tokens than the entry takes; `foreign` are the texts in it that outsiders wrote."""
    theirs = sum(len(text.encode()) for text in foreign)
    return (len(written(entry).encode()) - theirs) / BYTES_A_TOKEN + theirs


def written(entry: object) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
