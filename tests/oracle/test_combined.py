"""The oracle against answers worked out by hand: metrics of metrics and their sources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.oracle.one_metric import Row, get_totals, list_values, make_row, query_oracle

TWO_TABLES: dict[str, list[Row]] = {
    "ads": [make_row(f"2025-01-0{i}", x=i, users=2, spend=None) for i in (1, 2, 3, 4)],
    "days": [make_row(f"2025-01-0{i}", x=x) for i, x in ((1, 2), (2, 4), (2, 0), (4, 9))],
}


class TestBetweenMetrics:
    def test_derive_takes_points_from_points_and_totals_from_totals(self) -> None:
        found = query_oracle({"title": "D", "derive": "m.x / g.x"}, TWO_TABLES, "2025-01-01", "2025-01-05")
        assert list_values(found) == [0.5, 0.5, None, 4 / 9, None]
        assert found["stats"]["value"] == pytest.approx(10 / 15)
        assert found["series"][0]["name"] == "D"
        assert found["meta"]["sources"] == ["meta", "ga4"]

    def test_the_earliest_day_of_the_parts(self) -> None:
        rows = {**TWO_TABLES, "ads": TWO_TABLES["ads"][:2]}
        meta = query_oracle({"derive": "m.x + g.x"}, rows, "2025-01-01", "2025-01-05")["meta"]
        assert (meta["data_through"], meta["provisional_from"]) == ("2025-01-02", "2025-01-01")
        assert (
            query_oracle({"derive": "m.x + g.x"}, {"ads": TWO_TABLES["ads"]}, "2025-01-01")["meta"]["data_through"]
            is None
        )

    def test_combine_shows_every_series_and_the_first_ones_stats(self) -> None:
        found = query_oracle({"combine": ["m.x", "g.x"]}, TWO_TABLES, "2025-01-01", "2025-01-04")
        assert [list_values(found), found["stats"]["value"]] == [[1, 2, 3, 4], 10]
        assert [point["v"] for point in found["series"][1]["points"]] == [2, 4, 0, 9]

    def test_correlation(self) -> None:
        found = query_oracle({"combine": ["m.x", "g.x"], "stat": "correlation"}, TWO_TABLES, "2025-01-01", "2025-01-04")
        # x: 1 2 3 4, y: 2 4 0 9; covariance 8.5, variances 5 and 44.75
        assert found["stats"]["value"] == pytest.approx(8.5 / (5 * 44.75) ** 0.5)

    def test_a_correlation_needs_three_points_and_variance(self) -> None:
        metric = {"combine": ["m.x", "g.x"], "stat": "correlation"}
        assert query_oracle(metric, TWO_TABLES, "2025-01-01", "2025-01-02")["stats"]["value"] is None
        flat = {"combine": ["m.users", "g.x"], "stat": "correlation"}
        assert query_oracle(flat, TWO_TABLES, "2025-01-01", "2025-01-04")["stats"]["value"] is None

    def test_the_delta_of_a_correlation_is_the_difference(self) -> None:
        shape = (((1, 1), (2, 2), (3, 3)), ((1, 3), (2, 2), (3, 1)))
        rows: dict[str, list[Row]] = {"ads": [], "days": []}
        for half, pairs in enumerate(shape):
            for i, (left, right) in enumerate(pairs, 1 + 3 * half):
                rows["ads"].append(make_row(f"2025-01-0{i}", x=left))
                rows["days"].append(make_row(f"2025-01-0{i}", x=right))
        metric = {"combine": ["m.x", "g.x"], "stat": "correlation"}
        found = query_oracle(metric, rows, "2025-01-04", "2025-01-06", compare="previous_period")
        assert get_totals(found) == (-1, 1, -2)


class TestSources:
    def ask_with_sources(self, metric: Any, **more: Any) -> dict[str, Any]:
        return query_oracle(metric, TWO_TABLES, "2025-01-01", "2025-01-04", **more)

    @pytest.mark.parametrize(
        "more",
        [
            {"connected": ["meta"]},
            {"sources": ["meta"]},
            {"sources": []},
            {"sources": ["ga4"], "connected": []},
        ],
    )
    def test_a_widget_without_its_source(self, more: dict[str, Any]) -> None:
        found = self.ask_with_sources("sum(x)", compare="previous_period", **more)
        assert found["series"] == found["comparison"]["series"] == found["items"] == []
        assert get_totals(found) == (None, None, None)
        assert found["meta"]["missing_sources"] == ["ga4"]
        assert found["meta"]["data_through"] is None

    def test_a_combined_one_shows_what_is_left(self) -> None:
        found = self.ask_with_sources({"combine": ["m.x", "g.x"]}, sources=["ga4"])
        assert [one["name"] for one in found["series"]] == ["X"]
        assert (found["stats"]["value"], found["meta"]["missing_sources"]) == (15, ["meta"])
        metric = {"combine": ["m.x", "g.x"], "stat": "correlation"}
        found = self.ask_with_sources(metric, sources=["ga4"])
        assert (len(found["series"]), get_totals(found)) == (1, (None, None, None))

    def test_a_derived_one_needs_all(self) -> None:
        found = self.ask_with_sources({"derive": "m.x / g.x"}, connected=["ga4"])
        assert (found["series"], get_totals(found)) == ([], (None, None, None))
