"""Suggestions for unknown names: the nearest ones, as the last words of an error message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

# A longer name is a mistake or an attack, and resembles nothing.
MAX_COMPARED_LENGTH = 100
MAX_CANDIDATES = 500
MAX_LISTED_NAMES = 30
MAX_LISTED_WIDTH = 240


def find_nearest_names(name: str, known: Iterable[str], *, limit: int = 3, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return the names in `known` that resemble `name`, best first.

    `cutoff` is the least resemblance, from 0 to 1.
    """
    names, name = sorted(known), name[:MAX_COMPARED_LENGTH]
    alike = [each for each in names if each.casefold() == name.casefold()]
    return tuple(alike[:limit]) or tuple(difflib.get_close_matches(name, names, n=limit, cutoff=cutoff))


def did_you_mean(names: Sequence[str]) -> str:
    """Return `; did you mean 'a' or 'b'?`, or nothing without names."""
    return f"; did you mean {' or '.join(map(repr, names))}?" if names else ""


def suggest_name(name: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.6) -> str:
    """Return the remedy for an unknown name, such as `; did you mean 'sessions'?`.

    If no known name is similar, return `otherwise`, or else a list of the known names unless it is too long.
    """
    names = list(known)
    return suggest_similar_name(name, names, cutoff=cutoff) or otherwise or list_choices(names)


def suggest_similar_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `; did you mean 'sessions'?` if a known name is similar, otherwise nothing."""
    likely = list(known)
    if len(likely) > MAX_CANDIDATES:
        likely = [each for each in likely if each[:1] == name[:1] and abs(len(each) - len(name)) <= 2]
    return did_you_mean(find_nearest_names(name[:MAX_COMPARED_LENGTH], likely[:MAX_CANDIDATES], limit=1, cutoff=cutoff))


def list_choices(names: Sequence[str]) -> str:
    """Return `; there are 'a', 'b' and 'c'` if that is short, otherwise nothing."""
    if not 0 < len(names) <= MAX_LISTED_NAMES:
        return ""
    *others, last = map(repr, names)
    text = f"are {', '.join(others)} and {last}" if others else f"is {last}"
    return f"; there {text}" if len(text) <= MAX_LISTED_WIDTH else ""
