"""Two installations that share one Redis, whose settings are equal to the letter."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from tests.conftest import TENANT, RedisServer
from tests.support.installations import Installation

pytestmark = pytest.mark.server

URL = "/v1/widgets/ga4.sessions?start=2026-11-01&end=2026-11-01"
SESSIONS = (111, 999)


@pytest.fixture
def installations(tmp_path: Path, redis_server: RedisServer) -> list[Installation]:
    """Each has a database of its own, which both call by the same relative path."""
    variables = {
        "DATABASE_URL": "sqlite:///metric-engine.db",
        "REDIS_URL": redis_server.url,
        "RATE_LIMIT": "5/hour",
    }
    made = []
    for sessions in SESSIONS:
        folder = tmp_path / f"with-{sessions}"
        folder.mkdir()
        (folder / "days.csv").write_text(
            f"date,property_id,sessions,users,new_users,engaged_sessions\n2026-11-01,1,{sessions},1,1,1\n"
        )
        installation = Installation(folder, variables)
        loaded = installation.run("load", "ga4_daily", "days.csv", "--user", TENANT)
        assert loaded.returncode == 0, loaded.log
        made.append(installation)
    return made


def test_neither_reads_what_the_other_has_cached_or_counted(
    installations: list[Installation], redis_server: RedisServer
) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(each.serve()) for each in installations)
        for server, sessions in zip((first, second), SESSIONS, strict=True):
            answers = [server.call("GET", URL, user=TENANT) for _ in range(2)]
            assert [answer.body["stats"]["value"] for answer in answers] == [sessions] * 2
            assert [answer.headers["x-cache"] for answer in answers] == ["miss", "hit"]
        while first.call("GET", URL, user=TENANT).status != 429:
            pass
        assert second.call("GET", URL, user=TENANT).status == 200
    with Redis.from_url(redis_server.url) as client:
        names = [name.decode() for name in client.scan_iter()]
    # "metric-engine:<format>:<installation>:…", "metric-engine:rate:<installation>:…", the locks among them.
    of_installations = [{part for part in name.split(":") if len(part) == 36 and part != TENANT} for name in names]
    assert all(len(parts) == 1 for parts in of_installations), names
    assert len(set.union(*of_installations)) == 2


def test_two_processes_of_one_installation_read_each_others(installations: list[Installation]) -> None:
    with installations[0].serve() as first, installations[0].serve() as second:
        answers = [server.call("GET", URL, user=TENANT) for server in (first, second)]
    assert [answer.body["stats"]["value"] for answer in answers] == [111, 111]
    assert [answer.headers["x-cache"] for answer in answers] == ["miss", "hit"]
