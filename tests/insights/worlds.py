"""Seeded histories of a small shop: quiet, but for what is planted in the asked window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import exp
from random import Random
from typing import Any
from uuid import UUID

from engine.answer.engine import Engine
from engine.answer.extent import AccountReads
from engine.answer.fetch import RequestContext
from engine.query import parse_metric_query
from engine.warehouse.warehouse import Warehouse
from insights.claims import Bullet, render_rules, write_clauses
from insights.collect_facts import CollectedFacts, collect_facts
from insights.config.load import InsightsCatalog
from tests.support.shipped import load_shipped_catalog

END = date(2025, 3, 30)
EVERY_SOURCE = frozenset(("ga4", "instagram", "meta"))
# Weekdays from Monday on: hardly any rhythm; a site that is read at work, the more so; and a shop of weekends.
WEEKS = (
    (1.08, 1.05, 1.03, 1.02, 1.0, 0.86, 0.96),
    (1.2, 1.25, 1.25, 1.2, 1.1, 0.5, 0.5),
    (1.35, 1.4, 1.4, 1.35, 1.1, 0.2, 0.2),
    (0.8, 0.75, 0.8, 0.85, 1.0, 1.5, 1.3),
)
WEEK = WEEKS[0]

CHANNELS = {"Organic Search": 420.0, "Direct": 260.0, "Paid Social": 190.0, "Email": 110.0, "Referral": 70.0}
PAGES = {"/": 0.4, "/collections/all": 0.3, "/products/wool-throw": 0.2, "/blog/care": 0.1}
# Daily spend, and the value of conversions for each unit of it.
CAMPAIGNS = {"Prospecting": (140.0, 2.6), "Retargeting": (80.0, 4.4), "Brand": (50.0, 1.9)}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plant:
    """What happens in the asked window: factors on a channel's sessions, on a campaign's spend or on its return.

    `begins` are campaigns that begin in it, with their daily spend; `renamed` is what campaigns are called in it.
    `all_spend` multiplies the spend of every campaign and nothing that it brings; `spike` is on which day, counted
    from the window's end, the interactions are multiplied by how much; `caption` is of that day's post.
    """

    channel: Mapping[str, float] = field(default_factory=dict)
    page: Mapping[str, float] = field(default_factory=dict)
    spend: Mapping[str, float] = field(default_factory=dict)
    returns: Mapping[str, float] = field(default_factory=dict)
    begins: Mapping[str, float] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    all_spend: float = 1.0
    spike: tuple[int, float] | None = None
    caption: str = "The wool throw is back"


def history(
    seed: int, plant: Plant = Plant(), *, days: int, noise: float = 0.07, end: date = END, week: Sequence[float] = WEEK
) -> dict[str, list[Row]]:
    """The rows of the asked window and of the one before it, by table."""
    chance = Random(seed)
    rows: dict[str, list[Row]] = {
        "ga4_daily": [],
        "ga4_channels_daily": [],
        "ga4_landing_pages_daily": [],
        "meta_ads_daily": [],
        "ig_account_daily": [],
        "ig_media": [],
    }

    def wobble(size: float = noise) -> float:
        return exp(chance.gauss(0, size))

    for back in range(2 * days - 1, -1, -1):
        day = end - timedelta(days=back)
        now = back < days
        site(rows, day, plant if now else Plant(), wobble, week[day.weekday()])
        # What ads spend and posts are given follows the week half-way; the mild rhythm is the site's alone.
        calm = 1.0 if week == WEEK else (1 + week[day.weekday()]) / 2
        ads(rows, day, plant if now else Plant(), wobble, calm)
        spiked = plant.spike is not None and back == plant.spike[0]
        content(rows, day, plant if spiked else None, wobble, chance, calm)
    return rows


def site(rows: dict[str, list[Row]], day: date, plant: Plant, wobble: Callable[..., float], rhythm: float) -> None:
    whole, won = 0, 0
    for name, mean in CHANNELS.items():
        sessions = round(mean * rhythm * wobble() * plant.channel.get(name, 1.0))
        conversions = round(sessions * 0.04 * wobble())
        rows["ga4_channels_daily"].append(
            {"property_id": "1", "date": day, "channel": name, "users": sessions, "sessions": sessions,
             "engaged_sessions": sessions, "conversions": conversions, "revenue": conversions * 40}
        )  # fmt: skip
        whole, won = whole + sessions, won + conversions
    for page, share in PAGES.items():
        sessions = round(whole * share * wobble(0.03) * plant.page.get(page, 1.0))
        rows["ga4_landing_pages_daily"].append(
            {"property_id": "1", "date": day, "landing_page": page, "users": sessions, "sessions": sessions,
             "engaged_sessions": sessions, "conversions": 0}
        )  # fmt: skip
    rows["ga4_daily"].append(
        {"property_id": "1", "date": day, "users": round(whole * 0.8), "new_users": round(whole * 0.5),
         "sessions": whole, "engaged_sessions": whole, "conversions": won, "converting_sessions": won,
         "revenue": round(won * 40 * wobble(0.03), 2), "currency": "USD"}
    )  # fmt: skip


def ads(rows: dict[str, list[Row]], day: date, plant: Plant, wobble: Callable[..., float], rhythm: float) -> None:
    begun = {name: (budget, 2.5) for name, budget in plant.begins.items()}
    for name, (budget, worth) in (CAMPAIGNS | begun).items():
        usual = budget * rhythm * wobble(0.05) * plant.spend.get(name, 1.0)
        spend = usual * plant.all_spend
        value = usual * worth * wobble() * plant.returns.get(name, 1.0)
        rows["meta_ads_daily"].append(
            {"account_id": "act_1", "campaign_id": name, "date": day, "campaign_name": plant.renamed.get(name, name),
             "spend": round(spend, 2),
             "impressions": round(spend * 110), "clicks": round(spend * 1.4), "reach": round(spend * 80),
             "conversions": round(value / 35), "conversion_value": round(value, 2), "currency": "USD"}
        )  # fmt: skip


def content(
    rows: dict[str, list[Row]],
    day: date,
    plant: Plant | None,
    wobble: Callable[..., float],
    chance: Random,
    rhythm: float,
) -> None:
    factor = 1.0 if plant is None or plant.spike is None else plant.spike[1]
    interactions = round(140 * rhythm * wobble() * factor)
    rows["ig_account_daily"].append(
        {"ig_user_id": "1", "date": day, "reach": round(3_400 * rhythm * wobble(0.05) * (1 + (factor - 1) / 2)),
         "views": interactions * 20, "interactions": interactions, "followers": 12_000 + (day - END).days}
    )  # fmt: skip
    if plant is not None or day.toordinal() % 2 == 0:
        rows["ig_media"].append(
            {"ig_user_id": "1", "media_id": f"m{day.toordinal()}", "posted_on": day, "media_type": "VIDEO",
             "caption": plant.caption if plant else f"A day like any other, part {chance.randint(1, 9)}",
             "permalink": "https://www.instagram.com/reel/x/", "interactions": round(60 * factor), "reach": 900}
        )  # fmt: skip


def flights(budgets: Mapping[str, Callable[[int], tuple[float, float]]], *, days: int = 28) -> dict[str, list[Row]]:
    """Campaigns by what they spend, and get back for each unit of it, so many days before the window's end."""
    chance = Random(3)
    rows: list[Row] = []
    for back in range(2 * days - 1, -1, -1):
        for name, on in budgets.items():
            spend, worth = on(back)
            spend *= exp(chance.gauss(0, 0.05))
            value = spend * worth * exp(chance.gauss(0, 0.05))
            if spend:
                rows.append(
                    {"account_id": "act_1", "campaign_id": name, "date": END - timedelta(days=back),
                     "campaign_name": name, "spend": round(spend, 2), "impressions": round(spend * 110),
                     "clicks": round(spend * 1.4), "reach": round(spend * 80), "conversions": round(value / 35),
                     "conversion_value": round(value, 2), "currency": "USD"}
                )  # fmt: skip
    return {"meta_ads_daily": rows}


def visits(channels: Mapping[str, Callable[[bool], tuple[float, float]]], *, days: int = 28) -> dict[str, list[Row]]:
    """Channels by their daily sessions and the part of them that converts, in the asked window and before it."""
    chance = Random(2)
    rows: dict[str, list[Row]] = {"ga4_daily": [], "ga4_channels_daily": []}
    for back in range(2 * days - 1, -1, -1):
        day = {"property_id": "1", "date": END - timedelta(days=back)}
        whole, won = 0, 0
        for name, on in channels.items():
            mean, rate = on(back < days)
            sessions = round(mean * exp(chance.gauss(0, 0.05)))
            conversions = round(sessions * rate * exp(chance.gauss(0, 0.05)))
            rows["ga4_channels_daily"].append(
                {**day, "channel": name, "users": sessions, "sessions": sessions, "engaged_sessions": sessions,
                 "conversions": conversions, "revenue": conversions * 40}
            )  # fmt: skip
            whole, won = whole + sessions, won + conversions
        rows["ga4_daily"].append(
            {**day, "users": whole, "new_users": whole, "sessions": whole, "engaged_sessions": whole,
             "conversions": won, "converting_sessions": won, "revenue": won * 40, "currency": "USD"}
        )  # fmt: skip
    return rows


SOURCES = ("ga4", "meta", "ig")


def lose_days(
    rows: dict[str, list[Row]], part: float, seed: int, *, keep: frozenset[date] = frozenset()
) -> dict[str, list[Row]]:
    """The rows without a part of the days, at random, of each source its own; those to `keep` are kept."""
    chance = Random(seed)
    days = sorted({row["date"] for listed in rows.values() for row in listed if "date" in row} - keep)
    gone = {source: {day for day in days if chance.random() < part} for source in SOURCES}
    return {
        table: [row for row in listed if row.get("date") not in gone[table.partition("_")[0]]]
        for table, listed in rows.items()
    }


class Worlds:
    """One warehouse, a tenant for each history."""

    def __init__(self, url: str = "sqlite://") -> None:
        self.catalog: InsightsCatalog = load_shipped_catalog()
        self.warehouse = Warehouse(url)
        self.warehouse.create_tables(self.catalog.tables.values())
        self.engine = Engine(self.catalog, self.warehouse)
        self.count = 0

    def settle(self, rows: Mapping[str, Sequence[Row]]) -> str:
        """A new tenant with these rows."""
        self.count += 1
        tenant = str(UUID(int=(1 << 120) + self.count, version=4))
        for table, listed in rows.items():
            if listed:
                self.warehouse.upsert(self.catalog.tables[table], [{"user_id": tenant, **row} for row in listed])
        return tenant

    def collect(
        self,
        tenant: str,
        *,
        days: int = 28,
        connected: frozenset[str] = EVERY_SOURCE,
        compare: str = "previous_period",
        end: date = END,
        today: date | None = None,
        language: str = "en",
        compare_start: date | None = None,
        reads: AccountReads | None = None,
    ) -> CollectedFacts:
        """What is known on `today`, the day after the window's end unless said."""
        question = parse_metric_query(
            today=end,
            start=str(end - timedelta(days=days - 1)),
            end=str(end),
            compare=compare,
            compare_start=None if compare_start is None else str(compare_start),
        )
        asker = RequestContext(tenant=tenant, connected=connected, reads=reads or {})
        return collect_facts(self.engine, question, asker, today=today or end + timedelta(days=1), language=language)

    def say(self, tenant: str, **question: Any) -> list[Bullet]:
        """What the rules say of a tenant's rows."""
        return tell(self.collect(tenant, **question))

    def tell(self, rows: Mapping[str, Sequence[Row]], **question: Any) -> list[str]:
        """What the rules say of these rows."""
        return [each.text for each in self.say(self.settle(rows), **question)]

    def close(self) -> None:
        self.warehouse.close()


def tell(facts: CollectedFacts) -> list[Bullet]:
    """What the rules say."""
    return render_rules(write_clauses(facts), facts)
