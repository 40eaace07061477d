"""One job, done: every account of its user, side by side, so that none can fail another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from engine.errors import StateUnavailable, WarehouseUnavailable
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from state import State
from state.connections import EXTERNAL, NEEDS_REAUTH, SyncedAccount
from state.errors import NoEncryptionKey, UnreadableCredentials
from state.jobs.queue import Work
from sync.errors import NeedsReauth, ProviderError
from sync.provider import Account, Provider
from sync.report import CANCELLED, FAILED, RUNNING, SKIPPED, SUCCEEDED, AccountReport, Report, ended
from sync.sink import DISCONNECTED, WarehouseIntake

RECONNECT = "the saved sign-in is no longer accepted; connect the account again"
OURS = "something went wrong here; the log has it, and the next sync tries again"
AWAY = "a database of this installation did not answer; the next sync goes on from here"

logger = logging.getLogger("metric_engine.sync.job")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at once and how long at most, in seconds; a job's owner counts as dead a `lease` after its last word.

    The owner says how far it is every `look`, where it has come further, and every `beat` that it lives.

    There are many `jobs`, since most of them wait for a provider most of the time; its calls have limits of their own.
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


class Seen(Protocol):
    """Who counts what syncs come to."""

    def account(self, source: str, status: str, rows: int, seconds: float) -> None: ...

    def job(self, status: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What every job of a process works with.

    `tables` gives the fact tables as they are declared at the moment; `providers` opens the providers, by source.
    """

    state: State
    warehouse: Warehouse
    tables: Callable[[], Mapping[str, Table]]
    providers: Callable[[], AbstractAsyncContextManager[Mapping[str, Provider]]]
    seen: Seen
    bounds: Bounds = Bounds()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Desk:
    """Where a process does its jobs: the providers are open, and accounts and writers take turns."""

    def __init__(self, means: Means, providers: Mapping[str, Provider]) -> None:
        self.means = means
        self.providers = providers
        self.turns = asyncio.Semaphore(means.bounds.writers)
        # Two users may have connected the same account.
        self.busy: dict[tuple[str, str], asyncio.Lock] = {}

    async def run(self, work: Work, report: Report, accounts: Mapping[tuple[str, str], SyncedAccount]) -> None:
        """Read every account of the job that has not been read; what each came to stands in the report."""
        async with asyncio.TaskGroup() as group:
            for key, account in accounts.items():
                if not ended(report.accounts[key].status):
                    group.create_task(self.read(work.user, account, report.accounts[key]))

    async def read(self, user: str, connected: SyncedAccount, report: AccountReport) -> None:
        """Read one account. Nothing that goes wrong leaves here but a cancellation."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        report.status = RUNNING
        key = (connected.source, connected.account_id)
        connections = self.means.state.connections
        intake: WarehouseIntake | None = None
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.busy.setdefault(key, asyncio.Lock()))
                await stack.enter_async_context(asyncio.timeout(self.means.bounds.account_seconds))
                if connected.status == NEEDS_REAUTH:
                    raise NeedsReauth(connected.last_error or RECONNECT)
                provider = self.providers.get(connected.source)
                if provider is None:
                    raise ProviderError(f"this installation has no provider for {connected.source}")
                intake = await self.intake(user, connected, report)
                await provider.sync(intake.account, intake)
            report.status, report.error = SUCCEEDED, None
            now = self.means.clock()
            await asyncio.to_thread(connections.succeeded, user, *key, now)
        except NeedsReauth as error:
            report.status, report.error = FAILED, str(error)
            if intake is not None:
                credentials_at = intake.credentials_at
                await self.note(connections.refused, user, *key, str(error), credentials_at=credentials_at)
        except ProviderError as error:
            await self.failed(user, key, report, str(error))
        except TimeoutError:
            minutes = round(self.means.bounds.account_seconds / 60)
            text = f"it took longer than {minutes} minutes; what came stays, and the next sync goes on from there"
            await self.failed(user, key, report, text)
        except (NoEncryptionKey, UnreadableCredentials) as error:
            await self.failed(user, key, report, str(error))
        except (StateUnavailable, WarehouseUnavailable) as error:
            logger.error("sync: %s: %s", type(error).__name__, error)
            await self.failed(user, key, report, AWAY)
        except Exception:
            # A provider may be anybody's, and no fault of one may reach the others.
            logger.exception("sync: an account of %s failed unexpectedly", connected.source)
            await self.failed(user, key, report, OURS)
        finally:
            status = report.status if ended(report.status) else CANCELLED
            self.means.seen.account(connected.source, status, report.rows, loop.time() - began)
            if report.rows:
                await self.note(self.means.state.tenants.advance, user)

    async def intake(self, user: str, connected: SyncedAccount, report: AccountReport) -> WarehouseIntake:
        means = self.means
        credentials = await asyncio.to_thread(
            means.state.connections.credentials, user, connected.source, connected.account_id
        )
        if credentials is None:
            raise ProviderError(DISCONNECTED)
        account = Account(
            connected.source, connected.account_id, credentials, connected.credentials_at, connected.options
        )
        return WarehouseIntake(
            user=user,
            account=account,
            report=report,
            state=means.state,
            warehouse=means.warehouse,
            declared=means.tables(),
            turns=self.turns,
            clock=means.clock,
        )

    async def failed(self, user: str, key: tuple[str, str], report: AccountReport, error: str) -> None:
        report.status, report.error = FAILED, error
        await self.note(self.means.state.connections.failed, user, *key, error)

    async def note(self, write: Callable[..., object], *arguments: object, **more: object) -> None:
        """Write down what is good to know and not worth failing for."""
        try:
            await asyncio.to_thread(write, *arguments, **more)
        except StateUnavailable as error:
            logger.error("sync: %s", error)


def report_of(work: Work, state: State) -> tuple[Report, dict[tuple[str, str], SyncedAccount]]:
    """The job's report, with what was done of it before, and the accounts to read. Raises StateUnavailable."""
    wanted = [each for each in state.connections.list(work.user) if not work.wanted or each.source in work.wanted]
    report = Report([(each.source, each.account_id) for each in wanted], work.sources)
    for each in wanted:
        if each.status == EXTERNAL:
            report.accounts[each.source, each.account_id].status = SKIPPED
    accounts = {(each.source, each.account_id): each for each in state.connections.to_sync(work.user)}
    return report, {key: account for key, account in accounts.items() if key in report.accounts}
