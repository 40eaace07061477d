"""The Marketing API: accounts, insights at once and as reports, tokens, and its errors."""

from __future__ import annotations

import json
from datetime import date, timedelta

import httpx
import pytest

from demo.providers.accounts import AdAccount, AdDelivery
from demo.providers.graph.meta_runs import End
from demo.providers.stand_ins import StandIns
from demo.providers.world import APP, ProviderWorld
from tests.demo.providers.conftest import AD_ACCOUNT, Ask, MovableClock
from tests.support.providers import graph_faults
from tests.support.providers.faults import CallFault, plant_fault

pytestmark = pytest.mark.server


def test_an_account(stand_ins: StandIns, client: httpx.Client, meta: dict[str, str]) -> None:
    fields = {"fields": "timezone_name,currency,name"}
    answer = client.get(f"{stand_ins.meta.url}/v26.0/{AD_ACCOUNT}", params=fields, headers=meta)
    assert answer.json() == {
        "timezone_name": "America/Los_Angeles",
        "currency": "USD",
        "name": "Alder & Finch",
        "id": AD_ACCOUNT,
    }


def test_insights_have_the_documented_form(insights: Ask) -> None:
    answer = insights(time_range='{"since":"2026-03-19","until":"2026-03-19"}', limit="1")
    content = answer.json()
    assert content["data"] == [
        {
            "campaign_id": "120200",
            "campaign_name": "Campaign 0",
            "impressions": "1001",
            "clicks": "10",
            "spend": "14.35",
            "reach": "700",
            "actions": [
                {"action_type": "omni_purchase", "value": "2"},
                {"action_type": "purchase", "value": "2"},
                {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "2"},
            ],
            "action_values": [
                {"action_type": "omni_purchase", "value": "99.5"},
                {"action_type": "purchase", "value": "99.5"},
                {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "99.5"},
            ],
            "date_start": "2026-03-19",
            "date_stop": "2026-03-19",
        }
    ]
    assert content["paging"].keys() == {"cursors", "next"}
    assert json.loads(answer.headers["x-business-use-case-usage"])["798085168510957"][0]["type"] == "ads_insights"
    assert json.loads(answer.headers["x-ad-account-usage"])["reset_time_duration"] == 0


def test_what_was_not_is_left_out(world: ProviderWorld, insights: Ask) -> None:
    day = date(2026, 3, 19)
    world.ad_accounts[AD_ACCOUNT].deliveries = [AdDelivery(day, "1", "Silent", 10, None, "0.10", 9)]
    assert insights().json()["data"] == [
        {
            "campaign_id": "1",
            "campaign_name": "Silent",
            "impressions": "10",
            "spend": "0.10",
            "reach": "9",
            "date_start": "2026-03-19",
            "date_stop": "2026-03-19",
        }
    ]
    world.ad_accounts[AD_ACCOUNT].deliveries = []
    assert insights().json() == {"data": []}


def test_pages_by_cursor(insights: Ask) -> None:
    rows, after, pages = [], None, 0
    while True:
        content = insights(limit="5", **({"after": after} if after else {})).json()
        rows += content["data"]
        pages += 1
        # There is a cursor on the last page, too: what is missing there is `next`.
        after = content["paging"]["cursors"]["after"]
        if "next" not in content["paging"]:
            break
    assert pages == 4
    assert len({(row["campaign_id"], row["date_start"]) for row in rows}) == len(rows) == 18


def test_next_holds_the_token_and_following_it_is_noticed(
    stand_ins: StandIns, insights: Ask, client: httpx.Client, meta: dict[str, str]
) -> None:
    following = insights(limit="5").json()["paging"]["next"]
    token = meta["Authorization"].removeprefix("Bearer ")
    assert following.startswith(stand_ins.meta.url)
    assert token in following
    assert stand_ins.leaks == []
    assert len(client.get(following).json()["data"]) == 5
    (leak,) = stand_ins.leaks
    assert token not in repr(leak)


def test_levels_and_increments(insights: Ask) -> None:
    def read_impressions(**more: str) -> list[tuple[str, str, str]]:
        rows = insights(fields="impressions", **more).json()["data"]
        return [(row["date_start"], row["date_stop"], row["impressions"]) for row in rows]

    days = [1000 + d for d in range(9, 0, -1)]
    by_account = read_impressions(level="account")
    assert by_account[0] == ("2026-03-11", "2026-03-11", str(2 * 1009))
    assert len(by_account) == 9
    assert read_impressions(level="account", time_increment="all_days") == [
        ("2026-03-11", "2026-03-19", str(2 * sum(days)))
    ]
    assert read_impressions(time_increment="7")[::2] == [
        ("2026-03-11", "2026-03-17", str(sum(days[:7]))),
        ("2026-03-18", "2026-03-19", str(sum(days[7:]))),
    ]


def test_today_is_given_to_whoever_asks(insights: Ask) -> None:
    rows = insights(time_range='{"since":"2026-03-20","until":"2026-03-20"}').json()["data"]
    assert [row["impressions"] for row in rows] == ["1000", "1000"]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"fields": "impressions,clickz"}, 100, "clickz is not valid for fields param"),
        ({"level": "galaxy"}, 100, "level"),
        ({"time_range": "yesterday"}, 100, "time_range"),
        ({"time_range": '{"since":"2026-03-19","until":"2026-03-18"}'}, 100, "since"),
        ({"time_range": '{"since":"2023-02-19","until":"2023-02-20"}'}, 3018, "37 months"),
        ({"time_increment": "0"}, 100, "time_increment"),
        ({"limit": "none"}, 100, "limit"),
        ({"after": "!"}, 100, "cursors"),
    ],
)
def test_what_is_wrong_is_refused(insights: Ask, more: dict[str, str], code: int, words: str) -> None:
    answer = insights(**more)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert words in error["message"]
    assert error["fbtrace_id"]


def test_a_window_that_is_too_long_at_once(world: ProviderWorld, insights: Ask) -> None:
    world.ad_accounts[AD_ACCOUNT].most_days = 5
    error = insights().json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 1487534)
    assert "reduce the amount of data" in error["message"]
    assert len(insights(time_range='{"since":"2026-03-15","until":"2026-03-19"}').json()["data"]) == 10


def start_run(stand_ins: StandIns, client: httpx.Client, meta: dict[str, str]) -> str:
    form = {
        "level": "campaign",
        "time_increment": "1",
        "time_range": '{"since":"2026-03-11","until":"2026-03-19"}',
        "fields": "campaign_id,impressions",
    }
    answer = client.post(f"{stand_ins.meta.url}/v26.0/{AD_ACCOUNT}/insights", data=form, headers=meta)
    assert answer.json().keys() == {"report_run_id"}
    run_id: str = answer.json()["report_run_id"]
    return run_id


def test_a_report_is_polled_and_then_read(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, meta: dict[str, str]
) -> None:
    # Too long at once; for a report it is not.
    world.ad_accounts[AD_ACCOUNT].most_days = 5
    url = f"{stand_ins.meta.url}/v26.0/{start_run(stand_ins, client, meta)}"
    early = client.get(f"{url}/insights", headers=meta)
    assert early.status_code == 400
    assert (early.json()["error"]["code"], early.json()["error"]["is_transient"]) == (2601, True)
    states = [client.get(url, headers=meta).json() for _ in range(3)]
    assert [(state["async_status"], state["async_percent_completion"]) for state in states] == [
        ("Job Not Started", 0),
        ("Job Started", 0),
        ("Job Completed", 100),
    ]
    # What the provider restates meanwhile is not in the report.
    world.ad_accounts[AD_ACCOUNT].deliveries = []
    first = client.get(f"{url}/insights", params={"limit": 10}, headers=meta).json()
    after = {"limit": 10, "after": first["paging"]["cursors"]["after"]}
    second = client.get(f"{url}/insights", params=after, headers=meta).json()
    assert (len(first["data"]), len(second["data"])) == (10, 8)
    assert "next" not in second["paging"]
    assert {call.account for call in stand_ins.meta.calls} == {AD_ACCOUNT}


@pytest.mark.parametrize("end", ["Job Failed", "Job Skipped", "never"])
def test_a_report_that_is_never_made(stand_ins: StandIns, client: httpx.Client, meta: dict[str, str], end: End) -> None:
    stand_ins.meta.runs.end_with(end)
    stand_ins.meta.runs.polls = 4
    url = f"{stand_ins.meta.url}/v26.0/{start_run(stand_ins, client, meta)}"
    states = [client.get(url, headers=meta).json()["async_status"] for _ in range(6)]
    assert states[:4] == ["Job Not Started", "Job Started", "Job Running", "Job Running"]
    assert states[4:] == (["Job Running"] * 2 if end == "never" else [end] * 2)
    assert client.get(f"{url}/insights", headers=meta).status_code == 400
    assert client.get(f"{url[:-1]}9", headers=meta).json()["error"]["error_subcode"] == 33


def test_dead_tokens(world: ProviderWorld, insights: Ask, clock: MovableClock) -> None:
    def error(token: str) -> tuple[int, int, int | None]:
        answer = insights(headers={"Authorization": f"Bearer {token}"})
        assert "www-authenticate" in answer.headers
        return answer.status_code, answer.json()["error"]["code"], answer.json()["error"].get("error_subcode")

    assert insights(headers={}).json()["error"]["code"] == 104
    assert error("EAABunknown") == (400, 190, None)
    for subcode in (458, 460, 467):
        token = world.meta.issue(AD_ACCOUNT)
        world.meta.kill(token, subcode)
        assert error(token) == (400, 190, subcode)
    token = world.meta.issue(AD_ACCOUNT, age=timedelta(days=59))
    clock.move(timedelta(days=1))
    assert error(token) == (400, 190, 463)


def test_accounts_that_may_not_be_read(world: ProviderWorld, insights: Ask) -> None:
    world.add_accounts(AdAccount("act_1"))
    answer = insights("act_1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 200)
    error = insights("act_2").json()["error"]
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")


def test_a_version_is_needed_and_ages(stand_ins: StandIns, client: httpx.Client, meta: dict[str, str]) -> None:
    for prefix in ("", "/v12.0"):
        answer = client.get(f"{stand_ins.meta.url}{prefix}/{AD_ACCOUNT}/insights", headers=meta)
        assert answer.json()["error"]["code"] == 2635


def exchange_token(stand_ins: StandIns, client: httpx.Client, token: str, **more: str) -> httpx.Response:
    app_id, app_secret = APP
    fields = {
        "grant_type": "fb_exchange_token",
        "client_id": app_id,
        "client_secret": app_secret,
        "fb_exchange_token": token,
        **more,
    }
    return client.get(f"{stand_ins.meta.url}/v26.0/oauth/access_token", params=fields)


def test_a_token_is_exchanged_for_a_longer_one(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, insights: Ask, clock: MovableClock
) -> None:
    old = world.meta.issue(AD_ACCOUNT, age=timedelta(0), lasts=timedelta(hours=2))
    content = exchange_token(stand_ins, client, old).json()
    assert content["token_type"] == "bearer"
    assert content["expires_in"] // 86400 == 59
    clock.move(timedelta(hours=3))
    assert insights(headers={"Authorization": f"Bearer {content['access_token']}"}).status_code == 200
    error = exchange_token(stand_ins, client, old).json()["error"]
    assert (error["code"], error["error_subcode"]) == (190, 463)
    assert stand_ins.leaks == []
    assert old not in repr(list(stand_ins.meta.calls))


def test_a_wrong_exchange_is_refused(world: ProviderWorld, stand_ins: StandIns, client: httpx.Client) -> None:
    token = world.meta.issue(AD_ACCOUNT)
    for more, code in (({"client_id": "7"}, 101), ({"client_secret": "x"}, 1), ({"grant_type": "x"}, 100)):
        answer = exchange_token(stand_ins, client, token, **more)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


THROTTLES = (4, 17, 32, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008)
ERRORS: list[tuple[CallFault, int, int, int | None]] = [
    *(
        (graph_faults.throttle_calls(code), 403 if code == 4 else 400, code, None)
        for code in (4, 32, 80000, 80006, 80008)
    ),
    (graph_faults.throttle_calls(17), 400, 17, 2446079),
    (graph_faults.throttle_calls(613), 400, 613, 1487742),
    (graph_faults.throttle_calls(80004), 400, 80004, 2446079),
    (graph_faults.fail_transiently(1), 500, 1, None),
    (graph_faults.fail_transiently(2), 500, 2, None),
    (graph_faults.fail_transiently(2, status=400), 400, 2, None),
    (graph_faults.fail_transiently(3, status=400), 400, 3, None),
    *((graph_faults.refuse_token(subcode), 400, 190, subcode) for subcode in (None, 458, 460, 463, 467)),
    (graph_faults.forbid_account(10), 403, 10, None),
    (graph_faults.forbid_account(200), 403, 200, None),
    (graph_faults.forbid_account(294), 403, 294, None),
    (graph_faults.refuse_amount(), 400, 100, 1487534),
    (graph_faults.refuse_amount(1), 500, 1, None),
    (graph_faults.fail_call(368, 1390008, "Blocked"), 400, 368, 1390008),
]


@pytest.mark.parametrize(("fault", "status", "code", "subcode"), ERRORS, ids=lambda value: str(value)[:40])
def test_errors_to_plant(
    stand_ins: StandIns, insights: Ask, fault: CallFault, status: int, code: int, subcode: int | None
) -> None:
    plant_fault(stand_ins.meta, fault, account=AD_ACCOUNT, times=1)
    answer = insights()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert error["message"]
    assert error["fbtrace_id"]
    assert error.get("is_transient") is (True if fault.name.startswith("transient") else None)
    assert insights().status_code == 200


@pytest.mark.parametrize("code", THROTTLES)
def test_a_throttle_says_how_long(stand_ins: StandIns, insights: Ask, code: int) -> None:
    plant_fault(stand_ins.meta, graph_faults.throttle_calls(code, minutes=7, account=AD_ACCOUNT), times=1)
    plant_fault(stand_ins.meta, graph_faults.throttle_calls(code, seconds=90, account=AD_ACCOUNT), times=1)
    plant_fault(stand_ins.meta, graph_faults.throttle_calls(code, hints=False), times=1)
    minutes, seconds, silent = insights().headers, insights().headers, insights().headers
    (usage,) = json.loads(minutes["x-business-use-case-usage"])["798085168510957"]
    assert (usage["estimated_time_to_regain_access"], usage["call_count"]) == (7, 100)
    assert json.loads(seconds["x-ad-account-usage"])["reset_time_duration"] == 90
    assert json.loads(minutes["x-app-usage"])["call_count"] == 100
    assert not [name for name in silent if name.startswith("x-")]


def test_broken_answers_to_plant(stand_ins: StandIns, insights: Ask) -> None:
    plant_fault(stand_ins.meta, graph_faults.null_values(), times=1)
    row = insights().json()["data"][0]
    assert (row["campaign_id"], row["date_start"]) == ("120200", "2026-03-11")
    assert {row[name] for name in ("spend", "impressions", "reach", "clicks")} == {None}
    plant_fault(stand_ins.meta, graph_faults.drop_field("spend"), times=1)
    assert "spend" not in insights().json()["data"][0]
    plant_fault(stand_ins.meta, graph_faults.replace_numbers_with_words(), times=1)
    row = insights().json()["data"][0]
    assert (row["spend"], row["actions"][0]["value"], row["date_start"]) == ("n/a", "n/a", "2026-03-11")
    plant_fault(stand_ins.meta, graph_faults.empty_data(), times=1)
    assert insights().json() == {"data": []}
    plant_fault(stand_ins.meta, graph_faults.fail_gateway(), times=1)
    answer = insights()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain")
