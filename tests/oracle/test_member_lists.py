"""The oracle against answers worked out by hand: the members that a filter bar offers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.oracle.member_lists import list_members
from tests.support.oracle.one_metric import ME, make_definitions, make_row

ROWS = [
    *(
        make_row("2025-01-01", who="1", x=4, y=1.0, currency="Old"),
        make_row("2025-01-02", who="1", x=6, currency="Été"),
    ),
    *(make_row("2025-01-02", who="2", x=6, y=1.0, currency="Zoo"), make_row("2025-01-02", who=None, x=1)),
    *(make_row("2025-01-02", who="", x=8, currency="ghost"), make_row("2025-01-02", who="3", x=-5, y=1.0)),
    *(make_row("2025-01-02", who="50%", x=None), make_row("2025-01-09", who="later", x=1)),
]
DAYS = {
    "currency": None,
    "dimensions": {"person": {"column": "who", "label": "currency"}, "parity": {"column": "y"}},
}


def list_ids(metric: Any, dimension: str = "person", rows: Any = ROWS, **more: Any) -> list[tuple[str, str, Any]]:
    definitions = make_definitions(metric, more.pop("days", DAYS))
    window: dict[str, Any] = {"start": date(2025, 1, 1), "end": date(2025, 1, 2)}
    found = list_members(definitions, "a.metric", dimension, {"days": rows, "ads": rows}, tenant=ME, **window, **more)
    return [(one["id"], one["label"], one["value"]) for one in found["members"]]


ALL = [("1", "Été", 10), ("(not set)", "(not set)", 9), ("2", "Zoo", 6), ("50%", "50%", 0), ("3", "3", -5)]


class TestMemberLists:
    def test_largest_first_with_the_latest_label(self) -> None:
        assert list_ids("sum(x)") == ALL

    @pytest.mark.parametrize(
        ("search", "expected"),
        [("É", ["1"]), ("z", ["2"]), ("0%", ["50%"]), ("%", ["50%"]), ("NOT", ["(not set)"]), ("_", []), ("", None)],
    )
    def test_a_part_of_id_or_label(self, search: str, expected: list[str] | None) -> None:
        found = [member for member, _, _ in list_ids("sum(x)", search=search)]
        assert found == ([member for member, _, _ in ALL] if expected is None else expected)

    def test_limit_and_ties(self) -> None:
        assert list_ids("sum(x)", limit=2) == ALL[:2]
        assert [one for one, _, _ in list_ids("count(distinct x)")] == ["(not set)", "1", "2", "3", "50%"]

    def test_only_rows_that_pass(self) -> None:
        assert list_ids({"value": "sum(x)", "where": "x > 5"}) == [
            ("(not set)", "(not set)", 8),
            ("1", "Été", 6),
            ("2", "Zoo", 6),
        ]
        filters = {"parity": {"filter": ["1.0"]}, "person": {"filter": ["2"]}}
        assert [one for one, _, _ in list_ids("sum(x)", filters=filters)] == ["2", "1", "3"]

    def test_the_first_series_column_or_operand(self) -> None:
        assert list_ids({"series": {"A": "count(*)", "B": "sum(x)"}}, limit=1) == [("(not set)", "(not set)", 2)]
        assert list_ids({"rows": "who", "columns": {"A": "count(*)", "B": "sum(x)"}}, limit=1)[0][2] == 2
        assert list_ids({"derive": "m.x / g.x"}) == ALL
        assert list_ids({"combine": ["m.x", "g.x"]}, sources=["ga4"]) == ALL
        assert list_ids({"combine": ["m.x", "g.x"]}, sources=["meta"]) == []
        with pytest.raises(ValueError, match="dimension"):
            list_ids({"combine": ["m.x", "m.users"]})
        with pytest.raises(ValueError, match="dimension"):
            list_ids("sum(x)", "who")

    def test_money_of_several_currencies(self) -> None:
        days = {"dimensions": {"person": {"column": "who"}}}
        rows = [
            *(
                make_row("2025-01-02", who="b", spend=1, currency="EUR"),
                make_row("2025-01-02", who="c", spend=9, currency="USD"),
            ),
            *(
                make_row("2025-01-01", who="a", spend=1, currency="EUR"),
                make_row("2025-01-02", who="a", spend=1, currency="USD"),
            ),
        ]
        assert list_ids("sum(spend)", rows=rows, days=days) == [("a", "a", None), ("b", "b", 1), ("c", "c", 9)]
        assert list_ids("sum(spend)", rows=rows[:1], days=days) == [("b", "b", 1)]
