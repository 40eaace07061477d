"""What a bullet may be made of, and that nothing else is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from insights.claims import (
    MOST_CHARACTERS,
    Arrangement,
    Bullet,
    Clause,
    Part,
    say_periods,
    write_bullets,
    write_clauses,
)
from insights.collect_facts import CollectedFacts
from insights.config.rules import Language
from insights.facts import PERIOD, PERIOD_END, Span
from insights.offer import Offer
from tests.insights.sayings import FALSE
from tests.insights.worlds import Worlds, tell
from tests.support.examples import try_examples


@pytest.fixture(scope="module")
def offer(eventful: CollectedFacts) -> Offer:
    return Offer(eventful, write_clauses(eventful))


@pytest.fixture
def span(eventful: CollectedFacts) -> Span:
    return eventful.span


def read_answer(offer: Offer, span: Span, *texts: str, group: str = "Traffic") -> tuple[list[str], dict[str, int]]:
    """What is shown of these bullets, and how many are dropped, by reason."""
    found, dropped = offer.read_bullets([Bullet(group, text) for text in texts])
    return [each.text for each in write_bullets(found, span)], dict(dropped)


def write_bullet(parts: list[Part], advice: list[str], span: Span) -> Bullet:
    (bullet,) = write_bullets([Arrangement.of(parts, advice)], span)
    return bullet


ROAS = "Return on ad spend is down 26% against the previous 28 days, from 3.02 to 2.25"
SHOP = "Check prices, stock and the checkout."
SESSIONS = "Sessions are down 23% against the previous 28 days, from 29,263 to 22,403"


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("{c2}", f"{SESSIONS}."),
        ("  {c2} . ", f"{SESSIONS}."),
        ("{c2}, {c2.because}.", f"{SESSIONS}, most of it in Organic Search (-6,931)."),
        ("{c2}. Look at {c2.member} first.", f"{SESSIONS}. Look at Organic Search first."),
        ("{c2} Look at {c2.member} first", f"{SESSIONS}. Look at Organic Search first."),
        ("{c2}. Ask the team what changed in these days.", f"{SESSIONS}. Ask the team what changed in these days."),
        ("{c2}, while {c4}.", f"{SESSIONS}, while revenue is down 25%, from $46,972 to $35,392."),
        ("{c2} AND {c4}", f"{SESSIONS}, and revenue is down 25%, from $46,972 to $35,392."),
        ("{c2}; {c4}", f"{SESSIONS}; revenue is down 25%, from $46,972 to $35,392."),
        ("{c2}. {c4}.", f"{SESSIONS}. Revenue is down 25%, from $46,972 to $35,392."),
        (
            "{c2}, while {c4}. Check prices, stock and the checkout. Look at {c2.member} first.",
            f"{SESSIONS}, while revenue is down 25%, from $46,972 to $35,392. {SHOP} Look at Organic Search first.",
        ),
    ],
)
def test_what_is_well_formed_is_shown(offer: Offer, span: Span, answer: str, shown: str) -> None:
    assert read_answer(offer, span, answer) == ([shown], {})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("{c99}", "clause"),
        ("{x}", "clause"),
        ("{c2.value}", "part"),
        ("{c3}, {c3.because}", "part"),
        ("{c2}, {c1.because}", "part"),
        ("{c2.because}", "part"),
        ("{c2}, {c2.member}", "part"),
        ("{c2}, led by {c2.because}", "part"),
        ("{c2}, because {c4}", "joiner"),
        ("{c2}, led by {c4}", "joiner"),
        ("{c2}, 23%, {c4}", "joiner"),
        ("In March, {c2}", "words"),
        ("{c2} by 31%", "words"),
        ("{c2}. Move everything to TikTok.", "words"),
        ("{c2}. Look at Direct first.", "words"),
        ("{c2}. Look at {c1.member} first.", "part"),
        ("Sessions are down 23%, from 29,263 to 22,403.", "words"),
        ("Look at {c2.member} first.", "part"),
        ("Ask the team what changed in these days.", "words"),
        ("{c2}. Check prices, stock and the checkout.", "advice"),
        ("{c2}. Review “{c1.member}” before you spend more.", "advice"),
        ("{c2}, while {c2}", "repeated"),
        ("", "words"),
        ("{", "words"),
        ("{c2}{{c4}}", "joiner"),
    ],
)
def test_nothing_else_is_shown(offer: Offer, span: Span, answer: str, reason: str) -> None:
    assert read_answer(offer, span, answer) == ([], {reason: 1})


def test_false_sayings_are_never_shown(offer: Offer, span: Span) -> None:
    """Neither as they are, nor before or behind a clause, nor in the place of a joiner or of advice."""
    assert len(FALSE) == 309
    for group, saying in FALSE:
        answers = (saying, f"{{c2}}. {saying}", f"{saying} {{c2}}", f"{{c2}}, {saying[:-1]}, {{c4}}",
                   f"{{c2}}, {{c2.because}}. {saying}")  # fmt: skip
        shown, dropped = read_answer(offer, span, *answers, group=group)
        assert shown == [], saying
        assert sum(dropped.values()) == len(answers)


PIECES = st.sampled_from(
    ["{c1}", "{c2}", "{c4}", "{c2.because}", "{c2.member}", "{c99}", ", while", ", and", ";", ".", ",", " ", "{", "}",
     "Look at {c2.member} first.", "Check prices, stock and the checkout.", "Ask the team what changed in these days.",
     "up", "23%", "because", "TikTok", "\u202e", "{{c1}}", "{c1.because}", "İß"]
)  # fmt: skip


@try_examples(80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, min_size=1, max_size=8).map(" ".join))
def test_what_is_shown_is_made_of_what_was_offered(offer: Offer, span: Span, answer: str) -> None:
    shown, dropped = read_answer(offer, span, answer)
    assert len(shown) + sum(dropped.values()) == 1
    clauses = offer.clauses.values()
    advice = [each for clause in clauses for each in clause.list_advice(clause.member)]
    own = [text for each in clauses for text in (each.text, each.because, each.member) if text]
    own = [text.replace(f" {PERIOD}", "") for text in (*advice, *own)]
    known = sorted((*own, *offer.general, "against the previous 28 days", "while", "and"), key=len, reverse=True)
    for text in shown:
        rest = text.replace(" against the previous 28 days", "")
        for each in known:
            rest = re.sub(re.escape(each), "", rest, flags=re.IGNORECASE)
        assert re.fullmatch(r"[ ,.;]*", rest), rest


def test_a_group_of_its_own_is_dropped_and_clauses_say_where_they_stand(offer: Offer, span: Span) -> None:
    assert read_answer(offer, span, "{c2}", group="Sport") == ([], {"group": 1})
    for answer, group in (("{c2}", "Traffic"), ("{c1}, while {c2}.", "Cross-channel"), ("{c1}; {c3}", "Ads")):
        assert offer.read_bullet(Bullet("Content", answer)).group == group


def test_forty_choices_are_all_kept(offer: Offer, span: Span) -> None:
    ids, clauses = list(offer.clauses), offer.clauses.values()
    answers = [f"{{{first}}}{joiner} {{{second}}}." for joiner in (", while", ", and", ";", ".") for first, second in
               [*pairwise(ids), (ids[0], ids[-1])]]  # fmt: skip
    answers += [f"{{{each.id}}}. {advice}" for each in clauses for advice in offer.general]
    answers += [f"{{{each.id}}}, {{{each.id}.because}}." for each in clauses if each.because]
    assert len(answers) >= 40
    shown, dropped = read_answer(offer, span, *answers)
    assert (len(shown), dropped) == (len(answers), {})
    assert all(0 < len(text) <= MOST_CHARACTERS for text in shown)


def test_what_is_told_twice_is_left_out(offer: Offer, span: Span) -> None:
    """Two clauses about one metric are one sentence too many, and a bullet that says the same is no other one."""
    first = offer.clauses["c2"]
    again = Part(first, joiner=", while")
    assert write_bullet([Part(first), again], [], span) == write_bullet([Part(first)], [], span)
    assert read_answer(offer, span, "{c2}", "{c2}.")[1] == {"repeated": 1}


def test_a_bullet_has_no_more_than_240_characters(span: Span) -> None:
    def clause(name: str, length: int) -> Clause:
        return Clause(id=name, group="Ads", subjects=frozenset((name,)), text="x" * length,
                      is_small=False, because="b" * 40, member="m")  # fmt: skip

    short, long, longest = clause("a", 100), clause("b", 150), clause("c", 400)
    assert write_bullet([Part(short, has_cause=True)], ["Do it."], span).text == f"X{'x' * 99}, {'b' * 40}. Do it."
    assert write_bullet([Part(short, has_cause=True)], ["d" * 99], span).text == f"X{'x' * 99}, {'b' * 40}."
    assert write_bullet([Part(short), Part(long)], ["Do it."], span).text == f"X{'x' * 99}."
    assert len(write_bullet([Part(longest)], [], span).text) <= MOST_CHARACTERS
    # Where the period has been said, there is room for more.
    first, second = (clause(name, 170) for name in "de")
    arrangements = [
        Arrangement.of([Part(replace(each, text=f"{each.id}{each.text} {PERIOD}"), has_cause=True)])
        for each in (first, second)
    ]
    assert [each.text.count("b") for each in write_bullets(arrangements, span)] == [0, 40]


@pytest.mark.parametrize(
    ("text", "first", "again"),
    [
        (f"Down {PERIOD}, from 2", "Down against May, from 2", "Down, from 2"),
        (f"Is {PERIOD} down", "Is against May down", "Is down"),
        (f"Sessions ({PERIOD} down)", "Sessions (against May down)", "Sessions (down)"),
        (f"Up {PERIOD}, {PERIOD}over 3 days{PERIOD_END} 2", "Up against May, over 3 days 2", "Up, over 3 days 2"),
    ],
)
def test_a_period_leaves_no_gap_where_it_is_not_said(text: str, first: str, again: str) -> None:
    assert say_periods(text, "against May")[0] == first
    assert say_periods(text, "against May", "against May")[0] == again


def test_names_keep_their_capitals_inside_of_a_sentence(span: Span) -> None:
    def clause(name: str, text: str, *, is_small: bool) -> Clause:
        return Clause(id=name, group="Ads", subjects=frozenset((name,)), text=text,
                      is_small=is_small)  # fmt: skip

    spend, cpm = clause("a", "spend is up", is_small=True), clause("b", "CPM is down", is_small=False)
    email = clause("c", "Email is new", is_small=False)
    parts = [Part(spend), Part(cpm, joiner=", while"), Part(email, joiner=", and")]
    assert write_bullet([Part(email), Part(spend, joiner=";")], [], span).text == "Email is new; spend is up."
    assert write_bullet(parts, [], span).text == "Spend is up, while CPM is down. Email is new."


def test_the_request_names_all_that_may_be_used(offer: Offer) -> None:
    request = offer.describe()
    assert (request["joiners"], request["compared_with"]) == ([", while", ", and", ";"], "the previous 28 days")
    assert len(request["advice"]) == 4
    sessions = request["clauses"][1]
    assert sessions == {
        "id": "c2",
        "group": "Traffic",
        "text": "Sessions are down 23%, from 29,263 to 22,403",
        "parts": {"because": "most of it in Organic Search (-6,931)", "member": "Organic Search"},
        "advice": ["Look at {c2.member} first."],
    }


def test_in_german(worlds: Worlds, eventful: CollectedFacts) -> None:
    facts = worlds.collect(eventful.asker.tenant, language="de")
    first, second, *_ = tell(facts)
    assert (first.group, second.group) == ("Ads", "Traffic")
    assert first.text.startswith(
        "Der Ertrag der Werbeausgaben ist gegenüber den 28 Tagen davor um 26 % gefallen, von 3,02 auf 2,25, "
        "vor allem durch „Retargeting“ selbst (-0,79)."
    )
    assert second.text == (
        "Die Sitzungen sind um 23 % gefallen, von 29.263 auf 22.403, vor allem bei Organic Search (-6.931). "
        "Sehen Sie sich zuerst Organic Search an."
    )
    german = Offer(facts, write_clauses(facts))
    shown, dropped = read_answer(
        german, facts.span, "{c2}, und {c4}. Sehen Sie sich zuerst {c2.member} an.", "{c1}, while {c2}"
    )
    assert dropped == {"joiner": 1}
    assert shown == [
        second.text.replace("sind um 23 %", "sind gegenüber den 28 Tagen davor um 23 %").replace(
            ", vor allem bei Organic Search (-6.931)",
            ", und der Umsatz ist um 25 % gefallen, von 46.972 $ auf 35.392 $",
        )
    ]


def test_every_language_says_every_rule(worlds: Worlds) -> None:
    insights = worlds.catalog.insights
    assert set(insights.languages) == {"en", "de"}
    for language in insights.languages.values():
        assert isinstance(language, Language)
        assert language.rules.keys() == {rule.name for rule in insights.rules}
        assert language.advice.keys() >= {name for rule in insights.rules for name in rule.advice}
    assert len(insights.languages["de"].advice) >= 40
