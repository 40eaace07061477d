"""A room imports only the rooms that stand before it, and each heavy library has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import metric_engine

PACKAGE = Path(metric_engine.__file__).parent
ROOMS: dict[str, frozenset[str]] = {
    "engine": frozenset(),
    "state": frozenset({"engine"}),
    "sync": frozenset({"engine", "state"}),
    "demo": frozenset({"engine", "state"}),
    "web": frozenset(),
    "insights": frozenset({"engine"}),
    "api": frozenset({"engine", "state", "sync", "insights"}),
    "cli": frozenset({"engine", "state", "sync", "insights", "demo", "api", "web"}),
}
DOORS = {
    "sqlglot": {"engine"},
    "jinja2": {"engine"},
    "yaml": {"engine"},
    "sqlalchemy": {"engine", "state"},
    "psycopg": {"engine"},
    "duckdb": {"engine"},
    "clickhouse_connect": {"engine"},
    "alembic": {"state"},
    "cryptography": {"state", "demo", "cli"},
    "fastapi": {"api"},
    "starlette": {"api"},
    "jwt": {"api", "sync", "demo"},
    "httpx": {"sync"},
    "tenacity": {"sync"},
    "apscheduler": {"sync"},
    "prometheus_client": {"api"},
    "uvicorn": {"cli"},
    "rich": {"cli"},
    "click": {"cli"},
    "litellm": {"insights"},
}


def modules() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import"
            yield node.module


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    for name in imported(path):
        first, _, rest = name.partition(".")
        if first == "metric_engine":
            other = rest.partition(".")[0]
            assert other in {room, "", "shipped"} | ROOMS[room], f"{path.name} imports {name}"
        elif first in DOORS:
            assert room in DOORS[first], f"{path.name} imports {name}; only {sorted(DOORS[first])} may"


def test_every_room_is_listed() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(ROOMS)
