"""An Instagram account's days. They end where Pacific days end, wherever the account is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.calendar import DAY, Window
from sync.provider import Intake
from sync.providers.instagram_insights import Insights

PACIFIC = ZoneInfo("America/Los_Angeles")
TABLE = "ig_account_daily"
RESTATES = 3
# Instagram answers for at most 30 times 24 hours; 30 days around the end of summer time have an hour more.
CHUNK = 28

COLUMNS = ("reach", "views", "interactions", "followers")
SERIES = "reach"
# Metrics of one value for all the time that is asked for, and so for a day at a time.
TOTALS = {"views": "views", "total_interactions": "interactions"}
KIND = "account"
# The option that keeps the followers of days of which nothing else is known yet.
OPTION = "followers"


class Days:
    """Restates the days of one account; `followers` is how many it has at the end of yesterday."""

    def __init__(
        self,
        account: str,
        insights: Insights,
        intake: Intake,
        yesterday: date,
        followers: int,
        options: Mapping[str, Any],
    ) -> None:
        self.account = account
        self.insights = insights
        self.intake = intake
        self.kept = remembered(options.get(OPTION))
        self.first_kept = yesterday - (RESTATES - 1) * DAY
        self.followers = {**self.kept, yesterday.isoformat(): followers}

    async def restate(self, window: Window) -> None:
        """Ask for a window's days and lay the answers over what the table has. Raises ProviderError."""
        reach = await self.reach(window)
        rows = {row["date"]: dict(row) for row in await self.intake.held(TABLE, window)}
        for day in window:
            answered = await self.totals(day)
            if day in reach:
                answered[SERIES] = reach[day]
            if answered or day in rows:
                if (followers := self.followers.pop(day.isoformat(), None)) is not None:
                    answered["followers"] = followers
                rows[day] = {"date": day} | dict.fromkeys(COLUMNS) | known(rows.get(day, {})) | answered
        await self.intake.restate(TABLE, window, list(rows.values()))
        await self.keep()

    async def reach(self, window: Window) -> dict[date, int]:
        """The reach of the days that have one."""
        # The last day ends at midnight: a second later, so that it is within whether or not `until` itself is.
        until = str(int(midnight(window.end + DAY)) + 1)
        query = {"period": "day", "since": midnight(window.start), "until": until}
        found = await self.insights.of(self.account, KIND, [SERIES], query)
        read = self.insights.graph.read
        reach = {}
        for value in read.items(found.get(SERIES, {}), "values"):
            ended = read.moment(value.get("end_time"), "end_time")
            day = (ended - timedelta(seconds=1)).astimezone(PACIFIC).date()
            if window.start <= day <= window.end:
                reach[day] = read.whole(value.get("value"), SERIES)
        return reach

    async def totals(self, day: date) -> dict[str, int]:
        """The values of one day that there are, by column."""
        query = {
            "period": "day",
            "metric_type": "total_value",
            "since": midnight(day),
            "until": midnight(day + DAY),
        }
        found = await self.insights.of(self.account, KIND, list(TOTALS), query)
        values = {TOTALS[name]: self.insights.value(metric, name) for name, metric in found.items() if name in TOTALS}
        return {column: value for column, value in values.items() if value is not None}

    async def keep(self) -> None:
        """Remember the followers of days that have no row yet: a row of theirs alone would make the rest seem 0."""
        kept = {day: count for day, count in self.followers.items() if day >= self.first_kept.isoformat()}
        if kept != self.kept:
            await self.intake.remember({OPTION: kept})
            self.kept = kept


def known(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are loaded here, of a row that the table has."""
    return {name: row[name] for name in COLUMNS if name in row}


def midnight(day: date) -> str:
    """When a day begins, in seconds since the epoch."""
    return str(int(datetime.combine(day, time(), PACIFIC).timestamp()))


def remembered(option: Any) -> dict[str, int]:
    if not isinstance(option, Mapping):
        return {}
    return {day: count for day, count in option.items() if isinstance(day, str) and type(count) is int}
