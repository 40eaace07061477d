"""docs/architecture.md draws the rooms that test_layers.py holds."""

from __future__ import annotations

import re

from tests.support.paths import DOCS
from tests.test_layers import ROOMS

ROW = re.compile(r"^\| \[`(\w+)/`\]\(\S+\) \| .+ \| (.+) \|$", re.MULTILINE)


def test_the_rooms_and_what_they_import_are_listed() -> None:
    rows = ROW.findall((DOCS / "architecture.md").read_text(encoding="utf-8"))
    assert {room: frozenset(re.findall(r"`(\w+)`", imports)) for room, imports in rows} == {
        **ROOMS,
        "metrics": frozenset(),
    }
