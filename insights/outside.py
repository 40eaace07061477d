"""Text that outsiders write, such as campaign names, captions and page paths, made fit to be quoted.

It is data: what it says is never followed, and nothing in it becomes markup, an address or a template.
"""

from __future__ import annotations

import re
import unicodedata

MOST = 60
SHORTEST = 24

TAG = re.compile(r"<[^<>]{0,300}>")
# Longest first: what is left of an address must not be one.
ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}:\s?//\S*"
    r"|\b(?:mailto|javascript|data|tel):\S*"
    r"|\bwww\.\S+"
    r"|\S+@\S+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|ai|app|dev|info|biz|shop|store|site|online|xyz|me|ly|link|ru|cn|de|uk|eu"
    r"|us|fr|es|it|nl|ch|at|gg|tv|to)\b(?:[/?#:]\S*)?"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*",
    re.IGNORECASE,
)
MENTION = re.compile(r"(?<!\w)@[\w.]+")
QUERY = re.compile(r"(?<=[\w/-])[?#]\S*")
# Telephone numbers and the like: personal, and nobody's figure.
DIGITS = re.compile(r"\+?\d[\d\s().-]{7,}\d")
MARKUP = re.compile(r"[<>\[\]{}*`~^\\\"“”„«»]|#(?=\w)|_{2,}")
UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"))
UNNAMED = frozenset(("", "(not set)", "other"))


def plain(text: object, most: int = MOST) -> str:
    """The text without control characters, markup, addresses, mentions and long numbers, in one line of `most`.

    Empty where nothing is left of it.
    """
    written = unicodedata.normalize("NFKC", str(text))[:2_000]
    written = "".join(" " if unicodedata.category(each) in UNSEEN else each for each in written)
    if written.lstrip().startswith("/"):
        written = QUERY.sub("", written)
    for unwanted in (TAG, ADDRESS, MENTION, DIGITS, MARKUP):
        written = unwanted.sub(" ", written)
    # Taking something out may have put an address together.
    written = ADDRESS.sub(" ", " ".join(written.split())).strip(" |-–—:;,.…")
    return shortened(" ".join(written.split()), most)


def shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words where that leaves enough, with … at the end."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut.rpartition(" ")[0]
    return f"{(at_word if len(at_word) >= SHORTEST else cut).rstrip(' ,.;:|-–—')}…"


def is_named(member: str) -> bool:
    """Whether a member is somebody's, and not the rest or what has no name."""
    return member.casefold() not in UNNAMED


def has_address(text: str) -> bool:
    return bool(ADDRESS.search(text) or MENTION.search(text))
