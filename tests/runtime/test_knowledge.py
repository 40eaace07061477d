"""What a sync has read decides what is known: zero where it read nothing, none where it has not read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.answer.engine import WidgetAnswer
from engine.calendar import Window
from engine.query import parse_metric_query
from engine.slices import Slice
from runtime.services import Services
from tests.support.environment import read_settings
from tests.support.paths import METRICS

USER = "6f1c1f0e-2a57-4f0b-9d53-3a4b9b7d9f10"
TODAY = date(2025, 2, 26)


def restate(services: Services, table: str, account: str, days: Window, rows: list[dict[str, Any]]) -> None:
    declared = services.catalog.tables[table]
    services.warehouse.restate(Slice(declared, USER, account, days), rows)


def connect_account(services: Services, source: str, account: str, *, read_at: datetime) -> None:
    services.state.connections.put(USER, source, account, {"access_token": "x"}, None)
    services.state.connections.mark_succeeded(USER, source, account, read_at)


def query(services: Services, key: str, start: str, end: str, compare: str = "previous_period") -> dict[str, Any]:
    asked = parse_metric_query(today=TODAY, start=start, end=end, compare=compare)
    found = services.query_many([key], asked, user=USER)[key]
    assert isinstance(found, WidgetAnswer)
    return found.body


@pytest.fixture
def services(tmp_path: Path) -> Any:
    key = "kqzCq0P6Yb7dTtYf5c3nq8v3mCkq6l0sJm0b9bqv5xU="
    settings = read_settings(
        {"DATABASE_URL": f"sqlite:///{tmp_path}/all.db", "METRICS_DIR": str(METRICS), "ENCRYPTION_KEY": key}
    )
    with Services.open(settings) as opened:
        yield opened


def test_ads_that_are_paused_cost_nothing(services: Services) -> None:
    """Fifty a day to 28 January, then paused; every day has been read."""
    days = Window(date(2025, 1, 1), date(2025, 2, 25))
    rows = [{"date": day, "campaign_id": "1", "spend": 50, "currency": "USD"} for day in days if day.month == 1][:28]
    restate(services, "meta_ads_daily", "act_1", days, rows)
    connect_account(services, "meta", "act_1", read_at=datetime.now(UTC))
    body = query(services, "meta.spend", "2025-01-29", "2025-02-25")
    assert body["stats"] == {"value": 0, "previous": 1400, "delta": -1, "to_date": None}
    assert {point["v"] for point in body["series"][0]["points"]} == {0}
    assert body["meta"]["data_through"] == "2025-02-25"


def test_without_a_sync_the_days_after_the_newest_row_are_unknown(services: Services) -> None:
    table = services.catalog.tables["meta_ads_daily"]
    services.state.connections.mark_external(USER, "meta", "act_1")
    rows = [
        {"user_id": USER, "account_id": "act_1", "date": date(2025, 1, day), "campaign_id": "1", "spend": 50}
        for day in range(1, 29)
    ]
    services.warehouse.upsert(table, rows)
    body = query(services, "meta.spend", "2025-01-29", "2025-02-25")
    assert body["stats"] == {"value": None, "previous": 1400, "delta": None, "to_date": None}
    assert body["meta"]["data_through"] is None


def test_a_month_that_is_not_over_is_compared_to_date(services: Services) -> None:
    """A hundred sessions every day, read up to the 21st of a month that ends on the 28th."""
    days = Window(date(2025, 1, 1), date(2025, 2, 21))
    restate(services, "ga4_daily", "7", days, [{"date": day, "sessions": 100} for day in days])
    services.state.connections.put(USER, "ga4", "7", {"refresh_token": "x"}, None)
    services.state.connections.mark_succeeded(USER, "ga4", "7", datetime.now(UTC))
    body = query(services, "ga4.sessions", "2025-02-01", "2025-02-28", "previous_month")
    assert body["stats"]["to_date"] == {"through": "2025-02-21", "value": 2100, "previous": 2100, "delta": 0}
    # The whole of January has 31 days.
    assert body["stats"]["previous"] == 3100


def test_the_followers_of_an_account_that_is_a_day_late_still_count(services: Services) -> None:
    whole, short = Window(date(2025, 1, 1), date(2025, 1, 28)), Window(date(2025, 1, 1), date(2025, 1, 27))
    for account, days, followers in (("1", whole, 1_000), ("2", short, 9_000)):
        rows = [{"date": day, "followers": followers} for day in days]
        restate(services, "ig_account_daily", account, days, rows)
        connect_account(services, "instagram", account, read_at=datetime.now(UTC))
    body = query(services, "ig.followers", "2025-01-22", "2025-01-28")
    assert body["stats"]["value"] == 10_000
    assert body["meta"]["data_through"] == "2025-01-27"


def test_an_account_that_has_not_been_read_for_two_weeks_is_told(services: Services) -> None:
    fresh, dead = Window(date(2025, 1, 1), date(2025, 2, 25)), Window(date(2025, 1, 1), date(2025, 2, 11))
    now = datetime.now(UTC)
    for account, days, read_at in (("1", fresh, now), ("2", dead, now - timedelta(days=15))):
        restate(services, "ga4_daily", account, days, [{"date": day, "sessions": 100} for day in days])
        services.state.connections.put(USER, "ga4", account, {"refresh_token": "x"}, None)
        services.state.connections.mark_succeeded(USER, "ga4", account, read_at)
    body = query(services, "ga4.sessions", "2025-01-29", "2025-02-25")
    assert body["meta"]["data_through"] == "2025-02-25"
    assert body["meta"]["notes"] == [
        {"code": "late", "source": "ga4", "account": "2", "from": "2025-02-12", "to": "2025-02-25"}
    ]
    assert body["stats"]["to_date"] == {"through": "2025-02-11", "value": 2800, "previous": 2800, "delta": 0}


def test_an_account_that_is_removed_counts_no_longer_at_once(services: Services) -> None:
    whole, short = Window(date(2025, 1, 1), date(2025, 1, 28)), Window(date(2025, 1, 1), date(2025, 1, 20))
    for account, days in (("act_1", whole), ("act_2", short)):
        rows = [{"date": day, "campaign_id": account, "spend": 1, "currency": "USD"} for day in days]
        restate(services, "meta_ads_daily", account, days, rows)
        connect_account(services, "meta", account, read_at=datetime.now(UTC))
    services.state.tenants.advance_data_version(USER)
    assert query(services, "meta.spend", "2025-01-01", "2025-01-28")["meta"]["data_through"] == "2025-01-20"
    services.state.connections.delete(USER, "meta", "act_2")
    services.state.tenants.advance_data_version(USER)
    meta = query(services, "meta.spend", "2025-01-01", "2025-01-28")["meta"]
    assert meta["data_through"] == "2025-01-28"
    gone = {"code": "disconnected", "source": "meta", "account": "act_2", "from": "2025-01-21", "to": "2025-01-28"}
    assert meta["notes"] == [gone]
    # Windows that have no day of it lack nothing, whether they are before or after its end.
    assert query(services, "meta.spend", "2025-01-01", "2025-01-20")["meta"]["notes"] == []
    assert query(services, "meta.spend", "2025-01-26", "2025-01-28")["meta"]["notes"] == []
    compared = query(services, "meta.spend", "2025-01-24", "2025-01-27", "previous_period")["meta"]["notes"]
    assert compared == [gone | {"from": "2025-01-24", "to": "2025-01-27"}]
