"""The building blocks of the demo's rhythm."""

from datetime import date, timedelta
from itertools import pairwise
from random import Random
from statistics import mean, stdev

import pytest

from demo.campaigns import find_promotion, list_promotions
from demo.rhythm import (
    ANCHOR,
    compute_drift,
    compute_trend,
    compute_weekday_factor,
    draw_factor,
    find_black_friday,
    find_spell,
    is_in_spell,
)
from demo.tenants import EVERYTHING

DAYS = [ANCHOR + timedelta(days=n) for n in range(1_000)]


@pytest.mark.parametrize("friday", [date(2023, 11, 24), date(2024, 11, 29), date(2025, 11, 28), date(2026, 11, 27)])
def test_black_friday(friday: date) -> None:
    assert find_black_friday(friday.year) == friday


def test_a_week_is_one_on_average() -> None:
    assert mean(compute_weekday_factor(day) for day in DAYS[:7]) == pytest.approx(1.0)


def test_growth_is_yearly() -> None:
    assert compute_trend(ANCHOR, 0.13) == 1.0
    assert compute_trend(date(2029, 1, 1), 0.13) == pytest.approx(1.13**4)


def test_drift_wanders_smoothly_around_one() -> None:
    path = [compute_drift("a", day, every=10, size=0.1) for day in DAYS]
    steps = [abs(after - before) for before, after in pairwise(path)]
    assert mean(path) == pytest.approx(1.0, abs=0.03)
    assert 0.05 < stdev(path) < 0.12
    assert max(steps) < 0.1
    assert path != [compute_drift("b", day, every=10, size=0.1) for day in DAYS]


def test_a_wobble_is_never_below_zero() -> None:
    chance = Random(1)
    assert min(draw_factor(chance, 2.0) for _ in range(1_000)) > 0


def test_every_block_has_one_spell() -> None:
    for block in range(4_900, 4_960):
        first, last = find_spell("a", block, every=150, longest=3)
        assert first.toordinal() // 150 == last.toordinal() // 150 == block
        assert 0 <= (last - first).days < 3
        assert is_in_spell("a", first, every=150, longest=3)
        assert not is_in_spell("a", first - timedelta(days=1), every=150, longest=3)


def test_sales_follow_each_other() -> None:
    for year in range(2020, 2031):
        sales = list_promotions(EVERYTHING.key, year)
        assert all(sale.first <= sale.last for sale in sales)
        assert all(before.last < after.first for before, after in pairwise(sales))
        assert {sales[0].first.year, sales[-1].last.year} == {year}
    assert find_promotion(EVERYTHING, find_black_friday(2025)) == list_promotions(EVERYTHING.key, 2025)[-2]
    assert find_promotion(EVERYTHING, date(2025, 12, 25)) is None
