"""Around every request: an id, security headers, one line in the log, and an answer whatever happens."""

from __future__ import annotations

import logging
import re
import time
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metric_engine.api.logs import request_id
from metric_engine.api.problems import problem_response, unexpected

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

# A route's own header wins.
SECURITY_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Resource-Policy": "same-site",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# A page may run its own scripts and nobody else's.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

logger = logging.getLogger("metric_engine.access")


class Access:
    """Stands around all else: what escapes the application becomes a bare 500, and its traceback goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = identify(scope)
        token = request_id.set(identifier)
        began = time.perf_counter()
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                secure(MutableHeaders(scope=message), identifier)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("unexpected error")
            if status is not None:
                raise
            await problem_response(unexpected())(scope, receive, send_with_headers)
        finally:
            logger.info("request", extra={"fields": line(scope, status, began)})
            request_id.reset(token)


def secure(headers: MutableHeaders, identifier: str) -> None:
    """Add what every answer carries."""
    headers["X-Request-ID"] = identifier
    is_page = headers.get("content-type", "").startswith("text/html")
    headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)


def identify(scope: Scope) -> str:
    """The caller's X-Request-ID where it is harmless, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else token_hex(8)


def line(scope: Scope, status: int | None, began: float) -> dict[str, object]:
    """What the log says of a request: what answered it, never its path, its query or who asked."""
    endpoint = scope.get("endpoint")
    return {
        "method": scope["method"],
        "endpoint": getattr(endpoint, "__name__", type(endpoint).__name__) if endpoint else None,
        "status": status,
        "milliseconds": round((time.perf_counter() - began) * 1000, 2),
    }
