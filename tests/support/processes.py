"""`metric-engine` as processes of their own, forked from one that has imported it: each import would take a second."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.patience import REDIS_LIMITS
from tests.support.replacements import replace
from tests.support.shipped import SHARED_WORK
from tests.support.worker_forks import fork_workers

# Seconds; a machine that does other things is slow.
PATIENCE = 90.0
ADDRESS = re.compile(r"http://\S+:\d+")
NUMBERS = itertools.count()

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.preloaded"])


class CommandProcess:
    """A command that runs in a folder, with these variables and no others of the tests'.

    What it logs is in the folder's `log`. A process group of its own holds its workers, which are forks of it.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        descriptors: int | None = None,
        limits: Mapping[str, float] = REDIS_LIMITS,
    ) -> None:
        self._log_path, self._output_path = folder / "log", folder / f"output-{next(NUMBERS)}"
        self._log_start = len(self._read_log())
        self._process = FORKS.Process(
            target=run_command,
            args=(
                arguments,
                folder,
                self._output_path.name,
                make_variables(folder, environment),
                descriptors,
                dict(limits),
            ),
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def _read_log(self) -> bytes:
        return self._log_path.read_bytes() if self._log_path.exists() else b""

    @property
    def log(self) -> str:
        """What has been logged in the folder since this process began."""
        return self._read_log()[self._log_start :].decode()

    @property
    def output(self) -> str:
        return self._output_path.read_text() if self._output_path.exists() else ""

    @property
    def workers(self) -> set[int]:
        """The processes that it has started and that have not been waited for."""
        return {int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()}

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative where a signal has ended it."""
        return self._process.exitcode

    def wait(self, seconds: float = PATIENCE) -> int:
        self._process.join(seconds)
        assert self._process.exitcode is not None, "the process does not end"
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        # Before it has a group of its own it has no workers either.
        self._process.kill()
        self.wait()

    def wait_for_address(self) -> str:
        """Return the first address that it prints."""
        deadline = time.monotonic() + PATIENCE
        while (found := ADDRESS.search(self.output)) is None or "\n" not in self.output:
            assert self.returncode is None, self.log
            assert time.monotonic() < deadline, "the server printed no address"
            time.sleep(0.01)
        return found[0]


def make_variables(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """These variables, and what a process needs to find the program and a place for its files."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **environment}


def run_command(
    arguments: tuple[str, ...],
    folder: Path,
    output: str,
    environment: Mapping[str, str],
    descriptors: int | None,
    limits: Mapping[str, float],
) -> None:
    """Run a command in this process, which is a fork made for it, to its end."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # The workers that a server starts take its standard input over by number.
    os.dup2(sys.stdin.fileno(), 0)
    sys.stdin = open(0)  # noqa: SIM115
    for name, descriptor in ((output, 1), ("log", 2)):
        with (folder / name).open("ab") as file:
            os.dup2(file.fileno(), descriptor)
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    replace(SHARED_WORK)
    if "serve" in arguments:
        replace(limits)
        fork_workers()
    from cli import main

    main(list(arguments), prog_name="metric-engine")
