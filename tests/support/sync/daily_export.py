"""A team's own provider, whose export changes: every number of sixty days is that of a file."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.calendar import Window
from sync.provider import Account, Provider, Sink, get_local_yesterday

DAYS, CHANNELS = 60, 25


class DailyExport:
    """A provider that restates sixty days of every channel, in several batches of rows."""

    async def sync(self, account: Account, sink: Sink) -> None:
        number = int(Path(os.environ["EXPORT"]).read_text())
        yesterday = get_local_yesterday(sink.now(), ZoneInfo("America/Los_Angeles"))
        days = Window(yesterday - timedelta(days=DAYS - 1), yesterday)
        rows = [
            {"date": day, "channel": f"channel {channel}", "sessions": number}
            for day in days
            for channel in range(CHANNELS)
        ]
        await sink.restate("ga4_channels_daily", days, rows)


def providers() -> dict[str, Provider]:
    return {"ga4": DailyExport()}
