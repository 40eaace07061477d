"""The demo's providers tell the demo's own history, and their last days ripen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from demo import history
from demo.providers import ripening
from demo.providers.demo_world import DemoWorld, make_credentials
from demo.providers.stand_ins import StandIns
from demo.tenants import EVERYTHING, TENANTS, TWO_CURRENCIES, DemoAccount, DemoTenant
from tests.demo.providers.conftest import MovableClock

pytestmark = pytest.mark.server

ZONE = ZoneInfo("America/Los_Angeles")
TODAY = date(2026, 3, 20)
YESTERDAY = TODAY - timedelta(days=1)
RIPE = TODAY - timedelta(days=30)

Row = dict[str, Any]


@cache
def generate_final_history(tenant: DemoTenant) -> Mapping[str, list[Row]]:
    """The history as the demo's database has it, and a few days more so that all is in it."""
    return {
        table: [dict(row) for row in rows]
        for table, rows in history.generate_history(tenant, until=TODAY + timedelta(days=2), days=735).items()
    }


def filter_rows(tenant: DemoTenant, table: str, account: DemoAccount, first: date, last: date) -> list[Row]:
    keys = {"ga4": "property_id", "meta": "account_id", "instagram": "ig_user_id"}
    return [
        row
        for row in generate_final_history(tenant)[table]
        if row[keys[account.source]] == account.id and first <= row["date"] <= last
    ]


def make_moment(hour: int, minute: int = 0, day: date = TODAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)


class Caller:
    """Asks the demo's providers for what a tenant's accounts have."""

    def __init__(self, stand_ins: StandIns, client: httpx.Client) -> None:
        self.stand_ins = stand_ins
        self.client = client
        self.environment = stand_ins.build_environment()

    def make_headers(self, account: DemoAccount) -> dict[str, str]:
        given = make_credentials(account)
        token = given.get("access_token")
        if token is None:
            form = {
                "grant_type": "refresh_token",
                "client_id": self.environment["GOOGLE_CLIENT_ID"],
                "client_secret": self.environment["GOOGLE_CLIENT_SECRET"],
                **given,
            }
            token = self.client.post(self.environment["GOOGLE_TOKEN_URL"], data=form).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def read_ga4(
        self, account: DemoAccount, first: date, last: date, metrics: str, member: str | None = None
    ) -> list[Row]:
        names = metrics.split()
        dimensions = ["date", member] if member else ["date"]
        asked = {
            "dateRanges": [{"startDate": first.isoformat(), "endDate": last.isoformat()}],
            "dimensions": [{"name": name} for name in dimensions],
            "metrics": [{"name": name} for name in names],
            "limit": "100000",
        }
        url = f"{self.environment['GA4_BASE_URL']}/v1beta/properties/{account.id}:runReport"
        content = self.client.post(url, json=asked, headers=self.make_headers(account)).json()
        return [
            {
                **{n: v["value"] for n, v in zip(dimensions, row["dimensionValues"], strict=True)},
                **{n: float(v["value"]) for n, v in zip(names, row["metricValues"], strict=True)},
            }
            for row in content.get("rows", [])
        ]

    def read_meta(self, account: DemoAccount, first: date, last: date) -> list[Row]:
        asked = {
            "level": "campaign",
            "time_increment": "1",
            "time_range": json.dumps({"since": first.isoformat(), "until": last.isoformat()}),
            "fields": "campaign_id,campaign_name,impressions,clicks,spend,reach,actions,action_values",
            "limit": "500",
        }
        url = f"{self.environment['META_BASE_URL']}/v26.0/{account.id}/insights"
        found: list[Row] = self.client.get(url, params=asked, headers=self.make_headers(account)).json()["data"]
        return found

    def read_instagram(self, account: DemoAccount, path: str, **asked: str) -> Row:
        url = f"{self.environment['INSTAGRAM_BASE_URL']}/{path}"
        found: Row = self.client.get(url, params=asked, headers=self.make_headers(account)).json()
        return found


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(make_moment(9))


@pytest.fixture
def caller(clock: MovableClock, client: httpx.Client) -> Iterator[Caller]:
    with StandIns(DemoWorld(clock)) as stand_ins:
        yield Caller(stand_ins, client)


@pytest.mark.parametrize("tenant", [EVERYTHING, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_ripe_days_are_the_demos_own(caller: Caller, tenant: DemoTenant) -> None:
    first = TODAY - timedelta(days=400)
    for account in tenant.list_accounts("ga4"):
        daily = "activeUsers newUsers sessions engagedSessions keyEvents sessionKeyEventRate totalRevenue"
        told = sorted(caller.read_ga4(account, first, RIPE, daily), key=lambda row: str(row["date"]))
        expected = filter_rows(tenant, "ga4_daily", account, first, RIPE)
        assert len(told) == len(expected) > 350
        for row, wanted in zip(told, expected, strict=True):
            assert row["date"] == wanted["date"].strftime("%Y%m%d")
            assert round(row["sessionKeyEventRate"] * row["sessions"], 6) == wanted["converting_sessions"]
            names = ("users", "new_users", "sessions", "engaged_sessions", "conversions", "revenue")
            assert [row[name] for name in daily.split() if name != "sessionKeyEventRate"] == [
                wanted[name] for name in names
            ]
        for table, member, column in (
            ("ga4_channels_daily", "sessionDefaultChannelGroup", "channel"),
            ("ga4_landing_pages_daily", "landingPage", "landing_page"),
        ):
            members = caller.read_ga4(account, RIPE, RIPE, "sessions engagedSessions keyEvents activeUsers", member)
            assert {(row[member], row["sessions"], row["keyEvents"], row["activeUsers"]) for row in members} == {
                (row[column], row["sessions"], row["conversions"], row["users"])
                for row in filter_rows(tenant, table, account, RIPE, RIPE)
            }
    for account in tenant.list_accounts("meta"):
        delivered = caller.read_meta(account, RIPE - timedelta(days=90), RIPE)
        wanted_rows = filter_rows(tenant, "meta_ads_daily", account, RIPE - timedelta(days=90), RIPE)
        assert [
            (
                row["date_start"],
                row["campaign_id"],
                row["campaign_name"],
                int(row["impressions"]),
                int(row["clicks"]),
                int(row["reach"]),
                float(row["spend"]),
                sum_purchases(row, "actions"),
                sum_purchases(row, "action_values"),
            )
            for row in delivered
        ] == [
            (
                row["date"].isoformat(),
                row["campaign_id"],
                row["campaign_name"],
                row["impressions"],
                row["clicks"],
                row["reach"],
                row["spend"],
                row["conversions"],
                row["conversion_value"],
            )
            for row in sorted(wanted_rows, key=lambda row: (row["date"], row["campaign_id"]))
        ]


def sum_purchases(row: Row, column: str) -> float:
    return sum(float(item["value"]) for item in row.get(column, []) if item["action_type"] == "omni_purchase")


def test_instagram_is_the_demos_own(caller: Caller, clock: MovableClock) -> None:
    (account,) = EVERYTHING.list_accounts("instagram")
    first = RIPE - timedelta(days=20)
    span = {"period": "day", "since": first.isoformat(), "until": (RIPE + timedelta(days=1)).isoformat()}
    content = caller.read_instagram(account, f"{account.id}/insights", metric="reach", **span)
    expected = filter_rows(EVERYTHING, "ig_account_daily", account, first, RIPE)
    assert len(expected) >= 18
    assert [value["value"] for value in content["data"][0]["values"]] == [row["reach"] for row in expected]
    # At midnight a post's lifetime values are those that the history has of the day before.
    clock.now = make_moment(0)
    fields = "id,caption,media_type,permalink,timestamp,like_count,comments_count"
    told = {
        row["id"]: row
        for row in caller.read_instagram(account, f"{account.id}/media", fields=fields, limit="30")["data"]
    }
    until = {row["media_id"]: row for row in history.generate_history(EVERYTHING, until=YESTERDAY, days=40)["ig_media"]}
    for media_id, wanted in list(until.items())[-20:]:
        row = told[str(media_id)]
        assert row.get("caption") == wanted["caption"]
        assert (row["media_type"], row["permalink"]) == (wanted["media_type"], wanted["permalink"])
        assert datetime.strptime(row["timestamp"], "%Y-%m-%dT%H:%M:%S%z") == wanted["posted_at"]
        metrics = "reach,saved,shares,views,total_interactions"
        data = caller.read_instagram(account, f"{media_id}/insights", metric=metrics)["data"]
        values = {item["name"]: item["values"][0]["value"] for item in data}
        assert values == {
            "reach": wanted["reach"],
            "saved": wanted["saves"],
            "shares": wanted["shares"],
            "views": wanted["views"],
            "total_interactions": wanted["interactions"],
        }
        assert (row["like_count"], row["comments_count"]) == (wanted["likes"], wanted["comments"])


def test_the_last_days_grow_from_the_morning_to_the_afternoon(caller: Caller, clock: MovableClock) -> None:
    ga4, meta, instagram = (EVERYTHING.list_accounts(source)[0] for source in ("ga4", "meta", "instagram"))

    def read_counts() -> dict[str, float]:
        span = {"period": "day", "since": YESTERDAY.isoformat(), "until": TODAY.isoformat()}
        reach = caller.read_instagram(instagram, f"{instagram.id}/insights", metric="reach", **span)["data"]
        delivered = caller.read_meta(meta, TODAY - timedelta(days=28), YESTERDAY)
        return {
            "sessions": caller.read_ga4(ga4, YESTERDAY, YESTERDAY, "sessions")[0]["sessions"],
            "purchases": sum(sum_purchases(row, "actions") for row in delivered),
            "reach": reach[0]["values"][0]["value"] if reach else 0.0,
            "today": caller.read_ga4(ga4, TODAY, TODAY, "sessions")[0]["sessions"],
        }

    clock.now = make_moment(8)
    morning = read_counts()
    clock.now = make_moment(15)
    afternoon = read_counts()
    assert morning["reach"] == 0, "Instagram is silent until noon"
    for name, value in morning.items():
        assert afternoon[name] > value, name
    assert afternoon == read_counts(), "at the same moment it is the same"
    (row,) = filter_rows(EVERYTHING, "ga4_daily", ga4, YESTERDAY, YESTERDAY)
    assert 0.9 * row["sessions"] < afternoon["sessions"] < row["sessions"]


def test_an_unripe_day_is_its_channels_sum(caller: Caller) -> None:
    (ga4,) = EVERYTHING.list_accounts("ga4")
    names = "sessions engagedSessions keyEvents"
    (day,) = caller.read_ga4(ga4, YESTERDAY, YESTERDAY, names)
    channels = caller.read_ga4(ga4, YESTERDAY, YESTERDAY, names, "sessionDefaultChannelGroup")
    for name in names.split():
        assert day[name] == sum(channel[name] for channel in channels)


def test_days_to_come_have_no_rows(caller: Caller) -> None:
    ga4, meta = (EVERYTHING.list_accounts(source)[0] for source in ("ga4", "meta"))
    tomorrow = TODAY + timedelta(days=1)
    assert caller.read_ga4(ga4, tomorrow, tomorrow + timedelta(days=3), "sessions") == []
    assert caller.read_meta(meta, tomorrow, tomorrow + timedelta(days=3)) == []


def test_a_new_day_is_ripe_three_days_later(caller: Caller, clock: MovableClock) -> None:
    (ga4,) = EVERYTHING.list_accounts("ga4")
    (row,) = filter_rows(EVERYTHING, "ga4_daily", ga4, YESTERDAY, YESTERDAY)
    clock.now = make_moment(0, day=TODAY + timedelta(days=3))
    assert caller.read_ga4(ga4, YESTERDAY, YESTERDAY, "sessions")[0]["sessions"] == row["sessions"]


def test_a_day_is_a_day_when_the_clock_changes() -> None:
    for day in (date(2026, 3, 8), date(2026, 11, 1)):
        ages = [
            ripening.count_days_since(
                day, ZONE, datetime(2026, day.month, day.day, hour, tzinfo=UTC) + timedelta(days=add)
            )
            for add in (0, 1)
            for hour in range(24)
        ]
        assert all(before < after for before, after in pairwise(ages))
        midnight = datetime(2026, day.month, day.day, tzinfo=ZONE) + timedelta(days=2)
        assert ripening.count_days_since(day, ZONE, midnight) == 1


@pytest.mark.parametrize(
    "share",
    [
        ripening.ripen_visits,
        ripening.ripen_deliveries,
        ripening.ripen_purchases,
        ripening.ripen_audience,
        ripening.ripen_medium,
    ],
    ids=lambda share: share.__name__,
)
def test_shares_only_grow_to_the_whole(share: Any) -> None:
    shares = [share(-1.5 + step / 24) for step in range(24 * 60)]
    assert shares[0] == 0
    assert all(before <= after <= 1 for before, after in pairwise(shares))
    assert shares[-1] == pytest.approx(1)


def test_every_account_of_the_demo_opens_with_its_own_credentials_only(caller: Caller) -> None:
    world = caller.stand_ins.world
    accounts = [account for tenant in TENANTS for account in tenant.accounts]
    assert len(accounts) == len({*world.properties, *world.ad_accounts, *world.profiles})
    opened = {
        account.id
        for account in accounts
        if account.source == "meta"
        for other in accounts
        if other.source == "meta"
        and caller.client.get(
            f"{caller.environment['META_BASE_URL']}/v26.0/{account.id}", headers=caller.make_headers(other)
        ).status_code
        == 200
        and other is not account
    }
    assert opened == set()
    for account in accounts:
        if account.source == "instagram":
            assert caller.read_instagram(account, account.id, fields="followers_count")["followers_count"] > 1000


def test_a_renewed_token_is_good_after_a_restart() -> None:
    """What a sync has put in the place of the old one is all that the next process has."""
    for account in EVERYTHING.accounts:
        if account.source != "ga4":
            token = make_credentials(account)["access_token"]
            tokens = getattr(DemoWorld(), account.source)
            renewed = tokens.renew(tokens.find(token), timedelta(days=60))
            assert getattr(DemoWorld(), account.source).find(renewed) is not None
