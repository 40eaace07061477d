"""What the rules of the shipped insights.yaml say and advise, and when they hold their tongue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from math import exp
from random import Random
from statistics import median

import pytest

from tests.insights.worlds import CAMPAIGNS, END, WEEKS, Plant, Row, Worlds, flights, history, tell, visits

Rows = dict[str, list[Row]]
SPENT = ("spend", "impressions", "clicks", "conversions", "conversion_value")
FIRST = END - timedelta(days=27)
GA4 = ("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily")


def scale_rows(rows: Rows, table: str, columns: Mapping[str, float], *, days: Callable[[date], bool]) -> Rows:
    """The rows with the columns of a table multiplied on these days."""
    listed = [
        row | {name: round(row[name] * factor, 2) for name, factor in columns.items()} if days(row["date"]) else row
        for row in rows[table]
    ]
    return rows | {table: listed}


def now(day: date) -> bool:
    return day >= FIRST


def the_last(count: int) -> Callable[[date], bool]:
    return lambda day: day > END - timedelta(days=count)


# Ratios


def test_the_visitors_changed_only_where_the_channels_convert_as_before(worlds: Worlds) -> None:
    """Display, which converts badly, is gone: nothing is wrong with the site, and nobody is sent to its checkout."""
    rows = visits(
        {
            "Organic Search": lambda now: (3000, 0.05),
            "Direct": lambda now: (2000, 0.05),
            "Display": lambda now: (6000 if now else 100, 0.01),
        }
    )
    texts = worlds.tell(rows)
    (why,) = [text for text in texts if text.startswith("Conversions per session are down")]
    assert "mostly because of Display, which converts worse than the whole and has a larger share" in why
    assert why.endswith("Look at the visitors first.")
    (rate,) = [text for text in texts if text.startswith("The conversion rate of the site is down")]
    assert rate.endswith("%.")


def test_the_site_is_to_be_looked_at_where_every_channel_converts_worse(worlds: Worlds) -> None:
    rows = visits(
        {
            "Organic Search": lambda now: (3000, 0.05 if now else 0.06),
            "Direct": lambda now: (2000, 0.05 if now else 0.06),
            "Display": lambda now: (6000 if now else 500, 0.008 if now else 0.01),
        }
    )
    texts = worlds.tell(rows)
    (why,) = [text for text in texts if text.startswith("Conversions per session are down")]
    assert "mostly because of Display" in why
    assert "visitors" not in why
    (rate,) = [text for text in texts if text.startswith("The conversion rate of the site is down")]
    assert rate.endswith("Walk through the checkout on a phone first.")


def test_more_visitors_that_do_not_buy_are_not_to_be_repeated(worlds: Worlds) -> None:
    rows = visits(
        {
            "Direct": lambda now: (2000, 0.05),
            "Paid Social": lambda now: (6000 if now else 1500, 0.01 if now else 0.03),
        }
    )
    (sessions,) = [text for text in worlds.tell(rows) if text.startswith("Sessions are up")]
    assert sessions.endswith("Check what these visitors bring before you do more of it.")


def test_a_site_that_converts_better_is_given_more(worlds: Worlds) -> None:
    rows = scale_rows(history(40, days=28, noise=0.03), "ga4_daily", {"converting_sessions": 1.3}, days=now)
    (said,) = worlds.tell(rows)
    assert said.startswith("The conversion rate of the site is up 30% ")
    assert said.endswith("Bring more traffic to the pages that convert.")


# Money


def test_spend_of_two_currencies_is_not_spend_that_stood_still(worlds: Worlds) -> None:
    """Nobody can sum it: what follows from it, or from its standing still, is not said."""
    first, second = (flights({name: lambda back: (200 if back >= 28 else 80, 3.0)}) for name in ("A", "B"))
    rows = first["meta_ads_daily"]
    rows += [row | {"account_id": "act_2", "currency": "EUR"} for row in second["meta_ads_daily"]]
    (said,) = worlds.tell({"meta_ads_daily": rows})
    assert said.startswith("Conversions from ads are down 5")
    assert said[-2].isdigit()
    for row in rows:
        row["conversions"] = row["conversions"] * 5 if row["date"] >= FIRST else row["conversions"]
    (said,) = worlds.tell({"meta_ads_daily": rows})
    assert said.startswith("Conversions from ads are up")
    assert said[-2].isdigit()


@pytest.mark.parametrize(
    ("conversions", "revenue", "told_so"), [(0.885, 0.915, False), (1.0, 0.915, False), (1, 1, True)]
)
def test_saved_spend_is_no_loss_only_where_nothing_was_lost(
    worlds: Worlds, conversions: float, revenue: float, told_so: bool
) -> None:
    """What is down by a tenth may be less than what is notable, and is no gain."""
    rows = history(8, days=28, noise=0.01)
    rows = scale_rows(rows, "meta_ads_daily", {"spend": 0.7, "conversions": conversions}, days=now)
    rows = scale_rows(rows, "ga4_daily", {"revenue": revenue}, days=now)
    saved = [text for text in worlds.tell(rows) if text.startswith("Ad spend is down 30%")]
    assert bool(saved) is told_so
    for text in saved:
        assert "while sessions are little changed, conversions from ads little changed and revenue little" in text


def test_spend_that_brings_something_is_not_to_be_held_back(worlds: Worlds) -> None:
    plant = Plant(spend=dict.fromkeys(CAMPAIGNS, 1.83), returns=dict.fromkeys(CAMPAIGNS, 0.9))
    rows = history(24, plant, days=28)
    (said,) = [text for text in worlds.tell(rows) if text.startswith("Ad spend is up 8")]
    assert said.endswith("Check what the added spend brings before you extend it.")
    (said,) = [text for text in worlds.tell(history(24, Plant(all_spend=1.8), days=28)) if "Ad spend is up 8" in text][
        :1
    ]
    assert said.endswith("Hold the budget until you know why.")


def test_clicks_and_impressions_that_cost_more_are_told(worlds: Worlds) -> None:
    dearer = scale_rows(history(31, days=28), "meta_ads_daily", {"clicks": 0.5}, days=now)
    (said,) = worlds.tell(dearer)
    assert said.startswith("The click rate is down 50% against the previous 28 days, from ")
    assert "; the cost per click is up 10" in said
    dearer = scale_rows(history(31, days=28), "meta_ads_daily", {"clicks": 0.5, "impressions": 0.5}, days=now)
    (said,) = worlds.tell(dearer)
    assert said.startswith("The CPM is up 100% against the previous 28 days, from $")


# Days


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("days", [7, 28])
def test_a_checkout_that_broke_yesterday_is_told(worlds: Worlds, count: int, days: int) -> None:
    rows = scale_rows(
        history(32, days=days),
        "ga4_daily",
        {"revenue": 0, "conversions": 0, "converting_sessions": 0},
        days=the_last(count),
    )
    first = END - timedelta(days=count - 1)
    texts = worlds.tell(rows, days=days)
    assert texts[0].startswith(f"Revenue stood out on {first.day} March: $0, where a usual day has $1,")


def test_a_budget_that_ran_away_for_a_day_is_told(worlds: Worlds) -> None:
    rows = scale_rows(history(33, days=28), "meta_ads_daily", {"spend": 20}, days=lambda day: day == date(2025, 3, 26))
    assert [text for text in worlds.tell(rows) if text.startswith("Ad spend stood out on 26 March: $5,")]


def test_conversions_that_were_not_counted_for_a_day_are_told(worlds: Worlds) -> None:
    rows = scale_rows(history(34, days=28), "meta_ads_daily", {"conversions": 0}, days=the_last(1))
    assert [text for text in worlds.tell(rows) if text.startswith("Conversions from ads stood out on 30 March: 0,")]


@pytest.mark.parametrize("factor", [0, 3])
def test_many_days_are_no_day_that_stands_out(worlds: Worlds, factor: float) -> None:
    rows = scale_rows(history(35, days=28), "meta_ads_daily", dict.fromkeys(SPENT, factor), days=the_last(10))
    texts = worlds.tell(rows)
    assert texts
    assert not [text for text in texts if "stood out" in text]


def test_a_large_order_now_and_then_is_no_news(worlds: Worlds) -> None:
    """One to three orders a day, of 10 to 400 dollars: no day of them stands out, and one of a hundred orders does."""
    rows = history(42, days=28)
    chance = Random(5)
    for row in rows["ga4_daily"]:
        row["conversions"] = row["converting_sessions"] = chance.randint(1, 3)
        row["revenue"] = round(sum(exp(chance.uniform(2.3, 6)) for _ in range(row["conversions"])), 2)
    assert max(row["revenue"] for row in rows["ga4_daily"]) > 3 * median(row["revenue"] for row in rows["ga4_daily"])
    assert not [text for text in worlds.tell(rows) if "stood out" in text]
    rows["ga4_daily"][40]["revenue"] = 12_000
    assert [text for text in worlds.tell(rows) if text.startswith("Revenue stood out on 15 March: $12,000")]


def test_refunds_beyond_all_sales_have_no_percentage(worlds: Worlds) -> None:
    rows = scale_rows(history(43, days=28), "ga4_daily", {"revenue": -0.2}, days=now)
    assert worlds.tell(rows) == []
    rows = scale_rows(history(43, days=28), "ga4_daily", {"revenue": -20}, days=the_last(1))
    assert not [text for text in worlds.tell(rows) if "Revenue" in text]


def test_a_newsletter_s_weekdays_are_no_news(worlds: Worlds) -> None:
    """It is sent on Tuesdays and Thursdays: each day and each four days have more or less of it than those before."""
    rows = history(37, days=28)
    for row in rows["ga4_channels_daily"]:
        if row["channel"] == "Email":
            row["sessions"] *= 5 if row["date"].weekday() in (1, 3) else 1
    tenant = worlds.settle(rows)
    for days in (1, 4):
        for back in range(7):
            assert tell(worlds.collect(tenant, days=days, end=END - timedelta(days=back))) == []


@pytest.mark.parametrize(
    ("back", "late", "advice"),
    [
        (5, 0, "Follow it up while it lasts."),
        (20, 0, "Repeat what worked there."),
        (5, 30, "Repeat what worked there."),
    ],
)
def test_only_what_is_fresh_is_to_be_followed_up(worlds: Worlds, back: int, late: int, advice: str) -> None:
    rows = history(38, Plant(spike=(back, 8.0)), days=28)
    texts = worlds.tell(rows, today=END + timedelta(days=1 + late))
    (said,) = [text for text in texts if text.startswith("Interactions on Instagram peaked")]
    assert said.endswith(advice)


def test_after_a_viral_post_nothing_has_fallen(worlds: Worlds) -> None:
    """Of the compared period four days stand out, and without them there is no change."""
    rows = history(38, days=28, noise=0.15)
    viral = {END - timedelta(days=back): factor for back, factor in ((42, 9), (41, 7), (40, 5), (39, 4))}
    for row in rows["ig_account_daily"]:
        row["interactions"] *= viral.get(row["date"], 1)
    assert worlds.tell(rows) == []


# Members


def test_a_new_landing_page_is_told(worlds: Worlds) -> None:
    rows = history(39, days=28, week=WEEKS[0])
    rows["ga4_landing_pages_daily"] += [
        row | {"landing_page": "/lp/giveaway"}
        for row in rows["ga4_landing_pages_daily"]
        if row["landing_page"] == "/" and row["date"] >= FIRST
    ]
    (said,) = [text for text in worlds.tell(rows) if "/lp/giveaway" in text]
    assert said.startswith("The landing page “/lp/giveaway” is new since 3 March: it began ")


def test_it_is_said_once_against_what(worlds: Worlds) -> None:
    rows = history(
        40,
        Plant(channel={"Referral": 0.3}, page={"/blog/care": 0.4}, returns=dict.fromkeys(CAMPAIGNS, 0.6)),
        days=28,
        noise=0.03,
    )
    rows = scale_rows(rows, "ga4_daily", {"converting_sessions": 0.7}, days=now)
    rows = scale_rows(rows, "ig_account_daily", {"followers": 1.2, "reach": 1.5}, days=now)
    texts = worlds.tell(rows)
    assert len(texts) >= 7
    assert ["against the previous 28 days" in text for text in texts] == [True, *[False] * (len(texts) - 1)]


@pytest.mark.parametrize(
    ("campaign", "worth", "advice"),
    [
        ("Brand", 2.0, "Find out what worked in “Brand”, which returns less than the rest."),
        ("Retargeting", 1.6, "Consider moving budget to “Retargeting”."),
    ],
)
def test_budget_is_moved_only_to_who_returns_more(worlds: Worlds, campaign: str, worth: float, advice: str) -> None:
    rows = history(41, Plant(returns={campaign: worth}), days=28, noise=0.02)
    for row in rows["meta_ads_daily"]:
        row["spend"] *= 4 if row["campaign_name"] == "Brand" else 1
        row["conversion_value"] *= 2 if row["campaign_name"] == "Brand" else 1
    (said,) = [text for text in worlds.tell(rows) if text.startswith("Return on ad spend is up")]
    assert f"mostly “{campaign}” itself (" in said
    assert said.endswith(advice)
