"""The daily run: at 00:15 in Los Angeles, once a day, in one of any number of processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine import StateUnavailable
from state.jobs.runs import ScheduledRuns

ZONE = ZoneInfo("America/Los_Angeles")
RUN_TIME = time(0, 15)
# The daily timer may miss its moment, for instance while the machine sleeps.
LOOK_SECONDS = 60

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
        self._timer: Any = None

    def open_due_run(self) -> bool:
        """Open the run that is due; False if it is open already. Raises StateUnavailable."""
        day = get_due_date(self.clock())
        # A clock that is set back must not open a day's run again.
        if self._opened is not None and day <= self._opened:
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
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
        from apscheduler.triggers.interval import IntervalTrigger

        async def look() -> None:
            try:
                if await asyncio.to_thread(self.open_due_run):
                    on_new_run()
                await asyncio.to_thread(self.runs.close_ended_runs)
            except StateUnavailable as error:
                logger.error("schedule: %s", error)

        daily = CalendarIntervalTrigger(
            days=1, hour=RUN_TIME.hour, minute=RUN_TIME.minute, start_date=get_due_date(self.clock()), timezone=ZONE
        )
        timer = self._timer = AsyncIOScheduler(timezone=ZONE)
        for trigger in (daily, IntervalTrigger(seconds=LOOK_SECONDS)):
            timer.add_job(look, trigger, misfire_grace_time=None, coalesce=True)
        timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.shutdown(wait=False)
            self._timer = None
