"""A folder of metric files → documents and their definitions, and diagnostics for what has the wrong shape."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from metric_engine.engine.definitions import (
    ColumnDefinition,
    Expectation,
    FileDefinition,
    ItemsDefinition,
    MetricDefinition,
    SeriesExpectation,
    StatsExpectation,
    TableDefinition,
    TestDefinition,
)
from metric_engine.engine.diagnostics import Diagnostics
from metric_engine.engine.document import START, Document, parse
from metric_engine.engine.document import Path as DocumentPath
from metric_engine.engine.errors import InvalidSetting, did_you_mean, nearest_names

MACROS = "macros.j2"
MOST_BYTES = 1_000_000

VALUE_CODES = {"format": "unknown-format", "source": "unknown-source"}


@dataclass(frozen=True, slots=True)
class File:
    """A metric file: where its values stand, and those that have the right shape.

    `broken` names the tables and metrics whose shape is wrong: they exist, but say nothing.
    """

    document: Document
    definition: FileDefinition
    broken: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.document.file


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder of metric files holds. `complete` is false where a file could not be read at all."""

    files: tuple[File, ...]
    macros: str
    macros_file: str
    version: str
    complete: bool
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_folder(folder: Path, diagnostics: Diagnostics) -> Folder:
    """Read every `*.yaml` of a folder, in the order of their names. Raises InvalidSetting."""
    if not folder.is_dir():
        raise InvalidSetting(f"METRICS_DIR: {folder} is not a folder; name the folder of the metric files")
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise InvalidSetting(f"METRICS_DIR: {folder} holds no *.yaml file; name the folder of the metric files")
    macros_path = folder / MACROS
    contents = {path: read(path, diagnostics) for path in (*paths, macros_path) if path.is_file()}
    version = hashlib.sha256()
    for path, content in contents.items():
        version.update(f"{path.name}\0{len(content)}\0".encode() + content)
    files: list[File] = []
    for path in paths:
        document = parse(str(path), contents[path], diagnostics)
        if document is not None:
            files.append(shaped(document, diagnostics))
    return Folder(
        files=tuple(files),
        macros=contents.get(macros_path, b"").decode("utf-8", "replace"),
        macros_file=str(macros_path),
        version=version.hexdigest()[:16],
        complete=len(files) == len(paths),
        texts={str(path): content.decode("utf-8-sig", "replace").split("\n") for path, content in contents.items()},
    )


def read(path: Path, diagnostics: Diagnostics) -> bytes:
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        diagnostics.error(str(path), START, "yaml-limits", f"larger than {MOST_BYTES:,} bytes; split it")
        return b""
    return content


def shaped(document: Document, diagnostics: Diagnostics) -> File:
    """Hold a document against the models: what fits is kept, what does not is reported and left out."""
    try:
        return File(document, FileDefinition.model_validate(document.data))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=True)
    for fault in faults:
        report(fault, document, diagnostics)
    broken = {fault["loc"][:2] for fault in faults}
    data = {
        key: {name: value for name, value in section.items() if (key, name) not in broken}
        if key in ("tables", "metrics") and isinstance(section, dict)
        else section
        for key, section in document.data.items()
        if not any(loc[0] == key and (len(loc) == 1 or key not in ("tables", "metrics")) for loc in broken)
    }
    names = frozenset(str(loc[1]) for loc in broken if len(loc) > 1 and loc[0] in ("tables", "metrics"))
    return File(document, FileDefinition.model_validate(data), names)


def report(fault: ErrorDetails, document: Document, diagnostics: Diagnostics) -> None:
    """One of pydantic's errors in an analyst's words, at the key or value that it is about."""
    path = existing(fault["loc"], document)
    metric = str(path[1]) if len(path) > 1 and path[0] == "metrics" else None
    kind, name = fault["type"], str(fault["loc"][-1])
    given = fault["input"]
    if kind == "extra_forbidden":
        hint = did_you_mean(nearest_names(name, model_at(path[:-1]).model_fields, most=1))
        position, code, message = document.key_position(path), "unknown-key", f"unknown key {name!r}{hint}"
    elif kind == "missing":
        position, code = document.key_position(path), "missing-key"
        message = f"the key {name!r} is missing{' (its value is empty)' if given is None else ''}"
    elif kind == "literal_error":
        allowed = str(fault.get("ctx", {}).get("expected", ""))
        words = allowed.replace("'", "").replace(" or ", ", ").split(", ")
        hint = did_you_mean(nearest_names(str(given), words, most=1))
        position, code = document.position(path), VALUE_CODES.get(name, "wrong-value")
        message = f"{shown(given)} is not a {name}: write {allowed}{hint}"
    else:
        position, code = document.position(path), "wrong-type"
        message = f"{type_message(fault)}, not {shown(given)}{quoting_hint(kind, given)}"
    diagnostics.error(document.file, position, code, message, metric=metric)


def existing(loc: tuple[str | int, ...], document: Document) -> DocumentPath:
    """The part of pydantic's path that the document has: shorthands and dates add segments of their own."""
    data: Any = document.data
    path: list[str | int] = []
    for segment in loc:
        in_list = isinstance(data, list) and isinstance(segment, int) and segment < len(data)
        if not in_list and not (isinstance(data, dict) and segment in data):
            break
        data = data[segment]
        path.append(segment)
    return tuple(path)


MODELS: Mapping[str, type[BaseModel]] = {
    "columns": ColumnDefinition,
    "tables": TableDefinition,
    "metrics": MetricDefinition,
    "tests": TestDefinition,
    "series": SeriesExpectation,
    "items": ItemsDefinition,
    "expect": Expectation,
    "stats": StatsExpectation,
}


def model_at(path: DocumentPath) -> type[BaseModel]:
    """The model of the mapping at `path`."""
    for segment in reversed(path[-2:]):
        if segment in MODELS and (len(path) > 1 or segment in ("tables", "metrics")):
            return MODELS[str(segment)]
    return FileDefinition


def type_message(fault: ErrorDetails) -> str:
    message = fault["msg"].replace("Input should be", "must be").replace("Field required", "is required")
    message = message.replace("a valid string", "text").replace("valid dictionary", "mapping")
    message = message.replace("a valid list", "a list").replace("a valid boolean", "true or false")
    return message.split(" or instance of ")[0]


def quoting_hint(kind: str, given: object) -> str:
    if kind == "string_type" and isinstance(given, (int, float)):
        return "; put it in quotes"
    return ""


def shown(given: object) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (dict, list)):
        return "a mapping" if isinstance(given, dict) else "a list"
    text = str(given)
    return repr(text if len(text) <= 40 else text[:40] + "…") if isinstance(given, str) else text
