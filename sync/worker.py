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
from state.jobs.queue import ClaimedJob, Lease
from sync.job import JobRunner, SyncContext, load_report
from sync.report import CANCELLED, FAILED, JobReport
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

    def __init__(self, context: SyncContext, schedule: Schedule | None = None) -> None:
        self.context = context
        self.schedule = schedule
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.running_tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run_loop, name="sync", daemon=True)
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
    def is_alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def kick(self) -> None:
        """Look for work now instead of in a moment."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._kicked.set)

    def _run_loop(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            with ThreadPoolExecutor(THREADS, thread_name_prefix="sync") as threads:
                self._loop.set_default_executor(threads)
                runner.run(self._run_jobs())

    async def _run_jobs(self) -> None:
        async with AsyncExitStack() as stack:
            desk: JobRunner | None = None
            if self.schedule is not None:
                self.schedule.start(self.kick)
                stack.callback(self.schedule.stop)
            while not self._stopping.is_set():
                if (work := await self._claim_job()) is None:
                    await self._wait_for_work()
                    continue
                if desk is None:
                    # Most processes of a day have nothing to sync, and providers take a while to import.
                    providers = await stack.enter_async_context(self.context.providers())
                    stack.push_async_callback(self._release_jobs)
                    desk = JobRunner(self.context, providers)
                task = asyncio.create_task(self._run_job(desk, work))
                self.running_tasks.add(task)
                task.add_done_callback(self._on_task_done)

    async def _release_jobs(self) -> None:
        for task in self.running_tasks:
            task.cancel()
        await asyncio.gather(*self.running_tasks, return_exceptions=True)

    async def _claim_job(self) -> ClaimedJob | None:
        """The next job, unless there are enough under way."""
        limits = self.context.limits
        if len(self.running_tasks) >= limits.jobs:
            return None
        try:
            return await asyncio.to_thread(
                self.context.state.queue.claim,
                self.owner,
                now=self.context.clock(),
                lease=timedelta(seconds=limits.lease),
            )
        except StateUnavailable as error:
            logger.error("sync: %s", error)
            return None

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self.running_tasks.discard(task)
        self._kicked.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("sync: a job was dropped and will be taken up again", exc_info=error)

    async def _wait_for_work(self) -> None:
        """Until somebody kicks, or it is time to look again."""
        try:
            async with asyncio.timeout(self.context.limits.poll):
                await self._kicked.wait()
        except TimeoutError:
            return
        self._kicked.clear()

    async def _run_job(self, runner: JobRunner, work: ClaimedJob) -> None:
        """Do one job to its end, and give it back where this process has to stop."""
        report, accounts = await asyncio.to_thread(load_report, work, self.context.state)
        if work.attempts > self.context.limits.attempts:
            report.end_accounts(FAILED, INTERRUPTED)
            await self._end_job(work, report, FAILED, INTERRUPTED)
            return
        reading = asyncio.create_task(runner.run_job(work, report, accounts))
        try:
            lease = await self._watch_job(work, report, reading)
        except asyncio.CancelledError:
            await self._cancel_task(reading)
            queue, progress = self.context.state.queue, report.progress
            await asyncio.to_thread(queue.release, work, self.owner, progress=progress, sources=report.as_json())
            raise
        if lease is Lease.HELD and reading.done():
            reading.result()
            await self._end_job(work, report, report.status, report.detail)
            return
        await self._cancel_task(reading)
        if lease is Lease.CANCELLED:
            report.end_accounts(CANCELLED)
            await self._end_job(work, report, CANCELLED, STOPPED)
        elif lease is Lease.HELD:
            report.end_accounts(FAILED, TOO_LONG)
            await self._end_job(work, report, report.status, TOO_LONG)

    async def _watch_job(self, work: ClaimedJob, report: JobReport, reading: asyncio.Task[None]) -> Lease:
        """Send heartbeats until the reading is done, its time is up, or the job is no longer to be done by us."""
        limits = self.context.limits
        loop = asyncio.get_running_loop()
        until = loop.time() + limits.job_seconds
        heard, told = loop.time(), None
        while loop.time() < until:
            if (news := (report.progress, report.as_json())) != told or loop.time() - heard >= limits.beat:
                try:
                    lease = await self._renew_lease(work, report)
                    heard, told = loop.time(), news
                except StateUnavailable as error:
                    logger.error("sync: %s", error)
                    # By now another process may have taken the job up.
                    lease = Lease.LOST if heard < loop.time() - limits.lease else Lease.HELD
                if lease is not Lease.HELD:
                    return lease
            done, _ = await asyncio.wait({reading}, timeout=min(limits.look, limits.beat))
            if done:
                return Lease.HELD
        return Lease.HELD

    async def _renew_lease(self, work: ClaimedJob, report: JobReport) -> Lease:
        return await asyncio.to_thread(
            self.context.state.queue.renew_lease,
            work,
            self.owner,
            now=self.context.clock(),
            progress=report.progress,
            sources=report.as_json(),
        )

    async def _cancel_task(self, reading: asyncio.Task[None]) -> None:
        reading.cancel()
        await asyncio.wait({reading})

    async def _end_job(self, work: ClaimedJob, report: JobReport, status: str, detail: str | None) -> None:
        """End the job, as soon as the state database takes it; another process does it where that is too late."""
        state = self.context.state
        ended = await self._write_patiently(
            lambda: state.queue.end(
                work, self.owner, now=self.context.clock(), status=status, sources=report.as_json(), detail=detail
            )
        )
        if ended:
            self.context.observer.count_job(status)
            if work.run is not None:
                await self._write_patiently(state.runs.close_ended_runs)

    async def _write_patiently(self, write: Callable[[], Result]) -> Result | None:
        """The result of a write that is tried again while the state database is away, for as long as a lease."""
        until = asyncio.get_running_loop().time() + self.context.limits.lease
        while True:
            try:
                return await asyncio.to_thread(write)
            except StateUnavailable as error:
                logger.error("sync: %s", error)
                if asyncio.get_running_loop().time() > until:
                    return None
            await asyncio.sleep(RETRY_SECONDS)
