"""A 200 that a client may keep: its form, ETag, 304, and the origin of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from engine import is_available

Origin = Literal["hit", "miss"]
JSON = "application/json"
# The forms of a widget's answer beside JSON, by media type.
FORM_TYPES: Mapping[str, str] = {
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
}
# Texts of headers that are remembered with what they mean: browsers send few.
MAX_HEADERS = 256
STALE = '110 - "Response is Stale"'


def build_response(
    request: Request, body: Mapping[str, Any], *, origin: Origin = "miss", stale_seconds: float | None = None
) -> Response:
    """Build a response of the body as JSON, or a 304 where the client has exactly this body.

    `origin` tells whether the cache had it. `stale_seconds` is its age where the cache replaces a database that is
    down.
    """
    return build_content_response(request, encode_json(body), JSON, origin=origin, stale_seconds=stale_seconds)


def build_content_response(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    origin: Origin = "miss",
    stale_seconds: float | None = None,
    vary: str | None = None,
) -> Response:
    """Build a response of the content, or a 304 where the client has exactly this.

    `vary` is the header that chooses it, beside the encoding, which is the middleware's.
    """
    etag = f'"{blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Cache": origin}
    if vary is not None:
        headers["Vary"] = vary
    if stale_seconds is not None:
        headers |= {"Age": str(int(stale_seconds)), "Warning": STALE}
    if has_etag(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def encode_json(body: Mapping[str, Any]) -> bytes:
    return to_json(body, inf_nan_mode="null")


def has_etag(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names the ETag; a weak one is enough for reading."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return any(tag.strip().removeprefix("W/") in ("*", etag) for tag in given.split(","))


def choose_media_type(request: Request) -> str:
    """Choose the form that the client likes best; JSON where it names none of them.

    One that cannot be written here gives way to another that the client takes too.
    """
    header = ",".join(request.headers.getlist("accept"))
    if not header or header == "*/*":
        return JSON
    qualities = parse_accept(header)
    liked = {each: get_quality(qualities, each) for each in (JSON, *FORM_TYPES)}
    able = {each: quality for each, quality in liked.items() if each == JSON or is_available(FORM_TYPES[each])}
    best = max(able, key=able.__getitem__)
    return best if able[best] > 0 else max(liked, key=liked.__getitem__)


@lru_cache(MAX_HEADERS)
def parse_accept(header: str) -> Mapping[str, float]:
    """Parse an Accept header into the quality of each media range; one that cannot be read is 0."""
    qualities = {}
    for entry in header.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        given = [part[2:] for part in parameters if part.startswith("q=")]
        try:
            qualities[media_range] = float(given[0]) if given else 1.0
        except ValueError:
            qualities[media_range] = 0.0
    return qualities


def get_quality(qualities: Mapping[str, float], media_type: str) -> float:
    """Return the quality of a media type; of the ranges that cover it the narrowest says."""
    kind = media_type.partition("/")[0]
    ranges = (media_type, f"{kind}/*", "*/*")
    return next((qualities[each] for each in ranges if each in qualities), 0.0)
