"""What `runReport` answers, and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from demo.providers.accounts import Property
from demo.providers.stand_ins import StandIns
from demo.providers.world import ProviderWorld
from tests.demo.providers.conftest import PROPERTY, TODAY, Ask, MovableClock
from tests.support.providers.faults import CallFault, drop_member, plant_fault
from tests.support.providers.google_faults import (
    deny_permission,
    drop_column,
    exhaust_quota,
    fail_server,
    null_metrics,
    refuse_token,
    replace_metrics_with_words,
    reverse_columns,
    shorten_rows,
)

pytestmark = pytest.mark.server


def index_metrics(answer: httpx.Response) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The metrics by the dimensions."""
    return {
        tuple(value["value"] for value in row["dimensionValues"]): tuple(
            value["value"] for value in row["metricValues"]
        )
        for row in answer.json().get("rows", [])
    }


def test_a_report_has_the_documented_form(report: Ask) -> None:
    answer = report(
        dateRanges=[{"startDate": "2026-03-18", "endDate": "2026-03-19"}],
        metrics=[{"name": "sessions"}, {"name": "keyEvents"}, {"name": "sessionKeyEventRate"}],
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "dimensionHeaders": [{"name": "date"}],
        "metricHeaders": [
            {"name": "sessions", "type": "TYPE_INTEGER"},
            {"name": "keyEvents", "type": "TYPE_FLOAT"},
            {"name": "sessionKeyEventRate", "type": "TYPE_FLOAT"},
        ],
        "rows": [
            {
                "dimensionValues": [{"value": "20260318"}],
                "metricValues": [{"value": "102"}, {"value": "3"}, {"value": "0.0196078431372549"}],
            },
            {
                "dimensionValues": [{"value": "20260319"}],
                "metricValues": [{"value": "101"}, {"value": "3"}, {"value": "0.019801980198019802"}],
            },
        ],
        "rowCount": 2,
        "metadata": {"currencyCode": "USD", "timeZone": "America/Los_Angeles"},
        "kind": "analyticsData#runReport",
    }


def test_no_rows_are_no_member(report: Ask) -> None:
    content = report(dateRanges=[{"startDate": "2025-01-01", "endDate": "2025-01-31"}]).json()
    assert "rows" not in content
    assert "rowCount" not in content
    assert content["metricHeaders"]


def test_a_day_on_which_nothing_was_counted_has_no_row(world: ProviderWorld, report: Ask) -> None:
    world.properties[PROPERTY].days[TODAY - timedelta(days=1)] = {"sessions": 0}
    assert ("20260319",) not in index_metrics(report())
    assert index_metrics(report(keepEmptyRows=True))["20260319",] == ("0",)


@pytest.mark.parametrize("dimension", ["sessionDefaultChannelGroup", "landingPage", "landingPagePlusQueryString"])
def test_members_of_a_dimension(report: Ask, dimension: str) -> None:
    found = index_metrics(report(dimensions=[{"name": "date"}, {"name": dimension}]))
    members = ["Direct", "Organic Search"] if dimension == "sessionDefaultChannelGroup" else ["/"]
    assert sorted(found) == [(f"202603{day}", member) for day in range(11, 20) for member in members]


def test_dimensions_stand_in_the_order_asked_for(report: Ask) -> None:
    found = index_metrics(report(dimensions=[{"name": "sessionDefaultChannelGroup"}, {"name": "date"}]))
    assert found["Direct", "20260319"] == ("51",)


def test_days_of_the_propertys_own_zone(world: ProviderWorld, report: Ask, clock: MovableClock) -> None:
    # At 10:15 UTC it is 00:15 in Honolulu, 03:15 in Los Angeles and 23:15 in Auckland; at 09:15 UTC
    # Honolulu is still on the day before.
    for zone, now, yesterday in (
        ("Pacific/Honolulu", datetime(2026, 3, 20, 9, 15, tzinfo=UTC), "20260318"),
        ("Pacific/Honolulu", datetime(2026, 3, 20, 10, 15, tzinfo=UTC), "20260319"),
        ("America/Los_Angeles", datetime(2026, 3, 20, 9, 15, tzinfo=UTC), "20260319"),
        ("Pacific/Auckland", datetime(2026, 3, 19, 12, 0, tzinfo=UTC), "20260319"),
    ):
        clock.now = now
        world.properties[PROPERTY].zone = zone
        found = index_metrics(report(dateRanges=[{"startDate": "yesterday", "endDate": "yesterday"}]))
        assert list(found) == [(yesterday,)], (zone, now)


def test_today_is_given_to_whoever_asks(report: Ask) -> None:
    found = index_metrics(report(dateRanges=[{"startDate": "yesterday", "endDate": "today"}]))
    assert found == {("20260320",): ("100",), ("20260319",): ("101",)}


def test_pages(report: Ask) -> None:
    pages = [report(limit="4", offset=offset).json() for offset in ("0", 4, "8")]
    assert [len(page["rows"]) for page in pages] == [4, 4, 1]
    assert {page["rowCount"] for page in pages} == {9}
    days = [row["dimensionValues"][0]["value"] for page in pages for row in page["rows"]]
    assert sorted(days) == [f"202603{day}" for day in range(11, 20)]
    assert "rows" not in report(limit=4, offset=9).json()


def test_ten_thousand_rows_are_a_page(world: ProviderWorld, report: Ask) -> None:
    pages = {(TODAY - timedelta(days=1), f"/{number}"): {"sessions": 1} for number in range(10_001)}
    world.properties[PROPERTY].pages = dict(pages)
    content = report(dimensions=[{"name": "date"}, {"name": "landingPage"}]).json()
    assert (len(content["rows"]), content["rowCount"]) == (10_000, 10_001)


def test_rows_come_by_the_first_metric_unless_ordered(report: Ask) -> None:
    newest_last = [f"202603{day}" for day in range(11, 20)]
    assert [day for (day,) in index_metrics(report())] == newest_last
    order = [{"dimension": {"dimensionName": "date"}, "desc": True}]
    assert [day for (day,) in index_metrics(report(orderBys=order))] == newest_last[::-1]
    order = [{"metric": {"metricName": "sessions"}, "desc": False}]
    assert [day for (day,) in index_metrics(report(orderBys=order))] == newest_last[::-1]


def test_without_the_date_a_span_is_one_row(report: Ask) -> None:
    found = index_metrics(report(dimensions=[{"name": "sessionDefaultChannelGroup"}]))
    assert found["Direct",] == (str(sum(50 + d for d in range(1, 10))),)


def test_a_rate_of_several_days_is_weighted(report: Ask) -> None:
    content = report(dimensions=[], metrics=[{"name": "sessionKeyEventRate"}]).json()
    assert float(content["rows"][0]["metricValues"][0]["value"]) == pytest.approx(18 / sum(range(101, 110)))


def test_several_date_ranges_bring_a_dimension_of_their_own(report: Ask) -> None:
    spans = [{"startDate": "yesterday", "endDate": "yesterday"}, {"startDate": "2026-03-11", "endDate": "2026-03-12"}]
    answer = report(dateRanges=spans, dimensions=[])
    assert answer.json()["dimensionHeaders"] == [{"name": "dateRange"}]
    assert index_metrics(answer) == {("date_range_0",): ("101",), ("date_range_1",): ("217",)}


def test_the_other_row_stands_where_a_date_belongs(world: ProviderWorld, report: Ask) -> None:
    world.properties[PROPERTY].other = {"sessions": 7}
    answer = report()
    assert answer.json()["metadata"]["dataLossFromOtherRow"] is True
    assert index_metrics(answer)["(other)",] == ("7",)


def test_the_quota_is_told_when_asked_for(report: Ask) -> None:
    assert "propertyQuota" not in report().json()
    quota = report(returnPropertyQuota=True).json()["propertyQuota"]
    assert quota["tokensPerDay"] == {"consumed": 1, "remaining": 199_998}
    assert quota["concurrentRequests"] == {"remaining": 9}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"metrics": [{"name": "conversions"}]}, "Did you mean keyEvents? Field conversions is not a valid metric."),
        ({"metrics": [{"name": "users"}]}, "Field users is not a valid metric."),
        ({"dimensions": [{"name": "dat"}]}, "Field dat is not a valid dimension."),
        ({"dateRanges": []}, "A date range is required."),
        ({"dateRanges": [{"startDate": "2026-02-30", "endDate": "today"}]}, "2026-02-30"),
        ({"dateRanges": [{"startDate": "today", "endDate": "yesterday"}]}, "is after the end date"),
        ({"limit": "-1"}, "limit"),
        ({"offset": "many"}, "offset"),
        ({"metrics": [], "dimensions": []}, "At least one"),
        ({"orderBys": [{"metric": {"metricName": "newUsers"}}]}, "newUsers"),
    ],
)
def test_what_is_wrong_is_refused(report: Ask, more: dict[str, object], words: str) -> None:
    answer = report(**more)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert words in error["message"]


def test_a_token_is_needed_and_expires(report: Ask, clock: MovableClock) -> None:
    for headers in ({}, {"Authorization": "Bearer ya29.unknown"}):
        answer = report(headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert report().status_code == 200
    clock.move(timedelta(seconds=3600))
    assert report().status_code == 401


def test_another_property_is_forbidden(world: ProviderWorld, report: Ask) -> None:
    world.add_accounts(Property("999"))
    for property_id in ("999", "404"):
        answer = report(property_id)
        assert answer.status_code == 403
        assert answer.json()["error"]["status"] == "PERMISSION_DENIED"


def test_a_property_takes_ten_calls_at_once(stand_ins: StandIns, report: Ask) -> None:
    stand_ins.ga4.latency = 0.3
    with ThreadPoolExecutor(12) as threads:
        answers = [call.result() for call in [threads.submit(report) for _ in range(12)]]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 2
    assert all("concurrent requests" in answer.json()["error"]["message"] for answer in refused)
    assert stand_ins.ga4.calls.get_peak(PROPERTY) == 12


def test_ten_server_errors_block_a_property_for_an_hour(stand_ins: StandIns, report: Ask, clock: MovableClock) -> None:
    plant_fault(stand_ins.ga4, fail_server(), account=PROPERTY, times=10)
    assert [report().status_code for _ in range(11)] == [500] * 10 + [429]
    clock.move(timedelta(minutes=59))
    assert report().status_code == 429
    clock.move(timedelta(minutes=2))
    assert report().status_code == 401  # By now the token has expired, too.


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (refuse_token(), 401, "UNAUTHENTICATED"),
        (deny_permission(), 403, "PERMISSION_DENIED"),
        (exhaust_quota(), 429, "RESOURCE_EXHAUSTED"),
        (fail_server(500), 500, "INTERNAL"),
        (fail_server(503), 503, "UNAVAILABLE"),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_errors_to_plant(stand_ins: StandIns, report: Ask, fault: CallFault, code: int, status: str) -> None:
    plant_fault(stand_ins.ga4, fault, account=PROPERTY, times=1)
    answer = report()
    assert answer.status_code == code
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (code, status)
    assert error["message"]
    assert report().status_code == 200


def test_columns_in_another_order_are_the_same_report(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, reverse_columns(), times=1)
    metrics = [{"name": "sessions"}, {"name": "activeUsers"}]
    turned, straight = report(metrics=metrics).json(), report(metrics=metrics).json()
    assert [header["name"] for header in turned["metricHeaders"]] == ["activeUsers", "sessions"]
    for one, other in zip(turned["rows"], straight["rows"], strict=True):
        assert one["metricValues"] == other["metricValues"][::-1]
        assert one["dimensionValues"] == other["dimensionValues"]


def test_broken_reports_to_plant(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, drop_column("sessions"), times=1)
    content = report().json()
    assert content["metricHeaders"] == []
    assert content["rows"][0]["metricValues"] == []
    plant_fault(stand_ins.ga4, drop_member("dimensionHeaders"), times=1)
    assert "dimensionHeaders" not in report().json()
    plant_fault(stand_ins.ga4, shorten_rows(), times=1)
    content = report().json()
    assert len(content["metricHeaders"]) == 1
    assert content["rows"][0]["metricValues"] == []
    plant_fault(stand_ins.ga4, null_metrics(), times=1)
    assert {str(value) for (value,) in index_metrics(report()).values()} == {"None"}
    plant_fault(stand_ins.ga4, replace_metrics_with_words(), times=1)
    assert set(index_metrics(report()).values()) == {("(data not available)",)}


def test_restated_and_withdrawn_rows(world: ProviderWorld, report: Ask) -> None:
    days = world.properties[PROPERTY].days
    days[date(2026, 3, 19)] = {"sessions": 500}
    del days[date(2026, 3, 18)]
    found = index_metrics(report())
    assert found["20260319",] == ("500",)
    assert ("20260318",) not in found


def test_other_paths_do_not_exist(stand_ins: StandIns, client: httpx.Client, google: dict[str, str]) -> None:
    for path in ("/v1/properties/1:runReport", "/v1beta/properties/1:batchRunReports", "/"):
        assert client.post(f"{stand_ins.ga4.url}{path}", json={}, headers=google).status_code == 404
