"""The pictures of the docs are as they would be taken now, small, and fetch nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.docs.pictures import PICTURE, terminal
from tests.support.paths import DOCS

IMAGES = sorted((DOCS / "images").iterdir())
MAX_BYTES = 250_000


def test_the_terminal_shows_what_the_command_prints(tmp_path: Path) -> None:
    assert PICTURE.read_text(encoding="utf-8") == terminal(tmp_path), "it is out of step; run `make golden`"


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.name)
def test_a_picture_is_small_and_fetches_nothing(image: Path) -> None:
    content = image.read_bytes()
    assert len(content) <= MAX_BYTES
    if image.suffix == ".svg":
        # The name of SVG itself is an address that nobody asks.
        assert set(re.findall(rb"https?://[^\"'\s<]+|url\((?!#)", content)) == {b"http://www.w3.org/2000/svg"}
