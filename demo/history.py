"""The rows of a demo tenant's fact tables."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from demo import ga4, instagram, meta
from demo.tenants import DemoAccount, DemoTenant

Row = dict[str, object]

# The numbers of days missing at the start and at the end: Meta was connected late, Instagram reports late.
META_EDGES = (2, 0)
AUDIENCE_EDGES = (3, 1)


def generate_history(tenant: DemoTenant, *, until: date, days: int = 730) -> Mapping[str, list[Row]]:
    """Generate the rows of all six fact tables for the `days` days up to `until`, by table.

    A row is keyed by column name and holds text, integers, floats (money to the cent), dates, and for
    `posted_at` an aware datetime in UTC. A table whose source is not connected is empty. A day's row does
    not depend on `until` or `days`, except for the lifetime values of `ig_media`, which grow with age.

    Raises `ValueError` if `days` is less than 1.
    """
    if days < 1:
        raise ValueError(f"days must be at least 1, not {days}")
    span = [until - timedelta(days=back) for back in reversed(range(days))]
    delivered = list(_iter_deliveries(tenant, span))
    heard = list(_iter_audiences(tenant, span))
    # Meta's clicks and Instagram's lift determine the site's paid and organic social sessions, also on the days that
    # the tables of those two lack.
    clicks: Counter[date] = Counter()
    for _, day, delivery in delivered:
        clicks[day] += delivery.clicks
    lift = {day: audience.lift for _, day, audience in heard}
    visited = list(_iter_visits(tenant, span, clicks, lift))
    meta_days = _trim_edges(span, META_EDGES)
    audience_days = _trim_edges(span, AUDIENCE_EDGES)
    return {
        "ga4_daily": [ga4.build_day_row(tenant, account, day, visits) for account, day, visits in visited],
        "ga4_channels_daily": [
            ga4.build_channel_row(tenant, account, day, visit) for account, day, visits in visited for visit in visits
        ],
        "ga4_landing_pages_daily": [
            row for account, day, visits in visited for row in ga4.build_landing_rows(tenant, account, day, visits)
        ],
        "meta_ads_daily": [
            meta.build_campaign_row(tenant, account, day, delivery)
            for account, day, delivery in delivered
            if day in meta_days
        ],
        "ig_account_daily": [
            instagram.build_account_row(tenant, account, day, audience)
            for account, day, audience in heard
            if day in audience_days and not instagram.is_unreported(tenant, account, day)
        ],
        "ig_media": [
            instagram.build_media_row(tenant, account, day, post, until=until)
            for account in tenant.list_accounts("instagram")
            for day, post in _iter_posts(tenant, account, span)
        ],
    }


def _trim_edges(span: Sequence[date], edges: tuple[int, int]) -> frozenset[date]:
    first, last = edges
    return frozenset(span[first : len(span) - last])


def _iter_deliveries(
    tenant: DemoTenant, span: Sequence[date]
) -> Iterator[tuple[DemoAccount, date, meta.CampaignDelivery]]:
    for account in tenant.list_accounts("meta"):
        for day in span:
            for delivery in meta.simulate_deliveries(tenant, account, day):
                yield account, day, delivery


def _iter_posts(
    tenant: DemoTenant, account: DemoAccount, span: Sequence[date]
) -> Iterator[tuple[date, instagram.Post]]:
    for day in span:
        if post := instagram.simulate_post(tenant, account, day):
            yield day, post


def _iter_audiences(tenant: DemoTenant, span: Sequence[date]) -> Iterator[tuple[DemoAccount, date, instagram.Audience]]:
    before = [span[0] - timedelta(days=back) for back in range(1, instagram.RIPE_AFTER)]
    for account in tenant.list_accounts("instagram"):
        posts = dict(_iter_posts(tenant, account, [*before, *span]))
        for day in span:
            recent = instagram.list_recent_posts(posts, day)
            yield account, day, instagram.simulate_audience(tenant, account, day, recent)


def _iter_visits(
    tenant: DemoTenant, span: Sequence[date], clicks: Mapping[date, int], lift: Mapping[date, float]
) -> Iterator[tuple[DemoAccount, date, list[ga4.ChannelVisits]]]:
    for account in tenant.list_accounts("ga4"):
        for day in span:
            if not ga4.is_untracked(tenant, account, day):
                yield (
                    account,
                    day,
                    ga4.simulate_visits(tenant, account, day, clicks=clicks.get(day, 0), lift=lift.get(day, 1.0)),
                )
