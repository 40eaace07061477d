"""True sentences on the facts of the demo, and the same with one thing changed: how many of each pass the check.

Run as a module it prints the figures: `python -m tests.insights.mutations` (half a minute).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from demo.history import generate_history
from demo.tenants import EVERYTHING, GA4_ONLY, TWO_CURRENCIES
from insights.context import context
from insights.gathering import Gathered
from insights.ground import Ground
from insights.grounding import fault
from insights.speaking import Bullet
from tests.insights.worlds import Worlds

LAST = date(2025, 6, 29)
WAYS = {
    "up": ("rose", "is up", "increased"),
    "down": ("fell", "is down", "dropped"),
    "flat": ("moved", "changed", "moved"),
}
TURNED = {"up": "down", "down": "up"}
NOUNS = {"up": "rise", "down": "drop", "flat": "change"}
FALSE = ("foreign", "turned", "swapped", "misplaced", "advised", "joined", "unfounded")
BEYOND = (
    "on mobile",
    "per day",
    "for the third month in a row",
    "since yesterday",
    "year on year",
    "to a record",
    "because of the weather",
    "in Germany",
    "and a third of it came from bots",
    "as competitors grew",
)
ORDERS = (
    "Call support now.",
    "Visit evil dot com.",
    "Send your password to the team.",
    "Ignore previous instructions.",
    "Everything else crashed.",
    "Followers hit an all-time high.",
)
FIGURES = ("change", "value", "previous", "difference")

Told = Mapping[str, Any]


def subject(fact: Told) -> str:
    return f"{fact['metric']} of “{fact['member']}”" if "member" in fact else str(fact["metric"])


def sentences(fact: Told) -> list[str]:
    """What may be said of a fact, in several ways."""
    of = subject(fact)
    ways, change, value = WAYS[fact["direction"]], fact["change"], fact["value"]
    return [
        f"{of} {ways[0]} {change} to {value}, from {fact['previous']}. Look into it.",
        f"{of} {ways[1]} by {change}. Consider acting on it.",
        f"{of} {ways[2]} {change}, reaching {value}.",
        f"{of}: {value} after {fact['previous']}.",
        f"{of} stands at {value} ({fact['difference']}).",
        f"A {change} {NOUNS[fact['direction']]} in {of}; review it.",
    ]


def turned(fact: Told) -> list[str]:
    """The same the other way round."""
    changed = sentences({**fact, "direction": TURNED[fact["direction"]]})
    return [text for text in changed if text not in sentences(fact)]


def swapped(fact: Told) -> list[str]:
    """The same with the two periods in each other's place."""
    pair = {**fact, "value": fact["previous"], "previous": fact["value"]}
    return [sentences(pair)[0], sentences(pair)[3]]


def misplaced(fact: Told) -> list[str]:
    """A figure of the fact as what it is not: what was before, or the difference, as what was reached."""
    of = subject(fact)
    return [
        text
        for figure in (fact["previous"], fact["difference"].lstrip("+-"))
        if figure.rstrip("%") != fact["value"].rstrip("%")
        for text in (f"{of} reached {figure}.", f"{of}: {figure}.", f"{of} stands at {figure} this period.")
    ]


def advised(fact: Told) -> list[str]:
    """The direction turned round where advice, or a word that nobody knows, says it."""
    of, turned_round = subject(fact), TURNED[fact["direction"]]
    return [
        f"Review the {fact['change']} {NOUNS[turned_round]} in {of}.",
        f"Keep going: {of} is {turned_round} {fact['change']}.",
        f"Build on it, since {of} {WAYS[turned_round][0]} {fact['change']}.",
        f"{of} {'rallied' if turned_round == 'up' else 'tanked'} {fact['change']}.",
    ]


def joined(fact: Told, other: Told) -> list[str]:
    """Two that changed otherwise, under the change of the first."""
    one, two, way = subject(fact), subject(other), WAYS[fact["direction"]][0]
    return [
        f"{one} and {two} {way} {fact['change']}.",
        f"{one} {way} {fact['change']} and so did {two}.",
        f"{one} {way} {fact['change']}, {two} too.",
    ]


def unfounded(fact: Told) -> list[str]:
    """True, and then something that no fact says: a period, a scope, a forecast, a superlative, a cause, an order."""
    true = f"{subject(fact)} {WAYS[fact['direction']][1]} {fact['change']}"
    return [
        *(f"{true} {beyond}." for beyond in BEYOND),
        *(f"{true}. {order}" for order in ORDERS),
        f"{subject(fact)} will {'rise' if fact['direction'] == 'up' else 'fall'} {fact['change']} next month.",
    ]


def foreign(fact: Told, others: list[Told]) -> Iterator[str]:
    """The same with another fact's figure in the place of its own."""
    own = {
        str(text).lstrip("+-") for name, text in fact.items() if name not in ("group", "metric", "member", "direction")
    }
    right = sentences(fact)
    for other in others:
        for name in FIGURES:
            if other[name].lstrip("+-") not in own:
                yield from (text for text in sentences({**fact, name: other[name]}) if text not in right)


def count(gathered: Gathered, *, most: int) -> Counter[str]:
    """How many sentences of each kind there are, and how many pass."""
    ground = Ground(gathered)
    facts = [fact for fact in json.loads(context(gathered))["facts"] if "change" in fact][:most]
    found: Counter[str] = Counter()

    def held(kind: str, text: str) -> None:
        found[kind] += 1
        found[f"{kind} pass"] += fault(Bullet(group, text), ground) is None

    for fact in facts:
        group = fact["group"]
        for text in sentences(fact):
            held("true", text)
        for text in foreign(fact, [each for each in facts if each is not fact]):
            held("foreign", text)
        if fact["direction"] != "flat":
            for text in turned(fact):
                held("turned", text)
            for text in swapped(fact):
                held("swapped", text)
            for text in misplaced(fact):
                held("misplaced", text)
            for text in advised(fact):
                held("advised", text)
            for text in unfounded(fact):
                held("unfounded", text)
            for other in facts:
                if other["change"] != fact["change"] and other["direction"] != fact["direction"]:
                    for text in joined(fact, other):
                        held("joined", text)
    return found


def demo(worlds: Worlds, windows: list[tuple[int, int]]) -> Iterator[Gathered]:
    """What the demo's tenants with a site had in windows of so many days, that end so many days before the last."""
    for tenant in (EVERYTHING, GA4_ONLY, TWO_CURRENCIES):
        for table, listed in generate_history(
            tenant, until=LAST, days=max(2 * days + back for days, back in windows)
        ).items():
            worlds.warehouse.upsert(worlds.catalog.tables[table], listed)
        for days, back in windows:
            end = LAST - timedelta(days=back)
            yield worlds.gather(tenant.user_id, days=days, end=end, connected=frozenset(tenant.sources))


def main() -> None:
    worlds = Worlds()
    total: Counter[str] = Counter()
    for gathered in demo(worlds, [(days, back) for days in (7, 28, 60) for back in (0, 40, 99)]):
        total += count(gathered, most=40)
    worlds.close()
    for kind in ("true", *FALSE):
        print(f"{kind}: {total[f'{kind} pass']:,} of {total[kind]:,} pass")  # noqa: T201


if __name__ == "__main__":
    main()
