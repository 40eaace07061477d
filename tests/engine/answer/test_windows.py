"""Operands that may be missing, targets, and metrics whose points look back."""

from __future__ import annotations

from typing import Any

import pytest

from engine.authoring.test_runner import run_tests
from tests.support.worlds import (
    DAYS,
    answer_metric,
    get_stats,
    list_compared_points,
    list_points,
    load_files,
    make_file,
    make_row,
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
