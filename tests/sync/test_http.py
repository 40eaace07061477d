"""The door to the providers: how many at once, how long, how large, and what is never written down."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from demo.providers.accounts import AdAccount, Profile, Property
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.graph import graph_errors
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.graph.meta import MetaStandIn
from demo.providers.server import StandIn
from demo.providers.wire import StandInResponse
from demo.providers.world import ProviderWorld
from sync.errors import NeedsReauth, ProviderError, Throttled, TooMuchData, Unreachable, Unreadable
from sync.http import ProviderClient, ProviderRequest
from sync.limits import CALL_LIMITS, CallLimits
from sync.parsing import JsonObject, ObjectReader, Site, format_wait
from sync.providers.graph import parse_response
from tests.support.providers import faults, graph_faults
from tests.support.providers.faults import CallFault, clear_faults, plant_fault
from tests.support.sync.recording_sink import (
    CLIENT_SECRET,
    HASTY,
    META_SECRET,
    QUICK,
    make_world,
    open_sink,
    sync_account,
)

pytestmark = pytest.mark.server

SITE = Site("instagram", "Instagram")
ACCOUNTS = [str(number) for number in range(1, 31)]


@pytest.fixture
def world() -> ProviderWorld:
    world = make_world()
    world.add_accounts(*(Profile(account) for account in ACCOUNTS))
    return world


@pytest.fixture
def stand_in(world: ProviderWorld) -> Iterator[StandIn]:
    with InstagramStandIn(world, latency=0.02) as stand_in:
        yield stand_in


def make_request(stand_in: StandIn, account: str) -> ProviderRequest:
    token = stand_in.world.instagram.issue(*ACCOUNTS)
    return ProviderRequest("GET", f"{stand_in.url}/{account}", query={"fields": "followers_count"}, token=token)


def test_so_many_calls_are_under_way_and_no_more(stand_in: StandIn) -> None:
    pace = replace(CALL_LIMITS, at_once=6, at_once_each=4, at_once_account=2)

    async def all_of(accounts: list[str]) -> None:
        async with ProviderClient(pace) as calls:
            await asyncio.gather(
                *(calls.request(SITE, each, make_request(stand_in, each), parse_response) for each in accounts)
            )

    asyncio.run(all_of(ACCOUNTS))
    assert stand_in.calls.max_at_once == 4
    stand_in.calls.clear()
    asyncio.run(all_of(["1"] * 8 + ["2"] * 8))
    assert stand_in.calls.peaks == {"1": 2, "2": 2}


def test_the_limit_over_all_providers(world: ProviderWorld, stand_in: StandIn) -> None:
    async def request_both() -> None:
        async with ProviderClient(replace(CALL_LIMITS, at_once=3, at_once_each=3)) as calls:
            sites = [SITE, Site("meta", "Meta")] * 10
            requests = [
                calls.request(site, each, make_request(stand_in, each), parse_response)
                for site, each in zip(sites, ACCOUNTS[:20], strict=True)
            ]
            await asyncio.gather(*requests)

    asyncio.run(request_both())
    assert stand_in.calls.max_at_once == 3


def test_who_waits_for_a_limit_holds_up_no_one(stand_in: StandIn) -> None:
    plant_fault(stand_in, graph_faults.throttle_calls(80002, seconds=90), account="1", times=1)

    async def one_at_a_time() -> tuple[JsonObject, list[float]]:
        over, naps = asyncio.Event(), []

        async def sleep(seconds: float) -> None:
            naps.append(seconds)
            await over.wait()

        async with ProviderClient(replace(CALL_LIMITS, at_once=1), sleep=sleep) as calls:
            waiting = asyncio.create_task(calls.request(SITE, "1", make_request(stand_in, "1"), parse_response))
            while not naps:
                await asyncio.sleep(0.005)
            for _ in range(3):
                await calls.request(SITE, "2", make_request(stand_in, "2"), parse_response)
            over.set()
            return await waiting, naps

    found, naps = asyncio.run(one_at_a_time())
    assert found["followers_count"] == 1000
    assert len(naps) == 1
    assert 90 <= naps[0] < 91


def test_failures_and_limits_are_counted_apart(stand_in: StandIn) -> None:
    for fault in (graph_faults.throttle_calls(80002, seconds=1), graph_faults.fail_transiently()):
        plant_fault(stand_in, fault, times=2)
    assert run_request(stand_in)["followers_count"] == 1000
    assert len(stand_in.calls) == 5


def make_answer_fault(answer: StandInResponse) -> CallFault:
    return CallFault("answer", answer=lambda request: answer)


def run_request(stand_in: StandIn, pace: CallLimits = QUICK) -> JsonObject:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    async def one() -> JsonObject:
        async with ProviderClient(pace, sleep=sleep) as calls:
            return await calls.request(SITE, "1", make_request(stand_in, "1"), parse_response)

    return asyncio.run(one())


def test_a_body_without_end_is_not_taken_in(stand_in: StandIn) -> None:
    plant_fault(stand_in, faults.send_json({"data": "x" * 300_000}))
    with pytest.raises(TooMuchData, match="more data than is taken in at once"):
        run_request(stand_in, replace(QUICK, max_bytes=100_000))
    assert len(stand_in.calls) == 1


# Of the trickle's twenty pieces each comes well within the longest silence, and all of them beyond the longest call.
@pytest.mark.parametrize(
    "fault", [faults.hang_forever(), faults.drip_answer(4), faults.reset_connection(), faults.cut_off_body()]
)
def test_an_answer_that_does_not_come_is_not_waited_for(stand_in: StandIn, fault: CallFault) -> None:
    plant_fault(stand_in, fault)
    with pytest.raises(Unreachable, match="does not answer"):
        run_request(stand_in, HASTY)
    assert len(stand_in.calls) == 3


@pytest.mark.parametrize("body", [b'{"a":' * 100_000, b"\xff\xfe", b'{"a": NaN', b"null", b'"x"'])
def test_what_is_no_object_is_unreadable(stand_in: StandIn, body: bytes) -> None:
    plant_fault(stand_in, make_answer_fault(StandInResponse(body)))
    with pytest.raises(Unreadable, match=r"Instagram answered with .*; nothing was changed"):
        run_request(stand_in)


def test_a_redirect_is_not_followed(stand_in: StandIn, world: ProviderWorld) -> None:
    with InstagramStandIn(world) as elsewhere:
        moved = StandInResponse(b"<html>Moved</html>", 302, "text/html", {"Location": f"{elsewhere.url}/1"})
        plant_fault(stand_in, make_answer_fault(moved))
        with pytest.raises(Unreadable, match="web page"):
            run_request(stand_in)
        assert len(elsewhere.calls) == 0


def test_a_proxy_of_the_machine_has_no_say(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run_request(stand_in)["followers_count"] == 1000


def test_headers_of_limits_that_cannot_be_read_are_none(stand_in: StandIn) -> None:
    digits = "1" + "0" * 400
    for text in (
        *("", "no JSON", "[" * 10_000, "[null, 1]", '{"1": [{"estimated_time_to_regain_access": "soon"}]}'),
        *(
            f'{{"1": [{{"estimated_time_to_regain_access": {number}}}]}}'
            for number in (digits, "1e308", "1e400", "NaN")
        ),
        *(f'{{"reset_time_duration": {number}}}' for number in (digits, "1e308", "-1", "true", "[]")),
    ):
        headers = {"X-Business-Use-Case-Usage": text, "X-Ad-Account-Usage": text, "Retry-After": "Thu, 1 Jan 2026"}
        refusal = graph_errors.build_error(4, "limit", headers=headers)
        plant_fault(stand_in, make_answer_fault(refusal), times=1)
        assert run_request(stand_in)["followers_count"] == 1000


def test_a_limit_of_http_is_one_too(stand_in: StandIn) -> None:
    refusal = StandInResponse(b"slow down", 429, "text/plain", {"Retry-After": "7200"})
    plant_fault(stand_in, make_answer_fault(refusal))
    with pytest.raises(Throttled, match="for about 2 hours") as failure:
        run_request(stand_in)
    assert failure.value.seconds == 7200


def test_a_time_to_wait_is_told_in_round_words() -> None:
    assert [format_wait(seconds) for seconds in (1, 60, 89, 91, 5400, 7200, 90_000)] == [
        *("1 minute", "1 minute", "1 minute", "2 minutes"),
        *("90 minutes", "2 hours", "25 hours"),
    ]


@pytest.mark.parametrize("value", ["", "x", "1e400", "NaN", "Infinity", "9" * 50, None, True, [], 1.5, "1.5", 2**63])
def test_what_is_no_whole_number_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable, match=r"without a (whole )?number for 'views'"):
        ObjectReader(SITE).parse_count(value, "views")


@pytest.mark.parametrize("value", [-1, "-1", -(2**62), "-0.5"])
def test_a_negative_count_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable, match="with a negative 'views'"):
        ObjectReader(SITE).parse_count(value, "views")


def test_no_token_is_written_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every way a token travels, through success and failure, with every log as loud as it can be."""
    caplog.set_level(logging.DEBUG)
    world = make_world()
    world.add_accounts(Property("1"), AdAccount("act_2"), Profile("3"))
    secrets = [CLIENT_SECRET, META_SECRET, world.google.issue("1"), world.meta.issue("act_2")]
    secrets.append(world.instagram.issue("3"))
    servers: list[tuple[str, str, StandIn, dict[str, str]]] = [
        ("ga4", "1", GA4StandIn(world), {"refresh_token": secrets[2]}),
        ("meta", "act_2", MetaStandIn(world), {"access_token": secrets[3]}),
        ("instagram", "3", InstagramStandIn(world), {"access_token": secrets[4]}),
    ]
    written = []
    for source, account, stand_in, credentials in servers:
        with stand_in, open_sink(f"sqlite:///{tmp_path}/{source}.db", source, account) as desk:
            for fault in (
                None,
                faults.reset_connection(),
                faults.send_html(),
                faults.cut_off_body(),
                graph_faults.refuse_token(),
            ):
                clear_faults(stand_in)
                if fault is not None:
                    plant_fault(stand_in, fault)
                try:
                    sync_account(desk, stand_in, credentials, history=1, age=timedelta(days=30))
                except ProviderError as error:
                    written.append("".join(traceback.format_exception(error)))
                secrets += [each["access_token"] for each in desk.renewed]
            assert stand_in.calls.leaks == []
    assert len(written) == 4 * 3
    assert any(record.name.startswith("metric_engine.sync") for record in caplog.records)
    written += [caplog.text, repr(ProviderRequest("GET", "http://x/?access_token=" + secrets[4], token=secrets[4]))]
    for secret in secrets:
        assert not [text for text in written if secret in text]


def test_a_dead_token_is_asked_with_once(stand_in: StandIn) -> None:
    plant_fault(stand_in, graph_faults.refuse_token())
    with pytest.raises(NeedsReauth):
        run_request(stand_in)
    assert len(stand_in.calls) == 1
