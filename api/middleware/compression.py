"""Compressed responses, each with an ETag of its own."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.responses import MAX_HEADERS, parse_accept

MIN_BYTES = 1_000
# Beyond it, answers hardly shrink.
LEVEL = 5
SUFFIX = '-gzip"'


class Compression:
    """Compresses responses of a kilobyte or more for clients that accept gzip; event streams stay as they are.

    The routes know nothing of it: the ETag of a compressed response gets a suffix here, which is taken off again where
    a client sends it back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.plain = app
        self.compressed = GZipMiddleware(app, MIN_BYTES, LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.plain(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        held: frozenset[str] = frozenset()
        qualities = parse_accept(",".join(headers.getlist("accept-encoding")))
        accepts_gzip = qualities.get("gzip", qualities.get("*", 0)) > 0
        if accepts_gzip:
            # The library knows no other way to say it, and takes `gzip;q=0` for a yes.
            headers["accept-encoding"] = "gzip"
            held = take_suffixes(headers)

        async def send_with_suffix(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                add_suffix(found, message["status"], held)
                add_vary(found)
            await send(message)

        await (self.compressed if accepts_gzip else self.plain)(scope, receive, send_with_suffix)


def take_suffixes(headers: MutableHeaders) -> frozenset[str]:
    """Take the suffix off the ETags that the client holds; return those that had one, without it."""
    given = ",".join(headers.getlist("if-none-match"))
    if SUFFIX not in given:
        return frozenset()
    headers["if-none-match"] = given.replace(SUFFIX, '"')
    tags = (tag.strip().removeprefix("W/") for tag in given.split(","))
    return frozenset(tag.removesuffix(SUFFIX) + '"' for tag in tags if tag.endswith(SUFFIX))


def add_suffix(headers: MutableHeaders, status: int, held: frozenset[str]) -> None:
    """Add the suffix to the ETag of what is compressed, or is held so by the client."""
    etag = headers.get("etag", "")
    is_held = status == HTTPStatus.NOT_MODIFIED and etag.removeprefix("W/") in held
    if etag.endswith('"') and (is_held or headers.get("content-encoding") == "gzip"):
        headers["etag"] = etag[:-1] + SUFFIX


def add_vary(headers: MutableHeaders) -> None:
    """Tell caches that the encoding was negotiated, once: the library adds it blindly, and not to what is small."""
    headers["vary"] = name_encoding(headers.get("vary", ""))


@lru_cache(MAX_HEADERS)
def name_encoding(vary: str) -> str:
    names = [name.strip() for name in vary.split(",")]
    return ", ".join(dict.fromkeys([*filter(None, names), "Accept-Encoding"]))
