"""Numbers at the edge of a double: an answer is a number or null, never an error."""

from __future__ import annotations

import pytest

from engine.answer.combine import compute_correlation
from tests.support.worlds import answer_metric, get_stats, list_points, make_row

LARGEST = 1.7e308


@pytest.mark.parametrize("total", ["period", "average"])
def test_a_total_beyond_a_double_is_null_and_not_zero(total: str) -> None:
    rows = [make_row(f"2025-01-0{day}", y=LARGEST) for day in (1, 2)]
    answer = answer_metric({"value": "sum(y)", "total": total}, rows, "2025-01-01", "2025-01-02")
    assert list_points(answer) == [LARGEST, LARGEST]
    assert get_stats(answer) == (None, None, None)


def test_a_day_beyond_a_double_is_null_and_not_zero() -> None:
    rows = [
        make_row("2025-01-01", y=LARGEST),
        make_row("2025-01-01", y=LARGEST, who="other"),
        make_row("2025-01-02", y=1.0),
    ]
    answer = answer_metric("sum(y)", rows, "2025-01-01", "2025-01-02")
    assert list_points(answer) == [None, 1.0]


def test_a_correlation_beyond_a_double_is_null() -> None:
    assert compute_correlation([1e200, -1e200, 3.0], [1.0, 2.0, 4.0]) is None
