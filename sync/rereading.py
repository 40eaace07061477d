"""Options that decide what stored rows mean: once one has changed, the history is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine import Window
from sync.provider import Account, Sink

# The connection's option with the value that each table was read with, and since which day.
READ_WITH = "read_with"


class OptionCursor:
    """The cursor of a table whose rows depend on an option: only days that were read with its present value count.

    A table without a saved value was read without the option. `days` are those that count, None before the first, and
    `stored` all that were ever read, unless they are the same.
    """

    def __init__(self, sink: Sink, account: Account, table: str, option: str) -> None:
        self.sink = sink
        self.table = table
        self.option = option
        self.value = account.options.get(option)
        self.saved = parse_read_with(account.options.get(READ_WITH))
        self.days: Window | None = None
        self.stored: Window | None = None

    async def load(self) -> None:
        """Load the days. Tells the user if the option has changed."""
        days = await self.sink.get_cursor(self.table)
        value, since = self.saved.get(self.table, (None, None))
        if days is None or (value == self.value and since is None):
            self.days = days
        else:
            self.stored = days
            self.days = Window(max(since, days.start), days.end) if value == self.value and since else None
            self.sink.add_remark(f"the option {self.option} has changed: the history of {self.table} is read again")

    def extend_history(self, history: int, yesterday: date) -> int:
        """Return the days of history to read: as many as there are, while they are read again."""
        return history if self.stored is None else max(history, (yesterday - self.stored.start).days + 1)

    async def save_progress(self, window: Window) -> None:
        """Save that these days, and all after them, have been read with the present value."""
        since: date | None = None
        if self.stored is not None:
            since = window.start if self.days is None else min(window.start, self.days.start)
            self.days = Window(since, self.stored.end)
            if since <= self.stored.start:
                self.stored = since = None
        if self.saved.get(self.table, (None, None)) != (self.value, since):
            self.saved[self.table] = (self.value, since)
            await self.sink.add_options({READ_WITH: format_read_with(self.saved)})


def format_read_with(saved: Mapping[str, tuple[Any, date | None]]) -> dict[str, Any]:
    """Format what each table was read with, and since which day, as JSON."""
    return {
        table: {"value": value, "since": None if since is None else since.isoformat()}
        for table, (value, since) in saved.items()
    }


def parse_read_with(option: Any) -> dict[str, tuple[Any, date | None]]:
    """Parse what an earlier sync saved; anything else counts as nothing."""
    try:
        return {
            table: (saved["value"], date.fromisoformat(saved["since"]) if saved["since"] else None)
            for table, saved in (option or {}).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
