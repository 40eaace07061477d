"""Operands that may be missing, targets, and metrics whose points look back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.worlds import DAYS, answer_metric, get_stats, list_compared_points, list_points, make_file, make_row

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
