"""GA4: the rows against the property's own, pages, time zones, tokens, and what each failure means."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.providers.accounts import Property
from demo.providers.google import google_errors
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.wire import StandInRequest, StandInResponse
from engine.calendar import Window
from sync.errors import NeedsReauth, NotPermitted, ProviderError, Throttled, Unreachable, Unreadable
from sync.providers.registry import Applications
from tests.support.providers import faults, google_faults
from tests.support.providers.faults import CallFault, clear_faults, plant_fault
from tests.support.sync.recording_sink import HISTORY, RecordingSink, make_world, open_sink, subtract_days, sync_account

pytestmark = pytest.mark.server

PROPERTY = "318204557"
REPORT = ":runReport"
CHANNELS = ("Direct", "Email", "Organic Search")


def make_visits(day: date, share: int = 1) -> dict[str, float]:
    sessions = 100 + day.day * share
    return {
        "activeUsers": sessions - 10,
        "newUsers": sessions - 60,
        "sessions": sessions,
        "engagedSessions": sessions - 40,
        "keyEvents": 9.5,
        # Seven of the sessions converted.
        "sessionKeyEventRate": 7 / sessions,
        "totalRevenue": round(sessions * 1.37, 2),
    }


def make_property(zone: str = "America/Los_Angeles") -> Property:
    """A property with days enough for a first sync, and a few more at either end."""
    days = [subtract_days(age) for age in range(-3, HISTORY + 3)]
    return Property(
        PROPERTY,
        zone=zone,
        currency="EUR",
        days={day: make_visits(day) for day in days},
        channels={(day, name): make_visits(day, share) for day in days for share, name in enumerate(CHANNELS, 1)},
        pages={(day, f"/{number}"): make_visits(day, number) for day in days for number in range(2)},
    )


@pytest.fixture
def google() -> Iterator[GA4StandIn]:
    world = make_world()
    world.add_accounts(make_property())
    with GA4StandIn(world) as stand_in:
        yield stand_in


@pytest.fixture
def credentials(google: GA4StandIn) -> dict[str, Any]:
    return {"refresh_token": google.world.google.issue(PROPERTY)}


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[RecordingSink]:
    with open_sink(sqlite_url, "ga4", PROPERTY) as desk:
        yield desk


def read_tables(desk: RecordingSink) -> dict[str, list[dict[str, Any]]]:
    return {name: desk.read_sorted_rows(name) for name in desk.tables}


def test_the_rows_are_the_propertys(google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    sync_account(desk, google, credentials)
    days = [subtract_days(age) for age in reversed(range(HISTORY))]
    assert desk.read_sorted_rows("ga4_daily") == [
        {
            "date": day,
            "users": 90 + day.day,
            "new_users": 40 + day.day,
            "sessions": 100 + day.day,
            "engaged_sessions": 60 + day.day,
            "conversions": 9.5,
            "converting_sessions": 7.0,
            "revenue": pytest.approx((100 + day.day) * 1.37, abs=0.005),
            "currency": "EUR",
        }
        for day in days
    ]
    assert desk.read_sorted_rows("ga4_channels_daily") == [
        {
            "date": day,
            "channel": name,
            "users": 90 + day.day * share,
            "sessions": 100 + day.day * share,
            "engaged_sessions": 60 + day.day * share,
            "conversions": 9.5,
            "revenue": pytest.approx((100 + day.day * share) * 1.37, abs=0.005),
            "currency": "EUR",
        }
        for day in days
        for share, name in enumerate(CHANNELS, 1)
    ]
    assert [
        (row["date"], row["landing_page"], row["sessions"]) for row in desk.read_sorted_rows("ga4_landing_pages_daily")
    ] == [(day, f"/{number}", 100 + day.day * number) for day in days for number in range(2)]
    assert desk.fractions == sorted(desk.fractions)
    assert desk.fractions[-1] == 1
    assert google.calls.leaks == []
    assert len(google.calls.filter_calls(path="/token")) == 1


def test_the_next_day_asks_for_three_days_again_and_on_a_monday_for_thirty(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, google, credentials)
    for day, first in ((14, date(2026, 3, 10)), (15, date(2026, 3, 11)), (16, date(2026, 2, 13))):
        desk.clock = datetime(2026, 3, day, 17, tzinfo=UTC)
        desk.windows.clear()
        sync_account(desk, google, credentials)
        assert set(desk.windows) == {(name, Window(first, date(2026, 3, day - 1))) for name in desk.tables}


def test_the_same_again_changes_no_row(google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    sync_account(desk, google, credentials)
    before = read_tables(desk)
    sync_account(desk, google, credentials)
    assert read_tables(desk) == before


def test_the_table_has_the_propertys_last_word(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, google, credentials)
    account = google.world.properties[PROPERTY]
    account.days[subtract_days(0)] = make_visits(subtract_days(0), share=9)
    del account.days[subtract_days(1)]
    del account.channels[subtract_days(2), "Email"]
    account.pages[subtract_days(2), "/new"] = make_visits(subtract_days(2))
    sync_account(desk, google, credentials)
    assert desk.read_sorted_rows("ga4_daily")[-1]["sessions"] == 100 + 9 * subtract_days(0).day
    assert subtract_days(1) not in [row["date"] for row in desk.read_sorted_rows("ga4_daily")]
    assert len(desk.read_sorted_rows("ga4_daily")) == HISTORY - 1
    channels = [
        row["channel"] for row in desk.read_sorted_rows("ga4_channels_daily") if row["date"] == subtract_days(2)
    ]
    assert channels == ["Direct", "Organic Search"]
    assert [
        row["landing_page"]
        for row in desk.read_sorted_rows("ga4_landing_pages_daily")
        if row["date"] == subtract_days(2)
    ] == [
        "/0",
        "/1",
        "/new",
    ]


def test_every_page_is_read(google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    account = google.world.properties[PROPERTY]
    account.pages = {
        (subtract_days(age), f"/{number:05}"): make_visits(subtract_days(age))
        for age in range(3)
        for number in range(3400)
    }
    sync_account(desk, google, credentials, history=3)
    assert len(desk.read_sorted_rows("ga4_landing_pages_daily")) == 10_200
    pages = [
        call.body
        for call in google.calls.filter_calls(path=REPORT)
        if {"name": "landingPage"} in call.body["dimensions"]
    ]
    assert [(body["limit"], body["offset"]) for body in pages] == [
        ("10000", "0"),
        ("10000", "10000"),
    ]


def test_shorter_pages_than_asked_for_lose_nothing(credentials: dict[str, Any], desk: RecordingSink) -> None:
    world = make_world()
    world.add_accounts(make_property())
    with GA4StandIn(world, most_rows=7) as google:
        sync_account(desk, google, {"refresh_token": world.google.issue(PROPERTY)})
    assert len(desk.read_sorted_rows("ga4_channels_daily")) == 3 * HISTORY


def test_a_row_without_a_date_is_counted_and_left_out(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    google.world.properties[PROPERTY].other = make_visits(subtract_days(0))
    sync_account(desk, google, credentials, history=5)
    assert len(desk.read_sorted_rows("ga4_daily")) == 5
    assert desk.skipped == [(1, f"rows without a date ({name})") for name in desk.tables]


def test_a_row_of_today_is_counted_and_left_out(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    def longer(report: dict[str, Any]) -> dict[str, Any]:
        today = copy.deepcopy(report["rows"][0])
        today["dimensionValues"][0]["value"] = f"{subtract_days(-1):%Y%m%d}"
        return {**report, "rows": [*report["rows"], today], "rowCount": report["rowCount"] + 1}

    plant_fault(google, faults.change_json("longer", longer), path=REPORT)
    sync_account(desk, google, credentials, history=5)
    assert [row["date"] for row in desk.read_sorted_rows("ga4_daily")] == [
        subtract_days(age) for age in reversed(range(5))
    ]
    assert desk.skipped == [(1, f"rows of days that were not asked for ({name})") for name in desk.tables]


def test_rows_whose_members_differ_in_what_no_database_takes_are_added_up(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    visits = make_visits(subtract_days(0))
    google.world.properties[PROPERTY].pages = {(subtract_days(0), "/a"): visits, (subtract_days(0), "/a\0"): visits}
    sync_account(desk, google, credentials, history=2)
    (row,) = desk.read_sorted_rows("ga4_landing_pages_daily")
    assert (row["landing_page"], row["sessions"], row["conversions"]) == ("/a", 2 * visits["sessions"], 19)
    assert len(google.calls.filter_calls(path=REPORT)) == len(desk.tables)


def test_values_are_read_by_their_headers_and_new_fields_ignored(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink, tmp_path: Path
) -> None:
    sync_account(desk, google, credentials)
    for fault in (google_faults.reverse_columns(), faults.add_extra_fields()):
        plant_fault(google, fault, path=REPORT)
        with open_sink(f"sqlite:///{tmp_path}/other.db", "ga4", PROPERTY) as other:
            sync_account(other, google, credentials)
            assert read_tables(other) == read_tables(desk)
        clear_faults(google)


def test_a_property_without_rows_is_up_to_date(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    google.world.add_accounts(Property(PROPERTY))
    sync_account(desk, google, credentials)
    assert not any(read_tables(desk).values())
    assert desk.fractions[-1] == 1


def test_only_the_tables_of_the_installation_are_asked_for(
    google: GA4StandIn, credentials: dict[str, Any], sqlite_url: str
) -> None:
    with open_sink(sqlite_url, "ga4", PROPERTY, tables=["ga4_daily"]) as desk:
        sync_account(desk, google, credentials)
        assert len(google.calls.filter_calls(path=REPORT)) == 1
        assert len(desk.read_sorted_rows("ga4_daily")) == HISTORY


# At 17:00 UTC it is the 13th nearly everywhere, and in Auckland the 14th; at 09:00 UTC in Honolulu still the 12th.
@pytest.mark.parametrize(
    ("zone", "now", "yesterday"),
    [
        ("America/Los_Angeles", datetime(2026, 3, 13, 17, tzinfo=UTC), date(2026, 3, 12)),
        ("Pacific/Auckland", datetime(2026, 3, 13, 17, tzinfo=UTC), date(2026, 3, 13)),
        ("Pacific/Honolulu", datetime(2026, 3, 13, 9, tzinfo=UTC), date(2026, 3, 11)),
        ("Europe/Berlin", datetime(2026, 3, 13, 17, tzinfo=UTC), date(2026, 3, 12)),
    ],
)
def test_each_zone_has_its_own_yesterday(
    google: GA4StandIn, desk: RecordingSink, zone: str, now: datetime, yesterday: date
) -> None:
    google.world.clock = lambda: now
    google.world.add_accounts(make_property(zone))
    desk.clock = now
    credentials = {"refresh_token": google.world.google.issue(PROPERTY)}
    for _ in range(2):
        sync_account(desk, google, credentials)
        for table in desk.tables:
            days = {row["date"] for row in desk.read_sorted_rows(table)}
            assert (min(days), max(days)) == (yesterday - timedelta(days=HISTORY - 1), yesterday)
        google.calls.clear()
    assert desk.options == ({} if zone == "America/Los_Angeles" else {"time_zone": zone})


def test_a_zone_once_known_is_not_learnt_again(google: GA4StandIn, desk: RecordingSink) -> None:
    google.world.add_accounts(make_property("Pacific/Auckland"))
    credentials = {"refresh_token": google.world.google.issue(PROPERTY)}
    sync_account(desk, google, credentials)
    google.calls.clear()
    sync_account(desk, google, credentials)
    assert len(google.calls.filter_calls(path=REPORT)) == len(desk.tables)


def test_a_service_account_signs_for_itself(google: GA4StandIn, desk: RecordingSink) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    google.world.google.allow("reader@example.iam.gserviceaccount.com", public.decode(), PROPERTY)
    service_account = {
        "type": "service_account",
        "client_email": "reader@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": private.decode(),
        # Somebody else's address, to which no assertion may go.
        "token_uri": "http://127.0.0.1:1/token",
    }
    sync_account(desk, google, {"service_account": service_account}, applications=Applications())
    assert len(desk.read_sorted_rows("ga4_daily")) == HISTORY
    with pytest.raises(NeedsReauth, match="key cannot be used"):
        sync_account(desk, google, {"service_account": {**service_account, "private_key": "-----BEGIN"}})
    google.world.google.service_accounts.clear()
    with pytest.raises(NeedsReauth, match="connect the account again"):
        sync_account(desk, google, {"service_account": service_account})


def test_an_access_token_that_goes_early_is_replaced_once(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    plant_fault(google, google_faults.refuse_token(), path=REPORT, times=1, skip=1)
    sync_account(desk, google, credentials)
    assert len(google.calls.filter_calls(path="/token")) == 2
    assert len(desk.read_sorted_rows("ga4_daily")) == HISTORY


def test_an_access_token_is_replaced_before_it_expires(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    now = desk.clock

    def later(report: dict[str, Any]) -> dict[str, Any]:
        # Each report takes half an hour.
        desk.clock += timedelta(minutes=30)
        return report

    google.world.clock = lambda: desk.clock
    plant_fault(google, faults.change_json("long", later), path=REPORT)
    sync_account(desk, google, credentials)
    assert desk.clock > now + timedelta(hours=1)
    assert google.calls.filter_calls(status=401) == []
    assert len(google.calls.filter_calls(path="/token")) >= 2


DISABLED = google_faults.deny_for_reason(
    "SERVICE_DISABLED", "Google Analytics Data API has not been used in project 1 before or it is disabled."
)
UNSCOPED = google_faults.deny_for_reason(
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes."
)
GOOGLE_FAILURES: list[tuple[str, CallFault, str, type[ProviderError], str, int]] = [
    ("refused token", google_faults.refuse_token(), REPORT, NeedsReauth, "connect the account again", 2),
    ("dead refresh token", google_faults.refuse_grant(), "/token", NeedsReauth, "connect the account again", 1),
    ("unknown client", google_faults.refuse_client(), "/token", NotPermitted, "GOOGLE_CLIENT_ID", 1),
    ("forbidden", google_faults.deny_permission(), REPORT, NotPermitted, "Viewer", 1),
    ("API disabled", DISABLED, REPORT, NotPermitted, "has to enable the Google Analytics Data API", 1),
    # With another access token it is tried once more.
    ("no scope", UNSCOPED, REPORT, NeedsReauth, "connect the account again and allow it", 2),
    ("bad question", google_faults.refuse_argument(), REPORT, Unreadable, "does not understand", 1),
    ("server error", google_faults.fail_server(500), REPORT, Unreachable, "fault of its own", 3),
    ("unavailable", google_faults.fail_server(503), REPORT, Unreachable, "fault of its own", 3),
    ("unavailable token", google_faults.fail_server(503), "/token", Unreachable, "fault of its own", 3),
    ("page on 502", faults.send_html(502), REPORT, Unreachable, "fault of its own", 3),
    ("reset", faults.reset_connection(), REPORT, Unreachable, "does not answer", 3),
    ("cut off", faults.cut_off_body(), REPORT, Unreachable, "does not answer", 3),
    ("page", faults.send_html(), REPORT, Unreadable, "web page instead of data", 1),
    ("page on 403", faults.send_html(403), REPORT, Unreadable, "web page instead of data", 1),
    ("truncated", faults.truncate_json(), REPORT, Unreadable, "breaks off", 1),
    ("empty", faults.send_empty(), REPORT, Unreadable, "breaks off", 1),
    ("a list", faults.send_json([1]), REPORT, Unreadable, "another form", 1),
    ("another object", faults.send_json({"ok": True}), REPORT, Unreadable, "timeZone", 1),
    ("a page of the token's", faults.send_html(), "/token", Unreadable, "web page instead of data", 1),
    ("no token", faults.send_json({"expires_in": 1}), "/token", NeedsReauth, "connect the account", 1),
    ("no sessions", google_faults.drop_column("sessions"), REPORT, Unreadable, "without the column 'sessions'", 1),
    ("no date", google_faults.drop_column("date"), REPORT, Unreadable, "without the column 'date'", 1),
    ("no headers", faults.drop_member("metricHeaders"), REPORT, Unreadable, "without the column", 1),
    ("no metadata", faults.drop_member("metadata"), REPORT, Unreadable, "timeZone", 1),
    ("short rows", google_faults.shorten_rows(), REPORT, Unreadable, "without a value", 1),
    ("nulls", google_faults.null_metrics(), REPORT, Unreadable, "without a value", 1),
    ("negative", google_faults.replace_metric("sessions", "-1"), REPORT, Unreadable, "with a negative 'sessions'", 1),
    ("negative events", google_faults.replace_metric("keyEvents", "-0.5"), REPORT, Unreadable, "negative 'keyEv", 1),
    ("long currency", google_faults.replace_currency("X" * 400), REPORT, Unreadable, "without a currency", 1),
    ("odd currency", google_faults.replace_currency("eu\u200b"), REPORT, Unreadable, "without a currency", 1),
    ("words", google_faults.replace_metrics_with_words(), REPORT, Unreadable, "without a number", 1),
]


@pytest.mark.parametrize(
    ("fault", "path", "kind", "words", "calls"),
    [each[1:] for each in GOOGLE_FAILURES],
    ids=[each[0] for each in GOOGLE_FAILURES],
)
def test_a_failure_is_of_its_class_and_changes_nothing(
    google: GA4StandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    fault: CallFault,
    path: str,
    kind: type[ProviderError],
    words: str,
    calls: int,
) -> None:
    sync_account(desk, google, credentials)
    before = read_tables(desk)
    google.calls.clear()
    google.world.properties[PROPERTY].days.clear()
    google.world.properties[PROPERTY].days[subtract_days(0)] = make_visits(subtract_days(0), share=5)
    plant_fault(google, fault, path=path)
    with pytest.raises(kind, match=words) as failure:
        sync_account(desk, google, credentials)
    assert type(failure.value) is kind
    assert "://" not in str(failure.value)
    assert len(google.calls.filter_calls(path=path)) == calls
    assert read_tables(desk) == before


def test_a_property_that_may_not_be_read(google: GA4StandIn, desk: RecordingSink) -> None:
    with pytest.raises(NotPermitted, match="Viewer"):
        sync_account(desk, google, {"refresh_token": google.world.google.issue("1")})
    with pytest.raises(NotPermitted, match="GOOGLE_CLIENT_ID"):
        sync_account(desk, google, {"refresh_token": google.world.google.issue("1")}, applications=Applications())


def test_a_failure_half_way_through_the_pages_changes_nothing(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, google, credentials)
    before = read_tables(desk)
    account = google.world.properties[PROPERTY]
    account.days = {day: make_visits(day, share=4) for day in account.days}
    google.most_rows = 2
    # Two pages of days, two of the first window of channels, and not the third.
    plant_fault(google, faults.cut_off_body(), path=REPORT, skip=3)
    with pytest.raises(Unreachable):
        sync_account(desk, google, credentials)
    after = read_tables(desk)
    assert after["ga4_daily"][-1]["sessions"] == 100 + 4 * subtract_days(0).day
    assert after["ga4_channels_daily"] == before["ga4_channels_daily"]
    assert after["ga4_landing_pages_daily"] == before["ga4_landing_pages_daily"]


def test_a_first_sync_that_was_broken_off_goes_on_where_it_stopped(
    google: GA4StandIn, credentials: dict[str, Any], sqlite_url: str
) -> None:
    with open_sink(sqlite_url, "ga4", PROPERTY, tables=["ga4_landing_pages_daily"]) as desk:
        plant_fault(google, faults.reset_connection(), path=REPORT, skip=1)
        with pytest.raises(Unreachable):
            sync_account(desk, google, credentials)
        assert desk.read_sorted_rows("ga4_landing_pages_daily")[0]["date"] == subtract_days(30)
        clear_faults(google)
        sync_account(desk, google, credentials)
        assert len(desk.read_sorted_rows("ga4_landing_pages_daily")) == 2 * HISTORY


def answer_with_hint(request: StandInRequest) -> StandInResponse:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "42s"}]
    return google_errors.build_error(429, "RESOURCE_EXHAUSTED", "Exhausted.", details=details)


def test_a_quota_that_is_used_up_is_waited_for_and_then_left(
    google: GA4StandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    plant_fault(google, google_faults.exhaust_quota(), path=REPORT, times=2)
    naps = sync_account(desk, google, credentials, history=5)
    assert len(naps.seconds) == 2
    assert 10 <= naps.seconds[0] < naps.seconds[1]
    plant_fault(google, CallFault("hinted", answer=answer_with_hint), path=REPORT, times=1)
    naps = sync_account(desk, google, credentials)
    assert 42 <= naps.seconds[0] < 43
    plant_fault(google, google_faults.exhaust_quota(), path=REPORT)
    google.calls.clear()
    with pytest.raises(Throttled, match=r"accepts no more calls for now; the next sync goes on"):
        sync_account(desk, google, credentials)
    # 10, 20, 40 and 80 seconds with their jitter; what comes after is more than the patience.
    assert len(google.calls.filter_calls(path=REPORT)) in (4, 5)
