"""Admission: each tenant has a share of the threads, each database its own bound, each answer its time.

A request that would wait longer than five seconds for a place, or takes longer than its time, is a 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Literal
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware.authentication import get_segment
from api.problems import AnswerTooLate, NoFreePlace, build_problem_response, describe_error
from engine import answer_deadline

WAIT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
INSIGHTS_SECONDS = 30.0
# Who types waits for no draft longer, so that a slow one is soon mended.
STUDIO_SECONDS = 8.0
# Threads that work for requests. A warehouse's driver has as many connections.
MAX_PLACES = 16
# Of those, the ones that one tenant can have.
MAX_SHARE = 4
# Other work takes threads too: files, the rate limit in Redis, /readyz.
MAX_THREADS = 4 * MAX_PLACES

Database = Literal["state", "warehouse"]
# The database that requests wait for, by the segment of the path after /v1; every other one waits for the state. An
# endpoint that is no thread for most of its time is at None, and takes a place itself while it needs one.
DATABASES: Mapping[str, Database | None] = {
    "widgets": "warehouse",
    "studio": "warehouse",
    "insights": None,
    "events": None,
    "mcp": None,
}
SECONDS: Mapping[str, float] = {"insights": INSIGHTS_SECONDS, "mcp": INSIGHTS_SECONDS, "studio": STUDIO_SECONDS}


class Places:
    """The places of one database; a tenant never has more than its share of them."""

    def __init__(self, total: int = MAX_PLACES, share: int = MAX_SHARE) -> None:
        self.share = share
        self.free = asyncio.Semaphore(total)
        # Whoever holds or awaits a place holds on to the tenant's share.
        self.shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def hold_place(self, tenant: str) -> AsyncIterator[None]:
        """Hold a place within this block. Raises NoFreePlace after five seconds without one."""
        share = await self.take_place(tenant)
        try:
            yield
        finally:
            self.leave_place(share)

    async def take_place(self, tenant: str) -> asyncio.Semaphore:
        """Take a place, and return the tenant's share to leave it by. Raises NoFreePlace as `hold_place` does."""
        share = self.shares.get(tenant)
        if share is None:
            share = self.shares[tenant] = asyncio.Semaphore(self.share)
        if share.locked() or self.free.locked():
            await self.await_place(share)
        else:
            # Neither of them waits.
            await share.acquire()
            await self.free.acquire()
        return share

    def leave_place(self, share: asyncio.Semaphore) -> None:
        self.free.release()
        share.release()

    async def await_place(self, share: asyncio.Semaphore) -> None:
        """Wait for a place of the tenant's share and of all. Raises NoFreePlace after five seconds."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await share.acquire()
                try:
                    await self.free.acquire()
                except BaseException:
                    share.release()
                    raise
        except TimeoutError:
            raise NoFreePlace(f"too many requests wait here; try again in {WAIT_SECONDS:g} seconds") from None


class Admission:
    """Gives each request to /v1 a place, and answers 503 in its stead when its time is over.

    A thread cannot be stopped: it keeps its place until it ends, which nobody waits for any longer.
    """

    def __init__(self, app: ASGIApp, *, places: Mapping[Database, Places]) -> None:
        self.app = app
        self.places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        segment = get_segment(scope) if scope["type"] == "http" else None
        if segment is None:
            await self.app(scope, receive, send)
            return
        seconds = SECONDS.get(segment, ANSWER_SECONDS)
        database = DATABASES.get(segment, "state")
        reply = OneReply(scope, receive, send)
        token = answer_deadline.set(monotonic() + seconds)
        timer = asyncio.get_running_loop().call_later(seconds, reply.refuse, seconds)
        try:
            if database is None:
                await self.app(scope, receive, reply.send)
            else:
                places = self.places[database]
                share = await places.take_place(scope.get("state", {}).get("tenant", ""))
                try:
                    await self.app(scope, receive, reply.send)
                finally:
                    places.leave_place(share)
        except NoFreePlace as error:
            await build_problem_response(describe_error(error))(scope, receive, reply.send)
        finally:
            timer.cancel()
            answer_deadline.reset(token)


class OneReply:
    """Sends one response: the application's, or a refusal where that began first."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = scope, receive
        self.send_on = send
        self.has_begun = False
        self.refusal: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        if self.refusal is None:
            self.has_begun = True
            await self.send_on(message)

    def refuse(self, seconds: float) -> None:
        if not self.has_begun:
            error = AnswerTooLate(f"the answer took longer than {seconds:g} seconds; try again shortly")
            response = build_problem_response(describe_error(error))
            self.refusal = asyncio.ensure_future(response(*self.request, self.send_on))
