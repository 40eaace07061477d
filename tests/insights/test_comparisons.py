"""Windows of unequal length, any earlier or later days, and sources that are late: what is said of them is true."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine import Compare, Window
from engine.answer.extent import AccountRead
from insights.config.rules import Language
from insights.detect.significance import DayValues, Windows
from insights.facts import PERIOD, Span
from tests.insights.worlds import END, Plant, Row, Worlds, flights, history, visits

MARCH = Window(date(2025, 3, 1), date(2025, 3, 31))
FEBRUARY = Window(date(2025, 2, 1), date(2025, 2, 28))


def make_span(compare: Compare, compared: Window, window: Window = MARCH, language: Language | None = None) -> Span:
    return Span(window, compare, window.end + timedelta(days=1), language or Language(), compared)


@pytest.mark.parametrize(
    ("compare", "compared", "english", "german"),
    [
        (
            Compare.PREVIOUS_PERIOD,
            Window(date(2025, 1, 29), FEBRUARY.end),
            "the previous 31 days",
            "den 31 Tagen davor",
        ),
        (Compare.PREVIOUS_YEAR, Window(date(2024, 3, 1), date(2024, 3, 31)), "a year earlier", "dem Vorjahr"),
        (
            Compare.PREVIOUS_YEAR_WEEKDAY,
            Window(date(2024, 3, 2), date(2024, 4, 1)),
            "the same weekdays a year earlier",
            "denselben Wochentagen des Vorjahres",
        ),
        (Compare.PREVIOUS_MONTH, FEBRUARY, "a month earlier", "dem Vormonat"),
        (
            Compare.CUSTOM,
            Window(date(2025, 4, 1), date(2025, 5, 1)),
            "1 April to 1 May",
            "den Tagen vom 1. April bis 1. Mai",
        ),
        (
            Compare.CUSTOM,
            Window(date(2023, 12, 15), date(2024, 1, 14)),
            "15 December 2023 to 14 January 2024",
            "den Tagen vom 15. Dezember 2023 bis 14. Januar 2024",
        ),
    ],
)
def test_each_comparison_is_called_what_it_is(
    worlds: Worlds, compare: Compare, compared: Window, english: str, german: str
) -> None:
    for code, text in (("en", english), ("de", german)):
        span = make_span(compare, compared, language=worlds.catalog.insights.language(code))
        assert span.comparison_text == text


def test_a_day_is_compared_with_a_day_and_a_year_is_said_once() -> None:
    day, other = Window(MARCH.end, MARCH.end), Window(FEBRUARY.start, FEBRUARY.start)
    assert make_span(Compare.CUSTOM, other, day).comparison_text == "1 February"
    december = Window(date(2024, 12, 1), date(2024, 12, 31))
    assert make_span(Compare.CUSTOM, december).comparison_text == "1 to 31 December 2024"
    winter = Window(date(2024, 12, 1), date(2025, 1, 31))
    assert make_span(Compare.CUSTOM, winter).comparison_text == "1 December 2024 to 31 January"


def test_of_unequal_windows_as_many_days_are_held_against_each_other() -> None:
    windows = Windows(DayValues((1.0,) * 31, 5), DayValues((2.0,) * 28, 5))
    shared = windows.share(cut=False)
    assert shared == (tuple(range(28)), tuple(range(28)))
    assert windows.keep(shared).totals == (28, 56)
    text = make_span(Compare.PREVIOUS_MONTH, FEBRUARY).describe_days(shared)
    assert text == "comparing 1 to 28 March with 1 to 28 February"
    # And where the compared window is the longer one.
    back = Windows(windows.then, windows.now)
    assert back.share(cut=False) == shared


def test_of_equal_windows_all_days_are_compared() -> None:
    windows = Windows(DayValues((1.0,) * 28, 5), DayValues((2.0,) * 28, 5))
    assert windows.share(cut=False) is None
    assert make_span(Compare.CUSTOM, FEBRUARY).describe_days(None) == PERIOD


def test_adjacent_is_what_ends_where_the_window_begins() -> None:
    assert make_span(Compare.PREVIOUS_MONTH, FEBRUARY).is_adjacent
    assert not make_span(Compare.PREVIOUS_MONTH, Window(date(2025, 2, 10), date(2025, 2, 20))).is_adjacent
    assert not make_span(Compare.CUSTOM, Window(date(2025, 4, 1), date(2025, 5, 1))).is_after


def test_a_longer_month_alone_is_no_rise(worlds: Worlds) -> None:
    """28 days of February and 31 of March, all alike: the sums differ by a tenth, and nothing has happened."""
    tenant = worlds.settle(history(4, days=31, end=MARCH.end, noise=0.02))
    assert worlds.say(tenant, days=31, end=MARCH.end, compare="previous_month") == []


def test_a_rise_in_a_longer_month_is_told_of_the_days_that_are_compared(worlds: Worlds) -> None:
    rows = visits({"Email": lambda now: (900.0 if now else 500.0, 0.04)}, days=31)
    told = worlds.tell(rows, days=30, compare="previous_month")
    # 1 to 30 March and 1 to 28 February.
    assert any("comparing 1 to 28 March with 1 to 28 February" in each for each in told)


def test_what_ends_before_a_later_window_is_not_new(worlds: Worlds) -> None:
    """Held against later days, a campaign that they lack has not begun, but ended."""
    rows = flights({"Brand": lambda back: (100.0, 2.0), "Spring": lambda back: (90.0 if back >= 28 else 0.0, 2.0)})
    told = worlds.tell(rows, end=END - timedelta(days=28), compare="custom", compare_start=END - timedelta(days=27))
    assert not any("is new since" in each or "took the place" in each for each in told)
    # Held against the days before, the other way round, it is.
    rows = flights({"Brand": lambda back: (100.0, 2.0), "Spring": lambda back: (90.0 if back < 28 else 0.0, 2.0)})
    told = worlds.tell(rows, compare="custom", compare_start=END - timedelta(days=55))
    assert any("“Spring” is new since" in each for each in told)


def make_late_rows() -> dict[str, list[Row]]:
    """Everything that rises: there is enough to tell."""
    return history(5, Plant(channel={"Email": 4.0}, returns={"Brand": 3.0}), days=28)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Ad accounts have not all been read since 10 March, so nothing else is said of ads."),
        ("de", "Werbekonten sind seit 10. März nicht alle gelesen, daher wird von Anzeigen sonst nichts gesagt."),
    ],
)
def test_of_a_late_source_nothing_but_that_is_told(worlds: Worlds, language: str, text: str) -> None:
    tenant = worlds.settle(make_late_rows())
    whole = worlds.say(tenant, language=language)
    assert {each.group for each in whole} >= {"Ads", "Traffic"}
    reads = {"meta_ads_daily": {"act_1": AccountRead(date(2025, 3, 9), is_late=True)}}
    told = worlds.say(tenant, language=language, reads=reads)
    (ads,) = (each.text for each in told if each.group == "Ads")
    assert ads.startswith(text)
    # Other sources are told as before, and nothing that is made of both.
    assert {each.group for each in told} == {"Ads", "Traffic"}
    assert [each for each in told if each.group == "Traffic"]


def test_a_source_that_is_late_beyond_the_window_is_told_as_any_other(worlds: Worlds) -> None:
    tenant = worlds.settle(make_late_rows())
    reads = {"meta_ads_daily": {"act_1": AccountRead(END, is_late=True)}}
    assert worlds.say(tenant, reads=reads) == worlds.say(tenant)
