"""Scans → rows, from the cache or from the warehouse, each scan of a question once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.answer.aggregate import Row, Tracks
from engine.answer.cache import Cache, Found, Key, digest
from engine.answer.items import item_list
from engine.answer.response import Body
from engine.calendar import Window
from engine.compiler.plan import ItemsScan, MetricPlan, Scan, Shape
from engine.compiler.statements import PreparedPlan
from engine.errors import WarehouseUnavailable
from engine.query import Question
from engine.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: the tenant, its connected sources, the version of its facts; `offline` if only the cache may answer."""

    tenant: str
    connected: frozenset[str]
    data_version: int = 0
    offline: bool = False


class Reader:
    """Reads what one question needs. `found` is what every scan came to."""

    def __init__(
        self,
        *,
        warehouse: Warehouse,
        cache: Cache | None,
        catalog: str,
        prepared: PreparedPlan,
        question: Question,
        asked: Tracks,
        asker: Asker,
    ) -> None:
        self.warehouse = warehouse
        self.cache = cache
        self.catalog = catalog
        self.prepared = prepared
        self.question = question
        self.asked = asked
        self.asker = asker
        self.ranges = question.period.ranges
        self.found: dict[Scan | ItemsScan, Found] = {}

    def rows_of(self, plan: MetricPlan) -> Mapping[Scan, Sequence[Row]]:
        """The rows of the metric's scans."""
        scans = [reading.scan for reading in (plan.whole, plan.members) if reading is not None]
        return {scan: self.rows(scan) for scan in scans}

    def rows(self, scan: Scan) -> Sequence[Row]:
        sql = self.prepared.scan(scan, len(self.ranges))
        if scan.shape is Shape.DAYS:
            return self.read(scan, sql, lambda: self.bound(self.ranges), self.ranges)
        question = self.question
        cut = (question.start, question.end, question.grain, question.compare)

        def parameters() -> dict[str, Any]:
            bound = self.bound(self.ranges if scan.breakdown is not None else ())
            return bound | {"slots": self.warehouse.dialect.slots_parameter(self.asked.slots)}

        return self.read(scan, sql, parameters, self.ranges, slots=cut)

    def items(self, scan: ItemsScan, *, mixed: bool) -> list[Body]:
        sql = self.prepared.items(scan)
        window = (Window(self.question.start, self.question.end),)
        ranked_by_money = scan.items.order.expression.money

        def parameters() -> dict[str, Any]:
            return self.bound(window) | ({"mixed": int(mixed)} if ranked_by_money else {})

        rows = self.read(scan, sql, parameters, window, mixed=mixed if ranked_by_money else None)
        return item_list(scan, rows, mixed=mixed)

    def key(self, sql: str, days: tuple[Window, ...], **more: Any) -> Key:
        return Key(
            tenant=self.asker.tenant,
            dialect=self.warehouse.dialect.name,
            catalog=self.catalog,
            statement=digest(sql),
            days=days,
            data_version=self.asker.data_version,
            **more,
        )

    def read(
        self,
        scan: Scan | ItemsScan,
        sql: str,
        parameters: Callable[[], dict[str, Any]],
        days: tuple[Window, ...],
        **more: Any,
    ) -> Sequence[Row]:
        """The rows of a statement, once; `days` and `more` go into the key. Raises WarehouseUnavailable."""
        found = self.found.get(scan)
        if found is None:
            found = self.found[scan] = self.find(
                lambda: self.warehouse.query(sql, parameters()), lambda: self.key(sql, days, **more)
            )
        return found.rows

    def find(self, query: Callable[[], Sequence[Row]], key: Callable[[], Key]) -> Found:
        if self.cache is None:
            return Found(query())
        if not self.asker.offline:
            return self.cache.read(key(), query)
        reserve = self.cache.reserve(key())
        if reserve is None:
            raise WarehouseUnavailable("the cache holds no answer")
        return reserve

    def bound(self, windows: Sequence[Window]) -> dict[str, Any]:
        """The tenant and the days to read, as the driver takes them."""
        dialect = self.warehouse.dialect
        parameters: dict[str, Any] = {"tenant": dialect.tenant(self.asker.tenant)}
        for index, window in enumerate(windows):
            parameters[f"start{index}"], parameters[f"end{index}"] = dialect.day(window.start), dialect.day(window.end)
        return parameters
