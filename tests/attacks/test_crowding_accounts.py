"""One user with as many accounts as are allowed, all of whose calls hang, beside another with one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import TENANT
from tests.support.installations import HttpAnswer, Installation, RunningServer
from tests.support.providers.faults import hang_forever, plant_fault
from tests.support.sync.crowds import Crowd, make_user_id
from tests.sync.conftest import ENCRYPTION_KEY

pytestmark = pytest.mark.server

MOST, TRIED = 100, 120
# Alone it takes about a second. Of the hanging calls, each is given up after 20, and eight are under way at a time.
SECONDS = 90


def connect_account(server: RunningServer, user: str, account: str, token: str) -> HttpAnswer:
    body = {"account_id": account, "credentials": {"access_token": token}}
    return server.call("PUT", "/v1/connections/meta", user=user, body=body)


def run_to_the_end(server: RunningServer, user: str) -> str:
    job = server.call("POST", "/v1/sync/all/run", user=user).body["job_id"]
    deadline = time.monotonic() + SECONDS
    while True:
        found = server.call("GET", f"/v1/sync/job/{job}", user=user).body
        if found["status"] not in ("queued", "running"):
            return str(found["status"])
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@pytest.fixture
def installation(state_url: str, tmp_path: Path) -> Installation:
    facts = f"sqlite:///{tmp_path}/facts.db" if state_url.startswith("sqlite") else state_url
    variables = {"DATABASE_URL": state_url, "WAREHOUSE_URL": facts, "ENCRYPTION_KEY": ENCRYPTION_KEY}
    return Installation(tmp_path, variables)


def test_one_users_hanging_accounts_keep_nobody_waiting(installation: Installation) -> None:
    crowd = Crowd.of(1, datetime.now(UTC))
    [other] = crowd.users
    plant_fault(crowd.stand_ins.meta, hang_forever(), path="/act_9")
    with crowd.stand_ins as stand_ins:
        installation.variables.update(stand_ins.build_environment())
        with installation.serve() as server:
            accounts = [f"act_9{number:05d}" for number in range(TRIED)]
            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(lambda account: connect_account(server, TENANT, account, "token"), accounts))
            refused = [answer for answer in answers if answer.status != 200]
            assert len(answers) - len(refused) == MOST
            assert {(answer.status, answer.body["detail"]) for answer in refused} == {
                (409, "100 accounts of meta are connected, and no user may have more; remove one first")
            }
            taken = accounts[[answer.status for answer in answers].index(200)]
            assert connect_account(server, TENANT, taken, "another token").status == 200
            assert server.call("PUT", "/v1/connections/ga4", user=TENANT, body={"account_id": "7"}).status == 200
            assert connect_account(server, make_user_id(other), other.ad_account_id, other.meta_token).status == 200

            server.call("POST", "/v1/sync/all/run", user=TENANT)
            deadline = time.monotonic() + SECONDS
            while len(crowd.stand_ins.meta.calls) < 8:
                assert time.monotonic() < deadline, "no call hangs"
                time.sleep(0.05)
            assert run_to_the_end(server, make_user_id(other)) == "succeeded"
