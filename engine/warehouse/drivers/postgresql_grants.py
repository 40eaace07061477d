"""Missing rights of a PostgreSQL user, and their GRANT: the server names the table only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import psycopg

DENIED_PATTERN = re.compile(r"permission denied for (?:(schema)|table|view|materialized view|foreign table) (\S+)")


class MissingGrant(psycopg.Error):
    """The user lacks a right; the message says which, and what grants it."""


def build_read_denial(error: psycopg.Error, user: str) -> MissingGrant:
    """Explain why a statement that only reads was refused."""
    message = str(error).strip().split("\n")[0]
    found = DENIED_PATTERN.search(message)
    if found is None:
        return MissingGrant(f"{message}; let {user} read it")
    right = "USAGE ON SCHEMA" if found[1] else "SELECT ON"
    return MissingGrant(f"{message}; GRANT {right} {found[2]} TO {user}")


def build_write_denial(lacking: Mapping[str, Iterable[str]], user: str) -> MissingGrant:
    """List the rights that a user lacks for writing, by table."""
    rights = {table: ", ".join(each) for table, each in lacking.items()}
    lacks = " and ".join(f"{each} on {table}" for table, each in rights.items())
    grants = "; ".join(f"GRANT {each} ON {table} TO {user}" for table, each in rights.items())
    return MissingGrant(f"{user} lacks {lacks}; {grants}")


def build_create_denial(error: psycopg.Error, user: str) -> MissingGrant:
    """Explain why a table could not be created."""
    message = str(error).strip().split("\n")[0]
    found = DENIED_PATTERN.search(message)
    remedy = "have its owner make the tables that `metric-engine ddl --dialect postgres` prints"
    grant = f"GRANT USAGE, CREATE ON SCHEMA {found[2]} TO {user}, or " if found and found[1] else ""
    return MissingGrant(f"{message}; {grant}{remedy}")
