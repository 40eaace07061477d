"""What a language model may say of the eventful world, and what it may not: see `conftest.EVENTFUL`."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from insights.facts import Fact
from insights.gathering import Gathered
from insights.ground import Ground
from insights.grounding import fault, grounded
from insights.numerals import numerals
from insights.speaking import Bullet, speak
from tests.insights.conftest import EVENTFUL
from tests.insights.mutations import FALSE as FALSE_KINDS
from tests.insights.mutations import count, demo
from tests.insights.sayings import FALSE, FREE, TRUE
from tests.insights.worlds import END, Plant, Worlds, history
from tests.support.paths import DOCS

PAGE = " ".join((DOCS / "insights.md").read_text(encoding="utf-8").split())
BORNE_OUT = [
    ("Traffic", "Sessions are down 23% to 22,403, most of it from Organic Search (-6,931). Check its rankings."),
    ("Traffic", "Organic Search brought 4,690 sessions, a 60% drop. Check the rankings first."),
    ("Traffic", "A 23% drop in sessions, to 22,403 from 29,263; review Organic Search first."),
    ("Traffic", "Sessions fell 23% against the previous 28 days. Consider a campaign to raise them again."),
    ("Traffic", "Sessions from Organic Search fell by 6,931 to 4,690. Ask what changed there."),
    ("Traffic", "The page “/products/wool-throw” gained 2,206 sessions (+38%). Consider featuring it more."),
    ("Traffic", "Revenue dropped $11,580 to $35,392 while sessions declined 23%. Check the checkout."),
    ("Traffic", "Sessions are down 23% month over month. Plan the next weeks with care."),
    ("Traffic", "Traffic slipped 23%: 22.4k sessions versus 29.3k. Review Organic Search, which lost 6,931 (-60%)."),
    ("Ads", "CPA is now $15.41, which is 34% higher than before. Test new creatives."),
    ("Ads", "Most of the fall in ROAS is due to Retargeting (-0.79). Review its audience."),
    ("Traffic", "Revenue worsened by 25%. Walk through the shop on a phone."),
    ("Traffic", "Organic Search is now 21% of all sessions. Strengthen it."),
    ("Traffic", "Direct brought 7.4k sessions, 33% of the traffic. Keep the brand visible."),
    ("Ads", "ROAS fell from 3.02 to 2.25, down 26%. Pause “Retargeting”, whose ROAS dropped 60%, until you know why."),
    ("Ads", "Return on ad spend is 2.25x after 3.02x; most of the fall is Retargeting (-0.79). Review its audience."),
    ("Ads", "CPA rose 34% to $15.41 from $11.48. Test new creatives."),
    ("Ads", "Conversions from ads fell 25 percent to 492. Check the tracking before you increase the budget."),
    ("Cross-channel", "Sessions fell 23% and conversions from ads fell 25%. Look for a common cause."),
    ("Content", "Interactions on Instagram peaked on 25 March with 740, 5.1 times a usual day. Follow it up."),
    ("Content", "On March 25 interactions reached 740 with “The wool throw is back”. Post a sequel."),
    ("Content", "Interactions rose 13% to 4,601, up from 4,064. Repeat the format."),
    ("Content", "Interactions reached 740 on 25 March. Repeat the format."),
    ("Content", "Interactions reached 740 on 25 March 2025. Repeat the format."),
    ("Content", "The engagement rate rose 0.18 points to 4.46%. Keep the format."),
]
NOT_BORNE_OUT = [
    # Invented, and rounded wrongly.
    ("number", "Traffic", "Sessions are down 24% to 22,403. Check the rankings."),
    ("number", "Traffic", "Sessions are down 23% to 22,900. Check the rankings."),
    ("number", "Traffic", "Sessions are down 23.9%. Check the rankings."),
    ("wording", "Traffic", "Sessions are down 23%. Fix the rankings to win back 5,000 visits."),
    ("number", "Traffic", "Sessions are down 23% against the previous 30 days."),
    ("number", "Traffic", "Sessions halved, to 22,403."),
    ("number", "Traffic", "Sessions are down 23%, a loss of seven thousand visits."),
    ("number", "Traffic", "Sessions are down 23 points."),
    ("number", "Ads", "CPA rose 34% to €15.41."),
    # Of another metric, another member, or of the whole.
    ("number", "Traffic", "Sessions are down 25%. Check the rankings."),
    ("number", "Cross-channel", "Sessions fell 25% and conversions from ads fell 23%."),
    ("number", "Ads", "ROAS fell 34% while CPA rose 26%."),
    ("number", "Traffic", "Organic Search is down 23%. Check the rankings."),
    ("number", "Traffic", "Sessions fell 60%, all of it in Organic Search."),
    ("number", "Traffic", "Direct sessions fell 60% to 4,690. Check the brand."),
    ("no_fact", "Traffic", "Paid Search sessions fell 23%."),
    ("no_fact", "Ads", "The ROAS of Prospecting fell 60%."),
    # The wrong way round.
    ("direction", "Traffic", "Sessions are up 23% to 22,403. Well done."),
    ("direction", "Traffic", "A 23% rise in sessions. Well done."),
    ("direction", "Traffic", "Sessions grew from 29,263 to 22,403."),
    ("direction", "Ads", "ROAS improved 26%, to 2.25. Spend more."),
    ("direction", "Ads", "CPA fell 34% to $15.41. Spend more."),
    ("direction", "Content", "Interactions declined 13% to 4,601."),
    ("wording", "Traffic", "Sessions did not fall 23%."),
    ("number", "Traffic", "Sessions changed by +23%."),
    ("number", "Traffic", "Sessions are at 22,403 (+6,860)."),
    # As what it is not.
    ("number", "Traffic", "Sessions fell from 22,403 to 29,263."),
    ("number", "Traffic", "Sessions fell to 29,263."),
    ("number", "Traffic", "Sessions fell to 23%."),
    ("number", "Traffic", "Sessions fell by 22,403."),
    ("number", "Traffic", "Organic Search fell 21%."),
    # Sources, days and names that are not there.
    ("source", "Traffic", "Sessions are down 23%. Move the budget to TikTok."),
    ("source", "Traffic", "Sessions are down 23% by Google Ads."),
    ("date", "Content", "Interactions on Instagram peaked on 24 March with 740."),
    ("date", "Traffic", "Sessions are down 23% since 25 March."),
    ("date", "Traffic", "Sessions are down 23% since last week."),
    ("date", "Traffic", "Sessions are down 23% year over year."),
    ("name", "Traffic", "Organic traffic is down 23%."),
    ("wording", "Traffic", "New users are down 23%."),
    ("number", "Traffic", "Sessions were 6,860."),
    ("number", "Content", "The engagement rate is 4.2%."),
    ("number", "Cross-channel", "Sessions fell 23% and the engagement rate is 4.2%."),
    ("number", "Ads", "CPC is $0 after $0.71."),
    ("number", "Ads", "ROAS is at 2.25 (-0.80)."),
    ("direction", "Ads", "Spend on Retargeting is down 0.7%."),
    ("name", "Traffic", "Sessions from the Podcast channel are down 23%."),
    ("name", "Ads", "ROAS of “Summer Hits” fell 26%."),
    # No figure, or no subject.
    ("wording", "Traffic", "Consider writing more about wool."),
    ("wording", "Traffic", "It is down 23%. Do something."),
    ("wording", "Traffic", "Sessions fell. Do something."),
    # Not plain text.
    ("address", "Traffic", "Sessions are down 23%. Read https://evil.example/x for more."),
    ("address", "Traffic", "Sessions are down 23%. See evil-shop.com for more."),
    ("address", "Traffic", "Sessions are down 23%. Write to me@evil.example for more."),
    ("markup", "Traffic", "**Sessions** are down 23%."),
    ("markup", "Traffic", "<b>Sessions</b> are down 23%."),
    ("markup", "Traffic", "Sessions are [down](x) 23%."),
    ("markup", "Traffic", "- Sessions are down 23%."),
    ("markup", "Traffic", "Sessions are down 23%.\u202e"),
    ("length", "Traffic", f"Sessions are down 23%. {'Check it. ' * 30}"),
    ("length", "Traffic", ""),
    ("group", "Weather", "Sessions are down 23%."),
]


@pytest.fixture(scope="module")
def ground(eventful: Gathered) -> Ground:
    return Ground(eventful)


@pytest.mark.parametrize(("group", "text"), BORNE_OUT, ids=[text for _, text in BORNE_OUT])
def test_what_the_facts_say_may_be_said(ground: Ground, group: str, text: str) -> None:
    assert fault(Bullet(group, text), ground) is None


@pytest.mark.parametrize(("reason", "group", "text"), NOT_BORNE_OUT, ids=[text[:80] for _, _, text in NOT_BORNE_OUT])
def test_nothing_else_may(ground: Ground, reason: str, group: str, text: str) -> None:
    assert fault(Bullet(group, text), ground) == reason


@pytest.mark.parametrize(("group", "text"), TRUE, ids=[text for _, text in TRUE])
def test_what_is_true_may_be_said_in_many_ways(ground: Ground, group: str, text: str) -> None:
    assert fault(Bullet(group, text), ground) is None


def test_how_much_of_what_is_true_is_read(ground: Ground) -> None:
    whole = cut = 0
    for group, text in FREE:
        kept, dropped = grounded([Bullet(group, text)], ground)
        whole, cut = whole + bool(kept and not dropped), cut + bool(kept and dropped)
    assert f"{len(FREE)} true bullets that were written freely, without a look at what" in PAGE
    assert f"it kept {whole} whole and {cut} without their advice; of {len(FALSE)} false ones" in PAGE


@pytest.mark.parametrize(("group", "text"), FALSE, ids=[text for _, text in FALSE])
def test_what_is_not_proven_is_dropped(ground: Ground, group: str, text: str) -> None:
    assert fault(Bullet(group, text), ground) is not None


# What may be said of what is no figure, and what may not: by what was planted, and by days that are missing.
COMINGS_AND_GOINGS = [
    (
        Plant(begins={"Black Friday": 140.0}),
        ["Spend on “Black Friday” is new: $3,925, 34% of all ad spend.", "Spend on “Black Friday” is new ($3,925)."],
        [
            "Spend on “Prospecting” is new: $3,890.",
            "Ad spend is new: $11,448.",
            "Spend on “Black Friday” took the place of that on “Brand”: $3,925.",
            "Spend on “Black Friday” is old: $3,925.",
        ],
    ),
    (
        Plant(renamed={"Prospecting": "Prospecting v2"}),
        ["Spend on “Prospecting v2” took the place of that on “Prospecting”: $3,972.",
         "Spend on “Prospecting v2” replaced that on “Prospecting”: $3,972."],
        [
            "Spend on “Prospecting v2” took the place of that on “Brand”: $3,972.",
            "Spend on “Brand” took the place of that on “Prospecting”: $1,404.",
            "Spend on “Prospecting” took the place of that on “Prospecting v2”: $0.",
            "Ad spend took the place of that on “Prospecting”: $7,608.",
        ],
    ),
    (
        Plant(spend={"Retargeting": 0.1}),
        ["ROAS fell 17%, mostly because of Retargeting, which has a smaller share of the spend (-0.43).",
         "ROAS fell 17%, mostly from Retargeting, which returns more than the rest and got a smaller share of spend.",
         "ROAS fell 17%, mostly because of Retargeting, which has a smaller share of the ad spend."],
        [
            "ROAS fell 17%, mostly because of Retargeting, which returns less than the whole.",
            "ROAS fell 17%, mostly because of Retargeting, which has a larger share of the spend.",
            "ROAS fell 17%, mostly because of Retargeting, which has a smaller share of the conversions.",
            "ROAS fell 17%, mostly because of Retargeting, which has a smaller share of the spend (-0.51).",
            "ROAS fell 17%; Brand has a smaller share of the spend.",
            "ROAS fell 17%, mostly because of Retargeting itself.",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "true", "false"), COMINGS_AND_GOINGS, ids=["new", "renamed", "mix"])
def test_what_came_and_what_weighs(worlds: Worlds, plant: Plant, true: list[str], false: list[str]) -> None:
    ground = Ground(worlds.gather(worlds.settle(history(30, plant, days=28))))
    assert {text: fault(Bullet("Ads", text), ground) for text in true} == dict.fromkeys(true)
    assert [text for text in false if fault(Bullet("Ads", text), ground) is None] == []


def test_a_channel_group_is_a_name_without_quotes(worlds: Worlds) -> None:
    rows = history(33, Plant(channel={"Paid Social": 3.0}), days=28)
    for row in rows["ga4_channels_daily"]:
        row["channel"] = {"Paid Social": "Paid Search"}.get(row["channel"], row["channel"])
    ground = Ground(worlds.gather(worlds.settle(rows)))
    (paid,) = [fact for fact in ground.facts if fact.member == "Paid Search" and fact.key == "ga4.channel_sessions"]
    change = next(figure.text for figure in paid.figures if figure.role == "change")
    for name in ("Paid Search", "“Paid Search”", "Paid search"):
        assert fault(Bullet("Traffic", f"Sessions from {name} rose {change}. Review it."), ground) is None
    assert fault(Bullet("Traffic", f"Sessions rose {change}. Review paid search."), ground) == "number"


def test_days_without_data_are_counted(worlds: Worlds) -> None:
    rows = history(31, Plant(channel={"Organic Search": 1.6}), days=28)
    for name in ("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily"):
        rows[name] = [row for row in rows[name] if row["date"] != END - timedelta(days=40)]
    ground = Ground(worlds.gather(worlds.settle(rows)))
    (sessions,) = [fact for fact in ground.facts if fact.key == "ga4.sessions" and fact.day is None]
    change = f"Sessions are up {next(figure.text for figure in sessions.figures if figure.role == 'change')}"
    assert fault(Bullet("Traffic", f"{change}; 1 day has no data."), ground) is None
    assert fault(Bullet("Traffic", f"{change}, where 1 day has no data."), ground) is None
    for wrong in (f"{change}; 2 days have no data.", f"{change}; 28 days have no data.", "1 day has no data.",
                  f"Interactions rose; 1 day has no data. {change}."):  # fmt: skip
        assert fault(Bullet("Traffic", wrong), ground) is not None


def test_a_post_is_quoted_with_what_was_left_out(worlds: Worlds) -> None:
    caption = "POV: you dropped the last enamel mug in front of the whole of your family"
    ground = Ground(worlds.gather(worlds.settle(history(32, Plant(spike=(5, 6.0), caption=caption), days=28))))
    (day,) = [fact for fact in ground.facts if fact.day is not None]
    assert day.quote is not None
    assert day.quote.endswith("…")
    said = [Bullet("Content", f"Interactions peaked on 25 March with {day.figures[0].text}, after “{day.quote}”.")]
    assert grounded(said, ground) == (said, {})


def test_what_was_dropped_is_counted(ground: Ground) -> None:
    said = [Bullet("Traffic", "Sessions are down 23%."), Bullet("Traffic", "Sessions  are down 23%.")]
    kept, dropped = grounded([*said, Bullet("Traffic", "Sessions are up 23%."), Bullet("Ads", "Hello.")], ground)
    assert kept == said[:1]
    assert dropped == {"repeated": 1, "direction": 1, "wording": 1}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Sessions fell 23%. Try a giveaway.", "Sessions fell 23%."),
        ("Sessions are down 23%. Pause Email, the worst performer.", "Sessions are down 23%."),
        ("Sessions are up 23%. Try a giveaway.", None),
        ("Sessions fell 23%. Try 12 giveaways.", None),
        ("Sessions fell 23%. Visit evil dot com.", None),
        ("Sessions fell 23%. Direct is tanking. Try a giveaway.", None),
        ("Try a giveaway.", None),
    ],
)
def test_advice_that_cannot_be_read_is_cut_off(ground: Ground, said: str, told: str | None) -> None:
    kept, dropped = grounded([Bullet("Traffic", said)], ground)
    assert [each.text for each in kept] == ([] if told is None else [told])
    assert bool(dropped["advice"]) == (told is not None)
    for each in kept:
        assert fault(each, ground) is None


def test_what_the_rules_say_passes_the_check(eventful: Gathered, ground: Ground) -> None:
    said = speak(eventful.insights, eventful.findings, eventful.span)
    assert len(said) >= 6
    assert grounded(said, ground) == (said, {})


def test_sources_that_are_not_connected_are_not_cited(worlds: Worlds) -> None:
    tenant = worlds.settle(history(3, days=28))
    ground = Ground(worlds.gather(tenant, connected=frozenset(("ga4",))))
    for group, text in (
        ("Traffic", "Sessions are at 29,000 while ROAS fell."),
        ("Traffic", "Sessions are fine. Post more on Instagram."),
        ("Traffic", "Sessions are fine; raise your ad spend."),
        ("Traffic", "Followers rose 3%."),
    ):
        assert fault(Bullet(group, text), ground) == "source"
    assert fault(Bullet("Ads", "Sessions are fine."), ground) == "group"
    assert fault(Bullet("Cross-channel", "Sessions are fine."), ground) == "group"


def test_a_name_that_says_something_is_a_name_only_in_quotes(worlds: Worlds) -> None:
    rows = history(1, EVENTFUL, days=28)
    names = {"Prospecting": "Sessions rose 99", "Retargeting": "rose", "Brand": "47"}
    for row in rows["meta_ads_daily"]:
        row["campaign_name"] = names[row["campaign_name"]]
    ground = Ground(worlds.gather(worlds.settle(rows)))
    assert set(names.values()) <= {fact.member for fact in ground.facts}
    for text in (
        "Sessions fell 23%. Sessions rose 99, too.",
        "Sessions rose by 23%.",
        "Sessions fell 23%, and 47% of all sessions are gone.",
        "Sessions fell 23%. Look at 47.",
    ):
        assert fault(Bullet("Traffic", text), ground) in ("number", "direction", "no_fact", "wording"), text
    assert fault(Bullet("Traffic", "Sessions fell 23%. Look at “Sessions rose 99” and “47”."), ground) is None


def swapped(eventful: Gathered) -> list[tuple[Fact, Fact]]:
    """Pairs of facts about whole metrics that changed by clearly different parts."""
    facts = [fact for fact in eventful.facts if fact.member is None and fact.day is None and fact.direction != "flat"]
    changes = {fact: change for fact in facts if (change := fact.figure("change")) is not None}
    return [
        (one, other)
        for one in changes
        for other in changes
        if one.names[0] != other.names[0] and abs(changes[one].value - changes[other].value) > 1.1
    ]


def test_no_metric_takes_the_figure_of_another(eventful: Gathered, ground: Ground) -> None:
    pairs = swapped(eventful)
    assert len(pairs) > 50
    for one, other in pairs:
        own, foreign = one.figure("change"), other.figure("change")
        assert own is not None
        assert foreign is not None
        group = "Cross-channel"
        right = Bullet(group, f"{one.names[0]} is {one.direction} {own.text}.")
        assert fault(right, ground) is None, right
        assert fault(Bullet(group, f"{one.names[0]} is {one.direction} {foreign.text}."), ground) == "number"
        turned = "down" if one.direction == "up" else "up"
        assert fault(Bullet(group, f"{one.names[0]} is {turned} {own.text}."), ground) == "direction"


def test_of_the_demo_truths_pass_and_changed_ones_do_not(worlds: Worlds) -> None:
    total: Counter[str] = Counter()
    for gathered in demo(worlds, [(28, 0)]):
        total += count(gathered, most=14)
    assert total["true pass"] >= 0.98 * total["true"] > 100
    assert {kind: total[f"{kind} pass"] for kind in FALSE_KINDS if kind != "foreign"} == dict.fromkeys(
        FALSE_KINDS[1:], 0
    )
    # What passes is the right number, rounded as another happens to be.
    assert total["foreign pass"] <= 0.002 * total["foreign"]
    assert min(total[kind] for kind in FALSE_KINDS) > 50


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12,345 and 1.5%", [(12345, None, 0), (1.5, "percent", 0)]),
        ("+340, -11 and −2.5 points", [(340, None, 1), (11, None, -1), (2.5, "points", -1)]),
        ("$1.2k or 3 times, 3x", [(1200, None, 0), (3, "times", 0), (3, "times", 0)]),
        ("GA4 and Q3 hold none; 28-day does", [(28, None, 0)]),
        ("40 percent, 1 percentage point", [(40, "percent", 0), (1, "points", 0)]),
    ],
)
def test_numbers_are_read(text: str, found: list[tuple[float, str | None, int]]) -> None:
    assert [(each.value, each.unit, each.sign) for each in numerals(text)] == found
