"""The accounts of a provider world, with rows written by hand; subclasses compute theirs.

To restate a row, change it; to withdraw it, delete it. Rows of today and of later days are returned on request, as the
providers do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

LOS_ANGELES = "America/Los_Angeles"
CHANNEL = "sessionDefaultChannelGroup"
PAGE = "landingPage"
PAGE_AND_QUERY = "landingPagePlusQueryString"

Metrics = Mapping[str, float]


class PropertyVisits(NamedTuple):
    """A day of a GA4 property, or of one member of a dimension; metrics have GA4's names."""

    day: date
    member: str | None
    metrics: Metrics


@dataclass
class Property:
    """A GA4 property; `other` holds the metrics of the row `(other)`, which has no date.

    Rows of fewer than `threshold` active users are withheld, and so are the `truncated` days, which answers name if
    `names_truncated`. `sampled` are the events read and those there are.
    """

    id: str
    zone: str = LOS_ANGELES
    currency: str = "USD"
    days: dict[date, Metrics] = field(default_factory=dict)
    channels: dict[tuple[date, str], Metrics] = field(default_factory=dict)
    pages: dict[tuple[date, str], Metrics] = field(default_factory=dict)
    other: Metrics | None = None
    thresholded: bool = False
    threshold: int = 0
    truncated: set[date] = field(default_factory=set)
    names_truncated: bool = True
    sampled: tuple[int, int] | None = None

    def iter_rows(self, dimension: str | None, first: date, last: date, now: datetime) -> Iterator[PropertyVisits]:
        """Yield the rows from `first` to `last`, by day, and by member if a dimension is given."""
        if dimension is None:
            for day, metrics in list(self.days.items()):
                if first <= day <= last:
                    yield PropertyVisits(day, None, metrics)
            return
        members = self.channels if dimension == CHANNEL else self.pages
        for (day, member), metrics in list(members.items()):
            if first <= day <= last:
                yield PropertyVisits(day, member, metrics)


# The action types under which Meta reports the same purchase.
PURCHASES = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")


@dataclass
class AdDelivery:
    """A campaign's day, in the account's currency; answers leave out missing values."""

    day: date
    campaign_id: str
    campaign_name: str = "Campaign"
    impressions: int | None = 0
    clicks: int | None = 0
    spend: Decimal | float | str | None = 0
    reach: int | None = 0
    actions: dict[str, float] = field(default_factory=dict)
    action_values: dict[str, float] = field(default_factory=dict)

    def add_purchases(self, count: float, value: float, tiers: Iterable[str] = PURCHASES) -> AdDelivery:
        """Add purchases under each of the tiers, and return the delivery."""
        for tier in tiers:
            self.actions[tier] = count
            self.action_values[tier] = value
        return self


@dataclass
class AdAccount:
    """An ad account; its id begins with `act_`.

    `statuses` are the campaigns' by id, ACTIVE if missing. `most_days` limits the window of one answer.
    """

    id: str
    zone: str = LOS_ANGELES
    currency: str = "USD"
    name: str = "Ad account"
    deliveries: list[AdDelivery] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    most_days: int | None = None

    def iter_rows(self, first: date, last: date, now: datetime) -> Iterator[AdDelivery]:
        """Yield the campaigns' days from `first` to `last`."""
        return (delivery for delivery in list(self.deliveries) if first <= delivery.day <= last)

    def has_campaign(self, campaign: str) -> bool:
        """Whether the account has, or had, this campaign."""
        return campaign in self.statuses or any(each.campaign_id == campaign for each in list(self.deliveries))


@dataclass
class PostedMedium:
    """A post; `insights` are lifetime values by Instagram's names, `lacks` missing metrics."""

    id: str
    posted_at: datetime
    media_type: str = "IMAGE"
    media_product_type: str = "FEED"
    caption: str | None = None
    permalink: str = "https://www.instagram.com/p/C/"
    like_count: int | None = 0
    comments_count: int | None = 0
    insights: dict[str, int] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()


@dataclass
class Profile:
    """An Instagram account; its days are Los Angeles', its metrics have Instagram's names."""

    id: str
    username: str = "shop"
    followers: int = 1000
    days: dict[date, Metrics] = field(default_factory=dict)
    posts: list[PostedMedium] = field(default_factory=list)

    def count_followers(self, now: datetime) -> int:
        return self.followers

    def count_media(self, now: datetime) -> int:
        return len(self.list_media(now))

    def get_audience(self, first: date, last: date, now: datetime) -> Mapping[date, Metrics]:
        """Return the days from `first` to `last` that Instagram has values for."""
        return {day: metrics for day, metrics in sorted(self.days.items()) if first <= day <= last}

    def list_media(self, now: datetime) -> list[PostedMedium]:
        """List the posts until now that are not deleted, newest first."""
        posted = [post for post in self.posts if post.posted_at <= now]
        return sorted(posted, key=lambda post: (post.posted_at, post.id), reverse=True)

    def find_medium(self, medium_id: str, now: datetime) -> PostedMedium | None:
        return next((post for post in self.list_media(now) if post.id == medium_id), None)
