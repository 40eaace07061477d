"""Comparisons over the days that both windows have: where days are missing, or not over, or an account is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from engine import Compare, RequestContext, TableMetric, WidgetAnswer, Window, parse_metric_query
from insights.config.definitions import FactDefinition
from insights.config.rules import Language
from insights.detect.changes import find_change
from insights.facts import Span, read_answer
from tests.insights.worlds import END, WEEKS, Plant, Row, Worlds, flights, history, lose_days

FIRST = END - timedelta(days=27)
Rows = dict[str, list[Row]]


def find(texts: list[str], start: str) -> str:
    (found,) = [text for text in texts if text.startswith(start)]
    return found


def days_gone(rows: Rows, gone: set[date], *tables: str) -> Rows:
    return {
        table: [row for row in listed if table not in tables or row["date"] not in gone]
        for table, listed in rows.items()
    }


GA4 = ("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily")


@pytest.mark.parametrize("seed", range(6))
def test_a_driver_is_named_where_days_are_missing_at_random(worlds: Worlds, seed: int) -> None:
    """Six of a hundred days are gone, and Email brings 9,000 sessions a day more: it is named, over the same days."""
    rows = history(600 + seed, days=28, week=WEEKS[seed % 4])
    for table, columns in (("ga4_channels_daily", ("sessions",)), ("ga4_daily", ("sessions",))):
        for row in rows[table]:
            if row["date"] >= FIRST and row.get("channel", "Email") == "Email":
                row.update({name: row[name] + 9_000 for name in columns})
    rows = lose_days(rows, 0.06, seed)
    now, then = ({row["date"] for row in rows["ga4_daily"] if (row["date"] >= FIRST) is late} for late in (True, False))
    shared = {day for day in now if day - timedelta(days=28) in then}
    before = {day - timedelta(days=28) for day in shared}
    value, previous = (
        sum(row["sessions"] for row in rows["ga4_daily"] if row["date"] in days) for days in (shared, before)
    )
    said = find(worlds.tell(rows), "Sessions are up")
    assert f"over the {len(shared)} days that both periods have, from {previous:,} to {value:,}" in said
    email = [row for row in rows["ga4_channels_daily"] if row["channel"] == "Email"]
    rise = sum(row["sessions"] * ((row["date"] in shared) - (row["date"] in before)) for row in email)
    assert f"most of it from Email (+{rise:,})" in said


@pytest.mark.parametrize("last", [date(2025, 3, 20), date(2025, 3, 28)])
def test_an_unfinished_window_is_held_against_as_many_first_days(worlds: Worlds, last: date) -> None:
    """The data ends before the window does: the sentence names the days, and its figures are of these."""
    rows = history(610, Plant(channel={"Organic Search": 0.4}), days=28)
    rows = days_gone(rows, {END - timedelta(days=back) for back in range((END - last).days)}, *GA4)
    until = last - timedelta(days=28)
    sums = [
        sum(row["sessions"] for row in rows["ga4_daily"] if low <= row["date"] <= high)
        for low, high in ((FIRST, last), (FIRST - timedelta(days=28), until))
    ]
    said = find(worlds.tell(rows), "Sessions are down")
    words = f"comparing 3 to {last.day} March with 3 to {until.day} February"
    assert f"{words}, from {sums[1]:,} to {sums[0]:,}, most of it in Organic Search (-" in said


def test_today_is_left_out_and_the_days_are_named(worlds: Worlds) -> None:
    rows = history(36, Plant(channel={"Organic Search": 0.2, "Direct": 0.2}), days=28)
    said = find(worlds.tell(rows, today=END), "Sessions are down 5")
    assert "comparing 3 to 29 March with 3 February to 1 March" in said


@pytest.mark.parametrize("days", [5, 9, 10, 13])
@pytest.mark.parametrize("week", WEEKS)
def test_windows_that_are_not_whole_weeks_are_no_news_by_themselves(
    worlds: Worlds, days: int, week: tuple[float, ...]
) -> None:
    tenant = worlds.settle(history(620, days=28, week=week))
    for back in (0, 2, 5):
        texts = [each.text for each in worlds.say(tenant, days=days, end=END - timedelta(days=back))]
        assert not [text for text in texts if "essions" in text], texts


def test_a_campaign_of_yesterday_is_new_since_yesterday(worlds: Worlds) -> None:
    rows = history(630, days=7)
    usual = [row for row in rows["meta_ads_daily"] if row["date"] == END and row["campaign_name"] == "Prospecting"]
    rows["meta_ads_daily"] += [row | {"campaign_id": "n", "campaign_name": "Flash Sale"} for row in usual]
    (said,) = worlds.tell(rows, days=7)
    assert said.startswith("Spend on “Flash Sale” is new since 30 March: $1")
    assert said.endswith("Check the return of “Flash Sale” before you extend it.")


# Accounts


def two_accounts(rows: Rows, there: Any) -> Rows:
    """The rows, and those of a second property as large as the first, on the days that it has."""
    return rows | {
        table: [*rows[table], *(row | {"property_id": "2"} for row in rows[table] if there(row["date"]))]
        for table in GA4
    }


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (lambda day: day >= date(2025, 3, 15), "One of 2 properties has sessions only since 15 March"),
        (lambda day: day >= date(2025, 2, 20), "One of 2 properties has sessions only since 20 February"),
        (lambda day: day <= date(2025, 3, 16), "One of 2 properties has no sessions since 17 March"),
        (lambda day: day <= date(2025, 2, 20), "One of 2 properties has no sessions since 21 February"),
    ],
)
def test_an_account_that_came_or_fell_silent_is_told_and_nothing_else_of_its_source(
    worlds: Worlds, there: Any, said: str
) -> None:
    texts = worlds.tell(two_accounts(history(640, days=28), there))
    assert [text.partition(",")[0] for text in texts] == [said]
    plant = Plant(returns={"Retargeting": 0.4})
    others = worlds.tell(two_accounts(history(640, plant, days=28), there))
    assert [text for text in others if text.startswith("Return on ad spend is down")]


@pytest.mark.parametrize(
    ("there", "question"),
    [
        # A year ago the second account was not there.
        (lambda day: day.year == 2025, {"compare": "previous_year"}),
        (lambda day: day.year == 2024, {"compare": "previous_year"}),
        # The window lies in the past: what came after it nobody has asked.
        (lambda day: day <= END - timedelta(days=12), {"today": END + timedelta(days=40)}),
    ],
)
def test_where_nobody_knows_since_when_an_account_is_there_nothing_is_told(
    worlds: Worlds, there: Any, question: dict[str, Any]
) -> None:
    rows = history(643, days=28)
    year = timedelta(days=365)
    earlier = {table: [row | {"date": row["date"] - year} for row in rows[table]] for table in GA4}
    rows |= {table: [*rows[table], *earlier[table]] for table in GA4}
    texts = worlds.tell(two_accounts(rows, there), **question)
    assert not [text for text in texts if "essions" in text or "Revenue" in text], texts


def test_two_accounts_that_are_there_are_one_site(worlds: Worlds) -> None:
    rows = two_accounts(history(641, Plant(channel={"Organic Search": 0.4}), days=28), lambda day: True)
    assert "most of it in Organic Search" in find(worlds.tell(rows), "Sessions are down 2")
    assert "most of it in Organic Search" in find(worlds.tell(lose_days(rows, 0.06, 3)), "Sessions are down 2")
    spiked = {**rows, "ga4_daily": [row | {"revenue": 9e4 if row["date"] == END else 1e3} for row in rows["ga4_daily"]]}
    assert find(worlds.tell(spiked, compare="off"), "Revenue stood out on 30 March: $180,000")


def test_an_account_of_a_few_days_now_and_then_is_not_judged(worlds: Worlds) -> None:
    chance = Random(4)
    days = {END - timedelta(days=back) for back in range(56) if chance.random() < 0.3}
    texts = worlds.tell(two_accounts(history(642, days=28), lambda day: day in days))
    assert not [text for text in texts if text.startswith("One of")]


def test_the_days_that_are_compared_are_said_once_under_a_heading(worlds: Worlds) -> None:
    rows = history(610, Plant(channel={"Organic Search": 0.4}, returns={"Retargeting": 0.4}), days=28)
    told = worlds.say(worlds.settle(rows), today=END - timedelta(days=2))
    words = "comparing 3 to 27 March with 3 to 27 February"
    texts = {group: [each.text for each in told if each.group == group] for group in ("Ads", "Traffic")}
    assert all(len(each) > 1 for each in texts.values())
    assert [sum(words in text for text in each) for each in texts.values()] == [1, 1]
    assert words in texts["Traffic"][0]


def test_what_came_or_went_is_told_of_all_its_days(worlds: Worlds) -> None:
    """A comparison may leave out days, and what is compared with nothing may not: its figure would be too small."""
    rows = flights({"Brand": lambda _: (300.0, 2.0), "Sale": lambda back: (100.0 if back < 10 else 0.0, 2.0),
                    "Spring": lambda back: (90.0 if back >= 30 else 0.0, 2.0)})  # fmt: skip
    rows = days_gone(rows, {END - timedelta(days=back) for back in range(32, 36)}, "meta_ads_daily")
    texts = worlds.tell(rows)
    begun, gone = (
        sum(row["spend"] for row in rows["meta_ads_daily"] if row["campaign_name"] == name)
        for name in ("Sale", "Spring")
    )
    assert find(texts, "Spend on “Sale”").startswith(f"Spend on “Sale” is new since 21 March: ${begun:,.0f}, ")
    assert find(texts, "Spend on “Spring”").startswith(f"Spend on “Spring” ended on 28 February (${gone:,.0f} before).")


def test_a_named_series_is_compared_and_written_as_its_own(worlds: Worlds) -> None:
    """Where days are missing a sum beside it does not make a ratio one, nor write it in its own format."""
    metrics = worlds.catalog.metrics
    spend, costs = metrics["meta.spend"], metrics["meta.cost_metrics"]
    assert isinstance(spend, TableMetric)
    assert isinstance(costs, TableMetric)
    ratio = replace(costs.series[0], name="Ratio", format="percent")
    both = replace(costs, series=(spend.series[0], ratio), headline=0)
    rows = days_gone(history(640, days=28), {END - timedelta(days=3)}, "meta_ads_daily")
    window = Window(FIRST, END)
    question = parse_metric_query(today=END, start=str(FIRST), end=str(END), compare="previous_period")
    asker = RequestContext(tenant=worlds.settle(rows), connected=frozenset({"meta"}), reads={})
    answer = worlds.engine.query_each([both], question, asker)[both.key]
    assert isinstance(answer, WidgetAnswer)
    assert question.period.comparison is not None
    compared = question.period.comparison.window
    span = Span(window, Compare.PREVIOUS_PERIOD, END + timedelta(days=1), Language(), compared)
    found = find_change(FactDefinition(change=both.key, series="Ratio"), {"change": read_answer(answer, span)})
    (stats,) = (each["stats"] for each in answer.body["series"] if each["name"] == "Ratio")
    assert found is not None
    assert found.view["value"] == f"{stats['value']:.1%}"
    assert found.view["previous"] == f"{stats['previous']:.1%}"
