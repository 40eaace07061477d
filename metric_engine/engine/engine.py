"""The engine: a catalog and a warehouse, asked a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cachetools import LRUCache

from metric_engine.engine.catalog import Catalog
from metric_engine.engine.errors import UnknownMetric
from metric_engine.engine.folding import MIXED, Row, Tracks, fold, tracks
from metric_engine.engine.item_lists import item_list
from metric_engine.engine.metrics import Metric
from metric_engine.engine.periods import Window
from metric_engine.engine.plan import ItemsScan, MetricPlan, Scan, Shape, plan
from metric_engine.engine.question import Question
from metric_engine.engine.results import Body, Measured, body, shape
from metric_engine.engine.statements import PreparedPlan, Statements
from metric_engine.engine.warehouse import Warehouse

# Beyond one plan for each widget: dashboards ask for many of them in one batch.
MOST_PLANS = 2_000


class Engine:
    """Answers questions. What does not depend on the question is worked out once and kept. Thread-safe."""

    def __init__(self, catalog: Catalog, warehouse: Warehouse) -> None:
        self.catalog = catalog
        self.warehouse = warehouse
        self.statements = Statements(warehouse.dialect, catalog.tables.values())
        self._plans: LRUCache[tuple[str, ...], PreparedPlan] = LRUCache(maxsize=MOST_PLANS)

    def answer(self, key: str, question: Question, *, tenant: str, connected: frozenset[str]) -> Body:
        """The body of GET /v1/widgets/{key}, for this tenant and these connected sources.

        Raises UnknownMetric, WarehouseUnavailable.
        """
        return self._answer([self.catalog.metric(key)], question, tenant, connected)[key]

    def answers(
        self, keys: Sequence[str], question: Question, *, tenant: str, connected: frozenset[str]
    ) -> dict[str, Body | UnknownMetric]:
        """The bodies for several keys, from one plan; an unknown key has its error for a body.

        Raises WarehouseUnavailable.
        """
        known: dict[str, Metric] = {}
        found: dict[str, Body | UnknownMetric] = {}
        for key in keys:
            try:
                known[key] = self.catalog.metric(key)
            except UnknownMetric as error:
                found[key] = error
        found |= self._answer(list(known.values()), question, tenant, connected)
        return {key: found[key] for key in keys}

    def _answer(
        self, metrics: Sequence[Metric], question: Question, tenant: str, connected: frozenset[str]
    ) -> dict[str, Body]:
        active = connected if question.sources is None else connected & question.sources
        dialect = self.warehouse.dialect
        asked = tracks(question.start, question.end, question.grain, question.compare, dialect)
        prepared = self.prepared(metrics)
        needed = [each for each in prepared.plan.metrics.values() if each.metric.table.source in active]
        reading = Reader(self.warehouse, prepared, question, asked, tenant)
        outcomes = {each.metric.key: fold(each, reading.rows_of(each), asked, dialect) for each in needed}
        items = {
            each.metric.key: reading.items(each.items, mixed=outcomes[each.metric.key].currency == MIXED)
            for each in needed
            if each.items is not None
        }
        measured = Measured(outcomes, items, asked)
        return {metric.key: body(metric, shape(metric, measured), question, asked, active) for metric in metrics}

    def prepared(self, metrics: Sequence[Metric]) -> PreparedPlan:
        """The plan for these metrics, made at the first question for them."""
        keys = tuple(metric.key for metric in metrics)
        found = self._plans.get(keys)
        if found is None:
            found = self._plans[keys] = PreparedPlan(plan(metrics), self.statements)
        return found


class Reader:
    """Reads what one question needs, each scan once."""

    def __init__(
        self, warehouse: Warehouse, prepared: PreparedPlan, question: Question, asked: Tracks, tenant: str
    ) -> None:
        self.warehouse = warehouse
        self.prepared = prepared
        self.asked = asked
        self.ranges = question.period.ranges
        self.window = question.period.asked.window
        self.tenant = warehouse.dialect.tenant(tenant)
        self.read: dict[Scan, Sequence[Row]] = {}

    def rows_of(self, plan: MetricPlan) -> Mapping[Scan, Sequence[Row]]:
        """The rows of the metric's scans."""
        for reading in (plan.whole, plan.members):
            if reading is not None and reading.scan not in self.read:
                self.read[reading.scan] = self.rows(reading.scan)
        return self.read

    def rows(self, scan: Scan) -> Sequence[Row]:
        parameters = self.bound(self.ranges)
        if scan.shape is Shape.SLOTS:
            if scan.breakdown is None:
                parameters = {"tenant": self.tenant}
            parameters["slots"] = self.warehouse.dialect.slots_parameter(self.asked.slots)
        return self.warehouse.query(self.prepared.scan(scan, len(self.ranges)), parameters)

    def items(self, scan: ItemsScan, *, mixed: bool) -> list[Body]:
        parameters = self.bound((self.window,))
        if scan.items.order.expression.money:
            parameters["mixed"] = int(mixed)
        return item_list(scan, self.warehouse.query(self.prepared.items(scan), parameters), mixed=mixed)

    def bound(self, windows: Sequence[Window]) -> dict[str, Any]:
        """The tenant and the days to read, as the driver takes them."""
        day = self.warehouse.dialect.day
        parameters: dict[str, Any] = {"tenant": self.tenant}
        for index, window in enumerate(windows):
            parameters[f"start{index}"], parameters[f"end{index}"] = day(window.start), day(window.end)
        return parameters
