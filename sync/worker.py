"""The thread that does a process's jobs: it takes them up, keeps them alive, and ends them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from secrets import token_hex
from typing import Self, TypeVar

from engine.errors import StateUnavailable
from state.jobs.queue import Lease, Work
from sync.job import Desk, Means, report_of
from sync.report import CANCELLED, FAILED, Report
from sync.schedule import Schedule

THREADS = 8
RETRY_SECONDS = 1.0
INTERRUPTED = "the sync was interrupted too often; what came stays, and the next sync goes on from there"
TOO_LONG = "the sync took too long; what came stays, and the next sync goes on from there"
STOPPED = "it was cancelled; what came stays"

logger = logging.getLogger("metric_engine.sync.worker")

Result = TypeVar("Result")


class Worker:
    """Does the jobs of the queue, several at once, in a thread and an event loop of its own; any process may have one.

    With a schedule it also opens the day's run. Use it as a context manager: leaving it gives the jobs under way back.
    """

    def __init__(self, means: Means, schedule: Schedule | None = None) -> None:
        self.means = means
        self.schedule = schedule
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.doing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kicked = asyncio.Event()
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing new, give the jobs under way back, and end."""
        self._stopping.set()
        self.kick()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def kick(self) -> None:
        """Look for work now instead of in a moment."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._kicked.set)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            with ThreadPoolExecutor(THREADS, thread_name_prefix="sync") as threads:
                self._loop.set_default_executor(threads)
                runner.run(self._work())

    async def _work(self) -> None:
        async with AsyncExitStack() as stack:
            desk: Desk | None = None
            if self.schedule is not None:
                self.schedule.start(self.kick)
                stack.callback(self.schedule.stop)
            while not self._stopping.is_set():
                if (work := await self._claim()) is None:
                    await self._rest()
                    continue
                if desk is None:
                    # Most processes of a day have nothing to sync, and providers take a while to import.
                    providers = await stack.enter_async_context(self.means.providers())
                    stack.push_async_callback(self._give_back)
                    desk = Desk(self.means, providers)
                task = asyncio.create_task(self._do(desk, work))
                self.doing.add(task)
                task.add_done_callback(self._done)

    async def _give_back(self) -> None:
        for task in self.doing:
            task.cancel()
        await asyncio.gather(*self.doing, return_exceptions=True)

    async def _claim(self) -> Work | None:
        """The next job, unless there are enough under way."""
        bounds = self.means.bounds
        if len(self.doing) >= bounds.jobs:
            return None
        try:
            return await asyncio.to_thread(
                self.means.state.queue.claim, self.owner, now=self.means.clock(), lease=timedelta(seconds=bounds.lease)
            )
        except StateUnavailable as error:
            logger.error("sync: %s", error)
            return None

    def _done(self, task: asyncio.Task[None]) -> None:
        self.doing.discard(task)
        self._kicked.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("sync: a job was dropped and will be taken up again", exc_info=error)

    async def _rest(self) -> None:
        """Until somebody kicks, or it is time to look again."""
        try:
            async with asyncio.timeout(self.means.bounds.poll):
                await self._kicked.wait()
        except TimeoutError:
            return
        self._kicked.clear()

    async def _do(self, desk: Desk, work: Work) -> None:
        """Do one job to its end, and give it back where this process has to stop."""
        report, accounts = await asyncio.to_thread(report_of, work, self.means.state)
        if work.attempts > self.means.bounds.attempts:
            report.stop(FAILED, INTERRUPTED)
            await self._end(work, report, FAILED, INTERRUPTED)
            return
        reading = asyncio.create_task(desk.run(work, report, accounts))
        try:
            lease = await self._attend(work, report, reading)
        except asyncio.CancelledError:
            await self._cancel(reading)
            queue, progress = self.means.state.queue, report.progress
            await asyncio.to_thread(queue.release, work, self.owner, progress=progress, sources=report.as_json())
            raise
        if lease is Lease.HELD and reading.done():
            reading.result()
            await self._end(work, report, report.status, report.detail)
            return
        await self._cancel(reading)
        if lease is Lease.CANCELLED:
            report.stop(CANCELLED)
            await self._end(work, report, CANCELLED, STOPPED)
        elif lease is Lease.HELD:
            report.stop(FAILED, TOO_LONG)
            await self._end(work, report, report.status, TOO_LONG)

    async def _attend(self, work: Work, report: Report, reading: asyncio.Task[None]) -> Lease:
        """Send heartbeats until the reading is done, its time is up, or the job is no longer to be done by us."""
        bounds = self.means.bounds
        loop = asyncio.get_running_loop()
        until = loop.time() + bounds.job_seconds
        heard, told = loop.time(), None
        while loop.time() < until:
            if (news := (report.progress, report.as_json())) != told or loop.time() - heard >= bounds.beat:
                try:
                    lease = await self._beat(work, report)
                    heard, told = loop.time(), news
                except StateUnavailable as error:
                    logger.error("sync: %s", error)
                    # By now another process may have taken the job up.
                    lease = Lease.LOST if heard < loop.time() - bounds.lease else Lease.HELD
                if lease is not Lease.HELD:
                    return lease
            done, _ = await asyncio.wait({reading}, timeout=min(bounds.look, bounds.beat))
            if done:
                return Lease.HELD
        return Lease.HELD

    async def _beat(self, work: Work, report: Report) -> Lease:
        return await asyncio.to_thread(
            self.means.state.queue.beat,
            work,
            self.owner,
            now=self.means.clock(),
            progress=report.progress,
            sources=report.as_json(),
        )

    async def _cancel(self, reading: asyncio.Task[None]) -> None:
        reading.cancel()
        await asyncio.wait({reading})

    async def _end(self, work: Work, report: Report, status: str, detail: str | None) -> None:
        """End the job, as soon as the state database takes it; another process does it where that is too late."""
        state = self.means.state
        ended = await self._patiently(
            lambda: state.queue.end(
                work, self.owner, now=self.means.clock(), status=status, sources=report.as_json(), detail=detail
            )
        )
        if ended:
            self.means.seen.job(status)
            if work.run is not None:
                await self._patiently(state.runs.close)

    async def _patiently(self, write: Callable[[], Result]) -> Result | None:
        """The result of a write that is tried again while the state database is away, for as long as a lease."""
        until = asyncio.get_running_loop().time() + self.means.bounds.lease
        while True:
            try:
                return await asyncio.to_thread(write)
            except StateUnavailable as error:
                logger.error("sync: %s", error)
                if asyncio.get_running_loop().time() > until:
                    return None
            await asyncio.sleep(RETRY_SECONDS)
