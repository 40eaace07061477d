"""Meta Ads: a row per campaign and day on which it delivered."""

from datetime import date
from typing import NamedTuple

from demo.campaigns import Campaign, running
from demo.rhythm import dice, drift, season, trend, wobble
from demo.tenants import Account, Tenant

BASKET = 74.0


class Delivery(NamedTuple):
    """What one campaign did on one day; money in the account's currency."""

    campaign_id: str
    campaign_name: str
    spend: float
    impressions: int
    clicks: int
    reach: int
    conversions: float
    conversion_value: float


def deliveries(tenant: Tenant, account: Account, day: date) -> list[Delivery]:
    """The account's campaigns of the day, always-on ones first."""
    stream = tenant.stream(account, "campaigns")
    # One auction for all: competition moves the price of every campaign alike, most of all before Christmas.
    price = drift(f"{stream}/price", day, every=11, size=0.05) * (0.6 + 0.4 * season(day))
    pace = account.size * trend(day, 0.1) * drift(f"{stream}/pace", day, every=8, size=0.2)
    return [_deliver(stream, campaign, day, pace=pace, price=price) for campaign in running(tenant, account, day)]


def _deliver(stream: str, campaign: Campaign, day: date, *, pace: float, price: float) -> Delivery:
    chance = dice(f"{stream}/{campaign.id}", day.toordinal())
    spend = campaign.budget * pace * wobble(chance, 0.11)
    impressions = round(1000 * spend / (campaign.cpm * price * wobble(chance, 0.05)))
    clicks = round(impressions * campaign.ctr * wobble(chance, 0.06))
    appetite = campaign.rate * (0.5 + 0.5 * season(day))
    conversions = min(clicks, round(clicks * appetite * wobble(chance, 0.13)))
    return Delivery(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        spend=round(spend, 2),
        impressions=impressions,
        clicks=clicks,
        reach=round(impressions / chance.uniform(1.15, 1.7)),
        conversions=float(conversions),
        conversion_value=round(conversions * BASKET * wobble(chance, 0.1), 2),
    )


def row(tenant: Tenant, account: Account, day: date, delivery: Delivery) -> dict[str, object]:
    """A row of `meta_ads_daily`."""
    return {
        "user_id": tenant.user_id,
        "date": day,
        "account_id": account.id,
        **delivery._asdict(),
        "currency": account.currency,
    }
