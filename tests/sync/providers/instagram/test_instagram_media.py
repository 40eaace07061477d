"""Instagram's media: what is counted and passed over, what leaves the table, and what a kind lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.providers.accounts import Profile
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.wire import StandInRequest
from tests.conftest import TENANT
from tests.support.providers import faults, graph_faults
from tests.support.providers.faults import CallFault, plant_fault
from tests.support.sync.instagram_profile import (
    DAYS,
    INSIGHTS,
    MEDIA,
    PACIFIC,
    PROFILE,
    make_expected_post,
    make_medium,
)
from tests.support.sync.recording_sink import (
    HISTORY,
    TABLES,
    RecordingSink,
    make_world,
    open_sink,
    subtract_days,
    sync_account,
)

pytestmark = pytest.mark.server


def is_media_request(request: StandInRequest) -> bool:
    return request.path.endswith(INSIGHTS) and PROFILE not in request.path


def test_the_list_of_media_is_read_by_its_cursors_as_far_as_it_is_wanted(desk: RecordingSink) -> None:
    world = make_world()
    world.add_accounts(Profile(PROFILE, posts=[make_medium(age) for age in range(90)]))
    credentials = {"access_token": world.instagram.issue(PROFILE)}
    with InstagramStandIn(world, most_rows=8) as instagram:
        sync_account(desk, instagram, credentials)
        # Five pages of 8 are 40 days; the sixth is older as a whole.
        assert len(instagram.calls.filter_calls(path="/media")) == 6
        assert instagram.calls.leaks == []
    assert [row["posted_on"] for row in desk.read_sorted_rows(MEDIA)] == [
        subtract_days(age) for age in reversed(range(HISTORY))
    ]


def test_an_old_medium_among_the_newest_does_not_end_the_list(desk: RecordingSink) -> None:
    world = make_world()
    world.add_accounts(Profile(PROFILE, posts=[make_medium(age) for age in range(HISTORY)]))

    def pin_old_medium(page: dict[str, Any]) -> dict[str, Any]:
        old = {"id": "178955", "media_type": "IMAGE", "timestamp": "2025-01-01T08:00:00+0000"}
        return {**page, "data": [old, *page["data"]]}

    with InstagramStandIn(world, most_rows=8) as instagram:
        plant_fault(instagram, faults.change_json("pinned", pin_old_medium), path="/media")
        sync_account(desk, instagram, {"access_token": world.instagram.issue(PROFILE)})
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY))]


def test_media_have_the_values_of_their_last_sync_for_thirty_days(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    sync_account(desk, instagram, credentials)
    for post in profile.posts:
        post.insights = {**post.insights, "reach": 5}
        post.like_count = 6
    sync_account(desk, instagram, credentials)
    assert [(row["reach"], row["likes"]) for row in desk.read_sorted_rows(MEDIA)] == [
        *((10 * (1000 + age), 1000 + age) for age in reversed(range(30, HISTORY))),
        *[(5, 6)] * 30,
    ]


@pytest.mark.parametrize("status", [400, 404])
def test_a_deleted_medium_leaves_the_table(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile, status: int
) -> None:
    sync_account(desk, instagram, credentials)
    gone = profile.posts.pop(5)
    if status == 404:
        # In the list still, and gone when it is asked for.
        profile.posts.append(gone)
        plant_fault(instagram, graph_faults.remove_object(404), path=gone.id)
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY)) if age != 5]
    assert desk.skipped == []


def test_an_empty_list_is_no_reason_to_delete(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, instagram, credentials)
    before = desk.read_sorted_rows(MEDIA)
    plant_fault(instagram, graph_faults.empty_data(), path="/media")
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == before


def test_loaded_posts_under_other_ids_give_way_to_the_accounts_own(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    # The same posts, under the ids of some other tool; the first one's digits are none of Instagram's.
    ids = {35: "\u0661\u0662", 5: "reel-05"}
    rows = [make_expected_post(age) | {"media_id": ids[age], "user_id": TENANT, "ig_user_id": PROFILE} for age in ids]
    desk.warehouse.upsert(TABLES[MEDIA], rows)
    plant_fault(instagram, graph_faults.empty_data(), path="/media", times=1)
    sync_account(desk, instagram, credentials, history=10)
    # Nothing came that they would stand beside.
    assert [row["media_id"] for row in desk.read_sorted_rows(MEDIA)] == list(ids.values())
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY))]
    assert desk.skipped == [(1, "loaded posts whose ids are not Instagram's")] * 2


def test_empty_insights_are_no_reason_to_forget(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    profile.posts[0].insights = {}
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA)[-1] == make_expected_post(0) | dict.fromkeys(
        ("saves", "shares", "reach", "views", "interactions")
    )
    before = desk.read_sorted_rows(MEDIA)
    plant_fault(instagram, graph_faults.empty_data(), path=INSIGHTS)
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == before


@pytest.mark.parametrize("fault", [graph_faults.refuse_before_conversion(), graph_faults.refuse_few_viewers()])
def test_a_medium_without_insights_is_counted_and_passed_over(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    plant_fault(instagram, fault, path=make_medium(7).id)
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY)) if age != 7]
    assert desk.skipped == [(1, "posts without insights")]
    assert len(instagram.calls.filter_calls(path=f"{make_medium(7).id}/")) == 1
    # One that the table has already stays in it.
    plant_fault(instagram, fault, path=make_medium(8).id)
    sync_account(desk, instagram, credentials)
    assert make_expected_post(8) in desk.read_sorted_rows(MEDIA)
    assert desk.skipped[1:] == [(2, "posts without insights")]


@pytest.mark.parametrize(
    "fault",
    [
        graph_faults.fail_transiently(1),
        graph_faults.fail_transiently(2),
        graph_faults.fail_call(999),
        graph_faults.forbid_account(200),
        graph_faults.null_values(),
        faults.send_html(),
        faults.truncate_json(),
    ],
)
def test_a_medium_that_fails_for_ever_is_counted_and_the_rest_is_loaded(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    plant_fault(instagram, fault, path=f"{make_medium(0).id}/")
    plant_fault(instagram, fault, path=f"{make_medium(35).id}/")
    sync_account(desk, instagram, credentials)
    assert desk.read_sorted_rows(MEDIA) == [
        make_expected_post(age) for age in reversed(range(HISTORY)) if age not in (0, 35)
    ]
    assert desk.skipped == [(1, "posts without insights"), (1, "posts without insights")]
    assert len(desk.read_sorted_rows(DAYS)) == HISTORY


@pytest.mark.parametrize("field", ["media_type", "timestamp", "id"])
def test_an_entry_of_the_list_that_cannot_be_read_is_counted_and_the_rest_is_loaded(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, field: str
) -> None:
    def drop_from_first(page: dict[str, Any]) -> dict[str, Any]:
        first, *rest = page["data"]
        return {**page, "data": [{name: value for name, value in first.items() if name != field}, *rest]}

    sync_account(desk, instagram, credentials, history=2)
    before = desk.read_sorted_rows(MEDIA)
    plant_fault(instagram, faults.change_json("a field less", drop_from_first), path="/media")
    sync_account(desk, instagram, credentials)
    # One that the table has already stays in it, and is still asked for.
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(age) for age in reversed(range(HISTORY))]
    assert desk.read_sorted_rows(MEDIA)[-2:] == before
    assert desk.skipped == [(1, "posts that cannot be read")]


def test_what_a_kind_lacks_is_learnt_once_and_remembered(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    for post in profile.posts:
        if post.media_product_type == "REELS":
            post.lacks = frozenset({"saved"})
    sync_account(desk, instagram, credentials)
    assert desk.options == {"unsupported": {"REELS VIDEO": ["saved"]}}
    lacking = {"saves": None}
    assert desk.read_sorted_rows(MEDIA) == [
        make_expected_post(age) | (lacking if age % 2 else {}) for age in reversed(range(HISTORY))
    ]
    # The first reel cost a call in vain and one for each metric; the others none more than any medium.
    assert len(instagram.calls.filter_calls(path="1789")) == HISTORY + 5
    instagram.calls.clear()
    sync_account(desk, instagram, credentials)
    assert len(instagram.calls.filter_calls(path="1789")) == 30
    assert desk.skipped == []


def test_a_question_that_no_metric_can_be_asked_is_not_the_metrics_fault(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    plant_fault(instagram, graph_faults.fail_call(100), when=is_media_request)
    sync_account(desk, instagram, credentials, history=3)
    assert desk.read_sorted_rows(MEDIA) == []
    assert desk.skipped == [(3, "posts without insights")]
    assert desk.options == {}


def test_likes_that_are_hidden_are_not_known(
    instagram: InstagramStandIn, credentials: dict[str, Any], desk: RecordingSink, profile: Profile
) -> None:
    profile.posts[0].like_count = None
    sync_account(desk, instagram, credentials, history=2)
    assert desk.read_sorted_rows(MEDIA) == [make_expected_post(1), make_expected_post(0) | {"likes": None}]


@pytest.mark.parametrize(
    ("zone", "now", "last"),
    [
        # 23:30 of the 12th in Los Angeles is the 13th's 19:30 in Auckland, whose 13th is over at 17:00 UTC.
        ("Pacific/Auckland", datetime(2026, 3, 13, 17, tzinfo=UTC), date(2026, 3, 13)),
        ("Pacific/Honolulu", datetime(2026, 3, 13, 9, tzinfo=UTC), date(2026, 3, 11)),
    ],
)
def test_media_lie_on_the_days_of_the_accounts_zone(
    instagram: InstagramStandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    profile: Profile,
    zone: str,
    now: datetime,
    last: date,
) -> None:
    desk.options["time_zone"] = zone
    desk.clock = now
    instagram.world.clock = lambda: now
    profile.posts = [make_medium(age, hour=23) for age in range(HISTORY + 3)]
    sync_account(desk, instagram, credentials)
    wanted = sorted(post.posted_at.astimezone(ZoneInfo(zone)).date() for post in profile.posts)
    assert [row["posted_on"] for row in desk.read_sorted_rows(MEDIA)] == [
        day for day in wanted if last - timedelta(days=HISTORY) < day <= last
    ]
    assert max(row["posted_on"] for row in desk.read_sorted_rows(MEDIA)) == last
    # The account's days are Instagram's, which end in Los Angeles.
    assert desk.read_sorted_rows(DAYS)[-1]["date"] == now.astimezone(PACIFIC).date() - timedelta(days=1)


@pytest.mark.parametrize(("before", "after"), [(None, "Pacific/Auckland"), ("Pacific/Auckland", "Pacific/Honolulu")])
def test_a_changed_zone_moves_the_media_to_their_days(
    instagram: InstagramStandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    profile: Profile,
    sqlite_url: str,
    before: str | None,
    after: str,
) -> None:
    profile.posts = [make_medium(age, hour=23) for age in range(2 * HISTORY)]
    if before is not None:
        desk.options["time_zone"] = before
    sync_account(desk, instagram, credentials, history=HISTORY + 30)
    desk.options["time_zone"] = after
    # The whole history, however short it would be for a first sync.
    sync_account(desk, instagram, credentials, history=10)
    with open_sink(f"{sqlite_url}.other", "instagram", PROFILE, options={"time_zone": after}) as other:
        sync_account(other, instagram, credentials, history=HISTORY + 30)
        wanted = other.read_sorted_rows(MEDIA)
    # At the far end a day more or less was read in the other zone.
    far = min(row["posted_on"] for row in wanted) + timedelta(days=1)
    found = [row for row in desk.read_sorted_rows(MEDIA) if row["posted_on"] > far]
    assert found == [row for row in wanted if row["posted_on"] > far]
    assert len({row["media_id"] for row in desk.read_sorted_rows(MEDIA)}) == len(desk.read_sorted_rows(MEDIA))
