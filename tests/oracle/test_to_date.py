"""The oracle against answers worked out by hand: windows whose days are not all known."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from tests.support.oracle.extents import AccountRead
from tests.support.oracle.one_metric import Row, make_row, query_oracle


def make_days(first: str, count: int, **cells: Any) -> list[Row]:
    start = date.fromisoformat(first)
    return [make_row(str(start + timedelta(days=i)), **cells) for i in range(count)]


def query_to_date(metric: Any, rows: Any, start: str, end: str, compare: str, **more: Any) -> Any:
    return query_oracle(metric, rows, start, end, compare=compare, **more)["stats"]["to_date"]


class TestToDate:
    def test_a_month_that_is_not_over(self) -> None:
        rows = make_days("2025-01-01", 52, x=100)
        found = query_oracle("sum(x)", rows, "2025-02-01", "2025-02-28", compare="previous_period")
        to_date = {"through": "2025-02-21", "value": 2100, "previous": 2100, "delta": 0}
        assert found["stats"] == {"value": 2100, "previous": 2800, "delta": -0.25, "to_date": to_date}
        assert found["series"][0]["stats"] == found["stats"]

    def test_a_finished_window_and_one_without_comparison_have_none(self) -> None:
        rows = make_days("2025-01-01", 59, x=100)
        assert query_to_date("sum(x)", rows, "2025-02-01", "2025-02-28", "previous_period") is None
        assert query_to_date("sum(x)", rows, "2025-02-20", "2025-03-28", "off") is None
        assert query_to_date("sum(x)", rows, "2025-03-01", "2025-03-28", "previous_period") is None

    @pytest.mark.parametrize(
        ("compare", "end", "through", "previous"),
        [
            # The days of 2024 before 29 February and before 1 March, each worth the day of its month.
            ("previous_year", "2025-03-31", "2025-02-27", sum(range(1, 28))),
            ("previous_year", "2025-03-31", "2025-02-28", sum(range(1, 30))),
            ("previous_month", "2025-02-28", "2025-02-20", sum(range(1, 21))),
            ("previous_period", "2025-02-28", "2025-02-02", 4 + 5),
            ("previous_year_weekday", "2025-02-28", "2025-02-02", 3 + 4),
        ],
    )
    def test_the_days_opposite(self, compare: str, end: str, through: str, previous: int) -> None:
        first = date(2024, 1, 1)
        rows = [
            make_row(str(day), x=day.day)
            for i in range(500)
            if (day := first + timedelta(days=i)) <= date.fromisoformat(through)
        ]
        found = query_to_date("sum(x)", rows, "2025-02-01", end, compare)
        assert (found["through"], found["previous"]) == (through, previous)

    def test_of_the_month_before_no_more_than_it_has(self) -> None:
        rows = [make_row(f"2025-02-{day:02}", x=1) for day in range(1, 29)] + make_days("2025-03-01", 30, x=1)
        found = query_to_date("sum(x)", rows, "2025-03-01", "2025-03-31", "previous_month")
        assert (found["value"], found["previous"]) == (30, 28)

    def test_a_window_of_the_callers_own(self) -> None:
        rows = make_days("2025-01-01", 10, x=1)
        found = query_to_date("sum(x)", rows, "2025-01-05", "2025-01-20", "custom", compare_start=date(2025, 1, 1))
        assert found == {"through": "2025-01-10", "value": 6, "previous": 6, "delta": 0}

    def test_a_ratio_and_a_distinct_count_are_evaluated_over_the_days(self) -> None:
        rows = [make_row("2025-01-01", x=1, y=2.0), make_row("2025-01-03", x=1, y=4.0), make_row("2025-01-04", x=9)]
        metric = {"series": {"R": "sum(x) / sum(y)", "D": "count(distinct x)"}}
        found = query_oracle(metric, rows, "2025-01-03", "2025-01-05", compare="custom", compare_start=date(2025, 1, 1))
        assert [one["stats"]["to_date"] for one in found["series"]] == [
            {"through": "2025-01-04", "value": 2.5, "previous": 0.5, "delta": 4},
            {"through": "2025-01-04", "value": 2, "previous": 1, "delta": 1},
        ]

    def test_it_reaches_to_the_last_day_of_a_late_account(self) -> None:
        rows = make_days("2025-01-01", 28, x=100, who="1") + make_days("2025-01-01", 20, x=100, who="2")
        reads = {
            "days": {
                "1": AccountRead(date(2025, 1, 28)),
                "2": AccountRead(date(2025, 1, 20), is_late=True),
            }
        }
        found = query_oracle("sum(x)", rows, "2025-01-15", "2025-01-28", compare="previous_period", reads=reads)
        assert (found["stats"]["value"], found["meta"]["data_through"]) == (2000, "2025-01-28")
        assert found["stats"]["to_date"] == {"through": "2025-01-20", "value": 1200, "previous": 1200, "delta": 0}
        assert query_to_date("sum(x)", rows, "2025-01-21", "2025-01-28", "previous_period", reads=reads) is None
        assert query_to_date("sum(x)", rows, "2025-01-15", "2025-01-20", "previous_period", reads=reads) is None


TWO_TABLES = {"days": make_days("2025-01-01", 10, x=1), "ads": make_days("2025-01-01", 8, x=2)}


class TestSeveral:
    def test_the_widgets_last_day_holds_in_every_part(self) -> None:
        found = query_oracle(
            {"combine": ["g.x", "m.x"]}, TWO_TABLES, "2025-01-06", "2025-01-10", compare="previous_period"
        )
        assert [one["stats"]["to_date"] for one in found["series"]] == [
            {"through": "2025-01-08", "value": 3, "previous": 3, "delta": 0},
            {"through": "2025-01-08", "value": 6, "previous": 6, "delta": 0},
        ]

    def test_a_derived_one_takes_it_from_the_parts(self) -> None:
        found = query_to_date({"derive": "g.x / m.x"}, TWO_TABLES, "2025-01-06", "2025-01-10", "previous_period")
        assert found == {"through": "2025-01-08", "value": 0.5, "previous": 0.5, "delta": 0}

    def test_a_member_and_the_rest(self) -> None:
        rows = [
            *make_days("2025-01-01", 3, x=1, who="a"),
            *make_days("2025-01-02", 2, x=2, who="b"),
            *make_days("2025-01-03", 1, x=1, who="c"),
        ]
        found = query_oracle(
            {"value": "sum(x)", "by": "who", "top": 1}, rows, "2025-01-03", "2025-01-04", compare="previous_period"
        )
        shares = [(one["name"], one["stats"]["to_date"]) for one in found["series"]]
        assert shares == [
            ("b", {"through": "2025-01-03", "value": 2, "previous": 0, "delta": None}),
            ("Other", {"through": "2025-01-03", "value": 2, "previous": 1, "delta": 1}),
        ]

    def test_a_correlation_has_none_but_its_parts_do(self) -> None:
        metric = {"combine": ["g.x", "m.x"], "stat": "correlation"}
        found = query_oracle(metric, TWO_TABLES, "2025-01-06", "2025-01-10", compare="previous_period")
        assert found["stats"]["to_date"] is None
        assert [one["stats"]["to_date"]["value"] for one in found["series"]] == [3, 6]


CORRELATION = {"combine": ["g.x", "m.x"], "stat": "correlation"}


class TestCorrelation:
    def test_cut_weeks_do_not_count(self) -> None:
        rng = Random(1)
        rows = {
            name: [row | {"x": rng.randint(90, 110)} for row in make_days("2025-01-01", 120)]
            for name in ("days", "ads")
        }
        cut = query_oracle(CORRELATION, rows, "2025-01-05", "2025-03-31", grain="week")
        whole = query_oracle(CORRELATION, rows, "2025-01-06", "2025-03-30", grain="week")
        assert cut["stats"]["value"] == whole["stats"]["value"]
        assert abs(cut["stats"]["value"]) < 0.9

    def test_weeks_that_an_extent_cuts_do_not_count(self) -> None:
        # Weeks of 7, 14 and 21 against 7, 14 and 21, and a last one of which three days are known.
        rows = {
            name: [row | {"x": 1 + i // 7} for i, row in enumerate(make_days("2025-01-06", 21 + more))]
            for name, more in (("days", 3), ("ads", 7))
        }
        found = query_oracle(CORRELATION, rows, "2025-01-06", "2025-02-02", grain="week")
        assert [point["v"] for point in found["series"][0]["points"]] == [7, 14, 21, 12]
        assert found["stats"]["value"] == pytest.approx(1)
        shorter = query_oracle(CORRELATION, rows, "2025-01-13", "2025-02-02", grain="week")
        assert shorter["stats"]["value"] is None
