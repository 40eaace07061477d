"""Many users with one account per source, whose rows are cheap and easy to predict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

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
from demo.providers.world import ProviderWorld

CHANNELS = ("Direct", "Organic Search")
PAGES = ("/", "/shop")
POSTED_EVERY = 10
POSTS = 3
ZONE = ZoneInfo(LOS_ANGELES)


class CrowdUser(NamedTuple):
    """A user's accounts, with a token for each."""

    number: int
    property_id: str
    refresh_token: str
    ad_account_id: str
    meta_token: str
    profile_id: str
    instagram_token: str


class PlainProperty(Property):
    """A property with `base` sessions a day plus the day of the month, half in each channel."""

    def __init__(self, account_id: str, base: int, zone: str) -> None:
        super().__init__(account_id, zone)
        self.base = base

    def count_sessions(self, day: date) -> int:
        return self.base + day.day

    def iter_rows(self, dimension: str | None, first: date, last: date, now: datetime) -> Iterator[PropertyVisits]:
        today = now.astimezone(ZoneInfo(self.zone)).date()
        members = (None,) if dimension is None else CHANNELS if dimension == CHANNEL else PAGES
        for day in _iter_days(first, min(last, today)):
            for number, member in enumerate(members):
                share, rest = divmod(self.count_sessions(day), len(members))
                yield PropertyVisits(day, member, _build_metrics(share + (rest if number == 0 else 0)))


class PlainAdAccount(AdAccount):
    """An ad account whose campaign spends `base` and 25 cents a day, and sells one item for 50."""

    def __init__(self, account_id: str, base: int, zone: str) -> None:
        super().__init__(account_id, zone)
        self.base = base

    def iter_rows(self, first: date, last: date, now: datetime) -> Iterator[AdDelivery]:
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in _iter_days(first, min(last, today)):
            delivery = AdDelivery(
                day,
                self.id.replace("act_", "1202"),
                "Always on",
                impressions=100 * self.base,
                clicks=self.base,
                spend=f"{self.base}.25",
                reach=80 * self.base,
            )
            yield delivery.add_purchases(1, 50.0)


class PlainProfile(Profile):
    """A profile with a reach of `base` a day, and three posts, ten days apart, before `until`."""

    def __init__(self, account_id: str, base: int, until: date) -> None:
        posts = [_build_post(account_id, base, until, number) for number in range(POSTS)]
        super().__init__(account_id, f"user{base}", followers=1000 + base, posts=posts)
        self.base = base

    def get_audience(self, first: date, last: date, now: datetime) -> dict[date, Metrics]:
        today = now.astimezone(ZONE).date()
        return {
            day: {"reach": self.base, "follower_count": 1, "views": 2 * self.base, "total_interactions": 7}
            for day in _iter_days(first, min(last, today))
        }


def add_crowd(world: ProviderWorld, size: int, *, zone: str = LOS_ANGELES) -> list[CrowdUser]:
    """Add `size` users to a world.

    User 0 has the accounts 700000000, act_800000000 and 17840000000000000.
    """
    until = world.now().astimezone(ZONE).date()
    return [_add_user(world, number, zone, until) for number in range(size)]


def _add_user(world: ProviderWorld, number: int, zone: str, until: date) -> CrowdUser:
    base = 100 + number
    property_id, ad_account_id = str(700_000_000 + number), f"act_{800_000_000 + number}"
    profile_id = str(17_840_000_000_000_000 + number)
    world.add_accounts(
        PlainProperty(property_id, base, zone),
        PlainAdAccount(ad_account_id, base, zone),
        PlainProfile(profile_id, base, until),
    )
    return CrowdUser(
        number,
        property_id,
        world.google.issue(property_id),
        ad_account_id,
        world.meta.issue(ad_account_id),
        profile_id,
        world.instagram.issue(profile_id),
    )


def _build_metrics(sessions: int) -> Metrics:
    return {
        "activeUsers": sessions - 1,
        "newUsers": sessions // 2,
        "sessions": sessions,
        "engagedSessions": sessions // 2,
        "keyEvents": 2,
        "sessionKeyEventRate": 1 / sessions,
        "totalRevenue": 19.9,
    }


def _build_post(profile_id: str, base: int, until: date, number: int) -> PostedMedium:
    day = until - timedelta(days=1 + number * POSTED_EVERY)
    return PostedMedium(
        f"18{profile_id[2:]}{number}",
        datetime.combine(day, time(9, 30), ZONE).astimezone(UTC),
        caption=f"Post {number}",
        permalink=f"https://www.instagram.com/p/C{profile_id}{number}/",
        like_count=base,
        comments_count=number,
        insights={"reach": base, "saved": 1, "shares": 2, "views": 2 * base, "total_interactions": base + number + 3},
    )


def _iter_days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
