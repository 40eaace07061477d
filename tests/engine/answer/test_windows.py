"""Operands that may be missing, targets, and metrics whose points look back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answer.cache import Cache, MemoryStore
from engine.answer.engine import Engine
from engine.authoring.test_runner import run_tests
from engine.warehouse.warehouse import Warehouse
from tests.support.examples import try_examples
from tests.support.worlds import (
    DAYS,
    answer_metric,
    get_stats,
    list_compared_points,
    list_points,
    load_files,
    make_file,
    make_row,
    query_engine,
)

GA4_ROWS = [make_row("2025-01-01", x=2), make_row("2025-01-03", x=5)]
META_ROWS = [make_row("2025-01-02", x=10)]


def answer_pair(metric: Any, *window: str, **options: Any) -> Any:
    """Query a metric over `g`, sums of a table of ga4 known from 1 to 3 January, and `a`, of meta, on the 2nd alone."""
    files = [
        make_file({"g": "sum(x)", "m": metric}),
        make_file({"a": "sum(x)"}, {"ads": DAYS}, source="meta"),
    ]
    return answer_metric(files, {"days": GA4_ROWS, "ads": META_ROWS}, *window, **options)


def test_an_operand_within_coalesce_needs_no_source() -> None:
    body = answer_pair({"derive": "g + coalesce(a, 0)"}, "2025-01-01", "2025-01-03", connected=frozenset(("ga4",)))
    assert list_points(body) == [2, 0, 5]
    assert get_stats(body) == (7, None, None)
    assert body["meta"]["data_through"] == "2025-01-03"
    assert body["meta"]["missing_sources"] == ["meta"]


def test_an_operand_outside_of_coalesce_needs_its_source() -> None:
    for derive in ("coalesce(g, 0) + a", "coalesce(g, a)"):
        body = answer_pair({"derive": derive}, "2025-01-01", "2025-01-03", connected=frozenset(("ga4",)))
        assert body["series"] == []
        assert body["meta"]["data_through"] is None


def test_an_operand_without_known_days_in_a_window_does_not_count_there() -> None:
    body = answer_pair({"derive": "g + coalesce(a, 0)"}, "2025-01-03", compare="previous_period")
    assert (list_points(body), list_compared_points(body)) == ([5], [("2025-01-02", 10)])
    assert get_stats(body) == (5, 10, -0.5)
    assert body["meta"]["data_through"] == "2025-01-03"
    late = answer_pair({"derive": "g + a"}, "2025-01-03")
    assert late["meta"]["data_through"] is None


def test_an_operand_that_is_known_counts_for_how_far_all_is_known() -> None:
    body = answer_pair({"derive": "g + coalesce(a, 0)"}, "2025-01-02", "2025-01-03", compare="previous_period")
    assert body["meta"]["data_through"] == "2025-01-02"
    assert body["stats"]["to_date"] == {"through": "2025-01-02", "value": 10, "previous": None, "delta": None}


@pytest.mark.parametrize("compare", ["off", "previous_period"])
def test_without_any_source_there_is_no_answer(compare: str) -> None:
    derive = {"derive": "coalesce(g, 0) + coalesce(a, 0)"}
    body = answer_pair(derive, "2025-01-01", connected=frozenset(), compare=compare)
    assert body["series"] == []
    assert get_stats(body) == (None, None, None)
    one = answer_pair(derive, "2025-01-01", connected=frozenset(("meta",)), compare=compare)
    assert list_points(one) == [0]
    assert get_stats(one) == (0, None if compare == "off" else 0, None)


# Targets

UNFINISHED = [make_row("2025-01-01", x=20), make_row("2025-01-02", x=40)]


def answer_target(metric: Any, *files: Any, rows: Any = UNFINISHED, **options: Any) -> Any:
    """Query a metric for 1 to 4 January, of which two are known."""
    whole = [make_file({"m": metric}), *files]
    return answer_metric(whole, rows, "2025-01-01", "2025-01-04", **options)["target"]


@pytest.mark.parametrize("compare", ["off", "previous_period"])
def test_a_target_for_each_day_is_due_up_to_the_last_known_day(compare: str) -> None:
    target = answer_target({"value": "sum(x)", "target": {"day": 25}}, compare=compare)
    assert [point["v"] for point in target.pop("series")] == [25, 25, 25, 25]
    assert target == {"value": 100, "due": 50, "progress": 0.6, "projected": 120}


def test_a_target_value_is_that_of_each_bucket_and_the_whole() -> None:
    target = answer_target({"value": "count(distinct x)", "target": {"value": 4}}, grain="week")
    assert target["series"] == [{"t": "2024-12-30", "v": 4, "partial": True}]
    assert (target["value"], target["due"], target["progress"], target["projected"]) == (4, 4, 0.5, None)


def test_a_target_of_nothing_divides_nothing() -> None:
    target = answer_target({"value": "sum(x)", "target": {"day": 0}})
    assert (target["value"], target["progress"], target["projected"]) == (0, None, None)
    before = answer_target({"value": "sum(x)", "target": {"day": 5}}, rows=[])
    assert (before["value"], before["due"], before["progress"], before["projected"]) == (20, None, None, None)


def test_a_metric_as_target_is_left_out_with_its_source() -> None:
    budget = make_file({"budget": "sum(x)"}, {"plan": DAYS}, source="meta")
    rows = {"days": UNFINISHED, "plan": [make_row(f"2025-01-0{day}", x=10 * day) for day in range(1, 5)]}
    metric = {"value": "sum(x)", "target": {"metric": "budget"}}
    target = answer_target(metric, budget, rows=rows)
    assert [point["v"] for point in target["series"]] == [10, 20, 30, 40]
    assert (target["value"], target["due"], target["progress"], target["projected"]) == (100, 30, 0.6, 200)
    assert answer_target(metric, budget, rows=rows, connected=frozenset(("ga4",))) is None


def test_a_target_in_another_currency_says_nothing() -> None:
    budget = make_file({"budget": "sum(spend)"}, {"plan": DAYS})
    rows = {
        "days": [make_row("2025-01-01", spend=5, currency="USD")],
        "plan": [make_row("2025-01-01", spend=5, currency="EUR")],
    }
    metric = {"value": "sum(spend)", "target": {"metric": "budget"}}
    assert answer_target(metric, budget, rows=rows) is None
    rows["plan"][0]["currency"] = "USD"
    assert answer_target(metric, budget, rows=rows)["progress"] == 1


def test_a_metrics_own_tests_may_expect_its_target() -> None:
    test = {"name": "t", "start": "2025-01-01", "end": "2025-01-02", "rows": [{"date": "2025-01-01", "x": 5}]}
    expected = {"value": 20, "due": 10, "progress": 0.25, "projected": 10, "points": {"2025-01-02": 10}}
    metric = {"value": "sum(x)", "target": {"day": 10}, "tests": [{**test, "expect": {"target": expected}}]}
    catalog = load_files(make_file({"m": metric}))
    (passed,) = run_tests(catalog, catalog.metrics.values())
    assert passed.has_passed
    expected |= {"due": 11, "points": {"2025-01-01": 9}}
    catalog = load_files(make_file({"m": metric}))
    (failed,) = run_tests(catalog, catalog.metrics.values())
    assert [each.path for each in failed.mismatches] == ["target.due", "target.points.2025-01-01"]


# Points that look back

FOUR_DAYS = [make_row(f"2025-01-0{day}", x=day, y=day + 1.0) for day in (1, 2, 4, 5)]
RATIO = "sum(x) / sum(y)"


def test_a_rolling_point_is_of_the_days_that_end_with_it() -> None:
    body = answer_metric({"value": "sum(x)", "rolling": "2 days"}, FOUR_DAYS, "2025-01-01", "2025-01-06")
    assert list_points(body) == [None, 3, 2, 4, 9, None]
    assert get_stats(body) == (9, None, None)


def test_a_rolling_ratio_is_the_ratio_of_sums() -> None:
    body = answer_metric({"value": RATIO, "rolling": "2 days"}, FOUR_DAYS, "2025-01-05")
    assert list_points(body) == [9 / 11]


def test_a_bucket_looks_back_from_its_last_day_within_the_window() -> None:
    body = answer_metric({"value": "sum(x)", "rolling": "3 days"}, FOUR_DAYS, "2025-01-03", "2025-01-05", grain="week")
    assert body["series"][0]["points"] == [{"t": "2024-12-30", "v": 9, "partial": True}]


def test_to_date_begins_with_the_calendar() -> None:
    rows = [make_row("2024-12-31", x=100), *FOUR_DAYS]
    options = {"compare": "previous_period"}
    body = answer_metric({"value": "sum(x)", "to_date": "month"}, rows, "2025-01-04", "2025-01-06", **options)
    assert list_points(body) == [7, 12, None]
    assert list_compared_points(body) == [("2025-01-01", 1), ("2025-01-02", 3), ("2025-01-03", 3)]
    assert get_stats(body) == (12, 3, 3.0)
    assert body["stats"]["to_date"] == {"through": "2025-01-05", "value": 12, "previous": 3, "delta": 3.0}


def test_a_target_looks_back_as_its_widget_does() -> None:
    rows = {"days": FOUR_DAYS, "plan": [make_row(f"2025-01-0{day}", x=10) for day in range(1, 9)]}
    budget = make_file({"budget": {"value": "sum(x)", "fill": "zero"}}, {"plan": DAYS})
    metric = {"value": "sum(x)", "to_date": "month", "target": {"metric": "budget"}}
    target = answer_metric([make_file({"m": metric}), budget], rows, "2025-01-04", "2025-01-08")["target"]
    assert [point["v"] for point in target["series"]] == [40, 50, 60, 70, 80]
    assert (target["value"], target["due"], target["progress"], target["projected"]) == (80, 50, 12 / 80, 19.2)
    daily = {"value": "sum(x)", "rolling": "3 days", "target": {"day": 2}}
    target = answer_metric(daily, FOUR_DAYS, "2025-01-03", "2025-01-09")["target"]
    assert {point["v"] for point in target["series"]} == {6}
    assert (target["value"], target["due"]) == (6, 6)


class ScanDaysWarehouse(Warehouse):
    """Remembers the days that scans read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.days: list[tuple[str, str]] = []

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        if "start0" in parameters:
            self.days.append((parameters["start0"], parameters["end0"]))
        return super().query(sql, parameters)


def test_plain_widgets_read_no_more_days_beside_a_rolling_one() -> None:
    catalog = load_files(make_file({"g": "sum(x)", "r": {"value": "sum(x)", "rolling": "28 days"}}))
    warehouse = ScanDaysWarehouse("sqlite://")
    warehouse.create_tables(catalog.tables.values())
    engine = Engine(catalog, warehouse, Cache(MemoryStore(seconds=90), ttl=90))
    for key in ("r", "g", "r", "g"):
        query_engine(engine, key, "2025-06-01", "2025-06-28")
    warehouse.close()
    assert warehouse.days == [("2025-05-05", "2025-06-28"), ("2025-06-01", "2025-06-28")]


@given(
    value=st.sampled_from(["sum(x)", RATIO, "count(*)", "max(y)", "sum(x) + sum(y)"]),
    total=st.sampled_from(["period", "average", "first", "last"]),
    days=st.lists(st.integers(1, 28), max_size=12),
    compare=st.sampled_from(["off", "previous_period"]),
)
@try_examples(30)
def test_rolling_over_one_day_is_the_plain_metric(value: str, total: str, days: list[int], compare: str) -> None:
    rows = [make_row(f"2025-01-{day:02}", x=day, y=day / 4, who=str(index)) for index, day in enumerate(days)]
    plain, rolling = (
        answer_metric({"value": value, "total": total, **more}, rows, "2025-01-03", "2025-01-30", compare=compare)
        for more in ({}, {"rolling": "1 day"})
    )
    assert rolling["series"][0]["points"] == plain["series"][0]["points"]
    assert rolling.get("comparison") == plain.get("comparison")
