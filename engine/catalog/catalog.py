"""The catalog: all resolved tables and metrics of a folder, from which everything is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.catalog.metrics import Metric
from engine.catalog.resolver import resolve_folder
from engine.diagnostics import Diagnostic, Diagnostics, Position
from engine.errors import InvalidCatalog, UnknownMetric
from engine.files.folder import MetricFolder, read_folder
from engine.sources import Source
from engine.tables import Dimension, Table


@dataclass(frozen=True, slots=True)
class DefinitionPlace:
    """Where a metric or a table is defined: the file's name within its folder, and the text that stands there."""

    file: str
    line: int
    text: str

    def as_body(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "text": self.text}


@dataclass(frozen=True)
class Catalog:
    """All tables by name, and all metrics by key; `version` changes with any of the files.

    `sources` are the built-in ones and those of the files, by name in alphabetical order. `warnings` tell what in the
    files is legal, but doubtful; `places` where each is defined, by its section and name.
    """

    tables: Mapping[str, Table]
    metrics: Mapping[str, Metric]
    version: str
    sources: Mapping[str, Source] = field(kw_only=True)
    warnings: tuple[Diagnostic, ...] = field(default=(), kw_only=True)
    places: Mapping[tuple[str, str], DefinitionPlace] = field(default_factory=dict, kw_only=True)

    @cached_property
    def widgets(self) -> Mapping[str, Metric]:
        """The metrics that are widgets, in the order of their keys."""
        return {key: metric for key, metric in sorted(self.metrics.items()) if not metric.hidden}

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """The dimensions of all tables, by name."""
        return {name: each for table in self.tables.values() for name, each in table.dimensions.items()}

    def get_widget(self, key: str) -> Metric:
        """Return the widget called `key`. Raises UnknownMetric, for a hidden one too."""
        try:
            return self.widgets[key]
        except KeyError:
            raise UnknownMetric(key, self.widgets) from None


def load_catalog(folder: Path) -> Catalog:
    """Read, resolve and check a folder of metric files. Raises InvalidCatalog with all problems."""
    diagnostics = Diagnostics()
    files = read_folder(folder, diagnostics)
    catalog = resolve_catalog(files, diagnostics)
    raise_if_invalid(diagnostics, files)
    return catalog


def resolve_catalog(files: MetricFolder, diagnostics: Diagnostics) -> Catalog:
    """Resolve the metric files of a folder; those with errors are reported and left out."""
    sources, tables, metrics = resolve_folder(files, diagnostics)
    return Catalog(
        tables,
        metrics,
        files.version,
        sources=sources,
        warnings=diagnostics.list_in_file_order(),
        places=dict(iter_places(files)),
    )


def iter_places(files: MetricFolder) -> Iterator[tuple[tuple[str, str], DefinitionPlace]]:
    """Yield where each metric and table is defined."""
    for file in files.files:
        for section in ("metrics", "tables"):
            for name in getattr(file.definition, section):
                position = file.document.locate_key((section, name))
                text = extract_entry(files.texts[file.name], position)
                yield (section, name), DefinitionPlace(Path(file.name).name, position.line, text)


def extract_entry(lines: Sequence[str], position: Position) -> str:
    """Extract the lines of an entry of a mapping; of one in braces, its first line."""
    indent = position.column - 1
    first, *others = lines[position.line - 1 :]
    if first[:indent].strip():
        return first.strip()
    inner = takewhile(lambda line: not line.strip() or line[: indent + 1].isspace(), others)
    return "\n".join(line[indent:].rstrip() for line in (first, *inner)).rstrip()


def raise_if_invalid(diagnostics: Diagnostics, files: MetricFolder) -> None:
    """Raise InvalidCatalog for one error or more, with all problems in the order of the files."""
    if diagnostics.has_errors:
        raise InvalidCatalog(diagnostics.list_in_file_order(), files.texts)
