"""The catalog: every table and metric of a folder, resolved. What is served is read from here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from engine.catalog.insight_resolution import Insights, resolve_insights
from engine.catalog.metrics import Metric
from engine.catalog.resolver import resolve_folder
from engine.diagnostics import Diagnostics
from engine.errors import InvalidCatalog, UnknownMetric
from engine.files.folder import read_folder
from engine.tables import Table


@dataclass(frozen=True)
class Catalog:
    """All tables by name, all metrics by key, and what insights look at; `version` changes with any of the files."""

    tables: Mapping[str, Table]
    metrics: Mapping[str, Metric]
    version: str
    insights: Insights = field(default_factory=Insights)

    @cached_property
    def widgets(self) -> Mapping[str, Metric]:
        """The metrics that are widgets, in the order of their keys."""
        return {key: metric for key, metric in sorted(self.metrics.items()) if not metric.hidden}

    def get_widget(self, key: str) -> Metric:
        """The widget called `key`. Raises UnknownMetric, for a hidden one too."""
        try:
            return self.widgets[key]
        except KeyError:
            raise UnknownMetric(key, self.widgets) from None


def load_catalog(folder: Path) -> Catalog:
    """Read, resolve and check a folder of metric files. Raises InvalidCatalog with every problem of every file."""
    diagnostics = Diagnostics()
    files = read_folder(folder, diagnostics)
    tables, metrics = resolve_folder(files, diagnostics)
    insights = resolve_insights(files, metrics, diagnostics)
    if diagnostics:
        raise InvalidCatalog(diagnostics.list_in_file_order(), files.texts)
    return Catalog(tables, metrics, files.version, insights)
