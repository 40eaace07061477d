"""The execution of docs/tutorial.md: write its files, run its commands, insert their output.

A file's block has the file's name after its language. It is the whole file or, with a +, an addition at its end.
"""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner

from cli import main
from runtime.shipped import get_shipped_folder
from tests.support.docs.blocks import FENCE
from tests.support.paths import DOCS

PAGE = DOCS / "tutorial.md"
DURATION = re.compile(r"\(\d+ ms\)")
SETTINGS = ("DATABASE_URL", "WAREHOUSE_URL", "METRICS_DIR", "JWT_SECRET", "REPORTING_TIMEZONE")


def execute_page(page: str, folder: Path) -> str:
    """Follow the page in an empty folder, and return it with the output of every command."""
    shutil.copytree(get_shipped_folder().resolve(), folder / "metrics")
    follower = PageFollower(folder)
    with chdir(folder):
        return FENCE.sub(follower.follow_block, page)


class PageFollower:
    """A reader who follows the page's instructions in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Unset, so that the settings of the user who runs this have no effect.
        self.environment: dict[str, str | None] = dict.fromkeys(SETTINGS)

    def follow_block(self, block: re.Match[str]) -> str:
        language, name, text = block.groups()
        if language == "console":
            return (
                f"```console\n{''.join(self.run_line(line) for line in text.splitlines() if line.startswith('$ '))}```"
            )
        if name is not None:
            file = self.folder / name.removeprefix("+")
            before = f"{file.read_text(encoding='utf-8')}\n" if name.startswith("+") else ""
            file.write_text(before + text, encoding="utf-8")
        return block[0]

    def run_line(self, line: str) -> str:
        """Run a command line, and return it with its output."""
        program, *arguments = shlex.split(line.removeprefix("$ "))
        if program == "export":
            name, _, value = arguments[0].partition("=")
            self.environment[name] = value
            return f"{line}\n"
        assert program == "metric-engine", line
        output = CliRunner().invoke(main, arguments, env=self.environment, catch_exceptions=False).output
        # Durations differ from run to run.
        lines = [each.rstrip() for each in DURATION.sub("(5 ms)", output).splitlines()]
        return "".join(f"{each}\n" for each in (line, *lines))
