"""The engine: a catalog and a warehouse, asked a question."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from cachetools import TTLCache

from engine.answer.aggregate import MIXED, Outcome, fold, tracks
from engine.answer.cache import Cache, Found
from engine.answer.fetch import Asker, Reader
from engine.answer.response import Body, Measured, body, shape
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import Metric
from engine.compiler.plan import ItemsScan, MetricPlan, Scan, plan
from engine.compiler.statements import PreparedPlan, Statements
from engine.errors import UnknownMetric, WarehouseUnavailable
from engine.query import Question
from engine.warehouse.health import Pulse
from engine.warehouse.warehouse import Warehouse

# Beyond one plan for each widget: dashboards ask for many of them in one batch.
MOST_PLANS = 2_000
# Seconds: what a plan avoids may work again later.
PLANS_LAST = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of GET /v1/widgets/{key}, and where it came from.

    `cached` where nothing had to be read; `stale_seconds` is the age of its oldest rows where they were given because
    the databases are away, and None where they are not. The body says so too, in `meta.stale`. `outcomes` are those of
    the metrics over tables that it was put together from.
    """

    body: Body
    cached: bool
    stale_seconds: float | None
    outcomes: tuple[Outcome, ...] = ()


class Engine:
    """Answers questions. What does not depend on the question is worked out once and kept. Thread-safe.

    With a cache a scan holds what all metrics of the catalog need of it, so that the first of them pays for the
    others; without one, what is asked for and no more.
    """

    def __init__(self, catalog: Catalog, warehouse: Warehouse, cache: Cache | None = None) -> None:
        self.catalog = catalog
        self.warehouse = warehouse
        self.cache = cache
        self.statements = Statements(warehouse.dialect, catalog.tables.values())
        self._shared = None if cache is None else PreparedPlan(plan(catalog.metrics.values()), self.statements)
        self._plans: TTLCache[tuple[str, ...], PreparedPlan] = TTLCache(MOST_PLANS, PLANS_LAST)
        self._lock = Lock()
        self._pulse = Pulse(warehouse)

    def answer(
        self, key: str, question: Question, *, tenant: str, connected: frozenset[str], data_version: int = 0
    ) -> Body:
        """The body of GET /v1/widgets/{key}, for this tenant and these connected sources.

        Raises UnknownMetric, WarehouseUnavailable.
        """
        return self.ask(key, question, Asker(tenant=tenant, connected=connected, data_version=data_version)).body

    def answers(
        self,
        keys: Sequence[str],
        question: Question,
        *,
        tenant: str,
        connected: frozenset[str],
        data_version: int = 0,
    ) -> dict[str, Body | UnknownMetric]:
        """The bodies for several keys, from one plan; an unknown key has its error for a body.

        Raises WarehouseUnavailable.
        """
        found = self.ask_all(keys, question, Asker(tenant=tenant, connected=connected, data_version=data_version))
        return {key: each.body if isinstance(each, Answer) else each for key, each in found.items()}

    def ask(self, key: str, question: Question, asker: Asker) -> Answer:
        """The answer for one key. Raises UnknownMetric, WarehouseUnavailable."""
        return self.ask_metrics([self.catalog.metric(key)], question, asker)[key]

    def ask_all(self, keys: Sequence[str], question: Question, asker: Asker) -> dict[str, Answer | UnknownMetric]:
        """The answers for several keys, from one plan; an unknown key has its error for an answer.

        Raises WarehouseUnavailable.
        """
        known: dict[str, Metric] = {}
        found: dict[str, Answer | UnknownMetric] = {}
        for key in keys:
            try:
                known[key] = self.catalog.metric(key)
            except UnknownMetric as error:
                found[key] = error
        found |= self.ask_metrics(list(known.values()), question, asker)
        return {key: found[key] for key in keys}

    def prepared(self, metrics: Sequence[Metric]) -> PreparedPlan:
        """The plan by which these metrics are answered."""
        if self._shared is not None and not self._plans:
            return self._shared
        keys = keys_of(metrics)
        with self._lock:
            found = self._plans.get(keys)
        if found is None:
            found = self._shared or self._keep(keys, self._plan(metrics))
        return found

    def ask_metrics(self, metrics: Sequence[Metric], question: Question, asker: Asker) -> dict[str, Answer]:
        """The answers for metrics of the catalog, hidden ones too, from one plan. Raises WarehouseUnavailable."""
        prepared = self.prepared(metrics)
        try:
            return self._answers(metrics, prepared, question, asker)
        except WarehouseUnavailable:
            if prepared is not self._shared or asker.offline:
                raise
            self.warehouse.ping()
        # The warehouse is there: what it refuses may be what another metric needs of the same scan.
        alone = self._plan(metrics)
        answers = self._answers(metrics, alone, question, asker)
        self._keep(keys_of(metrics), alone)
        return answers

    def _answers(
        self, metrics: Sequence[Metric], prepared: PreparedPlan, question: Question, asker: Asker
    ) -> dict[str, Answer]:
        active = asker.connected if question.sources is None else asker.connected & question.sources
        dialect = self.warehouse.dialect
        asked = tracks(question.start, question.end, question.grain, question.compare, dialect)
        reader = Reader(
            warehouse=self.warehouse,
            cache=self.cache,
            catalog=self.catalog.version,
            prepared=prepared,
            question=question,
            asked=asked,
            asker=asker,
        )
        plans = {
            part.key: prepared.plan.metrics[part.key]
            for metric in metrics
            for part in metric.rests_on
            if part.table.source in active
        }
        outcomes = {key: fold(each, reader.rows_of(each), asked, dialect) for key, each in plans.items()}
        items = {
            key: reader.items(each.items, mixed=outcomes[key].currency == MIXED)
            for key, each in plans.items()
            if each.items is not None
        }
        measured = Measured(outcomes, items, asked)
        away = self.cache is not None and (asker.offline or self._away(reader.found.values()))
        answers = {}
        for metric in metrics:
            answer = body(metric, shape(metric, measured), question, asked, active)
            used = [part.key for part in metric.rests_on if part.key in plans]
            made_of = tuple([outcomes[key] for key in used])
            if self.cache is None:
                answers[metric.key] = Answer(answer, cached=False, stale_seconds=None, outcomes=made_of)
                continue
            found = [reader.found[scan] for key in used for scan in scans_of(plans[key])]
            answers[metric.key] = self._kept_answer(answer, found, away, made_of)
        return answers

    def _kept_answer(self, answer: Body, found: Sequence[Found], away: bool, made_of: tuple[Outcome, ...]) -> Answer:
        cached = all(each.cached for each in found)
        if not away and not any(each.stale for each in found):
            return Answer(answer, cached, None, made_of)
        answer["meta"]["stale"] = True
        return Answer(answer, cached, max((each.age for each in found), default=0.0), made_of)

    def _away(self, found: Collection[Found]) -> bool:
        """Whether the warehouse is away while everything was found in the cache."""
        return bool(found) and all(each.cached for each in found) and not self._pulse.beats()

    def _plan(self, metrics: Sequence[Metric]) -> PreparedPlan:
        return PreparedPlan(plan(metrics), self.statements)

    def _keep(self, keys: tuple[str, ...], prepared: PreparedPlan) -> PreparedPlan:
        with self._lock:
            self._plans[keys] = prepared
        return prepared


def keys_of(metrics: Iterable[Metric]) -> tuple[str, ...]:
    return tuple([metric.key for metric in metrics])


def scans_of(plan: MetricPlan) -> Iterator[Scan | ItemsScan]:
    yield plan.whole.scan
    if plan.members is not None:
        yield plan.members.scan
    if plan.items is not None:
        yield plan.items
