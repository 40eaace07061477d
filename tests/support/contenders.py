"""What several processes do at the same time: a module that is quickly imported, since each of them does so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from state import State
from state.database import open_database
from state.migrations import migrate
from sync.schedule import Schedule, get_due_date


class StandingClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def migrate_together(url: str, start: Barrier) -> None:
    database = open_database(url)
    start.wait()
    migrate(database)
    database.close()


def live_through_days(url: str, moments: Sequence[datetime], seed: int, start: Barrier, opened: Queue[date]) -> None:
    """One process's days, that begin at these moments: it looks at the clock every so often, as timers do."""
    state = State.open(url)
    chance = random.Random(seed)
    clock = StandingClock(moments[0])
    schedule = Schedule(state.runs, clock)
    start.wait()
    while clock.now < moments[-1] + timedelta(hours=12):
        if schedule.open_due_run():
            opened.put(get_due_date(clock.now))
        clock.now += timedelta(minutes=chance.uniform(5, 300))
    state.close()
