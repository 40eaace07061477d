"""Meta's rows: one per campaign and day on which it delivered."""

from datetime import date
from typing import NamedTuple

from demo.campaigns import Campaign, iter_campaigns
from demo.rhythm import compute_drift, compute_season, compute_trend, draw_factor, seed_random
from demo.tenants import DemoAccount, DemoTenant

BASKET = 74.0


class CampaignDelivery(NamedTuple):
    """The results of one campaign on one day; money is in the account's currency."""

    campaign_id: str
    campaign_name: str
    spend: float
    impressions: int
    clicks: int
    reach: int
    conversions: float
    conversion_value: float


def simulate_deliveries(tenant: DemoTenant, account: DemoAccount, day: date) -> list[CampaignDelivery]:
    """Simulate the account's campaigns of the day, permanent ones first."""
    stream = tenant.build_stream_key(account, "campaigns")
    # All campaigns bid in one market, so competition moves their prices together, most before Christmas.
    price = compute_drift(f"{stream}/price", day, every=11, size=0.05) * (0.6 + 0.4 * compute_season(day))
    pace = account.size * compute_trend(day, 0.1) * compute_drift(f"{stream}/pace", day, every=8, size=0.2)
    return [
        _simulate_delivery(stream, campaign, day, pace=pace, price=price)
        for campaign in iter_campaigns(tenant, account, day)
    ]


def _simulate_delivery(stream: str, campaign: Campaign, day: date, *, pace: float, price: float) -> CampaignDelivery:
    chance = seed_random(f"{stream}/{campaign.id}", day.toordinal())
    spend = campaign.budget * pace * draw_factor(chance, 0.11)
    impressions = round(1000 * spend / (campaign.cpm * price * draw_factor(chance, 0.05)))
    clicks = round(impressions * campaign.ctr * draw_factor(chance, 0.06))
    appetite = campaign.rate * (0.5 + 0.5 * compute_season(day))
    conversions = min(clicks, round(clicks * appetite * draw_factor(chance, 0.13)))
    return CampaignDelivery(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        spend=round(spend, 2),
        impressions=impressions,
        clicks=clicks,
        reach=round(impressions / chance.uniform(1.15, 1.7)),
        conversions=float(conversions),
        conversion_value=round(conversions * BASKET * draw_factor(chance, 0.1), 2),
    )


def build_campaign_row(
    tenant: DemoTenant, account: DemoAccount, day: date, delivery: CampaignDelivery
) -> dict[str, object]:
    """Build a row of `meta_ads_daily`."""
    return {
        "user_id": tenant.user_id,
        "date": day,
        "account_id": account.id,
        **delivery._asdict(),
        "currency": account.currency,
    }
