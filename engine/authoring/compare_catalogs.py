"""Two catalogs compared: what a change of the metric files does to definitions, statements and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.answer.response import Body
from engine.authoring.definition_text import describe_definition, list_changed_lines, write_definition
from engine.authoring.test_runner import (
    MISSING,
    Rows,
    answer_test,
    get_rows_by_table,
    is_same,
    make_tenant,
    open_test_engine,
)
from engine.catalog.catalog import Catalog
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import Metric
from engine.compiler.dialects.base import Dialect
from engine.compiler.planner import plan
from engine.compiler.statements import CompiledPlan, StatementCompiler
from engine.errors import LayoutMismatch, WarehouseTimeout, WarehouseUnavailable
from engine.files.metric_tests import TestDefinition
from engine.query import MetricQuery
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse

Status = Literal["added", "removed", "renamed", "changed"]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value of an answer before and after; MISSING on the side whose answer does not have it."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """The answers to one question: the headline before and after, and every value that differs."""

    question: str
    before: Any
    after: Any
    values: tuple[ValueChange, ...] = ()


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


def compare_answers(
    question: str,
    old: tuple[Metric | None, Body | str | None],
    new: tuple[Metric | None, Body | str | None],
    renames: Mapping[str, str],
) -> AnswerChange:
    """Compare two answers value by value; one that could not be given is its reason."""
    before, after = (
        {} if metric is None or body is None else list_values(metric, body, renames) for metric, body in (old, new)
    )
    changed = []
    for path in dict.fromkeys((*before, *after)):
        value, other = before.get(path, MISSING), after.get(path, MISSING)
        if not is_same(value, other):
            changed.append(ValueChange(".".join(path), value, other))
    return AnswerChange(question, before.get(HEADLINE, MISSING), after.get(HEADLINE, MISSING), tuple(changed))


@dataclass(frozen=True, slots=True)
class WidgetPreview:
    """What a draft does to one widget: its answers on both sides, each a text where it cannot be given."""

    change: MetricChange
    before: Body | str | None
    after: Body | str | None


def preview_widgets(
    before: Engine, after: Engine, query: MetricQuery, context: RequestContext, *, most: int
) -> tuple[list[WidgetPreview], list[str]]:
    """Ask both engines for the widgets whose definitions differ; of those beyond `most` only the keys are returned.

    Those whose own text differs come first, then those that change with them. A widget that cannot be answered does not
    keep the others from being so.
    """
    base, head = before.catalog, after.catalog
    renames = find_renames(base.metrics, head.metrics)
    served = [each for each in pair_metrics(base, head, renames) if each.is_served]
    changes = sorted(served, key=lambda each: get_entry_text(base, each.key) == get_entry_text(head, each.key))
    previews = [preview_widget(each, before, after, query, context, renames) for each in changes[:most]]
    return previews, [each.key for each in changes[most:]]


def get_entry_text(catalog: Catalog, key: str) -> str | None:
    place = catalog.places.get(("metrics", key))
    return None if place is None else place.text


def preview_widget(
    change: MetricChange,
    before: Engine,
    after: Engine,
    query: MetricQuery,
    context: RequestContext,
    renames: Mapping[str, str],
) -> WidgetPreview:
    old, new = change.base, change.head
    bodies = [answer_if_possible(*side, query, context) for side in ((before, old), (after, new))]
    compared = compare_answers(f"{query.start} to {query.end}", (old, bodies[0]), (new, bodies[1]), renames)
    sql = compare_sql((before.statements, old), (after.statements, new))
    return WidgetPreview(replace(change, sql=sql, answers=(compared,)), *bodies)


def answer_if_possible(
    engine: Engine, metric: Metric | None, query: MetricQuery, context: RequestContext
) -> Body | str | None:
    """Answer one metric if it is served; the text is the reason why there is no answer."""
    if metric is None or metric.hidden:
        return None
    try:
        return engine.query_metrics([metric], query, context)[metric.key].body
    except LayoutMismatch:
        return "The warehouse has no such table or column yet."
    except WarehouseTimeout:
        return "The warehouse does not answer in time; look at fewer days."
    except WarehouseUnavailable:
        return "The warehouse does not answer this; try again, or ask for something else."


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


Path = tuple[str, ...]
HEADLINE: Path = ("value",)
# The name of a metric's only series, so that another title is no other series.
OWN = "value"


def list_values(metric: Metric, body: Body | str, renames: Mapping[str, str]) -> dict[Path, Any]:
    """List an answer's values by their paths, under names that no change of a title or key changes."""
    if isinstance(body, str):
        return {HEADLINE: body}
    is_alone = len(body["series"]) == 1
    names = [name_series(metric, series, renames, is_alone=is_alone) for series in body["series"]]
    compared = body.get("comparison", {"series": []})["series"]
    nested: dict[str, Any] = {
        **body["stats"],
        "currency": body["meta"]["currency"],
        "series": {name: list_series_values(series) for name, series in zip(names, body["series"], strict=True)},
        "comparison": {
            name: index_points(series["points"]) for name, series in zip(names, compared, strict=bool(compared))
        },
        "items": {str(item["id"]): item["values"] for item in body["items"]},
    }
    if target := body.get("target"):
        nested["target"] = {**target, "series": index_points(target["series"])}
    if table := body.get("table"):
        rows = {str(row["id"]): {**row["values"], "currency": row["currency"]} for row in table["rows"]}
        nested["table"] = {"rows": rows, "total": table["total"], "count": table["count"]}
    return dict(iter_leaves(nested))


def list_series_values(series: Body) -> dict[str, Any]:
    return {**series["stats"], "currency": series["currency"], "points": index_points(series["points"])}


def name_series(metric: Metric, series: Body, renames: Mapping[str, str], *, is_alone: bool) -> str:
    """Name a series by its member, by the metric that it is, or by its own name in a metric of several."""
    if "id" in series:
        return str(series["id"])
    if series["key"] != metric.key:
        return renames.get(series["key"], series["key"])
    return OWN if is_alone else str(series["name"])


def index_points(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values by their days; a bucket that covers no day has the date of the next one, which is meant."""
    return {point["t"]: point["v"] for point in points}


def iter_leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from iter_leaves(each, (*path, name))
    else:
        yield path, value
