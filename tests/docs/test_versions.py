"""The version that the docs tell to install is this one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from tests.support.paths import DOCS, ROOT

INSTALLED = re.compile(r"metric_engine-([\d.]+)-py3|(?:@|rev: )v([\d.]+\d)")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", DOCS / "configuration.md", DOCS / "ci.md"], ids=lambda page: page.name
)
def test_the_version_is_this_one(page: Path) -> None:
    versions = map("".join, INSTALLED.findall(page.read_text(encoding="utf-8")))
    assert set(versions) == {engine.__version__}
