"""For every request: an id, security headers, one log line, and a response in any case."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import ServerMetrics
from api.middleware.authentication import is_guarded
from api.problems import build_internal_error, build_problem_response
from runtime.logging import log_event, request_id

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
    b"base-uri 'none'; form-action 'self'; frame-ancestors "
)

ASSETS = "/assets/"
IMMUTABLE = (b"cache-control", b"public, max-age=31536000, immutable")
# Heads that are remembered with what they are completed by: kept answers have the same ones again and again.
MAX_HEADS = 512

logger = logging.getLogger("metric_engine.access")


@dataclass(frozen=True, slots=True)
class CompletedHead:
    """The headers of a response but for its request's id, and where the answer came from."""

    headers: tuple[RawHeader, ...]
    origin: str | None


class RequestLogging:
    """Wraps all else: an uncaught error becomes a bare 500, and its traceback goes to the log."""

    def __init__(self, app: ASGIApp, *, server_metrics: ServerMetrics, ancestors: Sequence[str] = ()) -> None:
        self.app = app
        self.server_metrics = server_metrics
        self.page_policy = PAGE_POLICY + (" ".join(ancestors) or "'none'").encode("latin-1")
        self.is_embedded = bool(ancestors)
        self.get_completed_head = lru_cache(MAX_HEADS)(self.complete_head)

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
                status = message["status"]
                guarded = is_guarded(scope)
                head = self.get_completed_head(
                    tuple(message["headers"]), guarded, not guarded and is_asset(scope, status)
                )
                origin = head.origin
                message["headers"] = [*head.headers, (b"x-request-id", identifier.encode("latin-1"))]
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
            log_event(logger, "request", build_log_fields(scope["method"], endpoint, status, seconds))
            request_id.reset(token)

    def complete_head(self, headers: Sequence[RawHeader], guarded: bool, asset: bool) -> CompletedHead:
        """Add what every response has to the headers of one to a guarded path, or of a file of the page."""
        given = dict(headers)
        # A browser applies the policy of a 304, which has no type, to its own copy of the page.
        media_type = given.get(b"content-type") or (b"" if guarded else b"text/html")
        is_page = media_type.startswith(b"text/html")
        own = (*SECURITY_HEADERS, (b"content-security-policy", self.page_policy if is_page else DATA_POLICY))
        completed = [
            *(header for header in headers if header[0] != b"x-request-id"),
            *(header for header in own if header[0] not in given),
        ]
        if is_page and self.is_embedded:
            # It knows no origins: beside a policy that names some it would forbid them in old browsers.
            completed = [header for header in completed if header[0] != b"x-frame-options"]
        if asset:
            completed = mark_immutable(completed)
        origin = "stale" if b"warning" in given else given.get(b"x-cache", b"").decode() or None
        return CompletedHead(tuple(completed), origin)


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
