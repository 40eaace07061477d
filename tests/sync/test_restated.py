"""Whatever warehouse the rows go to: the same again changes nothing, and the tables have the provider's last word."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from demo.providers.accounts import AdAccount, Delivery, Medium, Profile, Property
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.graph.meta import MetaStandIn
from tests.support.sync.providing import back, new_desk, new_world, sync

PACIFIC = ZoneInfo("America/Los_Angeles")
DAYS = 5


def test_ga4(warehouse_url: str) -> None:
    world = new_world()
    visits = {"activeUsers": 7.0, "sessions": 8, "engagedSessions": 4, "keyEvents": 1.5, "totalRevenue": 19.99}
    found = Property(
        "1",
        currency="JPY",
        days={back(age): visits for age in range(DAYS)},
        channels={(back(age), "Direct"): visits for age in range(DAYS)},
        pages={(back(age), "/ü?q='"): visits for age in range(DAYS)},
    )
    world.add(found)
    credentials = {"refresh_token": world.google.issue("1")}
    with GA4StandIn(world) as google, new_desk(warehouse_url, "ga4", "1") as desk:
        sync(desk, google, credentials, history=DAYS)
        before = {table: desk.rows(table) for table in desk.tables}
        sync(desk, google, credentials, history=DAYS)
        assert {table: desk.rows(table) for table in desk.tables} == before
        assert [(row["date"], float(row["revenue"]), row["currency"]) for row in before["ga4_daily"]] == [
            (back(age), 19.99, "JPY") for age in reversed(range(DAYS))
        ]
        assert {row["landing_page"] for row in before["ga4_landing_pages_daily"]} == {"/ü?q='"}
        del found.channels[back(0), "Direct"]
        found.channels[back(1), "Direct"] = {**visits, "sessions": 80}
        sync(desk, google, credentials, history=DAYS)
        channels = [(row["date"], row["sessions"]) for row in desk.rows("ga4_channels_daily")]
        assert channels == [(back(4), 8), (back(3), 8), (back(2), 8), (back(1), 80)]


def test_meta(warehouse_url: str) -> None:
    world = new_world()
    found = AdAccount("act_1", currency="CHF")
    found.deliveries = [Delivery(back(age), "5", "Ä", 9, 3, "0.10", 8).with_purchases(1, 2.5) for age in range(DAYS)]
    world.add(found)
    credentials = {"access_token": world.meta.issue("act_1")}
    with MetaStandIn(world) as meta, new_desk(warehouse_url, "meta", "act_1") as desk:
        sync(desk, meta, credentials, history=DAYS)
        before = desk.rows("meta_ads_daily")
        sync(desk, meta, credentials, history=DAYS)
        assert desk.rows("meta_ads_daily") == before
        assert [(float(row["spend"]), row["conversions"], float(row["conversion_value"])) for row in before] == [
            (0.1, 1, 2.5)
        ] * DAYS
        del found.deliveries[1:3]
        found.deliveries[0].spend = "0.20"
        sync(desk, meta, credentials, history=DAYS)
        after = [(row["date"], float(row["spend"])) for row in desk.rows("meta_ads_daily")]
        assert after == [(back(4), 0.1), (back(3), 0.1), (back(0), 0.2)]


def test_instagram(warehouse_url: str) -> None:
    world = new_world()
    posted = [datetime.combine(back(age), time(20), PACIFIC).astimezone(UTC) for age in range(DAYS)]
    found = Profile(
        "3",
        followers=10,
        days={back(age): {"reach": 4, "views": 5, "total_interactions": 6} for age in range(DAYS)},
        posts=[Medium(f"90{age}", posted[age], caption="🐟", insights={"reach": 2}) for age in range(DAYS)],
    )
    world.add(found)
    credentials = {"access_token": world.instagram.issue("3")}
    with InstagramStandIn(world) as instagram, new_desk(warehouse_url, "instagram", "3") as desk:
        sync(desk, instagram, credentials, history=DAYS)
        before = {table: desk.rows(table) for table in desk.tables}
        sync(desk, instagram, credentials, history=DAYS)
        assert {table: desk.rows(table) for table in before} == before
        moments = [datetime.fromisoformat(str(row["posted_at"])) for row in before["ig_media"]]
        assert moments == posted[::-1]
        # A day that is answered no more stays, and so does a medium that is not listed; a deleted one goes.
        del found.days[back(0)], found.posts[1]
        found.days[back(1)] = {"reach": 9}
        sync(desk, instagram, credentials, history=DAYS)
        days = [(row["date"], row["reach"], row["views"], row["followers"]) for row in desk.rows("ig_account_daily")]
        assert days[-3:] == [(back(2), 4, 5, None), (back(1), 9, 5, None), (back(0), 4, 5, 10)]
        assert [row["media_id"] for row in desk.rows("ig_media")] == ["904", "903", "902", "900"]
