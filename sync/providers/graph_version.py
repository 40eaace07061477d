"""The version of the Graph API: Meta retires each about a year after its release."""

from __future__ import annotations

import re
from datetime import date

# The newest version, and the day of its release: a test fails once that is a year ago.
GRAPH_VERSION = "v27.0"
RELEASED_ON = date(2026, 11, 4)
VERSION_PATTERN = re.compile(r"v[0-9]+\.[0-9]+", re.ASCII)


def add_version(base: str, version: str) -> str:
    """Return the base of all addresses with the version, unless the setting has one."""
    base = base.rstrip("/")
    return base if has_version(base) else f"{base}/{version}"


def drop_version(base: str) -> str:
    """Return the base without a version."""
    return base.rpartition("/")[0] if has_version(base) else base


def has_version(base: str) -> bool:
    return VERSION_PATTERN.fullmatch(base.rpartition("/")[2]) is not None
