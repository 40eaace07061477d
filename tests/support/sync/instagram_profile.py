"""An Instagram profile with days and posts, and the rows that are expected from them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from demo.providers.accounts import Metrics, PostedMedium, Profile
from tests.support.sync.recording_sink import HISTORY, subtract_days

PROFILE = "17841439536867616"
DAYS, MEDIA = "ig_account_daily", "ig_media"
INSIGHTS = "/insights"
PACIFIC = ZoneInfo("America/Los_Angeles")


def make_audience(day: date) -> dict[str, float]:
    return {"reach": 500 + day.day, "views": 900 + day.day, "total_interactions": 40 + day.day}


def make_medium(age: int, hour: int = 12) -> PostedMedium:
    """Make the post of a day, at an hour of Los Angeles."""
    number = 1000 + age
    return PostedMedium(
        f"1789{number}",
        datetime.combine(subtract_days(age), time(hour, 30), PACIFIC).astimezone(UTC),
        media_type="VIDEO" if age % 2 else "IMAGE",
        media_product_type="REELS" if age % 2 else "FEED",
        caption=None if age == 3 else f"Post {age} 🐟",
        permalink=f"https://www.instagram.com/p/{number}/",
        like_count=number,
        comments_count=age,
        insights={
            "reach": 10 * number,
            "saved": 3,
            "shares": 2,
            "views": 11 * number,
            "total_interactions": number + 5,
        },
    )


def make_expected_post(age: int) -> dict[str, Any]:
    number = 1000 + age
    return {
        "posted_on": subtract_days(age),
        "media_id": f"1789{number}",
        "posted_at": str(datetime.combine(subtract_days(age), time(12, 30), PACIFIC).astimezone(UTC)),
        "media_type": "VIDEO" if age % 2 else "IMAGE",
        "caption": None if age == 3 else f"Post {age} 🐟",
        "permalink": f"https://www.instagram.com/p/{number}/",
        "likes": number,
        "comments": age,
        "saves": 3,
        "shares": 2,
        "reach": 10 * number,
        "views": 11 * number,
        "interactions": number + 5,
    }


def make_expected_day(day: date, followers: int | None = None) -> dict[str, Any]:
    return {
        "date": day,
        "reach": 500 + day.day,
        "views": 900 + day.day,
        "interactions": 40 + day.day,
        "followers": followers,
    }


def make_profile() -> Profile:
    """Make a profile with days and posts for a first sync, and a few more at both ends."""
    days: dict[date, Metrics] = {
        subtract_days(age): make_audience(subtract_days(age)) for age in range(-3, HISTORY + 3)
    }
    return Profile(PROFILE, followers=2100, days=days, posts=[make_medium(age) for age in range(HISTORY + 3)])
