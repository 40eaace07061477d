"""How long, how often and how many at once: every number of the calls to a provider, and what goes by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from tenacity import RetryCallState, wait_exponential_jitter, wait_random

from sync.errors import Throttled


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Seconds, unless said otherwise.

    `tries` are all that a call gets while the provider does not answer; `backoff` is the first wait between them,
    doubled each time. `throttled` is the first wait for a provider that limits the calls and does not say for how
    long, and `guessing` how long one call may wait altogether without being told; `patience` is how long where it is
    told. `connect` and `silence` limit a connection, `call` one
    try as a whole. `poll` is the first wait for a report that the provider prepares, `report` the longest in all.
    `at_once` calls are under way, `at_once_each` of one provider and `at_once_account` of one of its accounts.
    """

    tries: int = 3
    backoff: float = 1.0
    max_backoff: float = 20.0
    throttled: float = 1.5
    guessing: float = 60.0
    patience: float = 180.0
    connect: float = 5.0
    silence: float = 20.0
    call: float = 90.0
    max_bytes: int = 16 * 1024 * 1024
    poll: float = 1.0
    max_poll: float = 15.0
    report: float = 900.0
    at_once: int = 32
    at_once_each: int = 16
    at_once_account: int = 10


CALL_LIMITS = CallLimits()


class RetryPolicy:
    """What one call does about its failures: how long it waits, and when it gives up."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        self.failures = 0
        self.backoff = wait_exponential_jitter(max=limits.max_backoff, jitter=limits.backoff, multiplier=limits.backoff)
        self.throttled = wait_exponential_jitter(
            max=limits.patience, jitter=limits.throttled, multiplier=limits.throttled
        )
        # All who were told the same time do not come back at the same moment.
        self.spread = wait_random(0, limits.backoff)

    def wait(self, state: RetryCallState) -> float:
        error = get_exception(state)
        if not isinstance(error, Throttled):
            self.failures += 1
            return self.backoff(state)
        return self.throttled(state) if error.seconds is None else error.seconds + self.spread(state)

    def stop(self, state: RetryCallState) -> bool:
        error = get_exception(state)
        if isinstance(error, Throttled):
            patience = self.limits.guessing if error.seconds is None else self.limits.patience
            return state.idle_for + state.upcoming_sleep > patience
        return self.failures >= self.limits.tries


def get_exception(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


class ConcurrencyLimits:
    """Let so many calls through at once: of an account, of a provider, and in all."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._all = asyncio.Semaphore(limits.at_once)
        self._providers: dict[str, asyncio.Semaphore] = {}
        # Those of accounts go when nobody stands before them any more.
        self._accounts: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def acquire(self, source: str, account: str) -> AsyncIterator[None]:
        """Wait for a place, the narrowest gate first: who waits for an account takes no one else's place."""
        provider = self._providers.setdefault(source, asyncio.Semaphore(self._limits.at_once_each))
        of_account = self._accounts.setdefault((source, account), asyncio.Semaphore(self._limits.at_once_account))
        async with of_account, provider, self._all:
            yield
