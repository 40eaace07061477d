"""The seam between a sync and a provider: what is asked of one, and what it is given to work with.

A team with a sync service of its own implements `Provider` and names it in SYNC_PROVIDERS; it may hand its rows to the
intake, or write the fact tables itself and only report its progress.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from engine.calendar import Window
from state.credentials import Credentials

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account, and what to read it with.

    `credentials_at` is when the credentials were given or last renewed. `options` are the connection's own, such as
    `time_zone` or `conversion_action`.
    """

    source: str
    id: str
    credentials: Credentials
    credentials_at: datetime
    options: Mapping[str, Any]


class Sink(Protocol):
    """Where one account's rows go. Only this account of this user can be reached through it."""

    @property
    def tables(self) -> Collection[str]:
        """The fact tables that the installation has; rows of any other are not wanted."""

    def now(self) -> datetime:
        """The current time, aware."""

    async def get_cursor(self, table: str) -> Window | None:
        """The days that have been restated so far, without a gap; None before the first."""

    async def get_rows(self, table: str, days: Window) -> Sequence[Row]:
        """The rows that the table has of these days; `restate` takes them as they are. The day is a `date`."""

    async def restate(self, table: str, days: Window, rows: Sequence[Row]) -> None:
        """Put the rows in the place of all that the table has of these days, in one transaction with the cursor.

        A row is keyed by column, without user and account; it holds text, int, float, `Decimal`, `date`, aware
        `datetime`, None. All rows have the same columns; those that the table lacks are left out.
        """

    def report_progress(self, fraction: float) -> None:
        """How much of this account is done, 0 to 1."""

    def skip(self, count: int, reason: str) -> None:
        """Things that could not be read and were passed over, such as `3, "posts without insights"`."""

    async def renew_credentials(self, credentials: Mapping[str, Any]) -> None:
        """Keep new credentials in the place of the old ones, encrypted."""

    async def add_options(self, options: Mapping[str, Any]) -> None:
        """Add to the connection's options."""


class Provider(Protocol):
    """One source of accounts."""

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the account's tables up to date. Called again it goes on from the cursors.

        Raises ProviderError, of the class that says what to do. It may be cancelled at any await.
        """


def get_local_yesterday(now: datetime, zone: Any) -> date:
    """The last complete day in a time zone."""
    return date.fromordinal(now.astimezone(zone).toordinal() - 1)
