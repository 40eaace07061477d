"""Guessing the secret of the daily run."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import InvalidSetting
from tests.support.attacked_server import SECRET, AttackedServer, TimedAnswer, run_attacked
from tests.support.environment import read_settings

pytestmark = pytest.mark.server

CRON = "sixteen letters!"


def run_cron(server: AttackedServer, secret: str) -> TimedAnswer:
    return server.ask("/v1/sync/cron", user=None, method="POST", headers={"X-Cron-Secret": secret})


def test_guesses_are_limited(tmp_path: Path) -> None:
    with run_attacked(tmp_path, environment={"CRON_SECRET": CRON}) as server:
        assert run_cron(server, CRON).status == 202
        statuses = [run_cron(server, f"guess {index}").status for index in range(12)]
        last = run_cron(server, CRON)
    assert statuses == [401] * 10 + [429] * 2
    assert (last.status, last.headers["content-type"]) == (429, "application/problem+json")
    assert int(last.headers["retry-after"]) > 0


def test_a_short_secret_is_refused_at_the_start() -> None:
    assert read_settings({"JWT_SECRET": SECRET, "CRON_SECRET": CRON}).cron_secret is not None
    with pytest.raises(InvalidSetting, match="CRON_SECRET: has 15 characters and needs at least 16") as caught:
        read_settings({"JWT_SECRET": SECRET, "CRON_SECRET": CRON[:-1]})
    assert CRON[:-1] not in str(caught.value)
