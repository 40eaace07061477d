"""Installations as processes: a folder of its own, its commands, and its server on a port of this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from api.tokens import create_token
from tests.support.processes import PATIENCE, CommandProcess

SECRET = "a secret of at least thirty-two bytes"


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

    def start(self, *arguments: str) -> CommandProcess:
        return CommandProcess(*arguments, folder=self.folder, environment={"JWT_SECRET": SECRET} | self.variables)

    def run(self, *arguments: str) -> CommandProcess:
        """Run `metric-engine` with these arguments to its end."""
        process = self.start(*arguments)
        process.wait()
        return process

    @contextmanager
    def serve(self, *arguments: str) -> Iterator[RunningServer]:
        """Serve on a free port; what it logs is in the folder's `log`."""
        process = self.start("serve", "--port", "0", *arguments)
        try:
            yield RunningServer(process.wait_for_address(), process.pid)
        finally:
            process.kill()


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
