"""Two hundred seeded scenarios, and what the rules must, may and must not say of each.

Run as a module it prints precision and recall: `python -m tests.insights.scenarios`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from metric_engine.insights.speaking import Bullet, speak
from tests.insights.worlds import CAMPAIGNS, CHANNELS, EVERY_SOURCE, PAGES, Plant, Worlds, history


@dataclass(frozen=True, slots=True)
class Scenario:
    """A history, and patterns: each of `must` is said by some bullet, and each bullet says one of `must` or `may`."""

    kind: str
    seed: int
    plant: Plant = field(default_factory=Plant)
    days: int = 28
    noise: float = 0.07
    connected: frozenset[str] = EVERY_SOURCE
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
ADS = (r"^Ads: ", r"^Cross-channel: ")


def scenarios() -> Iterator[Scenario]:
    """All of them, the same every time."""
    channels, campaigns = list(CHANNELS), list(CAMPAIGNS)
    for seed in range(30):
        day = seed % 20
        yield Scenario(
            "planted spike",
            seed,
            Plant(spike=(day, 4.0 + seed % 5)),
            must=(r"^Content: Interactions on Instagram peaked on .*The wool throw is back",),
            may=(r"^Content: (Interactions|The engagement rate) on Instagram (are|is) up",),
        )
    for seed in range(100, 130):
        name = channels[seed % 3]
        yield Scenario(
            "planted drop",
            seed,
            Plant(channel={name: 0.35}),
            must=(rf"^Traffic: .*\b(down .*{name}|{name} .*down)",),
            may=TRAFFIC_DOWN,
        )
    for seed in range(130, 150):
        name = channels[seed % 5]
        yield Scenario(
            "planted rise",
            seed,
            Plant(channel={name: 2.0}),
            must=(rf"^Traffic: .*\b(up .*{name}|{name} .*up)",),
            may=TRAFFIC_UP,
        )
    for seed in range(150, 165):
        name = campaigns[seed % 2]
        yield Scenario(
            "planted drop",
            seed,
            Plant(returns={name: 0.5}),
            must=(rf"^Ads: Return on ad spend is down .*Mostly “{name}” itself",),
            may=(r"^Ads: Conversions from ads are down", r"^Ads: A conversion costs .* up", r"^Ads: Ad spend .* but"),
        )
    for seed in range(165, 175):
        yield Scenario(
            "planted drop",
            seed,
            Plant(all_spend=1.6),
            must=(r"^Ads: Ad spend is up .*but conversions from ads are (little|down|up [0-9.]+%)",),
            may=ADS,
        )
    pages = list(PAGES)
    for seed in range(175, 185):
        page = pages[1 + seed % 3]
        yield Scenario(
            "planted drop",
            seed,
            Plant(page={page: 0.4}),
            must=(rf"^Traffic: The landing page “{page}” .*down",),
        )
    for seed in range(200, 245):
        # Days that differ by 5 to 20 % of themselves, without anything behind it.
        yield Scenario("flat", seed, days=(7, 28, 90)[seed % 3], noise=(0.05, 0.1, 0.15, 0.2)[seed % 4])
    for seed in range(300, 308):
        yield Scenario("missing source", seed, Plant(channel={"Direct": 0.3}, spike=(3, 6.0)),
                       connected=frozenset(("meta",)))  # fmt: skip
    for seed in range(308, 315):
        yield Scenario(
            "missing source",
            seed,
            Plant(channel={"Organic Search": 0.3}, all_spend=2.0, spike=(3, 6.0)),
            connected=frozenset(("ga4",)),
            must=(r"^Traffic: Sessions are down .*Organic Search",),
            may=TRAFFIC_DOWN,
        )
    for seed in range(400, 407):
        yield Scenario("one day", seed, days=1)
    for seed in range(407, 415):
        yield Scenario(
            "one day",
            seed,
            Plant(channel={"Organic Search": 0.2}),
            days=1,
            must=(r"^Traffic: .*(down .*Organic Search|Organic Search .*down)",),
            may=TRAFFIC_DOWN,
        )
    for seed in range(500, 510):
        yield Scenario("empty", seed, empty=True)


def scored(worlds: Worlds) -> dict[str, Score]:
    """The scores by kind of scenario, and of all together."""
    scores: dict[str, Score] = {}
    for scenario in scenarios():
        rows = (
            {} if scenario.empty else history(scenario.seed, scenario.plant, days=scenario.days, noise=scenario.noise)
        )
        gathered = worlds.gather(worlds.settle(rows), days=scenario.days, connected=scenario.connected)
        bullets = speak(gathered.insights, gathered.findings, gathered.span)
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


def main() -> None:
    worlds = Worlds()
    try:
        scores = scored(worlds)
    finally:
        worlds.close()
    print(table(scores), *scores["all"].misses, sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
