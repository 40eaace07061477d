"""What a user of PostgreSQL may not do, and what lets it: the server names the table, and not the right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import psycopg

DENIED = re.compile(r"permission denied for (?:(schema)|table|view|materialized view|foreign table) (\S+)")


class Ungranted(psycopg.Error):
    """The user lacks a right; the message says which, and what grants it."""


def to_read(error: psycopg.Error, user: str) -> Ungranted:
    """Why a statement that only reads was refused."""
    message = str(error).strip().split("\n")[0]
    found = DENIED.search(message)
    if found is None:
        return Ungranted(f"{message}; let {user} read it")
    right = "USAGE ON SCHEMA" if found[1] else "SELECT ON"
    return Ungranted(f"{message}; GRANT {right} {found[2]} TO {user}")


def to_write(lacking: Mapping[str, Iterable[str]], user: str) -> Ungranted:
    """What a user lacks to write, by table."""
    rights = {table: ", ".join(each) for table, each in lacking.items()}
    lacks = " and ".join(f"{each} on {table}" for table, each in rights.items())
    grants = "; ".join(f"GRANT {each} ON {table} TO {user}" for table, each in rights.items())
    return Ungranted(f"{user} lacks {lacks}; {grants}")


def to_make(error: psycopg.Error, user: str) -> Ungranted:
    """Why a table could not be made."""
    message = str(error).strip().split("\n")[0]
    found = DENIED.search(message)
    remedy = "have its owner make the tables that `metric-engine ddl --dialect postgres` prints"
    grant = f"GRANT USAGE, CREATE ON SCHEMA {found[2]} TO {user}, or " if found and found[1] else ""
    return Ungranted(f"{message}; {grant}{remedy}")
