"""Whatever warehouse the rows go to: the same again changes nothing, and the tables have the provider's last word."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from demo.providers.accounts import AdAccount, AdDelivery, PostedMedium, Profile, Property
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.graph.meta import MetaStandIn
from tests.support.sync.recording_sink import make_world, open_sink, subtract_days, sync_account

pytestmark = pytest.mark.server

PACIFIC = ZoneInfo("America/Los_Angeles")
DAYS = 5


def test_ga4(warehouse_url: str) -> None:
    world = make_world()
    visits = {"activeUsers": 7.0, "sessions": 8, "engagedSessions": 4, "keyEvents": 1.5, "totalRevenue": 19.99}
    found = Property(
        "1",
        currency="JPY",
        days={subtract_days(age): visits for age in range(DAYS)},
        channels={(subtract_days(age), "Direct"): visits for age in range(DAYS)},
        pages={(subtract_days(age), "/ü?q='"): visits for age in range(DAYS)},
    )
    world.add_accounts(found)
    credentials = {"refresh_token": world.google.issue("1")}
    with GA4StandIn(world) as google, open_sink(warehouse_url, "ga4", "1") as desk:
        sync_account(desk, google, credentials, history=DAYS)
        before = {table: desk.read_sorted_rows(table) for table in desk.tables}
        sync_account(desk, google, credentials, history=DAYS)
        assert {table: desk.read_sorted_rows(table) for table in desk.tables} == before
        assert [(row["date"], float(row["revenue"]), row["currency"]) for row in before["ga4_daily"]] == [
            (subtract_days(age), 19.99, "JPY") for age in reversed(range(DAYS))
        ]
        assert {row["landing_page"] for row in before["ga4_landing_pages_daily"]} == {"/ü?q='"}
        del found.channels[subtract_days(0), "Direct"]
        found.channels[subtract_days(1), "Direct"] = {**visits, "sessions": 80}
        sync_account(desk, google, credentials, history=DAYS)
        channels = [(row["date"], row["sessions"]) for row in desk.read_sorted_rows("ga4_channels_daily")]
        assert channels == [(subtract_days(4), 8), (subtract_days(3), 8), (subtract_days(2), 8), (subtract_days(1), 80)]


def test_meta(warehouse_url: str) -> None:
    world = make_world()
    found = AdAccount("act_1", currency="CHF")
    found.deliveries = [
        AdDelivery(subtract_days(age), "5", "Ä", 9, 3, "0.10", 8).add_purchases(1, 2.5) for age in range(DAYS)
    ]
    world.add_accounts(found)
    credentials = {"access_token": world.meta.issue("act_1")}
    with MetaStandIn(world) as meta, open_sink(warehouse_url, "meta", "act_1") as desk:
        sync_account(desk, meta, credentials, history=DAYS)
        before = desk.read_sorted_rows("meta_ads_daily")
        sync_account(desk, meta, credentials, history=DAYS)
        assert desk.read_sorted_rows("meta_ads_daily") == before
        assert [(float(row["spend"]), row["conversions"], float(row["conversion_value"])) for row in before] == [
            (0.1, 1, 2.5)
        ] * DAYS
        del found.deliveries[1:3]
        found.deliveries[0].spend = "0.20"
        sync_account(desk, meta, credentials, history=DAYS)
        after = [(row["date"], float(row["spend"])) for row in desk.read_sorted_rows("meta_ads_daily")]
        assert after == [(subtract_days(4), 0.1), (subtract_days(3), 0.1), (subtract_days(0), 0.2)]


def test_instagram(warehouse_url: str) -> None:
    world = make_world()
    posted = [datetime.combine(subtract_days(age), time(20), PACIFIC).astimezone(UTC) for age in range(DAYS)]
    found = Profile(
        "3",
        followers=10,
        days={subtract_days(age): {"reach": 4, "views": 5, "total_interactions": 6} for age in range(DAYS)},
        posts=[PostedMedium(f"90{age}", posted[age], caption="🐟", insights={"reach": 2}) for age in range(DAYS)],
    )
    world.add_accounts(found)
    credentials = {"access_token": world.instagram.issue("3")}
    with InstagramStandIn(world) as instagram, open_sink(warehouse_url, "instagram", "3") as desk:
        sync_account(desk, instagram, credentials, history=DAYS)
        before = {table: desk.read_sorted_rows(table) for table in desk.tables}
        sync_account(desk, instagram, credentials, history=DAYS)
        assert {table: desk.read_sorted_rows(table) for table in before} == before
        moments = [datetime.fromisoformat(str(row["posted_at"])) for row in before["ig_media"]]
        assert moments == posted[::-1]
        # A day that is answered no more stays, and so does a medium that is not listed; a deleted one goes.
        del found.days[subtract_days(0)], found.posts[1]
        found.days[subtract_days(1)] = {"reach": 9}
        sync_account(desk, instagram, credentials, history=DAYS)
        days = [
            (row["date"], row["reach"], row["views"], row["followers"])
            for row in desk.read_sorted_rows("ig_account_daily")
        ]
        assert days[-3:] == [
            (subtract_days(2), 4, 5, None),
            (subtract_days(1), 9, 5, None),
            (subtract_days(0), 4, 5, 10),
        ]
        assert [row["media_id"] for row in desk.read_sorted_rows("ig_media")] == ["904", "903", "902", "900"]
