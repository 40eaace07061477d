"""What holds for any rows and any question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.answer.engine import Engine
from engine.calendar import Bucket, Compare, Grain, Window, build_period
from engine.catalog.metrics import MetricSeries, TableMetric
from engine.compiler.plan import Shape
from engine.compiler.planner import plan
from engine.language.expressions import Expression
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from tests.support.examples import try_examples
from tests.support.worlds import (
    ME,
    Body,
    Row,
    get_stats,
    index_series,
    list_compared_points,
    list_points,
    list_series_names,
    load_files,
    make_file,
    make_row,
    query_engine,
)

FIRST, LAST = date(2022, 12, 20), date(2024, 4, 10)
OTHERS = tuple(f"00000000-0000-4000-8000-00000000000{number}" for number in range(2, 6))

ADDITIVE = {
    "x": "sum(x)",
    "n": "count(*)",
    "line": "2 * sum(x) - sum(y) / 4",
    "filtered": {"value": "sum(x)", "where": "who = 'a'"},
    "spend": "sum(spend)",
}
FOLDED = {
    **ADDITIVE,
    "ratio": "sum(x) / sum(y)",
    "mean": "avg(x)",
    "extremes": "max(x) - min(y)",
    "several": {"series": {"X": "sum(x)", "Mean": "avg(y)"}, "where": "x > 0"},
    "members": {"value": "sum(x)", "by": "who", "top": 2},
    "member_ratios": {"value": "sum(x) / sum(y)", "by": "who", "top": 2, "where": "y > 0"},
    "member_spend": {"value": "sum(spend)", "by": "who", "top": 1},
}
METRICS: dict[str, Any] = {
    **FOLDED,
    "distinct": "count(distinct who)",
    "average": {"value": "sum(users)", "total": "average"},
    "last": {"value": "sum(users)", "total": "last"},
    "items": {"value": "sum(x)", "items": {"by": "who", "show": ["currency"], "values": {"x": "sum(x)"}}},
    "derived": {"derive": "x / n"},
    "correlation": {"combine": ["x", "n"], "stat": "correlation"},
}

few = try_examples(25)

# Whole numbers and quarters: their sums are exact, and so the same in any order.
whole_numbers = st.integers(-40, 40)
quarters = st.integers(-40, 40).map(lambda number: number / 4)
members = st.sampled_from(("a", "b", "B", "c", "Other", "(not set)", None, "😀", ""))


def draw_days(first: date = FIRST, last: date = LAST) -> st.SearchStrategy[date]:
    return st.dates(first, last)


def draw_facts(currencies: Sequence[str] = ("EUR",)) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda day, **cells: make_row(day.isoformat(), **cells),
        # Many near the leap day, where windows are likely to be.
        draw_days() | draw_days(date(2024, 2, 20), date(2024, 3, 10)) | draw_days(date(2023, 2, 20), date(2023, 3, 10)),
        who=members,
        x=st.none() | whole_numbers,
        y=st.none() | quarters,
        users=st.none() | st.integers(0, 40),
        spend=st.none() | quarters,
        currency=st.sampled_from(currencies),
    )


@dataclass(frozen=True, slots=True)
class DrawnQuery:
    start: date
    end: date
    compare: str
    grain: str


def draw_questions(
    compares: Sequence[str] = ("off", "previous_period", "previous_year"),
) -> st.SearchStrategy[DrawnQuery]:
    starts = draw_days(date(2023, 12, 25), date(2024, 3, 5))
    return st.builds(
        lambda start, length, compare, grain: DrawnQuery(start, start + timedelta(days=length), compare, grain),
        starts | draw_days(date(2024, 2, 25), date(2024, 3, 3)),
        st.integers(0, 40) | st.integers(300, 500),
        st.sampled_from(compares),
        st.sampled_from(("day", "week", "month")),
    )


@dataclass(frozen=True, slots=True)
class FactsWorld:
    engine: Engine
    warehouse: Warehouse

    @property
    def table(self) -> Table:
        return self.engine.catalog.tables["days"]

    def set_rows(self, rows: Sequence[Row], tenant: str = ME) -> None:
        """These are the tenant's rows from now on."""
        self.warehouse.replace_tenant_rows(self.table, tenant, [{**each, "user_id": tenant} for each in rows])

    def query_metric(self, key: str, asked: DrawnQuery, tenant: str = ME) -> Body:
        return query_engine(
            self.engine, key, asked.start, asked.end, compare=asked.compare, grain=asked.grain, tenant=tenant
        )


@pytest.fixture(scope="module")
def world() -> Iterator[FactsWorld]:
    catalog = load_files(make_file(METRICS))
    warehouse = Warehouse("sqlite://")
    warehouse.create_tables(catalog.tables.values())
    yield FactsWorld(Engine(catalog, warehouse), warehouse)
    warehouse.close()


def sum_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


# Calendar


@given(draw_days(date(1999, 1, 1), date(2030, 1, 1)), st.integers(0, 1_099), st.sampled_from(Grain))
@example(date(2024, 2, 29), 0, Grain.DAY)
@example(date(2023, 3, 1), 365, Grain.MONTH)
def test_the_previous_period_has_as_many_days_and_buckets_as_the_period(start: date, length: int, grain: Grain) -> None:
    found = build_period(start, start + timedelta(days=length), grain, Compare.PREVIOUS_PERIOD)
    assert found.comparison is not None
    assert len(found.comparison.buckets) == len(found.current.buckets)
    assert found.comparison.window.days == found.current.window.days == length + 1
    assert found.comparison.window.end == start - timedelta(days=1)


@given(
    draw_days(date(1999, 1, 1), date(2030, 1, 1)),
    st.integers(0, 1_099),
    st.sampled_from(Grain),
    st.sampled_from([Compare.PREVIOUS_PERIOD, Compare.PREVIOUS_YEAR]),
)
@example(date(2024, 2, 29), 0, Grain.DAY, Compare.PREVIOUS_YEAR)
@example(date(2024, 2, 28), 2, Grain.DAY, Compare.PREVIOUS_YEAR)
@example(date(2024, 2, 29), 2, Grain.DAY, Compare.PREVIOUS_YEAR)
@example(date(2024, 1, 31), 60, Grain.WEEK, Compare.PREVIOUS_YEAR)
@example(date(2023, 2, 1), 27, Grain.MONTH, Compare.PREVIOUS_YEAR)
def test_the_buckets_partition_both_windows(start: date, length: int, grain: Grain, compare: Compare) -> None:
    found = build_period(start, start + timedelta(days=length), grain, compare)
    assert found.comparison is not None
    assert len(found.comparison.buckets) == len(found.current.buckets)
    for axis in (found.current, found.comparison):
        assert [day for bucket in axis.buckets for day in list_days(bucket)] == list(axis.window)
    for bucket, asked in zip(found.comparison.buckets, found.current.buckets, strict=True):
        for day in list_days(bucket):
            assert find_compared_days(day, found.current.window, compare) & set(list_days(asked))


def list_days(bucket: Bucket) -> list[date]:
    return list(Window(bucket.start, bucket.end)) if bucket.start <= bucket.end else []


def find_compared_days(day: date, asked: Window, compare: Compare) -> set[date]:
    """The days of the asked window that a day may be compared with."""
    if compare is Compare.PREVIOUS_PERIOD:
        return {day + timedelta(days=asked.days)}
    if (day.month, day.day) == (2, 29):
        return {date(day.year + 1, 2, 28), date(day.year + 1, 3, 1)}
    same = day.replace(year=day.year + 1)
    # A window that begins on 29 February is compared with one that begins on the 28th.
    leaps = [(each.month, each.day) for each in (day, asked.start)] == [(2, 28), (2, 29)]
    return {same, asked.start} if leaps else {same}


# Sums


@pytest.mark.parametrize("key", ADDITIVE)
@few
@given(rows=st.lists(draw_facts(), max_size=30), asked=draw_questions())
def test_the_buckets_of_an_additive_value_sum_to_its_total(
    key: str, world: FactsWorld, rows: list[Row], asked: DrawnQuery
) -> None:
    world.set_rows(rows)
    body = world.query_metric(key, asked)
    value, previous, _ = get_stats(body)
    assert sum_known(list_points(body)) == value
    if asked.compare != "off":
        assert sum_known([value for _, value in list_compared_points(body)]) == previous


@few
@given(rows=st.lists(draw_facts(), max_size=30), asked=draw_questions())
def test_the_members_of_an_additive_value_sum_to_all_of_them(
    world: FactsWorld, rows: list[Row], asked: DrawnQuery
) -> None:
    world.set_rows(rows)
    body = world.query_metric("members", asked)
    assert sum_known([get_stats(body, name)[0] for name in list_series_names(body)]) == (
        get_stats(body)[0] if list_series_names(body) else None
    )
    for name in list_series_names(body):
        assert sum_known(list_points(body, name)) == get_stats(body, name)[0]


@few
@given(rows=st.lists(draw_facts(), max_size=30), asked=draw_questions())
def test_a_total_does_not_depend_on_the_grain(world: FactsWorld, rows: list[Row], asked: DrawnQuery) -> None:
    world.set_rows(rows)
    for key in METRICS:
        if key != "correlation":
            found = [world.query_metric(key, replace(asked, grain=grain)) for grain in ("day", "week", "month")]
            assert found[0]["stats"] == found[1]["stats"] == found[2]["stats"]
            assert list_series_names(found[0]) == list_series_names(found[1]) == list_series_names(found[2])


@few
@given(rows=st.lists(draw_facts(), max_size=30), asked=draw_questions(["previous_year"]), more=st.integers(366, 700))
def test_a_row_counts_in_each_window_that_it_lies_in(
    world: FactsWorld, rows: list[Row], asked: DrawnQuery, more: int
) -> None:
    """Over more than a year the year before overlaps: a row of the overlap is in both."""
    world.set_rows(rows)
    asked = replace(asked, start=asked.start - timedelta(days=more - 300))
    body = world.query_metric("n", asked)
    prior = Window(date.fromisoformat(body["comparison"]["start"]), date.fromisoformat(body["comparison"]["end"]))
    for window, value in ((Window(asked.start, asked.end), get_stats(body)[0]), (prior, get_stats(body)[1])):
        assert (value or 0) == sum(window.start <= each["date"] <= window.end for each in rows)


# Tenants, order, gaps


@few
@given(
    rows=st.lists(draw_facts(), max_size=15),
    foreign=st.lists(st.tuples(st.sampled_from(OTHERS), draw_facts(("EUR", "USD"))), max_size=15),
    tenant=st.sampled_from(OTHERS),
    asked=draw_questions(),
)
def test_no_answer_changes_with_the_rows_of_another_tenant(
    world: FactsWorld, rows: list[Row], foreign: list[tuple[str, Row]], tenant: str, asked: DrawnQuery
) -> None:
    for other in (ME, *OTHERS):
        world.set_rows([], other)
    world.set_rows(rows, tenant)
    alone = {key: json.dumps(world.query_metric(key, asked, tenant)) for key in METRICS}
    for other in {ME, *OTHERS} - {tenant}:
        world.set_rows([each for owner, each in foreign if owner == other or other == ME], other)
    assert {key: json.dumps(world.query_metric(key, asked, tenant)) for key in METRICS} == alone


@few
@given(
    rows=st.lists(draw_facts(("EUR", "USD")), max_size=25),
    asked=draw_questions(),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(world: FactsWorld, rows: list[Row], asked: DrawnQuery, random: Any) -> None:
    # The columns shown with an item are those of its latest row: of two of one day, any.
    keys = [key for key in METRICS if key != "items"]
    world.set_rows(rows)
    before = {key: json.dumps(world.query_metric(key, asked)) for key in keys}
    random.shuffle(rows)
    world.set_rows(rows)
    assert {key: json.dumps(world.query_metric(key, asked)) for key in keys} == before


@few
@given(rows=st.lists(draw_facts(), max_size=25), asked=draw_questions(["off"]))
def test_filling_what_is_filled_changes_nothing(world: FactsWorld, rows: list[Row], asked: DrawnQuery) -> None:
    """The days of an answer, loaded as rows, give the same answer: a filled 0 is a 0, a day outside is none."""
    asked = replace(asked, grain="day")
    world.set_rows(rows)
    body = world.query_metric("x", asked)
    shown = [(point["t"], point["v"]) for point in body["series"][0]["points"]]
    world.set_rows([make_row(day, x=value) for day, value in shown if value is not None])
    again = world.query_metric("x", asked)
    assert again == body


# The two shapes


@dataclass(frozen=True, slots=True, eq=False)
class Unmergeable(Expression):
    """An expression that is answered as if its aggregates could not be folded from days."""

    @property
    def is_mergeable(self) -> bool:
        return False


def make_unmergeable(line: MetricSeries) -> MetricSeries:
    expression = line.expression
    return replace(
        line, expression=Unmergeable(**{each.name: getattr(expression, each.name) for each in fields(expression)})
    )


@pytest.fixture(scope="module")
def slots(world: FactsWorld) -> Engine:
    """An engine over the same warehouse that answers every metric by slots."""
    catalog = world.engine.catalog
    metrics = {}
    for key in FOLDED:
        metric = catalog.metrics[key]
        assert isinstance(metric, TableMetric)
        metrics[key] = replace(metric, series=tuple(map(make_unmergeable, metric.series)))
    assert {scan.shape for scan in plan(metrics.values()).scans} == {Shape.SLOTS}
    assert {scan.shape for scan in plan(catalog.metrics[key] for key in FOLDED).scans} == {Shape.DAYS}
    return Engine(replace(catalog, metrics=metrics), world.warehouse)


@pytest.mark.parametrize("key", FOLDED)
@few
@given(rows=st.lists(draw_facts(("EUR", "EUR", "EUR", "USD")), max_size=30), asked=draw_questions())
def test_days_and_slots_give_the_same_answer(
    key: str, world: FactsWorld, slots: Engine, rows: list[Row], asked: DrawnQuery
) -> None:
    world.set_rows(rows)
    folded = world.query_metric(key, asked)
    assert FactsWorld(slots, world.warehouse).query_metric(key, asked) == folded
    assert list(index_series(folded)) == list_series_names(folded)
