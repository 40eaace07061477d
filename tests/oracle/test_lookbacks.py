"""The oracle against answers worked out by hand: rolling and to-date metrics, targets, operands that may be missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.oracle.extents import AccountRead
from tests.support.oracle.one_metric import (
    Row,
    get_totals,
    list_prior_points,
    list_values,
    make_row,
    query_oracle,
)

# From 30 December to 12 January, x is 1, 2, 4, ... up to the 6th of January, and there is no row on the 3rd.
DAYS = ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02", "2025-01-04", "2025-01-05", "2025-01-06"]
ROWS = [make_row(day, x=2**i, y=1.0, users=10 + i, who="ab"[i % 2]) for i, day in enumerate(DAYS)]


class TestRolling:
    def test_the_days_that_end_with_each_point(self) -> None:
        found = query_oracle({"value": "sum(x)", "rolling": "3 days"}, ROWS, "2024-12-31", "2025-01-07")
        # The first day whose three days are all known is 1 January; of the 7th nothing is known.
        assert list_values(found) == [None, 7, 14, 12, 24, 48, 112, None]
        assert found["stats"]["value"] == 112

    def test_a_ratio_is_that_of_sums_and_an_average_moves(self) -> None:
        found = query_oracle({"value": "sum(x) / sum(y)", "rolling": "3 days"}, ROWS, "2025-01-02", "2025-01-03")
        assert list_values(found) == [pytest.approx(14 / 3), 6]
        found = query_oracle({"value": "sum(x)", "rolling": "3 days", "total": "average"}, ROWS, "2025-01-03")
        assert list_values(found) == [4]
        metric = {"value": "sum(users)", "rolling": "3 days", "total": "average"}
        assert list_values(query_oracle(metric, ROWS, "2025-01-03")) == [12.5]
        metric["total"] = "first"
        assert list_values(query_oracle(metric, ROWS, "2025-01-03", days={"account": "who"})) == [12 + 13]

    def test_a_bucket_ends_with_its_last_day_in_the_window(self) -> None:
        metric = {"value": "sum(x)", "rolling": "2 days"}
        found = query_oracle(metric, ROWS, "2025-01-01", "2025-01-06", grain="week")
        assert list_values(found) == [48, 96]
        assert query_oracle(metric, ROWS, "2025-01-01", "2025-01-04", grain="month")["stats"]["value"] == 16

    def test_the_last_point_with_a_value_and_the_comparisons(self) -> None:
        metric = {"value": "sum(x)", "rolling": "2 days"}
        found = query_oracle(metric, ROWS, "2025-01-05", "2025-01-08", compare="previous_period")
        assert list_values(found) == [48, 96, None, None]
        assert list_prior_points(found) == [
            ("2025-01-01", 6),
            ("2025-01-02", 12),
            ("2025-01-03", 8),
            ("2025-01-04", 16),
        ]
        assert get_totals(found) == (96, 16, 5)
        # The two days that end with the 6th, against those that end with the 2nd.
        assert found["stats"]["to_date"] == {"through": "2025-01-06", "value": 96, "previous": 12, "delta": 7}

    def test_a_gap_is_zero_and_what_does_not_add_up_null(self) -> None:
        for value, expected in (("sum(x)", 0), ("max(x)", None)):
            found = query_oracle({"value": value, "rolling": "1 days"}, ROWS, "2025-01-03")
            assert list_values(found) == [expected]

    def test_members_and_their_ranks_are_over_all_days_that_are_read(self) -> None:
        rows = [
            *(make_row("2024-12-31", who="before", x=9), make_row("2025-01-02", who="in", x=5)),
            *(make_row("2024-12-30", who="long ago", x=99), make_row("2025-01-03", who="rest", x=1)),
        ]
        metric = {"value": "sum(x)", "by": "who", "top": 2, "rolling": "3 days"}
        found = query_oracle(metric, rows, "2025-01-02", "2025-01-03")
        assert [(one["name"], list_values(found, one["name"])) for one in found["series"]] == [
            ("before", [9, 0]),
            ("in", [5, 5]),
            ("Other", [0, 1]),
        ]

    def test_the_currency_is_of_all_rows_that_are_read(self) -> None:
        rows = [
            make_row("2025-01-01", spend=1, currency="EUR"),
            *(make_row("2025-01-02", spend=2, currency="USD"), make_row("2025-01-03", spend=2, currency="USD")),
        ]
        found = query_oracle({"value": "sum(spend)", "rolling": "3 days"}, rows, "2025-01-03")
        assert (found["meta"]["currency"], list_values(found)) == ("mixed", [None])
        found = query_oracle({"value": "sum(spend)", "rolling": "2 days"}, rows, "2025-01-03")
        assert (found["meta"]["currency"], list_values(found)) == ("USD", [4])


class TestSincePeriodStart:
    def test_since_the_first_of_the_month(self) -> None:
        found = query_oracle({"value": "sum(x)", "to_date": "month"}, ROWS, "2024-12-29", "2025-01-07")
        # Nothing is known of 29 December; of December's days only the last two are.
        assert list_values(found) == [None, 1, 3, 4, 12, 12, 28, 60, 124, None]
        assert found["stats"]["value"] == 124

    @pytest.mark.parametrize(("period", "value"), [("week", 64), ("month", 124), ("quarter", 124), ("year", 124)])
    def test_since_the_first_of_a_period(self, period: str, value: int) -> None:
        assert query_oracle({"value": "sum(x)", "to_date": period}, ROWS, "2025-01-06")["stats"]["value"] == value

    def test_buckets_of_another_grain(self) -> None:
        metric = {"value": "sum(x)", "to_date": "week"}
        found = query_oracle(metric, ROWS, "2024-12-30", "2025-01-06", grain="month")
        assert list_values(found) == [3, 64]
        found = query_oracle(metric, ROWS, "2025-01-02", "2025-01-05", grain="week", compare="previous_period")
        assert (list_values(found), list_prior_points(found)) == ([63], [("2024-12-29", 7)])

    def test_an_unfinished_month_against_the_same_days(self) -> None:
        rows = [make_row(f"2025-0{month}-{day:02}", x=month) for month in (1, 2) for day in range(1, 11 * month)]
        found = query_oracle(
            {"value": "sum(x)", "to_date": "month"}, rows, "2025-02-15", "2025-02-28", compare="previous_month"
        )
        # Known through 21 February: 21 twos; opposite of it stands 21 January, ten ones.
        assert get_totals(found)[:2] == (42, 10)
        assert found["stats"]["to_date"] == {"through": "2025-02-21", "value": 42, "previous": 10, "delta": 3.2}

    def test_metrics_of_metrics_take_points_and_totals(self) -> None:
        metrics = {"g.mtd": {"value": "sum(x)", "to_date": "month"}, "g.n": "count(*)"}
        found = query_oracle({"derive": "g.mtd / g.n"}, ROWS, "2025-01-04", "2025-01-06", metrics=metrics)
        assert list_values(found) == [28, 60, 124]
        assert found["stats"]["value"] == pytest.approx(124 / 3)


def query_target(metric: dict[str, Any], rows: Any = ROWS, **more: Any) -> Any:
    start, end = more.pop("start", "2025-01-01"), more.pop("end", "2025-01-10")
    return query_oracle(metric, rows, start, end, **more)["target"]


class TestTargets:
    def test_a_number_a_day(self) -> None:
        found = query_target({"value": "sum(x)", "target": {"day": 20}}, grain="week")
        assert found == {
            "series": [{"t": "2024-12-30", "v": 100, "partial": True}, {"t": "2025-01-06", "v": 100, "partial": True}],
            "value": 200,
            "due": 120,
            "progress": 124 / 200,
            "projected": pytest.approx(124 * 200 / 120),
        }

    def test_a_number_for_each_bucket_and_the_whole(self) -> None:
        metric = {"value": "sum(users)", "total": "average", "target": {"value": 28}}
        found = query_target(metric, grain="month")
        assert [point["v"] for point in found["series"]] == [28]
        assert (found["value"], found["due"], found["projected"]) == (28, 28, None)
        assert found["progress"] == pytest.approx(14 / 28)
        assert query_target({"value": "sum(x)", "target": {"value": 62}})["projected"] == 124

    def test_another_metric(self) -> None:
        rows = {"days": ROWS, "ads": [make_row(f"2025-01-{day:02}", x=day) for day in range(1, 11)]}
        found = query_target({"value": "sum(x)", "target": {"metric": "m.x"}}, rows)
        assert [point["v"] for point in found["series"]] == [*range(1, 11)]
        assert (found["value"], found["due"]) == (55, 21)
        assert found["progress"] == pytest.approx(124 / 55)
        assert found["projected"] == pytest.approx(124 * 55 / 21)

    def test_it_is_windowed_as_the_widget(self) -> None:
        rows = {"days": ROWS, "ads": [make_row(f"2025-01-{day:02}", x=day) for day in range(1, 11)]}
        found = query_target(
            {"value": "sum(x)", "to_date": "month", "target": {"metric": "m.x"}}, rows, start="2025-01-04"
        )
        assert [point["v"] for point in found["series"]] == [10, 15, 21, 28, 36, 45, 55]
        assert (found["value"], found["due"], found["progress"]) == (55, 21, pytest.approx(124 / 55))
        found = query_target({"value": "sum(x)", "rolling": "3 days", "target": {"day": 7}}, start="2025-01-04")
        assert [point["v"] for point in found["series"]] == [21] * 7
        assert (found["value"], found["due"], found["projected"]) == (21, 21, 112)
        found = query_target({"value": "sum(x)", "to_date": "month", "target": {"day": 7}}, start="2025-01-09")
        assert [point["v"] for point in found["series"]] == [63, 70]
        assert (found["value"], found["due"], found["progress"], found["projected"]) == (70, None, None, None)

    def test_where_nothing_is_known_and_where_zero_divides(self) -> None:
        found = query_target({"value": "sum(x)", "target": {"day": 2}}, start="2025-02-01", end="2025-02-02")
        assert found == {
            "series": [{"t": "2025-02-01", "v": 2}, {"t": "2025-02-02", "v": 2}],
            "value": 4,
            "due": None,
            "progress": None,
            "projected": None,
        }
        found = query_target({"value": "sum(x)", "target": {"day": 0}})
        assert (found["value"], found["due"], found["progress"], found["projected"]) == (0, 0, None, None)

    def test_a_filter_must_apply_to_the_target_too(self) -> None:
        asked: dict[str, Any] = {
            "days": {"dimensions": {"person": {"column": "who"}}},
            "filters": {"person": {"filter": ["a"]}},
        }
        assert query_target({"value": "sum(x)", "target": {"day": 20}}, **asked) is None
        assert query_target({"value": "sum(x)", "target": {"metric": "m.x"}}, {"days": ROWS}, **asked) is None
        found = query_target({"value": "sum(x)", "target": {"metric": "g.x"}}, **asked)
        assert (found["value"], found["progress"]) == (4 + 16 + 64, 1)

    def test_the_targets_source_and_currency(self) -> None:
        rows: dict[str, list[Row]] = {
            "days": [make_row("2025-01-01", spend=3, x=1, currency="EUR")],
            "ads": [make_row("2025-01-01", spend=6, x=2, currency="USD")],
        }
        metric = {"value": "sum(spend)", "target": {"metric": "m.spend"}}
        assert query_target(metric, rows) is None
        assert query_target({**metric, "target": {"metric": "m.x"}}, rows)["progress"] == 1.5
        assert query_target({**metric, "target": {"metric": "m.x"}}, rows, sources=["ga4"]) is None
        assert query_target({**metric, "target": {"value": 6}}, rows, sources=["meta"]) is None


class TestOptionalOperands:
    ADS = (make_row("2025-01-03", x=100), make_row("2025-01-04", x=200))

    def query_sum(self, derive: str, ads: Any = ADS, start: str = "2025-01-02", **more: Any) -> dict[str, Any]:
        rows = {"days": ROWS, "ads": list(ads)}
        return query_oracle({"derive": derive}, rows, start, "2025-01-06", **more)

    def test_what_is_missing_counts_as_said(self) -> None:
        found = self.query_sum("coalesce(m.x, 0) + g.x")
        assert list_values(found) == [8, 100, 216, 32, 64]
        assert (found["stats"]["value"], found["meta"]["data_through"]) == (420, "2025-01-04")
        assert list_values(self.query_sum("m.x + g.x")) == [None, 100, 216, None, None]

    def test_a_source_that_is_off(self) -> None:
        found = self.query_sum("coalesce(m.x, 0) + g.x", sources=["ga4"])
        assert list_values(found) == [8, 0, 16, 32, 64]
        meta = found["meta"]
        assert (meta["data_through"], meta["missing_sources"]) == ("2025-01-06", ["meta"])
        assert self.query_sum("coalesce(m.x, 0) + g.x", sources=["meta"])["series"] == []
        assert self.query_sum("coalesce(m.x, g.x)", sources=["meta"])["series"] == []
        assert self.query_sum("coalesce(m.x, 0) + m.x", sources=["ga4"])["series"] == []
        both = "coalesce(m.x, 0) + coalesce(g.x, 0)"
        assert list_values(self.query_sum(both, sources=["meta"])) == [0, 100, 200, 0, 0]
        assert self.query_sum(both, sources=[])["series"] == []

    def test_no_extent_in_the_window(self) -> None:
        reads = {"ads": {"a": AccountRead(date(2025, 1, 3))}}
        found = self.query_sum("coalesce(m.x, 0) + g.x", start="2025-01-04", compare="previous_period", reads=reads)
        # The row of the 4th lies beyond what is known, and so does the whole window; the comparison's does not.
        assert list_values(found) == [16, 32, 64]
        assert list_prior_points(found) == [("2025-01-01", 4), ("2025-01-02", 8), ("2025-01-03", 100)]
        assert found["meta"]["data_through"] == "2025-01-06"
        assert found["meta"]["comparison_through"] == "2025-01-03"
