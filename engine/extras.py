"""The optional packages: the distribution's extras, and what pip installs for each."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "arrow": ("pyarrow",),
    "clickhouse": ("clickhouse-connect",),
    "duckdb": ("duckdb", "duckdb-sqlalchemy"),
    "llm": ("litellm==1.110.2",),
    "mcp": ("mcp",),
    "postgres": ("psycopg[binary]",),
    "redis": ("redis",),
}


def install_command(extra: str) -> str:
    """Return the command that installs an extra's packages, wherever metric-engine came from."""
    return f"pip install {shlex.join(PACKAGES[extra])} (the extra {extra!r})"
