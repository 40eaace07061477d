"""What a process of the tests does once and then shares: most of what a small command costs.

Catalogs that are loaded, statements that are checked and the tables of migrations never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.compiler.tenant_guard import check_tenant_predicates
from insights.config.load import InsightsCatalog, load_catalog
from tests.support.paths import METRICS
from tests.support.quick_state import run_or_repeat_migrations

CATALOGS: dict[frozenset[tuple[str, bytes]], InsightsCatalog] = {}
CHECKED: set[tuple[str, frozenset[tuple[str, str]], str]] = set()


@cache
def load_shipped_catalog() -> InsightsCatalog:
    return load_catalog(METRICS)


def load_or_share_catalog(folder: Path) -> InsightsCatalog:
    """Load a folder; one with the same files as another gives the catalog that all tests of this process share."""
    if folder.resolve() == METRICS:
        return load_shipped_catalog()
    files = read_files(folder)
    if files is None:
        return load_catalog(folder)
    if files not in CATALOGS:
        catalog = load_catalog(folder)
        if read_files(folder) != files:
            # They changed while they were read.
            return catalog
        CATALOGS[files] = catalog
    return CATALOGS[files]


def read_files(folder: Path) -> frozenset[tuple[str, bytes]] | None:
    """Return the folder's files, or None where one cannot be read."""
    try:
        return frozenset((str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*.*"))
    except OSError:
        return None


def check_or_remember_predicates(sql: str, tenant_columns: Mapping[str, str], dialect: str) -> None:
    """Check a statement as the guard does, unless it has passed in this process before."""
    key = (sql, frozenset(tenant_columns.items()), dialect)
    if key not in CHECKED:
        check_tenant_predicates(sql, tenant_columns, dialect)
        CHECKED.add(key)


# By what they stand for.
SHARED_WORK: Mapping[str, Callable[..., Any]] = {
    "runtime.services.load_catalog": load_or_share_catalog,
    "engine.compiler.statements.check_tenant_predicates": check_or_remember_predicates,
    "state.migrations._upgrade": run_or_repeat_migrations,
}
