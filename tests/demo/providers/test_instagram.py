"""The Instagram Graph API: profiles, days, media, tokens, and its errors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from demo.providers.accounts import PostedMedium, Profile
from demo.providers.stand_ins import StandIns
from demo.providers.world import ProviderWorld
from tests.demo.providers.conftest import PROFILE, Ask, MovableClock
from tests.support.providers import graph_faults
from tests.support.providers.faults import plant_fault

pytestmark = pytest.mark.server

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def format_midnight(day: date) -> str:
    return str(int(datetime(day.year, day.month, day.day, tzinfo=LOS_ANGELES).timestamp()))


def read_series(answer: httpx.Response, metric: str = "reach") -> dict[str, int]:
    (found,) = (item for item in answer.json()["data"] if item["name"] == metric)
    return {value["end_time"]: value["value"] for value in found["values"]}


def test_a_profile(graph: Ask) -> None:
    for prefix in ("", "v26.0/"):
        answer = graph(f"{prefix}{PROFILE}", fields="followers_count,media_count")
        assert answer.json() == {"followers_count": 1000, "media_count": 10, "id": PROFILE}


def test_a_day_ends_at_midnight_in_los_angeles(graph: Ask) -> None:
    since, until = format_midnight(date(2026, 3, 7)), format_midnight(date(2026, 3, 9))
    answer = graph(f"{PROFILE}/insights", metric="reach", period="day", since=since, until=until)
    # The tenth day ago is the 11th of March: nothing is known of these two.
    assert answer.json() == {"data": []}
    answer = graph(
        f"{PROFILE}/insights",
        metric="reach,follower_count",
        period="day",
        since=format_midnight(date(2026, 3, 18)),
        until=format_midnight(date(2026, 3, 20)),
    )
    assert read_series(answer) == {"2026-03-19T07:00:00+0000": 102, "2026-03-20T07:00:00+0000": 101}
    assert read_series(answer, "follower_count") == {"2026-03-19T07:00:00+0000": 2, "2026-03-20T07:00:00+0000": 1}
    first = answer.json()["data"][0]
    assert (first["period"], first["id"]) == ("day", f"{PROFILE}/insights/reach/day")


def test_both_clock_changes(world: ProviderWorld, graph: Ask, clock: MovableClock) -> None:
    world.profiles[PROFILE].days = {
        day: {"reach": day.day} for day in (date(2026, 3, 7), date(2026, 3, 8), date(2026, 10, 31), date(2026, 11, 1))
    }

    def read_reach(first: date, last: date) -> dict[str, int]:
        return read_series(
            graph(
                f"{PROFILE}/insights",
                metric="reach",
                period="day",
                since=format_midnight(first),
                until=format_midnight(last),
            )
        )

    assert read_reach(date(2026, 3, 7), date(2026, 3, 9)) == {
        "2026-03-08T08:00:00+0000": 7,
        "2026-03-09T07:00:00+0000": 8,
    }
    clock.now = datetime(2026, 11, 5, tzinfo=UTC)
    assert read_reach(date(2026, 10, 31), date(2026, 11, 2)) == {
        "2026-11-01T07:00:00+0000": 31,
        "2026-11-02T08:00:00+0000": 1,
    }


def test_dates_are_midnights_in_los_angeles(graph: Ask) -> None:
    answer = graph(f"{PROFILE}/insights", metric="reach", period="day", since="2026-03-18", until="2026-03-20")
    assert list(read_series(answer)) == ["2026-03-19T07:00:00+0000", "2026-03-20T07:00:00+0000"]


def test_a_total_is_one_number(graph: Ask) -> None:
    answer = graph(
        f"{PROFILE}/insights",
        metric="views,total_interactions",
        metric_type="total_value",
        period="day",
        since=format_midnight(date(2026, 3, 18)),
        until=format_midnight(date(2026, 3, 20)),
    )
    values = {item["name"]: item["total_value"]["value"] for item in answer.json()["data"]}
    assert values == {"views": 302 + 301, "total_interactions": 18}
    assert "values" not in answer.json()["data"][0]


def test_today_is_given_to_whoever_asks(graph: Ask) -> None:
    answer = graph(
        f"{PROFILE}/insights",
        metric="reach",
        period="day",
        since=format_midnight(date(2026, 3, 20)),
        until=format_midnight(date(2026, 3, 21)),
    )
    assert read_series(answer) == {"2026-03-21T07:00:00+0000": 100}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"metric": "reach,impressions"}, "the impressions metric is no longer supported for the queried user"),
        ({"metric": "views"}, "should be specified with parameter metric_type=total_value"),
        ({"metric": "follower_count", "metric_type": "total_value"}, "incompatible with the metric type"),
        ({"metric": "reech"}, "must be one of the following values"),
        ({"metric": ""}, "metric is required"),
        ({"period": "week"}, "period"),
        ({"since": "2026-03-20", "until": "2026-03-18"}, "since"),
        ({"since": "2026-01-20", "until": "2026-03-18"}, "more than 30 days"),
        ({"since": "soon"}, "no unix timestamp"),
        ({"metric": "reach,follower_count", "since": "2026-02-01", "until": "2026-02-03"}, "last 30 days"),
    ],
)
def test_one_wrong_metric_fails_the_whole_call(graph: Ask, more: dict[str, str], words: str) -> None:
    asked = {"metric": "reach", "period": "day", "since": "2026-03-18", "until": "2026-03-20", **more}
    answer = graph(f"{PROFILE}/insights", **asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert words in answer.json()["error"]["message"]


def test_thirty_days_with_a_clock_change_are_an_hour_too_long(graph: Ask, clock: MovableClock) -> None:
    clock.now = datetime(2026, 11, 20, tzinfo=UTC)
    for first, status in ((date(2026, 10, 15), 400), (date(2026, 9, 15), 200)):
        span = {"since": format_midnight(first), "until": format_midnight(first + timedelta(days=30))}
        assert graph(f"{PROFILE}/insights", metric="reach", period="day", **span).status_code == status


def test_followers_a_day_need_a_hundred_followers(world: ProviderWorld, graph: Ask) -> None:
    span = {"period": "day", "since": "2026-03-18", "until": "2026-03-20"}
    world.profiles[PROFILE].followers = 99
    assert graph(f"{PROFILE}/insights", metric="reach,follower_count", **span).status_code == 400
    assert graph(f"{PROFILE}/insights", metric="reach", **span).status_code == 200


def test_media_newest_first_by_pages(graph: Ask) -> None:
    fields = "id,caption,media_type,media_product_type,permalink,timestamp,like_count,comments_count"
    first = graph(f"{PROFILE}/media", fields=fields, limit="6").json()
    assert first["data"][0] == {
        "id": "17800",
        "caption": "Post 0",
        "media_type": "IMAGE",
        "media_product_type": "FEED",
        "permalink": "https://www.instagram.com/p/C/",
        "timestamp": "2026-03-20T09:30:00+0000",
        "like_count": 0,
        "comments_count": 0,
    }
    second = graph(f"{PROFILE}/media", limit="6", after=first["paging"]["cursors"]["after"]).json()
    assert second["data"] == [{"id": f"1780{d}"} for d in range(6, 10)]
    assert "next" not in second["paging"]
    since = graph(f"{PROFILE}/media", since=format_midnight(date(2026, 3, 18))).json()
    assert [item["id"] for item in since["data"]] == ["17800", "17801", "17802"]


def test_what_a_post_does_not_have_is_left_out(world: ProviderWorld, graph: Ask) -> None:
    posts = world.profiles[PROFILE].posts
    posts[0] = replace(posts[0], caption=None, like_count=None)
    fields = {"fields": "caption,like_count,comments_count"}
    assert graph(f"{PROFILE}/media", limit="1", **fields).json()["data"] == [{"comments_count": 0, "id": "17800"}]
    assert graph("17800", **fields).json() == {"comments_count": 0, "id": "17800"}
    assert graph(f"{PROFILE}/media", fields="captain").json()["error"]["code"] == 100


def test_lifetime_values(graph: Ask) -> None:
    content = graph("17801/insights", metric="reach,saved,shares,views,total_interactions").json()
    values = {item["name"]: item["values"][0]["value"] for item in content["data"]}
    assert values == {"reach": 11, "saved": 1, "shares": 2, "views": 21, "total_interactions": 5}
    assert {item["period"] for item in content["data"]} == {"lifetime"}
    assert content["data"][0]["id"] == "17801/insights/reach/lifetime"


def test_a_metric_that_the_type_lacks_fails_the_whole_call(world: ProviderWorld, graph: Ask) -> None:
    posts = world.profiles[PROFILE].posts
    posts[1] = replace(posts[1], media_product_type="STORY", lacks=frozenset({"saved"}))
    for metric in ("saved", "impressions", "plays", "video_views"):
        error = graph("17801/insights", metric=f"reach,{metric}").json()["error"]
        assert (error["code"], metric in error["message"]) == (100, True)
    assert len(graph("17801/insights", metric="reach,shares").json()["data"]) == 2


def test_a_deleted_medium_does_not_exist(world: ProviderWorld, stand_ins: StandIns, graph: Ask) -> None:
    assert graph("17801/insights", metric="reach").status_code == 200
    del world.profiles[PROFILE].posts[1]
    answer = graph("17801/insights", metric="reach")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
    # It is still known whose it was.
    assert {call.account for call in stand_ins.instagram.calls} == {PROFILE}
    assert "17801" not in graph(f"{PROFILE}/media").text


def test_another_profiles_things_do_not_exist(world: ProviderWorld, graph: Ask) -> None:
    posted = PostedMedium("99", datetime(2026, 3, 1, tzinfo=UTC), insights={"reach": 1})
    world.add_accounts(Profile("222", posts=[posted]))
    for path in ("222", "222/media", "222/insights", "99", "99/insights", "17801/media", "333"):
        assert graph(path).json()["error"]["error_subcode"] == 33, path


def test_a_token_is_refreshed(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, clock: MovableClock
) -> None:
    def refresh_token(token: str) -> httpx.Response:
        fields = {"grant_type": "ig_refresh_token", "access_token": token}
        return client.get(f"{stand_ins.instagram.url}/refresh_access_token", params=fields)

    old = world.instagram.issue(PROFILE, age=timedelta(hours=23))
    answer = refresh_token(old)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    clock.move(timedelta(hours=1))
    content = refresh_token(old).json()
    assert content["expires_in"] // 86400 == 59
    clock.move(timedelta(days=59, hours=1))
    headers = {"Authorization": f"Bearer {content['access_token']}"}
    assert client.get(f"{stand_ins.instagram.url}/{PROFILE}", headers=headers).status_code == 200
    error = refresh_token(old).json()["error"]
    assert (error["code"], error["error_subcode"]) == (190, 463)
    # There, a token may stand in the query string.
    assert stand_ins.leaks == []
    assert client.get(f"{stand_ins.instagram.url}/{PROFILE}", params={"access_token": old}).status_code == 400
    assert len(stand_ins.leaks) == 1


def test_errors_to_plant(stand_ins: StandIns, graph: Ask) -> None:
    for fault, status, code, subcode in (
        (graph_faults.remove_object(), 400, 100, 33),
        (graph_faults.remove_object(404), 404, 100, 33),
        (graph_faults.refuse_before_conversion(), 400, 100, 2108006),
        (graph_faults.refuse_few_viewers(), 403, 10, None),
        (graph_faults.throttle_calls(80002), 400, 80002, None),
        (graph_faults.refuse_token(460), 400, 190, 460),
    ):
        plant_fault(stand_ins.instagram, fault, path="17801/insights", times=1)
        answer = graph("17801/insights", metric="reach")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert graph("17801/insights", metric="reach").status_code == 200


def test_nulls_to_plant(stand_ins: StandIns, graph: Ask) -> None:
    plant_fault(stand_ins.instagram, graph_faults.null_values())
    answer = graph(f"{PROFILE}/insights", metric="reach", period="day", since="2026-03-18", until="2026-03-20")
    assert read_series(answer) == {"2026-03-19T07:00:00+0000": None, "2026-03-20T07:00:00+0000": None}
    content = graph("17801/insights", metric="reach").json()
    assert content["data"][0]["values"] == [{"value": None}]
    assert graph(PROFILE, fields="followers_count").json() == {"followers_count": None, "id": PROFILE}
