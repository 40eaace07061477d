"""The server under every stand-in: what goes wrong on the wire, the log of calls, opening and closing."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from demo.providers.crowd import CrowdUser, add_crowd
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.graph.meta import MetaStandIn
from demo.providers.server import CallSubject
from demo.providers.stand_ins import StandIns
from demo.providers.wire import StandInRequest, StandInResponse
from demo.providers.world import ProviderWorld
from tests.demo.providers.conftest import AD_ACCOUNT, NOW, PROFILE, PROPERTY, Ask, MovableClock
from tests.support.plain_http import NO_AUTHORITIES
from tests.support.processes import PATIENCE
from tests.support.providers import faults
from tests.support.providers.faults import CallFault, plant_fault

pytestmark = pytest.mark.server


def test_an_html_page(stand_ins: StandIns, report: Ask) -> None:
    for status in (200, 502):
        plant_fault(stand_ins.ga4, faults.send_html(status), account=PROPERTY, times=1)
        answer = report()
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=UTF-8")
        assert answer.text.startswith("<!DOCTYPE html>")


def test_truncated_json(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, faults.truncate_json(), account=PROPERTY, times=1)
    answer = report()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_other_bodies(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, faults.send_empty(), account=PROPERTY, times=1)
    assert report().content == b""
    plant_fault(stand_ins.ga4, faults.send_json(["rows"]), account=PROPERTY, times=1)
    assert report().json() == ["rows"]
    plant_fault(stand_ins.ga4, faults.add_extra_fields(), account=PROPERTY, times=1)
    content, plain = report().json(), report().json()
    assert "new_in_this_version" in content
    assert "new_in_this_version" in content["rows"][0]["metricValues"][0]
    assert content["rows"][0]["metricValues"][0]["value"] == plain["rows"][0]["metricValues"][0]["value"]


def test_a_cut_off_answer(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, faults.cut_off_body(), account=PROPERTY, times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection without sending complete message"):
        report()
    assert report().status_code == 200


def test_a_reset_connection(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, faults.reset_connection(), account=PROPERTY, times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        report()
    assert report().status_code == 200
    assert [(call.fault, call.status) for call in stand_ins.ga4.calls.filter_calls(account=PROPERTY)] == [
        ("reset", None),
        (None, 200),
    ]


def test_a_hang_lasts_until_the_client_gives_up(stand_ins: StandIns, report: Ask, client: httpx.Client) -> None:
    plant_fault(stand_ins.ga4, faults.hang_forever(), account=PROPERTY, times=1)
    client.timeout = httpx.Timeout(PATIENCE, read=0.2)
    with pytest.raises(httpx.ReadTimeout):
        report()
    assert report().status_code == 200
    hung = stand_ins.ga4.calls.filter_calls(account=PROPERTY)[0]
    assert (hung.fault, hung.status) == ("hang", None)
    deadline = time.monotonic() + PATIENCE
    while stand_ins.ga4.calls.count_under_way():
        assert time.monotonic() < deadline, "the hung call is still under way"
        time.sleep(0.01)


def test_a_slow_answer_and_a_drip(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, faults.slow_answer(0.2), account=PROPERTY, times=1)
    plant_fault(stand_ins.ga4, faults.drip_answer(0.4), account=PROPERTY, times=1)
    for _ in range(2):
        started = time.monotonic()
        assert len(report().json()["rows"]) == 9
        assert time.monotonic() - started >= 0.2


def test_faults_fit_some_calls(stand_ins: StandIns, insights: Ask, graph: Ask, meta: dict[str, str]) -> None:
    broken = faults.send_html(500)
    token = meta["Authorization"].removeprefix("Bearer ")
    plant = plant_fault(stand_ins.meta, broken, token=token, path="insights", skip=1, times=2)
    assert [insights().status_code for _ in range(4)] == [200, 500, 500, 200]
    assert plant.hits == 2
    plant_fault(stand_ins.meta, broken, when=lambda request: request.query.get("limit") == "7")
    assert [insights(limit=limit).status_code for limit in ("7", "8", "7")] == [500, 200, 500]
    plant_fault(stand_ins.meta, broken, account="act_1")
    assert insights().status_code == 200
    assert graph(PROFILE).status_code == 200
    stand_ins.clear()
    assert insights(limit="7").status_code == 200
    assert len(stand_ins.meta.calls) == 1


def test_a_share_of_the_calls_is_the_same_share_in_any_order(world: ProviderWorld) -> None:
    def befallen(order: list[str]) -> set[tuple[str, int]]:
        stand_in = MetaStandIn(world)
        plant = plant_fault(stand_in, faults.send_html(500), chance=0.2, seed=3)
        request = StandInRequest("GET", "/v26.0/act_1/insights", {}, {})
        seen: dict[str, int] = {}
        found = set()
        for account in order:
            seen[account] = seen.get(account, 0) + 1
            if plant.befalls(request, account, None):
                found.add((account, seen[account]))
        return found

    accounts = [f"act_{number}" for number in range(100)]
    by_account = befallen([account for account in accounts for _ in range(10)])
    by_turns = befallen(accounts * 10)
    assert by_account == by_turns
    assert 150 < len(by_account) < 250


def test_the_log_knows_who_asked_for_what(stand_ins: StandIns, report: Ask, insights: Ask, graph: Ask) -> None:
    report()
    insights()
    graph(f"{PROFILE}/media", limit="3")
    exchange, asked, ads, media = stand_ins.calls
    assert (exchange.path, exchange.account, exchange.body) == (
        "/token",
        "",
        {"grant_type": "refresh_token", "client_id": "stand-in-client"},
    )
    assert (asked.account, asked.method, asked.status, asked.at) == (PROPERTY, "POST", 200, NOW)
    assert asked.body["dateRanges"] == [{"startDate": "9daysAgo", "endDate": "yesterday"}]
    assert (ads.account, ads.query["level"]) == (AD_ACCOUNT, "campaign")
    assert (media.account, dict(media.query)) == (PROFILE, {"limit": "3"})
    assert stand_ins.meta.calls.filter_calls(account=AD_ACCOUNT, path="insights", status=200, method="GET") == [ads]
    assert stand_ins.meta.calls.filter_calls(status=400) == []


def test_tokens_in_the_query_are_found_and_not_kept(
    stand_ins: StandIns, client: httpx.Client, world: ProviderWorld
) -> None:
    token = world.meta.issue(AD_ACCOUNT)
    url = f"{stand_ins.meta.url}/v26.0/{AD_ACCOUNT}"
    assert client.get(url, params={"access_token": token}).status_code == 200
    assert client.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert [call.token_in_query for call in stand_ins.meta.calls] == [True, False]
    assert len(stand_ins.leaks) == 1
    assert token not in repr(stand_ins.calls)


def test_the_most_calls_at_once(stand_ins: StandIns, insights: Ask) -> None:
    with ThreadPoolExecutor(4) as threads:
        stand_ins.meta.latency = 0.2
        for answer in [threads.submit(insights) for _ in range(4)]:
            assert answer.result().status_code == 200
    calls = stand_ins.meta.calls
    assert (calls.max_at_once, calls.get_peak(AD_ACCOUNT), calls.peaks) == (4, 4, {AD_ACCOUNT: 4})


def test_connections_are_kept_alive_and_requests_may_come_in_pieces(stand_ins: StandIns) -> None:
    request = f"GET /v26.0/{AD_ACCOUNT} HTTP/1.1\r\nHost: local\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", stand_ins.meta.port), timeout=PATIENCE) as connection:
        for cut in (1, 20, len(request) - 1):
            connection.sendall(request[:cut])
            time.sleep(0.02)
            connection.sendall(request[cut:])
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        # The head and the body of an answer arrive together.
        connection.sendall(request + request)
        received = b""
        while received.count(b'"code":104') < 2:
            received += connection.recv(65_536)
        connection.sendall(b"GET /half")
    assert len(stand_ins.meta.calls) == 5


def test_it_closes_with_calls_under_way(world: ProviderWorld) -> None:
    stand_in = MetaStandIn(world)
    plant_fault(stand_in, faults.hang_forever())
    with stand_in, ThreadPoolExecutor(1) as threads, httpx.Client(verify=NO_AUTHORITIES) as client:
        call = threads.submit(client.get, stand_in.url)
        while not stand_in.calls.count_under_way():
            time.sleep(0.001)
        stand_in.close()
        with pytest.raises(httpx.RemoteProtocolError):
            call.result()


def test_it_closes_on_a_client_that_does_not_read(world: ProviderWorld) -> None:
    stand_in = MetaStandIn(world)
    plant_fault(stand_in, faults.send_json("x" * 20_000_000))
    with stand_in, socket.create_connection(("127.0.0.1", stand_in.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while not stand_in.calls.count_under_way():
            time.sleep(0.001)
        stand_in.close()
        received = 0
        with suppress(ConnectionResetError):
            while chunk := connection.recv(1_000_000):
                received += len(chunk)
        assert received < 20_000_000


def test_it_comes_back_on_the_same_port(world: ProviderWorld) -> None:
    stand_in = GA4StandIn(world)
    with stand_in:
        url = stand_in.url
    with httpx.Client(verify=NO_AUTHORITIES) as client:
        with pytest.raises(httpx.ConnectError):
            client.get(url)
        with stand_in:
            assert stand_in.url == url
            assert client.get(url).status_code == 404
        stand_in.close()  # Closing what is closed does nothing.


def test_a_taken_port_is_an_error_and_nothing_stays_open(world: ProviderWorld) -> None:
    with GA4StandIn(world) as first:
        stand_ins = StandIns(world)
        stand_ins.instagram.port = first.port
        with pytest.raises(OSError, match="in use"):
            stand_ins.start()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", stand_ins.meta.port)).close()


def test_what_goes_wrong_inside_is_told_at_the_end(world: ProviderWorld) -> None:
    class Broken(MetaStandIn):
        def respond(self, request: StandInRequest, subject: CallSubject) -> StandInResponse:
            raise ZeroDivisionError

    stand_in = Broken(world).start()
    with httpx.Client(verify=NO_AUTHORITIES) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(stand_in.url)
    with pytest.raises(ZeroDivisionError):
        stand_in.close()


def test_a_changed_answer_that_was_a_refusal_stays_one(stand_ins: StandIns, report: Ask) -> None:
    plant_fault(stand_ins.ga4, CallFault("never", change=lambda content: {"changed": content}))
    assert report(headers={}).json().keys() == {"error"}
    assert report().json().keys() == {"changed"}


def test_many_users_with_thirty_calls_at_once(clock: MovableClock) -> None:
    world = ProviderWorld(clock)
    users = add_crowd(world, 100)
    fields = {
        "level": "campaign",
        "time_increment": "1",
        "time_range": '{"since":"2026-03-01","until":"2026-03-19"}',
        "fields": "campaign_id,spend",
    }

    async def ask_all(stand_in: MetaStandIn) -> list[int]:
        gate = asyncio.Semaphore(30)

        async def ask(client: httpx.AsyncClient, user: CrowdUser) -> int:
            headers = {"Authorization": f"Bearer {user.meta_token}"}
            async with gate:
                answer = await client.get(f"/v26.0/{user.ad_account_id}/insights", params=fields, headers=headers)
            return len(answer.json()["data"])

        async with httpx.AsyncClient(base_url=stand_in.url, timeout=60, verify=NO_AUTHORITIES) as client:
            return await asyncio.gather(*(ask(client, user) for user in users for _ in range(5)))

    with MetaStandIn(world, latency=0.002) as stand_in:
        assert asyncio.run(ask_all(stand_in)) == [19] * 500
        assert len(stand_in.calls) == 500
        assert 2 <= stand_in.calls.max_at_once <= 30
