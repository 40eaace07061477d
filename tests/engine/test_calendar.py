"""Windows, their comparison and their buckets: dates worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine.calendar import Compare, Grain, Window, build_period, get_comparison_window


def day(text: str) -> date:
    return date.fromisoformat(f"20{text}")


def list_points(axis: object) -> list[tuple[str, bool]]:
    return [(str(bucket.label)[2:], bucket.is_partial) for bucket in axis.buckets]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("window", "compare", "expected"),
    [
        ("25-11-01/25-11-30", "previous_month", "25-10-01/25-10-31"),
        ("25-11-01/25-11-27", "previous_month", "25-10-01/25-10-27"),
        ("25-03-01/25-03-31", "previous_month", "25-02-01/25-02-28"),
        ("24-03-01/24-03-31", "previous_month", "24-02-01/24-02-29"),
        ("25-03-29/25-03-30", "previous_month", "25-02-28/25-02-28"),
        ("25-02-10/25-02-28", "previous_month", "25-01-10/25-01-31"),
        ("25-01-15/25-03-15", "previous_month", "24-12-15/25-02-15"),
        ("25-11-03/25-11-09", "previous_year_weekday", "24-11-04/24-11-10"),
        ("24-02-29/24-03-01", "previous_year", "23-02-28/23-03-01"),
    ],
)
def test_the_comparison_window(window: str, compare: str, expected: str) -> None:
    start, end = map(day, window.split("/"))
    found = get_comparison_window(Window(start, end), Compare(compare))
    assert found == Window(*map(day, expected.split("/")))


def test_a_custom_comparison_has_as_many_days() -> None:
    period = build_period(day("25-01-01"), day("25-01-31"), Grain.WEEK, Compare.CUSTOM, day("24-12-20"))
    assert period.comparison is not None
    assert period.comparison.window == Window(day("24-12-20"), day("25-01-19"))
    # 1 January 2025 is a Wednesday: its bucket begins on Monday, 30 December, and has five days.
    assert list_points(period.current) == [
        ("24-12-30", True),
        ("25-01-06", False),
        ("25-01-13", False),
        ("25-01-20", False),
        ("25-01-27", True),
    ]
    assert list_points(period.comparison) == [
        ("24-12-20", True),
        ("24-12-25", False),
        ("25-01-01", False),
        ("25-01-08", False),
        ("25-01-15", True),
    ]
    # The two overlap, and are read once.
    assert period.ranges == (Window(day("24-12-20"), day("25-01-31")),)


def test_the_month_before_has_buckets_of_its_own() -> None:
    period = build_period(day("25-03-01"), day("25-03-31"), Grain.WEEK, Compare.PREVIOUS_MONTH)
    assert period.comparison is not None
    assert len(period.current.buckets) == 6
    assert list_points(period.comparison) == [
        ("25-01-27", True),
        ("25-02-03", False),
        ("25-02-10", False),
        ("25-02-17", False),
        ("25-02-24", True),
    ]


def test_quarters_and_years() -> None:
    period = build_period(day("23-11-15"), day("25-02-28"), Grain.QUARTER, Compare.OFF)
    assert list_points(period.current) == [
        ("23-10-01", True),
        ("24-01-01", False),
        ("24-04-01", False),
        ("24-07-01", False),
        ("24-10-01", False),
        ("25-01-01", True),
    ]
    years = build_period(day("24-01-01"), day("25-12-31"), Grain.YEAR, Compare.PREVIOUS_YEAR)
    assert years.comparison is not None
    assert list_points(years.current) == [("24-01-01", False), ("25-01-01", False)]
    assert list_points(years.comparison) == [("23-01-01", False), ("24-01-01", False)]


def test_a_day_is_never_partial() -> None:
    period = build_period(day("25-01-01"), day("25-01-02"), Grain.DAY, Compare.PREVIOUS_PERIOD)
    assert period.comparison is not None
    assert [*list_points(period.current), *list_points(period.comparison)] == [
        ("25-01-01", False),
        ("25-01-02", False),
        ("24-12-30", False),
        ("24-12-31", False),
    ]


@pytest.mark.parametrize(
    ("window", "compare", "through", "expected"),
    [
        # This month, known up to the 21st.
        ("25-11-01/25-11-30", "previous_month", "25-11-21", "25-10-01/25-10-21"),
        ("25-03-01/25-03-31", "previous_month", "25-03-30", "25-02-01/25-02-28"),
        ("25-02-01/25-02-28", "previous_period", "25-02-21", "25-01-04/25-01-24"),
        # The bucket of the day after, a leap day, begins on 1 March: 28 February is opposite.
        ("24-02-01/24-03-31", "previous_year", "24-02-28", "23-02-01/23-02-28"),
        ("24-02-01/24-03-31", "previous_year", "24-02-29", "23-02-01/23-02-28"),
        ("25-11-03/25-11-09", "previous_year_weekday", "25-11-04", "24-11-04/24-11-05"),
    ],
)
def test_the_comparison_to_date(window: str, compare: str, through: str, expected: str) -> None:
    start, end = map(day, window.split("/"))
    period = build_period(start, end, Grain.DAY, Compare(compare))
    assert period.get_comparison_to_date(day(through)) == Window(*map(day, expected.split("/")))


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("compare", [each for each in Compare if each is not Compare.OFF])
def test_buckets_partition_both_windows(grain: Grain, compare: Compare) -> None:
    for offset in range(0, 800, 37):
        start = day("23-01-28") + timedelta(days=offset)
        end = start + timedelta(days=offset % 460)
        period = build_period(start, end, grain, compare, start - timedelta(days=11) if compare == "custom" else None)
        assert period.comparison is not None
        for axis in (period.current, period.comparison):
            days = [
                bucket.start + timedelta(days=each)
                for bucket in axis.buckets
                for each in range((bucket.end - bucket.start).days + 1)
            ]
            assert days == list(axis.window)
