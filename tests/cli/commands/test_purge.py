from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.calendar import Window
from engine.slices import Slice
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from state import State
from tests.cli.conftest import ALICE, BOB, Run
from tests.support.shipped import load_shipped_catalog

DAYS = Window(date(2025, 1, 1), date(2025, 1, 2))
TABLES = load_shipped_catalog().tables
ADS, VISITS = TABLES["meta_ads_daily"], TABLES["ga4_daily"]


@pytest.fixture
def warehouse(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A warehouse in which syncs have read four accounts of Meta and one of Google Analytics, of two users."""
    monkeypatch.setenv("METRICS_DIR", str(get_shipped_folder()))
    warehouse = Warehouse("sqlite:///metric-engine.db")
    for user in (ALICE, BOB):
        for account in ("act_1", "act_2", "2", ""):
            rows = [{"date": day, "campaign_id": "a", "clicks": 1} for day in (DAYS.start, DAYS.end)]
            warehouse.restate(Slice(ADS, user, account, DAYS), rows)
        warehouse.restate(Slice(VISITS, user, "1", DAYS), [{"date": DAYS.start, "sessions": 1}])
    yield warehouse
    warehouse.close()


def list_accounts(warehouse: Warehouse, user: str) -> list[str]:
    sql = "SELECT account_id FROM meta_ads_daily WHERE user_id = :tenant GROUP BY account_id ORDER BY account_id"
    return [account for (account,) in warehouse.query(sql, {"tenant": user})]


def list_read_accounts(warehouse: Warehouse, user: str) -> list[str]:
    return [each for each in ("", "2", "act_1", "act_2") if warehouse.get_cursor(ADS, user, each)]


@pytest.mark.parametrize(
    ("options", "rows", "kept"),
    [
        (("--account", "act_1"), 2, ["", "2", "act_2"]),
        (("--account", "2"), 4, ["", "act_1"]),
        (("--account", ""), 2, ["2", "act_1", "act_2"]),
        ((), 8, []),
    ],
)
def test_an_accounts_rows_and_cursors_are_deleted(
    run: Run, warehouse: Warehouse, options: tuple[str, ...], rows: int, kept: list[str]
) -> None:
    result = run("purge", "--user", ALICE, "--source", "meta", *options, "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"{rows} rows deleted"), result.stderr
    assert list_accounts(warehouse, ALICE) == list_read_accounts(warehouse, ALICE) == kept
    assert list_accounts(warehouse, BOB) == list_read_accounts(warehouse, BOB) == ["", "2", "act_1", "act_2"]
    assert warehouse.has_rows(VISITS, ALICE)
    assert warehouse.get_cursor(VISITS, ALICE, "1") == DAYS


@pytest.mark.parametrize(("options", "kept"), [(("--account", "1"), ["act_2"]), ((), [])])
@pytest.mark.usefixtures("warehouse")
def test_what_is_noted_of_the_rows_is_deleted(run: Run, options: tuple[str, ...], kept: list[str]) -> None:
    state = State.open("sqlite:///metric-engine.db")
    for user in (ALICE, BOB):
        for account in ("act_1", "act_2"):
            state.data_notes.replace_notes(user, "meta", account, ADS.name, DAYS, {"sampled": [DAYS]})
    result = run("purge", "--user", ALICE, "--source", "meta", *options, "--yes")
    assert result.exit_code == 0, result.stderr
    assert [note.account for note in state.data_notes.list_notes(ALICE)] == kept
    assert [note.account for note in state.data_notes.list_notes(BOB)] == ["act_1", "act_2"]
    state.close()


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_deleted_unless_the_answer_is_yes(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    result = run("purge", "--user", ALICE, "--source", "meta", stdin=answer)
    assert result.exit_code == 1
    assert "Delete the 8 rows of all accounts of meta for good?" in result.stdout
    assert len(list_accounts(warehouse, ALICE)) == len(list_read_accounts(warehouse, ALICE)) == 4
    assert run("purge", "--user", ALICE, "--source", "meta", stdin="y\n").exit_code == 0
    assert list_accounts(warehouse, ALICE) == []


def read_data_version() -> int:
    state = State.open("sqlite:///metric-engine.db")
    version: int = state.tenants.get(ALICE).data_version
    state.close()
    return version


@pytest.mark.usefixtures("warehouse")
def test_answers_from_before_are_old(run: Run) -> None:
    run("query", "meta.spend", "--user", ALICE)
    before = read_data_version()
    assert run("purge", "--user", ALICE, "--source", "meta", "--yes").exit_code == 0
    assert read_data_version() > before


@pytest.mark.usefixtures("warehouse")
def test_an_account_that_is_still_connected_is_told(run: Run) -> None:
    key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="
    state = State.open("sqlite:///metric-engine.db", encryption_key=key)
    state.connections.put(ALICE, "meta", "act_1", {"access_token": "t"})
    state.close()
    result: Any = run("purge", "--user", ALICE, "--source", "meta", "--account", "1", "--yes", ENCRYPTION_KEY=key)
    *_, total, note = result.stdout.splitlines()
    assert total == "2 rows deleted"
    assert note == (
        "act_1 is still connected: the next sync reads it from the beginning, "
        "unless DELETE /v1/connections/meta?account_id=act_1 removes it"
    )


def test_an_unknown_source_is_told_with_the_nearest(run: Run) -> None:
    result = run("purge", "--user", ALICE, "--source", "mata", "--yes")
    assert result.exit_code == 2
    assert "--source mata: there is no such source; did you mean 'meta'?" in result.stderr
