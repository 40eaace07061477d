"""Broken metric files under running workers: every one says so, and a new one serves the last good files."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.attacked_server import AttackedServer, run_attacked
from tests.support.paths import METRICS
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.server

BROKEN = "source: ga4\nmetrics:\n  ga4.worse: {table: ga4_daily, value: sum(}\n"
CATALOG_ASKS = 12


def list_catalogs(server: AttackedServer) -> list[dict[str, Any]]:
    """Return what /readyz says of the catalog, asked often enough to reach each of two workers."""
    return [server.ask("/readyz", user=None).body["checks"]["catalog"] for _ in range(CATALOG_ASKS)]


def has_served_on(server: AttackedServer, times: int) -> bool:
    return server.log.count("the last good ones serve on") == times


def wait_until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(httpx.TransportError, FileNotFoundError):
            if is_done():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def break_file(folder: Path) -> None:
    (folder / "worse.yaml").write_text(BROKEN)


def remove_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def test_workers_say_so_and_are_replaced(tmp_path: Path) -> None:
    folder = shutil.copytree(METRICS, tmp_path / "mine")
    with run_attacked(tmp_path, "--workers", "2", "--metrics", "mine") as server:
        good = {each["version"] for each in list_catalogs(server)}
        for times, spoil in enumerate((break_file, remove_folder), 1):
            spoil(folder)
            server.process.send_signal(signal.SIGHUP)
            wait_until(partial(has_served_on, server, times))
            wait_until(lambda: all(each["status"] == "stale" and each["problems"] for each in list_catalogs(server)))
        before = server.process.workers
        assert len(before) == 2
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(server.process.workers - before) == 2)
        wait_until(lambda: server.ask("/healthz", user=None).status == 200)
        catalogs = list_catalogs(server)
        assert {each["version"] for each in catalogs} == good
        assert {each["status"] for each in catalogs} == {"stale"}
        assert server.ask("/v1/widgets/ga4.sessions").status == 200
        assert "Traceback" not in server.log


def test_one_process_says_that_its_folder_is_gone(tmp_path: Path) -> None:
    folder = shutil.copytree(METRICS, tmp_path / "mine")
    with run_attacked(tmp_path, "--metrics", "mine") as server:
        remove_folder(folder)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.ask("/readyz", user=None).body["checks"]["catalog"]["status"] == "stale")
        folder.with_name("elsewhere").rename(folder)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.ask("/readyz", user=None).body["checks"]["catalog"]["status"] == "ok")
