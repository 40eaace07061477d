"""The rows of a generated world, and how far its accounts were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.support.oracle.extents import AccountRead, Reads
from tests.support.oracle.features import QuestionFeatures

Row = dict[str, Any]
Document = dict[str, Any]
SOURCES = ("ga4", "instagram", "meta")
ACCOUNTS = {"ga4": ("p-1", "p-2", "p-3", "P-1"), "instagram": ("1784", "1785"), "meta": ("act_1", "act_2")}
CHANNELS = (
    *("Direct", "direct", "Direct ", "Paid Search", "Paid Social", "paid search", "O'Brien", '"quoted"'),
    *(
        "😀",
        "～",
        "日本語",
        "",
        "Other",
        "(not set)",
        None,
        "100%_x",
        "back\\slash",
        "a;b--c /*",
        ":name %s ?",
    ),
)
CAMPAIGNS = ("Brand", "Spring 'sale'", "😀😀", "Other", None, "(not set)", "brand", "Z", "")
ADS = ("7", "70", "8", "Other", None, "")
TYPES = ("IMAGE", "REEL", "CAROUSEL", None)
CAPTIONS = ("Hello", "it's 😀", "", None, 'two\nlines, "quoted"')
STARTS = (
    *(date(2023, 2, 20), date(2023, 12, 20), date(2024, 2, 20), date(2024, 3, 14), date(2024, 12, 25)),
    *(date(2025, 1, 28), date(2025, 2, 24)),
)
HUGE = 10**15
LEAP_DAY = date(2024, 2, 29)


@dataclass(frozen=True, slots=True)
class TenantShape:
    """The density of a tenant's rows, and the currencies of each source."""

    spells: int
    presence: float
    lines: int
    currencies: Mapping[str, tuple[str | None, ...]]


def share_currencies(*currencies: str | None) -> dict[str, tuple[str | None, ...]]:
    return dict.fromkeys(SOURCES, currencies)


LIVES = (
    TenantShape(6, 0.85, 4, share_currencies("USD")),
    TenantShape(5, 0.6, 3, share_currencies("USD", "EUR", None)),
    TenantShape(2, 0.3, 2, share_currencies("GBP", None)),
    TenantShape(1, 0.0, 3, share_currencies("JPY")),
    TenantShape(3, 0.7, 2, {"ga4": ("EUR",), "meta": ("USD",), "instagram": ("EUR",)}),
    TenantShape(0, 0.0, 0, share_currencies()),
)


def make_reads(rng: Random, definitions: Document, rows: Mapping[str, Sequence[Row]]) -> Reads:
    """Make what a sync has read: no account of a table, some, or all; paused, behind, late, gone, or before any row."""
    reads: dict[str, dict[str, AccountRead]] = {}
    for name, table_rows in rows.items():
        table = definitions["tables"][name]
        newest = max((row[table["time"]] for row in table_rows), default=LEAP_DAY)
        days = sorted({row[table["time"]] for row in table_rows}) or [LEAP_DAY]
        accounts = [account for account in ACCOUNTS[table["source"]] if rng.random() < rng.choice([0, 0.7, 1])]
        reads[name] = {account: make_read(rng, newest, days) for account in accounts}
    return reads


def make_read(rng: Random, newest: date, days: Sequence[date]) -> AccountRead:
    through = rng.choice([newest, newest + timedelta(days=rng.randint(-9, 20)), rng.choice(days)])
    fate = rng.random()
    return AccountRead(through, is_late=fate < 0.25, is_connected=fate < 0.9)


def make_tenant_rows(
    rng: Random,
    name: str,
    table: Document,
    tenant: str,
    life: TenantShape,
    starts: list[date],
    features: QuestionFeatures,
) -> list[Row]:
    rows = []
    # Most members have one currency, though the tenant has several.
    currency_by_member: dict[Any, str | None] = {}
    # At most two huge values in a tenant's table, so that their sum stays exact.
    left = 2
    for start in [start for start in starts if rng.random() < 0.85] or starts[:1]:
        currencies = life.currencies[table["source"]]
        currency = rng.choice(currencies)
        members = Members(rng, features)
        length = rng.randint(9, 22) if life.presence else 1
        for offset in range(length):
            if rng.random() > (life.presence or 1.0):
                continue
            for line in range(rng.randint(1, life.lines)):
                row: Row = {"user_id": tenant, table["time"]: start + timedelta(days=offset), "line": line}
                row |= ROWS[name](rng, members, left > 0)
                left -= any(isinstance(value, int) and abs(value) > HUGE / 2 for value in row.values())
                if "ad_name" in row:
                    row["ad_name"] = name_ad(row["ad_id"], row["date"])
                if "currency" in table["columns"]:
                    member = row.get("ad_id", row.get("property_id"))
                    own = currency_by_member.setdefault(member, rng.choice(currencies))
                    row["currency"] = rng.choice([currency, own, own, own, own, rng.choice(currencies)])
                rows.append(row)
    return keep_once_a_day(rows) if name == "posts" else rows


def name_ad(ad: str | None, day: date) -> str | None:
    """Name an ad, whose name changes by the month and is missing on some days."""
    return None if not ad or day.day % 5 == 0 else f"{'Spring' if ad == '8' else 'Ad'} {9 - day.month % 3} {ad[0]}"


def keep_once_a_day(posts: list[Row]) -> list[Row]:
    """Keep one row of a post per day, so that its latest row is unambiguous."""
    return list({(row["posted_on"], row["media_id"]): row for row in posts}.values())


class Members:
    """The members of one spell of days; some appear in no other spell."""

    def __init__(self, rng: Random, features: QuestionFeatures) -> None:
        # An empty text is `(not set)` for who knows filters.
        channels, campaigns = (
            [name for name in names if features.filters or name != ""] for names in (CHANNELS, CAMPAIGNS)
        )
        self.channels = rng.sample(channels, rng.randint(2, 9))
        self.campaigns = rng.sample(campaigns, rng.randint(1, 5))
        self.ads = rng.sample(ADS, rng.randint(2, 6))
        self.media = [str(number) for number in rng.sample(range(5, 25), 6)]


def draw_whole(rng: Random, high: int, *, low: int = 0) -> int | None:
    chance = rng.random()
    if chance < 0.08:
        return None
    return 0 if chance < 0.2 else rng.randint(low, high)


def draw_quarters(rng: Random, high: int, *, low: int = 0) -> float | None:
    value = draw_whole(rng, 4 * high, low=4 * low)
    return None if value is None else value / 4


def make_ga4_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    huge = may_be_huge and rng.random() < 0.03
    return {
        "property_id": rng.choice(ACCOUNTS["ga4"]),
        "users": draw_whole(rng, 500),
        "sessions": draw_whole(rng, 60),
        "engaged": draw_whole(rng, 50),
        "big": rng.choice([HUGE, -HUGE]) + rng.randint(-9, 9) if huge else draw_whole(rng, 900, low=-900),
        "conversions": draw_quarters(rng, 20),
        "revenue": draw_quarters(rng, 300, low=-40),
    }


def make_channel_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "channel": rng.choice(members.channels),
        "users": draw_whole(rng, 90),
        "sessions": HUGE if may_be_huge and rng.random() < 0.01 else draw_whole(rng, 12),
        "engaged": draw_whole(rng, 9),
        "revenue": draw_quarters(rng, 30, low=-4),
    }


def make_ad_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "account_id": rng.choice(ACCOUNTS["meta"]),
        "campaign": rng.choice(members.campaigns),
        "ad_id": rng.choice(members.ads),
        "ad_name": None,
        "spend": draw_quarters(rng, 80),
        "impressions": HUGE if may_be_huge and rng.random() < 0.01 else draw_whole(rng, 5000),
        "clicks": draw_whole(rng, 70),
        "reach": draw_whole(rng, 4000),
        "conversions": draw_quarters(rng, 6),
        "conversion_value": draw_quarters(rng, 200, low=-10),
    }


def make_account_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "ig_user_id": rng.choice(ACCOUNTS["instagram"]),
        "reach": draw_whole(rng, 3000),
        "views": HUGE if may_be_huge and rng.random() < 0.02 else draw_whole(rng, 8000),
        "interactions": draw_whole(rng, 300),
        "followers": draw_whole(rng, 20000),
    }


def make_post_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    media = rng.choice(members.media)
    return {
        "media_id": media,
        "media_type": rng.choice(TYPES),
        "caption": rng.choice(CAPTIONS),
        "permalink": f"https://example.org/p/{media}",
        "interactions": draw_whole(rng, 4),
        "likes": rng.randint(0, 3),
        "reach": draw_whole(rng, 5000),
    }


ROWS = {
    "ga4_daily": make_ga4_row,
    "channel_days": make_channel_row,
    "ads_daily": make_ad_row,
    "ig_days": make_account_row,
    "posts": make_post_row,
}
