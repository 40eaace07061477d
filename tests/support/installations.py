"""Installations as processes: a folder of its own, its commands, and its server on a port of this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from api.tokens import create_token
from tests.support.paths import ROOT

SECRET = "a secret of at least thirty-two bytes"
PATIENCE = 90


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status, the headers in lower case, and the body, parsed where it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder in which the commands run, with these variables and no others of the tests'."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder), "JWT_SECRET": SECRET}
        return own | self.variables

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `metric-engine` with these arguments to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def serve(self, *arguments: str) -> Iterator[RunningServer]:
        """Serve on a free port; what it logs is in the folder's `log`."""
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", "serve", "--port", "0", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+:\d+", process.stdout.readline())
            assert found, (self.folder / "log").read_text()
            yield RunningServer(found[0], process.pid)
        finally:
            # With its workers, which would hold on to its output.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server's address, and the id of its process."""

    address: str
    pid: int

    def call(self, method: str, path: str, *, user: str | None = None, body: Any = None) -> HttpAnswer:
        """Send one request, with a token of the user."""
        headers = {} if user is None else {"Authorization": f"Bearer {sign_token(user)}"}
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, sent, headers | {"Content-Type": "application/json"}, method=method
        )
        try:
            answer = urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read().decode()
            is_json = "json" in answer.headers.get("content-type", "")
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return HttpAnswer(answer.status, headers, json.loads(text) if is_json else text)


def sign_token(user: str) -> str:
    return create_token(user, secret=SecretStr(SECRET), lifetime=timedelta(hours=1))
