"""Instagram: days and media against the profile's own, what is never deleted, what a kind lacks, and failures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from demo.providers.accounts import Profile
from demo.providers.graph.instagram import InstagramStandIn
from engine.calendar import Window
from sync.errors import NeedsReauth, NotPermitted, ProviderError, Throttled, Unreachable, Unreadable
from sync.providers.graph_version import GRAPH_VERSION
from sync.providers.instagram_days import format_midnight
from sync.providers.registry import Applications
from tests.conftest import TENANT
from tests.support.providers import faults, graph_faults
from tests.support.providers.faults import CallFault, clear_faults, plant_fault
from tests.support.sync.instagram_profile import (
    DAYS,
    INSIGHTS,
    MEDIA,
    PROFILE,
    make_audience,
    make_expected_day,
    make_expected_post,
    make_profile,
)
from tests.support.sync.recording_sink import (
    HISTORY,
    NOW,
    TABLES,
    RecordingSink,
    make_world,
    subtract_days,
    sync_account,
)

pytestmark = pytest.mark.server


def test_the_rows_are_the_profiles(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(DAYS) == [
        make_expected_day(subtract_days(age), None if age else 2100) for age in reversed(range(HISTORY))
    ]
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY))]
    assert desk.fractions == [0.25, 0.5, 0.75, 1]
    assert desk.skipped == []
    assert instagram.calls.leaks == []
    # A profile, a list, two windows of reach, and a call for each day and medium.
    assert len(instagram.calls) == 1 + 1 + 2 + 2 * HISTORY


def test_the_same_again_changes_no_row(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, instagram, credentials)
    before = desk.read_sorted_rows(DAYS), desk.read_sorted_rows(MEDIA)
    instagram.calls.clear()
    desk.windows.clear()
    sync_account(desk, instagram, credentials)
    assert (desk.read_sorted_rows(DAYS), desk.read_sorted_rows(MEDIA)) == before
    assert desk.windows == [
        (DAYS, Window(subtract_days(2), subtract_days(0))),
        (MEDIA, Window(subtract_days(29), subtract_days(0))),
    ]
    assert len(instagram.calls) == 1 + 1 + 1 + 3 + 30


def test_days_that_are_answered_late_are_no_reason_to_delete(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    sync_account(desk, instagram, credentials)
    before = desk.read_sorted_rows(DAYS)
    profile.days.clear()
    profile.days[subtract_days(1)] = {"reach": 7}
    sync_account(desk, instagram, credentials)
    after = desk.read_sorted_rows(DAYS)
    assert after == [*before[:-2], before[-2] | {"reach": 7}, before[-1]]


def test_followers_stand_on_yesterday_and_stay_there(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    sync_account(desk, instagram, credentials)
    for day in (1, 2):
        desk.clock = NOW + timedelta(days=day)
        instagram.world.clock = lambda: desk.clock
        profile.followers = 2100 + day
        sync_account(desk, instagram, credentials)
    assert [(row["date"], row["followers"]) for row in desk.read_sorted_rows(DAYS)[-4:]] == [
        (subtract_days(1), None),
        (subtract_days(0), 2100),
        (subtract_days(-1), 2101),
        (subtract_days(-2), 2102),
    ]
    assert desk.options == {}


def test_followers_of_a_day_of_which_nothing_else_is_known_wait_for_it(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    late = profile.days.pop(subtract_days(0))
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(DAYS)[-1]["date"] == subtract_days(1)
    assert desk.options == {"followers": {subtract_days(0).isoformat(): 2100}}
    profile.days[subtract_days(0)] = late
    profile.followers = 2111
    desk.clock = NOW + timedelta(days=1)
    instagram.world.clock = lambda: desk.clock
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(DAYS)[-2:] == [
        make_expected_day(subtract_days(0), 2100),
        make_expected_day(subtract_days(-1), 2111),
    ]
    assert desk.options == {"followers": {}}


def test_what_an_account_lacks_is_remembered_too(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    refused = graph_faults.fail_call(100)
    plant_fault(instagram, refused, path=PROFILE, when=lambda request: "views" in request.query.get("metric", ""))
    sync_account(desk, instagram, credentials, history=3)
    assert desk.options["unsupported"]["account"] == ["views"]
    assert desk.read_sorted_rows(DAYS)[-1] == make_expected_day(subtract_days(0), 2100) | {"views": None}


def test_options_that_somebody_else_wrote_do_no_harm(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    desk.options.update(unsupported=["reach"], followers="many", time_zone="Mars/Olympus")
    sync_account(desk, instagram, credentials, history=2)
    assert desk.read_sorted_rows(DAYS) == [
        make_expected_day(subtract_days(1)),
        make_expected_day(subtract_days(0), 2100),
    ]
    assert len(desk.read_sorted_rows(MEDIA)) == 2


def test_a_day_of_a_clock_change_is_one_day(credentials: dict[str, Any], desk: RecordingSink) -> None:
    # Summer time ends on 1 November 2026, a day of 25 hours.
    now = datetime(2026, 11, 20, 18, tzinfo=UTC)
    days = [date(2026, 10, 1) + timedelta(days=step) for step in range(50)]
    world = make_world(now)
    world.add_accounts(Profile(PROFILE, days={day: make_audience(day) for day in days}))
    desk.clock = now
    with InstagramStandIn(world) as instagram:
        sync_account(desk, instagram, {"access_token": world.instagram.issue(PROFILE)}, history=50)
    assert desk.read_sorted_rows(DAYS) == [make_expected_day(day, 1000 if day == days[-1] else None) for day in days]
    assert int(format_midnight(date(2026, 11, 2))) - int(format_midnight(date(2026, 11, 1))) == 25 * 3600


def test_a_token_of_a_week_is_refreshed(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, instagram, credentials, history=1, age=timedelta(days=6))
    assert desk.renewed == []
    plant_fault(instagram, graph_faults.refuse_token(), token=credentials["access_token"], path=PROFILE)
    sync_account(desk, instagram, credentials, history=1, age=timedelta(days=8))
    (renewed,) = desk.renewed
    assert renewed["access_token"] != credentials["access_token"]
    assert len(instagram.calls.filter_calls(path="/refresh_access_token")) == 1


def test_a_token_that_cannot_be_refreshed_serves_on_unless_it_is_dead(
    instagram: InstagramStandIn, desk: RecordingSink
) -> None:
    # Younger than a day, whatever the connection says.
    young = instagram.world.instagram.issue(PROFILE, age=timedelta(hours=2))
    sync_account(desk, instagram, {"access_token": young}, history=1, age=timedelta(days=8))
    assert desk.renewed == []
    assert len(desk.read_sorted_rows(DAYS)) == 1
    expired = instagram.world.instagram.issue(PROFILE, age=timedelta(days=61))
    with pytest.raises(NeedsReauth, match="connect the account again"):
        sync_account(desk, instagram, {"access_token": expired}, history=1, age=timedelta(days=8))


@pytest.mark.parametrize("is_facebook", [False, True])
def test_host_and_renewal_follow_the_kind_of_login(desk: RecordingSink, is_facebook: bool) -> None:
    world = make_world()
    world.add_accounts(make_profile())
    with InstagramStandIn(world) as instagram, InstagramStandIn(world, is_facebook=True) as facebook:
        asked, other = (facebook, instagram) if is_facebook else (instagram, facebook)
        token = asked.tokens.issue(PROFILE, age=timedelta(days=8))
        sync_account(desk, instagram, {"access_token": token}, history=2, age=timedelta(days=8), facebook=facebook)
        assert len(other.calls) == 0
        assert [renewed["access_token"][:2] for renewed in desk.renewed] == ["EA" if is_facebook else "IG"]
        # Every call names the version; only Instagram's own renewal is documented without one.
        renewal = f"/{GRAPH_VERSION}/oauth/access_token" if is_facebook else "/refresh_access_token"
        assert [call.path for call in asked.calls if not call.path.startswith(f"/{GRAPH_VERSION}/1")] == [renewal]
        assert asked.calls.leaks == []
    assert len(desk.read_sorted_rows(DAYS)) == 2


def test_a_token_of_facebooks_login_is_not_exchanged_without_an_application(desk: RecordingSink) -> None:
    world = make_world()
    world.add_accounts(make_profile())
    with InstagramStandIn(world, is_facebook=True) as facebook:
        token = world.meta.issue(PROFILE, age=timedelta(days=8))
        sync_account(
            desk, facebook, {"access_token": token}, history=1, age=timedelta(days=8), applications=Applications()
        )
    assert desk.renewed == []


def test_a_token_that_no_header_can_hold_is_dead(instagram: InstagramStandIn, desk: RecordingSink) -> None:
    for token in ("", "a\nb", "ключ", 7, None):
        with pytest.raises(NeedsReauth):
            sync_account(desk, instagram, {"access_token": token})
    assert len(instagram.calls) == 0


# A medium may fail for itself: the account does once three of them have, and none was read.
INSTAGRAM_FAILURES: list[tuple[str, CallFault, str, type[ProviderError], str, int]] = [
    ("token", graph_faults.refuse_token(), INSIGHTS, NeedsReauth, "connect the account again", 1),
    ("permission", graph_faults.forbid_account(10), f"{PROFILE}/insights", NotPermitted, "allow", 1),
    ("permission of a medium", graph_faults.forbid_account(200), "1789", NotPermitted, "allow", 3),
    ("gone", graph_faults.remove_object(), f"{PROFILE}/media", NotPermitted, "knows no such account", 1),
    ("transient", graph_faults.fail_transiently(), f"{PROFILE}/insights", Unreachable, "fault of its own", 3),
    ("transient of a medium", graph_faults.fail_transiently(), "1789", Unreachable, "fault of its own", 9),
    ("unavailable", graph_faults.fail_gateway(), "/media", Unreachable, "fault of its own", 3),
    ("cut off", faults.cut_off_body(), "/media", Unreachable, "does not answer", 3),
    ("reset", faults.reset_connection(), "1789", Unreachable, "does not answer", 9),
    ("bad question", graph_faults.fail_call(100), "/media", Unreadable, "does not understand", 1),
    ("unknown code", graph_faults.fail_call(999), "1789", Unreadable, "does not understand", 3),
    ("page", faults.send_html(), "/media", Unreadable, "web page instead of data", 1),
    ("page on 404", faults.send_html(404), "1789", Unreadable, "web page instead of data", 3),
    ("truncated", faults.truncate_json(), "/media", Unreadable, "breaks off", 1),
    ("another object", faults.send_json({"ok": True}), "/media", Unreadable, "without a list of 'data'", 1),
    ("nulls", graph_faults.null_values(), f"{PROFILE}/insights", Unreadable, "without a number", 1),
    ("nulls of media", graph_faults.null_values(), "1789", Unreadable, "without a number", 3),
    ("nulls in the list", graph_faults.null_values(), "/media", Unreadable, "without a", 1),
    (
        "negative",
        graph_faults.replace_field("values", [{"value": -1, "end_time": "2026-03-13T07:00:00+0000"}]),
        f"{PROFILE}/insights",
        Unreadable,
        "with a negative 'reach'",
        1,
    ),
    ("words", graph_faults.replace_numbers_with_words(), f"{PROFILE}/insights", Unreadable, "without a number", 1),
    ("no timestamp", graph_faults.drop_field("timestamp"), "/media", Unreadable, "'timestamp'", 1),
]


@pytest.mark.parametrize(
    ("fault", "path", "kind", "words", "calls"),
    [each[1:] for each in INSTAGRAM_FAILURES],
    ids=[each[0] for each in INSTAGRAM_FAILURES],
)
def test_a_failure_is_of_its_class_and_changes_nothing_of_its_table(
    instagram: InstagramStandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    profile: Profile,
    fault: CallFault,
    path: str,
    kind: type[ProviderError],
    words: str,
    calls: int,
) -> None:
    sync_account(desk, instagram, credentials)
    before = desk.read_sorted_rows(DAYS), desk.read_sorted_rows(MEDIA)
    instagram.calls.clear()
    for post in profile.posts:
        post.like_count = 1
    plant_fault(instagram, fault, path=path)
    with pytest.raises(kind, match=words) as failure:
        sync_account(desk, instagram, credentials)
    assert "://" not in str(failure.value)
    assert "(#" not in str(failure.value)
    assert len(instagram.calls.filter_calls(path=path)) == calls
    assert (desk.read_sorted_rows(DAYS), desk.read_sorted_rows(MEDIA)) == before


def test_days_that_are_late_do_not_count_as_read(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    def read_through() -> date | None:
        cursor = desk.warehouse.get_cursor(TABLES[DAYS], TENANT, PROFILE)
        return None if cursor is None else cursor.end

    for age in range(3):
        del profile.days[subtract_days(age)]
    sync_account(desk, instagram, credentials)
    # Two days may still come; the third is over for so long that nothing will.
    assert read_through() == subtract_days(2)
    profile.days[subtract_days(1)] = make_audience(subtract_days(1))
    sync_account(desk, instagram, credentials)
    assert read_through() == subtract_days(1)
    profile.days[subtract_days(0)] = make_audience(subtract_days(0))
    profile.days[subtract_days(2)] = make_audience(subtract_days(2))
    sync_account(desk, instagram, credentials)
    assert read_through() == subtract_days(0)
    assert desk.read_sorted_rows(DAYS) == [
        make_expected_day(subtract_days(age), None if age else 2100) for age in reversed(range(HISTORY))
    ]


def test_a_limit_is_waited_for(instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    plant_fault(instagram, graph_faults.throttle_calls(80002, minutes=2, account=PROFILE), path=INSIGHTS, times=1)
    (nap,) = sync_account(desk, instagram, credentials, history=3).seconds
    assert 120 <= nap < 121
    assert len(desk.read_sorted_rows(DAYS)) == 3
    plant_fault(instagram, graph_faults.throttle_calls(80002, minutes=50, account=PROFILE), path=INSIGHTS)
    with pytest.raises(Throttled, match="for about 50 minutes"):
        sync_account(desk, instagram, credentials, history=3)


def test_a_history_that_a_limit_breaks_off_goes_on(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    # After the newest window of days and media, in the second one's days.
    plant_fault(instagram, graph_faults.throttle_calls(80002, minutes=50), path=f"{PROFILE}/insights", skip=30)
    with pytest.raises(Throttled):
        sync_account(desk, instagram, credentials)
    assert [row["date"] for row in desk.read_sorted_rows(DAYS)] == [subtract_days(age) for age in reversed(range(28))]
    assert len(desk.read_sorted_rows(MEDIA)) == 31
    clear_faults(instagram)
    instagram.calls.clear()
    sync_account(desk, instagram, credentials)
    assert len(desk.read_sorted_rows(DAYS)) == len(desk.read_sorted_rows(MEDIA)) == HISTORY
    assert len(instagram.calls.filter_calls(path=f"{PROFILE}/insights")) == 1 + 3 + 1 + 12
