from __future__ import annotations

import pytest

from tests.insights.scenarios import Score, flat, scenarios, score_scenarios, table
from tests.insights.worlds import Worlds
from tests.support.paths import DOCS

pytestmark = pytest.mark.slow

PAGE = DOCS / "insights-how.md"


@pytest.fixture(scope="module")
def scores(worlds: Worlds) -> dict[str, Score]:
    return score_scenarios(worlds)


def test_there_are_two_hundred() -> None:
    assert sum(1 for _ in scenarios()) == 200


def test_every_planted_change_is_found_and_nothing_else_is_said(scores: dict[str, Score]) -> None:
    assert scores["all"].planted == 148
    assert (scores["all"].recall, scores["all"].precision) == (1, 1), scores["all"].misses
    assert scores["all"].said > 200
    assert scores["flat"].said == scores["one day"].said == scores["empty"].said == 0


def test_they_are_found_where_days_are_missing(worlds: Worlds) -> None:
    """A third of them; `python -m tests.insights.scenarios` looks at all, with 5 and 15 % of the days missing."""
    scores = score_scenarios(worlds, 0.15, every=3)
    assert scores["all"].planted > 40
    assert (scores["all"].recall, scores["all"].precision) == (1, 1), scores["all"].misses


def test_flat_histories_stay_silent(worlds: Worlds) -> None:
    """Of 32; `python -m tests.insights.scenarios` looks at 800."""
    assert flat(worlds, 0.0, 32) == []


def test_the_page_has_these_figures(scores: dict[str, Score]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(row in page for row in table(scores).splitlines()[2:])
