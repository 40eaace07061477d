"""The commands, run in this process in a folder of their own, with an environment of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from tests.support.paths import METRICS

ALICE = "a11ce000-0000-4000-8000-00000000000a"
BOB = "b0b00000-0000-4000-8000-00000000000b"
SECRET = "a secret of at least thirty-two bytes"
SHIPPED = METRICS

Run = Callable[..., Result]

GA4 = """\
source: ga4
table: visits_daily
tables:
  visits_daily:
    time: date
    name: analytics.visits
    key: [user_id, date, property_id]
    account: property_id
    columns:
      user_id: uuid
      date: date
      property_id: text
      channel: text
      sessions: {type: bigint, column: visits}
      pages: {type: bigint, column: visits}
  emailed_daily:
    time: date
    sql: SELECT user_id, date, sessions FROM {{ table('visits_daily') }} WHERE channel = 'Email'
    columns: {user_id: uuid, date: date, sessions: bigint}
metrics:
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `metric-engine` with these arguments and variables, in an empty folder."""
    for name in [
        name for name in os.environ if name.startswith(("JWT_", "JWKS_", "METRICS_", "DATABASE_", "WAREHOUSE_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, stdin: str | None = None, **environment: str) -> Result:
        # SystemExit is how a command ends; anything else that gets out would be a traceback for the user.
        return CliRunner().invoke(main, arguments, input=stdin, env=environment, catch_exceptions=False)

    return invoke


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], str]:
    """Write a folder with one metric file, whose metrics these are; gives its name."""

    def write(metrics: str) -> str:
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "visits.yaml").write_text(GA4 + metrics)
        return "mine"

    return write
