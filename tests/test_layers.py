"""Imports point downwards and never in a circle, folders are small, and each heavy library has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

MAX_MODULES = 15

# The rooms at the root, and which others each may import.
ROOMS: Mapping[str, frozenset[str]] = {
    "engine": frozenset(),
    "web": frozenset(),
    "state": frozenset({"engine"}),
    "sync": frozenset({"engine", "state"}),
    "demo": frozenset({"engine", "state"}),
    "insights": frozenset({"engine"}),
    "runtime": frozenset({"engine", "state", "sync", "insights"}),
    "api": frozenset({"engine", "state", "sync", "insights", "runtime", "web"}),
    "cli": frozenset({"engine", "state", "sync", "insights", "runtime", "api", "demo"}),
}
# The engine's folders, each of which imports only those before it; first what stands in `engine/` itself.
ENGINE_FOLDERS = ("engine", "files", "language", "catalog", "compiler", "warehouse", "answer", "authoring")
DOORS: Mapping[str, frozenset[str]] = {
    "sqlglot": frozenset({"engine"}),
    "jinja2": frozenset({"engine", "insights"}),
    "yaml": frozenset({"engine"}),
    "sqlalchemy": frozenset({"engine", "state"}),
    "psycopg": frozenset({"engine"}),
    "duckdb": frozenset({"engine"}),
    "clickhouse_connect": frozenset({"engine"}),
    "pyarrow": frozenset({"engine"}),
    "alembic": frozenset({"state"}),
    "cryptography": frozenset({"state", "demo", "cli"}),
    "fastapi": frozenset({"api"}),
    "starlette": frozenset({"api", "runtime"}),
    "jwt": frozenset({"api", "sync", "demo"}),
    "httpx": frozenset({"api", "sync"}),
    "tenacity": frozenset({"sync"}),
    "prometheus_client": frozenset({"api"}),
    "uvicorn": frozenset({"cli"}),
    "rich": frozenset({"cli"}),
    "click": frozenset({"cli"}),
    "litellm": frozenset({"insights"}),
    "mcp": frozenset({"api"}),
    "mcp_types": frozenset({"api"}),
}
MODULES = sorted(path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def make_dotted_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


NAMES = frozenset(map(make_dotted_name, MODULES))


@cache
def list_imported_modules(path: Path) -> frozenset[str]:
    """Return the modules that a file imports; of a name that is a module itself, that one."""
    return frozenset(iter_imports(path))


def iter_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in NAMES else node.module


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_stands_before_it(room: str) -> None:
    for path in MODULES:
        if path.parts[0] != room:
            continue
        for name in list_imported_modules(path):
            first = name.partition(".")[0]
            if first in ROOMS:
                assert first in {room} | ROOMS[room], f"{path} imports {name}"
            elif first in DOORS:
                assert room in DOORS[first], f"{path} imports {name}; only {sorted(DOORS[first])} may"


def find_engine_folder(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ENGINE_FOLDERS[1:] else parts[0]


def test_the_engines_folders_import_only_those_before_them() -> None:
    for path in MODULES:
        if path.parts[0] == "engine":
            floor = ENGINE_FOLDERS.index(find_engine_folder(make_dotted_name(path)))
            for name in list_imported_modules(path):
                if name.partition(".")[0] == "engine":
                    assert ENGINE_FOLDERS.index(find_engine_folder(name)) <= floor, f"{path} imports {name}"


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"engine"} | {"bench"}))
def test_other_rooms_import_the_engines_public_names_alone(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        deep = {name for name in list_imported_modules(path.relative_to(ROOT)) if name.startswith("engine.")}
        assert not deep, f"{path.relative_to(ROOT)} imports {sorted(deep)}: import what engine/__init__.pyi lists"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {make_dotted_name(path): list_imported_modules(path) & NAMES for path in MODULES}
    list(TopologicalSorter(graph).static_order())


def test_no_class_inherits_from_one_of_sqlglot() -> None:
    """Those of its compiled modules, which another package may have installed, let no class do so."""
    for path in MODULES:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        names = {name.asname or name.name for node in imports for name in node.names if "sqlglot" in str(node.module)}
        for node in ast.walk(tree):
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            theirs = names.intersection(ast.unparse(base).partition(".")[0] for base in bases)
            assert not theirs, f"{path}: {ast.unparse(node).splitlines()[0]}"


def test_every_room_is_listed() -> None:
    others = {"tests", "bench"}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms - others == set(ROOMS)


def test_no_folder_holds_more_modules_than_can_be_read_at_a_glance() -> None:
    for folder in {path.parent for path in MODULES}:
        modules = [path for path in MODULES if path.parent == folder and path.name != "__init__.py"]
        assert len(modules) <= MAX_MODULES, f"{folder} holds {len(modules)} modules"
