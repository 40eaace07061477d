"""GA4's rows: sessions by channel, their sums by day, and their landing pages."""

import math
from collections.abc import Sequence
from datetime import date
from random import Random
from typing import NamedTuple

from demo.campaigns import find_promotion
from demo.rhythm import (
    compute_drift,
    compute_season,
    compute_trend,
    compute_weekday_factor,
    draw_factor,
    is_in_spell,
    seed_random,
)
from demo.tenants import DemoAccount, DemoTenant

BASKET = 68.0
# Not every click becomes a session: some visitors leave before the page has loaded, or refuse to be tracked.
SESSIONS_PER_CLICK = 0.83
NEWSLETTER_DAYS = (1, 3)


class Channel(NamedTuple):
    """A channel: sessions a day at size 1, daily spread, engaged share, purchases per session."""

    name: str
    sessions: float
    spread: float
    engaged: float
    rate: float


CHANNELS = (
    Channel("Organic Search", 1080.0, 0.05, 0.62, 0.024),
    Channel("Direct", 700.0, 0.06, 0.55, 0.031),
    Channel("Paid Search", 360.0, 0.09, 0.64, 0.034),
    Channel("Paid Social", 0.0, 0.06, 0.47, 0.015),
    Channel("Email", 150.0, 0.12, 0.71, 0.042),
    Channel("Organic Social", 150.0, 0.10, 0.44, 0.009),
    Channel("Referral", 120.0, 0.15, 0.58, 0.021),
    Channel("Organic Shopping", 85.0, 0.10, 0.66, 0.027),
    Channel("Affiliates", 60.0, 0.18, 0.52, 0.028),
    Channel("Unassigned", 22.0, 0.30, 0.18, 0.004),
)


class ChannelVisits(NamedTuple):
    """The sessions of one channel on one day."""

    channel: str
    users: int
    sessions: int
    engaged_sessions: int
    conversions: float
    revenue: float


def simulate_visits(
    tenant: DemoTenant, account: DemoAccount, day: date, *, clicks: int, lift: float
) -> list[ChannelVisits]:
    """Simulate the day's channels that have sessions.

    `clicks` are Meta's and become paid social sessions; `lift` is Instagram's and scales organic social ones.
    """
    stream = tenant.build_stream_key(account, "channels")
    mood = compute_drift(stream, day, every=10, size=0.05) * draw_factor(seed_random(stream, day.toordinal()), 0.04)
    demand = account.size * compute_trend(day, 0.13) * compute_season(day) * compute_weekday_factor(day) * mood
    visits = []
    for channel in CHANNELS:
        expected = channel.sessions * demand * _weigh_channel(channel.name, day, lift)
        if channel.name == "Paid Social":
            expected = clicks * SESSIONS_PER_CLICK
        chance = seed_random(f"{stream}/{channel.name}", day.toordinal())
        sessions = round(expected * draw_factor(chance, channel.spread))
        if sessions > 0:
            visits.append(_simulate_channel(chance, channel, day, sessions))
    return visits


def _weigh_channel(channel: str, day: date, lift: float) -> float:
    if channel == "Email":
        return 2.3 if day.weekday() in NEWSLETTER_DAYS else 0.6
    return math.pow(lift, 0.7) if channel == "Organic Social" else 1.0


def _simulate_channel(chance: Random, channel: Channel, day: date, sessions: int) -> ChannelVisits:
    appetite = channel.rate * (0.6 + 0.4 * compute_season(day)) * (1.06 if day.weekday() == 6 else 1.0)
    conversions = min(sessions, round(sessions * appetite * draw_factor(chance, 0.12)))
    return ChannelVisits(
        channel=channel.name,
        users=max(1, round(sessions * chance.uniform(0.82, 0.91))),
        sessions=sessions,
        engaged_sessions=min(sessions, round(sessions * channel.engaged * draw_factor(chance, 0.04))),
        conversions=float(conversions),
        revenue=round(conversions * BASKET * draw_factor(chance, 0.09), 2),
    )


def build_channel_row(tenant: DemoTenant, account: DemoAccount, day: date, visit: ChannelVisits) -> dict[str, object]:
    """Build a row of `ga4_channels_daily`."""
    row: dict[str, object] = {"user_id": tenant.user_id, "date": day, "property_id": account.id, **visit._asdict()}
    return {**row, "currency": account.currency}


def build_day_row(
    tenant: DemoTenant, account: DemoAccount, day: date, visits: Sequence[ChannelVisits]
) -> dict[str, object]:
    """Build a row of `ga4_daily`: the channels' sums.

    The users are fewer than their sum, because a user may come through several channels.
    """
    chance = seed_random(tenant.build_stream_key(account, "day"), day.toordinal())
    sessions = sum(visit.sessions for visit in visits)
    conversions = sum(visit.conversions for visit in visits)
    users = round(sessions * chance.uniform(0.77, 0.81))
    return {
        "user_id": tenant.user_id,
        "date": day,
        "property_id": account.id,
        "users": users,
        "new_users": round(users * chance.uniform(0.58, 0.67)),
        "sessions": sessions,
        "engaged_sessions": sum(visit.engaged_sessions for visit in visits),
        "conversions": conversions,
        "converting_sessions": float(math.floor(conversions * chance.uniform(0.90, 0.97))),
        "revenue": round(sum(visit.revenue for visit in visits), 2),
        "currency": account.currency,
    }


class Page(NamedTuple):
    """A page: its weight among landings, engaged share, and purchases relative to the average."""

    path: str
    weight: float
    engaged: float
    rate: float


PAGES = (
    Page("/", 26.0, 0.58, 0.9),
    Page("/collections/new-in", 11.0, 0.61, 1.1),
    Page("/collections/bestsellers", 9.0, 0.64, 1.5),
    Page("/blog/care-guide", 7.0, 0.49, 0.2),
    Page("/blog/gift-ideas-under-50", 5.0, 0.52, 0.5),
    Page("/pages/shipping-and-returns", 3.0, 0.45, 0.6),
    Page("/search", 2.5, 0.70, 1.6),
    Page("/account/login", 2.0, 0.74, 2.0),
    Page("(not set)", 3.0, 0.12, 0.1),
)
PRODUCT = Page("/products/", 5.0, 0.60, 1.4)
SALE = Page("/collections/", 14.0, 0.63, 1.7)
# The weight of all pages that are too small to be listed, which get no rows.
LONG_TAIL = Page("", 14.0, 0.55, 1.0)


def build_landing_rows(
    tenant: DemoTenant, account: DemoAccount, day: date, visits: Sequence[ChannelVisits]
) -> list[dict[str, object]]:
    """Build rows of `ga4_landing_pages_daily`: the top pages, whose sum never exceeds the day's."""
    stream = tenant.build_stream_key(account, "pages")
    pages = [*_list_pages(tenant, day), LONG_TAIL]
    chances = [seed_random(f"{stream}/{page.path}", day.toordinal()) for page in pages]
    weights = [
        page.weight * compute_drift(f"{stream}/{page.path}", day, every=17, size=0.18) * draw_factor(chance, 0.08)
        for page, chance in zip(pages, chances, strict=True)
    ]
    sessions = _split_total(sum(visit.sessions for visit in visits), weights)
    engaged = _split_total(
        sum(visit.engaged_sessions for visit in visits),
        [weight * page.engaged for weight, page in zip(weights, pages, strict=True)],
    )
    conversions = _split_total(
        sum(visit.conversions for visit in visits),
        [weight * page.rate for weight, page in zip(weights, pages, strict=True)],
    )
    return [
        {
            "user_id": tenant.user_id,
            "date": day,
            "property_id": account.id,
            "landing_page": page.path,
            "users": max(1, round(landed * chance.uniform(0.83, 0.93))),
            "sessions": landed,
            "engaged_sessions": min(landed, stayed),
            "conversions": float(min(landed, bought)),
        }
        for page, chance, landed, stayed, bought in zip(pages, chances, sessions, engaged, conversions, strict=True)
        if landed and page is not LONG_TAIL
    ]


def _split_total(total: float, weights: Sequence[float]) -> list[int]:
    whole = sum(weights)
    return [int(total * weight / whole) for weight in weights]


def _list_pages(tenant: DemoTenant, day: date) -> list[Page]:
    pages = [*PAGES]
    pages += [PRODUCT._replace(path=PRODUCT.path + _make_slug(product)) for product in tenant.products]
    if sale := find_promotion(tenant, day):
        pages.append(SALE._replace(path=SALE.path + _make_slug(sale.name)))
    return pages


def _make_slug(name: str) -> str:
    return name.lower().replace("'", "").replace(" ", "-")


def is_untracked(tenant: DemoTenant, account: DemoAccount, day: date) -> bool:
    """Whether tracking was broken on the day, so that the property has no rows."""
    return is_in_spell(tenant.build_stream_key(account, "untracked"), day, every=170, longest=3)
