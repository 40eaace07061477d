"""An Instagram account's days, which end at midnight Pacific time for every account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine import DAY, Window
from sync.provider import Sink
from sync.providers.instagram_insights import InstagramInsights

PACIFIC = ZoneInfo("America/Los_Angeles")
TABLE = "ig_account_daily"
RESTATE_DAYS = 3
# Instagram may be late by 48 hours.
LATE_DAYS = 2
# Instagram accepts at most 30 times 24 hours; 30 days around the end of summer time have an hour more.
CHUNK_DAYS = 28

COLUMNS = ("reach", "views", "interactions", "followers")
SERIES = "reach"
# Metrics with one value for the whole requested time, and so requested day by day.
TOTALS = {"views": "views", "total_interactions": "interactions"}
KIND = "account"
# The option with the followers of days that have no other values yet.
FOLLOWERS_OPTION = "followers"


class InstagramDays:
    """The days of one account; `followers` is its number of them at the end of yesterday."""

    def __init__(
        self,
        account: str,
        insights: InstagramInsights,
        sink: Sink,
        yesterday: date,
        followers: int,
        options: Mapping[str, Any],
    ) -> None:
        self.account = account
        self.insights = insights
        self.sink = sink
        self.yesterday = yesterday
        self.saved_followers = parse_followers(options.get(FOLLOWERS_OPTION))
        self.first_saved_day = yesterday - (RESTATE_DAYS - 1) * DAY
        self.followers = {**self.saved_followers, yesterday.isoformat(): followers}

    async def restate(self, window: Window) -> None:
        """Fetch a window's days and merge them with the table's rows. Raises ProviderError.

        A day counts as read once it has values, or is too old to be late.
        """
        reach = await self.fetch_reach(window)
        rows = {row["date"]: dict(row) for row in await self.sink.get_rows(TABLE, window)}
        for day in window:
            answered = await self.fetch_totals(day)
            if day in reach:
                answered[SERIES] = reach[day]
            if answered or day in rows:
                if (followers := self.followers.pop(day.isoformat(), None)) is not None:
                    answered["followers"] = followers
                rows[day] = {"date": day} | dict.fromkeys(COLUMNS) | pick_columns(rows.get(day, {})) | answered
        final = self.yesterday - LATE_DAYS * DAY
        days = Window(window.start, min(window.end, max((final, *rows))))
        if days.days > 0:
            await self.sink.restate(TABLE, days, list(rows.values()))
        await self.save_followers()

    async def fetch_reach(self, window: Window) -> dict[date, int]:
        """Fetch the reach by day, for the days that have one."""
        # The last day ends at midnight; a second more includes it whether or not `until` is inclusive.
        until = str(int(format_midnight(window.end + DAY)) + 1)
        query = {"period": "day", "since": format_midnight(window.start), "until": until}
        found = await self.insights.fetch_metrics(self.account, KIND, [SERIES], query)
        reader = self.insights.graph.reader
        reach = {}
        for value in reader.read_list(found.get(SERIES, {}), "values"):
            ended = reader.parse_datetime(value.get("end_time"), "end_time")
            day = (ended - timedelta(seconds=1)).astimezone(PACIFIC).date()
            if window.start <= day <= window.end:
                reach[day] = reader.parse_count(value.get("value"), SERIES)
        return reach

    async def fetch_totals(self, day: date) -> dict[str, int]:
        """Fetch the available values of one day, by column."""
        query = {
            "period": "day",
            "metric_type": "total_value",
            "since": format_midnight(day),
            "until": format_midnight(day + DAY),
        }
        found = await self.insights.fetch_metrics(self.account, KIND, list(TOTALS), query)
        values = {
            TOTALS[name]: self.insights.read_value(metric, name) for name, metric in found.items() if name in TOTALS
        }
        return {column: value for column, value in values.items() if value is not None}

    async def save_followers(self) -> None:
        """Save the followers of days without a row in the connection's options.

        In a row of their own, all other values would seem to be 0.
        """
        kept = {day: count for day, count in self.followers.items() if day >= self.first_saved_day.isoformat()}
        if kept != self.saved_followers:
            await self.sink.add_options({FOLLOWERS_OPTION: kept})
            self.saved_followers = kept


def pick_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the columns that this module loads from a row of the table."""
    return {name: row[name] for name in COLUMNS if name in row}


def format_midnight(day: date) -> str:
    """Return the beginning of a day, in seconds since the epoch."""
    return str(int(datetime.combine(day, time(), PACIFIC).timestamp()))


def parse_followers(option: Any) -> dict[str, int]:
    if not isinstance(option, Mapping):
        return {}
    return {day: count for day, count in option.items() if isinstance(day, str) and type(count) is int}
