"""The daily run: at 00:15 in Los Angeles, once a day, in one of any number of processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine import StateUnavailable
from state.jobs.runs import ScheduledRuns

ZONE = ZoneInfo("America/Los_Angeles")
RUN_TIME = time(0, 15)
# The clock may be set meanwhile, forwards or back, and the machine may sleep.
LOOK_SECONDS = 60.0
MIN_LOOK_SECONDS = 0.1

logger = logging.getLogger("metric_engine.sync.schedule")


def get_due_date(now: datetime) -> date:
    """Return the local date of the newest run that should have begun."""
    local = now.astimezone(ZONE)
    return local.date() if local.time() >= RUN_TIME else local.date() - timedelta(days=1)


def to_local_date(now: datetime) -> date:
    """Return the date in the schedule's time zone."""
    return now.astimezone(ZONE).date()


def get_run_start(day: date) -> datetime:
    """Return when the run of a local date begins."""
    return datetime.combine(day, RUN_TIME, ZONE)


class Schedule:
    """The timer that opens the run of each local date.

    Any number of processes may have one: the state database lets one of them open a run. After a missed start, the
    newest missed run is opened at the next one.
    """

    def __init__(self, runs: ScheduledRuns, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.runs = runs
        self.clock = clock
        self._opened: date | None = None
        self._timer: asyncio.Task[None] | None = None

    def open_due_run(self) -> bool:
        """Open the run that is due; False if it is open already. Raises StateUnavailable."""
        day = get_due_date(self.clock())
        # Only spares the look at the database: its unique key lets a day's run be opened once, whatever the clock says.
        if day == self._opened:
            return False
        _, new = self.runs.open_run(day)
        self._opened = day
        return new

    def get_next_start(self) -> datetime:
        """Return when the next run will begin. Raises StateUnavailable."""
        day = get_due_date(self.clock()) + timedelta(days=1)
        # A caller may have opened tomorrow's run before its time.
        return get_run_start(day if self.runs.get_run_id(day) is None else day + timedelta(days=1))

    def start(self, on_new_run: Callable[[], None]) -> None:
        """Open due runs now, daily at 00:15 and every minute; needs a running event loop.

        `on_new_run` is called for each new run.
        """
        self._timer = asyncio.create_task(self._open_due_runs(on_new_run), name="schedule")

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _open_due_runs(self, on_new_run: Callable[[], None]) -> None:
        while True:
            try:
                if await asyncio.to_thread(self.open_due_run):
                    on_new_run()
                await asyncio.to_thread(self.runs.close_ended_runs)
            except StateUnavailable as error:
                logger.error("schedule: %s", error)
            except Exception:
                logger.exception("schedule: the day's run could not be opened; the next look tries again")
            await asyncio.sleep(get_seconds_to_look(self.clock()))


def get_seconds_to_look(now: datetime) -> float:
    """Return how long to wait before the clock is read again: never past the next start."""
    until_start = (get_run_start(get_due_date(now) + timedelta(days=1)) - now.astimezone(UTC)).total_seconds()
    return min(LOOK_SECONDS, max(MIN_LOOK_SECONDS, until_start))
