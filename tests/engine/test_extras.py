"""What a message tells to install is what the extras of pyproject.toml install."""

from __future__ import annotations

import re
import tomllib

from engine.extras import PACKAGES, install_command
from tests.support.paths import ROOT


def test_the_packages_are_those_of_the_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    # Only an exact version is part of the advice.
    assert {extra: tuple(re.sub(">=.*", "", each) for each in needed) for extra, needed in extras.items()} == PACKAGES


def test_the_command_can_be_pasted_into_a_shell() -> None:
    assert install_command("postgres") == "pip install 'psycopg[binary]' (the extra 'postgres')"
    assert install_command("duckdb") == "pip install duckdb duckdb-sqlalchemy (the extra 'duckdb')"
