"""The one guard of /v1: whatever is served there, today or tomorrow, needs a token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.middleware.rate_limit import Rate
from api.problems import problem, problem_of, problem_response
from api.tokens import Authenticator, Identity, KeysUnavailable, Unauthenticated

# Paths under /v1 that have a guard of their own.
OPEN_PATHS = frozenset({"/v1/sync/cron"})


class Guard:
    """Lets a request to /v1 pass with a valid bearer token, as `request.state.tenant`, and within the rate.

    It looks for the segment anywhere in the path, so that no prefix a proxy adds leaves a route open.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, rate: Rate | None = None) -> None:
        self.app = app
        self.authenticator = authenticator
        self.rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not is_guarded(scope):
            await self.app(scope, receive, send)
            return
        refusal, headers = await self.refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await problem_response(refusal, headers=headers)(scope, receive, send)

    async def refusal(self, scope: Scope) -> tuple[dict[str, Any] | None, dict[str, str]]:
        """The problem that keeps the request out and its headers, or None; notes the tenant on the way."""
        try:
            identity = await self.identity(Headers(scope=scope).get("authorization"))
        except (Unauthenticated, KeysUnavailable) as error:
            return problem_of(error), {}
        if seconds := await self.wait(identity.user):
            detail = f"too many requests; try again in {seconds} seconds"
            return problem(HTTPStatus.TOO_MANY_REQUESTS, detail), {"Retry-After": str(seconds)}
        scope.setdefault("state", {})["tenant"] = identity.user
        return None, {}

    async def wait(self, user: str) -> int:
        """The seconds until the user may ask again; 0 for now."""
        if self.rate is None:
            return 0
        return await run_in_threadpool(self.rate.wait, user) if self.rate.blocks else self.rate.wait(user)

    async def identity(self, authorization: str | None) -> Identity:
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send a token: Authorization: Bearer <JWT>")
        token = token.strip()
        identity = self.authenticator.recall(token)
        return await run_in_threadpool(self.authenticator.verify, token) if identity is None else identity


def is_guarded(scope: Scope) -> bool:
    path: str = scope["path"]
    return "/v1/" in f"{path}/" and path.removeprefix(scope.get("root_path", "")) not in OPEN_PATHS


async def tenant(request: Request) -> str:
    """The user whose request this is, as the guard found it."""
    user: str = request.state.tenant
    return user
