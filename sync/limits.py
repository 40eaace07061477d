"""Limits of the calls to providers: timeouts, retries and concurrency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from tenacity import RetryCallState, wait_exponential_jitter, wait_random

from sync.errors import Throttled
from sync.turns import FairSemaphore, current_turn, hold_places


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The numbers that limit calls; durations are in seconds.

    `tries` is how often a call is sent while the provider does not answer. `backoff` is the first wait between two
    tries, doubled each time up to `max_backoff`. `throttled` is the first wait for a provider that limits the calls
    without saying for how long; a call waits at most `guessing` in all then, and at most `patience` where the provider
    says how long. `connect` and `silence` limit a connection, `call` one try as a whole, `max_bytes` an answer.
    `poll` is the first wait for a report that the provider prepares, `max_poll` the longest, `report` all of them
    together. `at_once` calls run at the same time, `at_once_each` of one provider, `at_once_user` of these for one
    user, and `at_once_account` of one account.
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
    at_once_user: int = 8
    at_once_account: int = 10


CALL_LIMITS = CallLimits()


class RetryPolicy:
    """The retries of one call: how long it waits after a failure, and when it stops."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        self.failures = 0
        self.backoff = wait_exponential_jitter(max=limits.max_backoff, jitter=limits.backoff, multiplier=limits.backoff)
        self.throttled = wait_exponential_jitter(
            max=limits.patience, jitter=limits.throttled, multiplier=limits.throttled
        )
        # Calls that were told the same wait must not all return at the same moment.
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
    """Limits of simultaneous calls: per account, per provider, and in all; users take turns."""

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._all = FairSemaphore(limits.at_once)
        self._providers: dict[str, FairSemaphore] = {}
        # Weak, so that an account's semaphore is dropped once no call uses it.
        self._accounts: WeakValueDictionary[tuple[str | None, str, str], FairSemaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def acquire(self, source: str, account: str) -> AsyncIterator[None]:
        """Wait for a place, the account's first, so that a waiting call blocks no other account."""
        limits, turn = self._limits, current_turn.get()
        key = (None if turn is None else turn.user, source, account)
        of_account = self._accounts.setdefault(key, FairSemaphore(limits.at_once_account))
        provider = self._providers.setdefault(source, FairSemaphore(limits.at_once_each, each=limits.at_once_user))
        async with hold_places(of_account, provider, self._all):
            yield
