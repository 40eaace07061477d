"""Catalogs that are loaded once in a process of the tests, and statements that are checked once: both never change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from engine.compiler.tenant_guard import check_tenant_predicates
from insights.config.load import InsightsCatalog, load_catalog
from tests.support.paths import METRICS

CATALOGS: dict[frozenset[tuple[str, bytes]], InsightsCatalog] = {}
CHECKED: set[tuple[str, frozenset[tuple[str, str]], str]] = set()


@cache
def load_shipped_catalog() -> InsightsCatalog:
    return load_catalog(METRICS)


def load_or_share_catalog(folder: Path) -> InsightsCatalog:
    """Load a folder; one with the same files as another gives the catalog that all tests of this process share."""
    if folder.resolve() == METRICS:
        return load_shipped_catalog()
    try:
        files = frozenset((str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*.*"))
    except OSError:
        return load_catalog(folder)
    if files not in CATALOGS:
        CATALOGS[files] = load_catalog(folder)
    return CATALOGS[files]


def check_or_remember_predicates(sql: str, tenant_columns: Mapping[str, str], dialect: str) -> None:
    """Check a statement as the guard does, unless it has passed in this process before."""
    key = (sql, frozenset(tenant_columns.items()), dialect)
    if key not in CHECKED:
        check_tenant_predicates(sql, tenant_columns, dialect)
        CHECKED.add(key)
