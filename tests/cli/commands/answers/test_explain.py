from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ALICE, BOB, Run

DAYS = ("--start", "2025-01-01", "--end", "2025-01-02")


@pytest.fixture
def load_sessions(run: Run, tmp_path: Path) -> Run:
    """Load the sessions of two days; the second day's are the argument."""

    def load(second: str) -> None:
        (tmp_path / "ga4.csv").write_text(f"date,channel,sessions\n2025-01-01,Email,10\n2025-01-02,Direct,{second}\n")
        assert run("load", "ga4_channels_daily", "ga4.csv", "--user", ALICE, "--account", "1").exit_code == 0

    return load  # type: ignore[return-value]


@pytest.fixture
def explain(run: Run) -> Run:
    return lambda *arguments, user=ALICE: run("explain", "ga4.traffic_channels", "--user", user, *arguments)


def test_a_number_is_followed_to_its_place(explain: Run, load_sessions: Run) -> None:
    load_sessions("5")
    result = explain(*DAYS, "--filter", "channel=Email")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "  value     10" in lines
    assert "  filter    channel: any of Email" in lines
    assert "  known     ga4_channels_daily: 2025-01-01 to 2025-01-02" in lines
    place = next(line for line in lines if line.startswith("# ga4.yaml:"))
    assert lines[lines.index(place) + 1] == "ga4.traffic_channels:"
    assert "-- include0_0 = Email" in lines
    assert f"-- tenant = {ALICE}" in lines
    assert any("SUM(" in line for line in lines)


def test_a_receipt_is_asked_again(explain: Run, load_sessions: Run, run: Run) -> None:
    load_sessions("5")
    body = json.loads(run("query", "ga4.traffic_channels", "--user", ALICE, *DAYS, "--format", "json").stdout)
    receipt = body["meta"]["receipt"]
    assert json.loads(explain(*DAYS, "--format", "json").stdout)["id"] == receipt
    same = explain("--receipt", receipt)
    assert (same.exit_code, same.stdout.splitlines()[0]) == (0, "The number is still that.")
    load_sessions("6")
    other = explain("--receipt", receipt)
    assert (other.exit_code, other.stdout.splitlines()[:2]) == (
        1,
        ["The number is not that any more.", "  rows: rows of these days were added, restated or deleted"],
    )
    filtered = explain("--receipt", receipt, "--exclude", "channel=Direct")
    assert filtered.stdout.splitlines()[1] == "  filters: other filters apply"


def test_what_is_wrong_is_said(explain: Run, load_sessions: Run) -> None:
    load_sessions("5")
    receipt = json.loads(explain(*DAYS, "--format", "json").stdout)["id"]
    assert "receipt: is no receipt: copy the whole" in explain("--receipt", receipt[:-4]).stderr
    assert (
        "receipt: is not a receipt of this user's ga4.traffic_channels"
        in explain("--receipt", receipt, user=BOB).stderr
    )
    assert "'Email' is not DIMENSION=VALUE" in explain("--filter", "Email").stderr
    assert "'chanel' is no dimension; did you mean 'channel'?" in explain("--filter", "chanel=Email").stderr
