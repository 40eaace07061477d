"""Instagram's rows: posts, of which one goes viral every few months, and the account's days."""

import math
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from demo.captions import write_caption
from demo.rhythm import (
    compute_drift,
    compute_season,
    compute_trend,
    compute_weekday_factor,
    draw_factor,
    find_spell,
    is_in_spell,
    seed_random,
)
from demo.tenants import DemoAccount, DemoTenant

ZONE = "America/Los_Angeles"
VIRAL_EVERY = 150
VIRAL_SINCE = date(2021, 1, 1).toordinal() // VIRAL_EVERY
# The days after which a post has nearly all of its lifetime values.
RIPE_AFTER = 10

POSTS_A_DAY = (0.70, 0.78, 0.60, 0.80, 0.68, 0.45, 0.38)
SHORTCODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class MediaType(NamedTuple):
    """A media type: its frequency, the share of followers that it reaches, and its engagement."""

    media_type: str
    weight: float
    reach: float
    views: float
    rate: float


MEDIA_TYPES = (
    MediaType("IMAGE", 0.42, 0.15, 1.15, 0.041),
    MediaType("CAROUSEL_ALBUM", 0.26, 0.18, 1.30, 0.048),
    MediaType("VIDEO", 0.32, 0.27, 1.70, 0.039),
)
REEL = MEDIA_TYPES[-1]


class Post(NamedTuple):
    """A post with its final lifetime values."""

    media_id: str
    posted_at: datetime
    media_type: str
    caption: str | None
    permalink: str
    likes: int
    comments: int
    saves: int
    shares: int
    reach: int
    views: int

    @property
    def interactions(self) -> int:
        return self.likes + self.comments + self.saves + self.shares


def count_followers(tenant: DemoTenant, account: DemoAccount, day: date) -> int:
    """Return the followers of a day: steady growth, and a step after each viral post."""
    gained = 0.0
    for block in range(VIRAL_SINCE, day.toordinal() // VIRAL_EVERY + 1):
        age = (day - _find_viral_day(tenant.build_stream_key(account, "viral"), block)).days
        if age >= 0:
            gained += 1 - math.exp(-(age + 1) / 4)
    noise = seed_random(tenant.build_stream_key(account, "followers"), day.toordinal()).gauss(0, 3)
    return round(account.size * (21_000 * compute_trend(day, 0.14) + 650 * gained) + noise)


def simulate_post(tenant: DemoTenant, account: DemoAccount, day: date) -> Post | None:
    """Simulate the day's post; None on days without one. There are about four a week."""
    chance = seed_random(tenant.build_stream_key(account, "posts"), day.toordinal())
    viral = day == _find_viral_day(tenant.build_stream_key(account, "viral"), day.toordinal() // VIRAL_EVERY)
    if chance.random() >= POSTS_A_DAY[day.weekday()] and not viral:
        return None
    kind = REEL if viral else chance.choices(MEDIA_TYPES, [kind.weight for kind in MEDIA_TYPES])[0]
    reach = count_followers(tenant, account, day) * kind.reach * draw_factor(chance, 0.3) * (16.0 if viral else 1.0)
    interactions = reach * kind.rate * draw_factor(chance, 0.22) * (1.35 if viral else 1.0)
    local = datetime.combine(day, time(chance.choice((7, 9, 12, 17, 19, 21)), chance.randrange(60)))
    shortcode = "C" + "".join(chance.choices(SHORTCODE, k=10))
    return Post(
        media_id=f"178{chance.randrange(10**14):014d}",
        posted_at=local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC),
        media_type=kind.media_type,
        caption=write_caption(chance, tenant.products, viral=viral),
        permalink=f"https://www.instagram.com/{'reel' if kind is REEL else 'p'}/{shortcode}/",
        likes=round(interactions * 0.80),
        comments=round(interactions * 0.05 * draw_factor(chance, 0.4)),
        saves=round(interactions * 0.09 * draw_factor(chance, 0.4)),
        shares=round(interactions * 0.06 * draw_factor(chance, 0.4)),
        reach=round(reach),
        views=round(reach * kind.views),
    )


@lru_cache(maxsize=1024)
def _find_viral_day(stream: str, block: int) -> date:
    return find_spell(stream, block, every=VIRAL_EVERY, longest=1)[0]


def compute_ripeness(age: int) -> float:
    """Return a post's share of its lifetime values at the end of the day `age` days later."""
    return 1 - math.exp(-(age + 0.9) / 1.8)


def build_media_row(
    tenant: DemoTenant, account: DemoAccount, day: date, post: Post, *, until: date
) -> dict[str, object]:
    """Build a row of `ig_media`, with the lifetime values at the end of `until`."""
    ripe = compute_ripeness((until - day).days)
    counts = {name: round(getattr(post, name) * ripe) for name in ("likes", "comments", "saves", "shares")}
    return {
        "user_id": tenant.user_id,
        "posted_on": day,
        "ig_user_id": account.id,
        "media_id": post.media_id,
        "posted_at": post.posted_at,
        "media_type": post.media_type,
        "caption": post.caption,
        "permalink": post.permalink,
        **counts,
        "reach": round(post.reach * ripe),
        "views": round(post.views * ripe),
        "interactions": sum(counts.values()),
    }


class Audience(NamedTuple):
    """The account's day; `lift` is its reach relative to a day without posts."""

    reach: int
    views: int
    interactions: int
    followers: int
    lift: float


def simulate_audience(tenant: DemoTenant, account: DemoAccount, day: date, recent: list[tuple[date, Post]]) -> Audience:
    """Simulate the day, from its followers and the posts of the last `RIPE_AFTER` days."""
    stream = tenant.build_stream_key(account, "audience")
    chance = seed_random(stream, day.toordinal())
    following = count_followers(tenant, account, day)
    quiet = (
        following
        * 0.1
        * compute_weekday_factor(day)
        * compute_season(day)
        * compute_drift(stream, day, every=13, size=0.08)
    )
    reach, views = quiet * draw_factor(chance, 0.05), quiet * 1.5
    interactions = quiet * 0.022 * draw_factor(chance, 0.12)
    for posted_on, post in recent:
        age = (day - posted_on).days
        share = compute_ripeness(age) - (compute_ripeness(age - 1) if age else 0.0)
        reach += post.reach * share
        views += post.views * share
        interactions += post.interactions * share
    return Audience(round(reach), round(max(views, reach)), round(interactions), following, reach / quiet)


def build_account_row(tenant: DemoTenant, account: DemoAccount, day: date, audience: Audience) -> dict[str, object]:
    """Build a row of `ig_account_daily`."""
    return {
        "user_id": tenant.user_id,
        "date": day,
        "ig_user_id": account.id,
        "reach": audience.reach,
        "views": audience.views,
        "interactions": audience.interactions,
        "followers": audience.followers,
    }


def is_unreported(tenant: DemoTenant, account: DemoAccount, day: date) -> bool:
    """Whether Instagram never reported the day."""
    return is_in_spell(tenant.build_stream_key(account, "unreported"), day, every=140, longest=2)


def list_recent_posts(posts: dict[date, Post], day: date) -> list[tuple[date, Post]]:
    """List the posts until the day that still gain reach, newest first."""
    days = (day - timedelta(days=age) for age in range(RIPE_AFTER))
    return [(posted_on, posts[posted_on]) for posted_on in days if posted_on in posts]
