"""The limit of request bodies: none too large, and only JSON that can be stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware.authentication import get_segment
from api.problems import build_problem, build_problem_response

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 32


class BodyLimit:
    """Reads a request's body, once and whole, before the application sees it.

    Answers 413 to more than 64 KB, or than what `limits` allow by the segment of the path after /v1, and 422 to a body
    that is not JSON, nests deeper than 32 levels, or has what a database cannot store: NUL, lone surrogates, numbers
    beyond a double.
    """

    def __init__(self, app: ASGIApp, *, limits: Mapping[str, int] = MappingProxyType({})) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        most = self.limits.get(get_segment(scope) or "", MAX_BODY_BYTES)
        body = await read_body(scope, receive, most)
        if body is None:
            refusal = build_problem(413, f"the body is too large; at most {most:,} bytes are allowed")
        elif body and (fault := find_json_fault(scope, body)):
            refusal = build_problem(422, fault)
        else:
            await self.app(scope, replay_body(body, receive), send)
            return
        await build_problem_response(refusal)(scope, receive, send)


def has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def read_body(scope: Scope, receive: Receive, most: int = MAX_BODY_BYTES) -> bytes | None:
    """Return the body, or None when it is too large.

    The size that the client declares is believed only when it is too large.
    """
    declared = Headers(scope=scope).get("content-length", "0")
    if declared.isdecimal() and int(declared) > most:
        return None
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the read body, and then what follows it: a disconnect."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def find_json_fault(scope: Scope, body: bytes) -> str | None:
    """Describe what makes the body invalid, without quoting it; None for a valid body."""
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return "the body must be JSON; send it with Content-Type: application/json"
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        return f"the body is not valid JSON: {error}"
    return find_value_fault(value)


def find_value_fault(value: Any) -> str | None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return None
        if any(isinstance(item, str) and "\0" in item for item in level):
            return "the body holds a NUL character; leave it out"
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            return "the body holds a number beyond the range of a double"
        level = [member for item in level for member in list_members(item)]
    return f"the body nests deeper than {MAX_DEPTH} levels"


def list_members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []
