"""The README is short, and the answer that it shows is what its widget answers of the demo's data."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from click.testing import CliRunner

from cli import main
from demo.history import generate_history
from demo.tenants import EVERYTHING
from tests.support.docs.blocks import find_blocks
from tests.support.paths import METRICS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_LINES = 170
(WIDGETS,) = find_blocks("../README.md", "yaml")
(ANSWER,) = find_blocks("../README.md", "json")
(REQUEST,) = re.findall(r"`GET /v1/widgets/([\w.]+)\?(\S+)` answers", README)
# A day's row of the demo does not depend on how long its history is: these are the days of both periods.
LAST_DAY, DAYS = date(2026, 11, 22), 42


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's widgets over the demo's rows, in the current folder's database."""
    tables = yaml.safe_load((METRICS / "ga4.yaml").read_text(encoding="utf-8"))["tables"]
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "tables.yaml").write_text(yaml.safe_dump({"source": "ga4", "tables": tables}), encoding="utf-8")
    (folder / "ga4.yaml").write_text(WIDGETS.text, encoding="utf-8")
    history = generate_history(EVERYTHING, until=LAST_DAY, days=DAYS)["ga4_daily"]
    with (tmp_path / "ga4.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [name for name in history[0] if name != "user_id"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(history)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METRICS_DIR", "metrics")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///readme.db")
    output("load", "ga4_daily", "ga4.csv", "--user", EVERYTHING.user_id)


def output(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def shown_part(shown: Any, whole: Any) -> Any:
    """Return of an answer what the README shows of it: it may leave out keys, and no item of a list."""
    if isinstance(shown, dict) and isinstance(whole, dict):
        return {key: shown_part(value, whole[key]) for key, value in shown.items()}
    if isinstance(shown, list) and isinstance(whole, list):
        assert len(shown) == len(whole)
        return [shown_part(*pair) for pair in zip(shown, whole, strict=True)]
    return whole


@pytest.mark.usefixtures("installation")
def test_the_answer_is_a_true_one() -> None:
    key, query = REQUEST
    options = [word for name, value in parse_qsl(query) for word in (f"--{name}", value)]
    answer = json.loads(output("query", key, "--user", EVERYTHING.user_id, *options, "--format", "json"))
    shown = json.loads(ANSWER.text)
    assert shown == shown_part(shown, answer)


@pytest.mark.usefixtures("installation")
def test_the_yaml_is_three_widgets() -> None:
    assert output("validate").startswith("3 metrics in 2 files")


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= MAX_LINES
