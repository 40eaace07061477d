"""Names that a reader finds by grep and by stack trace: CONTRIBUTING's rule for functions and classes, held here."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ROOMS = ("engine", "state", "sync", "insights", "runtime", "api", "cli", "demo", "web", "bench", "tests")
MAX_FILES = 2
# Participles that do not end in -ed or -ing. Those that are imperatives too, such as put, read, run and set, are verbs.
IRREGULAR_PARTICIPLES = frozenset(
    [
        "known",
        "shown",
        "kept",
        "written",
        "drawn",
        "sent",
        "found",
        "taken",
        "given",
        "made",
        "said",
        "told",
        "seen",
        "done",
        "gone",
        "bought",
        "caught",
        "chosen",
        "begun",
        "broken",
        "spoken",
        "driven",
        "grown",
        "held",
        "left",
        "lost",
        "meant",
        "met",
        "paid",
        "built",
        "bound",
        "fed",
        "felt",
        "heard",
        "hidden",
        "forgotten",
        "laid",
        "led",
        "proven",
        "risen",
        "sold",
        "sought",
        "stuck",
        "swept",
        "taught",
        "thought",
        "thrown",
        "understood",
        "worn",
        "won",
        "spent",
        "stood",
    ]
)


@dataclass(frozen=True, slots=True)
class NamedDefinition:
    """A class or a function: where it stands, and whether it is a function of the module itself."""

    path: Path
    line: int
    name: str
    is_class: bool
    is_module_level: bool
    is_fixture: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


def iter_definitions(path: Path, body: list[ast.stmt], depth: int = 0) -> Iterator[NamedDefinition]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            is_class = isinstance(node, ast.ClassDef)
            is_fixture = any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
            yield NamedDefinition(path, node.lineno, node.name, is_class, not is_class and depth == 0, is_fixture)
            yield from iter_definitions(path, node.body, depth + 1)
        else:
            for block in ("body", "orelse", "finalbody"):
                yield from iter_definitions(path, getattr(node, block, []), depth)


@cache
def read_definitions() -> list[NamedDefinition]:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        definition
        for path in paths
        for definition in iter_definitions(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")).body)
    ]


def list_functions() -> list[NamedDefinition]:
    return [each for each in read_definitions() if not each.is_class and not each.is_fixture]


def is_one_word(name: str) -> bool:
    return "_" not in name.strip("_")


def is_participle(name: str) -> bool:
    word = name.strip("_")
    return is_one_word(name) and (word in IRREGULAR_PARTICIPLES or word.endswith(("ed", "ing")))


def test_no_function_is_named_by_a_bare_participle() -> None:
    # `ping` and `feed` end like participles and are verbs.
    faults = [
        str(each)
        for each in list_functions()
        if is_participle(each.name) and each.name.strip("_") not in ("ping", "feed")
    ]
    assert faults == []


@pytest.mark.parametrize("room", ["application", "tests"])
def test_no_class_name_stands_twice(room: str) -> None:
    places = defaultdict(list)
    for each in read_definitions():
        if each.is_class and (each.path.parts[0] == "tests") == (room == "tests"):
            places[each.name].append(str(each))
    assert [found for found in places.values() if len(found) > 1] == []


def test_no_one_word_function_stands_in_many_files() -> None:
    # Every script has a `main`, and every revision the `upgrade` that Alembic calls.
    files = defaultdict(set)
    for each in list_functions():
        if each.is_module_level and is_one_word(each.name) and each.name not in ("main", "upgrade"):
            files[each.name].add(each.path)
    assert {name: sorted(map(str, paths)) for name, paths in files.items() if len(paths) > MAX_FILES} == {}
