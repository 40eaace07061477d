"""Resolved metrics: each name is an object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from engine.calendar import Lookback
from engine.files.metric_definitions import Better, DeltaKind, Fill, Format, Total
from engine.files.metric_tests import TestDefinition
from engine.language.expressions import Aggregate, Expression
from engine.language.function_values import Evaluator
from engine.query import DimensionFilter
from engine.tables import Dimension, Table

DEFAULT_TOP = 10
DEFAULT_ROWS = 50

# The money factors of what may be an amount.
AMOUNT = (1, None)

IsKnown = Callable[[Table], bool]


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeries:
    """A named line of a widget; what it does not say of itself, its widget says."""

    name: str
    expression: Expression
    format: Format | None = None
    better: Better | None = None
    total: Total | None = None
    # Whether a member's value is shown as its share of all members'.
    is_share: bool = False
    # How many decimals are shown.
    decimals: int | None = None

    @property
    def is_money(self) -> bool:
        return self.expression.money and not self.is_share

    @property
    def money_factors(self) -> int | None:
        """Of how many amounts it is a product; None where that cannot be told."""
        return 0 if self.is_share else self.expression.money_factors


@dataclass(frozen=True, slots=True, eq=False)
class RankedItems:
    """A ranked list beside the series: `values` by name, ranked by `order`."""

    by: str
    show: tuple[str, ...]
    values: tuple[MetricSeries, ...]
    order: MetricSeries
    limit: int


@dataclass(frozen=True, slots=True, eq=False)
class MetricTarget:
    """What a widget should come to: a number for each day, one for each bucket and the whole, or another metric."""

    day: float | None = None
    value: float | None = None
    metric: Metric | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MemberRows:
    """The rows of a table widget: a member each, of those that meet `having`, in the order of the column `sort`."""

    dimension: Dimension
    having: Expression | None
    sort: str
    is_descending: bool
    limit: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Metric:
    """The properties of every widget, however it is computed."""

    key: str
    title: str
    description: str = ""
    format: Format = "decimal"
    decimals: int | None = None
    better: Better = "up"
    chart: str | None = None
    group: str | None = None
    position: float | None = None
    hidden: bool = False
    delta: DeltaKind = "relative"
    # The days of each point, where they are not those of its bucket.
    lookback: Lookback | None = None
    target: MetricTarget | None = None
    tests: tuple[TestDefinition, ...] = field(default=())

    @property
    def parts(self) -> tuple[Metric, ...]:
        """The metrics that this one is computed from."""
        return ()

    @cached_property
    def table_metrics(self) -> tuple[TableMetric, ...]:
        """The metrics over tables that this one is computed from, each once."""
        return tuple({metric.key: metric for part in self.parts for metric in part.table_metrics}.values())

    @cached_property
    def planned_metrics(self) -> tuple[TableMetric, ...]:
        """The metrics over tables that its answer needs, its target's included, each once."""
        target = self.target.metric.table_metrics if self.target and self.target.metric else ()
        return tuple({metric.key: metric for metric in (*self.table_metrics, *target)}.values())

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables that it reads, each once."""
        return tuple(dict.fromkeys(metric.table for metric in self.table_metrics))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources that it needs, in alphabetical order."""
        return tuple(sorted({source for table in self.tables for source in table.sources}))

    @cached_property
    def has_optional_parts(self) -> bool:
        """Whether it may have a value where a part of it, or of its parts, has none."""
        return any(part.has_optional_parts for part in self.parts)

    def is_answerable(self, active: frozenset[str]) -> bool:
        """Whether it has an answer where these sources are on."""
        return active.issuperset(self.sources)

    def list_tables(self, active: frozenset[str]) -> list[Table]:
        """List the tables that an answer rests on where these sources are on."""
        if not self.is_answerable(active):
            return []
        return list(dict.fromkeys(table for part in self.parts for table in part.list_tables(active)))

    def list_counted_tables(self, active: frozenset[str], is_known: IsKnown) -> list[Table]:
        """List the tables that decide how far it is known, where these sources are on.

        `is_known` tells whether some of the days in question are known of a table.
        """
        if not self.is_answerable(active):
            return []
        tables = (table for part in self.parts for table in part.list_counted_tables(active, is_known))
        return list(dict.fromkeys(tables))

    def has_known_days(self, active: frozenset[str], is_known: IsKnown) -> bool:
        """Whether all that decides how far it is known has known days."""
        tables = self.list_counted_tables(active, is_known)
        return bool(tables) and all(map(is_known, tables))

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """What it can be filtered by: the dimensions that all its parts have."""
        first, *others = (part.dimensions for part in self.parts)
        return {name: each for name, each in first.items() if all(name in other for other in others)}

    @property
    def breakdowns(self) -> Mapping[str, Dimension]:
        """What a request may break it down by: of a widget of one series its dimensions, of any other nothing."""
        return {}

    @property
    def is_correlation(self) -> bool:
        """Whether its headline is the correlation of two series."""
        return False

    def get_decimals(self, series: MetricSeries | None) -> int | None:
        """Return how many decimals a series shows: those of its own, or the metric's where the format is."""
        is_own = series is not None and (series.format is not None or series.decimals is not None)
        return series.decimals if is_own and series is not None else self.decimals

    def select_filters(self, filters: Iterable[DimensionFilter]) -> tuple[DimensionFilter, ...]:
        """Select the filters by dimensions that it has."""
        return tuple([each for each in filters if each.dimension in self.dimensions])


@dataclass(frozen=True, eq=False, kw_only=True)
class TableMetric(Metric):
    """Expressions over one table; with `rows` they are the columns of a table, and the first one is its series."""

    table: Table
    series: tuple[MetricSeries, ...]
    headline: int = 0
    where: exp.Expr | None = None
    passing: Aggregate | None = None
    by: Dimension | None = None
    top: int = DEFAULT_TOP
    other: bool = True
    # What members are ranked by, unless it is the value, and whether those that are shown stand by their names.
    ranking: Expression | None = None
    is_ordered_by_name: bool = False
    items: RankedItems | None = None
    rows: MemberRows | None = None
    total: Total = "period"
    fill: Fill | None = None

    @cached_property
    def table_metrics(self) -> tuple[TableMetric, ...]:
        return (self,)

    def list_tables(self, active: frozenset[str]) -> list[Table]:
        return [self.table] if self.is_answerable(active) else []

    def list_counted_tables(self, active: frozenset[str], is_known: IsKnown) -> list[Table]:
        return self.list_tables(active)

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        return self.table.dimensions

    @property
    def breakdowns(self) -> Mapping[str, Dimension]:
        return self.dimensions if self.rows is None and len(self.series) == 1 else {}

    @property
    def has_one_series(self) -> bool:
        """Whether it is a line of its own: no breakdown, no table and no several series."""
        return self.by is None and self.rows is None and len(self.series) == 1

    def get_total(self, series: MetricSeries) -> Total:
        return series.total or self.total

    def is_sum(self, series: MetricSeries) -> bool:
        """Whether the values of a period's days come to that of the period."""
        return series.expression.additive and self.get_total(series) == "period"


@dataclass(frozen=True, eq=False, kw_only=True)
class CombinedMetric(Metric):
    """Several metrics side by side."""

    combined: tuple[Metric, ...]
    correlation: bool = False

    @property
    def parts(self) -> tuple[Metric, ...]:
        return self.combined

    @property
    def is_correlation(self) -> bool:
        return self.correlation

    def is_answerable(self, active: frozenset[str]) -> bool:
        """Whether any of its parts has an answer where these sources are on."""
        return any(part.is_answerable(active) for part in self.parts)

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """What any of its parts can be filtered by."""
        return {name: each for part in self.parts for name, each in part.dimensions.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class DerivedMetric(Metric):
    """Arithmetic between metrics; `evaluate` takes a row with a value for each operand, and `text` shows it.

    `optional` are the keys of the operands that `coalesce` replaces where they have no value.
    """

    operands: tuple[Metric, ...]
    text: str
    evaluate: Evaluator
    money_factors: int | None
    optional: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[Metric, ...]:
        return self.operands

    @cached_property
    def has_optional_parts(self) -> bool:
        return bool(self.optional) or any(part.has_optional_parts for part in self.parts)

    def is_answerable(self, active: frozenset[str]) -> bool:
        """Whether the operands that it needs have an answer, and any at all, where these sources are on."""
        answerable = {part.key for part in self.operands if part.is_answerable(active)}
        return bool(answerable) and all(part.key in answerable | self.optional for part in self.operands)

    def list_counted_tables(self, active: frozenset[str], is_known: IsKnown) -> list[Table]:
        if not self.is_answerable(active):
            return []
        counted = (
            part for part in self.operands if part.key not in self.optional or part.has_known_days(active, is_known)
        )
        return list(dict.fromkeys(table for part in counted for table in part.list_counted_tables(active, is_known)))


def count_amounts(metric: Metric) -> int | None:
    """Of how many amounts the values are a product: 1 may be written with a currency; None where it cannot be told.

    Series that say their own format are passed over, where others do not.
    """
    match metric:
        case TableMetric():
            factors = [each.money_factors for each in metric.series if each.format is None or metric.has_one_series]
            return next((factor for factor in factors if factor not in AMOUNT), 1)
        case CombinedMetric():
            return 0 if metric.correlation else count_amounts(metric.combined[0])
        case DerivedMetric():
            return metric.money_factors
    return 0
