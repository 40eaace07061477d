"""insights.yaml beside the metric files: what it may say, and what is said of its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.catalog import load_catalog
from engine.catalog.insight_fields import FIELDS, OPTIONAL
from engine.errors import InvalidCatalog, InvalidSetting

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
  sessions: {change: ga4.inner, least: 0.05, floor: 10, called: [visits]}
  b: {change: ga4.costs, series: B}
  channels: {members: ga4.by_channel}
  peak: {spikes: ga4.sessions, posts: ga4.posts}
  both: {pair: [ga4.sessions, ga4.rate]}
  why: {explain: ga4.rate, numerator: ga4.won_by_channel, denominator: ga4.by_channel}
rules:
  rose:
    group: Traffic
    importance: 70
    about: [sessions, channels]
    when: sessions.direction == 'up' and channels.rising
    say: >-
      Sessions {{ sessions.words }}, {{ channels.rising[0].name }} most of all
      {% if why and why.driver %}; {{ why.driver.name }} did {{ why.driver.effect }}{% endif %}.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ga4.yaml").write_text(GA4)
    return tmp_path


def list_problems(folder: Path, insights: str) -> list[str]:
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
    assert insights.observations["why"].metrics == tuple(
        catalog.metrics[key] for key in ("ga4.rate", "ga4.won_by_channel", "ga4.by_channel")
    )
    assert insights.observations["sessions"].metrics[0].hidden
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
    ("group: Traffic", "group: Trafic", "11:12", "wrong-value", "did you mean 'Traffic'?"),
    ("importance: 70", "importance: 700", "12:17", "wrong-value", "at most 100"),
    ("    importance: 70\n", "", "10:3", "missing-key", "the key 'importance' is missing"),
    ("about: [sessions,", "about: [sesions,", "13:13", "undefined-name", "did you mean 'sessions'?"),
    ("{{ sessions.words", "{{ sessions.wrods", "16:28", "undefined-name", "did you mean 'words'?"),
    ("{{ sessions.words", "{{ sesions.words", "16:19", "undefined-name", "did you mean 'sessions'"),
    ("rising[0].name", "rising[0].nmae", "16:60", "undefined-name", "did you mean 'name'?"),
    ("sessions.direction ==", "known.sesions and sessions.direction ==", "14:17", "undefined-name", "'sessions'?"),
    ("sessions.direction ==", "sessions.drection ==", "14:20", "undefined-name", "did you mean 'direction'?"),
    ("{% if why and why", "{% if why", "16:16", "template-error", "what may be missing"),
    (" and channels.rising", "", "16:16", "template-error", "what may be missing"),
    ("{% endif %}", "", "16:16", "template-syntax", "Unexpected end of template"),
    ("{{ sessions.words }}", "{{ sessions }}", "16:16", "template-error", "this is a mapping"),
    ("{{ sessions.words }}", "{{ sessions.words|round }}", "16:34", "template-syntax", "no filter 'round'"),
    ("most of all", "<b>most</b> of all", "16:68", "template-forbidden", "'<b>' is markup or an address"),
    ("most of all", "see https://example.test/x", "16:72", "template-forbidden", "is markup or an address"),
    ("most of all", "ask shop@example.test", "16:72", "template-forbidden", "is markup or an address"),
    ("most of all", "**most**", "16:68", "template-forbidden", "is markup or an address"),
    ("{{ sessions.words }}", "{{ '<b>' }}", "16:7", "template-forbidden", "it says '<b>'"),
    ("members: ga4.by_channel", "members: ga4.by_channel, of: ga4.nobody", "5:43", "unknown-metric", "ga4.nobody"),
    ("least: 0.05", "volume: ga4.nobody", "3:41", "unknown-metric", "ga4.nobody"),
    ("  b: {", "  b: {of: ga4.sessions, ", "4:7", "misplaced-key", "of goes with members"),
    ("facts:\n", "fact:\n", "2:1", "unknown-key", "did you mean 'facts'?"),
]


def test_the_sound_file_has_no_problems(folder: Path) -> None:
    assert list_problems(folder, SOUND) == []


@pytest.mark.parametrize(("right", "wrong", "place", "code", "said"), MISTAKES, ids=[each[1] for each in MISTAKES])
def test_a_mistake_is_shown_where_it_is(folder: Path, right: str, wrong: str, place: str, code: str, said: str) -> None:
    assert SOUND.count(right) == 1
    first, *others = list_problems(folder, SOUND.replace(right, wrong))
    assert first.startswith(f"{place}: error[{code}]")
    assert said in first
    # Rules about facts that are no more.
    assert all("undefined-name" in each for each in others)


def test_problems_of_all_files_are_told_at_once(folder: Path) -> None:
    (folder / "ga4.yaml").write_text(GA4.replace("ga4.sessions: sum(n)", "ga4.sessions: sum(nn)"))
    found = list_problems(folder, SOUND.replace("least: 0.05", "lesat: 0.05"))
    assert [each.partition("[")[2].partition("]")[0] for each in found] == ["unknown-column", "unknown-key"]


def test_every_kind_has_its_fields() -> None:
    assert FIELDS.keys() == OPTIONAL.keys()
    for kind, names in OPTIONAL.items():
        assert FIELDS[kind].keys() >= set(names)
