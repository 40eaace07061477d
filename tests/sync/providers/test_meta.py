"""Meta: the rows against the ad account's own, conversions, pages, reports, tokens, and what each failure means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from demo.providers.accounts import AdAccount, AdDelivery
from demo.providers.graph.meta import MetaStandIn
from demo.providers.wire import StandInRequest
from engine.calendar import Window
from sync.errors import NeedsReauth, NotPermitted, ProviderError, Throttled, TooMuchData, Unreachable, Unreadable
from sync.providers.graph_version import GRAPH_VERSION
from sync.providers.registry import Applications
from tests.support.providers import faults, graph_faults
from tests.support.providers.faults import CallFault, clear_faults, plant_fault
from tests.support.sync.recording_sink import (
    HASTY,
    META_APP,
    NOW,
    QUICK,
    RecordingSink,
    make_world,
    open_sink,
    subtract_days,
    sync_account,
)

pytestmark = pytest.mark.server

ACCOUNT = "act_798085168510957"
INSIGHTS = "/insights"
TABLE = "meta_ads_daily"
DAYS = 28
WEEK = timedelta(days=7)


def make_delivery(day: date, campaign: int = 1) -> AdDelivery:
    return AdDelivery(
        day,
        str(120_000 + campaign),
        f"Campaign {campaign}",
        impressions=1000 + day.day,
        clicks=day.day * campaign,
        spend=f"{day.day}.{campaign:02}",
        reach=800 + day.day,
    ).add_purchases(campaign, 50.5 * campaign)


def make_expected_row(day: date, campaign: int = 1) -> dict[str, Any]:
    return {
        "date": day,
        "campaign_id": str(120_000 + campaign),
        "campaign_name": f"Campaign {campaign}",
        "spend": pytest.approx(day.day + campaign / 100),
        "impressions": 1000 + day.day,
        "clicks": day.day * campaign,
        "reach": 800 + day.day,
        "conversions": campaign,
        "conversion_value": 50.5 * campaign,
        "currency": "EUR",
    }


def make_account(zone: str = "America/Los_Angeles", days: int = DAYS) -> AdAccount:
    """An ad account with two campaigns; its days reach beyond a first sync at either end."""
    found = [make_delivery(subtract_days(age), campaign) for age in range(-3, days + 3) for campaign in (1, 2)]
    return AdAccount(ACCOUNT, zone=zone, currency="EUR", deliveries=found)


@pytest.fixture
def meta() -> Iterator[MetaStandIn]:
    world = make_world()
    world.add_accounts(make_account())
    with MetaStandIn(world) as stand_in:
        yield stand_in


@pytest.fixture
def credentials(meta: MetaStandIn) -> dict[str, Any]:
    return {"access_token": meta.world.meta.issue(ACCOUNT)}


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[RecordingSink]:
    with open_sink(sqlite_url, "meta", ACCOUNT) as desk:
        yield desk


def list_asked_ranges(meta: MetaStandIn) -> list[tuple[str, str]]:
    """The time ranges of the calls for insights, in order."""
    ranges = [json.loads(call.query["time_range"]) for call in meta.calls.filter_calls(path=INSIGHTS, method="GET")]
    return [(each["since"], each["until"]) for each in ranges]


def test_the_rows_are_the_accounts(meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == [
        make_expected_row(subtract_days(age), campaign) for age in reversed(range(DAYS)) for campaign in (1, 2)
    ]
    assert desk.fractions == [1]
    assert meta.calls.leaks == []
    assert {call.path for call in meta.calls} == {f"/{GRAPH_VERSION}/{ACCOUNT}", f"/{GRAPH_VERSION}/{ACCOUNT}/insights"}
    assert all(call.method == "GET" for call in meta.calls)


def test_every_page_is_read_by_its_cursor(credentials: dict[str, Any], desk: RecordingSink) -> None:
    world = make_world()
    world.add_accounts(make_account())
    with MetaStandIn(world, most_rows=5) as meta:
        sync_account(desk, meta, {"access_token": world.meta.issue(ACCOUNT)}, history=DAYS)
        assert len(meta.calls.filter_calls(path=INSIGHTS)) == 12
        assert meta.calls.leaks == []
    assert desk.read_sorted_rows(TABLE) == [
        make_expected_row(subtract_days(age), campaign) for age in reversed(range(DAYS)) for campaign in (1, 2)
    ]


def test_a_page_that_comes_again_and_again_ends(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    endless = {"data": [], "paging": {"cursors": {"after": "x"}, "next": "http://127.0.0.1:1/"}}
    plant_fault(meta, faults.send_json(endless), path=INSIGHTS)
    with pytest.raises(Unreadable, match="again and again"):
        sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == []


def test_a_first_sync_brings_400_days_by_reports(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    meta.world.add_accounts(make_account(days=410))
    naps = sync_account(desk, meta, credentials, history=400)
    assert desk.read_sorted_rows(TABLE) == [
        make_expected_row(subtract_days(age), campaign) for age in reversed(range(400)) for campaign in (1, 2)
    ]
    # The newest come at once, and the older ones by reports.
    spans = [(30, 0), (130, 31), (230, 131), (330, 231), (399, 331)]
    assert desk.windows == [(TABLE, Window(subtract_days(first), subtract_days(last))) for first, last in spans]
    assert len(meta.runs) == 4
    # Each report is found unfinished twice.
    assert naps.seconds == [1, 2] * 4
    assert meta.calls.leaks == []


def test_later_syncs_ask_for_28_days_again_in_one_answer(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.calls.clear()
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == before
    desk.clock = NOW + timedelta(days=1)
    sync_account(desk, meta, credentials, history=60)
    assert list_asked_ranges(meta)[:2] == [
        (subtract_days(27).isoformat(), subtract_days(0).isoformat()),
        (subtract_days(27).isoformat(), subtract_days(-1).isoformat()),
    ]
    assert desk.read_sorted_rows(TABLE)[-1] == make_expected_row(subtract_days(-1), 2)


@pytest.mark.parametrize("end", ["Job Failed", "Job Skipped"])
def test_a_report_that_meta_gives_up_is_asked_for_in_halves(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, end: Any
) -> None:
    meta.world.add_accounts(make_account(days=120))
    meta.runs.end_with(end)
    sync_account(desk, meta, credentials, history=110)
    assert len(desk.read_sorted_rows(TABLE)) == 220
    assert desk.windows[1:] == [(TABLE, Window(subtract_days(109), subtract_days(31)))]
    assert len(meta.runs) == 3


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error_code": 190, "error_subcode": 463, "error_message": "Session has expired"}, NeedsReauth),
        ({"error_code": 200, "error_message": "Permissions error"}, NotPermitted),
        ({"error_code": 80000, "error_message": "There have been too many calls"}, Throttled),
    ],
)
def test_the_reason_why_a_report_failed_is_read(
    meta: MetaStandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    error: dict[str, Any],
    kind: type[ProviderError],
) -> None:
    meta.runs.error = error
    meta.runs.end_with("Job Failed")
    with pytest.raises(kind):
        sync_account(desk, meta, credentials, history=80)
    assert len(meta.runs) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"error_code": 1, "error_subcode": 99, "error_message": "An unknown error occurred"},
        {"error_code": 2, "error_subcode": 1504038},
        {"error_code": 100, "error_user_msg": "Please reduce the amount of data you're asking for"},
        {"error_code": 100, "error_message": "Something is wrong"},
        {},
    ],
)
def test_any_other_failed_report_is_asked_for_in_halves(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, error: dict[str, Any]
) -> None:
    meta.world.add_accounts(make_account(days=90))
    meta.runs.error = error
    meta.runs.end_with("Job Failed")
    sync_account(desk, meta, credentials, history=80)
    assert len(desk.read_sorted_rows(TABLE)) == 160


def test_a_row_of_today_is_counted_and_left_out(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    def longer(page: dict[str, Any]) -> dict[str, Any]:
        today = {"date_start": subtract_days(-1).isoformat(), "date_stop": subtract_days(-1).isoformat()}
        return {**page, "data": [*page["data"], {**page["data"][0], **today}]}

    plant_fault(meta, faults.change_json("longer", longer), path=INSIGHTS)
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE)[-1] == make_expected_row(subtract_days(0), 2)
    assert desk.skipped == [(1, "rows of days that were not asked for")]


@pytest.mark.parametrize(
    "fault",
    [
        graph_faults.remove_object(),
        graph_faults.fail_call(100),
        faults.send_html(404),
        faults.send_html(501),
        faults.reset_connection(),
    ],
)
def test_where_no_report_can_be_ordered_short_windows_are_asked(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    meta.world.add_accounts(make_account(days=90))
    plant_fault(meta, fault, path=INSIGHTS, when=lambda request: request.method == "POST")
    sync_account(desk, meta, credentials, history=80)
    assert len(desk.read_sorted_rows(TABLE)) == 160
    assert desk.windows[1:] == [(TABLE, Window(subtract_days(79), subtract_days(31)))]
    # It is ordered once, however many windows there are, and tried again only where nothing was said.
    assert len(meta.calls.filter_calls(path=INSIGHTS, method="POST")) <= 3


def test_a_report_that_is_never_ready_is_waited_for_once_and_asked_for_in_halves(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    meta.world.add_accounts(make_account(days=410))
    meta.runs.end_with("never", "never", "never")
    naps = sync_account(desk, meta, credentials, history=400)
    assert desk.read_sorted_rows(TABLE) == [
        make_expected_row(subtract_days(age), campaign) for age in reversed(range(400)) for campaign in (1, 2)
    ]
    assert len(meta.runs) == 1
    assert QUICK.report <= sum(naps.seconds) < QUICK.report + QUICK.max_poll


@pytest.mark.parametrize(
    "fault",
    [
        graph_faults.refuse_amount(100),
        graph_faults.refuse_amount(1),
        graph_faults.time_out_request(100),
        graph_faults.time_out_request(2),
        graph_faults.fail_call(1, 99),
        graph_faults.fail_transiently(1),
        graph_faults.fail_transiently(2),
        graph_faults.fail_gateway(504),
        faults.send_html(502),
    ],
)
def test_whatever_means_too_much_is_asked_for_in_halves_until_it_answers(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    def is_long(request: StandInRequest) -> bool:
        span = json.loads(request.fields["time_range"])
        return (date.fromisoformat(span["until"]) - date.fromisoformat(span["since"])).days >= 7

    plant_fault(meta, fault, path=INSIGHTS, when=is_long)
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == [
        make_expected_row(subtract_days(age), campaign) for age in reversed(range(DAYS)) for campaign in (1, 2)
    ]


def test_a_time_out_is_asked_for_in_halves(meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    plant_fault(meta, faults.hang_forever(), path=INSIGHTS, times=HASTY.tries)
    sync_account(desk, meta, credentials, history=2, pace=HASTY)
    assert len(desk.read_sorted_rows(TABLE)) == 4
    assert len(meta.calls.filter_calls(path=INSIGHTS)) == HASTY.tries + 2


def test_too_much_data_is_asked_for_in_halves(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    meta.world.ad_accounts[ACCOUNT].most_days = 8
    sync_account(desk, meta, credentials, history=DAYS)
    assert len(desk.read_sorted_rows(TABLE)) == 2 * DAYS
    assert desk.windows == [(TABLE, Window(subtract_days(27), subtract_days(0)))]
    assert [
        (date.fromisoformat(end) - date.fromisoformat(start)).days + 1 for start, end in list_asked_ranges(meta)
    ] == [
        *(28, 14, 7, 7),
        *(14, 7, 7),
    ]


@pytest.mark.parametrize("code", [100, 1])
def test_too_much_data_for_a_day_is_the_end(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, code: int
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.calls.clear()
    plant_fault(meta, graph_faults.refuse_amount(code), path=INSIGHTS)
    with pytest.raises(TooMuchData, match="more data for a day than it gives out"):
        sync_account(desk, meta, credentials, history=DAYS)
    assert len(meta.calls.filter_calls(path=INSIGHTS)) == 5
    assert desk.read_sorted_rows(TABLE) == before


def test_the_table_has_metas_last_word(meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    found = meta.world.ad_accounts[ACCOUNT].deliveries
    found[:] = [each for each in found if (each.day, each.campaign_id) != (subtract_days(20), "120002")]
    next(each for each in found if each.day == subtract_days(27)).spend = "99.99"
    found.append(make_delivery(subtract_days(3), campaign=3))
    sync_account(desk, meta, credentials, history=DAYS)
    rows = {(row["date"], row["campaign_id"]): row for row in desk.read_sorted_rows(TABLE)}
    assert (subtract_days(20), "120002") not in rows
    assert float(rows[subtract_days(27), "120001"]["spend"]) == 99.99
    assert rows[subtract_days(3), "120003"] == make_expected_row(subtract_days(3), 3)
    assert len(rows) == 2 * DAYS
    # Campaigns that are there, and say themselves that nothing was delivered.
    meta.world.ad_accounts[ACCOUNT].deliveries.clear()
    meta.world.ad_accounts[ACCOUNT].statuses = dict.fromkeys(("120001", "120002", "120003"), "PAUSED")
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == []
    assert desk.skipped == []


@pytest.mark.parametrize("status", ["ARCHIVED", "DELETED", "PAUSED", "IN_PROCESS", "WITH_ISSUES"])
def test_a_campaign_keeps_what_it_spent_whatever_its_status(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, status: str
) -> None:
    sync_account(desk, meta, credentials, history=40)
    before = desk.read_sorted_rows(TABLE)
    account = meta.world.ad_accounts[ACCOUNT]
    account.statuses["120002"] = status
    sync_account(desk, meta, credentials, history=40)
    assert desk.read_sorted_rows(TABLE) == before
    # Meta still restates it.
    last = next(each for each in account.deliveries if (each.day, each.campaign_id) == (subtract_days(0), "120002"))
    last.spend = "99.99"
    sync_account(desk, meta, credentials, history=40)
    assert float(desk.read_sorted_rows(TABLE)[-1]["spend"]) == 99.99
    assert desk.read_sorted_rows(TABLE)[:-1] == before[:-1]
    assert desk.skipped == []


def test_a_first_sync_brings_archived_campaigns_by_reports_too(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    meta.world.add_accounts(make_account(days=90))
    meta.world.ad_accounts[ACCOUNT].statuses["120002"] = "ARCHIVED"
    sync_account(desk, meta, credentials, history=80)
    assert len(desk.read_sorted_rows(TABLE)) == 160
    assert len(meta.runs) == 1


@pytest.mark.parametrize(
    "fault",
    [
        graph_faults.remove_object(),
        graph_faults.forbid_account(),
        graph_faults.fail_call(100),
        graph_faults.fail_transiently(),
        faults.send_html(),
        faults.reset_connection(),
    ],
)
def test_a_deleted_campaign_that_does_not_answer_keeps_its_rows_and_is_told(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.world.ad_accounts[ACCOUNT].statuses["120002"] = "DELETED"
    plant_fault(meta, fault, path="/120002/")
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == before
    assert desk.skipped == [(1, "campaigns that Meta knows no more, whose rows stay")]


def test_a_limit_while_a_campaign_is_asked_is_the_accounts(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.world.ad_accounts[ACCOUNT].statuses["120002"] = "DELETED"
    plant_fault(meta, graph_faults.throttle_calls(minutes=25), path="/120002/")
    with pytest.raises(Throttled):
        sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == before


def test_rows_from_a_file_without_metas_ids_give_way(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    days = Window(subtract_days(DAYS - 1), subtract_days(0))
    row = {**make_expected_row(subtract_days(3)), "campaign_id": "Spring sale", "spend": 5}
    desk.warehouse.restate(desk.make_slice(TABLE, days), [row])
    sync_account(desk, meta, credentials, history=DAYS)
    assert {each["campaign_id"] for each in desk.read_sorted_rows(TABLE)} == {"120001", "120002"}


def sync_conversions(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, found: AdDelivery
) -> tuple[float, float]:
    meta.world.ad_accounts[ACCOUNT].deliveries = [found]
    sync_account(desk, meta, credentials, history=1)
    (row,) = desk.read_sorted_rows(TABLE)
    return row["conversions"], float(row["conversion_value"])


def test_the_first_tier_counts_and_never_the_sum(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    omni, plain, pixel = "omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"
    cases: list[tuple[dict[str, float], dict[str, float], tuple[float, float]]] = [
        ({pixel: 3, plain: 4, omni: 5, "lead": 9}, {pixel: 30, plain: 40, omni: 50.25}, (5, 50.25)),
        ({pixel: 3, plain: 4}, {pixel: 30, plain: 40}, (4, 40)),
        ({pixel: 3}, {pixel: 30}, (3, 30)),
        ({omni: 2}, {plain: 40}, (2, 0)),
        ({"lead": 9, "link_click": 7}, {"lead": 90}, (0, 0)),
        ({}, {}, (0, 0)),
    ]
    for actions, values, wanted in cases:
        found = replace(make_delivery(subtract_days(0)), actions=actions, action_values=values)
        assert sync_conversions(meta, credentials, desk, found) == wanted
    desk.options["conversion_action"] = "lead"
    both = replace(make_delivery(subtract_days(0)), actions={"lead": 9, omni: 5}, action_values={"lead": 90, omni: 50})
    assert sync_conversions(meta, credentials, desk, both) == (9, 90)
    assert sync_conversions(meta, credentials, desk, replace(both, actions={omni: 5})) == (0, 0)


def test_a_changed_conversion_action_reads_the_history_again(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    meta.world.add_accounts(make_account(days=120))
    for each in meta.world.ad_accounts[ACCOUNT].deliveries:
        each.actions["lead"] = 70.0

    def count_conversions() -> list[float]:
        return [row["conversions"] for row in desk.read_sorted_rows(TABLE)]

    sync_account(desk, meta, credentials, history=110)
    assert set(count_conversions()) == {1, 2}
    desk.options["conversion_action"] = "lead"
    # Broken off after the newest days, and again after the first report.
    plant_fault(meta, graph_faults.throttle_calls(minutes=50), path=INSIGHTS, when=is_post, times=1)
    with pytest.raises(Throttled):
        sync_account(desk, meta, credentials, history=110)
    assert count_conversions().count(70) == 2 * 31
    sync_account(desk, meta, credentials, history=60)
    assert set(count_conversions()) == {70}
    assert set(desk.remarks) == {
        "the option conversion_action has changed: the history of meta_ads_daily is read again"
    }
    # From then on it is as ever, and back again it is read again.
    desk.remarks.clear()
    meta.calls.clear()
    sync_account(desk, meta, credentials, history=110)
    assert (desk.remarks, len(meta.calls.filter_calls(path=INSIGHTS))) == ([], 1)
    del desk.options["conversion_action"]
    sync_account(desk, meta, credentials, history=110)
    assert set(count_conversions()) == {1, 2}


def is_post(request: StandInRequest) -> bool:
    return request.method == "POST"


def test_an_action_that_no_row_has_is_told_with_those_that_are_there(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    desk.options["conversion_action"] = "purchse"
    sync_account(desk, meta, credentials, history=DAYS)
    seen = "offsite_conversion.fb_pixel_purchase, omni_purchase, purchase"
    assert desk.remarks == [f"no row has the conversion_action 'purchse'; the rows that were read have {seen}"]
    desk.remarks.clear()
    desk.options["conversion_action"] = "purchase"
    sync_account(desk, meta, credentials, history=DAYS)
    assert desk.remarks == ["the option conversion_action has changed: the history of meta_ads_daily is read again"]


def test_a_campaign_that_appears_twice_is_one_row_the_later(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    def twice(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "data": [*page["data"], *({**row, "spend": "1.5", "clicks": "2"} for row in page["data"])]}

    plant_fault(meta, faults.change_json("twice", twice), path=INSIGHTS)
    sync_account(desk, meta, credentials, history=1)
    one, other = desk.read_sorted_rows(TABLE)
    assert [(float(row["spend"]), row["clicks"], row["impressions"]) for row in (one, other)] == [
        (1.5, 2, 1000 + subtract_days(0).day)
    ] * 2
    assert len(meta.calls.filter_calls(path=INSIGHTS)) == 3


@pytest.mark.parametrize("times", [1, 2, 3, 9])
def test_an_answer_that_moves_between_its_pages_is_read_again(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, times: int
) -> None:
    meta.most_rows = 5
    account = meta.world.ad_accounts[ACCOUNT]
    first = subtract_days(DAYS - 1)
    moved: list[str] = []

    def move_rows(page: dict[str, Any]) -> dict[str, Any]:
        # A campaign that sorts first appears behind the first page: the second begins with the first one's last row.
        if len(moved) < times:
            moved.append(f"1{len(moved)}")
            account.deliveries.append(replace(make_delivery(first), campaign_id=moved[-1]))
        return page

    is_first_page: Callable[[StandInRequest], bool] = lambda request: "after" not in request.query  # noqa: E731
    plant_fault(meta, faults.change_json("moved", move_rows), path=INSIGHTS, when=is_first_page)
    sync_account(desk, meta, credentials, history=DAYS)
    keys = {(row["date"], row["campaign_id"]) for row in desk.read_sorted_rows(TABLE)}
    wanted = {(each.day, each.campaign_id) for each in account.deliveries if first <= each.day <= subtract_days(0)}
    # Read three times at most: what appeared during the third reading comes with the next sync.
    assert keys == wanted - ({(first, "12")} if times >= 3 else set())
    assert {row["impressions"] for row in desk.read_sorted_rows(TABLE) if row["date"] == first} == {1000 + first.day}


@pytest.mark.parametrize(
    ("zone", "now", "yesterday"),
    [
        ("Pacific/Auckland", datetime(2026, 3, 13, 17, tzinfo=UTC), date(2026, 3, 13)),
        ("Pacific/Honolulu", datetime(2026, 3, 13, 9, tzinfo=UTC), date(2026, 3, 11)),
    ],
)
def test_each_zone_has_its_own_yesterday(
    meta: MetaStandIn, desk: RecordingSink, zone: str, now: datetime, yesterday: date
) -> None:
    meta.world.clock = lambda: now
    meta.world.add_accounts(make_account(zone))
    desk.clock = now
    sync_account(desk, meta, {"access_token": meta.world.meta.issue(ACCOUNT)}, history=DAYS)
    days = [row["date"] for row in desk.read_sorted_rows(TABLE)]
    assert (days[0], days[-1]) == (yesterday - timedelta(days=DAYS - 1), yesterday)


def test_a_token_of_a_week_is_exchanged(meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    sync_account(desk, meta, credentials, history=1, age=WEEK - timedelta(hours=1))
    assert desk.renewed == []
    sync_account(desk, meta, credentials, history=1, age=WEEK, applications=Applications())
    assert desk.renewed == []
    # The new one is in use at once.
    plant_fault(meta, graph_faults.refuse_token(), token=credentials["access_token"], path=ACCOUNT)
    sync_account(desk, meta, {**credentials, "note": "kept"}, history=1, age=WEEK)
    (renewed,) = desk.renewed
    assert renewed["note"] == "kept"
    assert renewed["access_token"] != credentials["access_token"]
    exchange = meta.calls.filter_calls(path="/oauth/access_token")
    assert [call.path for call in exchange] == [f"/{GRAPH_VERSION}/oauth/access_token"]


def test_a_dead_token_is_not_exchanged(meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink) -> None:
    meta.world.meta.kill(credentials["access_token"])
    with pytest.raises(NeedsReauth):
        sync_account(desk, meta, credentials, age=WEEK)
    assert len(meta.calls) == 1
    assert desk.renewed == []


@pytest.mark.parametrize(
    "fault",
    [faults.reset_connection(), faults.send_html(), graph_faults.fail_transiently(), graph_faults.fail_call(101)],
)
def test_the_old_token_serves_on_where_it_cannot_be_exchanged(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, fault: CallFault
) -> None:
    plant_fault(meta, fault, path="/oauth/")
    sync_account(desk, meta, credentials, history=1, age=WEEK)
    assert len(desk.read_sorted_rows(TABLE)) == 2
    assert desk.renewed == []


def test_an_application_with_a_wrong_secret_reads_on(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    wrong = Applications(meta_app_id=META_APP, meta_app_secret=SecretStr("wrong"))
    sync_account(desk, meta, credentials, history=1, age=WEEK, applications=wrong)
    assert len(desk.read_sorted_rows(TABLE)) == 2


# Three tries for 28 days, 14, 7, 3 and 1, where a smaller request might succeed.
META_FAILURES: list[tuple[str, CallFault, type[ProviderError], str, int]] = [
    *(
        (f"token {subcode}", graph_faults.refuse_token(subcode), NeedsReauth, "connect the account again", 1)
        for subcode in (None, 458, 460, 463, 467)
    ),
    *(
        (f"permission {code}", graph_faults.forbid_account(code), NotPermitted, "allow", 1)
        for code in (200, 272, 294, 299)
    ),
    ("gone", graph_faults.remove_object(), NotPermitted, "knows no such account", 1),
    ("code 1", graph_faults.fail_transiently(1), Unreachable, "fault of its own", 15),
    ("code 2", graph_faults.fail_transiently(2), Unreachable, "fault of its own", 15),
    ("is transient", graph_faults.fail_transiently(2601), Unreachable, "fault of its own", 15),
    ("unavailable", graph_faults.fail_gateway(), Unreachable, "fault of its own", 15),
    ("page on 502", faults.send_html(502), Unreachable, "fault of its own", 15),
    ("reset", faults.reset_connection(), Unreachable, "does not answer", 3),
    ("cut off", faults.cut_off_body(), Unreachable, "does not answer", 3),
    ("bad question", graph_faults.fail_call(100), Unreadable, "does not understand", 1),
    ("unknown code", graph_faults.fail_call(2636), Unreadable, "does not understand", 1),
    ("retired version", graph_faults.fail_call(2635), NotPermitted, "META_API_VERSION", 1),
    ("page", faults.send_html(), Unreadable, "web page instead of data", 1),
    ("page on 404", faults.send_html(404), Unreadable, "web page instead of data", 1),
    ("truncated", faults.truncate_json(), Unreadable, "breaks off", 1),
    ("a list", faults.send_json([1]), Unreadable, "another form", 1),
    ("another object", faults.send_json({"ok": True}), Unreadable, "without a list of 'data'", 1),
    ("nulls", graph_faults.null_values(), Unreadable, "without a", 1),
    ("no spend", graph_faults.drop_field("spend"), Unreadable, "without a number for 'spend'", 1),
    ("no date", graph_faults.drop_field("date_start"), Unreadable, "'date_start'", 1),
    ("negative", graph_faults.replace_field("clicks", "-3"), Unreadable, "with a negative 'clicks'", 1),
    ("negative spend", graph_faults.replace_field("spend", "-1.5"), Unreadable, "with a negative 'spend'", 1),
    (
        "negative actions",
        graph_faults.replace_field("actions", [{"action_type": "purchase", "value": "-1"}]),
        Unreadable,
        "with a negative 'actions'",
        1,
    ),
    ("long currency", graph_faults.replace_field("account_currency", "X" * 400), Unreadable, "without a currency", 1),
    ("words", graph_faults.replace_numbers_with_words(), Unreadable, "without a number", 1),
]


@pytest.mark.parametrize(
    ("fault", "kind", "words", "calls"),
    [each[1:] for each in META_FAILURES],
    ids=[each[0] for each in META_FAILURES],
)
def test_a_failure_is_of_its_class_and_changes_nothing(
    meta: MetaStandIn,
    credentials: dict[str, Any],
    desk: RecordingSink,
    fault: CallFault,
    kind: type[ProviderError],
    words: str,
    calls: int,
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.calls.clear()
    del meta.world.ad_accounts[ACCOUNT].deliveries[10:]
    plant_fault(meta, fault, path=INSIGHTS)
    with pytest.raises(kind, match=words) as failure:
        sync_account(desk, meta, credentials, history=DAYS)
    assert "://" not in str(failure.value)
    assert "(#" not in str(failure.value)
    assert len(meta.calls.filter_calls(path=INSIGHTS)) == calls
    assert desk.read_sorted_rows(TABLE) == before


def test_a_failure_half_way_through_the_pages_changes_nothing(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    sync_account(desk, meta, credentials, history=DAYS)
    before = desk.read_sorted_rows(TABLE)
    meta.most_rows = 10
    for each in meta.world.ad_accounts[ACCOUNT].deliveries:
        each.spend = "77"
    plant_fault(meta, faults.cut_off_body(), path=INSIGHTS, skip=3)
    with pytest.raises(Unreachable):
        sync_account(desk, meta, credentials, history=DAYS)
    assert desk.read_sorted_rows(TABLE) == before
    clear_faults(meta)
    sync_account(desk, meta, credentials, history=DAYS)
    assert {float(row["spend"]) for row in desk.read_sorted_rows(TABLE)} == {77.0}


@pytest.mark.parametrize("code", [4, 17, 32, 613, 80000, 80003, 80004, 80006, 80008])
def test_a_limit_is_waited_for_as_the_headers_say(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink, code: int
) -> None:
    for minutes, seconds, least in ((2, 0, 120), (0, 45, 45), (1, 90, 90)):
        plant_fault(meta, graph_faults.throttle_calls(code, minutes=minutes, seconds=seconds), path=INSIGHTS, times=1)
        (nap,) = sync_account(desk, meta, credentials, history=1).seconds
        assert least <= nap < least + 1
    plant_fault(meta, graph_faults.throttle_calls(code, hints=False), path=INSIGHTS, times=1)
    (nap,) = sync_account(desk, meta, credentials, history=1).seconds
    assert 10 <= nap <= 20


def test_a_limit_for_longer_than_the_patience_says_until_when(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    plant_fault(meta, graph_faults.throttle_calls(minutes=25), path=INSIGHTS)
    with pytest.raises(Throttled, match="no more calls for about 25 minutes; a sync after that goes on") as failure:
        sync_account(desk, meta, credentials, history=1)
    assert failure.value.seconds == 25 * 60
    assert len(meta.calls.filter_calls(path=INSIGHTS)) == 1


def test_a_version_that_is_retired_is_named_with_the_remedy(
    meta: MetaStandIn, credentials: dict[str, Any], desk: RecordingSink
) -> None:
    with pytest.raises(NotPermitted, match="a newer one in META_API_VERSION"):
        sync_account(desk, meta, credentials, history=1, version="v22.0")
    sync_account(desk, meta, credentials, history=1, version="v25.0")
    assert meta.calls.filter_calls(path="/v25.0/act_")
