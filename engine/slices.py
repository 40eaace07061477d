"""Slices: the rows of one account over some days, which its source replaces as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.calendar import Window
from engine.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of `table` that belong to this tenant and account, within these days."""

    table: Table
    tenant: str
    account: str
    days: Window


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The rows of an account's day: how many there are, and of these without a currency; the sums of some columns."""

    count: int
    without_currency: int
    sums: Sequence[float | None]


# The days of each account that have been restated, as one window. The table stands beside the facts, so that it changes
# in the same transaction.
CURSORS = Table(
    name="sync_cursors",
    source="",
    time="last_day",
    tenant="user_id",
    physical="sync_cursors",
    columns={
        column.name: column
        for column in (
            Column("user_id", "uuid", "user_id"),
            Column("table_name", "text", "table_name"),
            Column("account_id", "text", "account_id"),
            Column("first_day", "date", "first_day"),
            Column("last_day", "date", "last_day"),
        )
    },
    key=("user_id", "table_name", "account_id"),
)
