"""Plans: the scans that answer metrics, without SQL and without a query's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlglot import exp

from engine.catalog.metrics import MetricSeries, RankedItems, TableMetric
from engine.files.metric_definitions import Total
from engine.language.expressions import Aggregate, Expression
from engine.language.function_values import Evaluator
from engine.tables import Table

MergeFunction = Callable[[Sequence[Any]], Any]


class Shape(StrEnum):
    """What a row of a scan stands for.

    DAYS: a day. Buckets and totals are merged from days, so that one scan serves every grain.
    SLOTS: a bucket or a whole window, for aggregates that do not merge, such as distinct counts.
    WINDOWS: a whole window, which the statement reads by itself: of members, whose buckets nobody needs.
    """

    DAYS = "days"
    SLOTS = "slots"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Rows grouped by member: the largest `top` by `ranking`, and the rest as one group."""

    column: str
    top: int
    ranking: Expression
    passing: Aggregate | None
    currency: str | None

    @property
    def identity(self) -> tuple[str, int, tuple[str, ...], str]:
        aggregates = tuple(aggregate.text for aggregate in self.ranking.aggregates)
        return (self.column, self.top, aggregates, self.ranking.tree.sql())


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One statement over one table for both windows: aggregates by day or slot, and by member.

    A row is (day or slot, *aggregates); with a breakdown, (day or slot, place, member, *aggregates), where place and
    member are NULL for the rows of the rest. With `member`, a column, there is a row for each member of it, and with
    `by_account` one for each account; both stand before the aggregates.
    """

    table: Table
    shape: Shape
    aggregates: tuple[Aggregate, ...]
    breakdown: Breakdown | None = None
    by_account: bool = False
    member: str | None = None
    # Those of the aggregates that only rows of the asked window have.
    labels: frozenset[Aggregate] = frozenset()

    @property
    def account(self) -> int:
        """The position of the account in a row, if it has one."""
        return 3 if self.breakdown else 1 if self.member is None else 2

    @property
    def width(self) -> int:
        """The columns of a row that are read."""
        return self.account + self.by_account + len(self.aggregates)

    @property
    def positions(self) -> Mapping[Aggregate, int]:
        """The position of each aggregate in a row."""
        first = self.account + self.by_account
        return {aggregate: first + index for index, aggregate in enumerate(self.aggregates)}


@dataclass(frozen=True, slots=True, eq=False)
class ItemsScan:
    """One statement over one table for the requested window: the items with the largest values."""

    table: Table
    items: RankedItems
    where: exp.Expr | None


@dataclass(frozen=True, slots=True)
class LabelScan:
    """One statement over one table: each label of each member, and its last day."""

    table: Table
    member: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A series of a metric as a function of a row; None where no row passes its `where`."""

    series: MetricSeries
    name: str
    evaluate: Evaluator
    additive: bool
    money: bool
    # Whether a whole number of it is written as an integer.
    whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class ScanProjection:
    """How one metric reads a scan's rows: its measures, and the positions of other columns.

    The measures are summed up alike, by `total`.
    """

    scan: Scan
    total: Total
    measures: tuple[Measure, ...]
    passing: int | None
    currency: tuple[int, int] | None
    account: int | None
    # The columns that it reads, by position, and how rows are merged into one of the scan's width.
    merges: tuple[tuple[int, MergeFunction], ...]
    width: int
    evaluators: tuple[Evaluator, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RowsPlan:
    """How to read the rows of a table: `windows` has those that there are, and what they meet.

    `label` is the position of a member's latest label, behind its day. `days` are one projection for each way, other
    than `period`, in which columns are summed up.
    """

    windows: ScanProjection
    days: tuple[ScanProjection, ...]
    having: Evaluator | None
    label: int | None

    @property
    def projections(self) -> tuple[ScanProjection, ...]:
        return (self.windows, *self.days)


@dataclass(frozen=True, slots=True, eq=False)
class MetricPlan:
    """How to answer one metric over a table.

    `wholes` cover all members together, one for each way in which series are summed up; `members` each of them,
    `labels` the names of members of a breakdown, `items` is the list, and `rows` are those of the table.
    """

    metric: TableMetric
    wholes: tuple[ScanProjection, ...]
    members: ScanProjection | None
    items: ItemsScan | None
    labels: LabelScan | None = None
    rows: RowsPlan | None = None
    # What is read of days, slots and windows, each once, and the first scan of all members' days.
    scans: tuple[Scan, ...] = field(init=False)
    days: Scan | None = field(init=False)

    def __post_init__(self) -> None:
        rows = () if self.rows is None else self.rows.projections
        projections = (*self.wholes, *rows) if self.members is None else (*self.wholes, self.members, *rows)
        object.__setattr__(self, "scans", tuple(dict.fromkeys(each.scan for each in projections)))
        days = next((each.scan for each in self.wholes if each.scan.shape is Shape.DAYS), None)
        object.__setattr__(self, "days", days)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The scans that answer some metrics, each once, and how each of these metrics reads them."""

    scans: tuple[Scan, ...]
    metrics: Mapping[str, MetricPlan]

    def join(self, other: Plan) -> Plan:
        """Add another plan's metrics, which keep their own scans; of one key, the other's stands."""
        return Plan((*self.scans, *other.scans), {**self.metrics, **other.metrics})
