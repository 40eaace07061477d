"""Every command of the tutorial prints what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.docs.blocks import find_blocks
from tests.support.docs.tutorial import PAGE, execute_page


@pytest.mark.slow
def test_the_tutorial_can_be_followed_to_the_letter(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert execute_page(page, tmp_path) == page


def test_it_makes_five_mistakes_on_the_way_and_ends_well() -> None:
    outputs = "".join(block.text for block in find_blocks("tutorial.md", "console"))
    assert re.findall(r"error\[(.+?)\] ?(?:ga4.engagement_rate|a second)", outputs) == [
        "yaml-syntax",
        "unknown-key",
        "unknown-column",
        "not-aggregated",
        "unknown-format",
    ]
    assert "all passed" in outputs.splitlines()[-1]
