"""HTTP/1.1 as a stand-in needs it: whole requests in, answers out in one write."""

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
    """A request; header names are in lower case, repeated slashes in the path are one."""

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
        """The fields of a urlencoded body; none if it is of another kind."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def fields(self) -> dict[str, str]:
        """The query's and the form's fields."""
        return {**self.query, **self.form}

    def json(self) -> Any:
        """The body as JSON, None if it is not. A body that is none of ours is the caller's fault, not ours."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class StandInResponse:
    """A status, a body, and headers beside the ones that every answer has."""

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
    """The provider says no; `answer` is how."""

    def __init__(self, answer: StandInResponse) -> None:
        self.answer = answer


async def read_request(reader: asyncio.StreamReader) -> StandInRequest | None:
    """The next request on the connection; None when the client has closed it."""
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
    # Headers and body in one write: in two, the second waits 40 ms for the first one's acknowledgement.
    writer.write(answer.format_head() + answer.body)
    await writer.drain()


def drop_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that may be kept and shown."""
    return {name: value for name, value in fields.items() if name not in SECRETS}
