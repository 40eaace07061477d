"""The thread that runs a process's jobs: it claims them, renews their leases, and ends them."""

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

from engine import StateUnavailable
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
    """A worker that runs jobs of the queue concurrently, in a thread and event loop of its own.

    Any number of processes may have one. With a schedule it also opens the day's run. Use it as a context manager:
    leaving it returns unfinished jobs to the queue.
    """

    def __init__(self, context: SyncContext, schedule: Schedule | None = None) -> None:
        self.context = context
        self.schedule = schedule
        self.name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        # By the id of the job.
        self.running_tasks: dict[str, asyncio.Task[None]] = {}
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
        """Stop claiming jobs, return the unfinished ones to the queue, and end the thread."""
        self._stopping.set()
        self.kick()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs and is not stopping."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def kick(self) -> None:
        """Look for a job now instead of at the next poll."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._kicked.set)

    def _run_loop(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            # Writes that hang leave threads to the leases.
            threads_needed = THREADS + self.context.limits.writers
            with ThreadPoolExecutor(threads_needed, thread_name_prefix="sync") as threads:
                self._loop.set_default_executor(threads)
                runner.run(self._run_jobs())

    async def _run_jobs(self) -> None:
        async with AsyncExitStack() as stack:
            runner: JobRunner | None = None
            if self.schedule is not None:
                self.schedule.start(self.kick)
                stack.callback(self.schedule.stop)
            while not self._stopping.is_set():
                if (work := await self._claim_job()) is None:
                    await self._wait_for_work()
                    continue
                if runner is None:
                    # Opened late: many processes have nothing to sync, and providers are slow to import.
                    providers = await stack.enter_async_context(self.context.providers())
                    stack.push_async_callback(self._release_jobs)
                    runner = JobRunner(self.context, providers)
                task = self.running_tasks[work.id] = asyncio.create_task(self._run_job(runner, work), name=work.id)
                task.add_done_callback(self._on_task_done)

    async def _release_jobs(self) -> None:
        tasks = [*self.running_tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim_job(self) -> ClaimedJob | None:
        """Claim the next job; None if there is none, or if enough are running."""
        limits = self.context.limits
        if len(self.running_tasks) >= limits.jobs:
            return None
        try:
            return await asyncio.to_thread(
                self.context.state.queue.claim,
                self.name,
                now=self.context.clock(),
                lease=timedelta(seconds=limits.lease),
                running=[*self.running_tasks],
            )
        except StateUnavailable as error:
            logger.error("sync: %s", error)
            return None

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        del self.running_tasks[task.get_name()]
        self._kicked.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("sync: a job was dropped and will be taken up again", exc_info=error)

    async def _wait_for_work(self) -> None:
        """Wait for a kick or for the next poll."""
        try:
            async with asyncio.timeout(self.context.limits.poll):
                await self._kicked.wait()
        except TimeoutError:
            return
        self._kicked.clear()

    async def _run_job(self, runner: JobRunner, work: ClaimedJob) -> None:
        """Run one job to its end, or return it to the queue if this process has to stop."""
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
            await asyncio.to_thread(queue.release, work, progress=progress, sources=report.as_json())
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
        """Renew the lease until the job is read, its time is up, or the lease is lost or cancelled.

        Its time stands still while all its accounts wait for a place.
        """
        limits = self.context.limits
        loop = asyncio.get_running_loop()
        until = loop.time() + limits.job_seconds
        renewed_at, saved = loop.time(), None
        while loop.time() < until:
            if (progress := (report.progress, report.as_json())) != saved or loop.time() - renewed_at >= limits.beat:
                try:
                    lease = await self._renew_lease(work, report)
                    renewed_at, saved = loop.time(), progress
                except StateUnavailable as error:
                    logger.error("sync: %s", error)
                    # After a lease without renewal another process may have claimed the job.
                    lease = Lease.LOST if renewed_at < loop.time() - limits.lease else Lease.HELD
                if lease is not Lease.HELD:
                    return lease
            began, was_waiting = loop.time(), report.is_waiting
            done, _ = await asyncio.wait({reading}, timeout=min(limits.look, limits.beat))
            if done:
                return Lease.HELD
            if was_waiting:
                until += loop.time() - began
        return Lease.HELD

    async def _renew_lease(self, work: ClaimedJob, report: JobReport) -> Lease:
        return await asyncio.to_thread(
            self.context.state.queue.renew_lease,
            work,
            now=self.context.clock(),
            progress=report.progress,
            sources=report.as_json(),
        )

    async def _cancel_task(self, reading: asyncio.Task[None]) -> None:
        reading.cancel()
        await asyncio.wait({reading})

    async def _end_job(self, work: ClaimedJob, report: JobReport, status: str, detail: str | None) -> None:
        """End the job, with retries; if the database is down for a lease, another process ends it."""
        state, observer = self.context.state, self.context.observer

        def end_and_count() -> bool:
            # In one thread, which a worker that stops waits for: a job that has ended is counted.
            ended = state.queue.end(
                work, now=self.context.clock(), status=status, sources=report.as_json(), detail=detail
            )
            if ended:
                observer.count_job(status)
            return ended

        if await self._write_patiently(end_and_count) and work.run is not None:
            await self._write_patiently(state.runs.close_ended_runs)

    async def _write_patiently(self, write: Callable[[], Result]) -> Result | None:
        """Retry a write for as long as a lease while the state database is down; None if it fails."""
        until = asyncio.get_running_loop().time() + self.context.limits.lease
        while True:
            try:
                return await asyncio.to_thread(write)
            except StateUnavailable as error:
                logger.error("sync: %s", error)
                if asyncio.get_running_loop().time() > until:
                    return None
            await asyncio.sleep(RETRY_SECONDS)
