"""What a load has put into a table, by account and day, held against what else is there: what is doubtful of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import isclose
from typing import Any

from engine.calendar import Window
from engine.slices import DayTotals
from engine.tables import NUMBER_TYPES, Table

# With so many days of one weekday, each may stand for its week.
MIN_WEEKS = 4
# Two accounts with the same numbers on so many days are one.
MIN_EQUAL_DAYS = 2

AccountDay = tuple[str, date]


@dataclass(slots=True)
class LoadedDays:
    """The rows that a load writes, counted by account and day.

    `is_priced` is whether some row has an amount without its currency. `columns` are those that the files fill.
    """

    table: Table
    user: str
    columns: Collection[str] = ()
    counts: Counter[AccountDay] = field(default_factory=Counter)
    is_priced: bool = False

    def add(self, row: Mapping[str, Any]) -> None:
        table = self.table
        self.counts[row[table.account] if table.account else "", row[table.time]] += 1
        if table.currency is not None and row.get(table.currency) is None and not self.is_priced:
            self.is_priced = any(row.get(name) is not None for name in self.list_money_columns())
        if not self.columns:
            self.columns = frozenset(row)

    @property
    def accounts(self) -> Sequence[str]:
        return sorted({account for account, _ in self.counts})

    @property
    def days(self) -> Sequence[date]:
        return sorted({day for _, day in self.counts})

    @property
    def window(self) -> Window:
        return Window(self.days[0], self.days[-1])

    def list_money_columns(self) -> list[str]:
        return [name for name, column in self.table.columns.items() if column.money]

    def list_summed_columns(self) -> list[str]:
        """List the loaded columns by whose sums accounts are compared."""
        columns = self.table.columns
        return [name for name in columns if name in self.columns and columns[name].value_type in NUMBER_TYPES]

    def describe_doubts(self, stored: Mapping[AccountDay, DayTotals], today: date) -> Iterator[str]:
        """Yield what is doubtful of the rows; `stored` is what the table has in their days after the load."""
        yield from self.describe_unfinished_days(today)
        yield from self.describe_spacing()
        yield from self.describe_lack_of_currency(stored)
        for account in self.accounts:
            yield from self.describe_other_rows(account, stored)
            yield from self.describe_twins(account, stored)

    def describe_unfinished_days(self, today: date) -> Iterator[str]:
        unfinished = [day for day in self.days if day >= today]
        if unfinished:
            yield (
                f"{format_days(unfinished)} {'is' if len(unfinished) == 1 else 'are'} not over: the numbers are not "
                "final, and seem to fall; load them again afterwards, unless they are a plan"
            )

    def describe_spacing(self) -> Iterator[str]:
        """Yield a doubt about days of which each may stand for its month or its week."""
        days = self.days
        if len(days) > 1 and all(day.day == 1 for day in days):
            spacing = "the first of a month"
        elif len(days) >= MIN_WEEKS and len({day.weekday() for day in days}) == 1:
            spacing = "of one weekday"
        else:
            return
        yield f"each day is {spacing} ({format_days(days)}): if a row is over more than its day, export it by day"

    def describe_lack_of_currency(self, stored: Mapping[AccountDay, DayTotals]) -> Iterator[str]:
        if self.is_priced and any(stored[key].without_currency for key in self.counts if key in stored):
            names = " and ".join(name for name in self.list_money_columns() if name in self.columns)
            yield (
                f"the amounts ({names}) have no currency, so that they are added to those of any other; "
                f"--set {self.table.currency}=USD, for example, says which it is"
            )

    def describe_other_rows(self, account: str, stored: Mapping[AccountDay, DayTotals]) -> Iterator[str]:
        """Yield a doubt about rows of the same days that these files lack: of an earlier load, under other keys."""
        others = {
            day: totals.count - self.counts[account, day]
            for (each, day), totals in stored.items()
            if each == account and totals.count > self.counts[account, day] > 0
        }
        if others:
            yield (
                f"{self.format_account(account)} has other rows on {format_days(sorted(others))} "
                f"({sum(others.values()):,} of earlier loads), which count beside these; if the files have all of the "
                f"account, delete its rows ({self.format_purge(account)}) and load them again"
            )

    def describe_twins(self, account: str, stored: Mapping[AccountDay, DayTotals]) -> Iterator[str]:
        """Yield a doubt about accounts that have the same numbers on the same days."""
        others = sorted({each for each, _ in stored} - {account})
        for other in others:
            common = [day for day in self.days if (account, day) in stored and (other, day) in stored]
            equal = [day for day in common if are_equal(stored[account, day].sums, stored[other, day].sums)]
            if len(equal) >= MIN_EQUAL_DAYS and 2 * len(equal) > len(common):
                yield (
                    f"{self.format_account(other)} has the same numbers as {self.format_account(account)} on "
                    f"{format_days(equal)}; if they are one, all of it counts twice: delete one ("
                    f"{self.format_purge(other)})"
                )

    def format_account(self, account: str) -> str:
        return f"account {account}" if account else "what has no account"

    def format_purge(self, account: str) -> str:
        options = () if self.table.account is None else ("--account", account)
        return shlex.join(("metric-engine", "purge", "--user", self.user, "--source", self.table.source, *options))


def are_equal(first: Sequence[float | None], second: Sequence[float | None]) -> bool:
    """Whether two days have the same sums, some of which are not 0."""
    pairs = [(left or 0.0, right or 0.0) for left, right in zip(first, second, strict=True)]
    return any(left for left, _ in pairs) and all(isclose(left, right, rel_tol=1e-9) for left, right in pairs)


def format_days(days: Sequence[date]) -> str:
    """Return days in order as a text: a run as its ends, others by their first and their number."""
    if len(days) == 1:
        return days[0].isoformat()
    if days[-1] - days[0] == timedelta(days=len(days) - 1):
        return f"{days[0]} to {days[-1]}"
    return f"{len(days)} days from {days[0]} to {days[-1]}"
