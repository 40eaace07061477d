"""The demo history is the same every time, hangs together, and looks like a shop's."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import correlation, mean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.history import generate_history
from demo.tenants import EVERYTHING, GA4_ONLY, INSTAGRAM_ONLY, NO_DATA, TENANTS, TWO_CURRENCIES, DemoTenant

UNTIL = date(2025, 9, 30)
DAYS = 730
FIRST = UNTIL - timedelta(days=DAYS - 1)

KEYS = {
    "ga4_daily": ("user_id", "date", "property_id"),
    "ga4_channels_daily": ("user_id", "date", "property_id", "channel"),
    "ga4_landing_pages_daily": ("user_id", "date", "property_id", "landing_page"),
    "meta_ads_daily": ("user_id", "date", "account_id", "campaign_id"),
    "ig_account_daily": ("user_id", "date", "ig_user_id"),
    "ig_media": ("user_id", "posted_on", "ig_user_id", "media_id"),
}

INTEGERS = {
    "ga4_daily": {"users", "new_users", "sessions", "engaged_sessions"},
    "ga4_channels_daily": {"users", "sessions", "engaged_sessions"},
    "ga4_landing_pages_daily": {"users", "sessions", "engaged_sessions"},
    "meta_ads_daily": {"impressions", "clicks", "reach"},
    "ig_account_daily": {"reach", "views", "interactions", "followers"},
    "ig_media": {"likes", "comments", "saves", "shares", "reach", "views", "interactions"},
}

FLOATS = {
    "ga4_daily": {"conversions", "converting_sessions", "revenue"},
    "ga4_channels_daily": {"conversions", "revenue"},
    "ga4_landing_pages_daily": {"conversions"},
    "meta_ads_daily": {"spend", "conversions", "conversion_value"},
    "ig_account_daily": set(),
    "ig_media": set(),
}

OTHERS = {
    "ga4_daily": {"currency"},
    "ga4_channels_daily": {"currency"},
    "ga4_landing_pages_daily": set(),
    "meta_ads_daily": {"campaign_name", "currency"},
    "ig_account_daily": set(),
    "ig_media": {"posted_at", "media_type", "caption", "permalink"},
}

MONEY = ("revenue", "spend", "conversion_value")

CONNECTED = tuple(tenant for tenant in TENANTS if tenant.accounts)

Row = dict[str, Any]


@cache
def generate_cached_history(tenant: DemoTenant, until: date = UNTIL, days: int = DAYS) -> Mapping[str, Sequence[Row]]:
    return generate_history(tenant, until=until, days=days)


def sum_by_day(found: Sequence[Row], column: str) -> dict[date, float]:
    totals: dict[date, float] = defaultdict(float)
    for row in found:
        totals[row["date"]] += row[column]
    return dict(totals)


def index_by_key(table: str, found: Sequence[Row]) -> dict[tuple[object, ...], Row]:
    return {tuple(row[column] for column in KEYS[table]): row for row in found}


@pytest.mark.server
def test_it_is_the_same_in_another_process() -> None:
    script = (
        "import hashlib; from datetime import date; from demo.history import generate_history;"
        "from demo.tenants import EVERYTHING;"
        "history = generate_history(EVERYTHING, until=date(2025, 9, 30), days=60);"
        "print(hashlib.sha256(repr(history).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_or_user_gives_another_history() -> None:
    for other in (replace(EVERYTHING, seed=2), replace(EVERYTHING, user_id=GA4_ONLY.user_id)):
        ours, theirs = generate_cached_history(EVERYTHING, UNTIL, 30), generate_cached_history(other, UNTIL, 30)
        for table in ("ga4_daily", "meta_ads_daily", "ig_account_daily"):
            without_user = [[{**row, "user_id": ""} for row in found[table]] for found in (ours, theirs)]
            assert without_user[0] != without_user[1]


@pytest.mark.parametrize("tenant", CONNECTED, ids=lambda tenant: tenant.name)
@pytest.mark.slow
def test_a_day_more_only_appends(tenant: DemoTenant) -> None:
    shorter = generate_cached_history(tenant)
    longer = generate_cached_history(tenant, UNTIL + timedelta(days=1), DAYS + 1)
    for table in KEYS.keys() - {"ig_media"}:
        before, after = index_by_key(table, shorter[table]), index_by_key(table, longer[table])
        assert before.items() <= after.items()
        assert {key[1] for key in after.keys() - before.keys()} <= {UNTIL, UNTIL + timedelta(days=1)}


def test_a_shorter_history_is_the_end_of_a_longer_one() -> None:
    short, long = generate_cached_history(EVERYTHING, UNTIL, 28), generate_cached_history(EVERYTHING)
    for table in KEYS:
        assert short[table]
        assert index_by_key(table, short[table]).items() <= index_by_key(table, long[table]).items()


def test_lifetime_values_only_grow() -> None:
    earlier = index_by_key("ig_media", generate_cached_history(EVERYTHING)["ig_media"])
    later = index_by_key(
        "ig_media", generate_cached_history(EVERYTHING, UNTIL + timedelta(days=5), DAYS + 5)["ig_media"]
    )
    grown = 0
    for key, row in earlier.items():
        for column, value in row.items():
            if column in INTEGERS["ig_media"]:
                assert later[key][column] >= value
                grown += later[key][column] > value
            else:
                assert later[key][column] == value
    assert grown > 10


@pytest.mark.parametrize("tenant", CONNECTED, ids=lambda tenant: tenant.name)
def test_rows_have_the_tables_columns(tenant: DemoTenant) -> None:
    for table, found in generate_cached_history(tenant).items():
        assert len(index_by_key(table, found)) == len(found)
        for row in found:
            assert row.keys() == {*KEYS[table]} | INTEGERS[table] | FLOATS[table] | OTHERS[table]
            assert row["user_id"] == tenant.user_id
            assert FIRST <= row[KEYS[table][1]] <= UNTIL
            assert all(type(row[column]) is int and row[column] >= 0 for column in INTEGERS[table])
            assert all(type(row[column]) is float and row[column] >= 0 for column in FLOATS[table])
            assert all(row[column] == round(row[column], 2) for column in MONEY if column in row)


def test_a_tenant_has_rows_exactly_where_it_is_connected() -> None:
    tables = {
        "ga4": {"ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily"},
        "meta": {"meta_ads_daily"},
        "instagram": {"ig_account_daily", "ig_media"},
    }
    for tenant in TENANTS:
        expected = set().union(*(tables[source] for source in tenant.sources))
        assert {table for table, found in generate_cached_history(tenant).items() if found} == expected
    assert EVERYTHING.user_id == "00000000-0000-4000-8000-000000000001"
    assert EVERYTHING.sources == ("ga4", "instagram", "meta")
    assert GA4_ONLY.sources == ("ga4",)
    assert INSTAGRAM_ONLY.sources == ("instagram",)
    assert NO_DATA.sources == ()
    assert len({tenant.user_id for tenant in TENANTS}) == len(TENANTS)


def test_one_tenant_advertises_in_two_currencies() -> None:
    found = generate_cached_history(TWO_CURRENCIES)["meta_ads_daily"]
    assert {(row["account_id"], row["currency"]) for row in found} == {
        (account.id, account.currency) for account in TWO_CURRENCIES.list_accounts("meta")
    }
    assert {row["currency"] for row in found if row["date"] > UNTIL - timedelta(days=28)} == {"EUR", "USD"}
    assert {row["currency"] for row in generate_cached_history(EVERYTHING)["meta_ads_daily"]} == {"USD"}


@pytest.mark.parametrize("tenant", [EVERYTHING, GA4_ONLY, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_channels_and_pages_add_up(tenant: DemoTenant) -> None:
    found = generate_cached_history(tenant)
    for column in ("sessions", "engaged_sessions", "conversions"):
        assert sum_by_day(found["ga4_channels_daily"], column) == sum_by_day(found["ga4_daily"], column)
        pages, days = sum_by_day(found["ga4_landing_pages_daily"], column), sum_by_day(found["ga4_daily"], column)
        assert pages.keys() == days.keys()
        assert all(0.5 * days[day] < pages[day] <= days[day] for day in days)
    revenue = sum_by_day(found["ga4_channels_daily"], "revenue")
    assert sum_by_day(found["ga4_daily"], "revenue") == pytest.approx(revenue, abs=0.001)
    channel_users = sum_by_day(found["ga4_channels_daily"], "users")
    assert all(row["users"] < channel_users[row["date"]] for row in found["ga4_daily"])


@pytest.mark.parametrize("tenant", [EVERYTHING, GA4_ONLY, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_a_site_day_hangs_together(tenant: DemoTenant) -> None:
    found = generate_cached_history(tenant)
    for row in found["ga4_daily"]:
        assert row["new_users"] <= row["users"] < row["sessions"]
        assert 0 < row["converting_sessions"] <= row["conversions"] <= row["sessions"]
        assert 1_500 <= row["sessions"] <= 7_000
    for table in ("ga4_channels_daily", "ga4_landing_pages_daily"):
        for row in found[table]:
            assert row["users"] <= row["sessions"]
            assert row["engaged_sessions"] <= row["sessions"]
            assert row["conversions"] <= row["sessions"]
    daily = found["ga4_daily"]
    rate = sum(row["converting_sessions"] for row in daily) / sum(row["sessions"] for row in daily)
    assert 0.015 < rate < 0.035


@pytest.mark.parametrize("tenant", [EVERYTHING, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_ads_hang_together(tenant: DemoTenant) -> None:
    found = generate_cached_history(tenant)["meta_ads_daily"]
    for row in found:
        assert row["spend"] > 0
        assert row["conversions"] <= row["clicks"] < row["reach"] < row["impressions"]
        assert (row["conversion_value"] > 0) == (row["conversions"] > 0)
    for account in tenant.list_accounts("meta"):
        own = [row for row in found if row["account_id"] == account.id]
        spend = sum(row["spend"] for row in own)
        assert 2 < sum(row["conversion_value"] for row in own) / spend < 4
        assert 0.5 < spend / sum(row["clicks"] for row in own) < 1.2


def test_campaigns_start_and_stop() -> None:
    days: dict[str, list[date]] = defaultdict(list)
    for row in generate_cached_history(EVERYTHING)["meta_ads_daily"]:
        days[row["campaign_name"]].append(row["date"])
    sale = days["Summer Sale 2024"]
    assert sale[0] > FIRST
    assert sale[-1] < UNTIL
    assert 20 <= len(sale) <= (sale[-1] - sale[0]).days + 1
    flights = days["Brand | Video views"]
    assert sum((after - before).days > 30 for before, after in pairwise(flights)) >= 5
    assert len(days["Retargeting | Catalogue"]) > 700


@pytest.mark.parametrize("tenant", [EVERYTHING, INSTAGRAM_ONLY], ids=lambda tenant: tenant.name)
def test_instagram_hangs_together(tenant: DemoTenant) -> None:
    days, media = generate_cached_history(tenant)["ig_account_daily"], generate_cached_history(tenant)["ig_media"]
    for row in days:
        assert 0 < row["interactions"] < row["reach"] <= row["views"]
    rate = sum(row["interactions"] for row in days) / sum(row["reach"] for row in days)
    assert 0.02 < rate < 0.06
    assert days[-1]["followers"] > 1.15 * days[0]["followers"]
    for row in media:
        assert row["interactions"] == row["likes"] + row["comments"] + row["saves"] + row["shares"]
        assert row["interactions"] < row["reach"] <= row["views"]
        posted_at: datetime = row["posted_at"]
        assert posted_at.tzinfo is UTC
        assert posted_at.astimezone(ZoneInfo("America/Los_Angeles")).date() == row["posted_on"]
    # An evening in Los Angeles is already the next day in UTC.
    assert any(row["posted_at"].date() > row["posted_on"] for row in media)
    assert {row["media_type"] for row in media} == {"IMAGE", "CAROUSEL_ALBUM", "VIDEO"}


def test_captions_are_what_people_write() -> None:
    captions = [row["caption"] for row in generate_cached_history(EVERYTHING)["ig_media"]]
    written = [caption for caption in captions if caption is not None]
    assert 0 < captions.count(None) < len(captions) / 10
    for mark in ('"', "'", "“", "🌿", "<", "&", "\n", "%", ",", "é"):
        assert any(mark in caption for caption in written), mark
    assert not any("{" in caption for caption in written)


@pytest.mark.parametrize("tenant", [EVERYTHING, INSTAGRAM_ONLY], ids=lambda tenant: tenant.name)
def test_a_viral_post_stands_out(tenant: DemoTenant) -> None:
    media, days = generate_cached_history(tenant)["ig_media"], generate_cached_history(tenant)["ig_account_daily"]
    viral = max(media, key=lambda row: int(row["reach"]))
    assert viral["media_type"] == "VIDEO"
    assert viral["reach"] > 8 * median(row["reach"] for row in media)
    reach = sum_by_day(days, "reach")
    assert reach[viral["posted_on"]] > 3 * median(reach.values())
    followers = sum_by_day(days, "followers")
    week = timedelta(days=7)
    gained = followers[viral["posted_on"] + week] - followers[viral["posted_on"] - timedelta(days=1)]
    usual = median(followers[day + week] - followers[day] for day in followers if day + week in followers)
    assert gained > 2 * usual


def test_a_viral_post_brings_the_site_visitors() -> None:
    viral = max(generate_cached_history(EVERYTHING)["ig_media"], key=lambda row: int(row["reach"]))
    social = {
        row["date"]: row["sessions"]
        for row in generate_cached_history(EVERYTHING)["ga4_channels_daily"]
        if row["channel"] == "Organic Social"
    }
    assert social[viral["posted_on"]] > 2 * median(social.values())


@pytest.mark.parametrize("tenant", [EVERYTHING, GA4_ONLY, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_the_week_the_year_and_the_trend_show(tenant: DemoTenant) -> None:
    sessions = sum_by_day(generate_cached_history(tenant)["ga4_daily"], "sessions")
    weekdays = mean(count for day, count in sessions.items() if day.weekday() < 5)
    weekends = mean(count for day, count in sessions.items() if day.weekday() >= 5)
    assert 0.75 < weekends / weekdays < 0.95
    revenue = sum_by_day(generate_cached_history(tenant)["ga4_daily"], "revenue")
    peak = mean(revenue[day] for day in (date(2024, 11, 29), date(2024, 12, 2)) if day in revenue)
    assert peak > 1.2 * mean(revenue.values())
    half = FIRST + timedelta(days=365)
    before = mean(count for day, count in sessions.items() if day < half)
    after = mean(count for day, count in sessions.items() if day >= half)
    assert 1.05 < after / before < 1.25


def test_days_are_missing_inside_and_at_the_edges() -> None:
    for tenant in CONNECTED:
        for table in ("ga4_daily", "meta_ads_daily", "ig_account_daily"):
            days_of = defaultdict(set)
            for row in generate_cached_history(tenant)[table]:
                days_of[row[KEYS[table][2]]].add(row["date"])
            for account, days in days_of.items():
                inside = (max(days) - min(days)).days + 1
                assert 1 <= inside - len(days) <= 20, (account, table)
    days = {row["date"] for row in generate_cached_history(EVERYTHING)["ig_account_daily"]}
    assert (min(days), max(days)) == (FIRST + timedelta(days=3), UNTIL - timedelta(days=1))
    days = {row["date"] for row in generate_cached_history(EVERYTHING)["meta_ads_daily"]}
    assert (min(days), max(days)) == (FIRST + timedelta(days=2), UNTIL)


@pytest.mark.parametrize("until", [date(2024, 3, 1), UNTIL, date(2026, 11, 22), date(2028, 2, 29)])
@pytest.mark.parametrize("tenant", [EVERYTHING, TWO_CURRENCIES], ids=lambda tenant: tenant.name)
def test_spend_and_sessions_go_together_but_not_perfectly(tenant: DemoTenant, until: date) -> None:
    spend = sum_by_day(generate_cached_history(tenant, until)["meta_ads_daily"], "spend")
    sessions = sum_by_day(generate_cached_history(tenant, until)["ga4_daily"], "sessions")
    days = sorted(spend.keys() & sessions.keys())
    for window in (days, days[-365:]):
        r = correlation([spend[day] for day in window], [sessions[day] for day in window])
        assert 0.5 < r < 0.8


def test_paid_social_sessions_follow_the_clicks() -> None:
    found = generate_cached_history(EVERYTHING)
    clicks = sum_by_day(found["meta_ads_daily"], "clicks")
    paid = {row["date"]: row["sessions"] for row in found["ga4_channels_daily"] if row["channel"] == "Paid Social"}
    days = sorted(clicks.keys() & paid.keys())
    assert correlation([clicks[day] for day in days], [paid[day] for day in days]) > 0.9
    assert all(0.6 < paid[day] / clicks[day] < 1.1 for day in days)
    # A day on which nothing was delivered has no paid social sessions either.
    delivered = {day for day in paid if day >= FIRST + timedelta(days=2)}
    assert delivered <= clicks.keys()
    assert "Paid Social" not in {row["channel"] for row in generate_cached_history(GA4_ONLY)["ga4_channels_daily"]}


def test_ten_posts_in_any_four_weeks() -> None:
    posted = [row["posted_on"] for row in generate_cached_history(EVERYTHING)["ig_media"]]
    for start in range(0, DAYS - 28, 7):
        first = FIRST + timedelta(days=start)
        assert sum(first <= day < first + timedelta(days=28) for day in posted) >= 10


@pytest.mark.parametrize("days", [1, 2, 5])
def test_a_few_days_are_a_history_too(days: int) -> None:
    found = generate_cached_history(EVERYTHING, UNTIL, days)
    assert len(found["ga4_daily"]) == days
    assert found.keys() == KEYS.keys()


def test_no_days_are_refused() -> None:
    with pytest.raises(ValueError, match="days must be at least 1, not 0"):
        generate_history(EVERYTHING, until=UNTIL, days=0)
