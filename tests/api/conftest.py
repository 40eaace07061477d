"""A real app over a real SQLite warehouse and state, with two widgets of ten rows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from api.tokens import create_token
from cli.connections import TimedProtocol
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from runtime.settings import Settings
from state import State
from tests.support.environment import read_settings

ALICE = "a11ce000-0000-4000-8000-00000000000a"
BOB = "b0b00000-0000-4000-8000-00000000000b"
SECRET = SecretStr("a secret of at least thirty-two bytes")
ENCRYPTION_KEY = "ZmVybmV0LWtleS1vZi10aGlydHktdHdvLWJ5dGVzISE="

GA4 = """\
source: ga4
table: ga4_daily
tables:
  ga4_daily:
    time: date
    key: [user_id, date, property_id]
    account: property_id
    dimensions: {property: property_id}
    columns: {user_id: uuid, property_id: text, date: date, sessions: bigint, converting_sessions: double}
metrics:
  ga4.sessions: {title: Sessions, description: Sessions started on the day., value: sum(sessions), format: integer}
  ga4.conv_rate: {value: sum(converting_sessions) / sum(sessions), format: percent}
  ga4.secret: {value: sum(sessions), hidden: true}
"""


def sign_token(user: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    return create_token(user, secret=SECRET, lifetime=lifetime)


def make_bearer_headers(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign_token(user)}"}


def make_settings(**given: str) -> Settings:
    return read_settings({"JWT_SECRET": SECRET.get_secret_value()} | given)


@contextmanager
def run_app(app: FastAPI) -> Iterator[str]:
    """The address of a real server of this app on this machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, ws="none", http=TimedProtocol, loop="asyncio"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server does not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    (metrics / "ga4.yaml").write_text(GA4)
    return metrics


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(f"sqlite:///{tmp_path / 'state.db'}", encryption_key=ENCRYPTION_KEY)
    opened.connections.put(ALICE, "ga4", "1")
    yield opened
    opened.close()


@pytest.fixture
def engine(tmp_path: Path, folder: Path) -> Iterator[Engine]:
    catalog = load_catalog(folder)
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'facts.db'}")
    warehouse.create_tables(catalog.tables.values())
    rows = [
        {
            "user_id": ALICE,
            "property_id": "1",
            "date": date(2025, 1, day),
            "sessions": day,
            "converting_sessions": 1.0,
        }
        for day in range(1, 11)
    ]
    warehouse.upsert(catalog.tables["ga4_daily"], rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


@pytest.fixture
def app(engine: Engine, state: State, folder: Path) -> FastAPI:
    return create_app(Services(engine, state, make_settings(METRICS_DIR=str(folder))))


@pytest.fixture
def services(app: FastAPI) -> Services:
    held: Services = app.state.services
    return held


@pytest.fixture
def anonymous(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers=make_bearer_headers(ALICE)) as client:
        yield client
