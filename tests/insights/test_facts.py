"""Facts against arithmetic on the rows themselves, and what is no fact."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from statistics import median
from typing import Any

import pytest

from metric_engine.engine.insight_fields import FIELDS
from metric_engine.insights.context import MOST_TOKENS, context
from metric_engine.insights.facts import Fact, Finding
from metric_engine.insights.figures import Style, percent
from metric_engine.insights.gathering import Gathered
from metric_engine.insights.noise import complete, is_clear, without_gaps
from metric_engine.insights.speaking import speak
from tests.insights.conftest import EVENTFUL
from tests.insights.worlds import Plant, Row, Worlds, history

ROWS = history(1, EVENTFUL, days=28)
FIRST = date(2025, 3, 3)


def summed(table: str, column: str, *, now: bool, **only: Any) -> float:
    rows = [row for row in ROWS[table] if (row["date"] >= FIRST) == now]
    return float(sum(row[column] for row in rows if all(row[name] == value for name, value in only.items())))


def finding(gathered: Gathered, name: str) -> Finding:
    return next(each for each in gathered.findings if each.observation.name == name)


def exact(fact: Fact, role: str) -> float:
    return next(figure.value for figure in fact.figures if figure.role == role)


def test_a_change_is_that_of_the_rows(eventful: Gathered) -> None:
    (fact,) = finding(eventful, "sessions").facts
    value, previous = (summed("ga4_daily", "sessions", now=now) for now in (True, False))
    assert exact(fact, "value") == value
    assert exact(fact, "previous") == previous
    assert exact(fact, "difference") == value - previous
    assert exact(fact, "change") == pytest.approx(100 * (previous - value) / previous)
    assert (fact.direction, fact.verdict, fact.sources) == ("down", "worse", ("ga4",))


def test_members_are_those_of_the_rows(eventful: Gathered) -> None:
    found = finding(eventful, "channels")
    whole = summed("ga4_channels_daily", "sessions", now=True)
    facts = {fact.member: fact for fact in found.facts}
    for name in ("Organic Search", "Direct", "Email"):
        value = summed("ga4_channels_daily", "sessions", now=True, channel=name)
        assert exact(facts[name], "value") == value
        assert exact(facts[name], "share") == pytest.approx(100 * value / whole)
    assert found.view["driver"]["name"] == "Organic Search"
    assert [each["name"] for each in found.view["falling"]] == ["Organic Search"]
    assert found.view["rising"] == []


def test_a_spike_is_held_against_a_usual_day(eventful: Gathered) -> None:
    found = finding(eventful, "viral_day")
    days = {row["date"]: row["interactions"] for row in ROWS["ig_account_daily"]}
    spiked = date(2025, 3, 25)
    (fact,) = found.facts
    assert fact.day == spiked
    assert exact(fact, "value") == days[spiked]
    assert exact(fact, "usual") == median(days.values())
    assert exact(fact, "times") == pytest.approx(days[spiked] / median(days.values()))
    assert found.view["post"] == {"caption": "The wool throw is back", "kind": "video", "day": "25 March"}


def test_a_ratio_is_explained_by_the_campaign_that_fell(eventful: Gathered) -> None:
    found = finding(eventful, "roas_why")
    roas = [
        summed("meta_ads_daily", "conversion_value", now=now) / summed("meta_ads_daily", "spend", now=now)
        for now in (True, False)
    ]
    whole, driver = found.facts
    assert exact(whole, "mix") + exact(whole, "rate") == pytest.approx(roas[0] - roas[1])
    assert (found.view["mainly"], found.view["driver"]["name"], driver.member) == ("rate", "Retargeting", "Retargeting")
    own = [
        summed("meta_ads_daily", "conversion_value", now=now, campaign_name="Retargeting")
        / summed("meta_ads_daily", "spend", now=now, campaign_name="Retargeting")
        for now in (True, False)
    ]
    assert exact(driver, "value") == pytest.approx(own[0])
    assert exact(driver, "previous") == pytest.approx(own[1])


def test_what_sentences_see_has_just_the_fields_of_the_language(eventful: Gathered) -> None:
    """At every depth: what is tried out when the files are loaded is what comes."""
    kinds = set()
    for found in eventful.findings:
        kinds.add(found.observation.kind)
        assert_alike(found.view, FIELDS[found.observation.kind], found.observation.name)
    assert kinds == FIELDS.keys()


def assert_alike(view: Any, example: Any, where: str) -> None:
    if isinstance(example, dict):
        if view is not None:
            assert view.keys() == example.keys(), where
            for name, each in example.items():
                assert_alike(view[name], each, f"{where}.{name}")
    elif isinstance(example, list):
        for each in view:
            assert_alike(each, example[0], where)
    else:
        assert isinstance(view, type(example)), where


def test_a_request_is_a_handful_of_statements(worlds: Worlds) -> None:
    tenant = worlds.settle(history(8, days=28))
    statements: list[float] = []
    worlds.warehouse.observe(statements.append)
    worlds.gather(tenant)
    # Six tables; the channels and the campaigns ranked by two values each, a ratio of all channels, and the posts.
    assert len(statements) == 11
    for source, most in (("ga4", 5), ("meta", 3), ("instagram", 3)):
        statements.clear()
        worlds.gather(tenant, connected=frozenset((source,)))
        assert len(statements) == most
    statements.clear()
    worlds.gather(tenant, connected=frozenset())
    assert statements == []


def without(rows: dict[str, list[Row]], gone: frozenset[date]) -> dict[str, list[Row]]:
    return {
        table: [row for row in listed if row.get("date", row.get("posted_on")) not in gone]
        for table, listed in rows.items()
    }


@pytest.mark.parametrize(("first", "last"), [(0, 4), (0, 10), (24, 32), (50, 55)])
def test_days_without_data_are_no_drop(worlds: Worlds, first: int, last: int) -> None:
    """A source that answers late, or was connected late, has fewer days: that is not a change."""
    for seed in range(700, 706):
        rows = without(
            history(seed, days=28), frozenset(date(2025, 3, 30) - timedelta(days=back) for back in range(first, last))
        )
        gathered = worlds.gather(worlds.settle(rows))
        said = [each.text for each in speak(gathered.insights, gathered.findings, gathered.span)]
        # A gap inside of the data is one that the site shows.
        assert [text for text in said if "stood out" not in text and " 0 " not in text] == [] or first == 24


def test_a_source_that_was_connected_late_still_has_its_spike(worlds: Worlds) -> None:
    rows = without(
        history(9, Plant(spike=(3, 7.0)), days=28),
        frozenset(date(2025, 3, 30) - timedelta(days=back) for back in range(28, 56)),
    )
    gathered = worlds.gather(worlds.settle(rows))
    (said,) = speak(gathered.insights, gathered.findings, gathered.span)
    assert said.text.startswith("Interactions on Instagram peaked on 27 March")


def test_without_comparison_only_what_stands_out_is_said(worlds: Worlds) -> None:
    gathered = worlds.gather(worlds.settle(ROWS), compare="off")
    said = speak(gathered.insights, gathered.findings, gathered.span)
    assert [each.group for each in said] == ["Content"]


def test_two_currencies_make_no_fact_of_money(worlds: Worlds) -> None:
    rows = history(10, EVENTFUL, days=28)
    rows["meta_ads_daily"] += [row | {"account_id": "act_2", "currency": "EUR"} for row in rows["meta_ads_daily"]]
    gathered = worlds.gather(worlds.settle(rows), connected=frozenset(("meta",)))
    assert not {"spend", "roas", "roas_why", "campaigns"} & {each.observation.name for each in gathered.findings}


@pytest.mark.parametrize(
    ("now", "then", "change", "clear"),
    [
        ([110.0] * 28, [100.0] * 28, 0.1, True),
        ([104.0] * 28, [100.0] * 28, 0.04, False),
        ([110.0, 90.0] * 14, [60.0, 130.0] * 14, 0.0526, False),
        ([100.0] * 20 + [None] * 8, [100.0] * 28, -0.286, False),
        # Of the 14 percent fewer days, nobody knows what they would have brought.
        ([60.0] * 24 + [None] * 4, [100.0] * 28, -0.486, False),
        ([60.0] * 27 + [None], [100.0] * 28, -0.42, True),
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
def test_a_change_is_more_than_the_days_unrest(
    now: list[float | None], then: list[float | None], change: float, clear: bool
) -> None:
    assert is_clear(now, then, change, least=0.05, additive=True) is clear


def test_numbers_are_rounded_once() -> None:
    assert Style.of("percent", None, 0.0449).figure("value", 0.0449).text == "4.49%"
    assert Style.of("percent", None, 0.449, 0.03).figure("previous", 0.03).text == "3.0%"
    assert Style.of("currency", "USD", 1234.5).figure("value", 1234.5).text == "$1,234"
    assert Style.of("currency", "CHF", 12.345).figure("value", 12.345).text == "12.35 CHF"
    assert Style.of("integer", None, 9.0).signed("difference", -1234.0).text == "-1,234"
    assert Style.of("percent", None, 0.05).signed("difference", 0.0123).text == "+1.23 points"
    assert Style.of("decimal", None, 3.456).figure("value", 3.456).text == "3.46"
    assert percent("change", -0.1249).text == "12%"
    assert percent("change", 0.0449).text == "4.5%"


WORST = ("😀🥹" * 30, "漢字" * 40, "xK9$q/7Z;Wv" * 6, "Ünïcödé " * 9, "١٢٣" * 20)


def test_the_context_has_at_most_2000_tokens(worlds: Worlds, eventful: Gathered) -> None:
    from metric_engine.insights.model import library

    rows = history(11, EVENTFUL, days=28)
    names: dict[str, str] = defaultdict(lambda: f"{WORST[len(names) % len(WORST)]} {len(names)}")
    for row in rows["ga4_channels_daily"]:
        row["channel"] = names[row["channel"]]
    for row in rows["ga4_landing_pages_daily"]:
        row["landing_page"] = names[row["landing_page"]]
    for row in rows["meta_ads_daily"]:
        row["campaign_name"] = names[row["campaign_name"]]
    hostile = worlds.gather(worlds.settle(rows))
    for gathered in (eventful, hostile):
        told = context(gathered)
        assert told.count('"metric"') >= 12
        for model in ("gpt-4", "gpt-4o", "anthropic/claude-sonnet-4-5"):
            assert library().token_counter(model=model, text=told) <= MOST_TOKENS


def test_the_context_tells_nothing_of_who_asks(eventful: Gathered) -> None:
    told = context(eventful)
    assert eventful.asker.tenant not in told
    assert "act_1" not in told


def test_a_day_of_nothing_among_full_days_was_not_counted() -> None:
    assert without_gaps([100.0, 0.0, 120.0, None]) == [100.0, None, 120.0, None]
    assert without_gaps([1.0, 0.0, 2.0]) == [1.0, 0.0, 2.0]
    assert without_gaps([]) == []


def test_what_lacks_days_is_held_against_nothing() -> None:
    full = [1.0] * 28
    assert complete(full, full)
    assert complete(full, [*full[:26], None, None])
    assert not complete(full, [*full[:25], None, None, None])
    assert not complete([], full)


@pytest.mark.parametrize(("lost", "name"), [("ga4_channels_daily", "channels"), ("ga4_daily", "spend_and_sessions")])
def test_days_that_are_lost_make_no_driver_and_no_pair(worlds: Worlds, lost: str, name: str) -> None:
    def found(rows: dict[str, list[Row]]) -> Any:
        findings = worlds.gather(worlds.settle(rows)).findings
        view = next((each.view for each in findings if each.observation.name == name), None)
        return view["driver"] if view is not None and name == "channels" else view

    rows = history(12, EVENTFUL, days=28)
    assert found(rows) is not None
    last = max(row["date"] for row in rows[lost])
    rows[lost] = [row for row in rows[lost] if row["date"] <= last - timedelta(days=5)]
    assert found(rows) is None
