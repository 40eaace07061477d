"""Answers that are kept as they were sent, and are sent again while all that they rest on is as it was.

A kept answer passes no thread, no route and no encoder. It leaves only after the same checks as any other: the token,
the rate limit, the tenant's sources and data version, the catalog, the day, and whether the warehouse is up.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware.authentication import read_bearer_token
from api.middleware.body_limit import MAX_BODY_BYTES, read_body, replay_body
from api.middleware.rate_limit import RateLimit, count_request
from api.tokens import Authenticator
from engine import Engine
from runtime.services import AnswerBasis, Services
from state.tenant_watch import TenantWatch

MAX_KEPT_BYTES = 12 * 2**20
# What an entry takes beside its texts.
ENTRY_BYTES = 1_500
PATHS = "/v1/widgets/"
# The headers by which routes and middlewares choose an answer. Whose it is, the token says.
CHOOSING = frozenset((b"accept", b"accept-encoding", b"if-none-match", b"content-type", b"content-encoding"))
# The methods whose answers are kept, and whether they have a body.
METHODS = frozenset((("GET", False), ("POST", True)))
MISS, HIT = (b"x-cache", b"miss"), (b"x-cache", b"hit")

# All of a request that chooses its answer, as it came: user, method, root path, path, query, headers and body. Nothing
# is put in order, since an answer tells of its filters in theirs.
AnswerKey = tuple[str, str, str, str, bytes, tuple[tuple[bytes, bytes], ...], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class KeptAnswer:
    """A response as it was sent, what it rests on, and the endpoint that made it."""

    basis: AnswerBasis
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    endpoint: Any
    size: int


class AnswerStore:
    """The answers that one catalog gave; the least recently used go first beyond `max_bytes`.

    It belongs to one event loop.
    """

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self.max_bytes = max_bytes
        self.engine: Engine | None = None
        self.total = 0
        self.kept: OrderedDict[AnswerKey, KeptAnswer] = OrderedDict()

    def get(self, key: AnswerKey, engine: Engine) -> KeptAnswer | None:
        if self.engine is not engine:
            self.clear(engine)
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
        return found

    def put(self, key: AnswerKey, answer: KeptAnswer) -> None:
        if self.engine is not answer.basis.engine or answer.size > self.max_bytes // 8:
            return
        self.remove(key)
        self.kept[key] = answer
        self.total += answer.size
        while self.total > self.max_bytes:
            self.total -= self.kept.popitem(last=False)[1].size

    def remove(self, key: AnswerKey) -> None:
        found = self.kept.pop(key, None)
        if found is not None:
            self.total -= found.size

    def clear(self, engine: Engine) -> None:
        """Forget all, and keep the answers of another engine from now on."""
        self.kept.clear()
        self.engine, self.total = engine, 0


class KeptAnswers:
    """Sends what is kept of `GET /v1/widgets/{key}` and of a batch, and keeps what the application answers.

    It stands within the logging, and outside of all that chooses or changes an answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        services: Services,
        watch: TenantWatch,
        authenticator: Authenticator,
        rate_limit: RateLimit | None,
    ) -> None:
        self.app = app
        self.services = services
        self.authenticator = authenticator
        self.rate_limit = rate_limit
        self.store = AnswerStore()
        self.watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = None
        if scope["type"] == "http" and PATHS in scope["path"] and self.services.engine.cache is not None:
            key, receive = await self.read_key(scope, receive)
        if key is None:
            await self.app(scope, receive, send)
            return
        kept = self.store.get(key, self.services.engine)
        tenant = await self.watch.get_tenant(key[0])
        if (
            kept is not None
            and kept.basis.tenant == tenant
            and await self.is_current(kept.basis)
            # Where nothing is left, the application says so: a request that is refused is not counted.
            and not await count_request(self.rate_limit, key[0])
        ):
            scope["endpoint"] = kept.endpoint
            await send({"type": "http.response.start", "status": kept.status, "headers": kept.headers})
            await send({"type": "http.response.body", "body": kept.body})
        else:
            if tenant is not None:
                scope.setdefault("state", {})["seen_tenant"] = (key[0], tenant)
            await self.answer_and_keep(key, scope, receive, send)

    async def read_key(self, scope: Scope, receive: Receive) -> tuple[AnswerKey | None, Receive]:
        """Return the request's key and how its body is read again; no key for what is never kept.

        A token that has not been verified a moment ago makes none.
        """
        method, length, authorization, choosing = scope["method"], b"0", None, []
        for header in scope["headers"]:
            name, value = header
            if name in CHOOSING:
                choosing.append(header)
            elif name == b"authorization":
                # Of several the first one counts.
                authorization = value if authorization is None else authorization
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                return None, receive
        token = read_bearer_token((authorization or b"").decode("latin-1"))
        identity = self.authenticator.get_remembered(token) if token else None
        if identity is None or not length.isdigit() or (method, length != b"0") not in METHODS:
            return None, receive
        body = b""
        if method == "POST":
            if int(length) > MAX_BODY_BYTES or (read := await read_body(scope, receive)) is None:
                return None, receive
            body, receive = read, replay_body(read, receive)
        path = (scope.get("root_path", ""), scope["path"], scope["query_string"])
        return (identity.user, method, *path, tuple(choosing), body), receive

    async def is_current(self, basis: AnswerBasis) -> bool:
        """Whether all that an answer rests on beside its tenant is as it was."""
        if time.monotonic() >= basis.expires_at or basis.today != self.services.get_today():
            return False
        health = basis.engine.health
        is_up = health.peek()
        return await run_in_threadpool(health.is_up) if is_up is None else is_up

    async def answer_and_keep(self, key: AnswerKey, scope: Scope, receive: Receive, send: Send) -> None:
        recorder = ResponseRecorder(send)
        await self.app(scope, receive, recorder.send)
        basis: AnswerBasis | None = scope.get("state", {}).get("answer_basis")
        if basis is None or basis.user != key[0] or recorder.body is None or recorder.status not in (200, 304):
            return
        headers = [HIT if header == MISS else header for header in recorder.headers]
        size = sum(len(name) + len(value) for name, value in headers) + len(recorder.body) + measure_key(key)
        self.store.put(key, KeptAnswer(basis, recorder.status, headers, recorder.body, scope.get("endpoint"), size))


class ResponseRecorder:
    """Passes a response on and keeps it, if it is sent in one piece."""

    __slots__ = ("body", "headers", "send_on", "status")

    def __init__(self, send: Send) -> None:
        self.send_on = send
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: bytes | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message.get("more_body", False):
            self.status = 0
        elif self.status:
            self.body = bytes(message.get("body", b""))
        await self.send_on(message)


def measure_key(key: AnswerKey) -> int:
    """Estimate the bytes of an entry without its response."""
    texts = sum(map(len, (*key[:5], key[6])))
    return ENTRY_BYTES + texts + sum(len(name) + len(value) for name, value in key[5])
