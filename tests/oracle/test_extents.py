"""The oracle against answers worked out by hand: what is known of a table, and what is not."""

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

PAUSED = [make_row("2025-01-02", x=50, who="a"), make_row("2025-01-03", x=50, who="a")]


def read_through(day: str, *, is_late: bool = False) -> AccountRead:
    return AccountRead(date.fromisoformat(day), is_late=is_late)


class TestThrough:
    def test_paused_ads_are_zero_where_an_account_was_read(self) -> None:
        reads = {"days": {"a": read_through("2025-01-06")}}
        found = query_oracle("sum(x)", PAUSED, "2025-01-05", "2025-01-08", compare="previous_period", reads=reads)
        assert (list_values(found), get_totals(found)) == ([0, 0, None, None], (0, 100, -1))
        assert list_prior_points(found) == [
            ("2025-01-01", None),
            ("2025-01-02", 50),
            ("2025-01-03", 50),
            ("2025-01-04", 0),
        ]
        assert (found["meta"]["data_through"], found["meta"]["comparison_through"]) == ("2025-01-06", "2025-01-04")

    def test_rows_that_nobody_reads_reach_to_the_newest(self) -> None:
        found = query_oracle("sum(x)", PAUSED, "2025-01-05", "2025-01-08", compare="previous_period")
        assert (list_values(found), get_totals(found)) == ([None] * 4, (None, 100, None))
        assert found["meta"]["data_through"] is None
        assert found["meta"]["comparison_through"] == "2025-01-03"

    def test_the_earliest_account_counts_and_later_rows_have_their_values(self) -> None:
        reads = {"days": {"a": read_through("2025-01-02"), "b": read_through("2025-01-09")}}
        found = query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-05", reads=reads)
        assert list_values(found) == [None, 50, 50, None, None]
        assert found["meta"]["data_through"] == "2025-01-02"
        assert query_oracle("sum(y)", PAUSED, "2025-01-01", "2025-01-05", reads=reads)["stats"]["value"] == 0

    def test_a_late_account_does_not_count_and_is_noted(self) -> None:
        reads = {"days": {"dead": read_through("2025-01-02", is_late=True), "b": read_through("2025-01-09")}}
        meta = query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-05", reads=reads)["meta"]
        assert meta["data_through"] == "2025-01-05"
        note = {"code": "late", "source": "ga4", "account": "dead", "from": "2025-01-03", "to": "2025-01-05"}
        assert meta["notes"] == [note]
        later = query_oracle("sum(x)", PAUSED, "2025-01-04", "2025-01-05", reads=reads)["meta"]
        assert later["notes"] == [{**note, "from": "2025-01-04"}]
        assert query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-02", reads=reads)["meta"]["notes"] == []

    def test_a_disconnected_account_does_not_count_and_is_noted_where_the_windows_have_days_of_it(self) -> None:
        reads = {"days": {"gone": AccountRead(date(2025, 1, 2), is_connected=False), "b": read_through("2025-01-09")}}
        note = {"code": "disconnected", "source": "ga4", "account": "gone", "from": "2025-01-03", "to": "2025-01-05"}
        assert query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-05", reads=reads)["meta"]["notes"] == [note]
        assert query_oracle("sum(x)", PAUSED, "2025-01-04", "2025-01-05", reads=reads)["meta"]["notes"] == []

    def test_late_accounts_alone_leave_the_newest_row(self) -> None:
        reads = {"days": {"dead": read_through("2025-01-09", is_late=True)}}
        found = query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-05", reads=reads)
        assert (found["meta"]["data_through"], list_values(found)) == ("2025-01-03", [None, 50, 50, None, None])

    def test_nothing_is_known_of_a_table_without_rows_or_before_its_first(self) -> None:
        reads = {"days": {"a": read_through("2025-01-06")}}
        found = query_oracle("sum(x)", [], "2025-01-05", reads=reads)
        assert (list_values(found), found["meta"]["data_through"]) == ([None], None)
        early = {"days": {"a": read_through("2025-01-01")}}
        found = query_oracle("sum(x)", PAUSED, "2025-01-01", "2025-01-03", reads=early)
        assert (list_values(found), found["meta"]["data_through"]) == ([None, 50, 50], None)

    def test_another_tables_accounts_are_of_no_matter(self) -> None:
        found = query_oracle(
            "sum(x)", PAUSED, "2025-01-03", "2025-01-04", reads={"ads": {"a": read_through("2025-02-01")}}
        )
        assert list_values(found) == [50, None]

    def test_provisional_days_are_counted_from_the_newest(self) -> None:
        reads = {"days": {"a": read_through("2025-01-10")}}
        asked: dict[tuple[str, str], str | None] = {
            ("2025-01-01", "2025-01-31"): "2025-01-08",
            ("2025-01-09", "2025-01-31"): "2025-01-09",
            ("2025-01-01", "2025-01-08"): "2025-01-08",
            ("2025-01-01", "2025-01-07"): None,
            ("2025-01-11", "2025-01-12"): None,
        }
        for (start, end), expected in asked.items():
            assert query_oracle("sum(x)", PAUSED, start, end, reads=reads)["meta"]["provisional_from"] == expected


class TestGaps:
    @pytest.mark.parametrize(
        ("metric", "points", "total"),
        [
            ({"value": "sum(x)", "by": "who"}, [None, 50, 50, 0, None], 100),
            ({"value": "sum(x)", "where": "who = 'b'"}, [None, 0, 0, 0, None], 0),
            ({"value": "sum(x)", "where": "who = 'b'", "fill": None}, [None] * 5, 0),
            ({"value": "count(*)", "where": "who = 'b'"}, [None, 0, 0, 0, None], 0),
            ({"value": "count(distinct x)", "where": "who = 'b'"}, [None] * 5, None),
            ({"value": "count(distinct y)"}, [None, 0, 0, None, None], 0),
            ({"value": "max(x)", "fill": "zero"}, [None, 50, 50, 0, None], 50),
            ({"value": "max(x)", "fill": "zero", "where": "who = 'b'"}, [None, 0, 0, 0, None], None),
            ({"value": "coalesce(sum(x), 7)", "where": "who = 'b'"}, [None] * 5, None),
        ],
    )
    def test_inside_and_outside(self, metric: Any, points: list[Any], total: Any) -> None:
        reads = {"days": {"a": read_through("2025-01-04")}}
        found = query_oracle(metric, PAUSED, "2025-01-01", "2025-01-05", reads=reads)
        assert (list_values(found), found["stats"]["value"]) == (points, total)

    def test_one_known_day_makes_a_bucket_known(self) -> None:
        reads = {"days": {"a": read_through("2025-01-06")}}
        rows = [make_row("2025-01-03", x=None)]
        found = query_oracle("sum(x)", rows, "2024-12-30", "2025-01-19", grain="week", reads=reads)
        assert list_values(found) == [0, 0, None]
        # Of the second week the window has only days of which nothing is known.
        found = query_oracle("sum(x)", rows, "2025-01-07", "2025-01-12", grain="week", reads=reads)
        assert list_values(found) == [None]


CHOSEN = {
    "time": "date",
    "sql": "SELECT user_id, date, x FROM {{ table('days') }} WHERE x > 60",
    "columns": {"user_id": "uuid", "date": "date", "x": "double"},
}
JOINED = {
    "time": "day",
    "sql": "SELECT c.user_id, c.date AS day, c.x + a.x AS x FROM {{ table('chosen') }} AS c "
    "JOIN {{ table('ads') }} AS a ON a.date = c.date",
    "columns": {"user_id": "uuid", "day": "date", "x": "double"},
}


class TestSeveralTables:
    ROWS = (*(make_row("2025-01-02", x=50), make_row("2025-01-04", x=70), make_row("2025-01-06", x=1)),)

    def query_table(self, name: str, ads: list[Row], **more: Any) -> dict[str, Any]:
        return query_oracle(
            {"table": name, "value": "sum(x)"},
            {"days": list(self.ROWS), "ads": ads},
            *("2025-01-01", "2025-01-08"),
            tables={"chosen": CHOSEN, "joined": JOINED},
            **more,
        )

    def test_a_query_table_is_known_as_what_it_reads(self) -> None:
        found = self.query_table("chosen", [])
        assert list_values(found) == [None, 0, 0, 70, 0, 0, None, None]
        assert (found["meta"]["data_through"], found["meta"]["sources"]) == ("2025-01-06", ["ga4"])

    def test_from_the_earliest_row_to_the_earliest_end_of_several(self) -> None:
        ads = [make_row("2025-01-04", x=5), make_row("2025-01-05", x=5)]
        found = self.query_table("joined", ads)
        assert list_values(found) == [None, 0, 0, 75, 0, None, None, None]
        assert (found["meta"]["data_through"], found["meta"]["sources"]) == ("2025-01-05", ["ga4", "meta"])
        reads = {"ads": {"act": read_through("2025-01-07"), "gone": read_through("2025-01-03", is_late=True)}}
        found = self.query_table("joined", ads, reads=reads)
        assert found["meta"]["data_through"] == "2025-01-06"
        assert [(note["source"], note["account"]) for note in found["meta"]["notes"]] == [("meta", "gone")]

    def test_it_is_answered_while_all_of_its_sources_are_on(self) -> None:
        found = self.query_table("joined", [make_row("2025-01-04", x=5)], sources=["ga4"])
        assert (found["series"], found["meta"]["missing_sources"]) == ([], ["meta"])

    def test_the_earliest_of_the_parts_and_null_if_any_is(self) -> None:
        rows = {"days": list(self.ROWS), "ads": [make_row("2025-01-03", x=2), make_row("2025-01-04", x=2)]}
        found = query_oracle({"combine": ["g.x", "m.x"]}, rows, "2025-01-01", "2025-01-08")
        meta = found["meta"]
        assert (meta["data_through"], meta["provisional_from"]) == ("2025-01-04", "2025-01-02")
        assert [point["v"] for point in found["series"][1]["points"]] == [None, None, 2, 2, None, None, None, None]
        found = query_oracle({"combine": ["g.x", "m.x"]}, rows, "2025-01-05", "2025-01-08")
        assert (found["meta"]["data_through"], found["meta"]["provisional_from"]) == (None, "2025-01-05")
        found = query_oracle({"combine": ["g.x", "m.x"]}, rows, "2025-01-05", "2025-01-08", sources=["ga4"])
        assert found["meta"]["data_through"] == "2025-01-06"
