"""docs/insights.md: its example works, and its tables name what there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import get_args

from engine.catalog.catalog import load_catalog
from engine.catalog.insight_definitions import RuleDefinition
from engine.catalog.insight_fields import FIELDS
from insights.grounding import Reason
from insights.model import Failure
from runtime.shipped import get_shipped_folder
from tests.support.paths import DOCS

PAGE = (DOCS / "insights.md").read_text(encoding="utf-8")


def test_the_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for path in get_shipped_folder().glob("*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "insights.yaml").write_text(example, encoding="utf-8")
    insights = load_catalog(tmp_path).insights
    assert (len(insights.observations), len(insights.rules)) == (2, 1)


def test_the_kinds_and_their_fields_are_listed() -> None:
    for kind, fields in FIELDS.items():
        (line,) = re.findall(rf"^\| `{kind}: .*$", PAGE, re.MULTILINE)
        own = fields.keys() - (FIELDS["change"].keys() if kind == "explain" else set())
        assert own <= set(re.findall(r"`(\w+)`", line)), kind


def test_the_keys_of_a_rule_are_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \| ", PAGE.partition("### Rules")[2].partition("## ")[0], re.MULTILINE) == list(
        RuleDefinition.model_fields
    )


def test_the_reasons_are_listed() -> None:
    for word in (*get_args(Reason), *get_args(Failure), "ungrounded"):
        assert f"`{word}`" in PAGE
