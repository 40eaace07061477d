"""The authentication of /v1: every path there, present or future, needs a token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.mcp.resource_metadata import METADATA_PATH, build_challenge
from api.middleware.rate_limit import RateLimit, count_request
from api.problems import build_problem, build_problem_response, describe_error
from api.tokens import Authenticator, Identity, KeysUnavailable, Unauthenticated

# Paths under /v1 that have an authentication of their own.
OPEN_PATHS = frozenset({"/v1/sync/cron", METADATA_PATH})
# Threads that wait for public keys.
MAX_FETCHING = 8


class Authentication:
    """Admits a request to /v1 that has a valid bearer token and is within the rate limit.

    The user becomes `request.state.tenant`. The middleware looks for the segment anywhere in the path, so that no
    prefix that a proxy adds leaves a route open.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, rate_limit: RateLimit | None = None) -> None:
        self.app = app
        self.authenticator = authenticator
        self.rate_limit = rate_limit
        self.fetch_limiter = CapacityLimiter(MAX_FETCHING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not is_guarded(scope):
            await self.app(scope, receive, send)
            return
        refusal, headers = await self.find_refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await build_problem_response(refusal, headers=headers)(scope, receive, send)

    async def find_refusal(self, scope: Scope) -> tuple[dict[str, Any] | None, dict[str, str]]:
        """Return the problem that refuses the request, or None, and its headers; set the tenant."""
        try:
            identity = await self.identify_user(Headers(scope=scope).get("authorization"))
        except (Unauthenticated, KeysUnavailable) as error:
            is_for_tools = isinstance(error, Unauthenticated) and get_segment(scope) == "mcp"
            return describe_error(error), build_challenge(scope) if is_for_tools else {}
        if seconds := await count_request(self.rate_limit, identity.user):
            detail = f"too many requests; try again in {seconds} seconds"
            return build_problem(HTTPStatus.TOO_MANY_REQUESTS, detail), {"Retry-After": str(seconds)}
        state = scope.setdefault("state", {})
        state["tenant"], state["token_expires_at"] = identity.user, identity.token_expires_at
        return None, {}

    async def identify_user(self, authorization: str | None) -> Identity:
        token = read_bearer_token(authorization or "")
        if not token:
            raise Unauthenticated("send a token: Authorization: Bearer <JWT>")
        identity = self.authenticator.get_remembered(token) or self.authenticator.verify_known(token)
        if identity is not None:
            return identity
        # Whoever waits for keys here keeps nobody else waiting.
        return await to_thread.run_sync(self.authenticator.verify_token, token, limiter=self.fetch_limiter)


def read_bearer_token(authorization: str) -> str:
    """Return the token of an Authorization header; empty where there is none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_guarded(scope: Scope) -> bool:
    path: str = scope["path"]
    return get_segment(scope) is not None and path.removeprefix(scope.get("root_path", "")) not in OPEN_PATHS


def get_segment(scope: Scope) -> str | None:
    """Return the path's segment after /v1, empty where there is none; None for another path."""
    _, is_api, rest = f"{scope['path']}/".partition("/v1/")
    return rest.partition("/")[0] if is_api else None


async def get_tenant(request: Request) -> str:
    """Return the user of the request, as the authentication has set it."""
    user: str = request.state.tenant
    return user
