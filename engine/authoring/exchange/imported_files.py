"""Metric files made from another format: what the engine refuses is named at its place there, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.authoring.exchange.metric_text import render_metric_file
from engine.catalog.catalog import resolve_catalog
from engine.diagnostics import Diagnostic, Diagnostics, Position, make_error, make_warning
from engine.errors import InvalidImport
from engine.files.document import Document, KeyPath
from engine.files.folder import MACROS_FILE, MetricFile, MetricFolder, read_folder

NOT_CARRIED = "not-carried"
MAX_ROUNDS = 50
# Everything that is left out is named, however much that is.
MAX_NAMED = 1_000_000
EntryName = tuple[str, str]


class NotCarried(Exception):
    """Something that metric files cannot say, and its place in the other format."""

    def __init__(self, path: KeyPath, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(message)


@dataclass(slots=True)
class ImportedEntry:
    """A table or metric to write: its file and its body, its place in the other format, and the metrics it needs.

    A helper is of use only to the metrics that need it.
    """

    file: str
    body: dict[str, Any]
    place: KeyPath
    needs: frozenset[str] = frozenset()
    is_helper: bool = False
    # What the other format calls it, where that is not its key.
    label: str = ""


@dataclass(frozen=True, slots=True)
class ImportedFiles:
    """The texts of the files by name, how much is in them, and what could not be carried over."""

    texts: Mapping[str, str]
    table_count: int
    metric_count: int
    omissions: tuple[Diagnostic, ...]


@dataclass(slots=True)
class ImportDraft:
    """What an import has collected; `heads` are what stands above the tables of a file."""

    document: Document
    texts: Mapping[str, list[str]]
    diagnostics: Diagnostics = field(default_factory=lambda: Diagnostics(MAX_NAMED))
    heads: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[EntryName, ImportedEntry] = field(default_factory=dict)
    macros: str = ""
    comments: tuple[str, ...] = ()
    # Files that only the check needs, for what the folder has already.
    undelivered: frozenset[str] = frozenset()

    def omit(self, path: KeyPath, message: str, metric: str | None = None) -> None:
        """Name what is not carried over."""
        self.diagnostics.add(self.describe(make_warning, path, NOT_CARRIED, message, metric))

    def refuse(self, path: KeyPath, code: str, message: str) -> None:
        """Name what is wrong in the document itself."""
        self.diagnostics.add(self.describe(make_error, path, code, message))

    def describe(
        self, make: Callable[..., Diagnostic], path: KeyPath, code: str, message: str, metric: str | None = None
    ) -> Diagnostic:
        """Return a problem at a place, which a document of one line needs to be told by its path too."""
        position = self.document.locate_value(path)
        return make(self.document.file, position, code, f"{format_path(path)}: {message}", metric=metric)

    def raise_if_refused(self) -> None:
        """Raise InvalidCatalog if the document has errors."""
        if self.diagnostics.has_errors:
            errors = [each for each in self.diagnostics.list_in_file_order() if each.severity == "error"]
            raise InvalidImport(errors, self.texts)

    def finish(self) -> ImportedFiles:
        """Check and render the files, without what the engine refuses. Raises InvalidImport for nothing at all."""
        self.raise_if_refused()
        for _ in range(MAX_ROUNDS):
            self.drop_useless_entries()
            refused = self.find_refused_entries()
            if not refused:
                break
            for name, message in refused.items():
                self.drop(name, message)
        kinds = [section for section, _ in self.entries]
        if "metrics" not in kinds:
            self.refuse((), "nothing-carried", "holds no metric that can be carried over")
            raise InvalidImport(self.diagnostics.list_in_file_order(), self.texts)
        omissions = self.diagnostics.list_in_file_order()
        texts = {name: text for name, text in self.render_files().items() if name not in self.undelivered}
        return ImportedFiles(texts, kinds.count("tables"), kinds.count("metrics"), omissions)

    def drop(self, name: EntryName, message: str) -> None:
        """Leave an entry out, and the metrics that need it."""
        entry = self.entries.pop(name, None)
        if entry is None:
            return
        section, key = name
        self.omit(entry.place, message, (entry.label or key) if section == "metrics" else None)
        for other, each in list(self.entries.items()):
            if section == "metrics" and key in each.needs:
                self.drop(other, f"needs {key}, which is not carried over")
            elif section == "tables" and each.body.get("table") == key:
                self.drop(other, f"is over {key}, which is not carried over")

    def drop_useless_entries(self) -> None:
        """Leave out helpers that no metric needs, and tables that no metric reads."""
        while True:
            metrics = [each for (section, _), each in self.entries.items() if section == "metrics"]
            needed = {key for each in metrics for key in each.needs}
            read = {each.body.get("table") for each in metrics}
            useless = [
                (section, key)
                for (section, key), each in self.entries.items()
                if each.is_helper and key not in (needed if section == "metrics" else read)
            ]
            if not useless:
                return
            for name in useless:
                del self.entries[name]

    def find_refused_entries(self) -> Mapping[EntryName, str]:
        """Find the entries that the engine refuses, each with its first reason."""
        diagnostics = Diagnostics()
        with TemporaryDirectory() as scratch:
            for name, text in self.render_files().items():
                Path(scratch, name).write_text(text, encoding="utf-8", newline="\n")
            folder = read_folder(Path(scratch), diagnostics)
            resolve_catalog(folder, diagnostics)
        refused: dict[EntryName, str] = {}
        for each in diagnostics.list_in_file_order():
            if each.severity == "error":
                entry = find_entry_at(folder, each.file, each.position)
                if entry is None or entry not in self.entries:
                    self.refuse((), each.code, f"{Path(each.file).name}: {each.message}")
                    self.raise_if_refused()
                    break
                refused.setdefault(entry, each.message)
        return refused

    def render_files(self) -> dict[str, str]:
        """Render the files that have entries, or a head that stands alone."""
        texts = {}
        for name in sorted({*self.heads, *(each.file for each in self.entries.values())}):
            head = dict(self.heads.get(name, {}))
            sections = {
                section: self.list_bodies(section, name, head.get("table")) for section in ("tables", "metrics")
            }
            if head.keys() - {"source", "table"} or any(sections.values()):
                texts[name] = render_metric_file({**head, **sections}, self.comments)
        if self.macros:
            texts[MACROS_FILE] = self.macros
        return texts

    def list_bodies(self, section: str, file: str, table: str | None) -> dict[str, Any]:
        """List the bodies of a section; a metric over the file's own table does not repeat it."""
        return {
            key: {name: value for name, value in each.body.items() if (name, value) != ("table", table)}
            if section == "metrics"
            else each.body
            for (kind, key), each in self.entries.items()
            if kind == section and each.file == file
        }


def find_entry_at(folder: MetricFolder, file: str, position: Position) -> EntryName | None:
    """Find the table or metric in which a position is: the last one that begins before it."""
    found = [each for each in folder.files if each.name == file]
    places = sorted(iter_entry_places(found[0])) if found else []
    before = [name for place, name in places if place <= position]
    return before[-1] if before else None


def iter_entry_places(file: MetricFile) -> Iterable[tuple[Position, EntryName]]:
    for section in ("tables", "metrics"):
        entries = file.document.data.get(section)
        for name in entries if isinstance(entries, dict) else ():
            yield file.document.locate_key((section, name)), (section, name)


def format_path(path: KeyPath) -> str:
    """Format a path as JSON's readers write it: `metrics[3].type_params`."""
    written = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return written.removeprefix(".") or "the document"
