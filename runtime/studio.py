"""The studio: the files of the metrics folder as texts that are edited, tried out unsaved, and saved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import Any, Literal

from engine import (
    MACROS_FILE,
    SQL_FUNCTIONS,
    Catalog,
    Diagnostics,
    Engine,
    Metric,
    MetricEngineError,
    MetricFile,
    MetricQuery,
    TestResult,
    WidgetPreview,
    did_you_mean,
    find_nearest_names,
    hash_metric,
    preview_widgets,
    read_folder,
    run_tests,
)
from insights.config.load import FILE as INSIGHTS_FILE
from insights.config.load import load_catalog
from runtime.file_schemas import add_names, build_file_schema, build_insights_schema, build_language_schema
from runtime.services import Services

# Widgets whose numbers are computed for one draft; of further ones only the keys are told.
MAX_PREVIEWS = 12
MAX_TESTED = 50
MARK = b"\xef\xbb\xbf"

FileKind = Literal["metrics", "insights", "language", "macros"]


class UnknownFile(MetricEngineError):
    """A name that is no file of the metrics folder."""


class UneditableFile(MetricEngineError):
    """A file that cannot be read as text, or not written."""


class ChangedFile(MetricEngineError):
    """A file that another program has changed since it was read; `current` is what it is now."""

    def __init__(self, current: EditedFile) -> None:
        self.current = current
        super().__init__(f"{current.name} has changed on disk since you opened it; nothing is saved")


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file as an editor has it: lines end with a line feed; `version` changes with any of its bytes."""

    name: str
    kind: FileKind
    text: str
    version: str


@dataclass(slots=True)
class Studio:
    """Edits the files of one folder. The names that it takes are those that are there; no path is ever made of one.

    `base` answers what is served without the cache, so that both sides of a comparison are of the same rows.
    """

    folder: Path
    saving: Lock = field(default_factory=Lock)
    base: Engine | None = None

    def list_files(self) -> Iterator[EditedFile]:
        """Yield the files that can be edited, in the order of their names."""
        for path in self.list_paths().values():
            with suppress(UneditableFile):
                yield read_edited_file(path)

    def list_paths(self) -> Mapping[str, Path]:
        """Return the paths of the folder's own files by name; a link may lead anywhere, so that it is none."""
        found = sorted((*self.folder.glob("*.yaml"), *self.folder.glob(MACROS_FILE)))
        return {path.name: path for path in found if path.is_file() and not path.is_symlink()}

    def find_path(self, name: str) -> Path:
        """Return the path of a file of the folder. Raises UnknownFile."""
        paths = self.list_paths()
        if name not in paths:
            hint = did_you_mean(find_nearest_names(name, paths)) or f"; there is {', '.join(paths)}"
            raise UnknownFile(f"the metrics folder has no file {name[:80]!r}{hint}")
        return paths[name]

    def save_file(self, name: str, text: str, version: str) -> EditedFile:
        """Write a file whole, if it is still of that version. Raises UnknownFile, UneditableFile, ChangedFile."""
        path = self.find_path(name)
        with self.saving:
            current = read_edited_file(path)
            if current.version != version:
                raise ChangedFile(current)
            try:
                replace_file(path, encode_text(text, path.read_bytes()))
            except OSError as error:
                raise UneditableFile(f"{name} cannot be written: {error.strerror}; nothing is saved") from None
            return read_edited_file(path)

    def load_draft(self, drafts: Mapping[str, str]) -> Catalog:
        """Load the folder with these texts in place of its files.

        Raises UnknownFile, InvalidCatalog, InvalidSetting.
        """
        for name in drafts:
            self.find_path(name)
        return load_catalog(self.folder, {name: text.encode() for name, text in drafts.items()})

    def preview_draft(
        self, services: Services, catalog: Catalog, query: MetricQuery, user: str
    ) -> tuple[Sequence[WidgetPreview], Sequence[str]]:
        """Ask the served catalog and a draft for the widgets that differ, over this user's rows.

        Neither engine has a cache: nothing of a draft is kept, here or where others look. No table is created. Raises
        StateUnavailable, InvalidQuery.
        """
        before, after = self.get_base(services), Engine(catalog, services.warehouse)
        return services.run_for_user(
            user, lambda served, context: preview_widgets(before, after, query, context, most=MAX_PREVIEWS)
        )

    def test_draft(self, services: Services, catalog: Catalog) -> Iterator[TestResult]:
        """Run the own tests of those metrics of a draft that differ from what is served."""
        served = services.catalog.metrics
        changed = (each for key, each in catalog.metrics.items() if key not in served or is_other(each, served[key]))
        return run_tests(catalog, islice((each for each in changed if each.tests), MAX_TESTED))

    def get_base(self, services: Services) -> Engine:
        """Return an engine over the served catalog that has compiled what was asked before."""
        base, served = self.base, services.engine
        if base is None or base.catalog is not served.catalog:
            base = self.base = Engine(served.catalog, served.warehouse)
        return base

    def describe_language(self) -> dict[str, Any]:
        """Describe what an editor completes: the files' schemas, the tables with their columns, the functions."""
        files = read_folder(self.folder, Diagnostics()).files
        schema = build_file_schema()
        add_names(schema, files)
        return {
            "schemas": {"metrics": schema, "insights": build_insights_schema(), "language": build_language_schema()},
            "tables": describe_tables(files),
            "keys": [key for each in files for key in each.definition.metrics],
            "functions": [{"usage": each.usage, "documentation": each.documentation} for each in SQL_FUNCTIONS],
        }


def is_other(metric: Metric, served: Metric) -> bool:
    return hash_metric(metric) != hash_metric(served) or metric.tests != served.tests


def describe_tables(files: Sequence[MetricFile]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "columns": [
                {"name": column, "type": each.type, "additive": each.additive} for column, each in table.columns.items()
            ],
            "dimensions": list(table.dimensions),
        }
        for file in files
        for name, table in file.definition.tables.items()
    ]


def read_edited_file(path: Path) -> EditedFile:
    """Read a file for an editor. Raises UneditableFile."""
    try:
        content = path.read_bytes()
        text = content.removeprefix(MARK).decode().replace("\r\n", "\n")
    except OSError as error:
        raise UneditableFile(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UneditableFile(f"{path.name} is not UTF-8; save it as UTF-8 with another editor") from None
    return EditedFile(path.name, get_kind(path.name), text, sha256(content).hexdigest())


def get_kind(name: str) -> FileKind:
    if name == MACROS_FILE:
        return "macros"
    if name == INSIGHTS_FILE:
        return "insights"
    return "language" if name.startswith("insights.") else "metrics"


def encode_text(text: str, before: bytes) -> bytes:
    """Encode an editor's text as the file was: with its mark at the beginning and its ends of lines."""
    mark = MARK if before.startswith(MARK) else b""
    return mark + text.replace("\n", "\r\n" if b"\r\n" in before else "\n").encode()


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file so that nobody ever sees half of it, with the rights that it had. Raises OSError."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".draft", delete=False) as opened:
        draft = Path(opened.name)
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
