"""Members' names as sentences quote them: short, fit to be quoted, and no two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from insights.outside import MOST, is_named, plain, shortened

# More than any of the names that advertising accounts may have.
WHOLE = 2_000


def shown_names(members: Iterable[str]) -> dict[str, str]:
    """What each member is called; one without a name, or whose name is another's too, is left out.

    Long names that begin alike are told apart by their ends.
    """
    found = {member: plain(member) for member in dict.fromkeys(members) if is_named(member)}
    often = Counter(name.casefold() for name in found.values())
    found = {member: ends(member) if often[name.casefold()] > 1 else name for member, name in found.items()}
    often = Counter(name.casefold() for name in found.values())
    return {member: name for member, name in found.items() if is_named(name) and often[name.casefold()] == 1}


def ends(member: str) -> str:
    """The beginning and the end of a long name."""
    name, half = plain(member, WHOLE), MOST // 2
    if len(name) <= MOST:
        return name
    end = name[1 - half :]
    return f"{shortened(name, half)} {end.partition(' ')[2] or end}"
