"""For every request: an id, security headers, one log line, and a response in any case."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Container, Iterable
from http import HTTPStatus
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import ServerMetrics
from api.middleware.authentication import is_guarded
from api.problems import build_internal_error, build_problem_response
from runtime.logging import request_id

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

RawHeader = tuple[bytes, bytes]

# A route's own header wins.
SECURITY_HEADERS = (
    (b"cache-control", b"private, no-cache"),
    (b"cross-origin-resource-policy", b"same-site"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
# A page may run its own scripts and no others.
PAGE_POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

ASSETS = "/assets/"
IMMUTABLE = (b"cache-control", b"public, max-age=31536000, immutable")

logger = logging.getLogger("metric_engine.access")


class RequestLogging:
    """Wraps all else: an uncaught error becomes a bare 500, and its traceback goes to the log."""

    def __init__(self, app: ASGIApp, *, server_metrics: ServerMetrics) -> None:
        self.app = app
        self.server_metrics = server_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = get_request_id(scope)
        token = request_id.set(identifier)
        began = time.perf_counter()
        status: int | None = None
        origin: str | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status, origin
            if message["type"] == "http.response.start":
                status, given = message["status"], dict(message["headers"])
                origin = "stale" if b"warning" in given else given.get(b"x-cache", b"").decode() or None
                # A browser applies the policy of a 304, which has no type, to its own copy of the page.
                media_type = given.get(b"content-type") or (b"" if is_guarded(scope) else b"text/html")
                policy = PAGE_POLICY if media_type.startswith(b"text/html") else DATA_POLICY
                headers = complete_headers(message["headers"], given, identifier, policy)
                message["headers"] = mark_immutable(headers) if is_asset(scope, status) else headers
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("unexpected error")
            if status is not None:
                raise
            await build_problem_response(build_internal_error())(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - began
            endpoint = get_endpoint_name(scope)
            self.server_metrics.count_request(endpoint, status, seconds)
            if origin is not None:
                self.server_metrics.count_answer(endpoint, origin)
            logger.info("request", extra={"fields": build_log_fields(scope["method"], endpoint, status, seconds)})
            request_id.reset(token)


def complete_headers(
    headers: Iterable[RawHeader], given: Container[bytes], identifier: str, policy: bytes
) -> list[RawHeader]:
    """Return the headers with those that every response has; `given` are their names."""
    own = (*SECURITY_HEADERS, (b"content-security-policy", policy))
    return [
        *(header for header in headers if header[0] != b"x-request-id"),
        (b"x-request-id", identifier.encode("latin-1")),
        *(header for header in own if header[0] not in given),
    ]


def mark_immutable(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return the headers of a file that never changes under its name."""
    return [*(header for header in headers if header[0] != b"cache-control"), IMMUTABLE]


def is_asset(scope: Scope, status: int | None) -> bool:
    """Tell whether the response is one of the page's files, whose name changes with their content."""
    path: str = scope["path"]
    is_found = status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)
    return is_found and path.removeprefix(scope.get("root_path", "")).startswith(ASSETS)


def get_request_id(scope: Scope) -> str:
    """Return the caller's X-Request-ID where it is safe, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            return given if REQUEST_ID.fullmatch(given) else token_hex(8)
    return token_hex(8)


def get_endpoint_name(scope: Scope) -> str | None:
    """Return the name of the endpoint that answered; None where no route was reached."""
    endpoint = scope.get("endpoint")
    return getattr(endpoint, "__name__", type(endpoint).__name__) if endpoint else None


def build_log_fields(method: str, endpoint: str | None, status: int | None, seconds: float) -> dict[str, object]:
    """Build a request's log fields: its endpoint, never its path, its query or its user."""
    return {"method": method, "endpoint": endpoint, "status": status, "milliseconds": round(seconds * 1000, 2)}
