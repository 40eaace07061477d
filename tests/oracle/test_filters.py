"""The oracle against answers worked out by hand: filters, and what a request breaks down by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.oracle.one_metric import Row, get_totals, list_values, make_row, query_oracle

MEMBERS = ("a", "b", None, "", "(not set)", "Other")
# Each member's x is a power of two, so that a sum tells which of them it has.
ROWS = [make_row("2025-01-02", who=who, x=2**i, y=float(i % 2)) for i, who in enumerate(MEMBERS)]
NUMBERS = {"parity": {"column": "y"}, "person": {"column": "who"}}
LABELLED = {"person": {"column": "who", "label": "currency"}}


def query_members(metric: Any, filters: Any, rows: Any = ROWS, **more: Any) -> dict[str, Any]:
    more = {"days": {"dimensions": NUMBERS}, **more}
    return query_oracle(metric, rows, "2025-01-02", filters=filters, **more)


def list_shares(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["id"], one["name"], one["stats"]["value"]) for one in body["series"]]


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "total"),
        [
            ({}, 63),
            ({"person": {"filter": ["a"]}}, 1),
            ({"person": {"filter": ["a", "b"]}}, 3),
            ({"person": {"filter": ["A"]}}, 0),
            ({"person": {"filter": ["(not set)"]}}, 4 + 8 + 16),
            ({"person": {"filter": ["Other"]}}, 32),
            ({"person": {"exclude": ["a"]}}, 62),
            ({"person": {"exclude": ["(not set)", "a"]}}, 34),
            ({"person": {"filter": ["a", "b"], "exclude": ["b"]}}, 1),
            ({"person": {"filter": [], "exclude": []}}, 63),
        ],
    )
    def test_any_of_them_none_of_them(self, filters: Any, total: int) -> None:
        assert query_members("sum(x)", filters)["stats"]["value"] == total

    def test_all_filters_hold(self) -> None:
        filters = {"person": {"filter": ["a", "b"]}, "parity": {"exclude": ["0.0"]}}
        assert query_members("sum(x)", filters)["stats"]["value"] == 2

    def test_the_extent_is_of_all_rows(self) -> None:
        rows = [make_row("2025-01-01", who="b", x=1), make_row("2025-01-02", who="a", x=1), make_row("2025-01-04", x=1)]
        asked: dict[str, Any] = {"filters": {"person": {"filter": ["a"]}}, "days": {"dimensions": NUMBERS}}
        found = query_oracle("sum(x)", rows, "2025-01-01", "2025-01-05", **asked)
        assert list_values(found) == [0, 1, 0, 0, None]
        assert found["meta"]["data_through"] == "2025-01-04"

    def test_meta_tells_them(self) -> None:
        filters = {"person": {"filter": ["b", "a"]}, "parity": {"exclude": ["1.0"]}}
        assert query_members("sum(x)", filters)["meta"]["filters"] == {
            "applied": [
                {"dimension": "person", "filter": ["b", "a"], "exclude": []},
                {"dimension": "parity", "filter": [], "exclude": ["1.0"]},
            ],
            "ignored": [],
        }

    def test_a_dimension_of_another_table_is_ignored_and_an_unknown_one_an_error(self) -> None:
        filters = {"person": {"filter": ["a"]}}
        metric = {"table": "other", "value": "sum(x)"}
        tables = {"other": {"time": "date", "columns": {"user_id": "uuid", "date": "date", "x": "bigint"}}}
        found = query_members(metric, filters, {"other": ROWS}, tables=tables)
        assert (found["stats"]["value"], found["meta"]["filters"]) == (63, {"applied": [], "ignored": ["person"]})
        with pytest.raises(ValueError, match="persons"):
            query_members(metric, {"persons": {"filter": ["a"]}}, {"other": ROWS}, tables=tables)

    def test_where_and_items_are_of_the_rows_that_pass(self) -> None:
        items = {"by": "who", "values": {"n": "sum(x)"}, "order": "n"}
        found = query_members({"value": "sum(x)", "where": "x > 1", "items": items}, {"person": {"exclude": ["Other"]}})
        assert found["stats"]["value"] == 30
        assert [item["id"] for item in found["items"]] == ["(not set)", "", "b"]


class TestSeveralMetrics:
    def query_pair(self, metric: Any, filters: Any, **more: Any) -> dict[str, Any]:
        rows: dict[str, list[Row]] = {"days": ROWS, "ads": ROWS}
        return query_members(metric, filters, rows, **more)

    def test_a_combined_one_filters_the_parts_that_can_be(self) -> None:
        found = self.query_pair({"combine": ["m.x", "g.x"]}, {"person": {"filter": ["a"]}})
        assert [(one["key"], one["stats"]["value"], one.get("filtered")) for one in found["series"]] == [
            ("m.x", 63, False),
            ("g.x", 1, None),
        ]
        assert found["meta"]["filters"]["applied"] == [{"dimension": "person", "filter": ["a"], "exclude": []}]

    def test_a_derived_one_needs_the_dimension_in_all_operands(self) -> None:
        found = self.query_pair({"derive": "m.x + g.x"}, {"person": {"filter": ["a"]}})
        assert (found["stats"]["value"], found["meta"]["filters"]["ignored"]) == (126, ["person"])
        own = {"g.y": "count(*)"}
        found = self.query_pair({"derive": "g.y + g.x"}, {"person": {"filter": ["a"]}}, metrics=own)
        assert (found["stats"]["value"], found["meta"]["filters"]["ignored"]) == (2, [])

    def test_a_derived_part_of_a_combined_one(self) -> None:
        metrics = {"g.y": "count(*)", "g.both": {"derive": "m.x + g.x"}, "g.own": {"derive": "g.x / g.y"}}
        found = self.query_pair({"combine": ["g.both", "g.own"]}, {"person": {"filter": ["a", "b"]}}, metrics=metrics)
        assert [(one["stats"]["value"], one.get("filtered")) for one in found["series"]] == [(126, False), (1.5, None)]


class TestBreakdownOfTheRequest:
    def test_by_and_top(self) -> None:
        found = query_members("sum(x)", {}, by="person", top=2)
        assert list_shares(found) == [
            ("(not set)", "(not set)", 28),
            ("b", "b", 2),
            ("Other", "Other", 33),
        ]
        assert found["stats"]["value"] == 63

    def test_the_rest_of_the_files_entry_stays(self) -> None:
        metric = {"value": "sum(x)", "by": "y", "top": 1, "order": "-sum(x)", "other": False}
        assert list_shares(query_members(metric, {}, by="person")) == [("a", "a", 1)]
        assert list_shares(query_members(metric, {}, top=2)) == [("0.0", "0.0", 21), ("1.0", "1.0", 42)]

    def test_members_are_those_of_rows_that_pass(self) -> None:
        filters = {"parity": {"filter": ["0.0"]}, "person": {"exclude": ["a"]}}
        assert list_shares(query_members("sum(x)", filters, by="person")) == [("(not set)", "(not set)", 20)]

    @pytest.mark.parametrize(
        ("metric", "more"),
        [
            ("sum(x)", {"by": "who"}),
            ("sum(x)", {"top": 3}),
            ({"series": {"A": "sum(x)", "B": "sum(y)"}}, {"by": "person"}),
            ({"derive": "g.x + g.x"}, {"by": "person"}),
            ({"combine": ["g.x", "m.x"]}, {"top": 3}),
        ],
    )
    def test_what_has_no_breakdown(self, metric: Any, more: Any) -> None:
        with pytest.raises(ValueError, match=r"breakdown|broken down"):
            query_members(metric, {}, **more)


class TestOrder:
    ROWS = (
        *(make_row("2025-01-02", who="small", x=1, y=1.0), make_row("2025-01-02", who="big", x=90, y=99.0)),
        *(make_row("2025-01-02", who="middle", x=9, y=12.0), make_row("2025-01-02", who="none", x=None, y=0.5)),
    )

    def list_ids(self, **metric: Any) -> list[str]:
        found = query_oracle({"value": "sum(x) / sum(y)", "by": "who", **metric}, list(self.ROWS), "2025-01-02")
        return [one["id"] for one in found["series"]]

    def test_by_volume_rather_than_by_rate(self) -> None:
        assert self.list_ids(top=2) == ["small", "big", "Other"]
        assert self.list_ids(top=2, order="sum(y)") == ["big", "middle", "Other"]

    def test_the_largest_by_name(self) -> None:
        assert self.list_ids(top=3, order="name") == ["big", "middle", "small", "Other"]
        assert self.list_ids(top=1, order="name", other=False) == ["small"]

    def test_labels_are_the_latest_of_both_windows(self) -> None:
        rows = [
            *(make_row("2025-01-01", who="1", x=5, currency="Zeta"), make_row("2025-01-02", who="1", x=5)),
            *(make_row("2025-01-01", who="2", x=9, currency="Old"), make_row("2025-01-02", who="2", currency="Alpha")),
            *(make_row("2025-01-02", who="3", x=1), make_row("2025-01-02", who=None, x=2, currency="nobody")),
        ]
        asked: dict[str, Any] = {"days": {"dimensions": LABELLED, "currency": None}, "compare": "previous_period"}
        metric = {"value": "sum(x)", "by": "person"}
        found = query_oracle(metric, rows, "2025-01-02", **asked)
        assert [(one["id"], one["name"]) for one in found["series"]] == [
            *(("1", "Zeta"), ("2", "Alpha"), ("(not set)", "(not set)"), ("3", "3"))
        ]
        assert [one["name"] for one in found["comparison"]["series"]] == ["Zeta", "Alpha", "(not set)", "3"]
        found = query_oracle({**metric, "order": "name"}, rows, "2025-01-02", **asked)
        assert [one["name"] for one in found["series"]] == ["(not set)", "3", "Alpha", "Zeta"]


class TestOwnCurrency:
    ROWS = (
        make_row("2025-01-02", who="euro", spend=1, x=1, currency="EUR"),
        make_row("2025-01-02", who="dollar", spend=9, x=2, currency="USD"),
        make_row("2025-01-02", who="both", spend=2, x=9, currency="USD"),
        make_row("2025-01-01", who="both", spend=3, x=9, currency="EUR"),
        make_row("2025-01-02", who="quiet", spend=4, x=1, currency=None),
    )

    def list_money(self, metric: Any, **more: Any) -> list[tuple[Any, ...]]:
        more = {"compare": "previous_period", "days": {"dimensions": NUMBERS}, **more}
        found = query_oracle(metric, list(self.ROWS), "2025-01-02", **more)
        self.meta, self.stats = found["meta"], get_totals(found)
        return [(one["id"], one["currency"], one["stats"]["value"]) for one in found["series"]]

    def test_members_of_one_currency_have_values_in_the_order_of_ids(self) -> None:
        assert self.list_money({"value": "sum(spend)", "by": "who"}) == [
            ("both", "mixed", None),
            ("dollar", "USD", 9),
            ("euro", "EUR", 1),
            ("quiet", None, None),
        ]
        assert (self.meta["currency"], self.stats) == ("mixed", (None, None, None))

    def test_the_rest_too(self) -> None:
        where = {"where": "who <> 'both'"}
        assert self.list_money({"value": "sum(spend)", "by": "who", "top": 1, **where}) == [
            ("dollar", "USD", 9),
            ("Other", "mixed", None),
        ]
        assert self.list_money(
            {"value": "sum(spend)", "by": "who", "top": 1}, filters={"person": {"filter": ["dollar", "both"]}}
        ) == [("both", "mixed", None), ("Other", "USD", 9)]

    def test_an_order_that_is_not_money_ranks(self) -> None:
        shares = self.list_money({"value": "sum(spend)", "by": "who", "order": "sum(x)"})
        assert [one for one, _, _ in shares] == ["both", "dollar", "euro", "quiet"]
        shares = self.list_money({"value": "sum(x)", "by": "who", "order": "sum(spend)"})
        assert shares == [("both", None, 9), ("dollar", None, 2), ("euro", None, 1), ("quiet", None, 1)]

    def test_a_filter_leaves_one_currency(self) -> None:
        filters = {"person": {"filter": ["euro", "quiet"]}}
        assert self.list_money({"value": "sum(spend)", "by": "who"}, filters=filters) == [
            ("quiet", "EUR", 4),
            ("euro", "EUR", 1),
        ]
        assert self.meta["currency"] == "EUR"

    def test_where_does_not(self) -> None:
        assert self.list_money({"value": "sum(spend)", "by": "who", "where": "who = 'euro'"}) == [("euro", "EUR", 1)]
        assert (self.meta["currency"], self.stats) == ("mixed", (None, None, None))

    def test_each_series_says_its_own(self) -> None:
        metric = {"series": {"Spend": {"value": "sum(spend)", "format": "currency", "better": "down"}, "X": "sum(x)"}}
        found = query_oracle(metric, [self.ROWS[0]], "2025-01-02")
        assert [(one["format"], one["better"], one["currency"]) for one in found["series"]] == [
            ("currency", "down", "EUR"),
            ("decimal", "up", None),
        ]
        rows = {"days": [self.ROWS[0]], "ads": [self.ROWS[1]]}
        found = query_oracle({"combine": ["m.spend", "g.spend", "g.x"]}, rows, "2025-01-02")
        assert [(one["key"], one["currency"], one["stats"]["value"]) for one in found["series"]] == [
            *(("m.spend", "USD", None), ("g.spend", "EUR", None), ("g.x", None, 1))
        ]
