"""Two catalogs compared: what a change of the metric files does to definitions, statements and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.answer.response import Body
from engine.authoring.compare_answers import AnswerChange, compare_answers
from engine.authoring.definition_text import describe_definition, list_changed_lines, write_definition
from engine.authoring.test_runner import (
    MISSING,
    Rows,
    answer_test,
    get_rows_by_table,
    make_tenant,
    open_test_engine,
)
from engine.catalog.catalog import Catalog
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import Metric
from engine.compiler.dialects.base import Dialect
from engine.compiler.planner import plan
from engine.compiler.statements import CompiledPlan, StatementCompiler
from engine.errors import WarehouseUnavailable
from engine.files.metric_tests import TestDefinition
from engine.query import MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse

Status = Literal["added", "removed", "renamed", "changed"]


@dataclass(frozen=True, slots=True)
class MetricChange:
    """What the change does to one metric; `definition` and `sql` are the lines of unified differences.

    `base` and `head` are the metric on each side, None where that side has none.
    """

    key: str
    status: Status
    base: Metric | None
    head: Metric | None
    definition: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    answers: tuple[AnswerChange, ...] = ()

    @property
    def is_withdrawn(self) -> bool:
        """Whether its number was served and is not any longer, not under another key either."""
        return self.base is not None and not self.base.hidden and (self.head is None or self.head.hidden)

    @property
    def changes_numbers(self) -> bool:
        """Whether a number that existed is another one now, or is gone; one that is new changes none."""
        changed = any(value.before is not MISSING for answer in self.answers for value in answer.values)
        return self.is_withdrawn or (self.is_on_both_sides and changed)

    @property
    def is_served(self) -> bool:
        """Whether it is a widget on either side."""
        return any(each is not None and not each.hidden for each in (self.base, self.head))

    @property
    def has_same_meaning(self) -> bool:
        """Whether both sides mean the same, so that every number is the same, whatever the rows."""
        return self.base is not None and self.head is not None and hash_unnamed(self.base) == hash_unnamed(self.head)

    @property
    def is_untried(self) -> bool:
        """Whether its meaning changed, and there were no rows to show what that does."""
        return self.is_on_both_sides and not self.answers and not self.has_same_meaning

    @property
    def is_on_both_sides(self) -> bool:
        return self.base is not None and self.head is not None

    @property
    def is_visible(self) -> bool:
        """Whether there is anything to show; a table's change need not concern each of its metrics."""
        return self.status != "changed" or bool(self.definition or self.sql) or self.changes_numbers


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """What the change does: to tables, as differences by their names, and to metrics, in the order of their keys."""

    tables: Mapping[str, tuple[str, ...]]
    metrics: tuple[MetricChange, ...]


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """A question to ask of a warehouse's rows, with both catalogs."""

    warehouse: Warehouse
    query: MetricQuery
    context: RequestContext


def compare_catalogs(
    base: Catalog, head: Catalog, *, dialect: Dialect, live: LiveQuestion | None = None
) -> CatalogChange:
    """Compare two catalogs, and the answers to the metrics' own tests and to the live question.

    Raises WarehouseUnavailable where the live question's warehouse is down.
    """
    if live is not None:
        live.warehouse.ping()
    with open_test_engine(base) as before, open_test_engine(head) as after:
        comparison = CatalogComparison(base, head, before, after, dialect, live)
        changes = [each for each in comparison.compare_metrics() if each.is_visible]
    names = sorted({*base.tables, *head.tables})
    tables = {name: compare_texts(base.tables.get(name), head.tables.get(name)) for name in names}
    return CatalogChange({name: lines for name, lines in tables.items() if lines}, tuple(changes))


def compare_texts(before: Metric | Table | None, after: Metric | Table | None) -> tuple[str, ...]:
    return list_changed_lines(*(write_definition(each) if each else [] for each in (before, after)))


def hash_unnamed(metric: Metric) -> str:
    """Return a metric's digest without its key: equal for the same definition under another key."""
    return hash_metric(replace(metric, key=""))


def find_renames(base: Mapping[str, Metric], head: Mapping[str, Metric]) -> dict[str, str]:
    """Find the keys that only one side has and whose definitions are the same: the old ones with their new ones."""
    added: dict[str, list[str]] = {}
    for key in sorted(head.keys() - base.keys()):
        added.setdefault(hash_unnamed(head[key]), []).append(key)
    renames: dict[str, str] = {}
    for key in sorted(base.keys() - head.keys()):
        alike = added.get(hash_unnamed(base[key]))
        if alike:
            renames[key] = alike.pop(0)
    return renames


class CatalogComparison:
    """The comparison of two catalogs, each with an engine over rows in memory."""

    def __init__(
        self, base: Catalog, head: Catalog, before: Engine, after: Engine, dialect: Dialect, live: LiveQuestion | None
    ) -> None:
        self.base, self.head = base, head
        self.before, self.after = before, after
        self.statements = {id(each): StatementCompiler(dialect, each.tables.values()) for each in (base, head)}
        self.live = live
        self.live_engines = () if live is None else (Engine(base, live.warehouse), Engine(head, live.warehouse))
        self.renames = find_renames(base.metrics, head.metrics)
        self.tenants = 0

    def compare_metrics(self) -> Iterator[MetricChange]:
        """Compare the metrics that are not the same on both sides, in the order of their present keys."""
        for change in pair_metrics(self.base, self.head, self.renames):
            old, new = change.base, change.head
            yield replace(
                change,
                definition=compare_texts(old, new),
                sql=compare_sql((self.statements[id(self.base)], old), (self.statements[id(self.head)], new)),
                answers=self.answer_questions(old, new),
            )

    def answer_questions(self, old: Metric | None, new: Metric | None) -> tuple[AnswerChange, ...]:
        """Ask both sides all questions; nothing where the definition, and so every number, is the same."""
        if old is not None and new is not None and hash_metric(old) == hash_metric(new):
            return ()
        return (*self.answer_tests(old, new), *self.answer_live_question(old, new))

    def answer_tests(self, old: Metric | None, new: Metric | None) -> Iterator[AnswerChange]:
        """Ask the questions of either side's tests, each once."""
        questions: dict[str, tuple[Metric, TestDefinition]] = {}
        for metric in filter(None, (new, old)):
            for test in metric.tests:
                questions.setdefault(test.model_dump_json(exclude={"name", "expect"}), (metric, test))
        for owner, test in questions.values():
            tenant = make_tenant(self.tenants)
            self.tenants += 1
            before = answer_on_side(self.before, old, owner, test, tenant)
            after = answer_on_side(self.after, new, owner, test, tenant)
            yield compare_answers(f"test: {test.name}", (old, before), (new, after), self.renames)

    def answer_live_question(self, old: Metric | None, new: Metric | None) -> Iterator[AnswerChange]:
        """Ask the warehouse, where there is one."""
        if self.live is None:
            return
        query, context = self.live.query, self.live.context
        bodies: list[Body | str | None] = []
        for engine, metric in zip(self.live_engines, (old, new), strict=True):
            try:
                found = None if metric is None else engine.query_metrics([metric], query, context)[metric.key].body
                bodies.append(found)
            except WarehouseUnavailable as error:
                bodies.append(f"error: {error}")
        yield compare_answers(f"{query.start} to {query.end}", (old, bodies[0]), (new, bodies[1]), self.renames)


def pair_metrics(base: Catalog, head: Catalog, renames: Mapping[str, str]) -> Iterator[MetricChange]:
    """Pair the metrics that are not the same on both sides, in the order of their present keys."""
    former = {new: old for old, new in renames.items()}
    for key in sorted({*head.metrics, *base.metrics} - renames.keys()):
        old, new = base.metrics.get(former.get(key, key)), head.metrics.get(key)
        status: Status = "changed"
        if old is None or new is None:
            status = "added" if old is None else "removed"
        elif key in former:
            status = "renamed"
        elif hash_metric(old) == hash_metric(new) and describe_definition(old) == describe_definition(new):
            continue
        yield MetricChange(key, status, old, new)


def compare_sql(
    old: tuple[StatementCompiler, Metric | None], new: tuple[StatementCompiler, Metric | None]
) -> tuple[str, ...]:
    return list_changed_lines(list_sql_lines(*old), list_sql_lines(*new))


def list_sql_lines(statements: StatementCompiler, metric: Metric | None) -> list[str]:
    """List the lines of all statements that a metric runs over one window."""
    if metric is None:
        return []
    compiled = CompiledPlan(plan([metric]), statements)
    texts = [compiled.get_scan_sql(scan, 1) for scan in compiled.plan.scans]
    planned = compiled.plan.metrics.values()
    texts += [compiled.get_items_sql(each.items) for each in planned if each.items is not None]
    return "\n".join(texts).splitlines()


def answer_on_side(
    engine: Engine, metric: Metric | None, owner: Metric, test: TestDefinition, tenant: str
) -> Body | str | None:
    """Answer a test's question with one side's metric, whichever side the test is of."""
    if metric is None:
        return None
    try:
        return answer_test(engine, metric.key, test, fit_rows(engine.catalog, metric, owner, test), tenant)
    except WarehouseUnavailable as error:
        return f"error: {error}"


def fit_rows(catalog: Catalog, metric: Metric, owner: Metric, test: TestDefinition) -> Rows:
    """Return a test's rows without the tables and columns that this side lacks.

    A bare list belongs to the only table that this side's metric reads, even where it is another one.
    """
    physical = {table.name for each in metric.planned_metrics for table in each.table.list_physical_tables()}
    is_bare = isinstance(test.rows, list) and len(physical) == 1
    rows = {physical.pop(): test.rows} if is_bare else get_rows_by_table(owner, test)
    return {
        name: [{column: value for column, value in row.items() if column in table.columns} for row in listed]
        for name, listed in rows.items()
        if (table := catalog.tables.get(name))
    }
