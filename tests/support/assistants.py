"""An installation with the demo's rows up to a fixed day, and the official SDK's client for its tools."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from demo.database import DemoDatabase
from engine import Warehouse
from engine.answer.engine import Engine
from runtime.services import Services
from state import State
from tests.support.environment import read_settings
from tests.support.shipped import load_shipped_catalog

LAST_DAY, TODAY, DAYS = date(2026, 11, 27), date(2026, 11, 28), 60
SECRET = "a secret of at least thirty-two bytes"
ENCRYPTION_KEY = "ZmVybmV0LWtleS1vZi10aGlydHktdHdvLWJ5dGVzISE="

ScenarioResult = TypeVar("ScenarioResult")


@contextmanager
def open_demo(folder: Path) -> Iterator[Services]:
    """Open services over the demo's tenants in this folder; their today is fixed by who opens them."""
    settings = read_settings({"JWT_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{folder / 'demo.db'}"})
    catalog = load_shipped_catalog()
    state = State.open(settings.database_url.get_secret_value(), encryption_key=ENCRYPTION_KEY)
    warehouse = Warehouse(settings.facts_url.get_secret_value())
    for _ in DemoDatabase(state, warehouse, catalog, days=DAYS).fill(LAST_DAY):
        pass
    with Services(Engine(catalog, warehouse), state, settings) as services:
        yield services


def use_client(
    address: str, token: str, scenario: Callable[[Client], Awaitable[ScenarioResult]], *, mode: Any = "auto"
) -> ScenarioResult:
    """Run a scenario with the SDK's client, over HTTP."""

    async def run() -> ScenarioResult:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{address}/v1/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await scenario(client)

    return asyncio.run(run())


def get_body(result: CallToolResult) -> dict[str, Any]:
    body: dict[str, Any] = result.structured_content
    return body


def iter_unmarked_texts(part: Any, key: str = "") -> Iterator[str]:
    """Yield every text of an answer that is not marked as data."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            yield from iter_unmarked_texts(value, name)
    elif isinstance(part, list):
        for value in part:
            yield from iter_unmarked_texts(value, key)
    elif isinstance(part, str) and key != "data":
        yield part
