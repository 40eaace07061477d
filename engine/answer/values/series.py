"""Values that belong together: totals, series, and the members of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.answer.values.numbers import Value, compute_share
from engine.catalog.metrics import Metric, MetricSeries

MIXED = "mixed"


@dataclass(slots=True)
class StatValues:
    """The totals of both windows, and those of their days up to the last known one."""

    value: Value = None
    previous: Value = None
    to_date: Value = None
    previous_to_date: Value = None

    def divide_by(self, whole: StatValues) -> StatValues:
        """Return each value as its share of the whole's."""
        return StatValues(
            compute_share(self.value, whole.value),
            compute_share(self.previous, whole.previous),
            compute_share(self.to_date, whole.to_date),
            compute_share(self.previous_to_date, whole.previous_to_date),
        )


@dataclass(slots=True)
class SeriesValues:
    """One series of a metric: a value for each bucket of both windows, and its totals.

    `series` is what the metric says of it, and None where it is derived from others. `currency` is that of its amounts,
    and None where it is not money. `id` is a member's.
    """

    name: str
    metric: Metric
    series: MetricSeries | None
    money: bool
    points: list[Value]
    compared: list[Value] = field(default_factory=list)
    stats: StatValues = field(default_factory=StatValues)
    currency: str | None = None
    id: str | None = None

    def clear_amounts(self, currency: str | None) -> None:
        """Clear the values of money in several currencies, which have no common unit."""
        if self.money:
            self.points, self.compared = [None] * len(self.points), [None] * len(self.compared)
            self.stats, self.currency = StatValues(), currency

    def divide_by(self, whole: SeriesValues) -> SeriesValues:
        """Return each value as its share of the whole's, which is no amount."""
        return replace(
            self,
            money=False,
            currency=None,
            points=list(map(compute_share, self.points, whole.points)),
            compared=list(map(compute_share, self.compared, whole.compared)),
            stats=self.stats.divide_by(whole.stats),
        )


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A row of a table: a member, with the totals of each column; `currency` is that of its amounts."""

    id: str
    label: str
    currency: str | None
    cells: Sequence[StatValues]


@dataclass(frozen=True, slots=True)
class MemberTable:
    """The rows of a table, which are `count` before they are limited, and its columns with their totals."""

    columns: Sequence[SeriesValues]
    rows: Sequence[MemberRow]
    count: int
