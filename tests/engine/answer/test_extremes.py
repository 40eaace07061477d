"""Numbers at the edge of a double: an answer is a number or null, never an error."""

from __future__ import annotations

import pytest

from engine.answer.response import correlation
from tests.support.worlds import answered, points, row, stats

LARGEST = 1.7e308


@pytest.mark.parametrize("total", ["period", "average"])
def test_a_total_beyond_a_double_is_null_and_not_zero(total: str) -> None:
    rows = [row(f"2025-01-0{day}", y=LARGEST) for day in (1, 2)]
    answer = answered({"value": "sum(y)", "total": total}, rows, "2025-01-01", "2025-01-02")
    assert points(answer) == [LARGEST, LARGEST]
    assert stats(answer) == (None, None, None)


def test_a_day_beyond_a_double_is_null_and_not_zero() -> None:
    rows = [row("2025-01-01", y=LARGEST), row("2025-01-01", y=LARGEST, who="other"), row("2025-01-02", y=1.0)]
    answer = answered("sum(y)", rows, "2025-01-01", "2025-01-02")
    assert points(answer) == [None, 1.0]


def test_a_correlation_beyond_a_double_is_null() -> None:
    assert correlation([1e200, -1e200, 3.0], [1.0, 2.0, 4.0]) is None
