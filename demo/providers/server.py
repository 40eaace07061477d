"""A provider's stand-in: a server on this machine, with a log of its calls and faults to plant."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple, Self

from demo.providers.calls import Call, Calls
from demo.providers.faults import Faults
from demo.providers.wire import Answer, Delivery, Refused, Request, read_request, write_answer
from demo.providers.world import World

HOST = "127.0.0.1"
BACKLOG = 1024


class Subject(NamedTuple):
    """What a call is about: the account, the token that came along, and whether it may stand in the query."""

    account: str
    token: str | None
    token_in_query: bool


class StandIn(ABC):
    """A local server that answers as a provider does, out of a world.

    It runs in a thread of its own between `start` and `close`, or as a context. `latency` is what each call
    takes at least, in seconds: with none, calls are answered one by one and never meet.
    """

    name: str

    def __init__(self, world: World, *, port: int = 0, latency: float = 0.0) -> None:
        self.world = world
        self.port = port
        self.latency = latency
        self.calls = Calls()
        self.faults = Faults()
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
    def subject(self, request: Request) -> Subject:
        """What the call is about."""

    @abstractmethod
    def answer(self, request: Request, subject: Subject) -> Answer:
        """The provider's answer. Raises `Refused`."""

    def start(self) -> Self:
        """Serve; on the same port as before if it was closed. Raises `OSError` if the port is taken."""
        ready: Future[int] = Future()
        self._thread = Thread(target=self._run, args=(ready,), name=f"{self.name} stand-in", daemon=True)
        self._thread.start()
        self.port = ready.result()
        return self

    def close(self) -> None:
        """Close the port and every connection. Raises what went wrong inside, if anything did."""
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

    def _run(self, ready: Future[int]) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            server = await asyncio.start_server(self._connected, HOST, self.port, backlog=BACKLOG)
        except OSError as error:
            ready.set_exception(error)
            return
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        # A connection that was accepted last has its task, but has not begun it.
        await asyncio.sleep(0)
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._disconnected)
        try:
            usable = True
            while usable and (request := await read_request(reader)) is not None:
                usable = await self._exchange(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has gone, in the middle of a request or of its answer.
            return
        except asyncio.CancelledError:
            # The stand-in closes; what has not gone out by now never will. Nobody waits to hear of this task's end.
            writer.transport.abort()
        finally:
            writer.close()

    def _disconnected(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    async def _exchange(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        subject = self.subject(request)
        call = self.calls.begin(request, subject.account, self.world.now(), token_in_query=subject.token_in_query)
        try:
            return await self._answered(call, request, subject, reader, writer)
        finally:
            self.calls.end(call)

    async def _answered(
        self,
        call: Call,
        request: Request,
        subject: Subject,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.of(request, subject.account, subject.token)
        if fault is None:
            answer = self._said(request, subject)
            call.status = answer.status
            return await write_answer(answer, Delivery.WHOLE, reader, writer)
        call.fault = fault.name
        if fault.delay and fault.delivery is Delivery.WHOLE:
            await asyncio.sleep(fault.delay)
        if fault.answer is not None:
            answer = fault.answer(request)
        else:
            answer = self._said(request, subject)
            # A refusal is no body to be changed: the fault was meant for an answer.
            answer = fault.applied(answer) if answer.status == 200 else answer
        if fault.delivery not in (Delivery.HANG, Delivery.RESET):
            call.status = answer.status
        return await write_answer(answer, fault.delivery, reader, writer, over=fault.delay)

    def _said(self, request: Request, subject: Subject) -> Answer:
        try:
            return self.answer(request, subject)
        except Refused as refused:
            return refused.answer
