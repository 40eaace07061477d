"""A 200 with JSON that a client may keep: ETag, 304, and the origin of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

Origin = Literal["hit", "miss"]
STALE = '110 - "Response is Stale"'


def build_response(
    request: Request, body: Mapping[str, Any], *, origin: Origin = "miss", stale_seconds: float | None = None
) -> Response:
    """Build a response of the body as JSON, or a 304 where the client has exactly this body.

    `origin` tells whether the cache had it. `stale_seconds` is its age where the cache replaces a database that is
    down.
    """
    content = to_json(body, inf_nan_mode="null")
    etag = f'"{blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Cache": origin}
    if stale_seconds is not None:
        headers |= {"Age": str(int(stale_seconds)), "Warning": STALE}
    if has_etag(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def has_etag(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names the ETag; a weak one is enough for reading."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return any(tag.strip().removeprefix("W/") in ("*", etag) for tag in given.split(","))
