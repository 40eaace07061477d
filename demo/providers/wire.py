"""HTTP/1.1 for the stand-ins: whole requests, and answers in one write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json; charset=UTF-8"
SECRETS = frozenset(
    {
        "access_token",
        "appsecret_proof",
        "assertion",
        "client_secret",
        "fb_exchange_token",
        "input_token",
        "refresh_token",
    }
)


@dataclass(frozen=True, slots=True)
class StandInRequest:
    """A request; header names are in lower case, repeated slashes in the path are merged."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    @property
    def form(self) -> dict[str, str]:
        """The fields of a urlencoded body; empty for any other body."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def fields(self) -> dict[str, str]:
        """The fields of query and form together."""
        return {**self.query, **self.form}

    def json(self) -> Any:
        """Parse the body as JSON; None if it is invalid, which the provider answers with an error."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class StandInResponse:
    """A response: body, status, and headers beside those of every response."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> StandInResponse:
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(body, status, headers=headers or {})

    def format_head(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode()


class ErrorResponse(Exception):
    """The provider refuses a request; `answer` is its response."""

    def __init__(self, answer: StandInResponse) -> None:
        self.answer = answer


async def read_request(reader: asyncio.StreamReader) -> StandInRequest | None:
    """Read the next request on the connection; None if the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    path = "/" + "/".join(part for part in unquote(url.path).split("/") if part)
    return StandInRequest(method, path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)


async def write_response(answer: StandInResponse, writer: asyncio.StreamWriter) -> None:
    # One write for headers and body: a second one would wait 40 ms for the first one's acknowledgement.
    writer.write(answer.format_head() + answer.body)
    await writer.drain()


def drop_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields without secrets."""
    return {name: value for name, value in fields.items() if name not in SECRETS}
