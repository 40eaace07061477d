"""A server process to attack, and what answers over HTTP while it is under attack."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from pydantic import SecretStr

from api.tokens import create_token
from tests.support.patience import REDIS_LIMITS
from tests.support.plain_http import NO_AUTHORITIES
from tests.support.processes import PATIENCE, CommandProcess

A = "aaaaaaaa-0000-4000-8000-00000000000a"
B = "bbbbbbbb-0000-4000-8000-00000000000b"
SECRET = "a secret of at least thirty-two bytes"


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """A response, and the seconds that it took."""

    status: int
    body: Any
    headers: httpx.Headers
    seconds: float


@dataclass(frozen=True, slots=True)
class AttackedServer:
    """A running `metric-engine serve`; `log` is what it has written so far."""

    address: str
    process: CommandProcess

    @property
    def log(self) -> str:
        return self.process.log

    def ask(self, path: str, *, user: str | None = A, token: str | None = None, **request: Any) -> TimedAnswer:
        """Send one request over a connection of its own; `method`, `json` and `headers` are httpx's."""
        if token is None and user is not None:
            token = sign_for(user)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        began = time.monotonic()
        answer = httpx.request(
            request.pop("method", "GET"),
            self.address + path,
            headers=headers | request.pop("headers", {}),
            timeout=PATIENCE,
            verify=NO_AUTHORITIES,
            **request,
        )
        body = answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
        return TimedAnswer(answer.status_code, body, answer.headers, time.monotonic() - began)

    def open_connection(self) -> socket.socket:
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=PATIENCE)


def sign_for(user: str) -> str:
    return create_token(user, secret=SecretStr(SECRET), lifetime=timedelta(hours=1))


@contextmanager
def run_attacked(
    folder: Path,
    *arguments: str,
    descriptors: int | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    limits: Mapping[str, float] = REDIS_LIMITS,
) -> Iterator[AttackedServer]:
    """Run a server in this folder, on an SQLite file there unless a variable says otherwise.

    `limits` are seconds by their module and name.
    """
    variables = {"DATABASE_URL": f"sqlite:///{folder}/all.db", "JWT_SECRET": SECRET} | dict(environment)
    process = CommandProcess(
        *("serve", "--port", "0", *arguments),
        folder=folder,
        environment={name: value for name, value in variables.items() if value},
        descriptors=descriptors,
        limits=limits,
    )
    try:
        server = AttackedServer(process.wait_for_address(), process)
        assert server.ask("/healthz", user=None).status == 200
        yield server
    finally:
        process.kill()
