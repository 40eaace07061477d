"""The shipped metric files, loaded once in a process of the tests: a catalog is immutable."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from insights.config.load import InsightsCatalog, load_catalog
from tests.support.paths import METRICS


@cache
def load_shipped_catalog() -> InsightsCatalog:
    return load_catalog(METRICS)


def load_or_share_catalog(folder: Path) -> InsightsCatalog:
    """Load a folder; the shipped one gives the catalog that all tests of this process share."""
    return load_shipped_catalog() if folder.resolve() == METRICS else load_catalog(folder)
