"""docs/insights.md and docs/insights-how.md: the example works, and the tables name what there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import get_args

from insights.config.definitions import RuleDefinition
from insights.config.load import load_catalog
from insights.config.sentences import read_examples
from insights.llm import Failure
from insights.offer import Reason
from runtime.shipped import get_shipped_folder
from tests.support.paths import DOCS

PAGE = (DOCS / "insights.md").read_text(encoding="utf-8")
HOW = (DOCS / "insights-how.md").read_text(encoding="utf-8")
MOST_WORDS = 800
MOST_BYTES = 200_000


def test_the_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for path in get_shipped_folder().glob("[!i]*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "insights.yaml").write_text(example, encoding="utf-8")
    insights = load_catalog(tmp_path).insights
    assert (len(insights.observations), len(insights.rules)) == (2, 1)


def test_the_page_for_analysts_is_short_and_shows_the_panel() -> None:
    assert len(PAGE.split()) <= MOST_WORDS
    (picture,) = re.findall(r"!\[.*\]\((images/\S+)\)", PAGE)
    assert 10_000 < (DOCS / picture).stat().st_size < MOST_BYTES


def test_the_kinds_and_their_fields_are_listed() -> None:
    change = read_examples()["change"][0].keys()
    for kind, (fields, *_) in read_examples().items():
        (line,) = re.findall(rf"^\| `{kind}: .*$", HOW, re.MULTILINE)
        own = fields.keys() - (change if kind == "explain" else set())
        assert own <= set(re.findall(r"`(\w+)`", line)), kind


def test_the_keys_of_a_rule_are_listed() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)) == set(RuleDefinition.model_fields)


def test_the_reasons_are_listed() -> None:
    for word in (*get_args(Reason), *get_args(Failure), "ungrounded"):
        assert f"`{word}`" in HOW
