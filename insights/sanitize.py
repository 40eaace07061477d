"""Text that outsiders write, such as campaign names, captions and page paths, made fit to be quoted.

It is data: what it says is never followed, and nothing in it becomes markup, an address or a template.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

MOST = 60
SHORTEST = 24
# More than any of the names that advertising accounts may have.
WHOLE = 2_000

TAG = re.compile(r"<[^<>]{0,300}>")
# The one pattern of an address: of what outsiders write it is taken out, and of what analysts write it is refused.
ENDINGS = (
    "com net org edu gov io co ai app dev info biz shop store site online xyz me ly link page news blog live top club "
    "vip pro tech cloud click website space agency digital media social email studio ru cn jp kr in au nz ca br mx de "
    "uk eu us fr es it nl be ch at ie pl pt se no dk fi gg tv to gl gle im fm is example test"
)
ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}:\s?//\S*"
    r"|\b(?:mailto|javascript|data|tel):\S+"
    r"|\bwww\.\S+"
    r"|\S+@\S+"
    rf"|\b(?:[a-z0-9-]+\.)+(?:{'|'.join(ENDINGS.split())})\b(?:[/?#:]\S*)?"
    r"|(?<![\w/.-])(?:[a-z0-9-]+\.)+[a-z]{2,24}/\S*"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*",
    re.IGNORECASE,
)
MENTION = re.compile(r"(?<!\w)@[\w.]+")
QUERY = re.compile(r"(?<=[\w/-])[?#]\S*")
# Telephone numbers and the like: personal, and nobody's figure.
DIGITS = re.compile(r"\+?\d[\d\s().-]{7,}\d")
MARKUP = re.compile(r"[<>\[\]{}*`~^\\\"“”„«»]|#(?=\w)|_{2,}")
# What makes a sentence of an analyst's more than plain text, addresses aside.
FORMATTING = re.compile(r"</?\w[^<>]*>?|&#?\w+;|\*\*|__|`+|!?\[[^\[\]]*\]\([^()]*\)?|[<>\[\]{}\\]", re.IGNORECASE)
UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"))
UNNAMED = frozenset(("", "(not set)", "other"))


def sanitize_text(text: object, most: int = MOST) -> str:
    """The text in one line, without control characters, markup, addresses, mentions and long numbers; maybe nothing."""
    written = unicodedata.normalize("NFKC", str(text))[:WHOLE]
    written = "".join(" " if unicodedata.category(each) in UNSEEN else each for each in written)
    if written.lstrip().startswith("/"):
        written = QUERY.sub("", written)
    for unwanted in (TAG, ADDRESS, MENTION, DIGITS, MARKUP):
        written = unwanted.sub(" ", written)
    # Taking something out may have put an address together.
    written = ADDRESS.sub(" ", " ".join(written.split())).strip(" |-–—:;,.…")
    return shorten_text(" ".join(written.split()), most)


def shorten_text(text: str, most: int) -> str:
    """At most so many characters, cut between words where that leaves enough, with … at the end."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut.rpartition(" ")[0]
    return f"{(at_word if len(at_word) >= SHORTEST else cut).rstrip(' ,.;:|-–—')}…"


def is_named(member: str) -> bool:
    return member.casefold() not in UNNAMED


def find_markup(text: str) -> re.Match[str] | None:
    """The first piece of a sentence that is not plain text: markup or an address."""
    found = [match for pattern in (FORMATTING, ADDRESS) if (match := pattern.search(text)) is not None]
    return min(found, key=lambda match: match.start(), default=None)


def name_members(members: Iterable[str]) -> dict[str, str]:
    """What each member is called, long names by their ends; none without a name, or with another's."""
    found = {member: sanitize_text(member) for member in members if is_named(member)}
    for name_again in (name_by_ends, lambda _: ""):
        often = Counter(name.casefold() for name in found.values())
        found = {each: name_again(each) if often[name.casefold()] > 1 else name for each, name in found.items()}
    return {member: name for member, name in found.items() if is_named(name)}


def name_by_ends(member: str) -> str:
    name, half = sanitize_text(member, WHOLE), MOST // 2
    if len(name) <= MOST:
        return name
    end = name[1 - half :]
    return f"{shorten_text(name, half)} {end.partition(' ')[2] or end}"
