"""Opening the state database, and what it says when it cannot."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from pathlib import Path
from threading import Timer

import psycopg
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from engine.errors import InvalidSetting, StateUnavailable
from state import State
from state.database import open_database
from state.tables import app_settings

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state.db",
        "mysql://user:hunter2-hunter2@localhost/state",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://localhost/state.db",
        "postgresql://user:hunter2-hunter2@localhost:port/state",
        "postgresql://user:p@hunter2-hunter2@localhost/state",
        "postgresql://user:p@hunter2-hunter2:5@localhost/state",
        "postgresql://user:p@ss/hunter2-hunter2@localhost/state",
    ],
)
def test_a_malformed_url_is_one_line_that_names_the_setting(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^DATABASE_URL .*\Z|^DATABASE_URL: .*\Z") as caught:
        open_database(url)
    assert "sqlite:///path/to/file.db" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_dead_host_is_one_line_without_the_password() -> None:
    url = f"postgresql://user:{SECRET}@127.0.0.1:1/state?application_name={SECRET}"
    with pytest.raises(StateUnavailable) as caught:
        State.open(url)
    message = str(caught.value)
    assert "refused" in message
    assert "check DATABASE_URL (postgresql+psycopg://user:***@127.0.0.1:1/state)" in message
    assert "\n" not in message
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_opens(postgres_url: str, scheme: str) -> None:
    database = open_database(postgres_url.replace("postgresql", scheme, 1))
    database.ping()
    assert database.dialect == "postgresql"
    database.close()


def test_a_missing_driver_names_the_extra(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidSetting, match=r"DATABASE_URL .*pip install 'psycopg\[binary\]'"):
        open_database(postgres_url)


def test_the_folder_of_an_sqlite_file_is_made(tmp_path: Path) -> None:
    State.open(f"sqlite:///{tmp_path}/deep/me@work/state.db").close()
    assert (tmp_path / "deep/me@work/state.db").is_file()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnavailable, match=r"folder .*/file.*check DATABASE_URL"):
        State.open(f"sqlite:///{tmp_path}/file/state.db")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match=r"unable to open database file; check DATABASE_URL"):
        State.open(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("a shopping list, long enough to have a header of its own" * 20)
    with pytest.raises(StateUnavailable, match=r"file is not a database; check DATABASE_URL"):
        State.open(f"sqlite:///{tmp_path}/state.db")


def test_a_read_only_file(tmp_path: Path) -> None:
    State.open(f"sqlite:///{tmp_path}/state.db").close()
    state = State.open(f"sqlite:///file:{tmp_path}/state.db?mode=ro&uri=true")
    with pytest.raises(StateUnavailable, match=r"readonly database; check DATABASE_URL"):
        state.app_settings.set("theme", "dark")
    state.close()


def test_sqlite_is_opened_for_many_processes(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    with database.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        ]
    assert pragmas == ["wal", 15000, 1, 1]
    database.close()


def test_opening_a_file_waits_for_whoever_is_writing_it(sqlite_url: str, tmp_path: Path) -> None:
    writer = sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE other (id)")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO other VALUES (1)")
    release = Timer(0.2, writer.execute, ["COMMIT"])
    release.start()
    state = State.open(sqlite_url)
    state.close()
    release.join()
    writer.close()


def test_a_transaction_is_whole_or_nothing(state: State) -> None:
    twice = [insert(app_settings).values(key="one", value=value) for value in (1, 2)]
    with pytest.raises(IntegrityError), state.database.begin_transaction() as connection:
        list(map(connection.execute, twice))
    assert state.app_settings.get("one") is None
    with state.database.begin_transaction() as connection:
        connection.execute(twice[0])
    assert state.app_settings.get("one") == 1


def test_a_statement_outside_a_transaction_commits_by_itself(state: State) -> None:
    with state.database.connect() as connection:
        connection.execute(insert(app_settings).values(key="one", value=1))
        assert state.app_settings.get("one") == 1


def test_parameters_stay_out_of_error_messages(state: State) -> None:
    with pytest.raises(IntegrityError) as caught, state.database.connect() as connection:
        connection.execute(insert(app_settings).values(key=None, value=SECRET))
    assert SECRET not in str(caught.value).replace(str(caught.value.orig), "")


def test_connections_that_the_server_closed_are_replaced(postgres_url: str) -> None:
    state = State.open(postgres_url)
    state.app_settings.set("theme", "dark")
    with psycopg.connect(postgres_url) as connection:
        closed = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert closed
    assert state.app_settings.get("theme") == "dark"
    state.close()
