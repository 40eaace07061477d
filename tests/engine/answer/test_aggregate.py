"""Each mistake that is easily made, with rows few enough to do the sum by hand."""

from __future__ import annotations

from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.errors import UnknownMetric
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import (
    COLUMNS,
    DAYS,
    ME,
    YOU,
    Body,
    answer_metric,
    get_stats,
    index_series,
    list_compared_points,
    list_points,
    list_series_names,
    load_files,
    make_file,
    make_row,
    open_warehouse,
    query_engine,
)

TWO_DAYS = ("2025-01-01", "2025-01-02")
BY_WHO: dict[str, Any] = {"value": "sum(x)", "by": "who"}

# Periods


def test_the_prior_period_survives_a_filter_of_exactly_the_current_window() -> None:
    rows = [make_row("2025-01-01", x=5), make_row("2025-01-03", x=7)]
    metric = {"value": "sum(x)", "where": "date BETWEEN '2025-01-03' AND '2025-01-04'"}
    body = answer_metric(metric, rows, "2025-01-03", "2025-01-04", compare="previous_period")
    # The days of the prior period are known, and no row passes: 0, and no delta, rather than a period without data.
    assert get_stats(body) == (7, 0, None)
    assert list_compared_points(body) == [("2025-01-01", 0), ("2025-01-02", 0)]
    assert body["meta"]["comparison_through"] == "2025-01-02"


def test_a_filter_does_not_shorten_the_days_that_have_data() -> None:
    rows = [
        make_row("2025-01-01", x=5, who="a"),
        make_row("2025-01-02", x=7, who="b"),
        make_row("2025-01-03", x=9, who="a"),
    ]
    body = answer_metric({"value": "sum(x)", "where": "who = 'b'"}, rows, "2024-12-31", "2025-01-04")
    assert list_points(body) == [None, 0, 7, 0, None]
    assert body["meta"]["data_through"] == "2025-01-03"


def test_a_month_of_31_days_is_compared_with_the_31_days_before_it() -> None:
    rows = [
        make_row("2025-02-28", x=1),
        make_row("2025-01-29", x=10),
        make_row("2025-01-28", x=100),
        make_row("2025-03-31", x=1000),
    ]
    body = answer_metric("sum(x)", rows, "2025-03-01", "2025-03-31", compare="previous_period", grain="month")
    assert body["comparison"]["start"] == "2025-01-29"
    assert get_stats(body) == (1000, 11, (1000 - 11) / 11)
    assert list_compared_points(body) == [("2025-01-29", 11)]


def test_a_month_is_compared_with_the_same_month_of_the_year_before_whatever_its_days() -> None:
    rows = [
        make_row("2024-02-29", x=4),
        make_row("2024-02-01", x=1),
        make_row("2025-02-28", x=10),
        make_row("2024-03-01", x=100),
    ]
    body = answer_metric("sum(x)", rows, "2025-02-01", "2025-02-28", compare="previous_year", grain="month")
    assert body["comparison"]["start"] == "2024-02-01"
    assert body["comparison"]["end"] == "2024-02-28"
    assert get_stats(body) == (10, 1, 9)


def test_29_february_is_compared_with_no_day_and_28_february_counts_once() -> None:
    rows = [make_row(day, x=1) for day in ("2024-02-28", "2024-02-29", "2024-03-01")]
    rows += [make_row("2023-02-28", x=10), make_row("2023-03-01", x=100)]
    body = answer_metric("sum(x)", rows, "2024-02-28", "2024-03-01", compare="previous_year")
    assert list_points(body) == [1, 1, 1]
    assert list_compared_points(body) == [("2023-02-28", 10), ("2023-03-01", None), ("2023-03-01", 100)]
    assert get_stats(body) == (3, 110, (3 - 110) / 110)


def test_29_february_alone_is_compared_with_28_february() -> None:
    rows = [make_row("2024-02-29", x=3), make_row("2023-02-28", x=2), make_row("2023-03-01", x=50)]
    body = answer_metric("sum(x)", rows, "2024-02-29", compare="previous_year")
    assert get_stats(body) == (3, 2, 0.5)
    assert list_compared_points(body) == [("2023-02-28", 2)]


@pytest.mark.parametrize("value", ["sum(x)", "sum(x) + 0 * count(distinct y)"])
def test_a_row_may_lie_in_a_range_longer_than_a_year_and_in_the_year_before_it(value: str) -> None:
    rows = [make_row("2023-06-15", x=1, y=1), make_row("2024-06-15", x=10, y=1), make_row("2025-06-15", x=100, y=1)]
    body = answer_metric(value, rows, "2024-01-01", "2025-12-31", compare="previous_year", grain="month")
    # 2024-06-15 is in both: in 2024–2025, and in 2023–2024.
    assert get_stats(body) == (110, 11, 9)
    assert [value for value in list_points(body) if value] == [10, 100]
    assert [value for _, value in list_compared_points(body) if value] == [1, 10]


def test_a_bucket_is_named_after_its_first_day_even_where_the_range_begins_inside_it() -> None:
    rows = [make_row("2025-01-29", x=1), make_row("2025-01-30", x=2), make_row("2025-02-03", x=4)]
    body = answer_metric("sum(x)", rows, "2025-01-30", "2025-02-04", grain="week")
    # The range has four days of the one week and two of the other.
    assert body["series"][0]["points"] == [
        {"t": "2025-01-27", "v": 2, "partial": True},
        {"t": "2025-02-03", "v": 4, "partial": True},
    ]
    whole = answer_metric("sum(x)", rows, "2025-01-27", "2025-02-09", grain="week")
    assert whole["series"][0]["points"] == [{"t": "2025-01-27", "v": 3}, {"t": "2025-02-03", "v": 4}]


def test_the_days_on_which_clocks_change_are_days_like_any_other() -> None:
    rows = [make_row(day, x=1) for day in ("2025-03-08", "2025-03-09", "2025-03-10", "2025-11-01", "2025-11-02")]
    assert list_points(answer_metric("sum(x)", rows, "2025-03-08", "2025-03-10")) == [1, 1, 1]
    assert list_points(answer_metric("sum(x)", rows, "2025-11-01", "2025-11-03")) == [1, 1, None]


def test_the_years_first_days_may_lie_in_the_last_week_of_the_year_before() -> None:
    rows = [make_row("2024-12-30", x=1), make_row("2025-01-01", x=2), make_row("2025-01-06", x=4)]
    body = answer_metric("sum(x)", rows, "2024-12-29", "2025-01-06", grain="week")
    assert [point["t"] for point in body["series"][0]["points"]] == ["2024-12-23", "2024-12-30", "2025-01-06"]
    assert list_points(body) == [None, 3, 4]


# Arithmetic


def test_one_divided_by_two_is_a_half() -> None:
    body = answer_metric("sum(x) / sum(y)", [make_row("2025-01-01", x=1, y=2)], "2025-01-01")
    assert get_stats(body)[0] == 0.5


@pytest.mark.parametrize("value", ["sum(x / users)", "sum(CASE WHEN x / users > 0.4 THEN x / users END)"])
def test_so_it_is_inside_an_aggregate(value: str) -> None:
    body = answer_metric({"value": value, "total": "period"}, [make_row("2025-01-01", x=1, users=2)], "2025-01-01")
    assert get_stats(body)[0] == 0.5


def test_a_division_by_nothing_has_no_value_and_not_infinity() -> None:
    body = answer_metric(
        "sum(x) / sum(y)", [make_row("2025-01-01", x=1, y=0), make_row("2025-01-02", x=3, y=2)], *TWO_DAYS
    )
    assert list_points(body) == [None, 1.5]
    assert get_stats(body)[0] == 2


def test_a_ratios_total_is_the_ratio_of_the_sums() -> None:
    rows = [make_row("2025-01-01", x=1, y=2), make_row("2025-01-02", x=1, y=8)]
    body = answer_metric("sum(x) / sum(y)", rows, *TWO_DAYS, grain="month")
    assert get_stats(body)[0] == 0.2
    assert list_points(body) == [0.2]


def test_where_nothing_was_before_there_is_no_delta() -> None:
    body = answer_metric(
        "sum(x)", [make_row("2025-01-01", x=0), make_row("2025-01-02", x=5)], "2025-01-02", compare="previous_period"
    )
    assert get_stats(body) == (5, 0, None)


def test_a_negative_prior_value_does_not_turn_the_deltas_sign() -> None:
    rows = [make_row("2025-01-01", x=-4), make_row("2025-01-02", x=2)]
    assert get_stats(answer_metric("sum(x)", rows, "2025-01-02", compare="previous_period")) == (2, -4, 1.5)


def test_an_absolute_delta_is_the_difference_even_from_nothing() -> None:
    rows = [make_row("2025-01-01", x=0), make_row("2025-01-02", x=5)]
    body = answer_metric({"value": "sum(x)", "delta": "absolute"}, rows, "2025-01-02", compare="previous_period")
    assert get_stats(body) == (5, 0, 5)


def test_two_huge_integers_are_added_without_overflow() -> None:
    rows = [make_row("2025-01-01", x=9 * 10**18), make_row("2025-01-01", x=9 * 10**18)]
    assert get_stats(answer_metric("sum(x)", rows, "2025-01-01"))[0] == pytest.approx(1.8e19, rel=1e-12)
    by_day = [make_row("2025-01-01", x=9 * 10**18), make_row("2025-01-02", x=9 * 10**18)]
    assert get_stats(answer_metric("sum(x)", by_day, *TWO_DAYS))[0] == pytest.approx(1.8e19, rel=1e-12)
    body = answer_metric("sum(x) + 0 * count(distinct y)", rows, "2025-01-01")
    assert get_stats(body)[0] == pytest.approx(1.8e19, rel=1e-12)


def test_only_nulls_are_zero_for_a_sum_and_nothing_for_a_ratio_or_a_maximum() -> None:
    rows = [make_row("2025-01-01", y=1), make_row("2025-01-02", x=3, y=1)]
    assert list_points(answer_metric("sum(x)", rows, *TWO_DAYS)) == [0, 3]
    assert list_points(answer_metric("sum(x) / sum(y)", rows, *TWO_DAYS)) == [None, 3]
    assert list_points(answer_metric("max(x)", rows, *TWO_DAYS)) == [None, 3]


# Members


def test_a_member_of_the_prior_period_alone_is_shown_and_ranked() -> None:
    rows = [make_row("2025-01-02", who="now", x=5), make_row("2025-01-01", who="then", x=9)]
    body = answer_metric(BY_WHO, rows, "2025-01-02", compare="previous_period")
    assert list_series_names(body) == ["then", "now"]
    assert get_stats(body, "then") == (0, 9, -1)
    assert get_stats(body, "now") == (5, 0, None)
    assert get_stats(body) == (5, 9, (5 - 9) / 9)
    alone = answer_metric(BY_WHO, rows, "2025-01-02")
    assert list_series_names(alone) == ["now"]


def test_null_an_empty_text_and_not_set_are_one_member() -> None:
    rows = [
        make_row("2025-01-01", who=None, x=1),
        make_row("2025-01-01", who="(not set)", x=2),
        make_row("2025-01-01", who="", x=4),
    ]
    body = answer_metric(BY_WHO, rows, "2025-01-01")
    assert [(each["name"], each["stats"]["value"]) for each in body["series"]] == [("(not set)", 7)]


def test_a_member_called_other_belongs_to_other_however_large() -> None:
    rows = [
        make_row("2025-01-01", who="Other", x=100),
        make_row("2025-01-01", who="a", x=3),
        make_row("2025-01-01", who="b", x=2),
    ]
    body = answer_metric({**BY_WHO, "top": 1}, rows, "2025-01-01")
    assert [(each["name"], each["stats"]["value"]) for each in body["series"]] == [("a", 3), ("Other", 102)]
    everyone = answer_metric(BY_WHO, rows, "2025-01-01")
    assert list_series_names(everyone) == ["a", "b", "Other"]


def test_there_is_no_other_where_top_leaves_nobody_out() -> None:
    rows = [make_row("2025-01-01", who="a", x=3), make_row("2025-01-01", who="b", x=2)]
    assert list_series_names(answer_metric({**BY_WHO, "top": 2}, rows, "2025-01-01")) == ["a", "b"]
    assert list_series_names(answer_metric({**BY_WHO, "top": 1}, rows, "2025-01-01")) == ["a", "Other"]


def test_without_other_the_rest_is_left_out_and_still_counted() -> None:
    rows = [make_row("2025-01-01", who="a", x=3), make_row("2025-01-01", who="b", x=2)]
    body = answer_metric({**BY_WHO, "top": 1, "other": False}, rows, "2025-01-01")
    assert list_series_names(body) == ["a"]
    assert get_stats(body)[0] == 5


def test_others_ratio_is_made_of_its_sums() -> None:
    rows = [make_row("2025-01-01", who=who, x=x, y=y) for who, x, y in (("a", 9, 1), ("b", 1, 2), ("c", 1, 8))]
    body = answer_metric({"value": "sum(x) / sum(y)", "by": "who", "top": 1}, rows, "2025-01-01")
    assert get_stats(body, "a")[0] == 9
    assert get_stats(body, "Other")[0] == 0.2
    assert get_stats(body)[0] == 1


def test_a_distinct_count_of_all_members_counts_nobody_twice() -> None:
    rows = [make_row("2025-01-01", who=who, x=1) for who in ("a", "b", "c")]
    body = answer_metric({"value": "count(distinct x)", "by": "who", "top": 1}, rows, "2025-01-01")
    assert list_series_names(body) == ["a", "Other"]
    assert get_stats(body, "Other")[0] == 1
    assert get_stats(body)[0] == 1


def test_equal_members_stand_in_the_order_of_their_code_points() -> None:
    members = ["b", "B", "a", "é", "😀", "\uffe5", "Z", "日本"]
    rows = [make_row("2025-01-01", who=who, x=1) for who in members]
    body = answer_metric(BY_WHO, rows, "2025-01-01")
    assert list_series_names(body) == ["B", "Z", "a", "b", "é", "日本", "\uffe5", "😀"]


TEXTS = (
    *("😀🏳️‍🌈", "naïve", "e\u0301", "日本語", "O'Brien", '"', "a;b--c /*", ":tenant", "%s", "\\", " a ", "\n"),
    *("None", "null", "0", "1e3", "a" * 5_000),
)


@pytest.mark.parametrize("who", TEXTS, ids=lambda text: ascii(text)[1:20])
def test_any_text_may_be_a_members_name(who: str) -> None:
    body = answer_metric(BY_WHO, [make_row("2025-01-01", who=who, x=1)], "2025-01-01")
    assert list_series_names(body) == [who]
    assert get_stats(body, who)[0] == 1


def test_members_that_differ_in_case_or_spaces_are_different() -> None:
    rows = [make_row("2025-01-01", who=who, x=x) for who, x in (("a", 4), ("A", 3), ("a ", 2))]
    assert list_series_names(answer_metric(BY_WHO, rows, "2025-01-01")) == ["a", "A", "a "]


def test_a_member_without_rows_that_pass_is_not_shown() -> None:
    rows = [make_row("2025-01-01", who="a", x=1), make_row("2025-01-01", who="b", x=-1)]
    body = answer_metric({**BY_WHO, "where": "x > 0"}, rows, "2025-01-01")
    assert list_series_names(body) == ["a"]


def test_like_tells_upper_from_lower_case() -> None:
    rows = [
        make_row("2025-01-01", who="Paid", x=1),
        make_row("2025-01-01", who="paid", x=2),
        make_row("2025-01-01", who="unpaid", x=4),
    ]
    assert get_stats(answer_metric({"value": "sum(x)", "where": "who LIKE 'paid%'"}, rows, "2025-01-01"))[0] == 2
    assert get_stats(answer_metric({"value": "sum(x)", "where": "who NOT LIKE 'Pa_d'"}, rows, "2025-01-01"))[0] == 6


# Money


def test_amounts_in_several_currencies_are_never_added() -> None:
    rows = [
        make_row("2025-01-01", who="a", spend=10, x=2, currency="EUR"),
        make_row("2025-01-02", who="b", spend=20, x=4, currency="USD"),
    ]
    metric = {"series": {"Spend": "sum(spend)", "X": "sum(x)", "CPX": "sum(spend) / sum(x)"}}
    body = answer_metric(metric, rows, *TWO_DAYS)
    assert body["meta"]["currency"] == "mixed"
    assert get_stats(body) == (None, None, None)
    assert list_points(body, "Spend") == [None, None]
    assert list_points(body, "CPX") == [None, None]
    # What is no money can still be told.
    assert list_points(body, "X") == [2, 4]


def test_one_day_of_another_currency_in_the_prior_period_is_enough() -> None:
    rows = [make_row("2025-01-01", spend=10, currency="EUR"), make_row("2025-01-02", spend=20, currency="USD")]
    alone = answer_metric("sum(spend)", rows, "2025-01-02")
    assert get_stats(alone)[0] == 20
    assert alone["meta"]["currency"] == "USD"
    body = answer_metric("sum(spend)", rows, "2025-01-02", compare="previous_period")
    assert get_stats(body) == (None, None, None)
    assert body["meta"]["currency"] == "mixed"


def test_members_in_several_currencies_stand_in_the_order_of_their_names() -> None:
    rows = [
        make_row("2025-01-01", who="a", spend=1, currency="EUR"),
        make_row("2025-01-01", who="b", spend=99, currency="USD"),
    ]
    rows += [make_row("2025-01-01", who="c", spend=7, currency=currency) for currency in ("EUR", "USD")]
    body = answer_metric({"value": "sum(spend)", "by": "who"}, rows, "2025-01-01")
    assert list_series_names(body) == ["a", "b", "c"]
    # All together have no unit; each member of one currency has its own.
    assert (get_stats(body)[0], body["meta"]["currency"]) == (None, "mixed")
    assert [each["currency"] for each in body["series"]] == ["EUR", "USD", "mixed"]
    assert [list_points(body, name) for name in "abc"] == [[1], [99], [None]]


def test_a_missing_currency_is_not_another_one() -> None:
    rows = [make_row("2025-01-01", spend=1, currency=None), make_row("2025-01-01", spend=2, currency="EUR")]
    body = answer_metric("sum(spend)", rows, "2025-01-01")
    assert body["meta"]["currency"] == "EUR"
    assert get_stats(body)[0] == 3


# Totals


def test_a_distinct_count_of_a_period_is_not_the_sum_of_its_days() -> None:
    rows = [
        make_row("2025-01-06", who="a"),
        make_row("2025-01-07", who="a"),
        make_row("2025-01-13", who="a"),
        make_row("2025-01-13", who="b"),
    ]
    body = answer_metric("count(distinct who)", rows, "2025-01-06", "2025-01-13", grain="week")
    assert list_points(body) == [1, 2]
    assert get_stats(body)[0] == 2
    by_day = answer_metric("count(distinct who)", rows, "2025-01-06", "2025-01-13")
    # Not additive: a day without rows has no value, even between others.
    assert list_points(by_day) == [1, 1, None, None, None, None, None, 2]


AUDIENCE = [
    *(make_row("2025-01-27", users=10), make_row("2025-01-28", users=20), make_row("2025-01-28", users=None)),
    *(make_row("2025-01-30", users=None), make_row("2025-02-03", users=60), make_row("2025-02-03", users=6)),
]


def test_an_average_is_of_the_days_that_have_a_value_at_every_grain() -> None:
    metric = {"value": "sum(users)", "total": "average"}
    week = answer_metric(metric, AUDIENCE, "2025-01-27", "2025-02-09", grain="week")
    assert list_points(week) == [15, 66]
    assert get_stats(week)[0] == 32
    month = answer_metric(metric, AUDIENCE, "2025-01-27", "2025-02-09", grain="month")
    assert list_points(month) == [15, 66]
    assert list_points(answer_metric(metric, AUDIENCE, "2025-01-28", "2025-01-30")) == [20, None, None]


def test_the_last_is_of_the_last_day_that_has_a_value_at_every_grain() -> None:
    metric = {"value": "sum(users)", "total": "last"}
    week = answer_metric(metric, AUDIENCE, "2025-01-27", "2025-02-09", grain="week")
    assert list_points(week) == [20, 66]
    assert get_stats(week)[0] == 66
    january = answer_metric(metric, AUDIENCE, "2025-01-01", "2025-01-31", grain="month")
    assert get_stats(january)[0] == 20
    # The table is known beyond the window's last day, of which it has no row.
    assert january["meta"]["data_through"] == "2025-01-31"


def test_a_broken_down_average_is_of_each_members_own_days() -> None:
    rows = [
        *(make_row("2025-01-01", who="a", users=10), make_row("2025-01-02", who="a", users=20)),
        make_row("2025-01-02", who="b", users=6),
    ]
    body = answer_metric({"value": "sum(users)", "by": "who", "total": "average"}, rows, *TWO_DAYS)
    assert get_stats(body, "a")[0] == 15
    assert get_stats(body, "b")[0] == 6
    assert get_stats(body)[0] == (10 + 26) / 2


# Tables that are called otherwise

FACT: dict[str, Any] = {
    "time": "date",
    "tenant": "owner",
    "name": "analytics_fact",
    "columns": {
        "owner": {"type": "uuid", "column": "account_uuid"},
        "date": {"type": "date", "column": "day"},
        "sessions": {"type": "bigint", "column": "visits"},
        "who": {"type": "text", "column": "channel_group"},
    },
}


FACTS = (
    *((ME, "2025-01-01", 3, 30, "a"), (ME, "2025-01-02", 4, 40, "b")),
    (YOU, "2025-01-02", 500, 5000, "c"),
)


def answer_facts(files: list[Any], **asked: Any) -> Body:
    """An answer over a table of somebody's own that holds two tenants' rows."""
    catalog = load_files(*files)
    warehouse = Warehouse("sqlite://")
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE analytics_fact (account_uuid, day, visits, pages, channel_group)")
        connection.exec_driver_sql("INSERT INTO analytics_fact VALUES (?, ?, ?, ?, ?)", list(FACTS))
    body = query_engine(Engine(catalog, warehouse), "m", *TWO_DAYS, **asked)
    warehouse.close()
    return body


def test_a_table_its_columns_and_its_tenant_may_be_called_otherwise() -> None:
    body = answer_facts([make_file({"m": {"value": "sum(sessions)", "where": "who <> 'z'"}}, {"fact": FACT})])
    assert list_points(body) == [3, 4]
    by_who = answer_facts([make_file({"m": {"value": "sum(sessions)", "by": "who"}}, {"fact": FACT})], grain="month")
    assert list_series_names(by_who) == ["b", "a"]
    whole = answer_facts([make_file({"m": "count(distinct who)"}, {"fact": FACT})])
    assert get_stats(whole)[0] == 2


def test_two_tables_may_be_the_same_physical_one() -> None:
    pages = {**FACT, "columns": {**FACT["columns"], "pages": "bigint"}}
    tables = {"visits": FACT, "pages": pages}
    metrics = {
        "v": "sum(sessions)",
        "p": {"value": "sum(pages)", "table": "pages"},
        "m": {"derive": "p / v"},
    }
    body = answer_facts([make_file(metrics, tables)])
    assert list_points(body) == [10, 10]
    assert get_stats(body)[0] == 10


def test_a_query_sees_the_declared_names_of_what_it_reads() -> None:
    tables = {
        "fact": FACT,
        "q": {
            "time": "date",
            "sql": "SELECT owner AS user_id, date, sum(sessions) AS s FROM {{ table('fact') }} GROUP BY owner, date",
            "columns": {"user_id": "uuid", "date": "date", "s": "bigint"},
        },
    }
    body = answer_facts([make_file({"m": {"value": "sum(s)", "table": "q"}}, tables)])
    assert list_points(body) == [3, 4]


# Tables that are queries

QUERIED = [
    *(
        make_row("2025-01-01", who="a", x=1, y=2),
        make_row("2025-01-01", who="b", x=10, y=20),
        make_row("2025-01-02", who="a", x=5),
    ),
    *(make_row("2025-01-01", who="a", x=100, y=100, user_id=YOU), make_row("2025-01-02", who="c", x=100, user_id=YOU)),
]
QUERIES = {
    "a filter": ("SELECT user_id, date, x FROM {{ table('days') }} WHERE who = 'a'", [1, 5]),
    "a group": ("SELECT user_id, date, max(x) AS x FROM {{ table('days') }} GROUP BY user_id, date", [10, 5]),
    "an alias": ("SELECT d.user_id, d.date, d.x + 1 AS x FROM {{ table('days') }} AS d", [13, 6]),
    "an alias that the engine uses itself": ("SELECT t.user_id, t.date, t.x FROM {{ table('days') }} AS t", [11, 5]),
    "a join with itself": (
        (
            "SELECT a.user_id, a.date, a.x * b.x AS x FROM {{ table('days') }} AS a"
            " JOIN {{ table('days') }} AS b ON a.date = b.date AND a.who = b.who"
        ),
        [101, 25],
    ),
    "a LEFT JOIN": (
        (
            "SELECT d.user_id, d.date, coalesce(o.x, 7) AS x FROM {{ table('days') }} AS d"
            " LEFT JOIN {{ table('others') }} AS o ON o.date = d.date"
        ),
        [6, 7],
    ),
    "a WITH query": (
        "WITH q AS (SELECT user_id, date, x * 2 AS x FROM {{ table('days') }}) SELECT user_id, date, x FROM q",
        [22, 10],
    ),
    "a subquery in FROM": (
        (
            "SELECT s.user_id, s.date, s.x FROM (SELECT user_id, date, sum(x) AS x FROM {{ table('days') }}"
            " GROUP BY user_id, date) AS s"
        ),
        [11, 5],
    ),
    "a division of integers": ("SELECT user_id, date, x / 2 AS x FROM {{ table('days') }}", [5.5, 2.5]),
    "a division by nothing": (
        "SELECT user_id, date, coalesce(x / (x - x), 1) AS x FROM {{ table('days') }}",
        [2, 1],
    ),
    "a query over a query": ("SELECT user_id, date, x FROM {{ table('doubled') }} WHERE x > 2", [20, 10]),
}


@pytest.mark.parametrize("metric", ["sum(x)", "sum(x) + 0 * count(distinct x)"], ids=["days", "slots"])
@pytest.mark.parametrize(("sql", "expected"), QUERIES.values(), ids=QUERIES)
def test_a_query_is_a_table_of_one_tenants_rows(sql: str, expected: list[float], metric: str) -> None:
    columns = {"user_id": "uuid", "date": "date", "x": {"type": "double", "additive": True}}
    doubled = "SELECT user_id, date, x * 2 AS x FROM {{ table('days') }}"
    tables = {
        "days": {**DAYS, "key": ["user_id", "date", "who"]},
        "others": {**DAYS, "key": ["user_id", "date"]},
        "doubled": {"time": "date", "sql": doubled, "columns": columns},
        "q": {"time": "date", "sql": sql, "columns": columns},
    }
    rows = {
        "days": QUERIED,
        "others": [
            make_row("2025-01-01", x=3),
            make_row("2025-01-01", x=1000, user_id=YOU),
            make_row("2025-01-02", x=9, user_id=YOU),
        ],
    }
    body = answer_metric([make_file({"m": {"value": metric, "table": "q"}}, tables)], rows, *TWO_DAYS)
    assert list_points(body) == expected


# Templates


def test_a_variable_stands_in_where() -> None:
    files = [make_file({"m": {"value": "sum(x)", "where": "who IN {{ some }}"}}, vars={"some": "('a', 'c')"})]
    assert get_stats(answer_metric(files, QUERIED, *TWO_DAYS))[0] == 6


def test_a_macro_makes_an_expression() -> None:
    catalog = load_files(
        make_file({"m": "{{ rate('x', 'y') }}"}),
        macros="{% macro rate(a, b) %}sum({{ a }}) / sum({{ b }}){% endmacro %}",
    )
    with open_warehouse(catalog, {"days": QUERIED}) as warehouse:
        assert get_stats(query_engine(Engine(catalog, warehouse), "m", "2025-01-01"))[0] == 0.5


def test_a_metric_in_a_metric_keeps_its_own_filter() -> None:
    metrics = {
        "a": {"value": "sum(x)", "where": "who = 'a' OR who = 'c'", "hidden": True},
        "m": {"value": "{{ metric('a') }} / sum(x)", "where": "date = '2025-01-01'"},
    }
    body = answer_metric([make_file(metrics)], QUERIED, *TWO_DAYS)
    # 1 of the 11 of 1 January; 2 January passes for neither part.
    assert get_stats(body)[0] == pytest.approx(1 / 11)


def test_a_metric_in_a_metric_keeps_its_filter_in_counts() -> None:
    metrics = {
        "n": {"value": "count(*)", "where": "who = 'a'"},
        "d": {"value": "count(distinct who)", "where": "who = 'a'"},
        "m": "10 * {{ metric('n') }} + {{ metric('d') }}",
    }
    assert get_stats(answer_metric([make_file(metrics)], QUERIED, *TWO_DAYS))[0] == 21


def test_a_sum_of_metrics_binds_before_what_stands_around_it() -> None:
    metrics = {"s": "sum(x) + sum(y)", "m": "2 * {{ metric('s') }}"}
    assert get_stats(answer_metric([make_file(metrics)], QUERIED, "2025-01-01"))[0] == 2 * (11 + 22)


# Metrics over metrics


def test_a_hidden_metric_is_not_served_and_can_be_used() -> None:
    catalog = load_files(make_file({"h": {"value": "sum(x)", "hidden": True}, "m": {"derive": "h * 2"}}))
    assert list(catalog.widgets) == ["m"]
    with open_warehouse(catalog, {"days": QUERIED}) as warehouse:
        engine = Engine(catalog, warehouse)
        assert list_points(query_engine(engine, "m", *TWO_DAYS)) == [22, 10]
        with pytest.raises(UnknownMetric):
            query_engine(engine, "h", *TWO_DAYS)


def test_a_derived_metric_may_be_derived_from_derived_ones() -> None:
    metrics = {
        "x": "sum(x)",
        "y": "sum(y)",
        "ratio": {"derive": "x / y"},
        "sum": {"derive": "x + y"},
        "m": {"derive": "(sum - x) * ratio - x"},
    }
    rows = [make_row("2025-01-01", x=1, y=2), make_row("2025-01-02", x=3, y=4), make_row("2025-01-03", x=5)]
    body = answer_metric([make_file(metrics)], rows, "2025-01-01", "2025-01-03")
    # y · (x / y) − x, where y is not 0.
    assert list_points(body) == [0, 0, None]
    assert get_stats(body)[0] == pytest.approx(6 * (9 / 6) - 9)


def test_a_join_of_metrics_never_multiplies_rows() -> None:
    ads = make_file({"spend": "sum(spend)"}, {"ads": DAYS}, source="meta")
    site = make_file({"visits": "sum(x)", "m": {"derive": "spend / visits"}})
    rows = {
        "ads": [make_row("2025-01-01", spend=1), make_row("2025-01-01", spend=2), make_row("2025-01-01", spend=3)],
        "days": [make_row("2025-01-01", x=1), make_row("2025-01-01", x=1)],
    }
    assert get_stats(answer_metric([ads, site], rows, "2025-01-01"))[0] == 3


def test_a_derived_value_is_missing_where_one_of_its_parts_is() -> None:
    ads = make_file({"spend": "sum(spend)"}, {"ads": DAYS}, source="meta")
    site = make_file({"visits": "sum(x)", "m": {"derive": "spend + visits"}})
    rows = {"ads": [make_row("2025-01-01", spend=1)], "days": [make_row(day, x=1) for day in TWO_DAYS]}
    body = answer_metric([ads, site], rows, *TWO_DAYS)
    assert list_points(body) == [2, None]
    assert get_stats(body)[0] == 3
    assert body["meta"]["data_through"] == "2025-01-01"
    gone = answer_metric([ads, site], rows, *TWO_DAYS, connected=frozenset(["ga4"]))
    assert gone["series"] == []
    assert gone["meta"]["missing_sources"] == ["meta"]


def test_a_correlation_needs_three_points_and_variance() -> None:
    metrics = {"x": "sum(x)", "y": "sum(y)", "m": {"combine": ["x", "y"], "stat": "correlation"}}

    def correlation(*pairs: tuple[int, int]) -> float | None:
        rows = [make_row(f"2025-01-0{day}", x=x, y=y) for day, (x, y) in enumerate(pairs, 1)]
        found: float | None = get_stats(
            answer_metric([make_file(metrics)], rows, "2025-01-01", f"2025-01-0{len(pairs)}")
        )[0]
        return found

    assert correlation((1, 2), (2, 4)) is None
    assert correlation((1, 2), (2, 2), (3, 2)) is None
    assert correlation((1, 2), (2, 4), (3, 6)) == pytest.approx(1)
    assert correlation((1, 3), (2, 2), (3, 1)) == pytest.approx(-1)
    assert correlation((1, 1), (2, 3), (3, 2)) == pytest.approx(0.5)


@pytest.mark.parametrize(("fill", "gap"), [("null", None), ("zero", 0)])
def test_a_week_without_a_value_is_filled_as_the_metric_says_whatever_its_total(fill: str, gap: float | None) -> None:
    rows = [make_row("2025-01-06", x=7), make_row("2025-01-14", x=None), make_row("2025-01-26", x=14)]
    body = answer_metric(
        {"value": "sum(x)", "total": "average", "fill": fill}, rows, "2025-01-06", "2025-01-26", grain="week"
    )
    assert list_points(body) == [1, gap, 2]
    assert get_stats(body)[0] == 1


def test_fill_rules_over_what_an_expression_would_be_filled_with() -> None:
    rows = [make_row("2025-01-01", x=1, y=1), make_row("2025-01-03", x=3, y=1)]
    asked = ("2024-12-31", "2025-01-04")
    assert list_points(answer_metric("sum(x)", rows, *asked)) == [None, 1, 0, 3, None]
    assert list_points(answer_metric({"value": "sum(x)", "fill": "null"}, rows, *asked)) == [None, 1, None, 3, None]
    assert list_points(answer_metric("max(x)", rows, *asked)) == [None, 1, None, 3, None]
    assert list_points(answer_metric({"value": "max(x)", "fill": "zero"}, rows, *asked)) == [None, 1, 0, 3, None]


# Items


def test_items_are_of_the_asked_window_with_ties_by_id_and_the_latest_rows_columns() -> None:
    rows = [
        *(
            make_row("2025-01-01", who="b", x=5, y=1),
            make_row("2025-01-02", who="b", x=1, y=2),
            make_row("2025-01-02", who="a", x=6),
        ),
        *(make_row("2024-12-31", who="c", x=99), make_row("2025-01-01", who=None, x=99)),
        *(make_row("2025-01-01", who="d"), make_row("2025-01-01", who="a", x=500, user_id=YOU)),
    ]
    items = {"by": "who", "show": ["y", "date"], "values": {"x": "sum(x)", "top": "max(x)"}, "order": "x"}
    body = answer_metric({"value": "sum(x)", "items": items}, rows, *TWO_DAYS, compare="previous_period")
    assert body["items"] == [
        {"id": "a", "y": None, "date": "2025-01-02", "values": {"x": 6, "top": 6}},
        {"id": "b", "y": 2, "date": "2025-01-02", "values": {"x": 6, "top": 5}},
        {"id": "d", "y": None, "date": "2025-01-01", "values": {"x": 0, "top": None}},
    ]
    assert index_series(body)["M"]["stats"]["previous"] == 99


def test_a_table_of_one_tenant_says_nothing_to_another() -> None:
    rows = [make_row("2025-01-01", x=5, who="a", user_id=YOU)]
    for metric in ("sum(x)", "count(*)", "count(distinct who)"):
        body = answer_metric(metric, rows, "2025-01-01")
        assert list_points(body) == [None]
        assert get_stats(body) == (None, None, None)
        assert body["meta"]["data_through"] is None
    assert answer_metric(BY_WHO, rows, "2025-01-01")["series"] == []


def test_the_tables_own_columns_may_be_called_like_sqls_words() -> None:
    columns = {**COLUMNS, "group": "text", "order": "bigint"}
    tables = {"days": {**DAYS, "columns": columns}}
    rows = [{**make_row("2025-01-01"), "group": "a", "order": 3}]
    body = answer_metric([make_file({"m": {"value": 'sum("order")', "by": "group"}}, tables)], rows, "2025-01-01")
    assert get_stats(body, "a")[0] == 3


def test_of_several_sums_one_without_a_value_adds_nothing() -> None:
    rows = [make_row("2025-01-01", x=10), make_row("2025-01-02", x=1, y=1.0)]
    answer = answer_metric("sum(x) - sum(y)", rows, "2025-01-01", "2025-01-02")
    assert list_points(answer) == [10, 0]
    assert get_stats(answer)[0] == 10


def test_if_needs_no_else() -> None:
    rows = [make_row("2025-01-01", x=10, who="a"), make_row("2025-01-01", x=5, who="b")]
    answer = answer_metric("sum(if(who = 'a', x)) + sum(if(who = 'b', if(x > 3, 1, 0), 7))", rows, "2025-01-01")
    assert list_points(answer) == [18]
