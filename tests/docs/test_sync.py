"""The provider that docs/sync.md shows is the one that the tests run."""

from __future__ import annotations

from tests.support.docs.blocks import find_blocks
from tests.support.paths import ROOT


def test_the_example_is_the_one_that_is_tested() -> None:
    [example] = find_blocks("sync.md", "python")
    assert example.text == (ROOT / "tests" / "support" / "sync" / "own_service.py").read_text(encoding="utf-8")
