"""Members that follow others: told only where it is clear, and otherwise as what began and what ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from insights.detect.members import Rename, find_renames, share_words
from insights.detect.significance import DayValues, Windows
from tests.insights.worlds import Worlds, flights

On = Callable[[int], tuple[float, float]]


def until(back: int, spend: float, worth: float = 2.5) -> On:
    return lambda day: (spend if day >= back else 0, worth)


def since(back: int, spend: float, worth: float = 2.5) -> On:
    return lambda day: (spend if day < back else 0, worth)


def always(spend: float, worth: float = 2.5) -> On:
    return lambda _: (spend, worth)


def list_bullets(worlds: Worlds, budgets: dict[str, On]) -> list[str]:
    return worlds.tell(flights(budgets))


def test_two_renames_on_one_day_do_not_cross(worlds: Worlds) -> None:
    """Brand v2 is as large as Catalogue was, and yet follows Brand."""
    budgets = {
        "Brand": until(28, 130),
        "Brand v2": since(28, 112),
        "Catalogue": until(28, 110),
        "Catalogue v2": since(28, 125),
        "Prospecting": always(200),
    }
    facts = worlds.collect(worlds.settle(flights(budgets)))
    view = facts.findings["campaigns"].view
    assert {(each["before"], each["name"]) for each in view["replaced"]} == {
        ("Brand", "Brand v2"),
        ("Catalogue", "Catalogue v2"),
    }
    assert view["new"] == view["falling"] == view["rising"] == []


def test_a_pause_that_another_campaign_covers_is_told(worlds: Worlds) -> None:
    """A sale begins on the day after the campaign that always runs stopped, and is as large: nothing tells them apart
    from a new name but the name itself.
    """
    texts = list_bullets(
        worlds,
        {"Prospecting": until(7, 300, 3), "January Clearance": since(7, 330, 1), "Retargeting": always(120, 4)},
    )
    assert [text for text in texts if text.startswith("Spend on “January Clearance” is new")]
    assert [text for text in texts if text.startswith("Spend on “Prospecting” is down 2")]
    assert not [text for text in texts if "took the place" in text]


def test_one_of_another_size_is_a_new_one(worlds: Worlds) -> None:
    texts = list_bullets(worlds, {"Spring": until(28, 100), "Spring II": since(28, 200), "Prospecting": always(200)})
    assert [text for text in texts if text.startswith("Spend on “Spring II” is new")]
    assert [text for text in texts if text.startswith("Spend on “Spring” ended on 2 March ($2,")]


def test_where_two_may_have_followed_neither_did(worlds: Worlds) -> None:
    texts = list_bullets(
        worlds,
        {"Sale": until(28, 100), "Sale A": since(28, 105), "Sale B": since(28, 95), "Prospecting": always(200)},
    )
    assert not [text for text in texts if "took the place" in text]
    assert [
        text for text in texts if "“Sale A” is new since 3 March" in text and "that on “Sale B” since 3 March" in text
    ]


def test_one_that_comes_back_was_not_replaced() -> None:
    old = DayValues((100.0,) * 6 + (0.0,) * 3 + (90.0,))
    new = DayValues((0.0,) * 6 + (100.0,) * 4)
    none = DayValues((0.0,) * 10)
    before = DayValues((100.0,) * 10)
    assert not find_renames([("Brand", Windows(old, before)), ("Brand v2", Windows(new, none))], adjacent=True)
    gone = DayValues((100.0,) * 6 + (0.0,) * 4)
    tracks = [("Brand", Windows(gone, before)), ("Brand v2", Windows(new, none))]
    assert find_renames(tracks, adjacent=True) == [Rename("Brand", "Brand v2")]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("Black Friday 2025", "Black Friday 2026", 1.0),
        ("Brand", "Brand v2", 1.0),
        ("Summer Sale 2026", "Early Summer 2026", 1 / 3),
        ("January Clearance 2026", "Prospecting | Lookalike 2%", 0.0),
        ("2025", "2026", 0.0),
        ("Été – Europe", "été / Europe", 1.0),
    ],
)
def test_names_are_alike_by_their_words(first: str, second: str, shared: float) -> None:
    assert share_words(first, second) == share_words(second, first) == pytest.approx(shared)


def test_against_a_year_earlier_only_names_tell_who_followed(worlds: Worlds) -> None:
    """Two sales of last spring: one is back, under a new name, the other is over; neither fell."""
    rows = flights({"Spring Sale 2025": since(28, 100), "Hiring": since(28, 90), "Prospecting": always(200)})
    year = timedelta(days=365)
    rows["meta_ads_daily"] += [
        row | {"date": row["date"] - year, "campaign_name": name, "campaign_id": name}
        for row in rows["meta_ads_daily"]
        for name in [{"Spring Sale 2025": "Spring Sale 2024", "Hiring": "Clearance"}.get(row["campaign_name"])]
        if name is not None
    ] + [row | {"date": row["date"] - year} for row in rows["meta_ads_daily"] if row["campaign_name"] == "Prospecting"]
    texts = worlds.tell(rows, compare="previous_year")
    assert [text for text in texts if "“Spring Sale 2025” took the place of that on “Spring Sale 2024”" in text]
    assert [text for text in texts if text.startswith("Spend on “Hiring” is new since ")]
    assert not [text for text in texts if "Clearance" in text]
