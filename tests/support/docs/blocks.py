"""The fenced blocks of a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.support.paths import DOCS

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class FencedBlock(NamedTuple):
    """A fenced block: its language, its text, and the line where it begins."""

    language: str
    text: str
    line: int


def find_blocks(page: str, *languages: str) -> Sequence[FencedBlock]:
    """Find the blocks of a page of docs/ that are in one of these languages."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = (FencedBlock(match[1], match[3], text.count("\n", 0, match.start()) + 2) for match in FENCE.finditer(text))
    return [block for block in blocks if block.language in languages]
