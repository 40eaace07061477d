"""The provider that docs/sync.md shows is the one that the tests run."""

from __future__ import annotations

from pathlib import Path

from tests.docs.blocks import blocks


def test_the_example_is_the_one_that_is_tested() -> None:
    [example] = blocks("sync.md", "python")
    assert example.text == (Path(__file__).parents[1] / "sync" / "own_service.py").read_text(encoding="utf-8")
