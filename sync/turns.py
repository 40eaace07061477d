"""Places that users take in turn, so that the calls and writes of one hold up no other's."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

from sync.report import AccountReport


@dataclass(slots=True, eq=False)
class AccountTurn:
    """The account that is being read, and the time left for it, which stands still while it waits for a place."""

    user: str
    report: AccountReport
    timeout: asyncio.Timeout
    seconds_left: float = 0.0

    @contextmanager
    def pause_time(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        deadline = self.timeout.when()
        if not self.report.waiting and deadline is not None and not self.timeout.expired():
            self.seconds_left = deadline - loop.time()
            self.timeout.reschedule(None)
        self.report.waiting += 1
        try:
            yield
        finally:
            self.report.waiting -= 1
            if not self.report.waiting and not self.timeout.expired():
                self.timeout.reschedule(loop.time() + self.seconds_left)


# Set in the task that reads an account; calls outside of any job have none, and share the places as one user.
current_turn: ContextVar[AccountTurn | None] = ContextVar("current_turn", default=None)


@asynccontextmanager
async def hold_places(*semaphores: FairSemaphore) -> AsyncIterator[None]:
    """Hold a place of each semaphore, taken one after the other; the wait costs the account no time."""
    turn = current_turn.get()
    user = None if turn is None else turn.user
    held: list[FairSemaphore] = []
    try:
        with nullcontext() if turn is None else turn.pause_time():
            for semaphore in semaphores:
                await semaphore.acquire(user)
                held.append(semaphore)
        yield
    finally:
        for semaphore in reversed(held):
            semaphore.release(user)


class FairSemaphore:
    """A number of places. A free one goes to the waiting user who holds the fewest, and of these in turn.

    No user holds more than `each` of them, so that one whose calls hang leaves places to the others.
    """

    def __init__(self, places: int, *, each: int | None = None) -> None:
        self.free = places
        self.each = max(1, each or places)
        self.held: Counter[str | None] = Counter()
        # By user, those who were served last at the end.
        self.waiting: dict[str | None, deque[asyncio.Future[None]]] = {}

    async def acquire(self, user: str | None) -> None:
        """Wait for a place."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(user, deque()).append(place)
        self._grant_places()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # It was given just before.
                self.release(user)
            raise

    def release(self, user: str | None) -> None:
        """Give a place back."""
        self.free += 1
        self.held[user] -= 1
        if not self.held[user]:
            del self.held[user]
        self._grant_places()

    def _grant_places(self) -> None:
        while self.free:
            self._drop_cancelled()
            eligible = [user for user in self.waiting if user is None or self.held[user] < self.each]
            if not eligible:
                return
            user = min(eligible, key=self.held.__getitem__)
            queue = self.waiting.pop(user)
            queue.popleft().set_result(None)
            if queue:
                self.waiting[user] = queue
            self.free -= 1
            self.held[user] += 1

    def _drop_cancelled(self) -> None:
        for user, queue in [*self.waiting.items()]:
            while queue and queue[0].done():
                queue.popleft()
            if not queue:
                del self.waiting[user]
