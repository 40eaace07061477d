"""Facts against arithmetic on the rows themselves, and what is no fact."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from math import fsum
from statistics import fmean, median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.claims import write_clauses
from insights.collect_facts import CollectedFacts
from insights.config.rules import Language
from insights.config.sentences import read_examples
from insights.detect.significance import DayValues, Value, Windows, weigh_ratios
from insights.facts import NumberStyle
from insights.offer import MOST_TOKENS, Offer
from tests.insights.conftest import EVENTFUL
from tests.insights.worlds import CAMPAIGNS, WEEKS, Plant, Row, Worlds, history

EN = Language()
ROWS = history(1, EVENTFUL, days=28)
FIRST = date(2025, 3, 3)


def sum_column(table: str, column: str, *, now: bool, **only: Any) -> float:
    rows = [row for row in ROWS[table] if (row["date"] >= FIRST) == now]
    return float(sum(row[column] for row in rows if all(row[name] == value for name, value in only.items())))


def view(facts: CollectedFacts, name: str) -> Any:
    return facts.findings[name].view


def test_a_change_is_that_of_the_rows(eventful: CollectedFacts) -> None:
    found = view(eventful, "sessions")
    value, previous = (sum_column("ga4_daily", "sessions", now=now) for now in (True, False))
    assert (found["value"], found["previous"]) == (f"{value:,.0f}", f"{previous:,.0f}")
    assert found["difference"] == f"{value - previous:,.0f}"
    assert found["change"] == f"{(previous - value) / previous:.0%}"
    assert found["direction"] == "down"


def test_members_are_those_of_the_rows(eventful: CollectedFacts) -> None:
    found = view(eventful, "channels")
    whole = sum_column("ga4_channels_daily", "sessions", now=True)
    value = sum_column("ga4_channels_daily", "sessions", now=True, channel="Organic Search")
    (fallen,) = found["falling"]
    assert (fallen["name"], fallen["value"], fallen["share"]) == (
        "Organic Search",
        f"{value:,.0f}",
        f"{value / whole:.0%}",
    )
    assert (found["driver"]["name"], found["rising"]) == ("Organic Search", [])


def test_a_spike_is_held_against_a_usual_day(eventful: CollectedFacts) -> None:
    found = view(eventful, "viral_day")
    days = {row["date"]: row["interactions"] for row in ROWS["ig_account_daily"]}
    spiked, usual = date(2025, 3, 25), median(days.values())
    assert (found["day"], found["value"], found["usual"]) == ("25 March", f"{days[spiked]:,}", f"{usual:,.0f}")
    assert found["times"] == f"{days[spiked] / usual:.1f} times"
    assert found["post"] == {"caption": "The wool throw is back", "kind": "video", "day": "25 March"}


def test_a_ratio_is_explained_by_the_campaign_that_fell(eventful: CollectedFacts) -> None:
    found = view(eventful, "roas_why")
    (worth, spend), (worth_then, spend_then) = (
        [
            sum_column("meta_ads_daily", each, now=now, campaign_name="Retargeting")
            for each in ("conversion_value", "spend")
        ]
        for now in (True, False)
    )
    (all_worth, whole), (all_worth_then, whole_then) = (
        [sum_column("meta_ads_daily", each, now=now) for each in ("conversion_value", "spend")] for now in (True, False)
    )
    shift, middle = spend / whole - spend_then / whole_then, (all_worth / whole + all_worth_then / whole_then) / 2
    effect = worth / whole - worth_then / whole_then - middle * shift
    assert (found["driver"]["name"], found["driver"]["mainly"]) == ("Retargeting", "rate")
    assert found["driver"]["effect"] == f"{effect:+.2f}"


def test_what_sentences_see_has_just_the_fields_of_the_language(worlds: Worlds, eventful: CollectedFacts) -> None:
    """At every depth: what is tried out when the files are loaded is what comes."""
    kinds = set()
    late = worlds.collect(worlds.settle(without(ROWS, days_back(0, 4))))
    for name, found in (*eventful.findings.items(), *late.findings.items()):
        kinds.add(kind := eventful.insights.observations[name].kind)
        assert_alike(found.view, read_examples()[kind][0], name)
    assert kinds == read_examples().keys()


def assert_alike(view: Any, example: Any, where: str) -> None:
    if isinstance(example, dict):
        if view is not None:
            assert view.keys() == example.keys(), where
            for name, each in example.items() if "accounts" not in example else ():
                assert_alike(view[name], each, f"{where}.{name}")
    elif isinstance(example, list):
        for each in view:
            assert_alike(each, example[0], where)
    else:
        assert isinstance(view, type(example)), where


def test_a_request_is_a_handful_of_statements(worlds: Worlds) -> None:
    tenant = worlds.settle(history(8, days=28))
    statements: list[float] = []
    worlds.warehouse.observe_queries(statements.append)
    worlds.collect(tenant)
    # Six tables; the channels and the campaigns, a ratio of all channels, and the posts.
    # The followers of each account's last day, and who of several accounts was there: of one table each.
    scans = {"ga4": 5, "meta": 3, "instagram": 5}
    assert len(statements) == sum(scans.values())
    for source in scans:
        statements.clear()
        worlds.collect(tenant, connected=frozenset((source,)))
        assert len(statements) == scans[source]
    statements.clear()
    worlds.collect(tenant, connected=frozenset())
    assert statements == []


def days_back(first: int, last: int) -> frozenset[date]:
    return frozenset(date(2025, 3, 30) - timedelta(days=back) for back in range(first, last))


def without(rows: dict[str, list[Row]], gone: frozenset[date]) -> dict[str, list[Row]]:
    return {
        table: [row for row in listed if row.get("date", row.get("posted_on")) not in gone]
        for table, listed in rows.items()
    }


@pytest.mark.parametrize(("first", "last"), [(0, 4), (0, 10), (8, 16), (24, 32), (32, 40), (50, 55)])
@pytest.mark.parametrize("week", WEEKS)
def test_days_without_data_are_no_drop(worlds: Worlds, first: int, last: int, week: tuple[float, ...]) -> None:
    """A source that answers late, or was connected late, or was away for some days, has fewer days: no change."""
    rows = without(history(700, days=28, week=week), days_back(first, last))
    assert [text for text in worlds.tell(rows) if "no data since" not in text] == []


def test_a_source_that_was_connected_late_still_has_its_spike(worlds: Worlds) -> None:
    rows = without(
        history(9, Plant(spike=(3, 7.0)), days=28),
        frozenset(date(2025, 3, 30) - timedelta(days=back) for back in range(28, 56)),
    )
    (said,) = worlds.tell(rows)
    assert said.startswith("Interactions on Instagram peaked on 27 March")


def test_without_comparison_only_what_stands_out_is_said(worlds: Worlds) -> None:
    (said,) = worlds.tell(ROWS, compare="off")
    assert said.startswith("Interactions on Instagram peaked on 25 March")


def test_two_currencies_make_no_fact_of_money(worlds: Worlds) -> None:
    rows = history(10, EVENTFUL, days=28)
    rows["meta_ads_daily"] += [row | {"account_id": "act_2", "currency": "EUR"} for row in rows["meta_ads_daily"]]
    gathered = worlds.collect(worlds.settle(rows), connected=frozenset(("meta",)))
    assert not {"spend", "roas", "roas_why", "campaigns"} & gathered.findings.keys()


@pytest.mark.parametrize(
    ("now", "then", "change", "clear"),
    [
        ([110.0] * 28, [100.0] * 28, 0.1, True),
        ([104.0] * 28, [100.0] * 28, 0.04, False),
        ([110.0, 90.0] * 14, [60.0, 130.0] * 14, 0.0526, False),
        ([100.0] * 20 + [None] * 8, [100.0] * 28, -0.286, False),
        ([60.0] * 24 + [None] * 4, [100.0] * 24 + [None] * 4, -0.4, True),
        # Each day against its own weekday: the weekends are no unrest.
        (
            [113.0] * 5 + [45.0] * 2 + [115.0] * 5 + [46.0] * 2,
            [100.0] * 5 + [40.0] * 2 + [102.0] * 5 + [41.0] * 2,
            0.13,
            True,
        ),
        ([150.0], [100.0], 0.5, True),
        ([130.0], [100.0], 0.3, False),
        ([None], [100.0], -1.0, False),
        ([], [], 0.5, False),
    ],
)
def test_a_change_is_more_than_the_days_unrest(now: list[Value], then: list[Value], change: float, clear: bool) -> None:
    assert Windows(DayValues(tuple(now)), DayValues(tuple(then))).is_clear(change, least=0.05, additive=True) is clear


def test_numbers_are_rounded_once() -> None:
    assert NumberStyle(EN, "percent", None, 0.0449).write(0.0449) == "4.49%"
    assert NumberStyle(EN, "percent", None, 0.449).write(0.03) == "3.0%"
    assert NumberStyle(EN, "currency", "USD", 1234.5).write(1234.5) == "$1,234"
    assert NumberStyle(EN, "currency", "CHF", 12.345).write(12.345) == "12.35 CHF"
    assert NumberStyle(EN, "integer", None, 9.0).write_difference(-1234.0) == "-1,234"
    assert NumberStyle(EN, "percent", None, 0.05).write_difference(0.0123) == "+1.23 points"
    assert NumberStyle(EN, "decimal", None, 3.456).write(3.456) == "3.46"
    assert EN.write_percent(-0.1249) == "12%"
    assert EN.write_percent(0.0449) == "4.5%"


WORST = ("😀🥹" * 30, "漢字" * 40, "xK9$q/7Z;Wv" * 6, "Ünïcödé " * 9, "١٢٣" * 20)


@pytest.mark.slow
def test_the_request_has_at_most_so_many_tokens(worlds: Worlds, eventful: CollectedFacts) -> None:
    from insights.llm import import_litellm

    rows = history(11, EVENTFUL, days=28)
    names: dict[str, str] = defaultdict(lambda: f"{WORST[len(names) % len(WORST)]} {len(names)}")
    for row in rows["ga4_channels_daily"]:
        row["channel"] = names[row["channel"]]
    for row in rows["ga4_landing_pages_daily"]:
        row["landing_page"] = names[row["landing_page"]]
    for row in rows["meta_ads_daily"]:
        row["campaign_name"] = names[row["campaign_name"]]
    for facts in (eventful, worlds.collect(worlds.settle(rows))):
        request = Offer(facts, write_clauses(facts)).text
        assert request.count('"id"') >= 5
        assert facts.asker.tenant not in request
        assert "act_1" not in request
        for model in ("gpt-4", "gpt-4o", "anthropic/claude-sonnet-4-5"):
            assert import_litellm().token_counter(model=model, text=request) <= MOST_TOKENS


def test_a_monday_is_not_held_against_a_sunday() -> None:
    """Four days against the four before them, Friday to Monday against Monday to Thursday: those are other days."""
    assert not Windows(DayValues((50.0, 30.0, 30.0, 55.0), 4), DayValues((60.0, 61.0, 62.0, 60.0), 0)).is_clear(
        -0.32, least=0.1, additive=True
    )
    assert Windows(DayValues((30.0, 30.0), 5), DayValues((60.0, 61.0), 5)).is_clear(-0.5, least=0.1, additive=True)


def test_a_rise_of_the_last_week_is_no_unrest() -> None:
    rising = [*[100.0, 104.0, 97.0, 101.0, 99.0, 60.0, 62.0] * 3, *[150.0, 153.0, 147.0, 151.0, 149.0, 90.0, 92.0]]
    usual = [102.0, 98.0, 103.0, 96.0, 100.0, 61.0, 59.0] * 4
    assert Windows(DayValues(tuple(rising)), DayValues(tuple(usual))).is_clear(
        sum(rising) / sum(usual) - 1, least=0.08, additive=True
    )
    single = [*usual[:27], usual[27] + 400]
    assert not Windows(DayValues(tuple(single)), DayValues(tuple(usual))).is_clear(
        sum(single) / sum(usual) - 1, least=0.08, additive=True
    )


def test_the_days_that_are_compared_are_those_that_both_windows_have() -> None:
    full, half = DayValues((1.0,) * 28), DayValues((1.0,) * 14 + (None,) * 14)
    assert Windows(full, full).share(cut=False) is None
    first = tuple(range(14))
    assert Windows(half, full).share(cut=False) == (first, first)
    # A shop that has no Sundays lacks nothing.
    closed = DayValues(((1.0,) * 6 + (None,)) * 4)
    assert Windows(closed, closed).share(cut=False) is None
    # Thirty days, of which one is missing: each is held against one of its weekday.
    windows = Windows(DayValues((1.0,) * 5 + (None,) + (1.0,) * 24, 2), DayValues((1.0,) * 30, 0))
    days = [day for day in range(28) if day != 5]
    assert windows.share(cut=False) == (tuple(days), tuple(day + 2 for day in days))
    # And where that leaves more of them, an earlier one.
    windows = Windows(DayValues((1.0,) * 5 + (None,) + (1.0,) * 24, 0), DayValues((1.0,) * 30, 2))
    days = [day for day in range(2, 30) if day != 5]
    assert windows.share(cut=False) == (tuple(days), tuple(day - 2 for day in days))


@pytest.mark.parametrize(("lost", "name"), [("ga4_channels_daily", "channels"), ("ga4_daily", "channels")])
def test_days_that_are_lost_make_no_driver_and_no_pair(worlds: Worlds, lost: str, name: str) -> None:
    def find_view(rows: dict[str, list[Row]]) -> Any:
        findings = worlds.collect(worlds.settle(rows)).findings
        view = findings[name].view if name in findings else None
        return view["driver"] if view is not None and name == "channels" else view

    rows = history(12, EVENTFUL, days=28)
    assert find_view(rows) is not None
    last = max(row["date"] for row in rows[lost])
    rows[lost] = [row for row in rows[lost] if row["date"] <= last - timedelta(days=5)]
    assert find_view(rows) is None


def test_a_driver_is_of_a_breakdown_that_changed_as_the_whole_did(worlds: Worlds) -> None:
    rows = history(14, Plant(channel={"Direct": 1.1}), days=28)
    for row in rows["ga4_daily"]:
        row["sessions"] += 200 * (row["date"] >= FIRST)
    (said,) = [text for text in worlds.tell(rows) if text.startswith("Sessions are up")]
    assert "Direct" not in said


@pytest.mark.parametrize(
    ("campaign", "factor", "why", "advice"),
    [
        ("Retargeting", 4.0, "returns more than the whole and has a larger share", "Keep that mix."),
        (
            "Retargeting",
            0.1,
            "returns more than the whole and has a smaller share",
            "Consider giving “Retargeting” more again.",
        ),
        ("Brand", 9.0, "returns less than the whole and has a larger share", "Consider giving “Brand” less."),
    ],
)
def test_the_advice_on_a_split_follows_from_who_returns_more(
    worlds: Worlds, campaign: str, factor: float, why: str, advice: str
) -> None:
    rows = history(15, Plant(spend={campaign: factor}), days=28)
    (said,) = [text for text in worlds.tell(rows) if text.startswith("Return")]
    assert f"mostly because of “{campaign}”, which {why} of the spend (" in said
    assert said.endswith(advice)


def test_a_bad_campaign_that_is_cut_is_not_given_more(worlds: Worlds) -> None:
    rows = history(16, days=28)
    rows["meta_ads_daily"] = [
        row | {"campaign_name": name, "campaign_id": name, "spend": spend, "conversion_value": spend * worth}
        for row in rows["meta_ads_daily"]
        if row["campaign_name"] == "Brand"
        for name, spend, worth in (
            ("Good", row["spend"], 4.0),
            ("Remnant", row["spend"] * (0.1 if row["date"] >= FIRST else 1), 1.0),
        )
    ]
    (said,) = [text for text in worlds.tell(rows) if text.startswith("Return on ad spend is up")]
    assert "“Remnant”, which returns less than the whole and has a smaller share of the spend" in said
    assert said.endswith("Keep that mix.")


def test_few_sessions_make_no_ratio(worlds: Worlds) -> None:
    rows = history(17, days=28)
    for row in rows["ga4_daily"]:
        row["sessions"], row["converting_sessions"] = 2, int(row["date"] >= FIRST)
    for row in rows["ga4_channels_daily"]:
        row["sessions"], row["conversions"] = 1, 3 * int(row["date"] >= FIRST)
    assert not [text for text in worlds.tell(rows) if ("onver" in text and "site" in text) or "per session" in text]


def test_a_part_is_not_larger_than_its_whole(worlds: Worlds) -> None:
    rows = history(18, days=28)
    for row in rows["ga4_daily"]:
        row["converting_sessions"] = row["sessions"] * (13 if row["date"] >= FIRST else 1)
    assert not [text for text in worlds.tell(rows) if text.startswith("The conversion rate")]


def test_a_campaign_that_only_has_a_new_name_did_not_fall(worlds: Worlds) -> None:
    for since in (FIRST, FIRST + timedelta(days=18)):
        rows = history(19, days=28)
        for row in rows["meta_ads_daily"]:
            if row["campaign_name"] == "Prospecting" and row["date"] >= since:
                row["campaign_name"] = "Prospecting v2"
        (said,) = worlds.tell(rows)
        assert said.startswith("Spend on “Prospecting v2” took the place of that on “Prospecting”: $")


def test_a_new_channel_is_told(worlds: Worlds) -> None:
    rows = history(20, days=28)
    rows["ga4_channels_daily"] += [
        row | {"channel": "Affiliates"}
        for row in rows["ga4_channels_daily"]
        if row["channel"] == "Paid Social" and row["date"] >= FIRST
    ]
    assert [text for text in worlds.tell(rows) if text.startswith("Affiliates is new since 3 March: it brought ")]


def test_names_that_begin_alike_are_told_apart(worlds: Worlds) -> None:
    rows = history(21, Plant(spend={"Prospecting": 1.8, "Brand": 0.3}), days=28)
    for row in rows["meta_ads_daily"]:
        row["campaign_name"] = f"2026 | Always on | Europe and the Americas | Conversions | to {row['campaign_name']}"
    said = worlds.tell(rows)
    assert [text for text in said if text.startswith("Spend on") and " is up " in text and "Prospecting”" in text]
    assert [text for text in said if text.startswith("Spend on") and " is down " in text and "Brand”" in text]


def test_a_second_one_that_changed_as_much_is_told_too(worlds: Worlds) -> None:
    said = worlds.tell(history(22, Plant(spend={"Prospecting": 2.0, "Retargeting": 2.4}), days=28))
    (grew,) = [text for text in said if text.startswith("Spend on") and " is up " in text]
    assert all(f"“{name}”" in grew for name in list(CAMPAIGNS)[:2])
    both = worlds.tell(history(23, Plant(channel={"Organic Search": 1.5, "Direct": 1.7}), days=28))
    (sessions,) = [text for text in both if text.startswith("Sessions are up")]
    assert "Organic Search (+" in sessions
    assert "Direct (+" in sessions


def test_no_two_sentences_advise_against_each_other(worlds: Worlds) -> None:
    rows = history(24, Plant(spend=dict.fromkeys(CAMPAIGNS, 2.0), returns=dict.fromkeys(CAMPAIGNS, 0.65)), days=28)
    said = " ".join(worlds.tell(rows))
    assert "Check what the added spend brings" in said
    assert "keep it" not in said


def test_four_days_against_other_weekdays_are_no_news(worlds: Worlds) -> None:
    """To a Sunday, the four days before it and the four before them, in shops of every rhythm."""
    for seed, week in enumerate(WEEKS):
        assert worlds.tell(history(750 + seed, days=28, week=week), days=4) == []


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.01, 1e6)), min_size=1, max_size=60))
def test_a_ratio_s_days_make_the_ratio_of_the_window(days: list[tuple[float, float]]) -> None:
    """Whatever the days' ratios and denominators are; days without either are passed over."""
    ratios, volumes = (DayValues((None, *column, None)) for column in zip(*days, strict=True))
    whole = fsum(ratio * volume for ratio, volume in days) / fsum(volume for _, volume in days)
    assert fmean(weigh_ratios(ratios, volumes).present) == pytest.approx(whole, rel=1e-6, abs=1e-6)


def test_days_of_little_spend_do_not_hide_what_happened(worlds: Worlds) -> None:
    """Every third day spends next to nothing, and returns what chance will have."""
    rows = history(26, Plant(returns=dict.fromkeys(CAMPAIGNS, 0.85)), days=28)
    for row in rows["meta_ads_daily"]:
        if row["date"].toordinal() % 3 == 0:
            row["spend"], row["conversion_value"] = 0.5, 0.5 * (row["date"].toordinal() * 7 % 40)
    assert [text for text in worlds.tell(rows) if text.startswith("Return on ad spend is down 1")]
