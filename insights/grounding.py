"""The check on what a language model says: a bullet passes only if every clause of it is proven by the facts.

Nothing passes because nothing speaks against it. First what a bullet is made of: plain text, of sources and names that
are there. Then it is read phrase by phrase (`claims`), and whatever is no known phrase, or is not proven, drops it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from insights.advice import ADVICE
from insights.claims import Reader
from insights.ground import DAY, GROUP_SOURCES, PARTIAL, PERIOD, Ground, hidden, mentions, normal
from insights.numerals import IN_WORDS
from insights.outside import UNSEEN, has_address
from insights.proof import Fault
from insights.speaking import MOST_CHARACTERS, Bullet
from insights.spelling import spelled

Reason = Literal[
    "group",
    "length",
    "markup",
    "address",
    "source",
    "name",
    "date",
    "number",
    "direction",
    "wording",
    "advice",
    "no_fact",
    "repeated",
]

GROUPS = ("Cross-channel", "Ads", "Traffic", "Content")
MARKUP = re.compile(r"[<>\[\]{}`*~\\|]|(?:^|\s)#|__|^\s*[-•–]\s")
WINDOW_DAYS = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:,\d{3})?)[\s-]days?\b(?! (?:later|after|before|earlier|ha(?:s|ve) no data))", re.IGNORECASE
)
QUOTED = re.compile(r"[“\"]([^”\"]{2,})[”\"]")
CAPITALISED = re.compile(r"(?<![\w’'·])[A-Z][^\W\d_]+(?![\w·])")


def grounded(bullets: Iterable[Bullet], ground: Ground) -> tuple[list[Bullet], Counter[str]]:
    """The bullets that the facts bear out, and how many were dropped by reason.

    Of a bullet that ends in advice of unknown words the rest is kept; `advice` counts those.
    """
    kept: list[Bullet] = []
    dropped: Counter[str] = Counter()
    for bullet in bullets:
        tidy = Bullet(bullet.group, normal(bullet.text))
        reason = fault(tidy, ground)
        if reason == "wording" and fault(shorter := without_advice(tidy), ground) is None:
            dropped["advice"] += 1
            tidy, reason = shorter, None
        if reason is None and tidy in kept:
            reason = "repeated"
        if reason is None:
            kept.append(tidy)
        else:
            dropped[reason] += 1
    return kept, dropped


def without_advice(bullet: Bullet) -> Bullet:
    """The bullet without its last sentence, if that asks for something, without a figure."""
    said, _, last = bullet.text.rpartition(". ")
    asks = bool(ADVICE.match(last.casefold())) and not re.search(r"\d", last)
    return Bullet(bullet.group, f"{said}.") if said and asks else bullet


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
    if IN_WORDS.search(hidden(hidden(bare, dates), spans)):
        return "number"
    reader = Reader(spelled(bullet.text, ground), ground, bullet.group)
    try:
        reader.read()
    except Fault as fault:
        return fault.reason
    return None if reader.proven else "no_fact"


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
