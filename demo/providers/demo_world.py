"""The demo's world: its tenants' histories, as three providers report them while they ripen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from demo import history, instagram
from demo.providers import ripening
from demo.providers.accounts import (
    CHANNEL,
    LOS_ANGELES,
    AdAccount,
    AdDelivery,
    Metrics,
    PostedMedium,
    Profile,
    Property,
    PropertyVisits,
)
from demo.providers.tokens import Clock, Grant, Tokens, get_utc_now
from demo.providers.world import ProviderWorld
from demo.tenants import TENANTS, DemoAccount, DemoTenant

ZONE = ZoneInfo(LOS_ANGELES)
# Slightly more than the demo's two years, whose first days lack some sources.
DAYS = 740
# The history lacks Instagram's last day, but here the ripening decides how late a day is reported.
AHEAD = timedelta(days=2)

Row = Mapping[str, object]


@dataclass
class TenantHistory:
    """A tenant's history up to today, by table, account and day; generated once a day."""

    tenant: DemoTenant
    _today: date | None = None
    _rows: dict[tuple[str, str, date], list[Row]] = field(default_factory=dict)

    def get_rows(self, table: str, account: str, day: date, now: datetime) -> list[Row]:
        """Return the final rows of an account's day; none for future days."""
        today = now.astimezone(ZONE).date()
        if day > today:
            return []
        if today != self._today:
            self._rows = self._generate_rows(today)
            self._today = today
        return self._rows.get((table, account, day), [])

    def _generate_rows(self, today: date) -> dict[tuple[str, str, date], list[Row]]:
        rows: dict[tuple[str, str, date], list[Row]] = defaultdict(list)
        for table, table_rows in history.generate_history(self.tenant, until=today + AHEAD, days=DAYS).items():
            account, day = ACCOUNT_AND_DAY[table]
            for row in table_rows:
                rows[table, str(row[account]), _require_date(row[day])].append(row)
        return dict(rows)


ACCOUNT_AND_DAY = {
    "ga4_daily": ("property_id", "date"),
    "ga4_channels_daily": ("property_id", "date"),
    "ga4_landing_pages_daily": ("property_id", "date"),
    "meta_ads_daily": ("account_id", "date"),
    "ig_account_daily": ("ig_user_id", "date"),
    "ig_media": ("ig_user_id", "posted_on"),
}


class DemoProperty(Property):
    """A property of the demo; its last three days and today are incomplete."""

    def __init__(self, account: DemoAccount, past: TenantHistory) -> None:
        super().__init__(account.id, LOS_ANGELES, account.currency or "USD")
        self._past = past

    def iter_rows(self, dimension: str | None, first: date, last: date, now: datetime) -> Iterator[PropertyVisits]:
        for day in _iter_days(first, last):
            share = ripening.ripen_visits(ripening.count_days_since(day, ZONE, now))
            if dimension is None:
                yield from self._iter_day(day, share, now)
            elif dimension == CHANNEL:
                yield from self._iter_members("ga4_channels_daily", "channel", day, share, now)
            else:
                yield from self._iter_members("ga4_landing_pages_daily", "landing_page", day, share, now)

    def _iter_members(
        self, table: str, column: str, day: date, share: float, now: datetime
    ) -> Iterator[PropertyVisits]:
        for row in self._past.get_rows(table, self.id, day, now):
            yield PropertyVisits(day, str(row[column]), _count_metrics(row, share))

    def _iter_day(self, day: date, share: float, now: datetime) -> Iterator[PropertyVisits]:
        for row in self._past.get_rows("ga4_daily", self.id, day, now):
            # The day is its channels' sum at any time, not only once it is complete.
            channels = [
                visits.metrics for visits in self._iter_members("ga4_channels_daily", "channel", day, share, now)
            ]
            metrics = {
                name: sum(channel[name] for channel in channels)
                for name in ("sessions", "engagedSessions", "keyEvents", "totalRevenue")
            }
            converting = ripening.scale_count(_require_number(row["converting_sessions"]), share)
            yield PropertyVisits(
                day,
                None,
                {
                    **metrics,
                    "totalRevenue": round(metrics["totalRevenue"], 2),
                    "activeUsers": ripening.scale_count(_require_number(row["users"]), share),
                    "newUsers": ripening.scale_count(_require_number(row["new_users"]), share),
                    "sessionKeyEventRate": converting / metrics["sessions"] if metrics["sessions"] else 0.0,
                },
            )


class DemoAdAccount(AdAccount):
    """An ad account of the demo; a day gains purchases for four weeks."""

    def __init__(self, account: DemoAccount, past: TenantHistory) -> None:
        super().__init__(account.id, LOS_ANGELES, account.currency or "USD", past.tenant.name)
        self._past = past

    def iter_rows(self, first: date, last: date, now: datetime) -> Iterator[AdDelivery]:
        for day in _iter_days(first, last):
            age = ripening.count_days_since(day, ZONE, now)
            for row in self._past.get_rows("meta_ads_daily", self.id, day, now):
                yield _build_delivery(day, row, ripening.ripen_deliveries(age), ripening.ripen_purchases(age))


class DemoProfile(Profile):
    """An Instagram account of the demo; days are reported at noon of the next, posts ripen."""

    def __init__(self, account: DemoAccount, past: TenantHistory) -> None:
        super().__init__(account.id, past.tenant.name.lower().replace(" & ", ".").replace(" ", ""))
        self._account = account
        self._past = past

    def count_followers(self, now: datetime) -> int:
        return instagram.count_followers(self._past.tenant, self._account, now.astimezone(ZONE).date())

    def count_media(self, now: datetime) -> int:
        return sum(1 for _ in self._iter_posts(now))

    def get_audience(self, first: date, last: date, now: datetime) -> dict[date, Metrics]:
        days: dict[date, Metrics] = {}
        for day in _iter_days(first, last):
            share = ripening.ripen_audience(ripening.count_days_since(day, ZONE, now))
            for row in self._past.get_rows("ig_account_daily", self.id, day, now) if share else ():
                days[day] = self._build_metrics(day, row, share)
        return days

    def _build_metrics(self, day: date, row: Row, share: float) -> Metrics:
        before = instagram.count_followers(self._past.tenant, self._account, day - timedelta(days=1))
        interactions = ripening.scale_count(_require_number(row["interactions"]), share)
        return {
            "reach": ripening.scale_count(_require_number(row["reach"]), share),
            "views": ripening.scale_count(_require_number(row["views"]), share),
            "total_interactions": interactions,
            "accounts_engaged": ripening.scale_count(interactions, 0.8),
            "follower_count": max(0, int(_require_number(row["followers"])) - before),
        }

    def list_media(self, now: datetime) -> list[PostedMedium]:
        return [_build_medium(day, post, now) for day, post in self._iter_posts(now)]

    def find_medium(self, medium_id: str, now: datetime) -> PostedMedium | None:
        media = (_build_medium(day, post, now) for day, post in self._iter_posts(now) if post.media_id == medium_id)
        return next(media, None)

    def _iter_posts(self, now: datetime) -> Iterator[tuple[date, instagram.Post]]:
        """Yield the posts until now with their days, newest first."""
        today = now.astimezone(ZONE).date()
        for age in range(DAYS):
            day = today - timedelta(days=age)
            post = instagram.simulate_post(self._past.tenant, self._account, day)
            if post is not None and post.posted_at <= now:
                yield day, post


class LastingTokens(Tokens):
    """Tokens whose renewal returns the same one, so that stored ones survive a restart."""

    def renew(self, old: Grant, lasts: timedelta) -> str:
        return next(token for token, grant in self._grants.items() if grant is old)


class DemoWorld(ProviderWorld):
    """The accounts of the demo's tenants; the tokens of `make_credentials` never expire."""

    def __init__(self, now: Clock = get_utc_now) -> None:
        super().__init__(now)
        self.meta, self.instagram = LastingTokens("EAAB", self.now), LastingTokens("IGAA", self.now)
        for tenant in TENANTS:
            past = TenantHistory(tenant)
            for account in tenant.accounts:
                self._connect(account, past)

    def _connect(self, account: DemoAccount, past: TenantHistory) -> None:
        token = make_token(account)
        if account.source == "ga4":
            self.add_accounts(DemoProperty(account, past))
            self.google.issue(account.id, token=token)
        elif account.source == "meta":
            self.add_accounts(DemoAdAccount(account, past))
            self.meta.issue(account.id, token=token, lasts=None)
        else:
            self.add_accounts(DemoProfile(account, past))
            self.instagram.issue(account.id, token=token, lasts=None)


def make_token(account: DemoAccount) -> str:
    """Make an account's token, which is not secret, as it opens only the demo."""
    return f"demo-{account.source}-{account.id}"


def make_credentials(account: DemoAccount) -> dict[str, str]:
    """Make the credentials that connect one of the demo's accounts."""
    return {"refresh_token" if account.source == "ga4" else "access_token": make_token(account)}


def _count_metrics(row: Row, share: float) -> Metrics:
    conversions = _require_number(row["conversions"])
    counted = {
        "activeUsers": ripening.scale_count(_require_number(row["users"]), share),
        "sessions": ripening.scale_count(_require_number(row["sessions"]), share),
        "engagedSessions": ripening.scale_count(_require_number(row["engaged_sessions"]), share),
        "keyEvents": ripening.scale_count(conversions, share),
    }
    revenue = _require_number(row.get("revenue", 0.0))
    return {**counted, "totalRevenue": _prorate_money(revenue, counted["keyEvents"], conversions)}


def _build_delivery(day: date, row: Row, share: float, bought: float) -> AdDelivery:
    conversions = _require_number(row["conversions"])
    purchases = ripening.scale_count(conversions, bought)
    clicks = ripening.scale_count(_require_number(row["clicks"]), share)
    delivery = AdDelivery(
        day,
        str(row["campaign_id"]),
        str(row["campaign_name"]),
        impressions=ripening.scale_count(_require_number(row["impressions"]), share),
        clicks=clicks,
        spend=f"{ripening.scale_count(_require_number(row['spend']) * 100, share) / 100:.2f}",
        reach=ripening.scale_count(_require_number(row["reach"]), share),
        actions={"link_click": clicks},
    )
    if purchases:
        delivery.add_purchases(
            purchases, _prorate_money(_require_number(row["conversion_value"]), purchases, conversions)
        )
    return delivery


def _build_medium(day: date, post: instagram.Post, now: datetime) -> PostedMedium:
    share = ripening.ripen_medium(ripening.count_days_since(day, ZONE, now))
    likes, comments, saves, shares = (
        round(value * share) for value in (post.likes, post.comments, post.saves, post.shares)
    )
    return PostedMedium(
        post.media_id,
        post.posted_at,
        media_type=post.media_type,
        media_product_type="REELS" if post.media_type == "VIDEO" else "FEED",
        caption=post.caption,
        permalink=post.permalink,
        like_count=likes,
        comments_count=comments,
        insights={
            "likes": likes,
            "comments": comments,
            "saved": saves,
            "shares": shares,
            "reach": round(post.reach * share),
            "views": round(post.views * share),
            "total_interactions": likes + comments + saves + shares,
        },
    )


def _prorate_money(money: float, part: float, whole: float) -> float:
    """Return the share of the money that belongs to a part of the purchases."""
    return round(money * part / whole, 2) if whole else 0.0


def _iter_days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _require_number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


def _require_date(value: object) -> date:
    assert isinstance(value, date)
    return value
