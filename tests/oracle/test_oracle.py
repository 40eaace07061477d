"""The oracle against answers worked out by hand: spans, totals, calendar, deltas."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.oracle.definitions import Definitions
from tests.support.oracle.extents import AccountRead
from tests.support.oracle.one_metric import (
    GAP,
    ME,
    YOU,
    Row,
    get_totals,
    list_prior_points,
    list_values,
    make_row,
    query_oracle,
)
from tests.support.oracle.oracle import compute_answer


class TestAnswers:
    def test_the_whole_body(self) -> None:
        metric = {"title": "Sum", "value": "sum(x)", "format": "integer", "better": "down"}
        rows = [*GAP, make_row("2024-12-31", x=14), make_row("2025-01-03", x=99, user_id=YOU)]
        found = query_oracle(metric, rows, "2025-01-02", "2025-01-04", compare="previous_period")
        assert found == {
            "series": [
                {
                    "name": "Sum",
                    "key": "a.metric",
                    "format": "integer",
                    "better": "down",
                    "currency": None,
                    "points": [
                        {"t": "2025-01-02", "v": 3},
                        {"t": "2025-01-03", "v": 0},
                        {"t": "2025-01-04", "v": 4},
                    ],
                    "stats": {"value": 7, "previous": 14, "delta": -0.5, "to_date": None},
                }
            ],
            "stats": {"value": 7, "previous": 14, "delta": -0.5, "to_date": None},
            "items": [],
            "meta": {
                "key": "a.metric",
                "title": "Sum",
                "format": "integer",
                "better": "down",
                "delta": "relative",
                "grain": "day",
                "start": "2025-01-02",
                "end": "2025-01-04",
                "compare": "previous_period",
                "total": "period",
                "currency": None,
                "sources": ["ga4"],
                "missing_sources": [],
                "data_through": "2025-01-04",
                "comparison_through": "2025-01-01",
                "provisional_from": "2025-01-02",
                "filters": {"applied": [], "ignored": []},
                "notes": [],
            },
            "comparison": {
                "start": "2024-12-30",
                "end": "2025-01-01",
                "series": [
                    {
                        "name": "Sum",
                        "points": [
                            {"t": "2024-12-30", "v": None},
                            {"t": "2024-12-31", "v": 14},
                            {"t": "2025-01-01", "v": 0},
                        ],
                    }
                ],
            },
        }

    @pytest.mark.parametrize(
        ("metric", "expected", "total"),
        [
            ("sum(x)", [None, 3, 0, 4, None], 7),
            ("2 * sum(x) - count(y) / 2 + -count(*)", [None, 4.5, 0, 6.5, None], 11),
            ({"value": "sum(users)", "total": "period"}, [None, 5, None, 7, None], 12),
            ("sum(x) / sum(y)", [None, 3, None, None, None], 7),
            ("sum(x) + 1", [None, 4, None, 5, None], 8),
            ("count(distinct x)", [None, 1, None, 1, None], 2),
            ("avg(x)", [None, 3, None, 4, None], 3.5),
            ({"value": "sum(x)", "fill": None}, [None, 3, None, 4, None], 7),
            ({"value": "avg(x)", "fill": "zero"}, [None, 3, 0, 4, None], 3.5),
            ({"value": "sum(x)", "where": "x > 100"}, [None, 0, 0, 0, None], 0),
            ({"value": "sum(x)", "where": "x > 100", "fill": None}, [None] * 5, 0),
            ({"value": "avg(x)", "where": "x > 100"}, [None] * 5, None),
            ({"value": "count(distinct x)", "where": "x > 100"}, [None] * 5, None),
            ("sum(spend)", [None, 0, 0, 0, None], 0),
            ("max(spend)", [None] * 5, None),
        ],
    )
    def test_gaps(self, metric: Any, expected: list[Any], total: Any) -> None:
        found = query_oracle(metric, GAP, "2025-01-01", "2025-01-05")
        assert (list_values(found), found["stats"]["value"]) == (expected, total)

    def test_the_extent_is_that_of_the_table_before_any_where(self) -> None:
        rows = [make_row("2025-01-01", who="a", x=1), make_row("2025-01-03", who="b", x=2)]
        assert list_values(
            query_oracle({"value": "sum(x)", "where": "who = 'a'"}, rows, "2025-01-01", "2025-01-04")
        ) == [*(1, 0, 0, None)]

    def test_no_rows_is_null_not_zero(self) -> None:
        found = query_oracle("sum(x)", GAP, "2025-03-01", "2025-03-02", compare="previous_period")
        assert (list_values(found), get_totals(found)) == ([None, None], (None, None, None))
        assert found["meta"]["data_through"] is found["meta"]["provisional_from"] is None

    def test_both_windows_are_of_one_extent(self) -> None:
        rows = [make_row("2025-01-01", x=1), make_row("2025-01-05", x=2)]
        found = query_oracle("sum(x)", rows, "2025-01-04", "2025-01-06", compare="previous_period")
        assert list_values(found) == [0, 2, None]
        assert list_prior_points(found) == [("2025-01-01", 1), ("2025-01-02", 0), ("2025-01-03", 0)]

    def test_provisional_days_reach_back_from_the_last_row(self) -> None:
        found = query_oracle("sum(x)", [make_row("2025-01-10", x=1)], "2025-01-01", "2025-01-31")
        assert (found["meta"]["data_through"], found["meta"]["provisional_from"]) == (
            "2025-01-10",
            "2025-01-08",
        )


class TestTotals:
    ROWS = (
        make_row("2025-01-06", users=10, x=1, y=1.0),
        make_row("2025-01-06", users=2, x=1, y=1.0),
        make_row("2025-01-08", users=None, x=4, y=2.0),
        make_row("2025-01-12", users=6, x=1, y=0.0),
        make_row("2025-01-14", users=8, x=None, y=4.0),
    )

    @pytest.mark.parametrize(
        ("total", "value", "week", "month"),
        [
            ("average", 26 / 3, [9, 8], [26 / 3]),
            ("last", 8, [6, 8], [8]),
            ("period", 26, [18, 8], [26]),
        ],
    )
    def test_days_that_may_not_be_summed(self, total: str, value: float, week: list[float], month: list[float]) -> None:
        metric = {"value": "sum(users)", "total": total}
        asked = (metric, list(self.ROWS), "2025-01-06", "2025-01-19")
        assert list_values(query_oracle(*asked, grain="week")) == pytest.approx(week)
        assert list_values(query_oracle(*asked, grain="month")) == pytest.approx(month)
        assert query_oracle(*asked)["stats"]["value"] == pytest.approx(value)

    def test_an_average_of_what_adds_up_is_over_every_known_day(self) -> None:
        metric = {"value": "sum(x)", "total": "average"}
        found = query_oracle(metric, list(self.ROWS), "2025-01-05", "2025-01-20")
        assert list_values(found) == [None, 2, 0, 4, 0, 0, 0, 1, 0, 0, *[None] * 6]
        # Nine days are known, from the 6th to the 14th.
        assert found["stats"]["value"] == pytest.approx(7 / 9)
        found = query_oracle({**metric, "fill": None}, list(self.ROWS), "2025-01-05", "2025-01-20", grain="week")
        assert list_values(found) == [None, 1, None, None]
        assert query_oracle({**metric, "where": "x > 9"}, list(self.ROWS), "2025-01-06")["stats"]["value"] == 0

    def test_a_row_beyond_what_is_known_is_a_day_of_the_average(self) -> None:
        reads = {"days": {"a": AccountRead(date(2025, 1, 8))}}
        metric = {"value": "sum(x)", "total": "average"}
        found = query_oracle(metric, list(self.ROWS), "2025-01-06", "2025-01-14", reads=reads)
        # The 6th to the 8th are known: 2, 0, 4; of the later days only the 12th has a value.
        assert found["stats"]["value"] == pytest.approx(7 / 4)

    LEVELS = (
        *(make_row(f"2025-01-0{day}", who="1", users=1000) for day in (1, 2, 3, 4)),
        *(make_row(f"2025-01-0{day}", who="2", users=5000) for day in (1, 2, 3)),
        *(make_row("2025-01-04", who="2", users=None), make_row("2025-01-01", who="3", users=9000)),
    )

    @pytest.mark.parametrize(
        ("total", "days", "value", "points"),
        [
            ("last", {"account": "who"}, 15000, [15000, 6000, 6000, 1000]),
            ("last", {}, 1000, [15000, 6000, 6000, 1000]),
            ("first", {"account": "who"}, 15000, [15000, 6000, 6000, 1000]),
            ("first", {}, 15000, [15000, 6000, 6000, 1000]),
        ],
    )
    def test_the_last_day_of_each_account(self, total: str, days: Row, value: int, points: list[int]) -> None:
        metric = {"value": "sum(users)", "total": total}
        found = query_oracle(metric, list(self.LEVELS), "2025-01-01", "2025-01-04", days=days)
        assert (found["stats"]["value"], list_values(found)) == (value, points)

    def test_no_account_is_carried_into_a_bucket(self) -> None:
        metric = {"value": "sum(users)", "total": "last"}
        found = query_oracle(metric, list(self.LEVELS), "2025-01-02", "2025-01-04", days={"account": "who"})
        assert found["stats"]["value"] == 6000
        found = query_oracle(
            {**metric, "by": "who"}, list(self.LEVELS), "2025-01-01", "2025-01-04", days={"account": "who"}
        )
        assert [one["stats"]["value"] for one in found["series"]] == [5000, 9000, 1000]

    def test_the_rows_of_the_accounts_days_are_taken_together(self) -> None:
        rows = [
            *(make_row("2025-01-01", who="1", x=9, y=9.0), make_row("2025-01-02", who="1", x=1, y=4.0)),
            *(make_row("2025-01-01", who="2", x=3, y=1.0), make_row("2025-01-02", who="2", x=8, y=0.0)),
        ]
        asked = {"value": "sum(x) / sum(y)", "total": "last"}
        # Account 2 has no value on the 2nd: (1 + 3) / (4 + 1).
        found = query_oracle(asked, rows, "2025-01-01", "2025-01-02", days={"account": "who"})
        assert found["stats"]["value"] == pytest.approx(4 / 5)
        first = query_oracle({**asked, "total": "first"}, rows, "2025-01-01", "2025-01-02", days={"account": "who"})
        assert first["stats"]["value"] == pytest.approx(12 / 10)

    def test_the_last_day_is_the_last_with_a_value(self) -> None:
        metric = {"value": "sum(x) / sum(y)", "total": "last"}
        assert query_oracle(metric, list(self.ROWS), "2025-01-06", "2025-01-14")["stats"]["value"] == 2

    def test_a_ratio_is_the_ratio_of_sums(self) -> None:
        found = query_oracle("sum(x) / sum(y)", list(self.ROWS), "2025-01-06", "2025-01-14")
        assert found["stats"]["value"] == pytest.approx(7 / 8)

    def test_a_distinct_count_is_exact_over_the_period(self) -> None:
        assert query_oracle("count(distinct x)", list(self.ROWS), "2025-01-06", "2025-01-14")["stats"]["value"] == 2


class TestCalendar:
    def test_partial_weeks_are_named_by_their_monday(self) -> None:
        rows = [make_row(f"2025-01-{day:02}", x=1) for day in range(1, 32)]
        found = query_oracle("sum(x)", rows, "2025-01-08", "2025-01-21", grain="week", compare="previous_period")
        assert [(point["t"], point["v"]) for point in found["series"][0]["points"]] == [
            *(("2025-01-06", 5), ("2025-01-13", 7), ("2025-01-20", 2))
        ]
        assert list_prior_points(found) == [("2024-12-25", None), ("2024-12-30", 5), ("2025-01-06", 2)]

    def test_months_of_31_and_30_days(self) -> None:
        rows = [make_row(str(date(2025, 3, 1) + timedelta(days=i)), x=1) for i in range(61)]
        found = query_oracle("sum(x)", rows, "2025-04-01", "2025-04-30", grain="month", compare="previous_period")
        assert (found["comparison"]["start"], found["comparison"]["end"]) == ("2025-03-02", "2025-03-31")
        assert get_totals(found) == (30, 30, 0)
        found = query_oracle("sum(x)", rows, "2025-03-01", "2025-03-31", compare="previous_period")
        assert (found["comparison"]["start"], len(list_prior_points(found))) == ("2025-01-29", 31)

    def test_two_months_against_the_days_before(self) -> None:
        found = query_oracle("sum(x)", GAP, "2025-02-10", "2025-03-05", grain="month", compare="previous_period")
        assert [point["t"] for point in found["series"][0]["points"]] == ["2025-02-01", "2025-03-01"]
        assert [t for t, _ in list_prior_points(found)] == ["2025-01-17", "2025-02-05"]

    def test_the_leap_day_against_a_common_year(self) -> None:
        rows = [make_row(f"2023-{day}", x=i) for i, day in enumerate(("02-27", "02-28", "03-01", "03-02"), 1)]
        found = query_oracle("sum(x)", rows, "2024-02-28", "2024-03-01", compare="previous_year")
        assert list_prior_points(found) == [("2023-02-28", 2), ("2023-03-01", None), ("2023-03-01", 3)]
        assert get_totals(found)[1] == 5

    def test_a_window_that_begins_or_ends_on_the_leap_day(self) -> None:
        rows = [make_row(f"2023-{day}", x=i) for i, day in enumerate(("02-27", "02-28", "03-01"), 1)]
        found = query_oracle("sum(x)", rows, "2024-02-29", "2024-03-01", compare="previous_year")
        assert list_prior_points(found) == [("2023-02-28", 2), ("2023-03-01", 3)]
        found = query_oracle("sum(x)", rows, "2024-02-28", "2024-02-29", compare="previous_year")
        assert list_prior_points(found) == [("2023-02-28", 2), ("2023-03-01", None)]
        assert found["comparison"]["end"] == "2023-02-28"

    def test_a_common_year_against_the_leap_day(self) -> None:
        rows = [make_row(f"2024-{day}", x=i) for i, day in enumerate(("02-28", "02-29", "03-01"), 1)]
        found = query_oracle("sum(x)", rows, "2025-02-28", "2025-03-01", compare="previous_year")
        assert list_prior_points(found) == [("2024-02-28", 3), ("2024-03-01", 3)]
        assert get_totals(found)[1] == 6

    def test_a_week_that_begins_on_the_leap_day(self) -> None:
        rows = [make_row("2015-02-28", x=1), make_row("2015-03-01", x=2), make_row("2015-03-06", x=4)]
        found = query_oracle("sum(x)", rows, "2016-02-22", "2016-03-06", grain="week", compare="previous_year")
        assert list_prior_points(found) == [("2015-02-22", 1), ("2015-03-01", 6)]

    def test_a_range_longer_than_a_year_overlaps_the_year_before(self) -> None:
        rows = [make_row("2023-06-01", x=1), make_row("2024-06-01", x=2), make_row("2025-01-15", x=4)]
        found = query_oracle("sum(x)", rows, "2024-01-01", "2025-06-30", grain="month", compare="previous_year")
        assert get_totals(found) == (6, 3, 1)
        assert len(list_values(found)) == len(list_prior_points(found)) == 18

    @pytest.mark.parametrize(
        ("compare", "start", "end", "expected"),
        [
            ("previous_month", "2025-11-01", "2025-11-30", "2025-10-01 2025-10-31"),
            ("previous_month", "2025-11-01", "2025-11-27", "2025-10-01 2025-10-27"),
            ("previous_month", "2025-03-01", "2025-03-31", "2025-02-01 2025-02-28"),
            ("previous_month", "2025-03-30", "2025-03-30", "2025-02-28 2025-02-28"),
            ("previous_month", "2025-04-30", "2025-04-30", "2025-03-30 2025-03-31"),
            ("previous_month", "2024-01-15", "2024-02-29", "2023-12-15 2024-01-31"),
            ("previous_month", "2025-01-05", "2025-01-28", "2024-12-05 2024-12-28"),
            ("previous_year_weekday", "2025-01-06", "2025-01-12", "2024-01-08 2024-01-14"),
            ("previous_year", "2025-01-06", "2025-01-12", "2024-01-06 2024-01-12"),
        ],
    )
    def test_the_compared_window(self, compare: str, start: str, end: str, expected: str) -> None:
        found = query_oracle("sum(x)", [], start, end, compare=compare)
        assert f"{found['comparison']['start']} {found['comparison']['end']}" == expected

    def test_a_window_of_the_callers_own(self) -> None:
        rows = [make_row(f"2025-01-{day:02}", x=day) for day in range(1, 21)]
        options: dict[str, Any] = {"compare": "custom", "compare_start": date(2025, 1, 10)}
        found = query_oracle("sum(x)", rows, "2025-01-12", "2025-01-14", **options)
        assert list_prior_points(found) == [("2025-01-10", 10), ("2025-01-11", 11), ("2025-01-12", 12)]
        # 39 against 33: the day that both windows have counts in each of them.
        assert get_totals(found)[:2] == (39, 33)
        options["compare_start"] = date(2025, 1, 16)
        assert get_totals(query_oracle("sum(x)", rows, "2025-01-12", "2025-01-14", **options))[:2] == (39, 51)

    def test_weekdays_meet(self) -> None:
        found = query_oracle("sum(x)", [], "2025-01-08", "2025-01-21", grain="week", compare="previous_year_weekday")
        assert [t for t, _ in list_prior_points(found)] == ["2024-01-10", "2024-01-15", "2024-01-22"]

    def test_quarters_and_years(self) -> None:
        rows = [make_row(day, x=1) for day in ("2024-11-30", "2024-12-01", "2025-03-31", "2025-04-01", "2025-12-31")]
        found = query_oracle("sum(x)", rows, "2024-12-01", "2025-12-31", grain="quarter")
        assert found["series"][0]["points"] == [
            {"t": "2024-10-01", "v": 1, "partial": True},
            {"t": "2025-01-01", "v": 1},
            {"t": "2025-04-01", "v": 1},
            {"t": "2025-07-01", "v": 0},
            {"t": "2025-10-01", "v": 1},
        ]
        found = query_oracle("sum(x)", rows, "2024-12-01", "2025-12-31", grain="year")
        assert found["series"][0]["points"] == [
            {"t": "2024-01-01", "v": 1, "partial": True},
            {"t": "2025-01-01", "v": 3},
        ]

    def test_a_cut_bucket_is_partial_and_so_is_the_one_opposite(self) -> None:
        found = query_oracle("sum(x)", [], "2025-01-05", "2025-01-20", grain="week", compare="previous_period")
        both = (found["series"][0]["points"], found["comparison"]["series"][0]["points"])
        assert [[point.get("partial") for point in points] for points in both] == [[True, None, None, True]] * 2
        days = query_oracle("sum(x)", [], "2025-01-05", "2025-01-20")["series"][0]["points"]
        assert not any("partial" in point for point in days)

    def test_the_month_before_has_buckets_of_its_own(self) -> None:
        rows = [
            make_row(f"2025-0{month}-{day:02}", x=1) for month, days in ((2, 28), (3, 31)) for day in range(1, days)
        ]
        found = query_oracle("sum(x)", rows, "2025-03-01", "2025-03-31", grain="week", compare="previous_month")
        assert len(list_values(found)) == 6
        assert found["comparison"]["series"][0]["points"] == [
            {"t": "2025-01-27", "v": 2, "partial": True},
            {"t": "2025-02-03", "v": 7},
            {"t": "2025-02-10", "v": 7},
            {"t": "2025-02-17", "v": 7},
            {"t": "2025-02-24", "v": 4, "partial": True},
        ]


class TestDeltas:
    NOW, BEFORE = "2025-01-02", "2025-01-01"

    @pytest.mark.parametrize(
        ("before", "now", "relative", "absolute"),
        [(4, 5, 0.25, 1), (-4, 2, 1.5, 6), (0, 5, None, 5), (None, 5, None, None), (5, None, None, None)],
    )
    def test_both_ways(self, before: Any, now: Any, relative: Any, absolute: Any) -> None:
        rows = [make_row(self.BEFORE, x=before), make_row(self.NOW, x=now)]
        for delta, expected in (("relative", relative), ("absolute", absolute)):
            found = query_oracle({"value": "avg(x)", "delta": delta}, rows, self.NOW, compare="previous_period")
            assert get_totals(found) == (now, before, expected)

    def test_off_has_neither_previous_nor_comparison(self) -> None:
        found = query_oracle("sum(x)", [make_row(self.BEFORE, x=1), make_row(self.NOW, x=2)], self.NOW)
        assert get_totals(found) == (2, None, None)
        assert "comparison" not in found


def test_a_hidden_or_unknown_key_has_no_answer() -> None:
    with pytest.raises(KeyError):
        query_oracle({"value": "sum(x)", "hidden": True}, [], "2025-01-01")
    empty: Definitions = {"tables": {}, "metrics": {}}
    day = date(2025, 1, 1)
    with pytest.raises(KeyError):
        compute_answer(empty, "a.metric", {}, tenant=ME, start=day, end=day)


def test_a_title_is_made_from_the_key() -> None:
    found = query_oracle("sum(x)", [], "2025-01-01")
    assert found["meta"]["title"] == found["series"][0]["name"] == "Metric"
