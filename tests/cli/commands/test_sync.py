from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from state import State
from tests.cli.conftest import ALICE, BOB, Run
from tests.sync.conftest import ENCRYPTION_KEY

pytestmark = pytest.mark.server

DATABASE = "sqlite:///metric-engine.db"
ENVIRONMENT = {
    "DATABASE_URL": DATABASE,
    "ENCRYPTION_KEY": ENCRYPTION_KEY,
    "SYNC_PROVIDERS": "tests.support.sync.own_service:providers",
}


def connect_account(user: str, source: str, account: str, **credentials: str) -> None:
    state = State.open(DATABASE, encryption_key=ENCRYPTION_KEY)
    state.connections.put(user, source, account, credentials or None)
    state.close()


def test_all_users_are_synced(run: Run) -> None:
    connect_account(ALICE, "ga4", "1", refresh_token="the-exports-password")
    connect_account(BOB, "ga4", "2", refresh_token="the-exports-password")
    connect_account(BOB, "meta", "act_3")
    done = run("sync", **ENVIRONMENT)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"{ALICE}: succeeded",
        "  ga4 1: 3 rows",
        f"{BOB}: succeeded",
        "  ga4 2: 3 rows",
        "  meta act_3: comes from elsewhere",
    ]
    yesterday = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=1)
    days = ("--start", yesterday.isoformat(), "--end", yesterday.isoformat())
    answer = run("query", "ga4.sessions", "--user", BOB, *days, "--format", "csv", **ENVIRONMENT)
    assert answer.stdout.splitlines()[1] == f"{yesterday},{100 + yesterday.day}"


def test_an_account_that_cannot_be_read_ends_with_1(run: Run) -> None:
    connect_account(ALICE, "ga4", "1", refresh_token="wrong")
    done = run("sync", "--user", ALICE, **ENVIRONMENT)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "failed",
        "  ga4 1: 0 rows; The export does not know this password; ask the data team for it",
    ]


def test_nothing_to_sync_is_said(run: Run) -> None:
    assert "no user has an account to sync" in run("sync", **ENVIRONMENT).stdout
    done = run("sync", "--user", ALICE, **ENVIRONMENT)
    assert (done.exit_code, done.stdout.partition(":")[0]) == (0, "succeeded")
    assert "nothing to sync" in done.stdout
    connect_account(ALICE, "ga4", "1", refresh_token="the-exports-password")
    assert "nothing to sync" in run("sync", "--user", ALICE, "--source", "meta", **ENVIRONMENT).stdout


def test_a_source_that_is_none_is_named(run: Run) -> None:
    done = run("sync", "--source", "tiktok", **ENVIRONMENT)
    assert done.exit_code == 2
    assert "'tiktok' is not one of" in done.stderr


def test_without_the_key_the_credentials_stay_shut(run: Run) -> None:
    connect_account(ALICE, "ga4", "1", refresh_token="the-exports-password")
    done = run("sync", "--user", ALICE, **ENVIRONMENT | {"ENCRYPTION_KEY": ""})
    assert done.exit_code == 1
    assert "ENCRYPTION_KEY is not set" in done.stdout
    assert "the-exports-password" not in done.output


def test_the_demo_syncs_with_its_stand_ins(run: Run) -> None:
    done = run("sync", "--demo", "--user", "00000000-0000-4000-8000-000000000004", METRICS_DIR="")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "succeeded"
    assert "instagram 17841402268841935" in done.stdout
