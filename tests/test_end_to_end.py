"""From the command that a newcomer types to the answers that a frontend reads: one real process, real HTTP."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.shipped import get_shipped_folder

pytestmark = pytest.mark.server

NINE = (
    *("ga4.users", "ga4.sessions", "ga4.conv_rate", "ga4.traffic_channels", "meta.roas", "meta.cost_metrics"),
    *("ig.engagement_rate", "ig.content_perf", "corr.spend_vs_sessions"),
)
COMPARES = ("off", "previous_period", "previous_year")
GRAINS = ("day", "week", "month")

# What an analyst adds: a file of YAML, and nothing else.
NEW_WIDGET = """\
source: ga4
metrics:
  ga4.pages_engaged:
    title: Engaged sessions by page
    description: Engaged sessions, by the page that they began on.
    table: ga4_landing_pages_daily
    value: sum(engaged_sessions)
    by: landing_page
    top: 3
    tests:
      - name: two pages
        rows:
          - {date: 2025-01-01, landing_page: /a, engaged_sessions: 2}
          - {date: 2025-01-01, landing_page: /b, engaged_sessions: 5}
        start: 2025-01-01
        end: 2025-01-01
        expect: {stats: {value: 7}, series: {/b: {stats: {value: 5}}}}
"""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running `metric-engine serve --demo`."""

    address: str
    token: str
    metrics: Path

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def post(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.address + path, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def wait_for_job(self, job_id: str) -> Any:
        """The sync job, once it has ended."""
        deadline = time.monotonic() + 60
        while (job := self.get(f"/v1/sync/job/{job_id}"))["finished_at"] is None:
            assert time.monotonic() < deadline, job
            time.sleep(0.1)
        return job


def build_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli", *arguments]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    folder = tmp_path_factory.mktemp("installation")
    metrics = Path(shutil.copytree(get_shipped_folder(), folder / "metrics"))
    with subprocess.Popen(
        build_command("serve", "--demo", "--port", "0", "--reload", "--metrics", str(metrics)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r'Bearer ([^"]+)" "(http://[^/]+)/v1', line):
                    yield DemoServer(found[2], found[1], metrics)
                    break
            else:
                pytest.fail("the server printed no curl line")
        finally:
            process.terminate()
            process.stdout.close()


@pytest.mark.parametrize(("compare", "grain"), list(itertools.product(COMPARES, GRAINS)))
def test_the_demo_answers_every_key(server: DemoServer, compare: str, grain: str) -> None:
    for key in NINE:
        answer = server.get(f"/v1/widgets/{key}?compare={compare}&grain={grain}")
        assert answer["meta"]["key"] == key
        assert answer["series"], f"{key} is empty"
        # Two months are too few points for a correlation.
        valued = key != "corr.spend_vs_sessions" or grain != "month"
        assert (answer["stats"]["value"] is not None) == valued, f"{key}: {answer['stats']}"
        counts = {len(series["points"]) for series in answer["series"]}
        assert len(counts) == 1
        if compare == "off":
            assert "comparison" not in answer
        else:
            assert {len(series["points"]) for series in answer["comparison"]["series"]} == counts
            assert (answer["stats"]["previous"] is not None) == valued


def test_a_new_widget_is_a_file_of_yaml(server: DemoServer) -> None:
    """One that the server takes into service by itself."""
    (server.metrics / "mine.yaml").write_text(NEW_WIDGET, encoding="utf-8")
    deadline = time.monotonic() + 60
    while "ga4.pages_engaged" not in (keys := {each["key"] for each in server.get("/v1/widgets")["widgets"]}):
        assert time.monotonic() < deadline, keys
        time.sleep(0.1)
    answer = server.get("/v1/widgets/ga4.pages_engaged?compare=previous_period")
    assert [series["name"] for series in answer["series"]][-1] == "Other"
    described = server.get("/openapi.json")["paths"]["/v1/widgets/ga4.pages_engaged"]["get"]
    assert described["description"] == "Engaged sessions, by the page that they began on."
    for name in ("validate", "test"):
        done = subprocess.run(build_command(name, str(server.metrics)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_sync_brings_what_is_missing(server: DemoServer) -> None:
    """POST, poll, meta, and the widget that has changed."""
    server.wait_for_job(server.post("/v1/sync/all/run")["job_id"])
    whole = server.get("/v1/widgets/ga4.sessions")
    database = server.metrics.parent / ".metric-engine" / "demo.db"
    lost = "DELETE FROM ga4_daily WHERE user_id = ? AND date = ?"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(lost, ("00000000-0000-4000-8000-000000000001", whole["meta"]["end"]))
    before = server.get("/v1/dashboard/meta")["last_sync_at"]
    job = server.wait_for_job(server.post("/v1/sync/all/run")["job_id"])
    assert job["status"] == "succeeded", job
    assert {source: part["status"] for source, part in job["sources"].items()} == {
        "ga4": "succeeded",
        "instagram": "succeeded",
        "meta": "succeeded",
    }
    assert server.get("/v1/dashboard/meta")["last_sync_at"] > before
    again = server.get("/v1/widgets/ga4.sessions")
    assert again["meta"]["data_through"] == whole["meta"]["end"]
    # The newest days are still being counted, so it is this or a little more.
    assert whole["stats"]["value"] <= again["stats"]["value"] < 1.01 * whole["stats"]["value"]


def test_a_stranger_is_kept_out(server: DemoServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        DemoServer(server.address, "no-token", server.metrics).get("/v1/widgets/ga4.sessions")
    assert refused.value.code == 401
    refused.value.close()
