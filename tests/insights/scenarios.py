"""Two hundred seeded scenarios, and what the rules must, may and must not say of each.

Run as a module it prints precision and recall: `python -m tests.insights.scenarios`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from insights.claims import Bullet, write_bullets, write_clauses
from insights.collect_facts import CollectedFacts
from insights.offer import Offer
from tests.insights.worlds import (
    CAMPAIGNS,
    CHANNELS,
    END,
    EVERY_SOURCE,
    PAGES,
    WEEKS,
    Plant,
    Row,
    Worlds,
    history,
    lose_days,
    tell,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A history, and patterns: each of `must` is said by some bullet, and each bullet says one of `must` or `may`.

    `lost` are days that a table does not have, counted back from the window's end.
    """

    kind: str
    seed: int
    plant: Plant = field(default_factory=Plant)
    days: int = 28
    noise: float = 0.07
    connected: frozenset[str] = EVERY_SOURCE
    lost: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    empty: bool = False
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


@dataclass(slots=True)
class Score:
    """How many planted changes there were and were found, and how many bullets there were and were right."""

    planted: int = 0
    found: int = 0
    said: int = 0
    right: int = 0
    misses: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 1.0

    def add(self, scenario: Scenario, bullets: list[Bullet]) -> None:
        texts = [f"{each.group}: {each.text}" for each in bullets]
        for pattern in scenario.must:
            self.planted += 1
            if any(re.search(pattern, text) for text in texts):
                self.found += 1
            else:
                self.misses.append(f"{scenario.kind} {scenario.seed}: nobody says {pattern!r}")
        for text in texts:
            self.said += 1
            if any(re.search(pattern, text) for pattern in (*scenario.must, *scenario.may)):
                self.right += 1
            else:
                self.misses.append(f"{scenario.kind} {scenario.seed}: {text}")


# What follows from more or less traffic.
TRAFFIC_DOWN = (
    r"^Traffic: (Sessions|Revenue) (are|is) down",
    r"^Traffic: The landing page .* down",
    r"^Cross-channel: .*sessions are down",
)
TRAFFIC_UP = (r"^Traffic: (Sessions|Revenue) (are|is) up", r"^Traffic: The landing page .* up")
# What follows from more spend that brings nothing.
WASTED = (
    r"^Ads: Return on ad spend is down",
    r"^Ads: A conversion costs .* up",
    r"^Ads: Ad spend is up .* conversions from ads are (little changed|up [0-9.]+%|down [0-9.]+%)",
    r"^Cross-channel: Ad spend is up .* sessions are (little changed|up [0-4]\.\d%|down [0-4]\.\d%)",
    r"^Ads: Spend on .* is up",
)
ADS_UP = (r"^Ads: Spend on .* is up", r"^Ads: Conversions from ads are up", *WASTED)
SILENT = (r"^Traffic: Sessions have no data since [12]\d March\.",)
GA4 = ("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily")


def scenarios() -> Iterator[Scenario]:
    """All of them, the same every time. Weekdays go by the seed: every fourth history has the same."""
    yield from spikes()
    yield from traffic()
    yield from campaigns()
    for seed in range(300, 332):
        # Days that differ by 5 to 20 % of themselves, without anything behind it.
        yield Scenario("flat", seed, days=(7, 28, 90)[seed % 3], noise=(0.05, 0.1, 0.15, 0.2)[seed // 4 % 4])
    yield from gaps()
    for seed in range(400, 405):
        yield Scenario("missing source", seed, Plant(channel={"Direct": 0.3}, spike=(3, 6.0)),
                       connected=frozenset(("meta",)))  # fmt: skip
    for seed in range(405, 410):
        yield Scenario(
            "missing source",
            seed,
            Plant(channel={"Organic Search": 0.3}, all_spend=2.0, spike=(3, 6.0)),
            connected=frozenset(("ga4",)),
            must=(r"^Traffic: Sessions are down .*Organic Search",),
            may=TRAFFIC_DOWN,
        )
    for seed in range(410, 420):
        # Against the day before, another weekday: what a channel has lost may be its rhythm.
        yield Scenario("one day", seed, Plant(channel={"Organic Search": 0.2 if seed % 2 else 1.0}), days=1)
    for seed in range(500, 505):
        yield Scenario("empty", seed, empty=True)


def spikes() -> Iterator[Scenario]:
    for seed in range(20):
        yield Scenario(
            "planted spike",
            seed,
            Plant(spike=(seed, 4.0 + seed % 5)),
            must=(r"^Content: Interactions on Instagram peaked on .*The wool throw is back",),
            may=(r"^Content: (Interactions|The engagement rate) on Instagram (are|is) up",),
        )


def traffic() -> Iterator[Scenario]:
    channels, pages = list(CHANNELS), list(PAGES)
    for seed in range(100, 120):
        name = channels[seed % 3]
        yield Scenario(
            "planted drop",
            seed,
            Plant(channel={name: 0.35}),
            days=(28, 7, 30, 90)[seed // 4 % 4],
            must=(rf"^Traffic: .*\b(down .*{name}|{name}.*down)",),
            may=TRAFFIC_DOWN,
        )
    for seed in range(120, 128):
        page = pages[1 + seed % 3]
        yield Scenario(
            "planted drop",
            seed,
            Plant(page={page: 0.4}),
            must=(rf"^Traffic: The landing page “{page}” began .* down",),
        )
    for seed in range(130, 145):
        name = channels[seed % 5]
        yield Scenario(
            "planted rise",
            seed,
            Plant(channel={name: 2.0}),
            must=(rf"^Traffic: .*\b(up .*{name}|{name}.*up)",),
            may=TRAFFIC_UP,
        )
    for seed in range(145, 155):
        yield Scenario(
            "planted rise",
            seed,
            Plant(channel={"Organic Search": 1.35}),
            must=(r"^Traffic: Sessions are up 1\d% .*most of it from Organic Search",),
            may=TRAFFIC_UP,
        )


def campaigns() -> Iterator[Scenario]:
    names = list(CAMPAIGNS)
    for seed in range(200, 212):
        name = names[seed % 2]
        yield Scenario(
            "planted drop",
            seed,
            Plant(returns={name: 0.5}),
            must=(rf"^Ads: Return on ad spend is down .*mostly “{name}” itself",),
            may=(r"^Ads: Conversions from ads are down", *WASTED[1:3]),
        )
    for seed in range(212, 222):
        yield Scenario(
            "planted drop",
            seed,
            Plant(all_spend=1.6),
            must=(WASTED[2],),
            may=WASTED,
        )
    for seed in range(222, 232):
        yield Scenario(
            "campaigns",
            seed,
            Plant(begins={"Black Friday 2026": 140.0}),
            must=(r"^Ads: Spend on “Black Friday 2026” is new since \d+ March: \$[0-9,]+, 3\d% of all ad spend",),
            may=ADS_UP,
        )
    for seed in range(232, 242):
        yield Scenario(
            "campaigns",
            seed,
            Plant(renamed={"Prospecting": "Prospecting v2"}),
            must=(r"^Ads: Spend on “Prospecting v2” took the place of that on “Prospecting”",),
        )
    for seed in range(242, 250):
        # The best campaign is cut: the return falls although every campaign is as good as before.
        yield Scenario(
            "mix",
            seed,
            Plant(spend={"Retargeting": 0.1}),
            must=(
                r"^Ads: Return on ad spend is down .*“Retargeting”, which returns more than the whole and has a small",
                r"^Ads: Spend on “Retargeting” is down",
            ),
            may=(
                r"^Ads: Conversions from ads are down",
                r"^Ads: A conversion costs .* up",
                r"^Cross-channel: Ad spend is down",
            ),
        )


def gaps() -> Iterator[Scenario]:
    """Days that a table does not have: late, in the middle, or before the source was connected."""
    places = ((0, 6), (0, 10), (8, 16), (20, 23), (32, 40), (44, 56))
    for seed in range(350, 362):
        lost = dict.fromkeys(GA4 if seed % 2 else GA4[1:2], places[seed % 6])
        silent = SILENT if seed % 6 == 1 else ()
        yield Scenario("gaps", seed, lost=lost, must=silent)
    for seed in range(362, 370):
        # The spend moved, and the site did not, on the days that both have.
        yield Scenario(
            "gaps",
            seed,
            Plant(all_spend=1.6),
            lost=dict.fromkeys(GA4, places[seed % 6]),
            must=(WASTED[2], *(SILENT if seed % 6 < 2 else ())),
            may=WASTED,
        )


def rows_of(scenario: Scenario, gaps: float) -> dict[str, list[Row]]:
    """The rows of a scenario, without a part of its days, at random; the day of a planted spike stays."""
    if scenario.empty:
        return {}
    week = WEEKS[scenario.seed % len(WEEKS)]
    rows = history(scenario.seed, scenario.plant, days=scenario.days, noise=scenario.noise, week=week)
    for table, (first, last) in scenario.lost.items():
        gone = {END - timedelta(days=back) for back in range(first, last)}
        rows[table] = [row for row in rows[table] if row["date"] not in gone]
    spike = scenario.plant.spike
    kept = frozenset() if spike is None else frozenset((END - timedelta(days=spike[0]),))
    return lose_days(rows, gaps, scenario.seed, keep=kept) if gaps else rows


def choose(facts: CollectedFacts) -> list[Bullet]:
    """What a model shows that keeps to its instructions: clauses of one group two by two, with cause and advice."""
    clauses = write_clauses(facts)
    offer = Offer(facts, clauses)
    answer: list[Bullet] = []
    for group in dict.fromkeys(each.group for each in clauses):
        own = [each for each in clauses if each.group == group]
        for first, *second in (own[index : index + 2] for index in range(0, len(own), 2)):
            cause = f", {{{first.id}.because}}" if first.because else ""
            joined = "".join(f", while {{{each.id}}}" for each in second)
            advice = "".join(f" {each}" for each in first.describe()["advice"][:1])
            answer.append(Bullet(group, f"{{{first.id}}}{cause}{joined}.{advice}"))
    return write_bullets(offer.read_bullets(answer)[0], facts.span)


def compare(worlds: Worlds) -> str:
    """What a model's choice shows beside what the rules show: planted changes, bullets, characters."""
    counts = {"rules": Counter[str](), "choice": Counter[str]()}
    for scenario in scenarios():
        tenant = worlds.settle(rows_of(scenario, 0.0))
        facts = worlds.collect(tenant, days=scenario.days, connected=scenario.connected)
        for name, bullets in (("rules", tell(facts)), ("choice", choose(facts))):
            texts = [each.text for each in bullets]
            found = sum(any(re.search(loose(each), text, re.IGNORECASE) for text in texts) for each in scenario.must)
            counts[name].update(planted=found, bullets=len(texts), characters=sum(map(len, texts)))
    return "\n".join(f"{name}: {dict(each)}" for name, each in counts.items())


def loose(pattern: str) -> str:
    """The pattern without the heading, wherever in a bullet it stands."""
    return pattern.partition(": ")[2]


def score_scenarios(worlds: Worlds, gaps: float = 0.0, every: int = 1) -> dict[str, Score]:
    """The scores by kind of scenario, and of all together, with a part of the days missing; of one in `every`."""
    scores: dict[str, Score] = {}
    for scenario in list(scenarios())[::every]:
        tenant = worlds.settle(rows_of(scenario, gaps))
        bullets = tell(worlds.collect(tenant, days=scenario.days, connected=scenario.connected))
        for name in (scenario.kind, "all"):
            scores.setdefault(name, Score()).add(scenario, bullets)
    return scores


def table(scores: dict[str, Score]) -> str:
    """The figures as docs/insights.md has them."""
    counts = Counter(scenario.kind for scenario in scenarios())
    counts["all"] = counts.total()
    lines = ["| scenario | how many | planted | found | recall | bullets | right | precision |", "|---|" + "---:|" * 7]
    lines += [
        f"| {name} | {counts[name]} | {score.planted} | {score.found} | {score.recall:.3f} | {score.said} | "
        f"{score.right} | {score.precision:.3f} |"
        for name, score in scores.items()
        if name != "all"
    ]
    whole = scores["all"]
    lines.append(
        f"| **all** | {counts['all']} | {whole.planted} | {whole.found} | {whole.recall:.3f} | {whole.said} | "
        f"{whole.right} | {whole.precision:.3f} |"
    )
    return "\n".join(lines) + "\n"


def flat(worlds: Worlds, gaps: float, count: int = 800) -> list[str]:
    """What is said of histories to which nothing happened."""
    said: list[str] = []
    for seed in range(count):
        days, noise = (7, 28, 30, 90)[seed % 4], (0.05, 0.1, 0.15, 0.2)[seed // 4 % 4]
        rows = lose_days(history(9_000 + seed, days=days, noise=noise, week=WEEKS[seed // 16 % 4]), gaps, seed)
        said += [each.text for each in worlds.say(worlds.settle(rows), days=days)]
    return said


def main() -> None:
    worlds = Worlds()
    try:
        print(compare(worlds))  # noqa: T201
        for gaps in (0.0, 0.05, 0.15):
            scores = score_scenarios(worlds, gaps)
            print(f"{gaps:.0%} of the days missing", table(scores), *scores["all"].misses, sep="\n")  # noqa: T201
            said = flat(worlds, gaps)
            print(f"of 800 flat histories {len(said)} bullets:", *said, sep="\n")  # noqa: T201
    finally:
        worlds.close()


if __name__ == "__main__":
    main()
