"""A folder of metric files → documents and their definitions; wrong shapes are reported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.diagnostics import START, UNREADABLE, Diagnostics, make_error
from engine.errors import InvalidSetting
from engine.files.document import Document, KeyPath, is_template, parse_document
from engine.files.file_definition import FileDefinition
from engine.files.metric_definitions import MetricDefinition
from engine.files.schema_errors import find_existing_path, rename_misspelt_keys, report_schema_errors
from engine.files.table_definitions import TableDefinition

MACROS_FILE = "macros.j2"
# Files of other rooms in the folder: read with the metric files, part of the version, and not interpreted here.
COMPANIONS = ("insights.yaml", "insights.*.yaml")
MAX_BYTES = 1_000_000
MAX_ROUNDS = 4
MAX_FAULTS = 2_000
MAX_WORK = 70_000
TEXT_WORK = 8
TEMPLATE_WORK = 120

# A table or a metric without these cannot be checked further.
CRUCIAL_KEYS = {"tables": ("time", "columns"), "metrics": ("value", "series", "combine", "derive")}
SectionName = Literal["sources", "tables", "metrics"]
Model = TypeVar("Model", bound=BaseModel)
VALID_TEST = {"name": "", "start": "2025-01-01", "end": "2025-01-01", "expect": {"items": []}}


@dataclass(frozen=True, slots=True)
class MetricFile:
    """A metric file: the positions of its values, and those values that have the right shape."""

    document: Document
    definition: FileDefinition

    def list_declared(self, section: SectionName) -> set[str]:
        """List the sources, tables or metrics that the file declares, whatever their shape."""
        given = self.document.data.get(section)
        return set(given) if isinstance(given, dict) else set()

    def list_malformed(self, section: SectionName) -> set[str]:
        """List the declared sources, tables or metrics that do not have the right shape."""
        return self.list_declared(section) - set(getattr(self.definition, section))

    @property
    def name(self) -> str:
        return self.document.file


@dataclass(frozen=True, slots=True)
class MetricFolder:
    """The contents of a folder of metric files; `complete` is false if a file could not be read.

    `companions` are the unparsed files that are not metric files: their bytes by their paths, in order.
    """

    files: tuple[MetricFile, ...]
    macros: str
    macros_file: str
    version: str
    complete: bool
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    companions: Mapping[str, bytes] = field(default_factory=dict)


def read_folder(
    folder: Path, diagnostics: Diagnostics, drafts: Mapping[str, bytes] = MappingProxyType({})
) -> MetricFolder:
    """Read every `*.yaml` of a folder, in the order of their names. Raises InvalidSetting.

    All but the COMPANIONS are metric files. A YAML file elsewhere is reported: nothing would ever read it. `drafts` are
    contents by file name, each read in place of what its file holds.
    """
    if not folder.is_dir():
        raise InvalidSetting(f"METRICS_DIR: {folder} is not a folder; name the folder of the metric files")
    others = sorted({path for pattern in COMPANIONS for path in folder.glob(pattern)})
    paths = sorted(path for path in folder.glob("*.yaml") if path not in others)
    if not paths:
        raise InvalidSetting(f"METRICS_DIR: {folder} holds no *.yaml file; name the folder of the metric files")
    macros_path = folder / MACROS_FILE
    misplaced = list(find_misplaced_files(folder))
    for path, remedy in misplaced:
        diagnostics.add(make_error(str(path), START, "misplaced-file", f"this file is never read; {remedy}"))
    given = (*paths, *others, *([macros_path] if macros_path.exists() else []))
    read = {path: read_file(path, diagnostics, drafts.get(path.name)) for path in given}
    contents = {path: content for path, content in read.items() if content is not None}
    version = hashlib.sha256()
    for path, content in contents.items():
        version.update(f"{path.name}\0{len(content)}\0".encode() + content)
    files: list[MetricFile] = []
    for path in (path for path in paths if path in contents):
        with diagnostics.catch_unforeseen(str(path)):
            document = parse_document(str(path), contents[path], diagnostics)
            if document is not None:
                files.append(validate_document(document, diagnostics))
    return MetricFolder(
        files=tuple(files),
        macros=contents.get(macros_path, b"").decode("utf-8", "replace"),
        macros_file=str(macros_path),
        version=version.hexdigest()[:16],
        complete=len(files) == len(paths) and not misplaced,
        texts={str(path): content.decode("utf-8-sig", "replace").split("\n") for path, content in contents.items()},
        companions={str(path): contents[path] for path in others if path in contents},
    )


def find_misplaced_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Find the YAML files that look like metric files and are none, each with its remedy."""
    for path in sorted(folder.glob("*.yml")):
        yield path, f"rename it to {path.stem}.yaml"
    inner = (path for path in folder.glob("*/") if not path.name.startswith("."))
    for path in sorted(path for each in inner for path in each.rglob("*") if path.suffix in (".yaml", ".yml")):
        yield path, f"move it up, as {path.stem}.yaml beside the other metric files"


def read_file(path: Path, diagnostics: Diagnostics, draft: bytes | None = None) -> bytes | None:
    """Return the contents of a file, or its draft; None and a problem if it cannot be read."""
    try:
        content = path.read_bytes() if draft is None else draft
    except OSError as error:
        reason = f"{error.strerror}; make it a file that this program may read, or move it away"
        diagnostics.add(make_error(str(path), START, UNREADABLE, f"the file cannot be read: {reason}"))
        return None
    if len(content) > MAX_BYTES:
        diagnostics.add(make_error(str(path), START, "yaml-limits", f"larger than {MAX_BYTES:,} bytes; split it"))
        return b""
    return content


def validate_document(document: Document, diagnostics: Diagnostics) -> MetricFile:
    """Validate the document of a metric file."""
    return MetricFile(
        document, limit_work(validate_model(FileDefinition, document, diagnostics), document, diagnostics)
    )


def validate_model(
    model: type[Model],
    document: Document,
    diagnostics: Diagnostics,
    model_of: Callable[[KeyPath], type[BaseModel]] | None = None,
) -> Model:
    """Validate a document as a model, and leave out what does not fit, together with all that needs it.

    A misspelt key is reported, and read as the key that it resembles. `model_of` returns the model of the mapping at a
    path; a metric file needs none.
    """
    faults = find_schema_faults(model, document.data)
    report_schema_errors(faults, document, diagnostics, model_of)
    for _ in range(MAX_ROUNDS):
        if len(faults) > MAX_FAULTS or not (renamed := rename_misspelt_keys(faults, document, model_of)):
            break
        faults = find_schema_faults(model, document.data)
        inner = [fault for fault in faults if is_within(find_existing_path(fault["loc"], document.data), renamed)]
        report_schema_errors(inner, document, diagnostics, model_of)
    data = copy_nested(document.data)
    for _ in range(MAX_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=True)
        if len(faults) > MAX_FAULTS:
            break
        paths = [(find_existing_path(fault["loc"], data), fault["type"] == "extra_forbidden") for fault in faults]
        for path, unknown in paths:
            remove_value(data, path, unknown=unknown)
    return model()


def find_schema_faults(model: type[BaseModel], data: object) -> Sequence[ErrorDetails]:
    """Find what does not fit the model."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        return error.errors(include_url=False, include_context=True)
    return ()


def is_within(path: KeyPath, mappings: Sequence[KeyPath]) -> bool:
    """Whether a path leads further than one of these."""
    return any(len(path) > len(each) and path[: len(each)] == each for each in mappings)


def limit_work(definition: FileDefinition, document: Document, diagnostics: Diagnostics) -> FileDefinition:
    """Return the definition without the entries beyond the work that one file may cause."""
    work = 0
    kept: dict[str, dict[str, Any]] = {"tables": {}, "metrics": {}}
    for section, names in kept.items():
        for name, each in getattr(definition, section).items():
            work += estimate_work(each)
            if work > MAX_WORK:
                message = "the expressions of this file are too many or too long from here on; split the file"
                diagnostics.add(document.diagnose_key((section, name), "yaml-limits", message))
                return definition.model_copy(update=kept)
            names[name] = each
    return definition


def estimate_work(definition: TableDefinition | MetricDefinition) -> int:
    """Estimate the characters to parse of a table or metric, with a constant for each text."""
    if isinstance(definition, TableDefinition):
        return estimate_text_work(definition.sql or "") + TEXT_WORK * len(definition.columns) // 4
    items = definition.items.values.values() if definition.items else ()
    series = [each.value for each in (definition.series or {}).values()]
    given = (definition.value, definition.where, definition.order, definition.derive, *series, *items)
    texts = [text for text in given if text is not None]
    return TEXT_WORK * (1 + len(definition.combine or ())) + sum(map(estimate_text_work, texts))


def estimate_text_work(text: str) -> int:
    return TEXT_WORK + len(text) + (TEMPLATE_WORK if is_template(text) else 0)


def remove_value(data: dict[str, Any], path: Sequence[str | int], *, unknown: bool) -> None:
    """Remove the value at `path`, or the whole entry that makes no sense without it."""
    section = path[0] if path else None
    if section in CRUCIAL_KEYS and not unknown and (len(path) == 2 or (len(path) > 2 and is_crucial(path))):
        path = path[:2]
    within: Any = data
    for depth, segment in enumerate(path):
        if isinstance(within, dict) and segment not in within:
            return  # It went with another one.
        inner = within[segment]
        if isinstance(inner, list) and depth + 1 < len(path) and (segment != "tests" or depth != 2):
            path = path[: depth + 1]
        if segment == "tests" and depth == 2 and not unknown and len(path) in (4, 5):
            # The other tests keep their indexes, and this one its rows, which may have errors too.
            rows = inner[path[3]].get("rows", {}) if isinstance(inner[path[3]], dict) else {}
            inner[path[3]] = {**VALID_TEST, "rows": rows}
            return
        if depth + 1 == len(path):
            del within[segment]
            return
        within = inner
    data.clear()


def is_crucial(path: Sequence[str | int]) -> bool:
    return path[2] in CRUCIAL_KEYS[str(path[0])] and (len(path) == 3 or path[2] == "combine")


def copy_nested(value: Any) -> Any:
    """Copy nested data; an alias becomes a value of its own."""
    if isinstance(value, dict):
        return {key: copy_nested(each) for key, each in value.items()}
    return [copy_nested(each) for each in value] if isinstance(value, list) else value
