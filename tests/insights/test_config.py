"""insights.yaml beside the metric files: what it may say, and what is said of its mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import Environment

from engine.errors import InvalidCatalog, InvalidSetting
from insights.config.definitions import Kind
from insights.config.load import check_language, load_catalog
from insights.config.sentences import EXAMPLES, list_trials, read_examples
from runtime.shipped import get_shipped_folder
from tests.support.shipped import load_shipped_catalog

GA4 = """\
source: ga4
table: visits
tables:
  visits:
    time: date
    columns: {user_id: uuid, date: date, channel: text, id: text, users: {type: bigint, additive: false}, n: bigint,
              m: bigint}
metrics:
  ga4.sessions: sum(n)
  ga4.rate: sum(m) / sum(n)
  ga4.by_channel: {value: sum(n), by: channel}
  ga4.won_by_channel: {value: sum(m), by: channel}
  ga4.by_id: {value: sum(m), by: id}
  ga4.best: {value: max(n), by: channel}
  ga4.costs: {series: {A: sum(n), B: sum(m)}}
  ga4.both: {combine: [ga4.sessions, ga4.rate]}
  ga4.posts: {value: sum(n), items: {by: id, show: [date], values: {n: sum(n)}}}
  ga4.undated: {value: sum(n), items: {by: id, show: [channel], values: {n: sum(n)}}}
  ga4.inner: {value: sum(n), hidden: true}
"""
SOUND = """\
most: 5
facts:
  sessions: {change: ga4.inner, least: 0.05, floor: 10}
  b: {change: ga4.costs, series: B}
  channels: {members: ga4.by_channel}
  peak: {spikes: ga4.sessions, posts: ga4.posts}
  both: {pair: [ga4.sessions, ga4.rate]}
  why: {explain: ga4.rate, numerator: ga4.won_by_channel, denominator: ga4.by_channel}
advice:
  look: Look at {member} first.
  ask: Ask the team.
general: [ask]
rules:
  rose:
    group: Traffic
    importance: 70
    about: [sessions, channels]
    when: sessions.direction == 'up' and channels.rising
    say: >-
      Sessions {{ sessions.words }}, {{ channels.rising[0].name }} most of all
      {% if why and why.driver %}; {{ why.driver.name }} did {{ why.driver.effect }}{% endif %}.
    member: "{{ channels.rising[0].name }}"
    advice: {look: channels.driver, ask: true}
"""
GERMAN = """\
numbers: {decimal: ",", thousands: "."}
months: [Januar, Februar, März, April, Mai, Juni, Juli, August, September, Oktober, November, Dezember]
words: WORDS
joiners: [", und"]
advice: {look: Sehen Sie sich {member} an., ask: Fragen Sie das Team.}
rules:
  rose: {say: "Die Sitzungen sind {{ sessions.words }}."}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ga4.yaml").write_text(GA4)
    return tmp_path


def problems(folder: Path, insights: str) -> list[str]:
    """What is said of a folder with this insights.yaml."""
    (folder / "insights.yaml").write_text(insights)
    try:
        load_catalog(folder)
    except InvalidCatalog as invalid:
        return [str(found).removeprefix(f"{folder}/insights.yaml:") for found in invalid.diagnostics]
    return []


def test_a_sound_file_is_resolved(folder: Path) -> None:
    (folder / "insights.yaml").write_text(SOUND)
    catalog = load_catalog(folder)
    insights = catalog.insights
    assert insights.most == 5
    assert {name: each.kind for name, each in insights.observations.items()} == {
        "sessions": "change",
        "b": "change",
        "channels": "members",
        "peak": "spikes",
        "both": "pair",
        "why": "explain",
    }
    assert insights.observations["why"].metrics == {
        "explain": catalog.metrics["ga4.rate"],
        "numerator": catalog.metrics["ga4.won_by_channel"],
        "denominator": catalog.metrics["ga4.by_channel"],
    }
    assert insights.observations["sessions"].metrics["change"].hidden
    (rule,) = insights.rules
    assert (rule.group, rule.importance, rule.about) == ("Traffic", 70, ("sessions", "channels"))


def test_a_folder_without_the_file_has_no_insights(folder: Path) -> None:
    catalog = load_catalog(folder)
    assert not catalog.insights.observations
    assert not catalog.insights.rules


def test_the_file_alone_is_no_folder_of_metrics(tmp_path: Path) -> None:
    (tmp_path / "insights.yaml").write_text(SOUND)
    with pytest.raises(InvalidSetting, match="holds no"):
        load_catalog(tmp_path)


def test_the_version_changes_with_the_file(folder: Path) -> None:
    versions = [load_catalog(folder).version]
    for text in (SOUND, SOUND.replace("most: 5", "most: 6")):
        (folder / "insights.yaml").write_text(text)
        versions.append(load_catalog(folder).version)
    assert len(set(versions)) == 3


MISTAKES = [
    ("change: ga4.inner", "change: ga4.iner", "3:22", "unknown-metric", "did you mean 'ga4.inner'?"),
    ("least: 0.05", "lesat: 0.05", "3:33", "unknown-key", "did you mean 'least'?"),
    ("least: 0.05", "least: many", "3:40", "wrong-type", "must be a number"),
    ("series: B", "series: C", "4:34", "unknown-series", "there are 'A' and 'B'"),
    ("members: ga4.by_channel", "members: ga4.rate", "5:23", "wrong-metric", "'ga4.rate' has no breakdown"),
    ("members: ga4.by_channel", "members: ga4.best", "5:23", "wrong-metric", "do not add up"),
    ("posts: ga4.posts", "posts: ga4.rate", "6:39", "wrong-metric", "'ga4.rate' has no items"),
    ("posts: ga4.posts", "posts: ga4.undated", "6:39", "wrong-metric", "add 'date' to their `show`"),
    ("pair: [ga4.sessions, ga4.rate]", "pair: [ga4.sessions, ga4.both]", "7:31", "wrong-metric", "name one of them"),
    ("pair: [ga4.sessions, ga4.rate]", "pair: [ga4.sessions]", "7:16", "wrong-value", "pair needs 2 entries"),
    (", denominator: ga4.by_channel", "", "8:3", "missing-key", "explain needs denominator"),
    ("denominator: ga4.by_channel", "denominator: ga4.by_id", "8:72", "wrong-metric", "not broken down alike"),
    ("change: ga4.inner, least", "least", "3:3", "missing-key", "a fact needs one of change, members"),
    ("spikes: ga4.sessions", "change: ga4.sessions", "6:32", "misplaced-key", "posts goes with spikes"),
    ("least: 0.05", "members: ga4.by_channel", "3:33", "misplaced-key", "a fact has one of them"),
    ("  b: {", "  b.c: {", "4:3", "bad-name", "'b.c' is not a name for a fact"),
    ("  b: {", "  days: {", "4:3", "bad-name", "every sentence has already"),
    ("group: Traffic", "group: Trafic", "15:12", "wrong-value", "did you mean 'Traffic'?"),
    ("importance: 70", "importance: 700", "16:17", "wrong-value", "at most 100"),
    ("    importance: 70\n", "", "14:3", "missing-key", "the key 'importance' is missing"),
    ("about: [sessions,", "about: [sesions,", "17:13", "undefined-name", "did you mean 'sessions'?"),
    ("{{ sessions.words", "{{ sessions.wrods", "20:28", "undefined-name", "did you mean 'words'?"),
    ("{{ sessions.words", "{{ sesions.words", "20:19", "undefined-name", "did you mean 'sessions'"),
    ("rising[0].name }} most", "rising[0].nmae }} most", "20:60", "undefined-name", "did you mean 'name'?"),
    ("sessions.direction ==", "known.sesions and sessions.direction ==", "18:17", "undefined-name", "'sessions'?"),
    ("sessions.direction ==", "sessions.drection ==", "18:20", "undefined-name", "did you mean 'direction'?"),
    ("{% if why and why", "{% if why", "21:13", "template-error", "why may be missing"),
    (" and channels.rising", "", "20:50", "template-error", "channels.rising may be missing"),
    ("{{ sessions.words }}", "{{ each.name }}", "20:19", "undefined-name", "'each' is not defined"),
    (
        "{{ sessions.words }}",
        "{% for each in channels.rising %}{{ each.nmae }}{% endfor %}",
        "20:57",
        "undefined-name",
        "each has no 'nmae'; did you mean 'name'?",
    ),
    ("{{ sessions.words }}", "{{ sessions.words.upper() }}", "20:16", "template-forbidden", "call is not allowed"),
    ("{{ sessions.words }}", "{% set x = 1 %}{{ x }}", "20:16", "template-forbidden", "assign is not allowed"),
    ("{{ sessions.words }}", "{% macro x() %}{% endmacro %}", "20:16", "template-forbidden", "macro is not allowed"),
    (
        "{{ sessions.words }}",
        "{% for each in channels.rising %}{% for other in channels.rising %}x{% endfor %}{% endfor %}",
        "20:16",
        "template-forbidden",
        "a loop in a loop",
    ),
    ("{% endif %}", "", "21:7", "template-syntax", "Unexpected end of template"),
    ("{{ sessions.words }}", "{{ sessions }}", "20:16", "template-error", "this is a mapping"),
    ("{{ sessions.words }}", "{{ sessions.words|round }}", "20:16", "template-forbidden", "filter is not allowed"),
    ("most of all", "<b>most</b> of all", "20:68", "template-forbidden", "'<b>' is markup or an address"),
    ("most of all", "see https://example.test/x", "20:72", "template-forbidden", "is markup or an address"),
    ("most of all", "ask shop@example.test", "20:72", "template-forbidden", "is markup or an address"),
    ("most of all", "**most**", "20:68", "template-forbidden", "is markup or an address"),
    ("{{ sessions.words }}", "{{ '<b>' }}", "20:7", "template-forbidden", "it says '<b>'"),
    ("members: ga4.by_channel", "members: ga4.by_channel, of: ga4.nobody", "5:43", "unknown-metric", "ga4.nobody"),
    ("least: 0.05", "volume: ga4.nobody", "3:41", "unknown-metric", "ga4.nobody"),
    ("  b: {", "  b: {of: ga4.sessions, ", "4:7", "misplaced-key", "of goes with members"),
    ("facts:\n", "fact:\n", "2:1", "unknown-key", "did you mean 'facts'?"),
    ("look: Look at {member}", "look: Look at {membr}", "10:9", "undefined-name", "nothing is put in for {membr}"),
    ("look: Look at {member}", "look: Look at {member", "10:9", "wrong-value", "write a name in braces"),
    (
        "look: Look at {member} first",
        "look: See bit.ly/abc or t.me/shop now",
        "10:9",
        "template-forbidden",
        "'bit.ly/abc'",
    ),
    (
        "most of all",
        "see bit.ly/abc or t.me/shop",
        "20:72",
        "template-forbidden",
        "'bit.ly/abc' is markup or an address",
    ),
    ("general: [ask]", "general: [aks]", "12:11", "undefined-name", "did you mean 'ask'?"),
    ("advice: {look:", "advice: {lok:", "23:19", "undefined-name", "did you mean 'look'?"),
    ("look: channels.driver", "look: channels.drivr", "23:29", "undefined-name", "did you mean 'driver'?"),
    ("ask: true}", "ask: false}", "23:42", "wrong-type", "must be text"),
    ('rising[0].name }}"', 'rising[0].nmae }}"', "22:36", "undefined-name", "did you mean 'name'?"),
]


def test_the_sound_file_has_no_problems(folder: Path) -> None:
    assert problems(folder, SOUND) == []


@pytest.mark.parametrize(("right", "wrong", "place", "code", "said"), MISTAKES, ids=[each[1] for each in MISTAKES])
def test_a_mistake_is_shown_where_it_is(folder: Path, right: str, wrong: str, place: str, code: str, said: str) -> None:
    assert SOUND.count(right) == 1
    first, *others = problems(folder, SOUND.replace(right, wrong))
    assert first.startswith(f"{place}: error[{code}]")
    assert said in first
    # Rules about facts that are no more, and other sentences about what may be missing.
    assert all("undefined-name" in each or "template-error" in each for each in others)


def test_problems_of_all_files_are_told_at_once(folder: Path) -> None:
    (folder / "ga4.yaml").write_text(GA4.replace("ga4.sessions: sum(n)", "ga4.sessions: sum(nn)"))
    found = problems(folder, SOUND.replace("least: 0.05", "lesat: 0.05"))
    assert [each.partition("[")[2].partition("]")[0] for each in found] == ["unknown-column", "unknown-key"]


def test_the_examples_of_a_kind_have_the_same_fields() -> None:
    assert set(read_examples()) == set(get_args(Kind))
    for kind, examples in read_examples().items():
        assert len(examples) == EXAMPLES
        assert all(each.keys() == examples[0].keys() for each in examples), kind
        assert all(examples[0].values()), kind


SHIPPED = (get_shipped_folder() / "insights.de.yaml").read_text()
WORDS = SHIPPED.partition("words:\n")[2].partition("joiners:")[0]
GERMAN = GERMAN.replace("words: WORDS", f"words:\n{WORDS.rstrip()}").replace(
    "{look: Sehen Sie sich {member} an., ", "{look: 'Sehen Sie sich {member} an.', "
)


def german_problems(folder: Path, german: str) -> list[str]:
    (folder / "insights.yaml").write_text(SOUND)
    (folder / "insights.de.yaml").write_text(german)
    try:
        load_catalog(folder)
    except InvalidCatalog as invalid:
        return [str(found).removeprefix(f"{folder}/insights.de.yaml:") for found in invalid.diagnostics]
    return []


def test_a_language_is_a_file(folder: Path) -> None:
    assert german_problems(folder, GERMAN) == []
    german = load_catalog(folder).insights.languages["de"]
    assert german.write_number(22403.25, 2) == "22.403,25"
    assert german.write("up", change="23 %") == "um 23 % gestiegen"
    assert german.rules["rose"].say.render({"sessions": {"words": "neu"}}) == "Die Sitzungen sind neu."


@pytest.mark.parametrize(
    ("right", "wrong", "code", "said"),
    [
        ("sessions.words", "sessions.wrods", "undefined-name", "did you mean 'words'?"),
        ("{member} an", "{name} an", "undefined-name", "nothing is put in for {name}; there is member"),
        ('up: "um {change}', 'up: "um {amount}', "undefined-name", "nothing is put in for {amount}; there is change"),
        ("  flat: kaum verändert\n", "", "missing-key", "the key 'words.flat' is missing"),
        ("März, ", "", "wrong-value", "12 entries at least"),
        ('joiners: [", und"]\n', "", "missing-key", "'joiners' is missing"),
        ("Die Sitzungen", "<b>Die</b> Sitzungen", "template-forbidden", "markup or an address"),
        ("numbers: {decimal:", "numbers: {decimel:", "unknown-key", "did you mean 'decimal'?"),
    ],
)
def test_what_a_language_lacks_is_told(folder: Path, right: str, wrong: str, code: str, said: str) -> None:
    assert GERMAN.count(right) == 1
    found = german_problems(folder, GERMAN.replace(right, wrong))
    assert [each for each in found if f"error[{code}]" in each and said in each], found


def test_what_a_language_does_not_say_is_left_out_and_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert german_problems(folder, GERMAN.replace("  rose:", "  rsoe:")) == []
    check_language(load_catalog(folder), "de")
    assert "insights.de.yaml lacks the rules rose: they are not said" in caplog.text


def test_an_unknown_language_is_named_with_those_that_there_are(folder: Path) -> None:
    german_problems(folder, GERMAN)
    check_language(load_catalog(folder), "de")
    with pytest.raises(
        InvalidSetting, match="INSIGHTS_LANGUAGE: 'es' is not a language of the insights; there are 'de'"
    ):
        check_language(load_catalog(folder), "es")


def test_a_sentence_that_is_walked_says_what_jinja_says() -> None:
    """Every sentence and condition of the shipped files, on every example for which the rule's condition holds."""
    insights = load_shipped_catalog().insights
    kinds = {name: each.kind for name, each in insights.observations.items()}
    jinja, compared = Environment(), 0  # noqa: S701
    for rule in insights.rules:
        texts = [language.rules[rule.name] for language in insights.languages.values()]
        sentences = [each for text in texts for each in (text.say, text.because)]
        examples = list_trials(kinds, rule.about)
        for sentence in (rule.when, rule.member, *rule.advice.values(), *sentences):
            for facts in examples:
                if sentence is rule.when or rule.when.render(facts):
                    expected = " ".join(jinja.from_string(sentence.text).render(facts).split())
                    assert sentence.render(facts) == re.sub(r" (?=[,.;:!?)](?:\s|$))", "", expected)
                    compared += 1
    assert compared > 900


@pytest.mark.parametrize("given", ["[1, {a: 2}]", "5", "true", "1.5", "text", "[my.x]"])
@pytest.mark.parametrize("section", ["metrics", "tables"])
def test_a_section_that_is_no_mapping_is_told_at_its_place(folder: Path, section: str, given: str) -> None:
    (folder / "other.yaml").write_text(f"source: ga4\n{section}: {given}\n")
    found = problems(folder, SOUND)
    assert found == [f"{folder}/other.yaml:2:{len(section) + 3}: error[wrong-type] {found[0].partition('] ')[2]}"]
    assert "must be a mapping" in found[0]


@pytest.mark.parametrize("given", ["[1, {a: 2}]", "5", "true", "text", "{a: [1], 5: {x: y}}", "{rose: 1}"])
@pytest.mark.parametrize("section", ["facts", "rules", "advice", "general", "most", "words", "months"])
def test_whatever_stands_in_a_section_it_is_no_traceback(folder: Path, section: str, given: str) -> None:
    assert problems(folder, f"{section}: {given}\n{SOUND.replace(section, 'x' + section, 1)}")
    assert german_problems(folder, f"{section}: {given}\n{GERMAN.replace(section, 'x' + section, 1)}")
