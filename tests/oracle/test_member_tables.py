"""The oracle against answers worked out by hand: tables of members."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.oracle.one_metric import make_row, query_oracle

CAMPAIGNS = [
    *(make_row("2025-01-01", who="1", x=4, y=8.0), make_row("2025-01-02", who="1", x=6, y=2.0)),
    *(make_row("2025-01-02", who="2", x=9, y=None), make_row("2025-01-02", who="3", x=2, y=4.0)),
    *(make_row("2025-01-01", who="old", x=5, y=5.0), make_row("2025-01-02", who=None, x=1, y=1.0)),
    make_row("2025-01-02", who="", x=1, y=0.0),
]
COLUMNS = {"X": {"value": "sum(x)", "format": "integer", "better": "down"}, "Rate": "sum(x) / sum(y)"}
TABLE: dict[str, Any] = {"rows": "who", "columns": COLUMNS}


def query_table(metric: Any, rows: Any = CAMPAIGNS, start: str = "2025-01-02", **more: Any) -> dict[str, Any]:
    return query_oracle(metric, rows, start, **more)


def list_rows(body: dict[str, Any], *columns: str) -> list[tuple[Any, ...]]:
    return [(row["id"], *(row["values"][name]["value"] for name in columns)) for row in body["table"]["rows"]]


def list_ids(body: dict[str, Any]) -> list[str]:
    return [row["id"] for row in body["table"]["rows"]]


class TestRows:
    def test_a_columns_shares_are_of_its_total(self) -> None:
        columns = {"Share": {"value": "sum(x)", "share": True}, "X": "sum(x)"}
        found = query_table({"rows": "who", "columns": columns, "having": "sum(x) > 2"}, compare="previous_period")
        assert list_rows(found, "Share", "X") == [("2", 9 / 19, 9), ("1", 6 / 19, 6)]
        assert found["table"]["rows"][1]["values"]["Share"]["previous"] == 4 / 9
        assert (found["table"]["total"]["Share"]["value"], found["stats"]["value"]) == (1, 1)
        assert [each["format"] for each in found["table"]["columns"]] == ["percent", "decimal"]

    def test_the_whole_table(self) -> None:
        found = query_table({**TABLE, "having": "sum(x) >= 6"}, compare="previous_period")
        assert found["table"] == {
            "columns": [
                {"name": "X", "format": "integer", "better": "down", "currency": None},
                {"name": "Rate", "format": "decimal", "better": "up", "currency": None},
            ],
            "rows": [
                {
                    "id": "2",
                    "label": "2",
                    "currency": None,
                    "values": {
                        "X": {"value": 9, "previous": 0, "delta": None, "to_date": None},
                        "Rate": {"value": None, "previous": None, "delta": None, "to_date": None},
                    },
                },
                {
                    "id": "1",
                    "label": "1",
                    "currency": None,
                    "values": {
                        "X": {"value": 6, "previous": 4, "delta": 0.5, "to_date": None},
                        "Rate": {"value": 3, "previous": 0.5, "delta": 5, "to_date": None},
                    },
                },
            ],
            "total": {
                "X": {"value": 19, "previous": 9, "delta": 10 / 9, "to_date": None},
                "Rate": {
                    "value": 19 / 7,
                    "previous": 9 / 13,
                    "delta": pytest.approx(19 / 7 / (9 / 13) - 1),
                    "to_date": None,
                },
            },
            "count": 2,
        }
        assert found["stats"] == found["table"]["total"]["X"]
        assert [(one["name"], one["format"], one["points"]) for one in found["series"]] == [
            ("X", "integer", [{"t": "2025-01-02", "v": 19}])
        ]

    def test_members_of_the_asked_window_that_pass(self) -> None:
        assert list_rows(query_table(TABLE, compare="previous_period"), "X") == [
            *(("2", 9), ("1", 6), ("(not set)", 2), ("3", 2))
        ]
        assert list_ids(query_table({**TABLE, "where": "y > 1"})) == ["1", "3"]
        dimensions = {"dimensions": {"person": {"column": "who"}}}
        filters = {"person": {"exclude": ["1"]}}
        found = query_table({**TABLE, "rows": "person"}, days=dimensions, filters=filters)
        assert (list_ids(found), found["table"]["total"]["X"]["value"]) == (["2", "(not set)", "3"], 13)

    def test_total_is_of_all_whatever_having_says(self) -> None:
        found = query_table({**TABLE, "having": "sum(x) > 100"})
        assert (list_ids(found), found["table"]["count"]) == ([], 0)
        assert found["table"]["total"]["X"]["value"] == found["stats"]["value"] == 19

    def test_having_is_over_the_rows_of_the_asked_window_and_null_is_not_true(self) -> None:
        assert list_ids(query_table({**TABLE, "having": "sum(x) = 6"}, compare="previous_period")) == ["1"]
        assert list_ids(query_table({**TABLE, "having": "sum(y) < 3"})) == ["1", "(not set)"]
        assert list_ids(query_table({**TABLE, "where": "x > 1", "having": "count(*) = 1"})) == ["2", "1", "3"]

    def test_labels_of_the_latest_row_of_the_asked_window(self) -> None:
        rows = [
            make_row("2025-01-01", who="1", x=1, currency="before"),
            *(
                make_row("2025-01-02", who="1", x=1, currency="old"),
                make_row("2025-01-03", who="1", x=1, currency="new"),
            ),
            *(make_row("2025-01-04", who="1", x=1, currency=""), make_row("2025-01-04", who="2", x=1)),
            make_row("2025-01-01", who="2", x=1, currency="before"),
        ]
        days = {"currency": None, "dimensions": {"ad": {"column": "who", "label": "currency"}}}
        found = query_table({**TABLE, "rows": "ad"}, rows, end="2025-01-04", days=days, compare="previous_period")
        assert [(row["id"], row["label"]) for row in found["table"]["rows"]] == [("1", "new"), ("2", "2")]


class TestRowOrder:
    @pytest.mark.parametrize(
        ("metric", "more", "expected"),
        [
            ({}, {}, ["2", "1", "(not set)", "3"]),
            ({"order": {"Rate": "desc"}}, {}, ["1", "(not set)", "3", "2"]),
            ({"order": {"Rate": "asc"}}, {}, ["3", "(not set)", "1", "2"]),
            ({"order": "Rate"}, {}, ["1", "(not set)", "3", "2"]),
            ({"order": {"Rate": "desc"}}, {"sort": "X"}, ["(not set)", "3", "1", "2"]),
            ({"order": {"X": "asc"}}, {"sort": "-Rate"}, ["1", "(not set)", "3", "2"]),
            ({"limit": 2}, {}, ["2", "1"]),
            ({"limit": 2}, {"limit": 3}, ["2", "1", "(not set)"]),
            ({"limit": 2}, {"offset": 1}, ["1", "(not set)"]),
            ({}, {"offset": 3, "limit": 9}, ["3"]),
        ],
    )
    def test_null_last_and_ties_by_id(self, metric: Any, more: Any, expected: list[str]) -> None:
        found = query_table({**TABLE, **metric}, **more)
        assert (list_ids(found), found["table"]["count"]) == (expected, 4)

    def test_fifty_rows_unless_said(self) -> None:
        rows = [make_row("2025-01-02", who=f"{number:02}", x=1) for number in range(60)]
        found = query_table(TABLE, rows)
        assert (len(list_ids(found)), found["table"]["count"]) == (50, 60)

    @pytest.mark.parametrize("more", [{"sort": "Y"}, {"sort": "--X"}])
    def test_an_unknown_column(self, more: Any) -> None:
        with pytest.raises(ValueError, match="column"):
            query_table(TABLE, **more)

    @pytest.mark.parametrize("more", [{"sort": "X"}, {"limit": 5}, {"offset": 0}])
    def test_a_widget_without_a_table(self, more: Any) -> None:
        with pytest.raises(ValueError, match="table"):
            query_table("sum(x)", **more)


class TestTableCells:
    def test_gaps_and_days_to_date(self) -> None:
        rows = [*CAMPAIGNS, make_row("2025-01-03", who="1", x=5, y=1.0)]
        found = query_table(TABLE, rows, "2025-01-03", end="2025-01-04", compare="previous_period")
        to_date = {"through": "2025-01-03", "value": 5, "previous": 4, "delta": 0.25}
        assert found["table"]["rows"][0]["values"]["X"] == {
            "value": 5,
            "previous": 10,
            "delta": -0.5,
            "to_date": to_date,
        }
        assert found["table"]["total"]["X"]["to_date"] == {**to_date, "previous": 9, "delta": -4 / 9}

    def test_each_column_has_its_own_total(self) -> None:
        rows = [make_row("2025-01-02", who="1", users=6), make_row("2025-01-03", who="1", users=2)]
        columns = {
            "Average": {"value": "sum(users)", "total": "average"},
            "Last": {"value": "sum(users)", "total": "last"},
            "Both": {"value": "sum(users)", "total": "period"},
        }
        found = query_table({"rows": "who", "columns": columns}, rows, end="2025-01-03")
        assert list_rows(found, *columns) == [("1", 4, 2, 8)]

    def test_a_source_that_is_off(self) -> None:
        found = query_table(TABLE, sources=[])
        nothing = {"value": None, "previous": None, "delta": None, "to_date": None}
        assert (found["series"], found["stats"]) == ([], nothing)
        assert (found["table"]["rows"], found["table"]["count"]) == ([], 0)
        assert found["table"]["total"] == {"X": nothing, "Rate": nothing}


MONEY_TABLE: dict[str, Any] = {"rows": "who", "columns": {"Spend": "sum(spend)", "X": "sum(x)"}}


class TestMoneyColumns:
    ROWS = (
        make_row("2025-01-02", who="euro", spend=1, x=1, currency="EUR"),
        make_row("2025-01-02", who="dollar", spend=9, x=2, currency="USD"),
        make_row("2025-01-02", who="both", spend=2, x=9, currency="USD"),
        make_row("2025-01-01", who="both", spend=3, x=9, currency="EUR"),
    )

    def list_money(self, **metric: Any) -> list[tuple[Any, ...]]:
        found = query_table({**MONEY_TABLE, **metric}, list(self.ROWS), compare="previous_period")
        self.found = found
        return [(row["id"], row["currency"], row["values"]["Spend"]["value"]) for row in found["table"]["rows"]]

    def test_a_row_of_one_currency_has_its_values(self) -> None:
        assert self.list_money() == [("both", "mixed", None), ("dollar", "USD", 9), ("euro", "EUR", 1)]
        assert [column["currency"] for column in self.found["table"]["columns"]] == ["mixed", None]
        assert self.found["table"]["total"]["Spend"]["value"] is None
        assert self.found["table"]["total"]["X"]["value"] == 12

    def test_what_is_not_money_orders(self) -> None:
        assert [row for row, *_ in self.list_money(order={"X": "asc"})] == ["euro", "dollar", "both"]
        assert [row for row, *_ in self.list_money(order={"Spend": "asc"})] == ["both", "dollar", "euro"]

    def test_having_over_money_is_false_for_several(self) -> None:
        assert self.list_money(having="sum(spend) > 1") == [("dollar", "USD", 9)]
        assert self.list_money(having="sum(spend) < 5") == [("euro", "EUR", 1)]
        assert [row for row, *_ in self.list_money(having="sum(x) > 1")] == ["both", "dollar"]

    def test_having_over_one_currency(self) -> None:
        found = query_table({**MONEY_TABLE, "having": "sum(spend) > 1"}, list(self.ROWS))
        assert list_ids(found) == ["both", "dollar"]
        assert found["meta"]["currency"] == "mixed"
        rows = [row for row in self.ROWS if row["currency"] == "USD"]
        found = query_table({**MONEY_TABLE, "having": "sum(spend) > 1"}, rows)
        assert [(row["id"], row["currency"]) for row in found["table"]["rows"]] == [("dollar", "USD"), ("both", "USD")]
