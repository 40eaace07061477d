"""The execution of a job: all accounts of its user, concurrently and independently."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from engine import LayoutMismatch, StateUnavailable, Table, Warehouse, WarehouseUnavailable
from state import State
from state.connections import EXTERNAL, NEEDS_REAUTH, SyncedAccount
from state.errors import NoEncryptionKey, UnreadableCredentials
from state.jobs.queue import ClaimedJob
from sync.errors import NeedsReauth, ProviderError
from sync.provider import Account, Provider
from sync.report import CANCELLED, FAILED, RUNNING, SKIPPED, SUCCEEDED, AccountReport, JobReport, has_ended
from sync.sink import DISCONNECTED, WarehouseSink
from sync.turns import AccountTurn, FairSemaphore, current_turn

RECONNECT = "the saved sign-in is no longer accepted; connect the account again"
OWN_FAULT = "something went wrong here; the log has it, and the next sync tries again"
DATABASE_DOWN = "a database of this installation did not answer; the next sync goes on from here"
TABLES_DIFFER = "a table of this installation is not as it is declared; its log names the difference"

logger = logging.getLogger("metric_engine.sync.job")


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits of a process's jobs; durations are in seconds, without the waits for a place.

    `jobs` run at once: many, since most of them wait for a provider most of the time. `writers` write at once. A job's
    owner checks for progress every `look` and saves it if there is any, and otherwise renews its lease every `beat`;
    it counts as dead a `lease` after the last renewal. A worker looks for new jobs every `poll`. A job is claimed at
    most `attempts` times.
    """

    jobs: int = 100
    writers: int = 1
    account_seconds: float = 1_800
    job_seconds: float = 3_600
    lease: float = 30
    beat: float = 2
    look: float = 0.5
    poll: float = 1
    attempts: int = 3


class SyncObserver(Protocol):
    """A counter of the results of syncs."""

    def count_account(self, source: str, status: str, rows: int, seconds: float) -> None: ...

    def count_job(self, status: str) -> None: ...


@dataclass(frozen=True, slots=True)
class SyncContext:
    """The services that every job of a process uses.

    `tables` returns the fact tables of the current catalog. `providers` opens the providers, by source.
    """

    state: State
    warehouse: Warehouse
    tables: Callable[[], Mapping[str, Table]]
    providers: Callable[[], AbstractAsyncContextManager[Mapping[str, Provider]]]
    observer: SyncObserver
    limits: JobLimits = JobLimits()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class JobRunner:
    """The runner of a process's jobs: open providers, and turns for writers."""

    def __init__(self, context: SyncContext, providers: Mapping[str, Provider]) -> None:
        self.context = context
        self.providers = providers
        writers = context.limits.writers
        self.writer_turns = FairSemaphore(writers, each=writers // 2)

    async def run_job(
        self, work: ClaimedJob, report: JobReport, accounts: Mapping[tuple[str, str], SyncedAccount]
    ) -> None:
        """Sync every account of the job that has not ended yet; the results go into the report."""
        async with asyncio.TaskGroup() as group:
            for key, account in accounts.items():
                if not has_ended(report.accounts[key].status):
                    group.create_task(self.sync_account(work, account, report.accounts[key]))

    async def sync_account(self, work: ClaimedJob, connected: SyncedAccount, report: AccountReport) -> None:
        """Sync one account. Every failure goes into the report; only a cancellation is raised."""
        user = work.user
        loop = asyncio.get_running_loop()
        began = loop.time()
        report.status = RUNNING
        key = (connected.source, connected.account_id)
        connections = self.context.state.connections
        sink: WarehouseSink | None = None
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.hold_account(work, *key))
                timeout = await stack.enter_async_context(asyncio.timeout(self.context.limits.account_seconds))
                current_turn.set(AccountTurn(user, report, timeout))
                if connected.status == NEEDS_REAUTH:
                    raise NeedsReauth(connected.last_error or RECONNECT)
                provider = self.providers.get(connected.source)
                if provider is None:
                    raise ProviderError(f"this installation has no provider for {connected.source}")
                sink = await self.open_sink(work, connected, report)
                await provider.sync(sink.account, sink)
            report.status, report.error = SUCCEEDED, None
            now = self.context.clock()
            await asyncio.to_thread(connections.mark_succeeded, user, *key, now)
        except NeedsReauth as error:
            report.status, report.error = FAILED, str(error)
            if sink is not None:
                credentials_at = sink.credentials_at
                await self.write_if_possible(
                    connections.mark_refused, user, *key, str(error), credentials_at=credentials_at
                )
        except ProviderError as error:
            await self.mark_failed(user, key, report, str(error))
        except TimeoutError:
            minutes = round(self.context.limits.account_seconds / 60)
            text = f"it took longer than {minutes} minutes; what came stays, and the next sync goes on from there"
            await self.mark_failed(user, key, report, text)
        except (NoEncryptionKey, UnreadableCredentials) as error:
            await self.mark_failed(user, key, report, str(error))
        except LayoutMismatch as error:
            logger.error("sync: %s", error)
            await self.mark_failed(user, key, report, TABLES_DIFFER)
        except (StateUnavailable, WarehouseUnavailable) as error:
            logger.error("sync: %s: %s", type(error).__name__, error)
            await self.mark_failed(user, key, report, DATABASE_DOWN)
        except Exception:
            # A provider may be third-party code, and its bugs must not fail other accounts.
            logger.exception("sync: an account of %s failed unexpectedly", connected.source)
            await self.mark_failed(user, key, report, OWN_FAULT)
        finally:
            status = report.status if has_ended(report.status) else CANCELLED
            self.context.observer.count_account(connected.source, status, report.rows, loop.time() - began)
            if report.rows:
                await self.write_if_possible(self.context.state.tenants.advance_data_version, user)

    @asynccontextmanager
    async def hold_account(self, work: ClaimedJob, source: str, account: str) -> AsyncIterator[None]:
        """Wait until no other job reads the account, in any process, and hold it. Raises StateUnavailable."""
        leases, context = self.context.state.account_leases, self.context
        lease = timedelta(seconds=context.limits.lease)
        try:
            while not await asyncio.to_thread(leases.acquire, work, source, account, now=context.clock(), lease=lease):
                await asyncio.sleep(context.limits.poll)
            yield
        finally:
            await self.write_if_possible(leases.release, work, source, account)

    async def open_sink(self, work: ClaimedJob, connected: SyncedAccount, report: AccountReport) -> WarehouseSink:
        context, user = self.context, work.user
        credentials = await asyncio.to_thread(
            context.state.connections.get_credentials, user, connected.source, connected.account_id
        )
        if credentials is None:
            raise ProviderError(DISCONNECTED)
        account = Account(
            connected.source, connected.account_id, credentials, connected.credentials_at, connected.options
        )
        return WarehouseSink(
            work=work,
            account=account,
            report=report,
            state=context.state,
            warehouse=context.warehouse,
            declared=context.tables(),
            turns=self.writer_turns,
            clock=context.clock,
        )

    async def mark_failed(self, user: str, key: tuple[str, str], report: AccountReport, error: str) -> None:
        report.status, report.error = FAILED, error
        await self.write_if_possible(self.context.state.connections.mark_failed, user, *key, error)

    async def write_if_possible(self, write: Callable[..., object], *arguments: object, **more: object) -> None:
        """Write to the state database; log a failure, as the sync does not depend on the write."""
        try:
            await asyncio.to_thread(write, *arguments, **more)
        except StateUnavailable as error:
            logger.error("sync: %s", error)


def load_report(work: ClaimedJob, state: State) -> tuple[JobReport, dict[tuple[str, str], SyncedAccount]]:
    """Load the job's report, with the results of earlier attempts, and the accounts to read.

    Raises StateUnavailable.
    """
    wanted = [
        each for each in state.connections.list_connections(work.user) if not work.wanted or each.source in work.wanted
    ]
    report = JobReport([(each.source, each.account_id) for each in wanted], work.sources)
    for each in wanted:
        if each.status == EXTERNAL:
            report.accounts[each.source, each.account_id].status = SKIPPED
    accounts = {(each.source, each.account_id): each for each in state.connections.list_synced_accounts(work.user)}
    return report, {key: account for key, account in accounts.items() if key in report.accounts}
