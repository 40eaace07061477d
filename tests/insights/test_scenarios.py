from __future__ import annotations

import pytest

from tests.insights.scenarios import Score, scenarios, scored, table
from tests.insights.worlds import Worlds
from tests.support.paths import DOCS

PAGE = DOCS / "insights.md"


@pytest.fixture(scope="module")
def scores(worlds: Worlds) -> dict[str, Score]:
    return scored(worlds)


def test_there_are_two_hundred() -> None:
    assert sum(1 for _ in scenarios()) == 200


def test_every_planted_change_is_found_with_its_driver(scores: dict[str, Score]) -> None:
    assert scores["all"].planted == 148
    assert scores["all"].recall == 1, scores["all"].misses


def test_nothing_else_is_said(scores: dict[str, Score]) -> None:
    assert scores["all"].said > 200
    assert scores["all"].precision == 1, scores["all"].misses
    assert scores["flat"].said == scores["one day"].said == scores["empty"].said == 0


def test_what_the_rules_say_would_pass_the_check(scores: dict[str, Score]) -> None:
    assert scores["all"].unproven == []


def test_the_page_has_these_figures(scores: dict[str, Score]) -> None:
    assert table(scores) in PAGE.read_text(encoding="utf-8")
