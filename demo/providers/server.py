"""The base of the stand-ins: a local server with a log of its calls."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import NamedTuple, Self

from demo.providers.calls import CallLog, LoggedCall
from demo.providers.wire import ErrorResponse, StandInRequest, StandInResponse, read_request, write_response
from demo.providers.world import ProviderWorld

HOST = "127.0.0.1"
BACKLOG = 1024


class CallSubject(NamedTuple):
    """The account and token of a call; `token_in_query` marks a token where it is not allowed."""

    account: str
    token: str | None
    token_in_query: bool


class Exchange(NamedTuple):
    """A call that is not answered yet: request, subject, the provider's answer and the connection."""

    call: LoggedCall
    request: StandInRequest
    subject: CallSubject
    respond: Callable[[], StandInResponse]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


# Answers a call in place of the stand-in: returns whether the connection can be used again, or None if it does not.
Interceptor = Callable[[Exchange], Awaitable[bool | None]]


class StandIn(ABC):
    """A local server that answers like a provider, from a world.

    It runs in a thread of its own between `start` and `close`, or as a context. `latency` is the minimum time of a
    call in seconds; without one, calls are answered one after the other and never overlap.
    """

    name: str

    def __init__(self, world: ProviderWorld, *, port: int = 0, latency: float = 0.0) -> None:
        self.world = world
        self.port = port
        self.latency = latency
        self.calls = CallLog()
        self.interceptor: Interceptor | None = None
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @abstractmethod
    def identify_subject(self, request: StandInRequest) -> CallSubject:
        """Return the call's account and token."""

    @abstractmethod
    def respond(self, request: StandInRequest, subject: CallSubject) -> StandInResponse:
        """Return the provider's answer. Raises `ErrorResponse`."""

    def start(self) -> Self:
        """Start serving, after `close` on the same port. Raises `OSError` if the port is in use."""
        ready: Future[int] = Future()
        self._thread = Thread(target=self._run_loop, args=(ready,), name=f"{self.name} stand-in", daemon=True)
        self._thread.start()
        self.port = ready.result()
        return self

    def close(self) -> None:
        """Close the port and every connection. Raises the first error of the server's thread."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = self._loop = self._stop = None
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _run_loop(self, ready: Future[int]) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            server = await asyncio.start_server(self._serve_connection, HOST, self.port, backlog=BACKLOG)
        except OSError as error:
            ready.set_exception(error)
            return
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        # Let the task of a connection that was just accepted begin, so that it can be cancelled.
        await asyncio.sleep(0)
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._forget_connection)
        try:
            usable = True
            while usable and (request := await read_request(reader)) is not None:
                usable = await self._serve_request(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has disconnected in the middle of a request or of its answer.
            return
        except asyncio.CancelledError:
            # The stand-in closes: drop unsent data. Not raised again, as nothing awaits this task.
            writer.transport.abort()
        finally:
            writer.close()

    def _forget_connection(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    async def _serve_request(
        self, request: StandInRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        subject = self.identify_subject(request)
        call = self.calls.begin_call(request, subject.account, self.world.now(), token_in_query=subject.token_in_query)
        try:
            return await self._answer_call(call, request, subject, reader, writer)
        finally:
            self.calls.end_call(call)

    async def _answer_call(
        self,
        call: LoggedCall,
        request: StandInRequest,
        subject: CallSubject,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if self.latency:
            await asyncio.sleep(self.latency)
        respond = partial(self._respond_or_refuse, request, subject)
        if self.interceptor is not None:
            is_reusable = await self.interceptor(Exchange(call, request, subject, respond, reader, writer))
            if is_reusable is not None:
                return is_reusable
        answer = respond()
        call.status = answer.status
        await write_response(answer, writer)
        return True

    def _respond_or_refuse(self, request: StandInRequest, subject: CallSubject) -> StandInResponse:
        try:
            return self.respond(request, subject)
        except ErrorResponse as error:
            return error.answer
