"""The interface between a sync and a provider: `Provider`, `Account` and `Sink`.

A team with a sync service of its own implements `Provider` and names it in SYNC_PROVIDERS. It may give its rows to the
sink, or write the fact tables itself and only report its progress.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from engine import Window
from state.credentials import Credentials

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account and its credentials.

    `credentials_at` is when the credentials were given or last renewed. `options` are the connection's own, such as
    `time_zone` or `conversion_action`.
    """

    source: str
    id: str
    credentials: Credentials
    credentials_at: datetime
    options: Mapping[str, Any]


class Sink(Protocol):
    """The destination of one account's rows; it reaches only this account of this user."""

    @property
    def tables(self) -> Collection[str]:
        """The installation's fact tables of this source; no other can be restated."""

    def now(self) -> datetime:
        """Return the current time, with a time zone."""

    async def get_cursor(self, table: str) -> Window | None:
        """Return the days that have been restated so far, without a gap; None before the first."""

    async def get_rows(self, table: str, days: Window) -> Sequence[Row]:
        """Return the table's rows of these days, in the form that `restate` takes; days are `date`s."""

    async def restate(self, table: str, days: Window, rows: Sequence[Row]) -> None:
        """Replace the table's rows of these days and move the cursor, in one transaction.

        A row is keyed by column, without user and account; it holds text, int, float, `Decimal`, `date`, aware
        `datetime` or None. All rows have the same columns; those that the table lacks are ignored.
        """

    def report_progress(self, fraction: float) -> None:
        """Report the finished share of this account, 0 to 1."""

    def skip(self, count: int, reason: str) -> None:
        """Report things that could not be read and were left out, as `3, "posts without insights"`; 0 is ignored."""

    async def replace_notes(self, table: str, days: Window, notes: Mapping[str, Sequence[Window]]) -> None:
        """Replace what is known against the table's rows of these days, as windows by code.

        The codes are `sampled`, `thresholded`, `truncated` and `other_row`; answers show them to their readers.
        """

    def add_remark(self, text: str) -> None:
        """Add a sentence for the user to the job's account."""

    async def renew_credentials(self, credentials: Mapping[str, Any]) -> None:
        """Save new credentials, encrypted, in place of the old ones."""

    async def add_options(self, options: Mapping[str, Any]) -> None:
        """Add to the connection's options."""


class Provider(Protocol):
    """One source of accounts."""

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the account's tables up to date; a later call continues from the cursors.

        May be cancelled at any await. Raises ProviderError, of the class that says what to do.
        """


def get_local_yesterday(now: datetime, zone: Any) -> date:
    """Return the last complete day in a time zone."""
    return date.fromordinal(now.astimezone(zone).toordinal() - 1)
