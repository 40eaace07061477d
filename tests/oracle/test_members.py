"""The oracle against answers worked out by hand: breakdowns, items, money."""

from __future__ import annotations

from typing import Any

from tests.support.oracle.one_metric import Row, get_totals, list_prior_points, list_values, make_row, query_oracle


class TestBreakdowns:
    ROWS = (
        *(
            make_row("2025-01-03", who="a", x=1),
            make_row("2025-01-03", who="b", x=3),
            make_row("2025-01-03", who=None, x=2),
        ),
        *(make_row("2025-01-04", who="(not set)", x=2), make_row("2025-01-04", who="Other", x=50)),
        *(make_row("2025-01-01", who="old", x=9), make_row("2025-01-01", who="a", x=2)),
    )

    def list_shares(self, metric: Row, **more: Any) -> list[tuple[str, list[Any], Any, Any]]:
        more = {"compare": "previous_period", **more}
        found = query_oracle({"by": "who", **metric}, list(self.ROWS), "2025-01-03", "2025-01-04", **more)
        return [
            (one["name"], list_values(found, one["name"]), one["stats"]["value"], one["stats"]["previous"])
            for one in found["series"]
        ]

    def test_ranked_over_both_windows_with_the_rest_in_other(self) -> None:
        assert self.list_shares({"value": "sum(x)", "top": 2}) == [
            ("old", [0, 0], 0, 9),
            ("(not set)", [2, 2], 4, 0),
            ("Other", [4, 50], 54, 2),
        ]

    def test_shares_of_all_members_in_each_bucket_and_window(self) -> None:
        assert self.list_shares({"value": "sum(x)", "top": 2, "share": True}) == [
            ("old", [0, 0], 0, 9 / 11),
            ("(not set)", [2 / 6, 2 / 52], 4 / 58, 0),
            ("Other", [4 / 6, 50 / 52], 54 / 58, 2 / 11),
        ]
        found = query_oracle({"value": "sum(x)", "by": "who", "share": True}, list(self.ROWS), "2025-01-02")
        assert (found["series"], found["stats"]["value"]) == ([], None)

    def test_a_percentile_is_of_all_rows_on_the_line_between_two(self) -> None:
        rows = [make_row("2025-01-03", x=x) for x in (4, 1, None, 2)]
        for value, expected in (("median(x)", 2), ("percentile(x, 0.25)", 1.5), ("quantile(x, 0.9)", 3.6)):
            found = query_oracle(value, [*rows, make_row("2025-01-01", x=9)], "2025-01-02", "2025-01-03")
            assert (list_values(found), found["stats"]["value"]) == ([None, expected], expected)

    def test_ties_by_name_and_a_member_called_other(self) -> None:
        assert [name for name, *_ in self.list_shares({"value": "sum(x)"})] == [
            *("old", "(not set)", "a", "b", "Other")
        ]

    def test_without_other(self) -> None:
        assert [name for name, *_ in self.list_shares({"value": "sum(x)", "top": 1, "other": False})] == ["old"]

    def test_without_a_comparison_the_prior_members_are_gone(self) -> None:
        assert [name for name, *_ in self.list_shares({"value": "sum(x)"}, compare="off")] == [
            *("(not set)", "b", "a", "Other")
        ]

    def test_only_members_with_rows_that_pass(self) -> None:
        assert self.list_shares({"value": "max(x)", "where": "x > 2 and who <> 'Other'"}) == [
            ("old", [None, None], None, 9),
            ("b", [3, None], 3, None),
        ]

    def test_no_value_ranks_as_zero_and_code_points_break_ties(self) -> None:
        names = ["\N{GRINNING FACE}", "\N{FULLWIDTH TILDE}", "b", "B", "", "minus", "plus"]
        rows = [make_row("2025-01-01", who=name, x={"minus": -1, "plus": 1}.get(name)) for name in names]
        found = query_oracle({"value": "avg(x)", "by": "who"}, rows, "2025-01-01")
        assert [one["name"] for one in found["series"]] == [
            *("plus", "(not set)", "B", "b", "\N{FULLWIDTH TILDE}", "\N{GRINNING FACE}", "minus")
        ]

    def test_other_is_made_from_rows_and_ranking_ignores_the_total(self) -> None:
        rows = [
            *(make_row("2025-01-01", who="a", users=6), make_row("2025-01-02", who="a", users=6)),
            *(make_row("2025-01-01", who="b", users=10), make_row("2025-01-02", who="c", users=2)),
        ]
        metric = {"value": "sum(users)", "by": "who", "top": 1, "total": "average"}
        found = query_oracle(metric, rows, "2025-01-01", "2025-01-02")
        assert [(one["name"], one["stats"]["value"]) for one in found["series"]] == [("a", 6), ("Other", 6)]
        assert found["stats"]["value"] == 12

    def test_a_row_of_both_windows_ranks_once(self) -> None:
        rows = [make_row("2024-06-01", who="twice", x=3), make_row("2025-06-01", who="once", x=4)]
        found = query_oracle(
            {"value": "sum(x)", "by": "who"}, rows, "2024-01-01", "2025-12-31", compare="previous_year"
        )
        assert [one["name"] for one in found["series"]] == ["once", "twice"]

    def test_ten_members_unless_said(self) -> None:
        rows = [make_row("2025-01-01", who=f"{number:02}", x=1) for number in range(12)]
        found = query_oracle({"value": "sum(x)", "by": "who"}, rows, "2025-01-01")
        assert [one["name"] for one in found["series"]] == [*(f"{i:02}" for i in range(10)), "Other"]


SHAPE = {"by": "who", "show": ["y"], "values": {"n": "sum(x)", "r": "avg(y)"}, "order": "n", "limit": 3}


class TestItems:
    def test_order_ties_limit_and_the_latest_row(self) -> None:
        rows = [
            *(make_row("2025-01-02", who="9", x=2, y=1.0), make_row("2025-01-01", who="9", x=3, y=8.0)),
            *(make_row("2025-01-01", who="10", x=5), make_row("2025-01-01", who="z", x=1)),
            *(make_row("2025-01-01", who="nulls"), make_row("2024-12-31", who="z", x=90, y=5.0)),
        ]
        found = query_oracle({"value": "sum(x)", "items": SHAPE}, rows, "2025-01-01", "2025-01-02")
        assert found["items"] == [
            {"id": "10", "y": None, "values": {"n": 5, "r": None}},
            {"id": "9", "y": 1.0, "values": {"n": 5, "r": 4.5}},
            {"id": "z", "y": None, "values": {"n": 1, "r": None}},
        ]


class TestMoney:
    def test_one_currency(self) -> None:
        rows = [make_row("2025-01-01", spend=2.5, currency="USD"), make_row("2025-01-01", spend=1, currency=None)]
        found = query_oracle("sum(spend)", rows, "2025-01-01")
        assert (found["meta"]["currency"], found["stats"]["value"]) == ("USD", 3.5)
        assert query_oracle("sum(x)", rows, "2025-01-01")["meta"]["currency"] is None

    def test_several_in_the_two_windows_leave_only_what_is_not_money(self) -> None:
        rows = [
            make_row("2025-01-01", spend=2, x=1, currency="EUR"),
            make_row("2025-01-02", spend=2, x=3, currency="USD"),
        ]
        metric = {"series": {"Spend": "sum(spend)", "Cost": "sum(spend) / sum(x)", "X": "sum(x)"}}
        found = query_oracle(metric, rows, "2025-01-02", compare="previous_period")
        assert found["meta"]["currency"] == "mixed"
        assert [list_values(found, name) for name in ("Spend", "Cost", "X")] == [[None], [None], [3]]
        assert [list_prior_points(found, i)[0][1] for i in range(3)] == [None, None, 1]
        assert get_totals(found) == (None, None, None)
        assert query_oracle(metric, rows, "2025-01-02")["meta"]["currency"] == "USD"

    def test_two_tables_of_different_currency(self) -> None:
        rows = {
            "days": [make_row("2025-01-01", spend=2, currency="EUR")],
            "ads": [make_row("2025-01-01", spend=2, x=1, currency="USD")],
        }
        found = query_oracle({"combine": ["m.x", "m.spend", "g.spend"]}, rows, "2025-01-01")
        assert found["meta"]["currency"] == "mixed"
        assert [one["stats"]["value"] for one in found["series"]] == [1, None, None]
